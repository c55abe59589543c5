"""Deployment: what targets report, and which sets are deployed in a wave because of it.

Records are taken in one by one, in the order of what the targets did. What counts is when they
were accepted and when sets landed, not when a turn happens to run; only a change of the settings,
which has no time of its own, counts from the turn that sees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tidemill.facts.journal import Entry
from tidemill.facts.ledger import Landing
from tidemill.facts.records import Deployment
from tidemill.facts.settings import Wave, no_such_target
from tidemill.plan.draft import Draft
from tidemill.plan.failure import (
    blame,
    count_failed,
    failing_targets,
    note_failing,
    weigh_anew,
)
from tidemill.plan.silent_targets import Reporters, counted
from tidemill.plan.soak import run_clock
from tidemill.words.durations import show_duration
from tidemill.words.moments import to_the_second
from tidemill.words.shas import short


def file_record(draft: Draft, ref_id: str, record: Deployment) -> None:
    """File what a target reports, unless it has reported something later."""
    target = record.target
    wave = draft.settings.listing(record.wave, target)
    if wave is None:
        draft.reject(ref_id, no_such_target(record.wave, target), wave=record.wave)
        return
    if (record.wave, target) in draft.snapshot.silenced:
        return
    latest = draft.records.get((record.wave, target))
    if latest is not None and latest.id == record.id:
        entry = None
    elif latest is not None and record.finished < latest.finished:
        later = to_the_second(latest.finished)
        why = f"{target} has reported something later, finished at {later}"
        entry = Entry(what="out of date", id=ref_id, wave=record.wave, reason=why)
    else:
        if record.ahead and not (latest and latest.ahead):
            by = show_duration(record.ahead)
            why = f"the clock of {target} is {by} ahead: its reports count as of when they came"
            draft.entries.append(Entry(what="clock ahead", wave=record.wave, reason=why))
        _take_in(draft, wave, record)
        said = f"{target}: {record.phase}, {record.health} at {short(record.revision)}"
        entry = Entry(
            what="reported",
            id=ref_id,
            sha=record.revision,
            wave=record.wave,
            reason=said,
            target=target,
            phase=record.phase,
            health=record.health,
        )
    draft.end(ref_id, "done", entry)
    # Records do not end in the sense of requests: the same one may come again, and count.
    draft.ledger.ended = [one for one in draft.ledger.ended if one.id != ref_id]


def recall_record(draft: Draft, record: Deployment) -> None:
    """Let a ledger that was made again follow from a record that was filed before.

    Whether a set that fails had been deployed there is not known: so it is not rolled back by
    itself.
    """
    wave = draft.settings.listing(record.wave, record.target)
    if wave is None:
        return
    note_failing(draft, record)
    reporters = Reporters.of(draft, wave)
    for set_name, part in draft.ledger.sets.get(wave.name, {}).items():
        landing, seen = part.present, (record.sets or {}).get(set_name)
        if landing is None or seen is None or seen.content != landing.content:
            continue
        blame(landing, wave, set_name, record, reporters)
        landing.deployed_once = landing.deployed_once or bool(landing.failed)
        if record.is_healthy:
            since = max(record.accepted_at, landing.landed_at)
            landing.taken = {**landing.taken, record.target: since}


def refresh(draft: Draft) -> None:
    """Let the ledger follow from what has landed and from the settings, without a new record.

    Reads records, settings, the time; writes what landings are deployed, failed and soaked.
    """
    for wave in draft.settings.waves:
        reporters = Reporters.of(draft, wave)
        if draft.reporters.get(wave.name) != reporters.id:
            _blame_again(draft, wave, reporters)
        for set_name in draft.ledger.sets.get(wave.name, {}):
            _refresh_set(draft, wave, set_name, draft.now, reporters)
        draft.reporters[wave.name] = reporters.id
        _note_if_well(draft, wave, reporters)


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
    if files is not None and files.tree is not None and files.tree == record.tree:
        return True
    return seen is not None and bool(landing.digests) and seen.digests == landing.digests


def _take_in(draft: Draft, wave: Wave, record: Deployment) -> None:
    sets = draft.ledger.sets.get(wave.name, {})
    draft.records[wave.name, record.target] = record
    draft.filed.append(record)
    reporters = Reporters.of(draft, wave)
    for part in sets.values():
        for landing in part.landings:
            if landing.degraded:
                count_failed(wave, landing, record.accepted_at, reporters)
    note_failing(draft, record)
    for set_name, part in sets.items():
        seen = (record.sets or {}).get(set_name)
        for landing in part.landings:
            if landing.degraded or (seen is not None and seen.content == landing.content):
                blame(landing, wave, set_name, record, reporters)
        _refresh_set(draft, wave, set_name, record.accepted_at, reporters)
    draft.reporters[wave.name] = reporters.id
    _note_if_well(draft, wave, reporters)


def _blame_again(draft: Draft, wave: Wave, reporters: Reporters) -> None:
    """Take in who fails with a set and counts, where that did not count when it was reported."""
    for target in reporters.targets:
        record = draft.records.get((wave.name, target))
        if record is not None and record.is_failing:
            for set_name, part in draft.ledger.sets.get(wave.name, {}).items():
                for landing in part.landings:
                    blame(landing, wave, set_name, record, reporters)


def _refresh_set(
    draft: Draft, wave: Wave, set_name: str, at: datetime, reporters: Reporters
) -> None:
    """Work out for one set in one wave what is deployed, and run or stop its soak clocks.

    What is deployed stays so while the same targets have to report.
    """
    failing = failing_targets(draft, wave, set_name)
    is_red = any(one.red for one in draft.ledger.history(wave.name, set_name).answers.values())
    are_same = draft.reporters.get(wave.name) == reporters.id
    is_calm = are_same and not failing and not is_red
    for landing in draft.ledger.history(wave.name, set_name).landings:
        if is_calm and landing.soaks:
            continue
        count_failed(wave, landing, at, reporters)
        if landing.failed or landing.tolerated or landing.degraded:
            weigh_anew(counted(draft, wave), landing, at, reporters)
        if landing.has_failed or landing.buried:
            continue
        if landing.is_misnamed:
            landing.taken = {}
            landing.end_deployment()
            continue
        if landing.deployed_at is None or not are_same:
            _see_who_has_taken(draft, wave, set_name, landing, reporters)
        is_failing = is_red or len(failing) > reporters.spare(landing)
        run_clock(landing, at, is_failing=is_failing)


def _see_who_has_taken(
    draft: Draft, wave: Wave, set_name: str, landing: Landing, reporters: Reporters
) -> None:
    """A set is deployed once as many as the wave needs of those that count have taken it."""
    if reporters.has_nobody:
        return  # what was deployed stays so
    late = reporters.missing(landing)
    if late:
        landing.taken = {**landing.taken, **_taken_by(draft, wave, set_name, landing, late)}
    if late and not reporters.are_enough(landing):
        landing.end_deployment()
    elif landing.deployed_at is None:
        landing.deployed_at = landing.healthy_since = reporters.since(landing)
        landing.deployed_once = True
        draft.note_set("deployed", wave.name, set_name, landing, "its targets are healthy with it")


def _taken_by(
    draft: Draft, wave: Wave, set_name: str, landing: Landing, late: Sequence[str]
) -> dict[str, datetime]:
    """Of some targets those that are healthy with a set, and since when that counts."""
    records = ((target, draft.records.get((wave.name, target))) for target in late)
    return {
        target: max(record.accepted_at, landing.begun_at)
        for target, record in records
        if record is not None and record.is_healthy and runs(record, set_name, target, landing)
    }


def _note_if_well(draft: Draft, wave: Wave, reporters: Reporters) -> None:
    """Remember what the wave has, if as many of its targets as it needs are healthy with that."""
    names = [one.name for one in draft.settings.sets]
    presents = {name: draft.ledger.present(wave.name, name) for name in names}
    found = {name: present for name, present in presents.items() if present}
    latest = [draft.records.get((wave.name, target)) for target in reporters.targets]
    well = sum(record is not None and record.is_healthy for record in latest)
    if well >= reporters.need.of(len(latest)) and not any(
        present.has_failed or present.is_misnamed or not reporters.are_enough(present)
        for present in found.values()
    ):
        draft.ledger.well_with[wave.name] = {name: one.content for name, one in found.items()}
