"""Moments: times that can be compared with any other, and that Git can store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, TypeAlias

import msgspec

from tidemill.errors import Refused
from tidemill.words.names import shown

Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its offset; one without is not read."""

FIRST_YEAR, LAST_YEAR = 2000, 2099


def is_storable(when: datetime) -> bool:
    """Whether Git can store a time in a commit, and anybody would mean it."""
    try:
        return when.tzinfo is not None and FIRST_YEAR <= when.astimezone(UTC).year <= LAST_YEAR
    except OverflowError:  # its zone takes it out of all years
        return False


def to_the_minute(when: datetime) -> str:
    """A time as people read it, like `2026-01-31 12:00 UTC`."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def as_typed(when: datetime) -> str:
    """A time as people give it to a command, like `2026-01-31T12:00Z`; with seconds, if it has any:
    what is typed again must not be earlier."""
    return to_the_second(when) if when.second else f"{when.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


def to_the_second(when: datetime) -> str:
    """A time for machines: ISO 8601 in UTC, like `2026-01-31T12:00:00Z`."""
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def end_of_second(when: datetime) -> datetime:
    """The end of the second that a person names: answers have seconds, and what landed in one is
    told to have landed then."""
    return when if when.microsecond else when.replace(microsecond=999_999)


def parse_moment(text: str, what: str) -> datetime:
    """Parse ISO 8601 as a person writes a moment to come: with its offset, so that it is one."""
    when = parse_time(text, what)
    if datetime.fromisoformat(text).tzinfo is None:
        raise Refused(
            f"{what} {shown(text)} does not say its time zone",
            remedy="add the offset from UTC, as in 2027-01-02T08:00+01:00, or Z for UTC",
        )
    return when


def parse_time(text: str, what: str) -> datetime:
    """Parse ISO 8601; a time without an offset is in UTC. `what` says whose it is, in an error."""
    try:
        when = datetime.fromisoformat(text)
        when = (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
        if not is_storable(when):
            raise ValueError(text)
        return when
    except (ValueError, OverflowError):
        raise Refused(
            f"{what} {shown(text)} is not a time",
            remedy="write one of this century, like 2026-01-31T12:00:00Z",
        ) from None
