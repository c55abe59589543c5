"""The names that the settings here have, for a shell to complete."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tidemill.facts.settings import FILE, ONLY_SET
from tidemill.words.names import is_name

# By what a value is called, the tables that have its names.
_TABLES = {
    "WAVE": ("waves",),
    "OTHER": ("waves",),
    "SET": ("sets",),
    "TARGET": ("targets",),
    "SERVICE": ("services",),
    "WHAT": ("services", "targets", "waves"),
}


def names_here(called: str) -> list[str]:
    """The names that a value may be, by how it is called; none where that is not about names.

    Whoever completes a line is told of no mistake: where the settings can't be read, there are
    none.
    """
    tables = _TABLES.get(called, ())
    settings = _settings() if tables else {}
    found = [name for one in tables for name in _names(settings, one)]
    if called == "SET" and "waves" in settings and "sets" not in settings:
        found = [ONLY_SET]
    return [name for name in dict.fromkeys(found) if isinstance(name, str) and is_name(name)]


def _settings() -> Mapping[str, Any]:
    here = Path.cwd()
    file = next((one / FILE for one in (here, *here.parents) if (one / FILE).is_file()), None)
    try:
        return tomllib.loads(file.read_text(encoding="utf-8")) if file else {}
    except (OSError, ValueError, RecursionError):
        return {}


def _names(settings: Mapping[str, Any], table: str) -> Iterator[Any]:
    if table == "targets":
        for wave in _rows(settings, "waves"):
            targets = wave.get("targets")
            yield from targets if isinstance(targets, list) else ()
    else:
        yield from (row.get("name") for row in _rows(settings, table))


def _rows(settings: Mapping[str, Any], table: str) -> list[Mapping[str, Any]]:
    rows = settings.get(table)
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
