"""What the generators of an ApplicationSet list, and how its template names that."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from itertools import product
from pathlib import PurePosixPath
from typing import Any

from tidemill.words.documents import inside, is_plain, items, table, text

_PLACE = re.compile(
    r"\{\{-?\s*(?:index\s+\.(?P<list>[\w.]+)\s+(?P<at>\d+)|\.?(?P<name>[\w.\[\]-]+))\s*-?\}\}"
)
_ITEM = re.compile(r"(?P<list>[\w.]+)\[(?P<at>\d+)\]")


def listed(
    generators: Iterable[object], folders: Collection[str], *, is_go: bool
) -> list[Mapping[str, Any]]:
    """The parameters of each Application that they make; none where they ask elsewhere.

    They are read of lists, of the directories of Git, taken for those of this repository, and of
    matrices of these.

    Args:
        folders: all that the repository has.
        is_go: whether the set has `goTemplate`, in which parameters have other names.
    """
    return [each for one in generators for each in _of_one(one, folders, is_go=is_go)]


def placeholder(name: str, *, is_go: bool) -> str:
    """What stands for a parameter in a template."""
    if is_go and (item := _ITEM.fullmatch(name)):
        return f"{{{{index .{item['list']} {item['at']}}}}}"
    return f"{{{{{'.' if is_go else ''}{name}}}}}"


def filled(value: Any, parameters: Mapping[str, Any]) -> Any:
    """A template with the values of parameters, in either notation; what it lacks stays."""
    match value:
        case str():
            return _PLACE.sub(lambda found: _value(parameters, found) or found[0], value)
        case Mapping():
            return {key: filled(inner, parameters) for key, inner in value.items()}
        case list():
            return [filled(inner, parameters) for inner in value]
        case _:
            return value


def _of_one(generator: object, folders: Collection[str], *, is_go: bool) -> list[Mapping[str, Any]]:
    if inner := items(generator, "matrix", "generators"):
        rows = product(*(_of_one(one, folders, is_go=is_go) for one in inner))
        return [{key: value for one in row for key, value in one.items()} for row in rows]
    directories = items(generator, "git", "directories")
    wanted, unwanted = (
        [text(one, "path") for one in directories if bool(inside(one, "exclude")) is excluded]
        for excluded in (False, True)
    )
    found = [one for one in sorted(folders) if _is_any(one, wanted) and not _is_any(one, unwanted)]
    of_git = [_of_directory(PurePosixPath(one), is_go=is_go) for one in found]
    return [*map(table, items(generator, "list", "elements")), *of_git]


def _is_any(folder: str, patterns: Iterable[str]) -> bool:
    return any(PurePosixPath(f"/{folder}").match(f"/{one.strip('/')}") for one in patterns)


def _of_directory(path: PurePosixPath, *, is_go: bool) -> dict[str, str]:
    whole, parts = ("path.path", "path.segments") if is_go else ("path", "path")
    numbered = {f"{parts}[{at}]": part for at, part in enumerate(path.parts)}
    return {whole: str(path), **numbered, "path.basename": path.name}


def _value(parameters: Mapping[str, Any], found: re.Match[str]) -> str:
    name = found["name"] or f"{found['list']}[{found['at']}]"
    value = parameters.get(name) or inside(parameters, *name.split("."))
    return str(value) if value and is_plain(value) else ""
