"""What differs between two JSON documents of an image, each value named by its key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from tidemill.images.causes import rules
from tidemill.images.comparison.difference import Difference, Where

_LONGEST = 400
_DEEPEST = 50
_MOST = 1000
# Where keys are names that people choose, so that a dot in them is no step.
_MAPS = ("Labels", "annotations", "ExposedPorts", "Volumes")
_DIFF_IDS = "rootfs.diff_ids"


class Change(Struct, frozen=True):
    """One value that differs; a side that does not have it is `UNSET`, for null is a value."""

    key: str
    left: object
    right: object


def differences(
    where: Where,
    left: Mapping[str, Any],
    right: Mapping[str, Any],
    hosts: Sequence[str] = (),
) -> Iterator[Difference]:
    """Each value that differs between two objects, with its cause."""
    for change in _objects("", left, right, 0):
        yield Difference(
            where,
            shown_value(change.key) or "",
            shown_value(change.left),
            shown_value(change.right),
            cause=rules.of_value(change.key, change.left, change.right, hosts),
        )


def form(where: Where, left: bytes, right: bytes) -> Difference:
    """Two documents that say the same in other bytes: order of keys, white space."""
    return Difference(where, "form of the JSON", f"{len(left)} bytes", f"{len(right)} bytes")


def shown_value(value: object) -> str | None:
    """A value as text: printable, at most 400 characters; None if it is not there."""
    if isinstance(value, UnsetType):
        return None
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _values(key: str, left: object, right: object, depth: int) -> Iterator[Change]:
    if left == right and type(left) is type(right):
        return
    if key == _DIFF_IDS:  # the layers are compared themselves
        return
    if depth < _DEEPEST and isinstance(left, dict) and isinstance(right, dict):
        yield from _objects(key, left, right, depth + 1)
    elif depth < _DEEPEST and isinstance(left, list) and isinstance(right, list):
        yield from _lists(key, left, right, depth + 1)
    else:
        yield Change(key, left, right)


def _objects(
    key: str, left: Mapping[str, Any], right: Mapping[str, Any], depth: int
) -> Iterator[Change]:
    named = key.rpartition(".")[2] in _MAPS
    for name in sorted(left.keys() | right.keys()):
        below = f"{key}[{name}]" if named else f"{key}.{name}".removeprefix(".")
        one, other = left.get(name, UNSET), right.get(name, UNSET)
        # A map of names is taken apart even where only one side has it.
        if name in _MAPS and (isinstance(one, dict) or isinstance(other, dict)):
            one = {} if one is None or isinstance(one, UnsetType) else one
            other = {} if other is None or isinstance(other, UnsetType) else other
        yield from _values(below, one, other, depth)


def _lists(key: str, left: list[Any], right: list[Any], depth: int) -> Iterator[Change]:
    if key.rpartition(".")[2] == "Env":
        yield from _environment(key, left, right)
    elif max(len(left), len(right)) > _MOST:
        yield Change(key, left, right)
    elif len(left) == len(right):
        if sorted(map(_form, left)) == sorted(map(_form, right)) and left != right:
            yield Change(f"{key}: order", left, right)
            return
        for place, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from _values(f"{key}[{place}]", one, other, depth)
    else:
        yield from _aligned(key, left, right, depth)


def _aligned(key: str, left: list[Any], right: list[Any], depth: int) -> Iterator[Change]:
    """Lists of different lengths: what came in between is one change."""
    matcher = SequenceMatcher(None, [*map(_form, left)], [*map(_form, right)], autojunk=False)
    for what, i, until, j, end in matcher.get_opcodes():
        if what == "equal":
            continue
        ours, theirs = left[i:until], right[j:end]
        for step in range(max(len(ours), len(theirs))):
            one = ours[step] if step < len(ours) else UNSET
            other = theirs[step] if step < len(theirs) else UNSET
            place = i + step if step < len(ours) else j + step
            yield from _values(f"{key}[{place}]", one, other, depth)


def _environment(key: str, left: list[Any], right: list[Any]) -> Iterator[Change]:
    """Variables by their names; their order, where nothing else differs."""
    ours, theirs = (
        dict(str(variable).partition("=")[::2] for variable in variables)
        for variables in (left, right)
    )
    found = [
        Change(f"{key}[{name}]", ours.get(name, UNSET), theirs.get(name, UNSET))
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    ]
    yield from found or [Change(f"{key}: order", left, right)]


def _form(value: object) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()
