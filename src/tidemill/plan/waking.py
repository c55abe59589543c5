"""When time alone makes something due, and whether that is before a schedule would see to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from tidemill.plan.obstacles import Wait
from tidemill.words.moments import is_storable

SCHEDULE = timedelta(hours=1)  # of the caller's workflow: a later time is left to its next turn


def next_time(waiting: Iterable[Wait], now: datetime) -> datetime | None:
    """When the first of these goes on by itself; None where each needs more than time.

    A soak, a closed window and a settle time end by themselves. A hold, an approval, a check and a
    report do not: whoever ends them starts a turn. A soak of `99999d` is as good as one without an
    end: no journal takes a time of another century.
    """
    times = [when for one in waiting if (when := over_at(one)) is not None and when > now]
    return min(filter(is_storable, times), default=None)


def is_soon(next_due: datetime | None, now: datetime) -> bool:
    """Whether that is before the schedule's next turn, so that another one is needed for it."""
    return next_due is not None and next_due - now <= SCHEDULE


def is_awaited(
    waiting: Iterable[Wait], next_due: datetime | None, turns: Sequence[datetime]
) -> bool:
    """Whether one of these turns has seen what goes on at `next_due`, and that this is soon.

    A turn that has nothing to do writes nothing of what it has seen. But what it saw can be told
    from when things began: a set that has to wait sees the same as all that waited before it.
    """
    lines = [one for one in waiting if next_due is not None and over_at(one) == next_due]
    began = [
        max(each.since for each in one.obstacles if each.since)
        for one in lines
        if all(each.since for each in one.obstacles)
    ]
    return any(since <= when and is_soon(next_due, when) for since in began for when in turns)


def over_at(line: Wait) -> datetime | None:
    """When time alone ends all that something waits for; None where it takes more than time."""
    ends = [one.until for one in line.obstacles]
    known = [when for when in ends if when is not None]
    if not known or len(known) < len(ends):
        return None
    return max([*known, *([line.earliest] if line.earliest else [])])
