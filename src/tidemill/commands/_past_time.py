"""Times of the past as people say them: exact, or `2 h ago`, `yesterday 14:00`, `tuesday 14:00`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

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


def _local(naive: datetime) -> datetime:
    return naive.astimezone()


def parse_past(
    text: str, what: str, now: datetime, local: Callable[[datetime], datetime] = _local
) -> datetime:
    """A time that is not in the future, in UTC.

    Args:
        what: whose time it is, in an error.
        local: gives a time of the clock on the wall its offset.

    Raises:
        Refused: it is no time, or could be several.
    """
    words = " ".join(text.split())
    zoned = _ZONED.fullmatch(words)
    if zoned:
        words, local = zoned[1], _in(zoned[2], f"{what} {shown(text)}")
    if found := _AGO.fullmatch(words.lower()):
        when = _before(now, timedelta(**{_UNITS[found[2][0]]: int(found[1])}))
    elif found := _CLOCK.fullmatch(words):
        when = _on_the_wall(found, text, what, now, local)
    else:
        when = _exact(words, text, what, local if zoned else None)
    if when > now:
        raise _refused(f"{what} {shown(text)} is in the future")
    if not is_storable(when):
        raise _refused(f"{what} {shown(text)} is not a time that anybody means")
    return when.astimezone(UTC)


def _before(now: datetime, long: timedelta) -> datetime:
    """The time so long ago; the first of all, where it would be before that."""
    first = datetime.min.replace(tzinfo=UTC)
    return now - long if long < now - first else first


def _in(name: str, said: str) -> Callable[[datetime], datetime]:
    """What gives a time the offset that it has in a zone."""
    try:
        zone = zone_named(name)
    except ValueError as error:
        raise _refused(f"{said} is not a time: {error}") from None
    return lambda naive: naive.replace(tzinfo=zone)


def _exact(
    words: str, text: str, what: str, local: Callable[[datetime], datetime] | None
) -> datetime:
    try:
        when = datetime.fromisoformat(words)
    except ValueError:
        raise _refused(f"{what} {shown(text)} is not a time") from None
    if (when.tzinfo is None) == (local is None):
        wrong = "says two time zones" if local else "does not say in which time zone it is"
        raise _refused(f"{what} {shown(text)} {wrong}")
    return _once(when, text, what, local) if local else when


def _on_the_wall(
    found: re.Match[str], text: str, what: str, now: datetime, local: Callable[[datetime], datetime]
) -> datetime:
    """A day and a time of the local clock: the latest one that is not in the future."""
    try:
        today = now.astimezone(local(now.replace(tzinfo=None)).tzinfo)
        naive = today.replace(
            hour=int(found[2]), minute=int(found[3]), second=0, microsecond=0, tzinfo=None
        )
    except ValueError:
        raise _refused(f"{what} {shown(text)} is not a time") from None
    day = found[1].lower()
    if day == "yesterday":
        naive -= timedelta(days=1)
    elif day != "today":
        naive -= timedelta(days=(naive.weekday() - _DAYS.index(day[:3])) % 7)
        if local(naive) > now:
            naive -= timedelta(days=7)
    return _once(naive, text, what, local)


def _once(naive: datetime, text: str, what: str, local: Callable[[datetime], datetime]) -> datetime:
    """The moment at which a clock showed a time; raise `Refused` where that came twice or never."""
    first, second = local(naive), local(naive.replace(fold=1))
    if first.utcoffset() != second.utcoffset():
        raise _refused(f"{what} {shown(text)} came twice, or not at all: the clocks were changed")
    return first


def _refused(why: str) -> Refused:
    return Refused(why, remedy=f"write it like {EXAMPLES}")
