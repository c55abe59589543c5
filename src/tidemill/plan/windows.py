"""Windows of a wave, and with holds: what lets nothing in now, and when that ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from tidemill.facts.settings import Wave
from tidemill.plan.draft import Draft
from tidemill.plan.holds import holds_on
from tidemill.plan.obstacles import ClosedWindow, HoldInForce, MissingApproval, Obstacle, StaleMain


def closed(draft: Draft, wave: Wave, set_name: str) -> Iterator[Obstacle]:
    """Why nothing may go into a wave now: a hold, or no window is open."""
    yield from holds_on(draft, wave, set_name)
    if not _is_open(wave, draft.now):
        yield ClosedWindow(wave=wave.name, until=_opens(wave, draft.now))


def is_shut(draft: Draft, wave: Wave) -> bool:
    """Whether nothing at all may go into a wave now: all its sets are held, or it is closed."""
    return all(any(closed(draft, wave, one.name)) for one in draft.settings.sets)


def earliest(wave: Wave, found: Sequence[Obstacle], now: datetime) -> datetime | None:
    """When what waits could go into a wave, if whoever has to act has acted by then.

    None where that is not known, or no clock has a part in it.
    """
    clocks = [
        one for one in found if not isinstance(one, HoldInForce | MissingApproval | StaleMain)
    ]
    if not clocks or any(one.until is None for one in clocks):
        return None
    waits = [one.until for one in clocks if one.until and not isinstance(one, ClosedWindow)]
    ready = max([now, *waits])
    return ready if _is_open(wave, ready) else _opens(wave, ready)


def _is_open(wave: Wave, when: datetime) -> bool:
    return not wave.windows or any(window.is_open(when) for window in wave.windows)


def _opens(wave: Wave, after: datetime) -> datetime:
    return min(window.opens(after) for window in wave.windows)
