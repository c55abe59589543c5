"""Durations: spans of time that are written like `15m`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"([0-9]{1,6})([smhd])")


class Duration(timedelta):
    """A span of time that was written like `15m`."""


def parse_duration(text: str) -> Duration:
    """Parse a whole number and one of s, m, h, d; raise `ValueError` with the reason."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} is not a duration: write a whole number and s, m, h or d, like 15m"
        )
    return Duration(**{_UNITS[found[2]]: int(found[1])})


def show_duration(span: timedelta) -> str:
    """A duration as people read it: its two largest units, like `1h 30m`."""
    seconds = max(0, int(span.total_seconds()))
    parts = [
        (seconds // 86400, "d"),
        (seconds // 3600 % 24, "h"),
        (seconds // 60 % 60, "m"),
        (seconds % 60, "s"),
    ]
    shown = [f"{count}{unit}" for count, unit in parts if count]
    return " ".join(shown[:2]) or "0s"


def ago(moment: datetime, now: datetime) -> str:
    """How long ago something was, or how soon it is: one number and a unit, like `2 h ago`."""
    seconds = int((now - moment).total_seconds())
    size = abs(seconds)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if size >= length:
            count = f"{size // length} {unit}"
            return f"{count} ago" if seconds > 0 else f"in {count}"
    return "just now" if seconds >= 0 else "in a moment"
