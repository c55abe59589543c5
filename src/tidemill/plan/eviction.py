"""Steps 3, 4 and 8 of the plan: who is red, who is to blame, and what has to be checked.

A red commit is judged only on a green parent. Until then the check of a commit in the middle
of those that are not known is asked for, so that one culprit among N costs about log2 N runs.
"""

from __future__ import annotations

from tidemill.announcing.order import order_of
from tidemill.facts.ledger import Eviction, Suspect
from tidemill.facts.operation import AutoCommit
from tidemill.plan.draft import AutoStep, Draft
from tidemill.plan.landing import due_prefix
from tidemill.words.shas import short


def evict(draft: Draft) -> None:
    """Take the first red commit off auto if it is red on a green parent, and again, and again."""
    commits = [step.commit for step in due_prefix(draft) if step.commit]
    red = _first_red(draft, commits)
    if red is None:
        if not _is_being_repeated(draft):
            draft.ledger.suspect = None
        return
    culprit, parent = commits[red], commits[red].parent
    if culprit.operation.is_regeneration:
        _evict_if_red_twice(draft, culprit, commits[:red])
        return
    if draft.verdict(draft.main).state == "red" or not _is_condemned(draft, culprit, parent):
        return
    draft.ledger.suspect = None
    reason = f"its check is red on {short(parent)}, which is green"
    draft.evict(
        Eviction(
            commit=culprit.sha,
            at=draft.now,
            reason=reason,
            operation=culprit.operation,
            said=draft.verdict(culprit.sha).said,
        )
    )
    take_off(draft, culprit)


def _evict_if_red_twice(draft: Draft, culprit: AutoCommit, beneath: list[AutoCommit]) -> None:
    """A regeneration makes up for what is wrong on main: what its check says is not said of main.

    So whatever main's verdict is, two answers are enough, once nothing beneath it may be to blame.
    """
    if not all(draft.verdict(commit.sha).is_known for commit in beneath):
        return
    suspect, failed = draft.ledger.suspect, draft.verdict(culprit.sha).failed
    if suspect is None or suspect.sha != culprit.sha or suspect.runs is None:
        draft.ledger.suspect = Suspect(
            sha=culprit.sha,
            parent=culprit.parent,
            parent_runs=frozenset(),
            runs=frozenset(run for _, run in failed),
        )
        return
    known = suspect.runs
    again = [context for context, run in failed if run not in known]
    if any(run.startswith(f"{context}/") for context in again for run in known):
        draft.ledger.suspect = None
        reason = "its check is red twice; its wave waits until main changes"
        draft.evict(
            Eviction(commit=culprit.sha, at=draft.now, reason=reason, operation=culprit.operation)
        )
        take_off(draft, culprit)


def take_off(draft: Draft, commit: AutoCommit) -> None:
    """An evicted operation leaves the chain, and what asked for it ends."""
    draft.chain = [
        step for step in draft.chain if step.commit is None or step.commit.sha != commit.sha
    ]
    forget(draft, AutoStep(commit.operation, commit))


def forget(draft: Draft, step: AutoStep) -> None:
    """What an operation that will not be done again leaves behind in the ledger and the inbox."""
    operation = step.operation
    match operation.kind:
        case "introduce":
            draft.ledger.of(operation.wave, operation.set).oldest_next = True
        case "promote" if operation.request:
            draft.end(operation.request, "evicted")
        case "roll back":
            for newer in draft.ledger.of(operation.wave, operation.set).landings:
                newer.rolled_back = newer.rolled_back or order_of(newer) > order_of(operation)
            draft.ledger.rollbacks = [
                back
                for back in draft.ledger.rollbacks
                if (back.wave, back.set) != (operation.wave, operation.set)
            ]
            if operation.request:
                draft.end(operation.request, "evicted")
        case _:
            pass


def to_check(draft: Draft, commits: list[AutoCommit]) -> list[str]:
    """The commits whose verdict is needed and not there, nor being worked on.

    Args:
        draft: with `main` as it will be.
        commits: auto as it will be, the oldest first.
    """
    shas = [commit.sha for commit in commits]
    main = draft.main_verdict
    wanted: list[str] = []
    if (
        main.state == "red"
        and main.since
        and draft.now >= main.since + draft.settings.checks.timeout
    ):
        wanted.append(draft.main)
    if shas and not draft.verdict(shas[-1]).is_known:
        wanted.append(shas[-1])
    if draft.settings.checks.test == "each":
        wanted += [sha for sha in shas if not draft.verdict(sha).is_known]
    red = _first_red(draft, commits)
    if red is not None:
        kinds = [commit.operation.kind for commit in commits[: red + 1]]
        if kinds[-1] == "regenerate":
            wanted += _to_find_culprit(draft, shas[: red + 1])
        elif main.state != "red":
            wanted += _to_find_culprit(draft, [draft.main, *shas[: red + 1]])
        elif "regenerate" in kinds:
            last = len(kinds) - kinds[::-1].index("regenerate")
            wanted += _to_find_culprit(draft, shas[: last + 1])
    return [sha for sha in dict.fromkeys(wanted) if not draft.verdict(sha).claimed]


def _to_find_culprit(draft: Draft, shas: list[str]) -> list[str]:
    """`shas`: main, then auto up to the first red commit. Main need not be checked for itself
    if what is above it turns out green; nor where it is left out, for it can't be to blame."""
    unknown = [sha for sha in shas[:-1] if not draft.verdict(sha).is_known]
    green = max(
        (at for at, sha in enumerate(shas) if draft.verdict(sha).state == "green"), default=-1
    )
    unknown = [sha for sha in unknown if shas.index(sha) > green]
    if unknown:
        if any(draft.verdict(sha).claimed for sha in unknown):
            return []
        return [unknown[len(unknown) // 2]]
    suspect = draft.ledger.suspect
    if suspect is None or suspect.sha != shas[-1]:
        return []
    return [suspect.parent if suspect.runs is None else suspect.sha]


def _is_being_repeated(draft: Draft) -> bool:
    """Whether the check of the suspect is to answer yet: till then it may be red."""
    suspect = draft.ledger.suspect
    on_auto = {step.commit.sha for step in draft.chain if step.commit}
    if suspect is None or suspect.sha not in on_auto:
        return False
    return draft.verdict(suspect.sha).state in ("pending", "lost")


def _first_red(draft: Draft, commits: list[AutoCommit]) -> int | None:
    return next(
        (at for at, commit in enumerate(commits) if draft.verdict(commit.sha).state == "red"), None
    )


def _is_condemned(draft: Draft, culprit: AutoCommit, parent: str) -> bool:
    """Red on a green parent; then `retries` times more: the parent green again, then red again.

    Which runs had answered before each step stands in the ledger, so that the same verdict
    delivered twice is one verdict, and no clock decides what came after what.
    """
    on_green = draft.verdict(parent).state == "green"
    retries = draft.settings.checks.retries
    if retries == 0:
        draft.ledger.suspect = None
        return on_green
    suspect = draft.ledger.suspect
    if suspect is None or (suspect.sha, suspect.parent) != (culprit.sha, parent):
        suspect = Suspect(
            sha=culprit.sha, parent=parent, parent_runs=draft.verdict(parent).finished
        )
    while on_green:
        if suspect.runs is None and draft.verdict(parent).finished - suspect.parent_runs:
            suspect = _at_culprit(draft, suspect)
        elif suspect.runs is not None and draft.verdict(culprit.sha).finished - suspect.runs:
            if suspect.round + 1 >= retries:
                return True
            suspect = _at_parent(draft, suspect)
        else:
            break
    draft.ledger.suspect = suspect
    return False


def _at_culprit(draft: Draft, suspect: Suspect) -> Suspect:
    runs = draft.verdict(suspect.sha).finished
    return Suspect(
        sha=suspect.sha,
        parent=suspect.parent,
        parent_runs=suspect.parent_runs,
        runs=runs,
        round=suspect.round,
    )


def _at_parent(draft: Draft, suspect: Suspect) -> Suspect:
    runs = draft.verdict(suspect.parent).finished
    return Suspect(
        sha=suspect.sha, parent=suspect.parent, parent_runs=runs, round=suspect.round + 1
    )
