"""Decode what a ref holds: the one way in which a record becomes a value.

Whoever may write refs may have written it, so it is as untrusted as an event. What can't be used
is a value, too: it stops what needs that ref, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain
from operator import attrgetter
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
    return _are_bounded([value])


def _are_bounded(values: Sequence[object]) -> bool:
    """The same of many at once, kind by kind: a ledger has thousands of a few kinds."""
    kinds = {*map(type, values)}
    if len(kinds) == 1:
        return _are_of_kind_bounded(kinds.pop(), values)
    return all(
        _are_of_kind_bounded(kind, [one for one in values if type(one) is kind]) for kind in kinds
    )


def _are_of_kind_bounded(kind: type, values: Sequence[Any]) -> bool:
    if kind is datetime:
        return all(one.tzinfo for one in values) and _lie_between(values, _FIRST, _LAST)
    if kind is timedelta:
        return _lie_between(values, -_LONGEST, _LONGEST)
    if kind is int:
        return _lie_between(values, -MAX_POSITION, MAX_POSITION)
    if issubclass(kind, msgspec.Struct):
        fields = _to_look_at(kind)
        return all(_are_bounded([*map(attrgetter(name), values)]) for name in fields)
    if issubclass(kind, dict):
        return _are_bounded([*chain.from_iterable(map(dict.values, values))])
    if issubclass(kind, list | tuple | frozenset):
        return _are_bounded([*chain.from_iterable(values)])
    return True


def _lie_between(values: Sequence[Any], least: object, most: object) -> bool:
    return bool(min(values) >= least and max(values) <= most)


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
