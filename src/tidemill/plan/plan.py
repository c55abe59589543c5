"""The turn's decision: `plan(snapshot)` says everything that is due. Pure: no I/O, no clock.

What only doing shows (an operation can't be done) the shell adds to the snapshot, and asks again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from tidemill.facts.holds import Hold
from tidemill.facts.journal import Entry
from tidemill.facts.ledger import Ledger, Refusal
from tidemill.facts.operation import AutoCommit
from tidemill.facts.records import Deployment
from tidemill.facts.renames import Place, RenamedSnapshot, note_names, renamed
from tidemill.facts.signals import Message
from tidemill.facts.snapshot import Snapshot, UnreadableRef
from tidemill.facts.verification import Question
from tidemill.plan.approvers import is_for_reviewers
from tidemill.plan.bisecting import choose_checks, claim_checks
from tidemill.plan.deployment import refresh
from tidemill.plan.draft import Draft
from tidemill.plan.eviction import evict
from tidemill.plan.filing import end_requests, file
from tidemill.plan.gates import remember_gates
from tidemill.plan.hotfix import put_hotfixes_first
from tidemill.plan.landing import land, note_refusal
from tidemill.plan.lost_journal import recall
from tidemill.plan.new_main import observe
from tidemill.plan.next_sets import advance
from tidemill.plan.obstacles import Wait
from tidemill.plan.on_failure import answer_failures
from tidemill.plan.regeneration import InspectionTodo, assess, put_regenerations_first
from tidemill.plan.replay import Auto, Todo, note_auto, take_off_what_is_not_due, to_commits
from tidemill.plan.rollback import put_rollbacks_first
from tidemill.plan.signals import tell
from tidemill.plan.verification import verify
from tidemill.plan.waits import say_what_waits
from tidemill.plan.wording import line_command


class Plan(Struct, frozen=True):
    """What a turn does.

    Attributes:
        main: what main will be; `landed` where that is a landing.
        auto: auto's commits above main; `auto_tip` what the branch will point to, None to leave it.
        ended: ids of the inbox whose refs go, because nothing of what they ask for waits any more.
        filed: records to put on their targets' chains, in order.
        records: the latest record of each target then, by wave and target; `moved` where its
            records were kept under another wave's name.
        holds: all holds that will be in force.
        evicted: commits to keep; rejected: ids and reasons; aside: refs that can't be read.
        to_check: commits whose check is asked for; `more` where some would be, if it were asked.
        to_read: commits of which has to be read what was reported, before the rest of the plan
            means anything; the first one first, as the others may not matter then.
        to_ask: verifications to ask before the rest of the plan is all that is due.
        to_vouch: requests of which has to be found out who asked, likewise.
        todo: operations to try, or a main to look at, before the rest of the plan means anything.
        is_change: whether anything is to be written at all.
        messages: signals to send once all of this is written.
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
    messages: tuple[Message, ...] = ()
    to_ask: tuple[Question, ...] = ()
    to_vouch: tuple[str, ...] = ()
    moved: Mapping[Place, Place] = field(default_factory=dict)

    @property
    def moves_branches(self) -> bool:
        """Whether main or auto is to point to another commit."""
        return bool(self.landed or self.auto_tip)


def plan(
    snapshot: Snapshot,
    *,
    without_landing: bool = False,
    is_part: bool = False,
    refused: Refusal | None = None,
    claim: bool = True,
) -> Plan:
    """Decide everything that is due.

    Args:
        snapshot: what is known.
        without_landing: do all that is not landing.
        is_part: more has come than is known. So nothing lands or is evicted, no failure is answered
            by itself, and nobody is told of what may be over once all is known.
        refused: what the server said to the landing; then there is none.
        claim: whether the checks that are wanted are claimed, where no runner does that itself.
    """
    today = renamed(snapshot)
    draft = Draft.of(today.snapshot)
    draft.entries += today.entries

    # What is known of main comes first: all that follows is judged by it.
    observe(draft)
    recall(draft)
    known = snapshot.ledger
    before = known if known.sets or known.wave_names.known else _as_adopted(draft)

    # What came is taken in before anything moves, so that a hold or a failure that is known holds.
    # What main generates has nothing to do with that: its place decides the journal's lines alone.
    file(draft)
    assess(draft)
    refresh(draft)
    verify(draft)
    if not is_part:
        answer_failures(draft)

    # Landing comes before evicting: what is tested and due must not wait for who is to blame.
    if refused is not None:
        note_refusal(draft, refused)
    elif not (without_landing or is_part):
        land(draft)
    if draft.landed:
        assess(draft)
        refresh(draft)
    if not is_part:
        evict(draft)

    # Auto is what is left and still due. Rollbacks go beneath all else, then hotfixes, then
    # regenerations; the next sets go on top, so that no commit under test is rewritten for them.
    # Each finds its place whatever is there already, so it is the same in which order they come;
    # and so it is whether requests end a step earlier or later, but for the words of the journal.
    end_requests(draft)
    take_off_what_is_not_due(draft)
    put_hotfixes_first(draft)
    put_rollbacks_first(draft)
    put_regenerations_first(draft)
    advance(draft)
    while (auto := to_commits(draft)).gave_up:
        advance(draft)  # what can't be done has gone, and something else may be next
    end_requests(draft)

    # Checks are asked for, and words found, once it is known what auto will be.
    commits = list(auto.commits)
    note_auto(draft, commits)
    draft.ledger.trim(draft.settings)
    wanted = choose_checks(draft, commits)
    say_what_waits(draft, commits, wanted, is_partial=auto.todo is not None)
    tell(draft, is_part=is_part)
    is_changed = draft.ledger != before
    # What follows is not worth a write by itself. Each is about something of its own.
    note_names(draft.ledger, draft.settings, draft.inbox)
    remember_gates(draft.ledger, draft.snapshot)
    draft.ledger.named |= draft.named
    draft.ledger.reporters = draft.reporters
    is_changed |= claim_checks(draft, commits, wanted if claim else [])
    decided = _plan(draft, auto, today, wanted, is_changed=is_changed)
    return replace(decided, more=bool(wanted) and not claim)


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


def _by_whom(draft: Draft, line: Wait) -> Wait:
    """A line, with whether its command is for the reviewers of an environment alone."""
    is_theirs = is_for_reviewers(draft.settings, line_command(line))
    return msgspec.structs.replace(line, is_for_reviewers=True) if is_theirs else line


def _plan(
    draft: Draft, auto: Auto, today: RenamedSnapshot, wanted: Sequence[str], *, is_changed: bool
) -> Plan:
    known = draft.snapshot
    tip = auto.commits[-1].sha if auto.commits else draft.main
    was_empty = not (known.auto or known.foreign or known.evidence)
    auto_tip = None if tip == known.auto_tip or (not auto.commits and was_empty) else tip
    is_change = bool(
        draft.landed
        or known.evidence
        or auto_tip
        or draft.ended
        or draft.evicted
        or draft.rejected
        or draft.aside
        or draft.holds != dict(known.holds)
        or today.is_due
        or is_changed
    )
    return Plan(
        main=draft.main,
        landed=draft.landed,
        auto=auto.commits,
        auto_tip=auto_tip,
        ledger=draft.ledger,
        entries=draft.told() if is_change else (),  # what is not written is told again
        ended=draft.gone,
        filed=tuple(draft.filed),
        records=draft.records,
        holds=draft.holds,
        evicted=tuple(draft.evicted),
        rejected=draft.rejected,
        aside=tuple(draft.aside),
        to_check=tuple(wanted),
        waiting=tuple(_by_whom(draft, line) for line in draft.waiting),
        todo=auto.todo,
        is_change=is_change,
        to_read=tuple(draft.to_read),
        messages=tuple(draft.messages),
        to_ask=tuple(draft.to_ask),
        to_vouch=tuple(draft.to_vouch),
        moved=today.moved,
    )
