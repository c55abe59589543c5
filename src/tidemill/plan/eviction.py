"""Eviction: the culprit, and only the culprit, is taken off auto, and kept.

A commit is evicted only if it is red on a green parent, again and again. A red commit above one
that is not known green may be innocent; so it is judged once that is known (`bisecting`).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tidemill.announcing.order import order_of
from tidemill.facts.checks import Verdict
from tidemill.facts.ledger import Eviction, Suspect
from tidemill.facts.operation import AutoCommit, Operation
from tidemill.plan.bisecting import find_first_red
from tidemill.plan.draft import Draft
from tidemill.plan.landing import due_prefix
from tidemill.plan.obstacles import PastEviction
from tidemill.plan.rollback import end_unless_under_way, forget_rollbacks
from tidemill.words.shas import short


def is_missed(draft: Draft, eviction: Eviction, operation: Operation) -> bool:
    """Whether what was evicted is still missing: nothing took its place, and nobody asked again.

    Of hotfixes and rollbacks in one place the last counts, also where that one was evicted too.
    """
    place = (operation.wave, operation.set)
    is_settled = eviction.retried or eviction.dismissed
    if is_settled or operation.is_regeneration or not draft.settings.names(*place):
        return False
    if operation.kind == "introduce" and _is_announced_again(draft, operation):
        return False
    is_ordered = operation.kind in ("introduce", "promote")
    if not is_ordered and any(one.kind == operation.kind for one in draft.on_auto(*place)):
        return False
    if not is_ordered and _last_asked_for(draft, *place) != eviction:
        return False
    return not draft.ledger.is_replaced(eviction, operation)


def _is_announced_again(draft: Draft, gone: Operation) -> bool:
    """Whether somebody has asked for an introduction again: the request that was evicted may go on
    in another wave."""
    return any(
        (one.order, one.announcement.sha) == (order_of(gone), gone.app_sha)
        and not draft.ledger.evicted_from(gone.wave, gone.set, request)
        for request, one in draft.inbox.announcements(gone.set).items()
    )


def as_missed(draft: Draft, eviction: Eviction, operation: Operation) -> PastEviction:
    """What is said of an eviction that `is_missed`. While more of the same request is under way, a
    drop would take that: so none is named."""
    found = PastEviction.of(eviction, operation.app_sha)
    is_under_way = found.request in draft.inbox or found.request in draft.kept_out
    return msgspec.structs.replace(found, request="") if is_under_way else found


def _last_asked_for(draft: Draft, wave: str, set_name: str) -> Eviction | None:
    """The last eviction of a hotfix or of a rollback in a place."""
    for eviction in reversed(draft.ledger.evictions):
        gone = eviction.operation
        is_it = gone is not None and gone.kind in ("hotfix", "roll back")
        if gone and is_it and (gone.wave, gone.set) == (wave, set_name):
            return eviction
    return None


def evict(draft: Draft) -> None:
    """Take the first red commit off auto if it is red on a green parent, and again, and again.

    Reads the chain and verdicts; writes the ledger's suspect and evictions, the chain, and what
    asked for what was evicted.
    """
    commits = due_prefix(draft)
    red = find_first_red(draft, commits)
    if red is None:
        if not _await_suspect(draft):
            draft.ledger.suspect = None
    elif commits[red].operation.is_regeneration:
        _judge_regeneration(draft, commits[red], commits[:red])
    elif draft.require_verdict(draft.main).state != "red" and _judge(draft, commits[red]):
        reason = f"its check is red on {short(commits[red].parent)}, which is green"
        said = draft.verdict(commits[red].sha).said
        _take_off(draft, commits[red], reason, said)


def give_up(draft: Draft, operation: Operation) -> None:
    """What an operation that will not be done again leaves behind in the ledger and the inbox."""
    match operation.kind:
        case "introduce":
            draft.ledger.of(operation.wave, operation.set).oldest_next = True
        case "promote" | "hotfix" if operation.request:
            draft.end(operation.request, "evicted")
        case "roll back":
            draft.ledger.of(operation.wave, operation.set).roll_back_to(order_of(operation))
            forget_rollbacks(draft, operation.wave, operation.set)
            if operation.request:
                end_unless_under_way(draft, operation.request, "evicted")
        case _:
            pass


def _take_off(draft: Draft, culprit: AutoCommit, reason: str, said: str = "") -> None:
    """An evicted operation leaves the chain, and what asked for it ends."""
    draft.ledger.suspect = None
    operation = culprit.operation
    draft.evict(
        Eviction(commit=culprit.sha, at=draft.now, reason=reason, operation=operation, said=said)
    )
    draft.chain = [
        one for one in draft.chain if one.commit is None or one.commit.sha != culprit.sha
    ]
    give_up(draft, operation)


def _judge_regeneration(draft: Draft, culprit: AutoCommit, beneath: Sequence[AutoCommit]) -> None:
    """A regeneration makes up for what is wrong on main: what its check says is not said of main.

    So whatever main's verdict is, two answers are enough, once nothing beneath it may be to blame.
    """
    if not all(draft.require_verdict(commit.sha).is_known for commit in beneath):
        return
    suspect, failed = draft.ledger.suspect, draft.require_verdict(culprit.sha).failed
    if suspect is None or suspect.sha != culprit.sha or suspect.runs is None:
        draft.ledger.suspect = Suspect(
            sha=culprit.sha,
            parent=culprit.parent,
            parent_runs=(),
            runs=tuple(sorted(run for _, run in failed)),
        )
        return
    known = suspect.runs
    again = [context for context, run in failed if run not in known]
    if any(run.startswith(f"{context}/") for context in again for run in known):
        _take_off(draft, culprit, "its check is red twice; its wave waits until main changes")


def _await_suspect(draft: Draft) -> bool:
    """Whether the check of the suspect is to answer yet: till then it may be red."""
    suspect = draft.ledger.suspect
    on_auto = {step.commit.sha for step in draft.chain if step.commit}
    if suspect is None or suspect.sha not in on_auto:
        return False
    return draft.require_verdict(suspect.sha).state in ("pending", "lost")


def _judge(draft: Draft, culprit: AutoCommit) -> bool:
    """Take the judging of a red commit as far as it goes; whether it is condemned now.

    Red on a green parent; then `retries` times more: the parent green again, then red again.
    Which runs had answered before each step stands in the ledger, so that the same verdict
    delivered twice is one verdict, and no clock decides what came after what.
    """
    parent = draft.require_verdict(culprit.parent)
    retries = draft.settings.checks.retries
    if retries == 0:
        draft.ledger.suspect = None
        return parent.state == "green"
    suspect = draft.ledger.suspect
    if suspect is None or (suspect.sha, suspect.parent) != (culprit.sha, culprit.parent):
        suspect = Suspect(sha=culprit.sha, parent=culprit.parent, parent_runs=_sorted(parent))
    verdict = draft.require_verdict(culprit.sha)
    while parent.state == "green":
        if suspect.runs is None and parent.finished.difference(suspect.parent_runs):
            suspect = msgspec.structs.replace(suspect, runs=_sorted(verdict))
        elif suspect.runs is not None and verdict.finished.difference(suspect.runs):
            if suspect.round + 1 >= retries:
                return True
            suspect = Suspect(
                sha=suspect.sha,
                parent=suspect.parent,
                parent_runs=_sorted(parent),
                round=suspect.round + 1,
            )
        else:
            break
    draft.ledger.suspect = suspect
    return False


def _sorted(verdict: Verdict) -> tuple[str, ...]:
    return tuple(sorted(verdict.finished))
