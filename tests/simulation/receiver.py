"""A receiver of signals in memory, which is down now and then.

Each message comes once, and again only after whoever sent it has died, could not note that it was
taken, or took so long that others have to take it for dead.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

NAME = "ops"
LONG = timedelta(minutes=20)
_Key = tuple[str, str]


@dataclass
class Sender:
    """Who sends.

    Attributes:
        is_dead: it has died, or could not note what was taken.
        done_at: when it had noted that.
    """

    is_dead: bool = False
    done_at: datetime | None = None


@dataclass
class Receiver:
    """What came: by signal and state who sent it last.

    Attributes:
        is_well: it is never down any more.
        since: when whoever sent what came had taken it on.
    """

    is_well: bool = False
    taken: dict[_Key, Sender] = field(default_factory=dict)
    since: dict[_Key, datetime] = field(default_factory=dict)

    def copy(self) -> Receiver:
        """Another one that has heard the same."""
        return Receiver(self.is_well, dict(self.taken), dict(self.since))

    def is_down(self, now: datetime) -> bool:
        """Whether nothing comes through; by chance, that the time decides."""
        return not self.is_well and zlib.crc32(now.isoformat().encode()) % 4 == 0

    def take(self, key: _Key, sender: Sender, at: datetime) -> str | None:
        """Take a message that somebody took on at a time; what is wrong with that, if something."""
        before = self.taken.get(key)
        is_late = (
            before is not None
            and abs(at - self.since[key]) >= LONG  # whoever was thought dead may be slow
            and (before.done_at is None or before.done_at >= at)
        )
        if before is not None and not (before.is_dead or is_late):
            return f"{key} comes again, and nobody died"
        if key[1] == "open" and (key[0], "over") in self.taken:
            return f"{key} comes after its end"
        self.taken[key], self.since[key] = sender, at
        return None
