"""Moments: times that can be compared with any other, and that Git can store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, TypeAlias

import msgspec

Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its offset; one without is not read."""

FIRST_YEAR, LAST_YEAR = 2000, 2099


def is_storable(when: datetime) -> bool:
    """Whether Git can store a time in a commit, and anybody would mean it."""
    try:
        return when.tzinfo is not None and FIRST_YEAR <= when.astimezone(UTC).year <= LAST_YEAR
    except OverflowError:  # its zone takes it out of all years
        return False
