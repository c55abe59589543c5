"""Approval: a wave may take a set only once a person has asked for that very set."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tidemill.announcing.order import order_of
from tidemill.facts.ledger import Landing
from tidemill.facts.operation import Operation
from tidemill.facts.settings import Wave
from tidemill.plan.draft import Draft
from tidemill.plan.obstacles import MissingApproval, MissingReview


def needs_approval(
    draft: Draft, wave: Wave, operation: Operation, ready: datetime | None
) -> Iterator[MissingApproval | MissingReview]:
    """Whether a promotion waits for it: what a person asks for is approved by that.

    Args:
        ready: since when nothing but the wave itself keeps the set out.
    """
    if not wave.approval or operation.request in draft.inbox:
        return
    if review := draft.reviews.get((wave.name, operation.set, operation.app_sha or "")):
        yield review
    else:
        yield MissingApproval(
            wave=wave.name,
            set=operation.set,
            app_sha=operation.app_sha or "",
            approvers=wave.approvers,
            environment=wave.environment,
            since=ready,
        )


def ready_since(draft: Draft, wave: Wave, operation: Operation) -> datetime | None:
    """Since when nothing but the wave itself keeps a set out of it, as far as is known."""
    landings = _landings(draft, wave, operation)
    deployed = [one.deployed_at for one in landings if one.deployed_at]
    return max(deployed) + wave.soak if deployed else None


def came_at(draft: Draft, wave: Wave, operation: Operation) -> datetime | None:
    """Since when a set is in a wave that it goes on from, or was asked for, as far as is known."""
    landed = (one.landed_at for one in _landings(draft, wave, operation))
    return min(landed, default=operation.at)


def _landings(draft: Draft, wave: Wave, operation: Operation) -> list[Landing]:
    """The last time that each of the waves before had the set."""
    order = order_of(operation)
    found = (draft.ledger.last(source, operation.set, order) for source in wave.sources)
    return [one for one in found if one is not None]
