"""Freezes (`[[freezes]]`): for a time nothing goes into some waves, or into any."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

import msgspec

from tidemill.facts.windows import zone_named
from tidemill.words.moments import Moment


class LocalTime:
    """A day and a time as the clocks of some place show them.

    Not a dataclass: the settings decode those by their fields, and this one by its text.
    """

    def __init__(self, shown: datetime) -> None:
        self.shown = shown

    def __repr__(self) -> str:
        return f"{self.shown:%Y-%m-%dT%H:%M}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LocalTime) and self.shown == other.shown

    def __hash__(self) -> int:
        return hash(self.shown)


class Zone(ZoneInfo):
    """A time zone by its IANA name, such as `Europe/Berlin`."""

    def moment(self, time: LocalTime) -> datetime:
        """When the clocks there show a time, in UTC."""
        return time.shown.replace(tzinfo=self).astimezone(UTC)

    def why_no_moment(self, time: LocalTime) -> str | None:
        """Why a time is not one moment there, in words: where the clocks are put forward it is left
        out, and where they are put back it comes twice. None if it is one."""
        offsets = {time.shown.replace(tzinfo=self, fold=fold).utcoffset() for fold in (0, 1)}
        if len(offsets) == 1:
            return None
        there = self.moment(time).astimezone(self).replace(tzinfo=None, fold=0)
        how = "comes twice" if there == time.shown else "is left out"
        return (
            f"{time} {how} in {self}, where the clocks change then: write an earlier or later one"
        )


class Freeze(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """One freeze.

    Attributes:
        start: when it begins, as the clocks in its zone show it: `2026-12-18T18:00`.
        end: when it ends, likewise; the end is not part of it.
        zone: the time zone, by its IANA name.
        reason: why, for whoever reads the status.
        waves: the waves that it is for (default: all).
    """

    start: LocalTime = msgspec.field(name="from")
    end: LocalTime = msgspec.field(name="until")
    zone: Zone
    reason: str
    waves: tuple[str, ...] = ()

    @cached_property
    def begins(self) -> datetime:
        """The first moment of it, in UTC."""
        return self.zone.moment(self.start)

    @cached_property
    def ends(self) -> datetime:
        """The first moment after it, in UTC."""
        return self.zone.moment(self.end)


class KnownFreeze(msgspec.Struct, frozen=True, kw_only=True):
    """A freeze of a wave that a turn has seen in force."""

    begins: Moment
    ends: Moment
    reason: str


def parse_local(given: str | datetime) -> LocalTime:
    """Parse `2026-12-18T18:00`, as text or as TOML's own kind of a time.

    Raises:
        ValueError: with the reason; the settings add where it stands.
    """
    try:
        time = datetime.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        raise ValueError(f"{given!r} is not a time: write one like 2026-12-18T18:00") from None
    if isinstance(given, str) and "T" not in given.upper() and " " not in given:
        raise ValueError(f"{given!r} has no time of day: write one like 2026-12-18T18:00")
    if time.tzinfo is not None:
        raise ValueError(f"{str(given)!r} has an offset: leave it out, the freeze's zone says it")
    if not 2000 <= time.year < 2100:
        raise ValueError(f"{str(given)!r} is not in this century")
    return LocalTime(time)


def parse_zone(text: str) -> Zone:
    """Parse the name of a time zone; raise `ValueError` with the reason."""
    return Zone(zone_named(text).key)
