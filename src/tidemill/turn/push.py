"""Pushing: again where the server may have met a lock, and never many at the same moment."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct

from tidemill.clients.git.store import Declined, PushResult, Store, Update
from tidemill.errors import ServerRefused

MOST_RACES = 8
MOST_DECLINED = 3
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0


class Clock(Struct, frozen=True):
    """What writing needs of time.

    Attributes:
        now: when it began, or the time to act as.
        pause: a way to pause.
        read: says what time it is; None where somebody has said which time to act as.
    """

    now: datetime
    pause: Callable[[float], None] = time.sleep
    read: Callable[[], datetime] | None = None

    def by_now(self) -> datetime:
        """The time to decide on: that which it is, but none before it began."""
        return max(self.now, self.read()) if self.read else self.now

    def pause_after(self, tries: int) -> None:
        """Pause for a random while, which grows with the tries."""
        longest: float = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**tries)
        self.pause(random.uniform(longest / 4, longest))  # noqa: S311 - it spreads writers, it guards nothing


def push(
    store: Store,
    clock: Clock,
    updates: Sequence[Update],
    say: Callable[[str], None] = lambda _: None,
) -> PushResult:
    """Push; a server that declines without a race may have met a lock, so ask it again."""
    outcome = store.push(updates)
    for tries in range(1, MOST_DECLINED):
        if not isinstance(outcome, Declined):
            break
        say(f"the server declined the push ({outcome.reason}); trying again")
        clock.pause_after(tries)
        outcome = store.push(updates)
    return outcome


def push_refused(declined: Declined, what: str | None = None) -> ServerRefused:
    """The error for a push that the server declined for good; `what` says it in other words."""
    happened = (
        "the push did not get through: " if declined.remedy else "the server refused the push: "
    )
    return ServerRefused(
        (f"{what}: " if what else happened) + declined.reason,
        remedy=declined.remedy
        or "see what the server says; where it is a rule, let this account write to auto and to "
        "the refs of the namespace; then run it again",
    )
