"""Landing: main is fast-forwarded to the newest green commit of auto that is still due.

Its tree was tested as a whole, so what is beneath it lands with it. The landed commit is the tested
one, always.
"""

from __future__ import annotations

from tidemill.announcing.order import order_of
from tidemill.facts.ledger import Landing, Refusal
from tidemill.facts.operation import AutoCommit
from tidemill.facts.snapshot import WaveNaming
from tidemill.facts.staleness import after_landing
from tidemill.plan.draft import Draft
from tidemill.plan.due import obstacle
from tidemill.plan.naming import note_naming
from tidemill.plan.rollback import forget_rollbacks
from tidemill.words.shas import short


def land(draft: Draft) -> None:
    """Fast-forward main to the newest green commit of auto beneath which everything is due.

    Reads the chain, verdicts and all that makes an operation due; writes main, the chain without
    what landed, and what `record_landing` says.
    """
    commits = due_prefix(draft)
    while commits and draft.require_verdict(commits[-1].sha).state != "green":
        commits.pop()
    if not commits:
        return
    for commit in commits:
        record_landing(draft, commit)
    newest = commits[-1].sha
    beneath = [short(one.sha) for one in commits[:-1] if draft.verdict(one.sha).state != "green"]
    if beneath:
        why = f"{short(newest)} was tested as a whole, with {', '.join(beneath)} beneath it"
        draft.note("landed together", reason=why, sha=newest)
    draft.landed = draft.main = draft.ledger.green_main = newest
    del draft.chain[: len(commits)]


def record_landing(draft: Draft, commit: AutoCommit) -> None:
    """A commit of auto is on main: its wave has its set, and is generated, from now on."""
    operation, ledger = commit.operation, draft.ledger
    ledger.finding = after_landing(ledger.finding, commit)
    if not operation.is_regeneration:
        landing = Landing.of(operation, commit.sha, commit.digests, draft.now, commit.targets)
        ledger.of(operation.wave, operation.set).put(landing)
        note_naming(draft, operation.wave, WaveNaming(commit.files, commit.naming))
        forget_rollbacks(draft, operation.wave, operation.set, operation.content)
        ledger.forget_ending(operation.set, order_of(operation), operation.app_sha)
    ledger.moved, ledger.moved_since, ledger.refused = 0, None, None
    for target, files in commit.targets.items():
        draft.trees[operation.wave, target] = files.tree
    draft.note("landed", operation, sha=commit.sha, reason=operation.reason)


def note_refusal(draft: Draft, refused: Refusal) -> None:
    """Remember, once, that the server does not let a commit land, and why.

    Reads and writes the ledger's refusal; writes the journal.
    """
    known = draft.ledger.refused
    if known is None or (known.sha, known.reason) != (refused.sha, refused.reason):
        draft.ledger.refused = refused
        draft.note("not landed", sha=refused.sha, reason=f"the server refused: {refused.reason}")


def due_prefix(draft: Draft) -> list[AutoCommit]:
    """Auto's commits from main up to the first that is not due, or does not descend from it."""
    due: list[AutoCommit] = []
    parent = draft.main
    for step in draft.chain:
        if step.commit is None or step.commit.parent != parent or obstacle(draft, step.operation):
            break
        due.append(step.commit)
        parent = step.commit.sha
    return due
