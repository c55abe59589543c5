"""Which sets are deployed in a wave, which have failed there, and how long they have soaked.

Records are taken in one by one, in the order of what the targets did. What counts is when they
were accepted and when sets landed, not when a turn happens to run; only a change of the settings,
which has no time of its own, counts from the turn that sees it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tidemill.facts.ledger import Had
from tidemill.facts.records import Deployment
from tidemill.facts.settings import Wave
from tidemill.plan.draft import Draft


def concerned(draft: Draft, wave: Wave, had: Had) -> Iterator[str]:
    """The targets that have to take a set before it is deployed.

    A target that runs no service of it does not; nor does one that has never reported and of
    which nothing is on main.
    """
    for target in wave.targets:
        files = had.targets.get(target)
        if files is not None and not files.uses:
            continue
        if (wave.name, target) not in draft.records and _is_absent(draft, wave.name, target):
            continue
        yield target


def missing(draft: Draft, wave: Wave, had: Had) -> list[str]:
    """The targets that have not taken the set yet."""
    return [target for target in concerned(draft, wave, had) if target not in had.taken]


def runs(record: Deployment | None, set_name: str, target: str, had: Had) -> bool:
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
    files = had.targets.get(target)
    same_files = files is not None and files.tree is not None and files.tree == record.tree
    return same_files or (seen is not None and bool(had.digests) and seen.digests == had.digests)


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
        for had in part.had:
            _blame(had, wave, set_name, record)
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
        had, seen = part.present, (record.sets or {}).get(set_name)
        if had is None or seen is None or seen.content != had.content:
            continue
        _blame(had, wave, set_name, record)
        had.deployed_once = had.deployed_once or bool(had.failed)
        if record.is_healthy:
            had.taken[record.target] = max(record.accepted_at, had.landed_at)


def refresh(draft: Draft) -> None:
    """Let the ledger follow from what has landed and from the settings, without a new record."""
    for wave in draft.settings.waves:
        for set_name in draft.ledger.sets.get(wave.name, {}):
            refresh_set(draft, wave, set_name, draft.now)


def refresh_set(draft: Draft, wave: Wave, set_name: str, at: datetime) -> None:
    """Work out for one set in one wave what is deployed, and run or stop its soak clocks."""
    _count_failed(draft, wave, set_name, at)
    is_failing = any(failing_targets(draft, wave, set_name))
    for had in draft.ledger.history(wave.name, set_name).had:
        _forget_unlisted(wave, had, at)
        if had.failed or had.buried:
            continue
        if had.is_misnamed:
            had.taken = {}
            _is_not_deployed(had)
            continue
        for target in missing(draft, wave, had):
            record = draft.records.get((wave.name, target))
            if record is not None and record.is_healthy and runs(record, set_name, target, had):
                had.taken[target] = max(
                    record.accepted_at, had.landed_at, had.anew or had.landed_at
                )
        if missing(draft, wave, had):
            _is_not_deployed(had)
        elif had.deployed_at is None:
            concern = [had.taken[target] for target in concerned(draft, wave, had)]
            had.deployed_at = max([had.landed_at, *([had.anew] if had.anew else []), *concern])
            had.deployed_once, had.healthy_since = True, had.deployed_at
        _run_clock(had, is_failing, at)


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
        for had in draft.ledger.history(wave.name, set_name).had
        for target, since in had.degraded.items()
    }


def _run_clock(had: Had, is_failing: bool, at: datetime) -> None:
    if is_failing and had.healthy_since is not None:
        had.healthy = had.soaked(at)
        had.healthy_since = None
    elif not is_failing and had.deployed_at is not None and had.healthy_since is None:
        had.healthy_since = max(at, had.deployed_at)


def has_very_set(record: Deployment, set_name: str, had: Had) -> bool:
    """Whether the target's revision has this set, and it runs some of it."""
    seen = (record.sets or {}).get(set_name)
    return seen is not None and seen.uses and seen.content == had.content


def _blame(had: Had, wave: Wave, set_name: str, record: Deployment) -> None:
    """What a record says of one set: it fails, it may come to that, or it is well again."""
    target, has_it = record.target, has_very_set(record, set_name, had)
    fails = has_it and record.is_failing and record.accepted_at >= had.landed_at
    if fails and not record.has_failed_sync and wave.failed_after:
        if target not in had.failed:
            had.degraded.setdefault(target, record.accepted_at)
        return
    had.degraded.pop(target, None)
    if fails:
        _fail(had, target, record.accepted_at)
    elif has_it and record.is_healthy and target in had.failed:
        _recover(had, record)


def _count_failed(draft: Draft, wave: Wave, set_name: str, at: datetime) -> None:
    """Who by a time has been Degraded for as long as the wave says has failed since then."""
    for had in draft.ledger.history(wave.name, set_name).had:
        for target, since in list(had.degraded.items()):
            if since + wave.failed_after <= at:
                del had.degraded[target]
                _fail(had, target, since + wave.failed_after)


def _fail(had: Had, target: str, since: datetime) -> None:
    had.failed.setdefault(target, since)
    _is_not_deployed(had)


def _is_not_deployed(had: Had) -> None:
    had.deployed_at, had.healthy, had.healthy_since = None, timedelta(), None


def _forget_unlisted(wave: Wave, had: Had, at: datetime) -> None:
    """A failure on a target that the settings no longer list is nobody's any more."""
    for target in had.degraded.keys() - set(wave.targets):
        del had.degraded[target]
    if had.failed and not had.failed.keys() & set(wave.targets):
        had.failed, had.taken, had.anew, had.held = {}, {}, at, False


def _recover(had: Had, record: Deployment) -> None:
    del had.failed[record.target]
    if not had.failed:
        had.taken, had.anew, had.held = {}, record.accepted_at, False


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
