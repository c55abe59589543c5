"""Writes the last part of the pages of settings in docs/reference/ from the types of the settings.

    python -m tools.reference       what `make docs` runs; a test fails while a file is stale

A type says which keys there are, their values and defaults. What a key means, its class says below
`Attributes:`; there, `(default: …)` is what it is to leave out a key whose default says nothing.
"""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import inspect as types

from tidemill.building import settings as app
from tidemill.facts.freezes import LocalTime, Zone
from tidemill.facts.need import Need, Until
from tidemill.facts.settings import Settings
from tidemill.facts.windows import Window
from tidemill.words.durations import Duration, show_duration

ROOT = Path(__file__).resolve().parents[1]
PAGES: dict[Path, type] = {
    ROOT / "docs" / "reference" / "settings.md": Settings,
    ROOT / "docs" / "reference" / "app-settings.md": app.Settings,
}
MARK = "<!-- From here on made by `make docs`, from the types of the settings. -->"
_ENTRY = re.compile(r"(?m)^ {4}(\w+): (.+(?:\n {8}.+)*)")
_INSTEAD = re.compile(r" \(default: ([^()]+)\)")
_PAGE = re.compile(r"\b(docs/[\w/-]+\.md)(?:#([\w-]+))?")
_NOUNS: dict[type, str] = {
    Duration: "duration",
    LocalTime: "time",
    Need: "text",
    Until: "time",
    Window: "window",
    Zone: "time zone",
    types.DateTimeType: "time",
    types.FloatType: "number",
    types.IntType: "whole number",
    types.StrType: "text",
    types.StructType: "table",
}


def render(page: Path, text: str) -> str:
    """The whole page: `text` as far as people write it, then every key."""
    by_hand, mark, _ = text.partition(MARK)
    if not mark:
        raise SystemExit(f"{page} has lost the line {MARK}")
    lines = [f"{by_hand}{MARK}", "", "## Every key", ""]
    lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
    for key, values, default, meaning in rows(PAGES[page], ""):
        linked = _PAGE.sub(lambda found: _link(found, page), meaning)
        lines.append(f"| `{key}` | {values} | {default} | {linked} |")
    return "\n".join([*lines, ""])


def rows(shape: type, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    """Each key of a table and of those in it: its name, values, default and meaning."""
    meanings = _meanings(shape)
    for field in types.type_info(shape).fields:  # type: ignore[attr-defined]
        inner = _table_in(field.type)
        if field.type is not inner:
            if field.name not in meanings:
                raise SystemExit(f"{shape.__name__} does not say what {field.name} means")
            meaning = meanings.pop(field.name)
            instead = _INSTEAD.search(meaning)
            default = _default(field, instead[1] if instead else "")
            key = f"{prefix}{field.encode_name}"
            yield key, _values(field.type), default, _INSTEAD.sub("", meaning)
        if inner is not None:
            yield from rows(inner.cls, f"{field.encode_name}.")
    if meanings:
        raise SystemExit(f"{shape.__name__} has no {' and no '.join(meanings)}")


def _meanings(shape: type) -> dict[str, str]:
    """What a class and those that it is derived from say of their attributes."""
    said = (inspect.cleandoc(one.__doc__ or "") for one in reversed(shape.__mro__))
    return {
        name: " ".join(text.split()).removesuffix(".")
        for doc in said
        for name, text in _ENTRY.findall(doc.partition("Attributes:")[2])
    }


def _table_in(kind: types.Type) -> types.StructType | None:
    """The table that a value is, or that stands in it."""
    if isinstance(kind, types.StructType):
        return kind
    return next(filter(None, map(_table_in, _parts(kind))), None)


def _parts(kind: types.Type) -> tuple[types.Type, ...]:
    """What may stand in a list or a table, or in place of a union."""
    match kind:
        case types.VarTupleType(item_type=one) | types.DictType(value_type=one):
            return (one,)
        case types.UnionType(types=several):
            return tuple(one for one in several if not isinstance(one, types.NoneType))
        case _:
            return ()


def _values(kind: types.Type, plural: str = "") -> str:
    """What may be written for a key, in words."""
    match kind:
        case types.UnionType():
            return " or ".join(_values(one, plural) for one in _parts(kind))
        case types.LiteralType(values=values):
            *first, last = (f'`"{value}"`' for value in values)
            return f"{', '.join(first)} or {last}"
        case types.VarTupleType(item_type=types.StructType()):
            return "tables"
        case types.VarTupleType(item_type=one):
            return f"list of {_values(one, 's')}"
        case types.DictType(value_type=one):
            return f"table of {_values(one, 's')}"
        case types.BoolType():
            return "`true` or `false`"
        case types.CustomType(cls=of):
            return _NOUNS[of] + plural
        case _:
            return _NOUNS[type(kind)] + plural


def _default(field: types.Field, instead: str) -> str:
    """What a key is where it is left out."""
    if field.required:
        return "required"
    default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    if default in (None, "", (), {}):
        return instead or "none"
    if _table_in(field.type):
        return instead
    if instead:
        raise SystemExit(f"{field.name} has a default of its own, and not '{instead}'")
    plain = show_duration(default) if isinstance(default, Duration) else default
    return f"`{json.dumps(plain, ensure_ascii=False)}`"


def _link(found: re.Match[str], page: Path) -> str:
    """A link to a page that a docstring names, under the title of what it leads to."""
    target = ROOT / found[1]
    titles = re.findall(r"(?m)^#+ (.+)$", target.read_text(encoding="utf-8"))
    title = next((one for one in titles if found[2] in (None, anchor(one))), "")
    where = "" if target == page else os.path.relpath(target, page.parent)
    return f"[{title}]({where}{f'#{found[2]}' if found[2] else ''})"


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
