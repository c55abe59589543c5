"""Holds: nothing goes into a wave until a person releases it, or it ends by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec
from msgspec.structs import replace

from tidemill.words.lists import listed
from tidemill.words.moments import Moment


class HoldCause(msgspec.Struct, frozen=True, kw_only=True):
    """The failure that a hold answers: the content of the set, the targets that failed, and the
    verifications that were red."""

    content: str
    targets: tuple[str, ...]
    verifications: tuple[str, ...] = ()

    @property
    def ending(self) -> str:
        """What has happened when it is over."""
        targets = f"healthy again on {listed(self.targets)}" if self.targets else ""
        green = f"green again in {listed(self.verifications)}" if self.verifications else ""
        return f"{' and '.join(filter(None, (targets, green)))}, with the set that failed"


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A hold that is in force; `set` is `_` where it is for all sets of the wave.

    `instead_of` is for a wave that may be another under a new name: that one's wave and set.
    `failure` is what it was placed for by itself; then it ends with that. `until` is when it ends
    by itself, None where a person has to release it. `everywhere`: a person held all waves at once.
    `beneath` is what else holds the place: it is in force once this one has ended.
    """

    version: Literal[1] = 1
    id: str
    wave: str
    set: str
    reason: str
    by: str
    since: Moment
    instead_of: tuple[str, str] | None = None
    failure: HoldCause | None = None
    until: Moment | None = None
    everywhere: bool = False
    beneath: Hold | None = None


def each_hold(holds: Iterable[Hold]) -> Iterator[Hold]:
    """The holds, and those that are beneath them."""
    for hold in holds:
        yield hold
        if hold.beneath:
            yield from each_hold([hold.beneath])


def lasts(hold: Hold) -> tuple[bool, bool, float]:
    """What grows with how long a hold lasts: until a time, until its cause has passed, or until a
    person releases it."""
    ends = hold.until.timestamp() if hold.until else 0
    return (hold.until is None, hold.failure is None, ends)


def stacked(holds: Iterable[Hold]) -> Hold | None:
    """Of the holds of one place the one that lasts longest, with the others beneath it.

    There is one of each kind, the longest: what holds all waves, what holds one, and what answers a
    failure end by different things.
    """
    by_kind: dict[tuple[bool, bool], Hold] = {}
    for one in sorted(holds, key=lasts):
        by_kind.pop(kind := (one.everywhere, one.failure is None), None)
        by_kind[kind] = one
    found: Hold | None = None
    for one in by_kind.values():
        found = replace(one, beneath=found)
    return found
