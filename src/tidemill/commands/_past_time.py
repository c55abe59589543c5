"""Times of the past as people say them: exact, or `2 h ago`, `yesterday 14:00`, `tuesday 14:00`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tidemill.errors import Refused
from tidemill.words.moments import is_storable
from tidemill.words.names import shown

_AGO = re.compile(r"(\d{1,6}) ?(min|m|h|d)(?:inutes?|ours?|ays?)? ago")
_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days"}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK = re.compile(r"(today|yesterday|" + "|".join(_DAYS) + r") (\d{1,2}):(\d{2})")
EXAMPLES = "2026-01-31T14:00:00+01:00, 2026-01-31T13:00:00Z, '2 h ago' or 'tuesday 14:00'"


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
    words = " ".join(text.lower().split())
    if found := _AGO.fullmatch(words):
        when = _before(now, timedelta(**{_UNITS[found[2]]: int(found[1])}))
    elif found := _CLOCK.fullmatch(words):
        when = _on_the_wall(found, text, what, now, local)
    else:
        when = _exact(text, what)
    if when > now:
        raise _refused(f"{what} {shown(text)} is in the future")
    if not is_storable(when):
        raise _refused(f"{what} {shown(text)} is not a time that anybody means")
    return when.astimezone(UTC)


def _before(now: datetime, long: timedelta) -> datetime:
    """The time so long ago; the first of all, where it would be before that."""
    first = datetime.min.replace(tzinfo=UTC)
    return now - long if long < now - first else first


def _exact(text: str, what: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise _refused(f"{what} {shown(text)} is not a time") from None
    if when.tzinfo is None:
        raise _refused(f"{what} {shown(text)} does not say in which time zone it is")
    return when


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
    if found[1] == "yesterday":
        naive -= timedelta(days=1)
    elif found[1] != "today":
        naive -= timedelta(days=(naive.weekday() - _DAYS.index(found[1])) % 7)
        if local(naive) > now:
            naive -= timedelta(days=7)
    first, second = local(naive), local(naive.replace(fold=1))
    if first.utcoffset() != second.utcoffset():
        raise _refused(f"{what} {shown(text)} came twice, or not at all: the clocks were changed")
    return first


def _refused(why: str) -> Refused:
    return Refused(why, remedy=f"write it like {EXAMPLES}")
