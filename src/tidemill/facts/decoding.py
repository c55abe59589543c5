"""Decode what a ref holds: the one way in which a record becomes a value.

Whoever may write refs may have written it, so it is as untrusted as an event. What can't be used
is a value, too: it stops what needs that ref, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from functools import cache
from types import NoneType
from typing import Any, TypeVar, get_args

import msgspec
from msgspec import Struct

from tidemill.errors import Refused
from tidemill.words.names import MAX_POSITION, shown
from tidemill.words.unreadable import UNREADABLE

_T = TypeVar("_T")
# A commit of a person's may have any date that Git takes; with these one can reckon.
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_LONGEST = _LAST - _FIRST
# A field's type says what it may hold, and msgspec quotes that to whoever reads the message.
_PATTERN = re.compile(r"Expected `str` matching regex '.*' - at (`[^`]*`)", re.DOTALL)


class IllegibleRecord(Struct, frozen=True):
    """Bytes that are no record of this release: why; `is_newer` if a newer one wrote them."""

    reason: str
    is_newer: bool = False


class _Header(msgspec.Struct):
    version: int


def legible(data: bytes, parse: Callable[[bytes], _T], *, newest: int = 1) -> _T | IllegibleRecord:
    """What `parse` makes of a record.

    Args:
        parse: may raise what msgspec does, and `Refused` for a value that is not what it may be.
        newest: the newest version of it that this release knows.
    """
    if not data:
        return IllegibleRecord("it holds no record.json")
    try:
        found = parse(data)
    except UNREADABLE as error:
        if (version := _version(data)) > newest:
            return IllegibleRecord(f"a newer release wrote it (version {version})", is_newer=True)
        said = _PATTERN.sub(r"\1 is not what it may be", str(error))
        return IllegibleRecord(f"it holds no record of this release: {shown(said)}")
    except Refused as error:
        return IllegibleRecord(error.what)
    if not is_bounded(found):
        return IllegibleRecord("it holds a time or a number that nobody means")
    return found


def is_bounded(value: object) -> bool:
    """Whether one can reckon with every time and number in a value, however deep it is."""
    match value:
        case str():
            return True
        case datetime():
            return value.tzinfo is not None and _FIRST <= value <= _LAST
        case timedelta():
            return abs(value) <= _LONGEST
        case int():
            return abs(value) <= MAX_POSITION
        case msgspec.Struct():
            return _are_bounded([getattr(value, name) for name in _to_look_at(type(value))])
        case dict():
            return _are_bounded(value.values())
        case list() | tuple() | frozenset():
            return _are_bounded(value)
        case _:
            return True


def _are_bounded(values: Collection[object]) -> bool:
    return all(map(_is_of_texts, set(map(type, values)))) or all(map(is_bounded, values))


def _is_of_texts(kind: type) -> bool:
    """Whether values of a kind hold nothing but texts, as those of an image, of which there are
    many."""
    return kind is str or (issubclass(kind, msgspec.Struct) and not _to_look_at(kind))


@cache
def _to_look_at(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """The fields that may hold anything but texts, by what they are declared as."""
    return tuple(one.name for one in msgspec.structs.fields(kind) if not _has_texts(one.type))


def _has_texts(declared: Any) -> bool:
    """Whether what is declared like this holds nothing but texts; not, where it is hard to say."""
    if declared in (str, bool, NoneType, ...) or isinstance(declared, str):
        return True
    inner = get_args(declared)
    return bool(inner) and all(map(_has_texts, inner))


def _version(data: bytes) -> int:
    """The version that a record says it is of; 0 where it says none."""
    try:
        version = msgspec.json.decode(data, type=_Header).version
    except UNREADABLE:
        return 0
    return version if version <= MAX_POSITION else 0
