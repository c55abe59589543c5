"""What runs where, as of a snapshot and the plan that was made of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from tidemill.facts.gates import GateChange
from tidemill.facts.holds import Hold
from tidemill.facts.ledger import Landing
from tidemill.facts.naming import Naming
from tidemill.facts.need import ALL, Ignored
from tidemill.facts.operation import Files
from tidemill.facts.settings import ALL_SETS, Wave
from tidemill.facts.snapshot import Snapshot, UnreadableRef
from tidemill.plan.deployment import runs
from tidemill.plan.gates import lately_changed
from tidemill.plan.gone import gone_holds
from tidemill.plan.obstacles import Wait
from tidemill.plan.plan import Plan
from tidemill.words.durations import show_duration
from tidemill.words.names import shown


class SetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A set in a wave.

    Attributes:
        state: auto, in flight, deployed, deployed in part, not in the files, failed or silent;
            `since` when.
        naming: what the wave's files do not name of it, None if nothing is missing.
        without: the targets that do not run it, or fail with it, where it is deployed all the same.
        is_hotfix: a person put it there past the waves before; then it has no position.
    """

    set: str
    app_sha: str | None
    position: int | None
    state: str
    since: datetime | None = None
    naming: Naming | None = None
    is_hotfix: bool = False
    without: tuple[str, ...] = ()


class IgnoredStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Until when a target does not count, and why."""

    until: datetime
    reason: str


class TargetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A target, as its latest record has it. `runs`: the commit of app.git by set.

    `clock_ahead` says by how much its clock is wrong, where its latest record shows that.
    `ignored` says until when, and why, it does not count.
    """

    name: str
    revision: str | None = None
    phase: str | None = None
    health: str | None = None
    runs: dict[str, str] = {}
    clock_ahead: str | None = None
    ignored: IgnoredStatus | None = None


class FreezeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A freeze that is in force (`is_now`), or that is to come."""

    begins: datetime
    until: datetime
    reason: str
    is_now: bool


class WaveStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A wave. `need` is how many of its targets have to run a set; `hold` is the widest hold on it,
    `holds` has one for each place, with what else holds the same place `beneath` it; `freezes` are
    those that are not over; `gates_changed` are the commits of main that changed its gates, for
    seven days, the latest last."""

    name: str
    need: str
    hold: Hold | None
    holds: tuple[Hold, ...]
    freezes: tuple[FreezeStatus, ...]
    sets: tuple[SetStatus, ...]
    targets: tuple[TargetStatus, ...]
    gates_changed: tuple[GateChange, ...] = ()


class UnreadableStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A ref that can't be read: why, and what to do."""

    ref: str
    reason: str
    remedy: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The whole rollout. `gone_holds` are of waves or sets that the settings do not name."""

    main: str
    auto: str | None
    waves: tuple[WaveStatus, ...]
    waiting: tuple[Wait, ...]
    gone_holds: tuple[Hold, ...] = ()
    unreadable: tuple[UnreadableStatus, ...] = ()


def state_of(wave: Wave, landing: Landing, now: datetime) -> str:
    """A set's state in its wave: in flight, deployed, failed, or silent."""
    if landing.has_failed:
        return "failed"
    if landing.is_misnamed:
        return "not in the files"
    if landing.deployed_at is not None:
        return "deployed in part" if landing.naming else "deployed"
    if landing.is_known and now < landing.landed_at + wave.settle:
        return "in flight"
    return "silent"


def status(snapshot: Snapshot, plan: Plan) -> Status:
    """What runs where and what waits for what; `plan` is of this snapshot."""
    return Status(
        main=snapshot.main.sha,
        auto=snapshot.auto_tip,
        waves=tuple(_wave(snapshot, plan, wave) for wave in snapshot.settings.waves),
        waiting=plan.waiting,
        gone_holds=tuple(gone_holds(snapshot.settings, plan.holds)),
        unreadable=(*_lost_journal(snapshot), *map(_unreadable, snapshot.unreadable)),
    )


def _lost_journal(snapshot: Snapshot) -> Iterator[UnreadableStatus]:
    """The journal, where it must have been there, and is not."""
    ref = f"{snapshot.settings.namespace}/journal"
    if snapshot.evidence is not None and ref not in {one.ref for one in snapshot.unreadable}:
        remedy = (
            "if this is a plain clone, which comes without it, name the repository itself by "
            "--repo; if it is lost there, put it back, if you have it; else the next turn makes it "
            "again"
        )
        yield UnreadableStatus(ref=ref, reason=snapshot.evidence.why, remedy=remedy)


def _unreadable(one: UnreadableRef) -> UnreadableStatus:
    ref = shown(one.ref).strip("'")
    if one.is_newer:
        remedy = f"use the newer release; if none wrote it, delete it: git push URL :{ref}"
    else:
        remedy = f"the next turn sets it aside, below rejected/ as {one.id}"
    return UnreadableStatus(ref=ref, reason=one.reason, remedy=remedy)


def _wave(snapshot: Snapshot, plan: Plan, wave: Wave) -> WaveStatus:
    holds = sorted(
        (hold for (name, _), hold in plan.holds.items() if name == wave.name),
        key=lambda hold: (hold.set != ALL_SETS, hold.set),
    )
    return WaveStatus(
        name=wave.name,
        need=str(wave.need),
        hold=holds[0] if holds else None,
        holds=tuple(holds),
        freezes=tuple(
            FreezeStatus(
                begins=one.begins,
                until=one.ends,
                reason=one.reason,
                is_now=one.begins <= snapshot.now,
            )
            for one in snapshot.settings.freezes_of(wave.name)
            if snapshot.now < one.ends
        ),
        sets=tuple(
            one
            for image_set in snapshot.settings.sets
            for one in _sets(snapshot, plan, wave, image_set.name)
        ),
        targets=tuple(_target(snapshot, plan, wave, target) for target in wave.targets),
        gates_changed=lately_changed(plan.ledger, wave.name, snapshot.now),
    )


def _sets(snapshot: Snapshot, plan: Plan, wave: Wave, set_name: str) -> Iterator[SetStatus]:
    landing = plan.ledger.present(wave.name, set_name)
    if landing is not None:
        state = state_of(wave, landing, snapshot.now)
        since = landing.deployed_at or landing.failed_since or landing.landed_at
        yield SetStatus(
            set=set_name,
            app_sha=landing.app_sha,
            position=landing.own_position,
            state=state,
            since=since,
            naming=landing.naming,
            is_hotfix=landing.is_hotfix,
            without=_without(snapshot, plan, wave, set_name) if state == "deployed" else (),
        )
    existing = {commit.sha for commit in snapshot.auto}
    for commit in plan.ledger.auto:
        one = commit.operation
        if (one.wave, one.set) == (wave.name, set_name) and commit.sha in existing:
            yield SetStatus(
                set=set_name,
                app_sha=one.app_sha,
                position=one.own_position,
                state="auto",
                since=commit.at,
                is_hotfix=one.is_hotfix,
            )


def _without(snapshot: Snapshot, plan: Plan, wave: Wave, set_name: str) -> tuple[str, ...]:
    """Who does not run what is deployed: late or failed, and not needed; or ignored."""
    landing = plan.ledger.present(wave.name, set_name)
    if landing is None or (wave.need == ALL and not snapshot.settings.targets):
        return ()

    def has_it(target: str) -> bool:
        record = plan.records.get((wave.name, target))
        is_well = record is not None and record.is_healthy
        return is_well and runs(record, set_name, target, landing)

    users = (one for one in wave.targets if landing.targets.get(one, Files()).uses)
    return tuple(one for one in users if not has_it(one))


def _ignored(found: Ignored | None) -> IgnoredStatus | None:
    """The same in values that everybody can write: JSON has none for a type of the settings."""
    if found is None:
        return None
    return IgnoredStatus(
        until=datetime.fromtimestamp(found.until.timestamp(), UTC), reason=found.reason
    )


def _target(snapshot: Snapshot, plan: Plan, wave: Wave, target: str) -> TargetStatus:
    record = plan.records.get((wave.name, target))
    ignored = _ignored(snapshot.settings.ignored(wave.name, target, snapshot.now))
    if record is None:
        return TargetStatus(name=target, ignored=ignored)
    running = {}
    for image_set in snapshot.settings.sets:
        seen = (record.sets or {}).get(image_set.name)
        landings = plan.ledger.history(wave.name, image_set.name).landings
        mine = [one for one in landings if runs(record, image_set.name, target, one)]
        said = seen.app_sha if seen and seen.images_fit and seen.is_named else None
        sha = mine[-1].app_sha if mine else said
        if sha and (seen is None or seen.uses):
            running[image_set.name] = sha
    return TargetStatus(
        name=target,
        revision=record.revision,
        phase=record.phase,
        health=record.health,
        runs=running,
        clock_ahead=show_duration(record.ahead) if record.ahead else None,
        ignored=ignored,
    )
