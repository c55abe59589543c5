"""Windows of a wave, and with holds and freezes: what lets nothing in now, and when that ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from tidemill.facts.settings import Settings, Wave
from tidemill.plan.draft import Draft
from tidemill.plan.freezes import freezes_on, thawed
from tidemill.plan.holds import holds_on
from tidemill.plan.obstacles import (
    ClosedWindow,
    FreezeInForce,
    HoldInForce,
    MissingApproval,
    MissingReview,
    Obstacle,
    StaleMain,
)


def closed(draft: Draft, wave: Wave, set_name: str) -> Iterator[Obstacle]:
    """Why nothing may go into a wave now: a hold, a freeze, or no window is open."""
    yield from holds_on(draft, wave, set_name)
    yield from freezes_on(draft, wave)
    if not _is_open(wave, draft.now):
        yield ClosedWindow(wave=wave.name, until=_opens(wave, draft.now))


def is_shut(draft: Draft, wave: Wave) -> bool:
    """Whether nothing at all may go into a wave now: all its sets are held, or it is closed."""
    return all(any(closed(draft, wave, one.name)) for one in draft.settings.sets)


def earliest(
    settings: Settings, wave: Wave, found: Sequence[Obstacle], now: datetime
) -> datetime | None:
    """When what waits could go into a wave, if whoever has to act has acted by then.

    None where that is not known, or no clock has a part in it.
    """
    clocks = [one for one in found if not _takes_a_person(one)]
    if not clocks or any(one.until is None for one in clocks):
        return None
    own = ClosedWindow | FreezeInForce  # these come again, as the settings say
    ready = max([now, *(one.until for one in clocks if one.until and not isinstance(one, own))])
    while (later := _opened(settings, wave, ready)) != ready:
        ready = later
    return ready


def _takes_a_person(one: Obstacle) -> bool:
    is_hold = isinstance(one, HoldInForce) and one.until is None
    return is_hold or isinstance(one, MissingApproval | MissingReview | StaleMain)


def _opened(settings: Settings, wave: Wave, when: datetime) -> datetime:
    """The first moment from `when` on at which a freeze or a window ends its part of the wait."""
    ready = thawed(settings, wave, when)
    return ready if _is_open(wave, ready) else _opens(wave, ready)


def _is_open(wave: Wave, when: datetime) -> bool:
    return not wave.windows or any(window.is_open(when) for window in wave.windows)


def _opens(wave: Wave, after: datetime) -> datetime:
    return min(window.opens(after) for window in wave.windows)
