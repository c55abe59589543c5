"""Staleness in the plan: what main generates is looked at, and regenerated where settings ask.

A person who forgot `generate` must not find their change in a commit that says something else,
least of all in a wave that is held. So each operation changes files of its own wave alone
(`ownership`), and no set goes into a wave whose files on main are not what main generates.
"""

from __future__ import annotations

from dataclasses import dataclass

from tidemill.facts.journal import Entry
from tidemill.facts.operation import Operation
from tidemill.facts.ownership import Ownership
from tidemill.facts.staleness import (
    FailedInspection,
    Finding,
    Inspection,
    found,
    is_watched,
    shared_with,
)
from tidemill.plan.draft import AutoStep, Draft
from tidemill.plan.due import known_finding, regenerations
from tidemill.plan.obstacles import StaleMain


@dataclass(frozen=True)
class InspectionTodo:
    """`generate` has to be run on a commit of main as it is, before the plan is complete.

    `operation` is what is to be made there after that, if that is known.
    """

    commit: str
    operation: Operation | None = None


def assess(draft: Draft) -> None:
    """Take note of what `generate` said of main, and say in the journal what is stale."""
    ownership = Ownership.of(draft.settings)
    looks = [one for one in _looks(draft) if isinstance(one, Inspection)]
    if ownership is None or not looks:
        return
    before = draft.ledger.finding
    finding = draft.ledger.finding = found(ownership, before, draft.main, looks)
    _say_what_is_stale(draft, before, finding)


def put_regenerations_first(draft: Draft) -> None:
    """Only rollbacks go before them."""
    there = {step.operation.id for step in draft.chain}
    new = [AutoStep(one) for one in regenerations(draft) if one.id not in there]
    kinds = ("roll back", "regenerate")
    at = next(
        (at for at, step in enumerate(draft.chain) if step.operation.kind not in kinds),
        len(draft.chain),
    )
    draft.chain[at:at] = new


def first_look(draft: Draft, operation: Operation) -> InspectionTodo | None:
    """Whether main has to be looked at before `operation` is made."""
    if not is_watched(draft.settings) or known_finding(draft) or _has_failed(draft):
        return None
    return InspectionTodo(draft.main, operation)


def second_look(draft: Draft) -> InspectionTodo | None:
    """Whether `generate` has to be run again: a set waits for it; it may not be deterministic."""
    finding = known_finding(draft)
    if finding is None or finding.is_confirmed or _has_failed(draft):
        return None
    is_all = any(
        line.obstacles and all(isinstance(one, StaleMain) for one in line.obstacles)
        for line in draft.waiting
    )
    return InspectionTodo(draft.main) if is_all else None


def left_alone(draft: Draft, operation: Operation) -> frozenset[str]:
    """The waves whose files an operation leaves alone even where they are its own wave's, too.

    A rollback does not wait for a main that is what it generates, nor carry anything to others.
    """
    finding = known_finding(draft)
    if operation.kind == "roll back" and finding is not None:
        return shared_with(finding, operation.wave)
    return frozenset(operation.without)


def _looks(draft: Draft) -> tuple[Inspection | FailedInspection, ...]:
    return draft.snapshot.looks.get(draft.main, ())


def _has_failed(draft: Draft) -> bool:
    return any(isinstance(one, FailedInspection) for one in _looks(draft))


def _say_what_is_stale(draft: Draft, before: Finding | None, finding: Finding) -> None:
    for one in finding.stale:
        if before is not None and one in before.stale:
            continue
        what = f"{one.named}: not what main generates, since {one.since}"
        if one.unstable:
            what = f"`generate` is not deterministic: two runs differ, first in {one.unstable}"
        entry = Entry(what="stale", sha=one.until, wave=", ".join(one.owners), reason=what)
        if entry not in draft.entries:
            draft.entries.append(entry)
