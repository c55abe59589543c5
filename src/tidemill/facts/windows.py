"""Windows (`Mon-Fri 09:00-16:00 Europe/Berlin`), parsed once."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_OF_THE_MACHINE = ("localtime", "posixrules", "posix", "right")  # files that are beside the zones
_WINDOW = re.compile(
    r"(?P<days>[A-Za-z,-]+) (?P<start>[0-9]{2}:[0-9]{2})-(?P<end>[0-9]{2}:[0-9]{2}) "
    r"(?P<zone>[A-Za-z0-9_+/-]+)"
)


class Window:
    """A weekly window in a time zone. One that ends before it starts runs past midnight.

    Not a dataclass: the settings decode those by their fields, and this one by its text.
    """

    def __init__(
        self, text: str, days: frozenset[int], start: time, end: time, zone: ZoneInfo
    ) -> None:
        self.text = text
        self.days = days
        self.start = start
        self.end = end
        self.zone = zone

    def __repr__(self) -> str:
        return f"Window({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Window) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def is_open(self, now: datetime) -> bool:
        """Whether `now` (aware) lies in the window; the end is not part of it."""
        local = now.astimezone(self.zone)
        clock, today = local.time(), local.weekday()
        if self.start < self.end:
            return today in self.days and self.start <= clock < self.end
        late = today in self.days and clock >= self.start
        return late or ((today - 1) % 7 in self.days and clock < self.end)

    def opens(self, now: datetime) -> datetime:
        """When it opens next after `now`, in UTC.

        Where the clocks change a start may come twice, or be left out: then the window opens
        with the first minute that it has.
        """
        today = now.astimezone(self.zone).date()
        starts: list[datetime] = []
        for ahead in range(-1, 15):
            wall = datetime.combine(today + timedelta(days=ahead), self.start, tzinfo=self.zone)
            starts += [wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
            starts += self._clock_changes(wall)
        return min(moment for moment in starts if moment > now and self._begins(moment))

    def _clock_changes(self, day: datetime) -> list[datetime]:
        """When the clocks change on a day, which they do at a quarter of an hour."""
        midnight = day.replace(hour=0, minute=0, fold=0)
        if midnight.utcoffset() == (midnight + timedelta(days=1)).utcoffset():
            return []
        first = midnight.astimezone(UTC) - timedelta(minutes=15)  # they may change at midnight
        quarters = [first + timedelta(minutes=15 * count) for count in range(101)]
        offsets = [quarter.astimezone(self.zone).utcoffset() for quarter in quarters]
        pairs = zip(quarters[1:], offsets, offsets[1:], strict=False)
        return [quarter for quarter, before, after in pairs if before != after]

    def _begins(self, moment: datetime) -> bool:
        return self.is_open(moment) and not self.is_open(moment - timedelta(minutes=1))


def parse_window(text: str) -> Window:
    """Parse `Mon-Fri 09:00-16:00 Europe/Berlin`; days may be a range or a list with commas.

    Raises:
        ValueError: with the reason; the settings add where it stands.
    """
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} is not a window: write it like 'Mon-Fri 09:00-16:00 Europe/Berlin'"
        )
    zone = zone_named(found["zone"])
    if found["start"] == "24:00":
        raise ValueError("'24:00' is not a beginning: write 00:00 of the next day")
    start, end = _clock(found["start"]), _clock(found["end"])
    return Window(text, _days(found["days"]), start, end, zone)


def zone_named(name: str) -> ZoneInfo:
    """The time zone of an IANA name; raise `ValueError` with the reason where there is none."""
    try:
        if name.partition("/")[0] in _OF_THE_MACHINE:
            raise ZoneInfoNotFoundError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # it is looked for as a file
        raise ValueError(
            f"{name!r} is not a time zone: write one like Europe/Berlin or UTC"
        ) from None


def _clock(text: str) -> time:
    if text == "24:00":
        return time(0, 0)
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time of day") from None


def _days(text: str) -> frozenset[int]:
    days: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        try:
            start, end = DAYS.index(first), DAYS.index(last if dash else first)
        except ValueError:
            raise ValueError(
                f"{part!r} names no days: write Mon, Tue, Wed, Thu, Fri, Sat, Sun, or a range"
            ) from None
        days.update((start + step) % 7 for step in range((end - start) % 7 + 1))
    return frozenset(days)
