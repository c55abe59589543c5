"""Where in a TOML text a value stands, so that an error can name the line."""

from __future__ import annotations

import re

_TABLE = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_.-]+)\s*\]")
_KEY = re.compile(r"\s*[\"']?([A-Za-z0-9_.-]+)[\"']?\s*=")
_PATH = re.compile(r"\.([A-Za-z0-9_-]+)|\[(\d+|\.\.\.)\]")
_FIELD = re.compile(r"field `([^`]+)`")


def line_of(text: str, path: str, message: str) -> int | None:
    """The line (from 1) of what `path` names, like `$.waves[1].soak`.

    A field that `message` names and `path` does not (an unknown or missing one) is looked for
    too; where it is missing, the line of its table is returned.
    """
    steps = [key or index for key, index in _PATH.findall(path)]
    table, inside = _table_in(text, steps)
    number = int(inside[0]) if inside and inside[0].isdigit() else 0
    keys = [step for step in inside if not step.isdigit() and step != "..."][:1] or (
        [table] if table else []
    )
    if named := _FIELD.search(message):
        keys = [named[1], *keys]
    fallback: int | None = None
    current, counts = "", dict[str, int]()
    for at, line in enumerate(text.splitlines(), start=1):
        if header := _TABLE.match(line):
            current = header[1]
            counts[current] = counts.get(current, -1) + 1
            if current == table and counts[current] == number:
                fallback = at
            if current in keys and not table:
                return at
        elif found := _KEY.match(line):
            name, _, rest = found[1].partition(".")
            is_inside = not rest or rest in keys or keys == [table]
            if not current and name == table and is_inside:
                return at
            if found[1] in keys and current == table and counts.get(current, 0) == number:
                return at
    return fallback


def _table_in(text: str, steps: list[str]) -> tuple[str, list[str]]:
    """The table that the steps of a path lead to, as its header names it, and the steps in it."""
    count = next((at for at, step in enumerate(steps) if step.isdigit()), 1)
    headers = {header[1] for line in text.splitlines() if (header := _TABLE.match(line))}
    dotted = ".".join(steps[:count])
    return (dotted, steps[count:]) if dotted in headers else ("".join(steps[:1]), steps[1:])
