"""Rollback: a wave goes back to a set that it has had.

It goes first on auto, directly on main, and waits for nothing. Its hold holds from when it was
asked for, and stays, also where its commit is evicted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from tidemill.announcing.order import Order, order_of
from tidemill.facts.journal import Entry
from tidemill.facts.ledger import Landing, OpenRollback, SetLedger
from tidemill.facts.operation import Operation
from tidemill.facts.requests import Hotfix, Rollback, SetRollback
from tidemill.plan.announcements import supersede
from tidemill.plan.draft import AutoStep, Draft
from tidemill.plan.holds import hold_back
from tidemill.plan.obstacles import EndedRequest, Obstacle, PastRollback, RollbackUnderWay
from tidemill.words.moments import end_of_second
from tidemill.words.shas import short

_BY_HAND = "a commit on main has changed what is there"


def healthy_before(landings: Sequence[Landing]) -> Landing | None:
    """Where a rollback goes: the newest older set that was healthy, and not rolled back.

    A hotfix is newer than the set that it replaced.

    Args:
        landings: what a wave has had, the present one last.
    """
    if not landings:
        return None
    *before, present = landings
    older = [one for one in before if is_older(one, present)]
    well = [one for one in older if one.deployed_once and not one.is_bad]
    return max(reversed(well), key=order_of, default=None)


def is_older(one: Landing, present: Landing) -> bool:
    """Whether a wave goes back if it goes from the present set to another that it has had."""
    if order_of(one) == order_of(present):
        is_among = one.is_hotfix or present.is_hotfix
        return is_among and one.content != present.content
    return order_of(one) < order_of(present)


def had_at(landings: Iterable[Landing], when: datetime) -> Landing | None:
    """What a wave had at a time; None where that is not among its landings, which are in order."""
    return [None, *(one for one in landings if one.landed_at <= end_of_second(when))][-1]


def back_to(part: SetLedger) -> str | None:
    """The app SHA of the set that a rollback goes to if nobody names one, if there is one."""
    goal = healthy_before(part.landings)
    return goal.app_sha if goal else None


# Why a set goes nowhere, and why a rollback is not due


def goes_back(
    draft: Draft, set_name: str, order: Order, wave: str | None = None
) -> Obstacle | None:
    """Whether a wave, or any, is being rolled back from a set."""
    for back in draft.ledger.rollbacks:
        if wave in (None, back.wave) and back.set == set_name and order > order_of(back.to):
            return RollbackUnderWay(wave=back.wave)
    return None


def went_back(wave: str, set_name: str, landing: Landing) -> Obstacle | None:
    """Whether a wave was rolled back from a set."""
    if not landing.rolled_back:
        return None
    return PastRollback(wave=wave, set=set_name, app_sha=landing.app_sha or "")


def not_asked_for(draft: Draft, operation: Operation) -> Iterator[Obstacle]:
    """Whether nobody asks for a rollback any more, or it is not known whether an approver does;
    nothing else keeps it from being due."""
    wanted = (operation.wave, operation.set, operation.content, operation.request)
    begun = [(*_place(one), one.to.content, one.request) for one in draft.ledger.rollbacks]
    if wanted not in begun:
        yield EndedRequest(what="rollback")
    elif operation.request in draft.kept_out:
        lines = (line for line in draft.waiting if line.id == operation.request)
        yield from (stop for line in lines for stop in line.obstacles)


# What comes in


def file_rollback(draft: Draft, ref_id: str, rollback: Rollback) -> None:
    """Begin a rollback that a person asks for: its hold is placed, its commit follows."""
    if ref_id in draft.overtaken:
        entry = Entry(
            what="superseded", id=ref_id, set=rollback.set, wave=rollback.wave, reason=_BY_HAND
        )
        end_unless_under_way(draft, ref_id, "superseded", entry)
        return
    if _is_under_way(draft, ref_id):
        _supersede_overrides(draft, rollback)
        return
    wave = rollback.wave
    for part in rollback.parts:
        if draft.reject_unless_named(ref_id, wave, part.set):
            return
        landings = draft.ledger.history(wave, part.set).landings
        if (part.to.commit, part.to.content) not in [(one.commit, one.content) for one in landings]:
            reason = f"{wave} has had no such set, as far as the turns know"
            draft.reject(ref_id, reason, set_name=part.set, wave=wave)
            return
    _supersede_overrides(draft, rollback)
    done = [_begin(draft, ref_id, rollback, part) for part in rollback.parts]
    if not _is_under_way(draft, ref_id):
        what = "landed" if "landed" in done else "under way already"
        entry = Entry(what=what, id=ref_id, set=rollback.set, wave=wave)
        draft.end(ref_id, "landed" if what == "landed" else "superseded", entry)


def _supersede_overrides(draft: Draft, rollback: Rollback) -> None:
    """Whoever overrode all that kept a set out did not know of a rollback that came after that."""
    for set_name in [part.set for part in rollback.parts]:
        for other, asked in list(draft.inbox.promotions(rollback.wave, set_name).items()):
            if asked.override and asked.accepted_at < rollback.accepted_at:
                supersede(draft, other, set_name, "a rollback was asked for", sha=asked.app_sha)


def _begin(draft: Draft, ref_id: str, rollback: Rollback, part: SetRollback) -> str:
    """Begin a rollback of one set, unless the wave has its goal, or is on its way there."""
    present = draft.ledger.present(rollback.wave, part.set)
    back = OpenRollback(
        wave=rollback.wave,
        set=part.set,
        leaves=part.leaves,
        to=part.to,
        reason=rollback.reason,
        at=rollback.accepted_at,
        request=ref_id,
    )
    goals = [
        (*_place(one), one.to.content)
        for one in draft.ledger.rollbacks
        if not _is_overtaken(draft, one, rollback.accepted_at)
    ]
    if present is not None and present.content == part.to.content:
        _hold_back(draft, back, by=rollback.by)
        return "landed"
    if (*_place(back), back.to.content) in goals:
        return "under way already"
    begin_rollback(draft, back, by=rollback.by)
    return "begun"


def _is_overtaken(draft: Draft, back: OpenRollback, before: datetime) -> bool:
    """Whether a hotfix was asked for in the place of a rollback after it, and before a time."""
    return any(
        (one.wave, one.set) == _place(back) and back.at <= one.accepted_at < before
        for one in draft.inbox.of(Hotfix).values()
    )


def _is_under_way(draft: Draft, request: str) -> bool:
    """Whether something of what was asked for has begun, and has not ended."""
    return any(back.request == request for back in draft.ledger.rollbacks)


def end_unless_under_way(draft: Draft, request: str, how: str, entry: Entry | None = None) -> None:
    """A request has ended, once that is so of all its sets; of several one line says how it did as
    a whole: it was evicted if one of them was."""
    if _is_under_way(draft, request):
        return
    fact = draft.inbox.get(request)
    if isinstance(fact, Rollback) and len(fact.parts) > 1:
        gone = [
            one.set for one in fact.parts if draft.ledger.evicted_from(fact.wave, one.set, request)
        ]
        how = "evicted" if gone else how
        reason = f"{' and '.join(gone)} {'were' if gone[1:] else 'was'} evicted" if gone else ""
        draft.end(request, how, Entry(what=how, id=request, reason=reason))
    elif entry is not None:
        draft.end_once(request, how, entry)
    else:
        draft.end(request, how)


def begin_rollback(draft: Draft, back: OpenRollback, *, by: str) -> None:
    """Place the hold of a rollback at once, in place of one that had begun."""
    supersede_rollbacks(draft, back.wave, back.set, "another rollback was asked for")
    draft.ledger.rollbacks.append(back)
    _hold_back(draft, back, by=by)


def supersede_rollbacks(draft: Draft, wave: str, set_name: str, reason: str) -> None:
    """Something else was asked for in a place: the rollbacks that had begun there are over."""
    others = [one for one in draft.ledger.rollbacks if _place(one) == (wave, set_name)]
    forget_rollbacks(draft, wave, set_name)
    for request in (one.request for one in others if one.request):
        entry = Entry(what="superseded", id=request, set=set_name, wave=wave, reason=reason)
        end_unless_under_way(draft, request, "superseded", entry)


def end_lost_rollbacks(draft: Draft) -> None:
    """A rollback whose wave or set has left the settings can't go on; its request is rejected."""
    for back in list(draft.ledger.rollbacks):
        if not draft.settings.names(back.wave, back.set):
            draft.ledger.rollbacks.remove(back)
            draft.ledger.of(back.wave, back.set).roll_back_to(order_of(back.to))
            reason = "the settings no longer name its wave or its set"
            entry = Entry(what="given up", set=back.set, wave=back.wave, reason=reason)
            draft.entries.append(entry)


def end_rollback(draft: Draft, request_id: str) -> None:
    """A rollback that was asked for ends when none of its kind is under way any more."""
    end_unless_under_way(draft, request_id, "landed", Entry(what="landed", id=request_id))


def forget_rollbacks(draft: Draft, wave: str, set_name: str, content: str | None = None) -> None:
    """The rollbacks in a place are over; with `content`, those that go back to it."""
    draft.ledger.rollbacks = [
        one
        for one in draft.ledger.rollbacks
        if _place(one) != (wave, set_name) or content not in (None, one.to.content)
    ]


def leave_to_a_person(draft: Draft, wave: str, set_name: str, content: str) -> None:
    """A person has changed what is in a place: a rollback there is over, since what it was to leave
    is not there any more. Its hold stays."""
    for back in draft.ledger.rollbacks:
        if _place(back) == (wave, set_name) and back.to.content != content:
            entry = Entry(what="given up", set=set_name, wave=wave, reason=_BY_HAND)
            draft.entries.append(entry)
            if back.request:  # what somebody wanted gone is no good for what follows
                draft.overtaken.add(back.request)
                draft.ledger.of(wave, set_name).roll_back_to(order_of(back.to))
    forget_rollbacks(draft, wave, set_name)


# On auto


def put_rollbacks_first(draft: Draft) -> None:
    """A rollback goes directly on main; everything else is replayed on it. One that may not be an
    approver's stays off auto, and keeps nothing else from landing.

    Reads the rollbacks that have begun; writes the chain.
    """
    for back in draft.ledger.rollbacks:
        operation = rollback_of(back)
        if back.request in draft.kept_out or any(
            step.operation.id == operation.id for step in draft.chain
        ):
            continue
        draft.chain = [
            step
            for step in draft.chain
            if step.operation.override or not step.operation.is_same_set(operation)
        ]
        draft.chain.insert(0, AutoStep(operation))


def rollback_of(back: OpenRollback) -> Operation:
    """The operation of a rollback that has begun."""
    return Operation.copying(
        "roll back",
        back.wave,
        back.set,
        back.wave,
        back.to,
        request=back.request,
        at=back.at,
        reason=back.reason,
    )


def _place(back: OpenRollback) -> tuple[str, str]:
    return back.wave, back.set


def _hold_back(draft: Draft, back: OpenRollback, *, by: str) -> None:
    cause = back.request or f"{back.wave}-{back.set}-{short(back.leaves.commit)}"
    hold_back(draft, f"hold-{cause}", *_place(back), reason=back.reason, by=by, since=back.at)
