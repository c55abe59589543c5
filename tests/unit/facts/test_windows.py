"""Windows, with the hours that a change of the clocks adds and takes away."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tidemill.facts.windows import Window, parse_window


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mon-Fri",
        "Mon-Fri 09:00-16:00",
        "Mon-Fri 9:00-16:00 UTC",
        "Mon-Fri 09:00-25:00 UTC",
        "Mon-Fri 09:60-16:00 UTC",
        "Mon-Fri 24:00-16:00 UTC",
        "Mon-Fri 09:00-16:00 Europe/Atlantis",
        "Mon-Fri 09:00-16:00 ../../etc/passwd",
        "Mon-Fri 09:00-16:00 /etc/localtime",
        "Mon-Fri 09:00-16:00 UTC\n",
        "Mon-Fri 09:00-16:00 UTC UTC",
        "Mon-Xxx 09:00-16:00 UTC",
        "Mon-Wed-Fri 09:00-16:00 UTC",
        "Mon- 09:00-16:00 UTC",
        "-Fri 09:00-16:00 UTC",
        "Mon,,Tue 09:00-16:00 UTC",
        "mon-fri 09:00-16:00 UTC",
        "Mon-Fri 09:00-16:0\u0660 UTC",
    ],
)
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|names no days"):
        parse_window(text)


OPEN = [
    # 2026-01-05 is a Monday; Berlin is an hour ahead of UTC in winter.
    ("Mon-Fri 09:00-16:00 UTC", "2026-01-05T08:59:59", False),
    ("Mon-Fri 09:00-16:00 UTC", "2026-01-05T09:00", True),
    ("Mon-Fri 09:00-16:00 UTC", "2026-01-05T15:59:59", True),
    ("Mon-Fri 09:00-16:00 UTC", "2026-01-05T16:00", False),
    ("Mon-Fri 09:00-16:00 UTC", "2026-01-10T10:00", False),
    ("Mon-Fri 09:00-16:00 Europe/Berlin", "2026-01-05T08:00", True),
    ("Mon-Fri 09:00-16:00 Europe/Berlin", "2026-01-05T15:00", False),
    ("Mon-Fri 09:00-16:00 Europe/Berlin", "2026-07-06T07:00", True),
    ("Mon-Fri 09:00-16:00 Europe/Berlin", "2026-07-06T06:59", False),
    ("Mon 00:00-24:00 UTC", "2026-01-05T00:00", True),
    ("Mon 00:00-24:00 UTC", "2026-01-05T23:59:59", True),
    ("Mon 00:00-24:00 UTC", "2026-01-06T00:00", False),
    ("Mon 18:00-24:00 UTC", "2026-01-05T23:59", True),
    ("Mon 18:00-24:00 UTC", "2026-01-06T00:00", False),
    ("Fri 22:00-06:00 UTC", "2026-01-09T22:00", True),
    ("Fri 22:00-06:00 UTC", "2026-01-10T05:59", True),
    ("Fri 22:00-06:00 UTC", "2026-01-10T06:00", False),
    ("Fri 22:00-06:00 UTC", "2026-01-09T05:00", False),
    ("Sun 22:00-06:00 UTC", "2026-01-05T05:00", True),
    ("Mon,Wed,Sat-Sun 10:00-11:00 UTC", "2026-01-07T10:30", True),
    ("Mon,Wed,Sat-Sun 10:00-11:00 UTC", "2026-01-08T10:30", False),
    ("Mon,Wed,Sat-Sun 10:00-11:00 UTC", "2026-01-11T10:30", True),
    ("Fri-Mon 10:00-11:00 UTC", "2026-01-05T10:30", True),
    ("Fri-Mon 10:00-11:00 UTC", "2026-01-06T10:30", False),
    ("Mon-Sun 10:00-11:00 UTC", "2026-01-06T10:30", True),
    # Berlin, 2026-03-29: 02:00 is followed by 03:00, which is 01:00 UTC.
    ("Sun 01:00-03:30 Europe/Berlin", "2026-03-29T00:00", True),
    ("Sun 01:00-03:30 Europe/Berlin", "2026-03-29T01:29", True),
    ("Sun 01:00-03:30 Europe/Berlin", "2026-03-29T01:30", False),
    ("Sun 02:15-02:45 Europe/Berlin", "2026-03-29T00:59", False),
    ("Sun 02:15-02:45 Europe/Berlin", "2026-03-29T01:00", False),
    # Berlin, 2026-10-25: the hour from 02:00 to 03:00 comes twice, at 00:00 and at 01:00 UTC.
    ("Sun 02:15-02:45 Europe/Berlin", "2026-10-25T00:30", True),
    ("Sun 02:15-02:45 Europe/Berlin", "2026-10-25T01:00", False),
    ("Sun 02:15-02:45 Europe/Berlin", "2026-10-25T01:30", True),
    ("Sat 22:00-04:00 Europe/Berlin", "2026-10-25T02:59", True),
    ("Sat 22:00-04:00 Europe/Berlin", "2026-10-25T03:00", False),
]


@pytest.mark.parametrize(("window", "now", "is_open"), OPEN, ids=str)
def test_window_is_open_by_the_clock_on_the_wall(window: str, now: str, is_open: bool) -> None:
    assert parse_window(window).is_open(at(now)) is is_open


def test_time_of_another_zone_is_the_same_time() -> None:
    window = parse_window("Mon-Fri 09:00-16:00 Europe/Berlin")
    assert window.is_open(datetime.fromisoformat("2026-01-05T17:00+09:00"))
    assert not window.is_open(datetime.fromisoformat("2026-01-05T16:59+09:00"))


OPENS = [
    ("Mon-Fri 09:00-16:00 UTC", "2026-01-05T08:00", "2026-01-05T09:00"),
    ("Mon-Fri 09:00-16:00 UTC", "2026-01-05T17:00", "2026-01-06T09:00"),
    ("Mon-Fri 09:00-16:00 UTC", "2026-01-09T16:00", "2026-01-12T09:00"),
    ("Mon 09:00-16:00 UTC", "2026-01-05T16:00", "2026-01-12T09:00"),
    ("Mon-Fri 09:00-16:00 Europe/Berlin", "2026-01-05T00:00", "2026-01-05T08:00"),
    ("Sat 23:30-23:45 America/Los_Angeles", "2026-01-04T00:00", "2026-01-04T07:30"),
    ("Fri 22:00-06:00 UTC", "2026-01-10T06:00", "2026-01-16T22:00"),
    # The clocks change between now and then.
    ("Mon 09:00-16:00 Europe/Berlin", "2026-03-27T12:00", "2026-03-30T07:00"),
    ("Mon 09:00-16:00 Europe/Berlin", "2026-10-23T12:00", "2026-10-26T08:00"),
    # It begins in the hour that is left out: it opens as soon as the clock has passed it.
    ("Sun 02:30-05:00 Europe/Berlin", "2026-03-29T00:00", "2026-03-29T01:00"),
    # It lies in the hour that is left out: it opens a week later.
    ("Sun 02:15-02:45 Europe/Berlin", "2026-03-29T00:00", "2026-04-05T00:15"),
    # It lies in the hour that comes twice: it opens twice.
    ("Sun 02:15-02:45 Europe/Berlin", "2026-10-25T00:00", "2026-10-25T00:15"),
    ("Sun 02:15-02:45 Europe/Berlin", "2026-10-25T00:50", "2026-10-25T01:15"),
    ("Sun 02:15-02:45 Europe/Berlin", "2026-10-25T01:45", "2026-11-01T01:15"),
    # The clocks change at midnight: the hour from 00:00 to 01:00 is left out, or comes twice.
    ("Sun 00:15-02:00 America/Havana", "2026-03-08T00:00", "2026-03-08T05:00"),
    ("Sun 00:15-02:00 America/Havana", "2026-11-01T05:00", "2026-11-01T05:15"),
    ("Sun 00:15-00:45 America/Havana", "2026-11-01T04:50", "2026-11-01T05:15"),
    ("Sat 23:30-00:45 America/Havana", "2026-11-01T04:50", "2026-11-01T05:00"),
    # It is closed for a minute.
    ("Mon-Sun 22:00-21:59 UTC", "2026-01-05T21:59", "2026-01-05T22:00"),
]


@pytest.mark.parametrize(("window", "now", "opens"), OPENS, ids=str)
def test_closed_window_says_when_it_opens_next(window: str, now: str, opens: str) -> None:
    found = parse_window(window)
    assert not found.is_open(at(now))
    assert found.opens(at(now)) == at(opens)
    assert found.is_open(at(opens))
    assert not found.is_open(at(opens) - timedelta(seconds=1))


class Counting(ZoneInfo):
    """A time zone that counts how often it is asked."""

    asked = 0

    def utcoffset(self, when: datetime | None, /) -> timedelta | None:
        Counting.asked += 1
        return super().utcoffset(when)

    def fromutc(self, when: datetime, /) -> datetime:
        Counting.asked += 1
        return super().fromutc(when)


def test_clock_changes_are_looked_for_only_where_the_clocks_change() -> None:
    """`plan()` asks for each set that waits: several hundred, where a window is closed for days."""
    found = parse_window("Mon-Fri 09:00-16:00 Europe/Berlin")
    zone = Counting.no_cache("Europe/Berlin")
    window = Window(found.text, found.days, found.start, found.end, zone)
    assert window.opens(at("2026-01-10T12:00")) == at("2026-01-12T08:00")
    assert Counting.asked < 300


def test_window_that_opens_now_opens_next_after_that() -> None:
    window = parse_window("Mon-Fri 09:00-16:00 UTC")
    assert window.opens(at("2026-01-05T09:00")) == at("2026-01-06T09:00")


def test_windows_are_the_same_by_what_is_written() -> None:
    text = "Mon-Fri 09:00-16:00 UTC"
    assert parse_window(text) == parse_window(text)
    assert parse_window(text) != parse_window("Mon-Fri 09:00-17:00 UTC")
    assert parse_window(text) != text
    assert len({parse_window(text), parse_window(text)}) == 1
