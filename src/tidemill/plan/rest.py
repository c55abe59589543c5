"""Rest: until when nothing can be due, as long as no ref changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tidemill.facts.holds import each_hold
from tidemill.facts.requests import AnnouncementRequest
from tidemill.facts.rest import LONGEST
from tidemill.facts.settings import Settings
from tidemill.facts.snapshot import Snapshot
from tidemill.plan.obstacles import Obstacle, RedMain
from tidemill.plan.plan import Plan
from tidemill.plan.waking import SCHEDULE


def rests_until(known: Snapshot, decided: Plan) -> datetime | None:
    """Until when the same refs give a plan that writes nothing, as this one does.

    It ends as long before the first time at which anything may change as a schedule may be late,
    so that a workflow that wakes still has to be told (`waking`).

    Args:
        known: what is known, with all that was read for the plan.
        decided: the plan, with what is to land, and no check claimed.

    Returns:
        None where something is due, or may become so by what is in no ref: an answer of GitHub's,
        of a server or of a command, a report that is polled, a signal that nobody has taken yet.
    """
    is_due = decided.is_change or decided.todo or decided.to_ask or decided.more or decided.auto
    has_asked = known.required or known.vouchers or known.answers
    is_polled = known.settings.deployments.is_polled
    waits = any(not isinstance(one, AnnouncementRequest) for one in known.inbox.values())
    tells = any(
        not each.is_done for one in decided.ledger.signals for each in one.deliveries.values()
    )
    is_red = any(isinstance(one, RedMain) for one in _obstacles(decided))  # is checked again
    if is_due or has_asked or is_polled or waits or tells or is_red:
        return None
    times = (when for when in _times(known, decided) if when > known.now)
    until = min((when - SCHEDULE for when in times), default=known.now + LONGEST)
    return min(until, known.now + LONGEST) if until > known.now else None


def _times(known: Snapshot, decided: Plan) -> Iterator[datetime]:
    """The times at which something may change, and more: what is over, or decides nothing."""
    settings = known.settings
    yield from _of_settings(settings, known.now)
    yield from (hold.until for hold in each_hold(decided.holds.values()) if hold.until)
    for wave in settings.waves:
        soaks = {follower.soak for follower in settings.followers(wave.name)}
        parts = decided.ledger.sets.get(wave.name, {}).values()
        for one in [one for part in parts for one in part.landings]:
            if one.deployed_at is None:
                yield one.landed_at + wave.settle
            yield from (since + wave.failed_after for since in one.degraded.values())
            if one.healthy_since:
                yield from (one.healthy_since + (soak - one.healthy) for soak in soaks)
    for stop in _obstacles(decided):
        if stop.until:
            yield stop.until
        if stop.since and settings.signals.receivers:
            yield stop.since + settings.signals.stuck_after


def _obstacles(decided: Plan) -> Iterator[Obstacle]:
    return (one for line in decided.waiting for one in line.obstacles)


def _of_settings(settings: Settings, now: datetime) -> Iterator[datetime]:
    for freeze in settings.freezes:
        yield from (freeze.begins, freeze.ends)
    yield from (one.ignored.until for one in settings.targets if one.ignored)
    for wave in settings.waves:
        if not any(window.is_open(now) for window in wave.windows):
            yield from (window.opens(now) for window in wave.windows)
