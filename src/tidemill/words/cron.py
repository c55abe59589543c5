"""Times of a schedule in the words of cron, as GitHub takes them: five fields, in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

_DAYS = 4 * 366  # within which even the 29th of February comes
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEK = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


def next_time(cron: str, after: datetime) -> datetime | None:
    """The first minute later than `after` that a cron line names; None if it names none."""
    try:
        minutes, hours, days, months, week = _fields(cron)
    except ValueError:
        return None
    begin = after.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    is_any_day, is_any_weekday = (one.startswith("*") for one in cron.split()[2:5:2])
    for number in range(_DAYS):
        day = (begin + timedelta(days=number)).replace(hour=0, minute=0)
        in_month, in_week = day.day in days, day.isoweekday() % 7 in week
        # Of both kinds of days one is enough, unless one of them is any day.
        fits = in_month and in_week if is_any_day or is_any_weekday else in_month or in_week
        if day.month in months and fits:
            times = (day.replace(hour=h, minute=m) for h in sorted(hours) for m in sorted(minutes))
            found = next((one for one in times if one >= begin), None)
            if found:
                return found
    return None


def _fields(cron: str) -> list[set[int]]:
    """What each field names; `ValueError` where it is no cron line."""
    texts = cron.lower().split()
    bounds = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
    names: tuple[list[str], ...] = ([], [], [], _MONTHS, _WEEK)
    found = [
        {one for part in text.split(",") for one in _part(part, low, high, called)}
        for text, (low, high), called in zip(texts, bounds, names, strict=True)
    ]
    return [*found[:4], {day % 7 for day in found[4]}]


def _part(text: str, low: int, high: int, names: list[str]) -> Iterator[int]:
    """`*`, `5`, `1-5` or a name, and a step behind it."""
    span, _, step = text.partition("/")
    first, dash, last = span.partition("-")
    if span != "*":
        begin = names.index(first) + low if first in names else int(first)
        end = names.index(last) + low if last in names else int(last) if dash else begin
        if not low <= begin <= end <= high:
            raise ValueError(text)
        low, high = begin, high if step and not dash else end
    yield from range(low, high + 1, int(step or "1"))
