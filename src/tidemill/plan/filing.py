"""Step 1 of the plan: file what came, so that the rest decides on facts."""

from __future__ import annotations

import msgspec

from tidemill.announcing.order import order_of
from tidemill.facts.holds import Hold
from tidemill.facts.journal import Entry
from tidemill.facts.ledger import Eviction, OpenRollback
from tidemill.facts.records import Deployment
from tidemill.facts.requests import (
    AnnouncementRequest,
    Drop,
    HoldRequest,
    Promotion,
    Release,
    Retry,
    Rollback,
    announced_as,
)
from tidemill.facts.settings import ALL_SETS
from tidemill.plan.deployment import take_in
from tidemill.plan.draft import Draft
from tidemill.plan.position import how_ended, why_unwelcome
from tidemill.words.durations import show_duration
from tidemill.words.shas import short

_DONE = "done"


def file(draft: Draft) -> None:
    """Take in records, then holds, releases, drops, retries and rollbacks; reject what is bad."""
    _clear(draft)
    if draft.snapshot.foreign:
        reason = "no turn made it: auto is the mill's own"
        draft.evict(Eviction(commit=draft.snapshot.foreign, at=draft.now, reason=reason))
    for ref_id, record in sorted(
        _of(draft, Deployment), key=lambda one: (one[1].finished, one[1].accepted_at, one[0])
    ):
        _record(draft, ref_id, record)
    for ref_id, hold in _of(draft, HoldRequest):
        _hold(draft, ref_id, hold)
    for ref_id, release in _of(draft, Release):
        _release(draft, ref_id, release)
    for ref_id, drop in _of(draft, Drop):
        _drop(draft, ref_id, drop)
    for ref_id, retry in _of(draft, Retry):
        _retry(draft, ref_id, retry)
    _end_lost_rollbacks(draft)
    for ref_id, rollback in _of(draft, Rollback):
        _rollback(draft, ref_id, rollback)
    earlier: list[AnnouncementRequest] = []
    for ref_id, announced in _of(draft, AnnouncementRequest):
        _announced(draft, ref_id, announced, earlier)
        if ref_id in draft.inbox:
            earlier.append(announced)
    for ref_id, promotion in _of(draft, Promotion):
        _is_place(draft, ref_id, promotion.wave, promotion.set)


def _clear(draft: Draft) -> None:
    """What can't be read, or can't be carried out whatever else is so, is out of the way first."""
    for unreadable in draft.snapshot.unreadable:
        if not unreadable.is_newer:
            draft.set_aside(unreadable)
    for ref_id, reason in draft.snapshot.unfit.items():
        draft.reject(ref_id, reason)


def _of(draft: Draft, kind: type) -> list:  # type: ignore[type-arg]
    found = [(ref_id, fact) for ref_id, fact in draft.inbox.items() if isinstance(fact, kind)]
    return sorted(found, key=lambda one: (one[1].accepted_at, one[0]))


def _record(draft: Draft, ref_id: str, record: Deployment) -> None:
    wave = draft.settings.wave(record.wave)
    if wave is None or record.target not in wave.targets:
        draft.reject(
            ref_id,
            f"the settings name no target {record.target} in a wave {record.wave}",
            wave=record.wave,
        )
        return
    if (record.wave, record.target) in draft.snapshot.silenced:
        return
    latest = draft.records.get((record.wave, record.target))
    if latest is not None and latest.id == record.id:
        draft.end(ref_id, _DONE)
    elif latest is not None and record.finished < latest.finished:
        later = f"{latest.finished:%Y-%m-%dT%H:%M:%SZ}"
        reason = f"{record.target} has reported something later, finished at {later}"
        draft.end(
            ref_id, _DONE, Entry(what="out of date", id=ref_id, wave=record.wave, reason=reason)
        )
    else:
        if record.ahead and not (latest and latest.ahead):
            _note_clock(draft, record)
        take_in(draft, wave, record)
        said = f"{record.target}: {record.phase}, {record.health} at {short(record.revision)}"
        draft.end(
            ref_id,
            _DONE,
            Entry(what="reported", id=ref_id, sha=record.revision, wave=record.wave, reason=said),
        )
    # Records do not end in the sense of requests: the same one may come again, and count.
    draft.ledger.ended = [one for one in draft.ledger.ended if one.id != ref_id]


def _note_clock(draft: Draft, record: Deployment) -> None:
    by = show_duration(record.ahead)
    reason = f"the clock of {record.target} is {by} ahead: its reports count as of when they came"
    draft.entries.append(Entry(what="clock ahead", wave=record.wave, reason=reason))


def _hold(draft: Draft, ref_id: str, hold: HoldRequest) -> None:
    if not _is_place(draft, ref_id, hold.wave, hold.set):
        return
    if (hold.wave, hold.set) in draft.holds:
        draft.end(
            ref_id,
            _DONE,
            Entry(what="already held", id=ref_id, set=hold.set, wave=hold.wave, reason=hold.reason),
        )
        return
    draft.end(ref_id, _DONE)
    draft.hold(
        Hold(
            id=ref_id,
            wave=hold.wave,
            set=hold.set,
            reason=hold.reason,
            by=hold.by,
            since=hold.accepted_at,
        )
    )


def _release(draft: Draft, ref_id: str, release: Release) -> None:
    for hold in [hold for hold in draft.holds.values() if hold.id in release.ends]:
        draft.release(hold, release.reason, by=release.by)
    draft.end(ref_id, _DONE)


def _drop(draft: Draft, ref_id: str, drop: Drop) -> None:
    """End what waits. An announcement is kept: whoever dropped it by mistake retries it."""
    dropped = draft.inbox.get(drop.request)
    if dropped is not None:
        reason = f"dropped by {drop.by or 'a person'}"
        set_name = getattr(dropped, "set", None)
        if isinstance(dropped, AnnouncementRequest):
            set_name = dropped.announcement.set
            draft.keep(drop.request, reason)
        draft.end(
            drop.request,
            "dropped",
            Entry(what="dropped", id=drop.request, set=set_name, reason=reason),
        )
        draft.ledger.rollbacks = [
            back for back in draft.ledger.rollbacks if back.request != drop.request
        ]
    draft.end(ref_id, _DONE)


def _retry(draft: Draft, ref_id: str, retry: Retry) -> None:
    evictions = []
    for eviction in draft.ledger.evictions:
        gone = eviction.operation
        if gone and (gone.kind, gone.wave, gone.set, gone.app_sha) == (
            "promote",
            retry.wave,
            retry.set,
            retry.app_sha,
        ):
            evictions.append(msgspec.structs.replace(eviction, retried=True))
        else:
            evictions.append(eviction)
    draft.ledger.evictions = evictions
    entry = Entry(
        what="retried",
        id=ref_id,
        app_sha=retry.app_sha,
        set=retry.set,
        wave=retry.wave,
        reason=f"asked by {retry.by}",
    )
    draft.end(ref_id, _DONE, entry)


def _end_lost_rollbacks(draft: Draft) -> None:
    """A rollback whose wave or set has left the settings can't go on; its request is rejected."""
    for back in list(draft.ledger.rollbacks):
        if draft.settings.wave(back.wave) is None or draft.settings.image_set(back.set) is None:
            draft.ledger.rollbacks.remove(back)
            for newer in draft.ledger.of(back.wave, back.set).landings:
                newer.rolled_back = newer.rolled_back or order_of(newer) > order_of(back.to)
            reason = "the settings no longer name its wave or its set"
            entry = Entry(what="given up", set=back.set, wave=back.wave, reason=reason)
            draft.entries.append(entry)


def _rollback(draft: Draft, ref_id: str, rollback: Rollback) -> None:
    if any(back.request == ref_id for back in draft.ledger.rollbacks):
        return
    if not _is_place(draft, ref_id, rollback.wave, rollback.set):
        return
    landings = draft.ledger.history(rollback.wave, rollback.set).landings
    goal = rollback.to.commit, rollback.to.content
    if goal not in [(landing.commit, landing.content) for landing in landings]:
        reason = f"{rollback.wave} has had no such set, as far as the turns know"
        draft.reject(ref_id, reason, set_name=rollback.set, wave=rollback.wave)
        return
    present = draft.ledger.present(rollback.wave, rollback.set)
    if present is not None and present.content == rollback.to.content:
        _hold_back(draft, _back(ref_id, rollback), by=rollback.by)
        entry = Entry(what="landed", id=ref_id, set=rollback.set, wave=rollback.wave)
        draft.end(ref_id, "landed", entry)
        return
    place = (rollback.wave, rollback.set, rollback.to.content)
    if any((back.wave, back.set, back.to.content) == place for back in draft.ledger.rollbacks):
        entry = Entry(what="under way already", id=ref_id, set=rollback.set, wave=rollback.wave)
        draft.end(ref_id, "superseded", entry)
        return
    begin_rollback(draft, _back(ref_id, rollback), by=rollback.by)


def _back(ref_id: str, rollback: Rollback) -> OpenRollback:
    return OpenRollback(
        wave=rollback.wave,
        set=rollback.set,
        leaves=rollback.leaves,
        to=rollback.to,
        reason=rollback.reason,
        at=rollback.accepted_at,
        request=ref_id,
    )


def begin_rollback(draft: Draft, back: OpenRollback, *, by: str) -> None:
    """Place the hold of a rollback at once; its commit follows."""
    for other in list(draft.ledger.rollbacks):
        if (other.wave, other.set) == (back.wave, back.set):
            draft.ledger.rollbacks.remove(other)
            _overtaken(draft, other)
    draft.ledger.rollbacks.append(back)
    _hold_back(draft, back, by=by)


def _hold_back(draft: Draft, back: OpenRollback, *, by: str) -> None:
    if draft.hold_on(back.wave, back.set) is None:
        hold_id = f"hold-{back.request or f'{back.wave}-{back.set}-{short(back.leaves.commit)}'}"
        draft.hold(
            Hold(id=hold_id, wave=back.wave, set=back.set, reason=back.reason, by=by, since=back.at)
        )


def _overtaken(draft: Draft, back: OpenRollback) -> None:
    """Another rollback of the same set in the same wave has been asked for."""
    entry = Entry(
        what="superseded",
        id=back.request,
        set=back.set,
        wave=back.wave,
        reason="another rollback was asked for",
    )
    if back.request:
        draft.end(back.request, "superseded", entry)


def _announced(
    draft: Draft, ref_id: str, announced: AnnouncementRequest, earlier: list[AnnouncementRequest]
) -> None:
    announcement = announced.announcement
    known_as = announced_as(ref_id, announcement.set)
    if how := how_ended(draft.settings, draft.ledger, known_as, announcement):
        draft.end(ref_id, how)
        return
    if reason := why_unwelcome(draft.settings, draft.ledger, announced, earlier):
        draft.reject(ref_id, reason, set_name=announcement.set)


def _is_place(draft: Draft, ref_id: str, wave: str, set_name: str) -> bool:
    if draft.settings.wave(wave) is None or (
        set_name != ALL_SETS and draft.settings.image_set(set_name) is None
    ):
        heirs = (*draft.ledger.wave_names.now.get(wave, ()),)
        heirs += draft.ledger.set_names.now.get(set_name, ())
        now = f"; it is {' and '.join(heirs)} now: ask for each by itself" if heirs else ""
        draft.reject(
            ref_id, f"the settings name no wave {wave} with a set {set_name}{now}", wave=wave
        )
        return False
    return True
