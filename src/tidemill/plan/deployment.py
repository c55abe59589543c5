"""Which sets are deployed in a wave, which have failed there, and how long they have soaked.

Records are taken in one by one, in the order of what the targets did. What counts is when they
were accepted and when sets landed, not when a turn happens to run; only a change of the settings,
which has no time of its own, counts from the turn that sees it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tidemill.facts.ledger import Landing
from tidemill.facts.records import Deployment
from tidemill.facts.settings import Wave
from tidemill.plan.draft import Draft


def concerned(draft: Draft, wave: Wave, landing: Landing) -> Iterator[str]:
    """The targets that have to take a set before it is deployed.

    A target that runs no service of it does not; nor does one that has never reported and of
    which nothing is on main.
    """
    for target in wave.targets:
        files = landing.targets.get(target)
        if files is not None and not files.uses:
            continue
        if (wave.name, target) not in draft.records and _is_absent(draft, wave.name, target):
            continue
        yield target


def missing(draft: Draft, wave: Wave, landing: Landing) -> list[str]:
    """The targets that have not taken the set yet."""
    return [target for target in concerned(draft, wave, landing) if target not in landing.taken]


def runs(record: Deployment | None, set_name: str, target: str, landing: Landing) -> bool:
    """Whether the target runs the set, by its latest record.

    It does if its revision has the same digests, or if what it renders from is the same as in
    the commit that put the set in the wave; unless the images it named say otherwise, or its files
    name others.
    """
    if record is None:
        return False
    seen = (record.sets or {}).get(set_name)
    if seen is not None and not (seen.images_fit and seen.is_named):
        return False
    files = landing.targets.get(target)
    same_files = files is not None and files.tree is not None and files.tree == record.tree
    return same_files or (
        seen is not None and bool(landing.digests) and seen.digests == landing.digests
    )


def take_in(draft: Draft, wave: Wave, record: Deployment) -> None:
    """File one record, and let the ledger follow from it."""
    for set_name in draft.ledger.sets.get(wave.name, {}):
        _count_failed(draft, wave, set_name, record.accepted_at)
    draft.records[wave.name, record.target] = record
    draft.filed.append(record)
    if record.is_failing:
        draft.ledger.failing.setdefault(wave.name, {}).setdefault(record.target, record.accepted_at)
    elif record.is_healthy:
        draft.ledger.failing.get(wave.name, {}).pop(record.target, None)
    for set_name, part in draft.ledger.sets.get(wave.name, {}).items():
        for landing in part.landings:
            _blame(landing, wave, set_name, record)
        refresh_set(draft, wave, set_name, record.accepted_at)
    if _is_well(draft, wave):
        parts = draft.ledger.sets.get(wave.name, {})
        draft.ledger.well_with[wave.name] = {
            name: part.present.content for name, part in parts.items() if part.present
        }


def recall_record(draft: Draft, record: Deployment) -> None:
    """Let a ledger that was made again follow from a record that was filed before.

    Whether a set that fails had been deployed there is not known: so it is not rolled back by
    itself.
    """
    wave = draft.settings.wave(record.wave)
    if wave is None or record.target not in wave.targets:
        return
    if record.is_failing:
        draft.ledger.failing.setdefault(wave.name, {})[record.target] = record.accepted_at
    for set_name, part in draft.ledger.sets.get(wave.name, {}).items():
        landing, seen = part.present, (record.sets or {}).get(set_name)
        if landing is None or seen is None or seen.content != landing.content:
            continue
        _blame(landing, wave, set_name, record)
        landing.deployed_once = landing.deployed_once or bool(landing.failed)
        if record.is_healthy:
            landing.taken[record.target] = max(record.accepted_at, landing.landed_at)


def refresh(draft: Draft) -> None:
    """Let the ledger follow from what has landed and from the settings, without a new record."""
    for wave in draft.settings.waves:
        for set_name in draft.ledger.sets.get(wave.name, {}):
            refresh_set(draft, wave, set_name, draft.now)


def refresh_set(draft: Draft, wave: Wave, set_name: str, at: datetime) -> None:
    """Work out for one set in one wave what is deployed, and run or stop its soak clocks."""
    _count_failed(draft, wave, set_name, at)
    is_failing = any(failing_targets(draft, wave, set_name))
    for landing in draft.ledger.history(wave.name, set_name).landings:
        _forget_unlisted(wave, landing, at)
        if landing.failed or landing.buried:
            continue
        if landing.is_misnamed:
            landing.taken = {}
            _is_not_deployed(landing)
            continue
        for target in missing(draft, wave, landing):
            record = draft.records.get((wave.name, target))
            if record is not None and record.is_healthy and runs(record, set_name, target, landing):
                landing.taken[target] = max(
                    record.accepted_at, landing.landed_at, landing.anew or landing.landed_at
                )
        if missing(draft, wave, landing):
            _is_not_deployed(landing)
        elif landing.deployed_at is None:
            concern = [landing.taken[target] for target in concerned(draft, wave, landing)]
            landing.deployed_at = max(
                [landing.landed_at, *([landing.anew] if landing.anew else []), *concern]
            )
            landing.deployed_once, landing.healthy_since = True, landing.deployed_at
        _run_clock(landing, is_failing, at)


def failing_targets(draft: Draft, wave: Wave, set_name: str) -> Iterator[str]:
    """The targets that failed, have not been healthy since, and run something of the set."""
    failing = draft.ledger.failing.get(wave.name, {})
    for target in wave.targets:
        record = draft.records.get((wave.name, target))
        seen = (record.sets or {}).get(set_name) if record else None
        if target in failing and seen is not None and seen.uses:
            yield target


def degraded_targets(draft: Draft, wave: Wave, set_name: str) -> dict[str, datetime]:
    """The targets that are Degraded and don't count as failed yet, and when each will."""
    return {
        target: since + wave.failed_after
        for landing in draft.ledger.history(wave.name, set_name).landings
        for target, since in landing.degraded.items()
    }


def _run_clock(landing: Landing, is_failing: bool, at: datetime) -> None:
    if is_failing and landing.healthy_since is not None:
        landing.healthy = landing.soaked(at)
        landing.healthy_since = None
    elif not is_failing and landing.deployed_at is not None and landing.healthy_since is None:
        landing.healthy_since = max(at, landing.deployed_at)


def has_very_set(record: Deployment, set_name: str, landing: Landing) -> bool:
    """Whether the target's revision has this set, and it runs some of it."""
    seen = (record.sets or {}).get(set_name)
    return seen is not None and seen.uses and seen.content == landing.content


def _blame(landing: Landing, wave: Wave, set_name: str, record: Deployment) -> None:
    """What a record says of one set: it fails, it may come to that, or it is well again."""
    target, has_it = record.target, has_very_set(record, set_name, landing)
    fails = has_it and record.is_failing and record.accepted_at >= landing.landed_at
    if fails and not record.has_failed_sync and wave.failed_after:
        if target not in landing.failed:
            landing.degraded.setdefault(target, record.accepted_at)
        return
    landing.degraded.pop(target, None)
    if fails:
        _fail(landing, target, record.accepted_at)
    elif has_it and record.is_healthy and target in landing.failed:
        _recover(landing, record)


def _count_failed(draft: Draft, wave: Wave, set_name: str, at: datetime) -> None:
    """Who by a time has been Degraded for as long as the wave says has failed since then."""
    for landing in draft.ledger.history(wave.name, set_name).landings:
        for target, since in list(landing.degraded.items()):
            if since + wave.failed_after <= at:
                del landing.degraded[target]
                _fail(landing, target, since + wave.failed_after)


def _fail(landing: Landing, target: str, since: datetime) -> None:
    landing.failed.setdefault(target, since)
    _is_not_deployed(landing)


def _is_not_deployed(landing: Landing) -> None:
    landing.deployed_at, landing.healthy, landing.healthy_since = None, timedelta(), None


def _forget_unlisted(wave: Wave, landing: Landing, at: datetime) -> None:
    """A failure on a target that the settings no longer list is nobody's any more."""
    for target in landing.degraded.keys() - set(wave.targets):
        del landing.degraded[target]
    if landing.failed and not landing.failed.keys() & set(wave.targets):
        landing.failed, landing.taken, landing.anew, landing.held = {}, {}, at, False


def _recover(landing: Landing, record: Deployment) -> None:
    del landing.failed[record.target]
    if not landing.failed:
        landing.taken, landing.anew, landing.held = {}, record.accepted_at, False


def _is_well(draft: Draft, wave: Wave) -> bool:
    """Whether every target of the wave is healthy with what the wave has now."""
    presents = [part.present for part in draft.ledger.sets.get(wave.name, {}).values()]
    latest = [
        draft.records.get((wave.name, target))
        for target in wave.targets
        if (wave.name, target) in draft.records or not _is_absent(draft, wave.name, target)
    ]
    return all(record is not None and record.is_healthy for record in latest) and not any(
        present.failed or present.is_misnamed or missing(draft, wave, present)
        for present in presents
        if present
    )


def _is_absent(draft: Draft, wave: str, target: str) -> bool:
    return (
        bool(draft.settings.deployments.path)
        and draft.snapshot.main.trees.get((wave, target)) is None
    )
