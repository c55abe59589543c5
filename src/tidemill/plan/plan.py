"""The turn's decision: `plan(snapshot)` says everything that is due. Pure: no I/O, no clock.

What only doing shows (an operation can't be done) the shell adds to the snapshot, and asks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec

from tidemill.facts.checks import CheckClaim
from tidemill.facts.holds import Hold
from tidemill.facts.journal import Entry
from tidemill.facts.ledger import Ledger, Refusal, trimmed
from tidemill.facts.operation import AutoCommit
from tidemill.facts.records import Deployment
from tidemill.facts.renames import Place, RenamedSnapshot, note_names, renamed
from tidemill.facts.snapshot import Snapshot, UnreadableRef
from tidemill.plan.deployment import refresh
from tidemill.plan.draft import Draft
from tidemill.plan.eviction import evict, to_check
from tidemill.plan.filing import file
from tidemill.plan.landing import end_requests, land, note_refusal
from tidemill.plan.lost_journal import recall
from tidemill.plan.new_main import observe
from tidemill.plan.next_sets import advance
from tidemill.plan.obstacles import Wait
from tidemill.plan.on_failure import recover
from tidemill.plan.regeneration import InspectionTodo, assess, put_regenerations_first
from tidemill.plan.replay import (
    Auto,
    Todo,
    main_has_moved,
    put_rollbacks_first,
    take_off_what_is_not_due,
    to_commits,
)
from tidemill.plan.waits import say_what_waits


@dataclass(frozen=True)
class Plan:
    """What a turn does.

    Attributes:
        main: what main will be; `landed` where that is a landing.
        auto: auto's commits above main; `auto_tip` what the branch will point to, None to leave it.
        ended: ids of the inbox whose refs go.
        filed: records to put on their targets' chains, in order.
        records: the latest record of each target then, by wave and target; `moved` where its
            records were kept under another wave's name.
        holds: all holds that will be in force.
        evicted: commits to keep; rejected: ids and reasons; aside: refs that can't be read.
        to_check: commits whose check is asked for; `more` where some would be, if it were asked.
        to_read: commits of which has to be read what was reported, before the rest of the plan
            means anything; the first one first, as the others may not matter then.
        todo: an operation to try, or a main to look at, before the rest of the plan means anything.
        is_change: whether anything is to be written at all.
    """

    main: str
    landed: str | None
    auto: tuple[AutoCommit, ...]
    auto_tip: str | None
    ledger: Ledger
    entries: tuple[Entry, ...]
    ended: tuple[str, ...]
    filed: tuple[Deployment, ...]
    records: Mapping[tuple[str, str], Deployment]
    holds: Mapping[tuple[str, str], Hold]
    evicted: tuple[str, ...]
    rejected: Mapping[str, str]
    aside: tuple[UnreadableRef, ...]
    to_check: tuple[str, ...]
    waiting: tuple[Wait, ...]
    todo: Todo | InspectionTodo | None
    is_change: bool
    more: bool = False
    to_read: tuple[str, ...] = ()
    moved: Mapping[Place, Place] = field(default_factory=dict)


def plan(
    snapshot: Snapshot,
    *,
    without_landing: bool = False,
    refused: Refusal | None = None,
    claim: bool = True,
) -> Plan:
    """Decide everything that is due.

    Args:
        snapshot: what is known.
        without_landing: do all that is not landing.
        refused: what the server said to the landing; then there is none.
        claim: whether the checks that are wanted are claimed, where no runner does that itself.
    """
    today = renamed(snapshot)
    draft = Draft.of(today.snapshot)
    draft.entries += today.entries
    observe(draft)
    recall(draft)
    before = snapshot.ledger if snapshot.ledger.sets else _as_adopted(draft)
    file(draft)
    assess(draft)
    refresh(draft)
    recover(draft)
    end_requests(draft)
    if refused is not None:
        note_refusal(draft, refused)
    elif not without_landing:
        land(draft)
    if draft.landed:
        assess(draft)
    refresh(draft)
    evict(draft)
    end_requests(draft)
    take_off_what_is_not_due(draft)
    put_rollbacks_first(draft)
    put_regenerations_first(draft)
    advance(draft)
    while (auto := to_commits(draft)).gave_up:
        advance(draft)
    end_requests(draft)
    return _finished(draft, auto, before, today, claim=claim)


def of_dry_run(decided: Plan, snapshot: Snapshot) -> Plan:
    """The plan as it may be shown where it is not carried out: no commit in it is nowhere."""
    there = {commit.sha for commit in snapshot.auto}
    gone = frozenset(commit.sha for commit in decided.auto if commit.sha not in there)
    return replace(
        decided,
        entries=tuple(
            msgspec.structs.replace(entry, sha=None) if entry.sha in gone else entry
            for entry in decided.entries
        ),
        to_check=tuple(sha for sha in decided.to_check if sha not in gone),
        waiting=tuple(line.without(gone) for line in decided.waiting),
    )


def _as_adopted(draft: Draft) -> Ledger:
    """What main alone tells of a repository that has no journal yet: not worth a write."""
    refresh(draft)
    return draft.ledger.copy()


def _finished(
    draft: Draft, auto: Auto, before: Ledger, today: RenamedSnapshot, *, claim: bool
) -> Plan:
    commits = list(auto.commits)
    tip = commits[-1].sha if commits else draft.main
    was_empty = not (draft.snapshot.auto or draft.snapshot.foreign or draft.snapshot.evidence)
    auto_tip = None if tip == draft.snapshot.auto_tip or (not commits and was_empty) else tip
    draft.ledger.auto = commits
    refused = draft.ledger.refused
    if refused is not None and refused.sha not in {commit.sha for commit in commits}:
        draft.ledger.refused = None
    if (
        commits
        and commits[0].sha not in {one.sha for one in draft.snapshot.auto}
        and main_has_moved(draft)
    ):
        draft.ledger.moved += 1
        draft.ledger.moved_since = draft.ledger.moved_since or draft.now
    if draft.main_verdict.state == "green":
        draft.ledger.green_main = draft.main
    for wave in draft.settings.waves:
        followers = draft.settings.followers(wave.name)
        for name, part in draft.ledger.sets.get(wave.name, {}).items():
            above = [draft.ledger.history(follower.name, name).newest for follower in followers]
            part.landings = trimmed(part, min(above) if above else None)
    wanted = to_check(draft, commits)
    say_what_waits(draft, commits, wanted, is_partial=auto.todo is not None)
    is_changed = draft.ledger != before
    note_names(draft.ledger, draft.settings)
    draft.ledger.named |= draft.named  # that alone is not worth a write
    claims = _claim(draft, commits, wanted if claim else [])
    return Plan(
        main=draft.main,
        landed=draft.landed,
        auto=tuple(commits),
        auto_tip=auto_tip,
        ledger=draft.ledger,
        entries=draft.told(),
        ended=tuple(draft.ended),
        filed=tuple(draft.filed),
        records=draft.records,
        holds=draft.holds,
        evicted=tuple(draft.evicted),
        rejected=draft.rejected,
        aside=tuple(draft.aside),
        to_check=tuple(wanted),
        waiting=tuple(draft.waiting),
        todo=auto.todo,
        is_change=bool(
            draft.landed
            or draft.snapshot.evidence
            or auto_tip
            or draft.ended
            or draft.evicted
            or draft.rejected
            or draft.aside
            or draft.holds != dict(draft.snapshot.holds)
            or today.is_due
            or is_changed
            or claims
        ),
        more=bool(wanted) and not claim,
        to_read=tuple(draft.to_read),
        moved=today.moved,
    )


def _claim(draft: Draft, commits: list[AutoCommit], wanted: list[str]) -> bool:
    """Write down what is asked for, where no runner does; whether that is worth a write.

    A claim goes with its commit; that alone is not.
    """
    if draft.settings.checks.source != "github":
        draft.ledger.asked = {}
        return False
    current = {draft.main, *(commit.sha for commit in commits)}
    kept = {sha: asked for sha, asked in draft.ledger.asked.items() if sha in current}
    new = {sha: CheckClaim(at=draft.now, runs=draft.seen(sha).finished) for sha in wanted}
    draft.ledger.asked = {**kept, **new}
    return bool(new)
