"""Which times Git can store, and anybody would mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tidemill.words.moments import as_typed, is_storable, to_the_minute, to_the_second

EAST = timezone(timedelta(hours=14))


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (datetime(2000, 1, 1, tzinfo=UTC), True),
        (datetime(1999, 12, 31, 23, 59, tzinfo=UTC), False),
        (datetime(2000, 1, 1, 13, tzinfo=EAST), False),
        (datetime(2099, 12, 31, 23, 59, tzinfo=UTC), True),
        (datetime(2100, 1, 1, tzinfo=UTC), False),
        (datetime(2100, 1, 1, 13, tzinfo=EAST), True),
        (datetime(1, 1, 1, tzinfo=EAST), False),
        (datetime(2026, 1, 1), False),  # noqa: DTZ001 - that is the case
    ],
    ids=str,
)
def test_time_with_an_offset_in_this_century_can_be_stored(when: datetime, expected: bool) -> None:
    assert is_storable(when) is expected


def test_time_is_shown_in_utc_whatever_offset_it_was_written_with() -> None:
    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=EAST)
    assert to_the_minute(when) == "2026-01-01 13:04 UTC"
    assert as_typed(when) == "2026-01-01T13:04:05Z"
    assert as_typed(when.replace(second=0, microsecond=9)) == "2026-01-01T13:04Z"
    assert to_the_second(when) == "2026-01-01T13:04:05Z"
