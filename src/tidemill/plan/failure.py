"""Failure: who has failed with a set, who is Degraded and may come to that, who is well again.

A failure is the fault of the very set that the target had when it was reported. Only a later
healthy record of that target, still with that set, ends it; then all targets count anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tidemill.facts.ledger import Landing
from tidemill.facts.records import Deployment
from tidemill.facts.settings import Wave
from tidemill.plan.draft import Draft
from tidemill.plan.obstacles import DegradedTargets, FailureThere, Obstacle, ReplacedFailure
from tidemill.plan.rollback import back_to


def failed_there(draft: Draft, wave: str, set_name: str, landing: Landing) -> Obstacle | None:
    """Whether a set has failed in a wave, or was replaced there while it was failed."""
    if landing.failed:
        return FailureThere(
            wave=wave,
            set=set_name,
            targets=tuple(sorted(landing.failed)),
            back_to=back_to(draft.ledger.history(wave, set_name)),
            since=min(landing.failed.values()),
        )
    return ReplacedFailure(wave=wave) if landing.buried else None


def degraded_there(draft: Draft, wave: Wave, set_name: str) -> Obstacle | None:
    """Whether it is open in a wave if a target fails: it is Degraded, and not for long enough."""
    degraded = {
        target: since + wave.failed_after
        for landing in draft.ledger.history(wave.name, set_name).landings
        for target, since in landing.degraded.items()
    }
    if not degraded:
        return None
    first = min(degraded.values())
    return DegradedTargets(
        wave=wave.name,
        targets=tuple(sorted(degraded)),
        since=first - wave.failed_after,
        fails_at=first,
    )


def failing_targets(draft: Draft, wave: Wave, set_name: str) -> list[str]:
    """The targets that failed, have not been healthy since, and run something of the set."""
    failing = draft.ledger.failing.get(wave.name)
    if not failing:
        return []
    records = {one: draft.records.get((wave.name, one)) for one in wave.targets if one in failing}
    seen = {one: (record.sets or {}).get(set_name) for one, record in records.items() if record}
    return [target for target, found in seen.items() if found is not None and found.uses]


def has_very_set(record: Deployment, set_name: str, landing: Landing) -> bool:
    """Whether the target's revision has this set, and it runs some of it."""
    seen = (record.sets or {}).get(set_name)
    return seen is not None and seen.uses and seen.content == landing.content


def note_failing(draft: Draft, record: Deployment) -> None:
    """Take note of whether the target fails, whatever the set."""
    failing = draft.ledger.failing
    if record.is_failing:
        failing.setdefault(record.wave, {}).setdefault(record.target, record.accepted_at)
    elif record.is_healthy:
        failing.get(record.wave, {}).pop(record.target, None)


def blame(landing: Landing, wave: Wave, set_name: str, record: Deployment) -> None:
    """What a record says of one set: it fails, it may come to that, or it is well again."""
    target, has_it = record.target, has_very_set(record, set_name, landing)
    fails = has_it and record.is_failing and record.accepted_at >= landing.landed_at
    if fails and not record.has_failed_sync and wave.failed_after:
        if target not in landing.failed:
            since = landing.degraded.get(target, record.accepted_at)
            landing.degraded = {**landing.degraded, target: since}
        return
    if target in landing.degraded:
        landing.degraded = _without(landing.degraded, target)
    if fails:
        _fail(landing, target, record.accepted_at)
    elif has_it and record.is_healthy and target in landing.failed:
        landing.failed = _without(landing.failed, target)
        if not landing.failed:
            _count_anew(landing, record.accepted_at)


def count_failed(wave: Wave, landing: Landing, at: datetime) -> None:
    """Who by a time has been Degraded for as long as the wave says has failed since then."""
    for target, since in landing.degraded.items():
        if since + wave.failed_after <= at:
            landing.degraded = _without(landing.degraded, target)
            _fail(landing, target, since + wave.failed_after)


def forget_unlisted(wave: Wave, landing: Landing, at: datetime) -> None:
    """A failure on a target that the settings no longer list is nobody's any more."""
    for target in landing.degraded:
        if target not in wave.targets:
            landing.degraded = _without(landing.degraded, target)
    if landing.failed and not landing.failed.keys() & set(wave.targets):
        _count_anew(landing, at)


def _fail(landing: Landing, target: str, since: datetime) -> None:
    landing.failed = {**landing.failed, target: landing.failed.get(target, since)}
    landing.end_deployment()


def _count_anew(landing: Landing, at: datetime) -> None:
    landing.failed, landing.taken, landing.anew, landing.held = {}, {}, at, False


def _without(since: Mapping[str, datetime], target: str) -> dict[str, datetime]:
    return {one: when for one, when in since.items() if one != target}
