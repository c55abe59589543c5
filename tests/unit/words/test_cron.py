"""When a schedule is due, in the words of cron."""

from __future__ import annotations

from datetime import datetime

import pytest

from tidemill.words.cron import next_time

NOW = datetime.fromisoformat("2026-11-30T13:40:30+00:00")  # a Monday


@pytest.mark.parametrize(
    ("cron", "due"),
    [
        ("17 * * * *", "2026-11-30 14:17"),
        ("40 * * * *", "2026-11-30 14:40"),  # not the minute that has begun
        ("41 * * * *", "2026-11-30 13:41"),
        ("*/15 * * * *", "2026-11-30 13:45"),
        ("5/20 * * * *", "2026-11-30 13:45"),
        ("10-30/10 14 * * *", "2026-11-30 14:10"),
        ("0 9,12 * * *", "2026-12-01 09:00"),
        ("0 0 1 * *", "2026-12-01 00:00"),
        ("0 6 * jan-feb *", "2027-01-01 06:00"),
        ("0 6 * * MON-FRI", "2026-12-01 06:00"),
        ("0 6 * * sun", "2026-12-06 06:00"),
        ("0 6 * * 7", "2026-12-06 06:00"),
        ("0 6 15 * 3", "2026-12-02 06:00"),  # the 15th, or a Wednesday
        ("0 6 29 2 *", "2028-02-29 06:00"),
        ("0 6 31 2 *", None),
        ("@hourly", None),
        ("60 * * * *", None),
        ("0 5-2 * * *", None),
        ("x * * * *", None),
        ("*/0 * * * *", None),
        ("17 * * *", None),
        ("", None),
    ],
)
def test_next_time(cron: str, due: str | None) -> None:
    found = next_time(cron, NOW)
    assert (f"{found:%Y-%m-%d %H:%M}" if found else None) == due


def test_it_is_in_utc_whatever_zone_the_question_is_in() -> None:
    east = datetime.fromisoformat("2026-11-30T23:40:30+10:00")
    assert next_time("17 * * * *", east) == datetime.fromisoformat("2026-11-30T14:17:00+00:00")
