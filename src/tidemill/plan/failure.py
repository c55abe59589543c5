"""Failure: who has failed with a set, who is Degraded and may come to that, who is well again.

A failure is the fault of the very set that the target had when it was reported. Only a later
healthy record of that target, still with that set, ends it; then all targets count anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from tidemill.facts.ledger import Landing
from tidemill.facts.records import Deployment
from tidemill.facts.settings import Wave
from tidemill.plan.draft import Draft
from tidemill.plan.obstacles import (
    DegradedTargets,
    FailedVerification,
    FailureThere,
    Obstacle,
    ReplacedFailure,
)
from tidemill.plan.rollback import back_to
from tidemill.plan.silent_targets import Reporters, counted


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
    if landing.buried:  # verifications are asked about what the wave has: none gets green any more
        return ReplacedFailure(wave=wave)
    return refuted_there(draft, wave, set_name, landing) if landing.refuted else None


def refuted_there(draft: Draft, wave: str, set_name: str, landing: Landing) -> FailedVerification:
    """That a set has failed in a wave by verifications that are red."""
    part = draft.ledger.history(wave, set_name)
    names = tuple(sorted(landing.refuted))
    said = (part.answers[name].said for name in names if name in part.answers)
    return FailedVerification(
        wave=wave,
        set=set_name,
        names=names,
        said=next(filter(None, said), ""),
        back_to=back_to(part),
        since=min(landing.refuted.values()),
    )


def degraded_there(draft: Draft, wave: Wave, set_name: str) -> Obstacle | None:
    """Whether it is open in a wave if a target fails: it is Degraded, and not for long enough."""
    landings = draft.ledger.history(wave.name, set_name).landings
    degraded = {
        target: since + wave.failed_after
        for landing in landings
        if landing.degraded and _is_too_much(draft, wave, landing)
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


def _is_too_much(draft: Draft, wave: Wave, landing: Landing) -> bool:
    """Whether a set would fail if all that are Degraded with it fail, too."""
    bad = landing.degraded.keys() | landing.tolerated.keys()
    return len(bad) > Reporters.of(draft, wave).spare(landing)


def failing_targets(draft: Draft, wave: Wave, set_name: str) -> list[str]:
    """The targets that count, failed, have not been healthy since, and run something of the set."""
    failing = draft.ledger.failing.get(wave.name)
    if not failing:
        return []
    records = {
        one: draft.records.get((wave.name, one)) for one in counted(draft, wave) if one in failing
    }
    seen = {one: (record.sets or {}).get(set_name) for one, record in records.items() if record}
    return [target for target, one in seen.items() if one is not None and one.uses]


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


def blame(
    landing: Landing, wave: Wave, set_name: str, record: Deployment, reporters: Reporters
) -> None:
    """What a record says of one set: it fails, it may come to that, or it is well again.

    What a target says that does not count is not the set's fault.
    """
    target, has_it = record.target, has_very_set(record, set_name, landing)
    if target not in reporters.names:
        return
    fails = has_it and record.is_failing and record.accepted_at >= landing.landed_at
    if fails and not record.has_failed_sync and wave.failed_after:
        if target not in landing.failed and target not in landing.tolerated:
            since = landing.degraded.get(target, record.accepted_at)
            landing.degraded = {**landing.degraded, target: since}
        return
    if target in landing.degraded:
        landing.degraded = _without(landing.degraded, target)
    if fails:
        _fail(landing, target, record.accepted_at, reporters)
    elif has_it and record.is_healthy and target in landing.tolerated:
        landing.tolerated = _without(landing.tolerated, target)
    elif has_it and record.is_healthy and target in landing.failed:
        _weigh(landing, _without(landing.failed, target), record.accepted_at, reporters)


def count_failed(wave: Wave, landing: Landing, at: datetime, reporters: Reporters) -> None:
    """Who by a time has been Degraded for as long as the wave says has failed since then."""
    for target, since in landing.degraded.items():
        if since + wave.failed_after <= at:
            landing.degraded = _without(landing.degraded, target)
            _fail(landing, target, since + wave.failed_after, reporters)


def weigh_anew(
    counted: Collection[str], landing: Landing, at: datetime, reporters: Reporters
) -> None:
    """A failure on a target that does not count any more is nobody's; and what the settings say of
    how many are needed holds for what has failed before, too."""
    for target in landing.degraded:
        if target not in counted:
            landing.degraded = _without(landing.degraded, target)
    failing = {**landing.tolerated, **landing.failed}
    if failing:
        mine = {one: since for one, since in failing.items() if one in counted}
        _weigh(landing, mine, at, reporters)


def _fail(landing: Landing, target: str, since: datetime, reporters: Reporters) -> None:
    failing = {target: since, **landing.tolerated, **landing.failed}
    _weigh(landing, failing, since, reporters)


def _weigh(
    landing: Landing, failing: Mapping[str, datetime], at: datetime, reporters: Reporters
) -> None:
    """Say whether a set has failed, if these targets have: it has not while the wave does without
    them. Where it had failed and has not any more, all targets count anew."""
    if len(failing) > reporters.spare(landing):
        landing.failed, landing.tolerated = failing, {}
        landing.end_deployment()
        return
    if landing.failed:
        count_anew(landing, at)
    landing.failed, landing.tolerated = {}, failing


def count_anew(landing: Landing, at: datetime) -> None:
    """A failure has passed: all targets count anew; once nothing else speaks against the set, the
    next failure gets an answer of its own."""
    landing.taken, landing.anew = {}, at
    landing.held = landing.held and bool(landing.refuted)


def _without(since: Mapping[str, datetime], target: str) -> dict[str, datetime]:
    return {one: when for one, when in since.items() if one != target}
