"""Replay: what auto will be, as operations, and then as commits.

An operation is done again on its new parent, never rebased: image files are written whole and
generated files are generated, so there is nothing that could conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from tidemill.facts.ledger import Eviction
from tidemill.facts.operation import AutoCommit, Operation
from tidemill.facts.snapshot import (
    BrokenParent,
    NewCommit,
    OperationFailure,
    Outcome,
    Snapshot,
    Timeout,
)
from tidemill.plan.draft import AutoStep, Draft
from tidemill.plan.due import obstacle
from tidemill.plan.eviction import give_up
from tidemill.plan.obstacles import About, BrokenMain, TimeLimit
from tidemill.plan.position import first_waves
from tidemill.plan.regeneration import InspectionTodo, first_look, left_alone, second_look
from tidemill.words.shas import short

_DONE = {
    "introduce": "introduced",
    "promote": "promoted",
    "roll back": "rolled back",
    "hotfix": "hotfixed",
    "regenerate": "regenerated",
}


class Trial(Struct, frozen=True):
    """An operation to try.

    `without`: waves whose files it leaves alone even where they are its own wave's, too.
    """

    operation: Operation
    without: frozenset[str] = frozenset()


class Todo(Struct, frozen=True):
    """What has to be tried before the plan is complete: the first operation on `parent`, each other
    one on the commit of the one before it, up to the first that makes none.
    """

    parent: str
    trials: tuple[Trial, ...]

    def tried(self, known: Snapshot, attempt: Callable[[Trial, str], Outcome]) -> Snapshot:
        """What is known once that was done; `attempt` tries one operation on one parent."""
        parent = self.parent
        for trial in self.trials:
            outcome = attempt(trial, parent)
            known = known.knowing(trial.operation.id, parent, outcome)
            if not isinstance(outcome, NewCommit):
                break
            parent = outcome.commit.sha
        return known


class Auto(Struct, frozen=True):
    """What auto will be: its commits above main, the oldest first, as far as they exist."""

    commits: tuple[AutoCommit, ...]
    todo: Todo | InspectionTodo | None = None
    gave_up: bool = False


def take_off_what_is_not_due(draft: Draft) -> None:
    """Keep in the chain what is due; say of the rest why it went.

    Reads all that makes an operation due; writes the chain and the journal.
    """
    stops = [(step, obstacle(draft, step.operation)) for step in draft.chain]
    for step, stop in stops:
        if stop is not None:
            draft.note("taken off auto", step.operation, reason=stop.words())
    draft.chain = [step for step, stop in stops if stop is None]


def to_commits(draft: Draft) -> Auto:
    """Turn the chain into commits, by what is known of operations that were tried.

    Where an operation can't be done because main does not generate, or took too long, auto
    stays as it was: nothing is known that would justify taking anything off.

    Reads the chain and outcomes; writes the chain's commits, the journal, what has to wait, and
    takes an operation that can't be done off the chain: then nothing more is true of the rest.
    """
    commits: list[AutoCommit] = []
    parent = draft.main
    moved = _main_has_moved(draft)
    for at, step in enumerate(list(draft.chain)):
        if step.commit is not None and step.commit.parent == parent:
            commits.append(step.commit)
            parent = step.commit.sha
            continue
        match draft.snapshot.outcomes.get((step.operation.id, parent)):
            case None:
                left = [one.operation for one in draft.chain[at:]]
                todo = Todo(parent, tuple(Trial(one, left_alone(draft, one)) for one in left))
                return Auto(tuple(commits), first_look(draft, step.operation) or todo)
            case NewCommit(commit):
                _note_made(draft, step, commit, moved=moved)
                step.commit = commit
                commits.append(commit)
                parent = commit.sha
            case OperationFailure(reason):
                _take_off(draft, step, reason)
                return Auto(tuple(commits), gave_up=True)
            case BrokenParent(broken, reason):
                is_main = broken == draft.main
                _wait(draft, step, BrokenMain(sha=broken, reason=reason, is_main=is_main))
                return Auto(_as_it_was(draft, commits))
            case Timeout(reason):
                _wait(draft, step, TimeLimit(reason=reason))
                return Auto(_as_it_was(draft, commits))
    return Auto(tuple(commits), second_look(draft))


def _as_it_was(draft: Draft, commits: list[AutoCommit]) -> tuple[AutoCommit, ...]:
    """What stays on auto where no more is known; what stays was not taken off."""
    kept = _kept(draft, commits)
    operations = [one.operation for one in kept]
    stay = {(one.request, one.app_sha, one.wave, one.set) for one in operations}
    draft.entries = [
        one
        for one in draft.entries
        if one.what != "taken off auto" or (one.id, one.app_sha, one.wave, one.set) not in stay
    ]
    return kept


def _kept(draft: Draft, commits: list[AutoCommit]) -> tuple[AutoCommit, ...]:
    before = [commit for commit in draft.snapshot.auto if commit.sha not in _landed(draft)]
    kept = [commit.sha for commit in commits]
    if {commit.sha for commit in before} & set(draft.evicted):
        return tuple(commits)
    if [commit.sha for commit in before][: len(kept)] == kept or _main_has_moved(draft):
        return tuple(before)
    return tuple(commits)


def _landed(draft: Draft) -> set[str]:
    shas = [commit.sha for commit in draft.snapshot.auto]
    return set(shas[: shas.index(draft.main) + 1]) if draft.main in shas else set()


def note_auto(draft: Draft, commits: Sequence[AutoCommit]) -> None:
    """Take note of what auto will be, and how often it was replayed because main moved.

    Reads main, auto as it was; writes the ledger's auto, its counter of moves, and forgets the
    refusal of a commit that is not there any more.
    """
    ledger = draft.ledger
    ledger.auto = list(commits)
    if ledger.refused is not None and ledger.refused.sha not in {one.sha for one in commits}:
        ledger.refused = None
    is_new = bool(commits) and commits[0].sha not in {one.sha for one in draft.snapshot.auto}
    if is_new and _main_has_moved(draft):
        ledger.moved += 1
        ledger.moved_since = ledger.moved_since or draft.now


def _main_has_moved(draft: Draft) -> bool:
    """Whether auto, as it is, does not descend from main."""
    auto = draft.snapshot.auto
    return bool(auto) and draft.main not in {auto[0].parent, *(commit.sha for commit in auto)}


def _note_made(draft: Draft, step: AutoStep, commit: AutoCommit, *, moved: bool) -> None:
    if step.commit is None:
        what = _DONE[step.operation.kind]
        draft.note(what, step.operation, sha=commit.sha, reason=commit.operation.why)
        if step.operation.kind == "introduce":
            draft.ledger.of(step.operation.wave, step.operation.set).oldest_next = False
        if step.operation.override:
            draft.note("overridden", step.operation, reason=step.operation.override)
    else:
        why = "main moved" if moved else "something beneath it changed"
        why = f"{why}; it was {short(step.commit.sha)}"
        draft.note("replayed", step.operation, sha=commit.sha, reason=why)


def _take_off(draft: Draft, step: AutoStep, reason: str) -> None:
    """An operation that can't be done counts as evicted; an announcement of it is bad."""
    draft.chain.remove(step)
    operation = step.operation
    if operation.request and operation.kind == "introduce":
        is_alone = len(first_waves(draft.settings)) == 1
        wave, why = (operation.wave, reason) if is_alone else (None, f"{operation.wave}: {reason}")
        draft.reject(operation.request, why, set_name=operation.set, wave=wave)
    else:
        draft.evict(Eviction(commit=None, at=draft.now, reason=reason, operation=operation))
    give_up(draft, operation)


def _wait(draft: Draft, step: AutoStep, stop: BrokenMain | TimeLimit) -> None:
    """A step waits, and with it those behind it, which were not tried."""
    behind = draft.chain[draft.chain.index(step) + 1 :]
    for operation in (step.operation, *(one.operation for one in behind if one.commit is None)):
        draft.wait(About.of(operation), stop, since=operation.at, request=operation.request)
