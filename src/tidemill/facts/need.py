"""How many targets of a wave have to run a set (`need`), and what is to say of single ones."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from tidemill.errors import Refused
from tidemill.words.moments import parse_moment

_BUT = re.compile(r"all but ([1-9][0-9]{0,3})")
_SHARE = re.compile(r"([1-9][0-9]?|100)%")


class Need(str):
    """`all`, `all but 1`, or `80%`."""

    __slots__ = ()

    def of(self, count: int) -> int:
        """How many of so many targets have to run a set; at least one, where there is one."""
        if found := _BUT.fullmatch(self):
            return max(min(count, 1), count - int(found[1]))
        if found := _SHARE.fullmatch(self):
            return -(-count * int(found[1]) // 100)
        return count


class Until(datetime):
    """A moment that was written with its offset."""


class Ignored(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A target does not count until a time.

    Attributes:
        until: until when, with the offset from UTC: `2027-01-10T12:00+01:00`.
        reason: why, for whoever reads the status.
    """

    until: Until
    reason: str


class TargetOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What there is to say of one target.

    Attributes:
        name: the target.
        wave: its wave, where several waves have a target of that name (default: any).
        path: which of the places in `deployments.path` it renders from (default: all). See
            docs/reference/settings.md#what-targets-render-from.
        ignored: the target does not count for a while. See docs/jobs/go-on-without-a-target.md.
    """

    name: str
    wave: str | None = None
    path: str | tuple[str, ...] = ()
    ignored: Ignored | None = None


ALL = Need("all")


def parse_need(text: str) -> Need:
    """Parse `all`, `all but 1` or `80%`; raise `ValueError` with the reason."""
    if text != "all" and not _BUT.fullmatch(text) and not _SHARE.fullmatch(text):
        raise ValueError(f"{text!r} is no number of targets: write 'all', 'all but 1' or '80%'")
    return Need(text)


def parse_until(given: str | datetime) -> Until:
    """Parse a moment with its offset, as text or as TOML's own kind; raise `ValueError` with the
    reason."""
    try:
        return Until.fromisoformat(parse_moment(str(given), "the time").isoformat())
    except Refused as error:
        raise ValueError(f"{error.what}: {error.remedy}") from None
