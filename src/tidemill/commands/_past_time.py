"""Times of the past as people say them: exact, or `2 h ago`, `yesterday 14:00`, `tuesday 14:00`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from tidemill.errors import Refused
from tidemill.facts.windows import zone_named
from tidemill.words.moments import is_storable
from tidemill.words.names import shown

_AGO = re.compile(r"([0-9]{1,6}) ?(m(?:in(?:ute)?s?)?|h(?:ours?)?|d(?:ays?)?|w(?:eeks?)?) ago")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?"
_CLOCK = re.compile(rf"(today|yesterday|{_DAY})(?: at)? ([0-9]{{1,2}}):([0-9]{{2}})", re.IGNORECASE)
_ZONED = re.compile(r"(.*\d) ([A-Z][A-Za-z0-9_+/-]*)")
EXAMPLES = "2026-01-31T13:00:00Z, '2026-01-31 14:00 Europe/Berlin', '2 h ago' or 'tuesday 14:00'"


def parse_past(text: str, what: str, now: datetime, here: tzinfo | None = None) -> datetime:
    """A time that is not in the future, in UTC.

    Args:
        what: whose time it is, in an error.
        here: the zone of the clock on the wall; None is the machine's.

    Raises:
        Refused: it is no time, or could be several.
    """
    words = " ".join(text.split())
    zoned = _ZONED.fullmatch(words)
    if zoned:
        words, here = zoned[1], _zone(zoned[2], f"{what} {shown(text)}")
    if found := _AGO.fullmatch(words.lower()):
        when = _before(now, timedelta(**{_UNITS[found[2][0]]: int(found[1])}))
    elif found := _CLOCK.fullmatch(words):
        when = _on_the_wall(found, text, what, now, here)
    else:
        when = _exact(words, text, what, here if zoned else None)
    if when > now:
        raise _refused(f"{what} {shown(text)} is in the future")
    if not is_storable(when):
        raise _refused(f"{what} {shown(text)} is not a time that anybody means")
    return when.astimezone(UTC)


def _before(now: datetime, long: timedelta) -> datetime:
    """The time so long ago; the first of all, where it would be before that."""
    first = datetime.min.replace(tzinfo=UTC)
    return now - long if long < now - first else first


def _zone(name: str, said: str) -> tzinfo:
    try:
        return zone_named(name)
    except ValueError as error:
        raise _refused(f"{said} is not a time: {error}") from None


def _exact(words: str, text: str, what: str, zone: tzinfo | None) -> datetime:
    try:
        when = datetime.fromisoformat(words)
    except ValueError:
        raise _refused(f"{what} {shown(text)} is not a time") from None
    if (when.tzinfo is None) == (zone is None):
        wrong = "says two time zones" if zone else "does not say in which time zone it is"
        raise _refused(f"{what} {shown(text)} {wrong}")
    return _once(when, text, what, zone) if zone else when


def _on_the_wall(
    found: re.Match[str], text: str, what: str, now: datetime, zone: tzinfo | None
) -> datetime:
    """A day and a time of the local clock: the latest one that is not in the future."""
    try:
        naive = now.astimezone(zone).replace(
            hour=int(found[2]), minute=int(found[3]), second=0, microsecond=0, tzinfo=None, fold=0
        )
    except ValueError:
        raise _refused(f"{what} {shown(text)} is not a time") from None
    day = found[1].lower()
    if day == "yesterday":
        naive -= timedelta(days=1)
    elif day != "today":
        naive -= timedelta(days=(naive.weekday() - _DAYS.index(day[:3])) % 7)
        if _in(zone, naive) > now:
            naive -= timedelta(days=7)
    return _once(naive, text, what, zone)


def _in(zone: tzinfo | None, naive: datetime) -> datetime:
    """A time of the clock on the wall, with the offset that it has in a zone."""
    return naive.replace(tzinfo=zone) if zone else naive.astimezone()


def _once(naive: datetime, text: str, what: str, zone: tzinfo | None) -> datetime:
    """The moment at which a clock showed a time; raise `Refused` where that came twice or never."""
    first, second = _in(zone, naive), _in(zone, naive.replace(fold=1))
    if first.utcoffset() != second.utcoffset():
        raise _refused(f"{what} {shown(text)} came twice, or not at all: the clocks were changed")
    return first


def _refused(why: str) -> Refused:
    return Refused(why, remedy=f"write it like {EXAMPLES}")
