"""Filing: what came is taken in, so that the rest decides on facts; and what has been done ends.

Each kind is filed where its subject is. This file has the order.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from tidemill.announcing.order import order_of
from tidemill.facts.journal import Entry
from tidemill.facts.ledger import Eviction
from tidemill.facts.records import Deployment
from tidemill.facts.requests import (
    AnnouncementRequest,
    Drop,
    Fact,
    HoldRequest,
    Hotfix,
    Promotion,
    Release,
    Retry,
    Rollback,
    app_sha_of,
    kept_as,
)
from tidemill.plan.announcements import (
    end_announcement,
    file_announcement,
    supersede,
    supersede_oldest,
)
from tidemill.plan.approvers import let_in
from tidemill.plan.deployment import file_record
from tidemill.plan.draft import Draft
from tidemill.plan.holds import end_holds, file_hold, file_release, hold_new_waves
from tidemill.plan.hotfix import end_hotfix, file_hotfixes, note_replacements
from tidemill.plan.rollback import end_lost_rollbacks, end_rollback, file_rollback

_Filed = TypeVar("_Filed", bound=Fact)


def file(draft: Draft) -> None:
    """Take in records, then what people ask for; reject what is bad.

    What a wave takes from its approvers alone has to be theirs. Reads the inbox and the settings;
    writes records, holds, rollbacks and the ledger of what is deployed, and takes out of the inbox
    what is done by that. What has to wait for its turn stays.
    """
    _clear(draft)
    let_in(draft)
    for ref_id, record in sorted(
        _of(draft, Deployment), key=lambda one: (one[1].finished, one[1].accepted_at, one[0])
    ):
        file_record(draft, ref_id, record)
    for ref_id, hold in _of(draft, HoldRequest):
        file_hold(draft, ref_id, hold)
    for ref_id, release in _of(draft, Release):
        note_replacements(draft, release)
        file_release(draft, ref_id, release)
    hold_new_waves(draft)
    end_holds(draft)
    for ref_id, drop in _of(draft, Drop):
        _file_drop(draft, ref_id, drop)
    for ref_id, retry in _of(draft, Retry):
        _file_retry(draft, ref_id, retry)
    end_lost_rollbacks(draft)
    for ref_id, rollback in _of(draft, Rollback):
        file_rollback(draft, ref_id, rollback)
    file_hotfixes(draft)
    earlier: dict[str, list[AnnouncementRequest]] = {}
    for ref_id, announced in _of(draft, AnnouncementRequest):
        of_set = earlier.setdefault(announced.announcement.set, [])
        file_announcement(draft, ref_id, announced, of_set)
        if ref_id in draft.inbox:
            of_set.append(announced)
    for ref_id, promotion in _of(draft, Promotion):
        draft.reject_unless_named(ref_id, promotion.wave, promotion.set)


def end_requests(draft: Draft) -> None:
    """End the requests that main now shows, or that something newer has overtaken.

    Reads the ledger, the chain and the journal's new entries; writes the inbox.
    """
    for request_id, fact in list(draft.inbox.facts.items()):
        match fact:
            case AnnouncementRequest():
                end_announcement(draft, request_id, fact)
            case Promotion():
                _end_promotion(draft, request_id, fact)
            case Rollback():
                end_rollback(draft, request_id)
            case Hotfix():
                end_hotfix(draft, request_id, fact)
            case HoldRequest() | Release() | Drop() | Retry() | Deployment():
                pass
    supersede_oldest(draft)


def _clear(draft: Draft) -> None:
    """What can't be read, or can't be carried out whatever else is so, is out of the way first."""
    for unreadable in draft.snapshot.unreadable:
        if not unreadable.is_newer:
            draft.set_aside(unreadable)
    for ref_id, reason in draft.snapshot.unfit.items():
        for one in draft.inbox.copies(ref_id):
            draft.reject(one, reason)
    if draft.snapshot.foreign:
        reason = "no turn made it: auto is Tidemill's own"
        draft.evict(Eviction(commit=draft.snapshot.foreign, at=draft.now, reason=reason))


def _of(draft: Draft, kind: type[_Filed]) -> list[tuple[str, _Filed]]:
    return sorted(draft.inbox.of(kind).items(), key=lambda one: (one[1].accepted_at, one[0]))


def _file_drop(draft: Draft, ref_id: str, drop: Drop) -> None:
    """End what waits; or, where nothing of it waits any more, what of it was evicted is dismissed.

    An announcement is kept: whoever dropped it by mistake retries it.
    """
    for one in [one for one in draft.kept_out if kept_as(one) == drop.request]:
        draft.let_back(one)
    copies = draft.inbox.copies(drop.request)
    dropped = draft.inbox.get(copies[0]) if copies else None
    dismissed = [] if dropped else draft.ledger.dismissible(drop.request)
    for at in dismissed:
        _dismiss(draft, drop, at)
    if dropped is not None:
        reason = f"dropped by {drop.by or 'a person'}"
        set_name = getattr(dropped, "set", None)
        if isinstance(dropped, AnnouncementRequest):
            set_name = dropped.announcement.set
            draft.keep(drop.request, reason)
        entry = Entry(
            what="dropped",
            id=drop.request,
            app_sha=app_sha_of(dropped),
            set=set_name,
            reason=reason,
        )
        for one in copies:
            draft.end(one, "dropped", entry if one == copies[0] else None)
        draft.end(ref_id, "done")
    elif dismissed:
        draft.end(ref_id, "done")
    else:
        why = f"{drop.request} does not wait any more"
        draft.end(ref_id, "done", Entry(what="ended already", id=ref_id, reason=why))


def _dismiss(draft: Draft, drop: Drop, at: int) -> None:
    """What was evicted is wanted no more: nobody is told of it any longer."""
    eviction = draft.ledger.evictions[at]
    draft.ledger.evictions[at] = msgspec.structs.replace(eviction, dismissed=True)
    draft.note("dismissed", eviction.operation, reason=f"dropped by {drop.by or 'a person'}")


def _file_retry(draft: Draft, ref_id: str, retry: Retry) -> None:
    """What was evicted may be promoted again."""
    wanted = ("promote", retry.wave, retry.set, retry.app_sha)
    for at, eviction in enumerate(draft.ledger.evictions):
        gone = eviction.operation
        if gone and (gone.kind, gone.wave, gone.set, gone.app_sha) == wanted:
            draft.ledger.evictions[at] = msgspec.structs.replace(eviction, retried=True)
    entry = Entry(
        what="retried",
        id=ref_id,
        app_sha=retry.app_sha,
        set=retry.set,
        wave=retry.wave,
        reason=f"asked by {retry.by}",
    )
    draft.end(ref_id, "done", entry)


def _end_promotion(draft: Draft, request_id: str, asked: Promotion) -> None:
    """A promotion that a person asks for ends when its wave has the set, or a newer one."""
    present, order = draft.ledger.present(asked.wave, asked.set), order_of(asked)
    if present is None:
        return
    if present.is_set(order, asked.app_sha):
        was_unwanted, present.rolled_back = present.rolled_back, False
        entry = Entry(
            what="promoted already",
            id=request_id,
            app_sha=asked.app_sha,
            set=asked.set,
            wave=asked.wave,
            reason="its rollback was evicted, and it goes on from now on" if was_unwanted else "",
        )
        draft.end(request_id, "landed", entry)
    elif draft.has_landed(request_id):
        draft.end(request_id, "landed")
    elif present.is_known and order_of(present) > order:
        why = f"{asked.wave} has had a newer set"
        supersede(draft, request_id, asked.set, why, sha=asked.app_sha)
