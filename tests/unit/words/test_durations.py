"""Durations: how they are written, and how they are shown."""

from datetime import UTC, datetime, timedelta

import pytest

from tidemill.words.durations import Duration, ago, parse_duration, show_duration


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("0s", timedelta()),
        ("45s", timedelta(seconds=45)),
        ("15m", timedelta(minutes=15)),
        ("1h", timedelta(hours=1)),
        ("36h", timedelta(days=1, hours=12)),
        ("7d", timedelta(days=7)),
        ("010m", timedelta(minutes=10)),
        ("999999s", timedelta(seconds=999999)),
    ],
)
def test_duration_is_a_whole_number_and_a_unit(text: str, span: timedelta) -> None:
    assert parse_duration(text) == span
    assert isinstance(parse_duration(text), Duration)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "15",
        "m",
        "-1m",
        "+1m",
        "1.5h",
        "1 h",
        " 1h",
        "1h ",
        "1h\n",
        "1h30m",
        "1w",
        "1H",
        "1000000s",
        "\u0661m",
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration: write a whole number"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        (timedelta(), "0s"),
        (timedelta(seconds=-5), "0s"),
        (timedelta(milliseconds=999), "0s"),
        (timedelta(seconds=59), "59s"),
        (timedelta(minutes=60), "1h"),
        (timedelta(minutes=90), "1h 30m"),
        (timedelta(days=2, minutes=5, seconds=3), "2d 5m"),
        (timedelta(hours=1, seconds=1), "1h 1s"),
    ],
    ids=str,
)
def test_duration_is_shown_by_its_two_largest_units(span: timedelta, shown: str) -> None:
    assert show_duration(span) == shown


@pytest.mark.parametrize(
    ("seconds", "found"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (7200, "2 h ago"),
        (86400 * 3 + 5, "3 d ago"),
        (-1, "in a moment"),
        (-7200, "in 2 h"),
    ],
)
def test_how_long_ago_something_was_is_one_number(seconds: int, found: str) -> None:
    now = datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert ago(now - timedelta(seconds=seconds), now) == found
