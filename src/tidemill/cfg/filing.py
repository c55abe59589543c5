"""Step 1 of the plan: file what came, so that the rest decides on facts."""

from __future__ import annotations

from tidemill.app.announcement import Announcement, check_allowed
from tidemill.cfg.deployed import take_in
from tidemill.cfg.draft import Draft
from tidemill.cfg.due import is_set
from tidemill.cfg.journal import Entry
from tidemill.cfg.ledger import KEPT_REFS, Back, Eviction
from tidemill.cfg.records import Deployment
from tidemill.cfg.requests import (
    ALL_SETS,
    Announced,
    Drop,
    Hold,
    Promotion,
    Release,
    Retry,
    Rollback,
)
from tidemill.cfg.settings import Settings
from tidemill.cfg.snapshot import Held
from tidemill.errors import Refused

MOST_WAITING = 50
_DONE = "done"


def file(draft: Draft) -> None:
    """Take in records, then holds, releases, drops, retries and rollbacks; reject what is bad."""
    for unreadable in draft.snapshot.unreadable:
        draft.rejected[unreadable.id] = unreadable.reason
        draft.ended.append(unreadable.id)
        draft.ledger.rejected = [*draft.ledger.rejected, unreadable.id][-KEPT_REFS:]
        draft.entries.append(Entry(what="rejected", id=unreadable.id, reason=unreadable.reason))
    if draft.snapshot.foreign:
        reason = "no turn made it: auto is the mill's own"
        draft.evict(Eviction(commit=draft.snapshot.foreign, at=draft.now, reason=reason))
    for ref_id, record in sorted(
        _of(draft, Deployment), key=lambda one: (one[1].finished_at, one[1].accepted_at, one[0])
    ):
        _record(draft, ref_id, record)
    for ref_id, hold in _of(draft, Hold):
        _hold(draft, ref_id, hold)
    for ref_id, release in _of(draft, Release):
        _release(draft, ref_id, release)
    for ref_id, drop in _of(draft, Drop):
        _drop(draft, ref_id, drop)
    for ref_id, retry in _of(draft, Retry):
        _retry(draft, ref_id, retry)
    for ref_id, rollback in _of(draft, Rollback):
        _rollback(draft, ref_id, rollback)
    for ref_id, announced in _of(draft, Announced):
        _announced(draft, ref_id, announced)
    for ref_id, promotion in _of(draft, Promotion):
        _promotion(draft, ref_id, promotion)


def why_unwelcome(settings: Settings, announcement: Announcement) -> str | None:
    """Why the settings do not let this set be announced; None if they do."""
    image_set = settings.image_set(announcement.set)
    if image_set is None:
        names = ", ".join(one.name for one in settings.sets)
        return f"there is no set {announcement.set!r}; the sets are {names}"
    if image_set.repository and announcement.repository != image_set.repository:
        return f"the set {announcement.set} comes from {image_set.repository}, not from {announcement.repository}"
    if image_set.branch and announcement.branch and announcement.branch != image_set.branch:
        return f"the set {announcement.set} comes from the branch {image_set.branch}, not from {announcement.branch}"
    try:
        check_allowed(announcement, settings.images.allow)
    except Refused as error:
        return error.what
    return None


def clash(draft_ledger_position: int, announced: Announced, sha: str | None) -> str | None:
    """Why an announcement can't have the position that another commit has already had."""
    announcement = announced.announcement
    if (
        announced.override
        or announcement.position != draft_ledger_position
        or sha in (None, announcement.sha)
    ):
        return None
    return (
        f"position {announcement.position} of set {announcement.set} belongs to {sha}, not to {announcement.sha}: "
        "was the branch rewritten? --override REASON lets it in"
    )


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
    latest = draft.records.get((record.wave, record.target))
    if latest is not None and latest.id == record.id:
        draft.end(ref_id, _DONE)
    elif latest is not None and record.finished_at < latest.finished_at:
        reason = f"{record.target} has reported something later, finished at {latest.finished_at:%Y-%m-%dT%H:%M:%SZ}"
        draft.end(
            ref_id, _DONE, Entry(what="out of date", id=ref_id, wave=record.wave, reason=reason)
        )
    else:
        take_in(draft, wave, record)
        said = f"{record.target}: {record.phase}, {record.health} at {record.revision[:12]}"
        draft.end(
            ref_id,
            _DONE,
            Entry(what="reported", id=ref_id, sha=record.revision, wave=record.wave, reason=said),
        )
    # Records do not end in the sense of requests: the same one may come again, and count.
    draft.ledger.ended = [one for one in draft.ledger.ended if one.id != ref_id]


def _hold(draft: Draft, ref_id: str, hold: Hold) -> None:
    if not _is_place(draft, ref_id, hold.wave, hold.set):
        return
    if (hold.wave, hold.set) in draft.holds:
        draft.end(
            ref_id,
            _DONE,
            Entry(what="already held", id=ref_id, set=hold.set, wave=hold.wave, reason=hold.reason),
        )
        return
    draft.holds[hold.wave, hold.set] = Held(
        id=ref_id,
        wave=hold.wave,
        set=hold.set,
        reason=hold.reason,
        by=hold.by,
        since=hold.accepted_at,
    )
    draft.end(
        ref_id,
        _DONE,
        Entry(what="held", id=ref_id, set=hold.set, wave=hold.wave, reason=hold.reason),
    )


def _release(draft: Draft, ref_id: str, release: Release) -> None:
    ended = {place: hold for place, hold in draft.holds.items() if hold.id in release.ends}
    for place, hold in ended.items():
        del draft.holds[place]
        draft.entries.append(
            Entry(
                what="released",
                id=hold.id,
                set=hold.set,
                wave=hold.wave,
                reason=f"{release.reason} (held: {hold.reason})",
            )
        )
    draft.end(ref_id, _DONE)


def _drop(draft: Draft, ref_id: str, drop: Drop) -> None:
    dropped = draft.inbox.get(drop.request)
    if dropped is not None:
        set_name = (
            dropped.announcement.set
            if isinstance(dropped, Announced)
            else getattr(dropped, "set", None)
        )
        reason = f"dropped by {drop.by or 'a person'}"
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
            evictions.append(
                Eviction(
                    commit=eviction.commit,
                    at=eviction.at,
                    reason=eviction.reason,
                    operation=gone,
                    retried=True,
                )
            )
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


def _rollback(draft: Draft, ref_id: str, rollback: Rollback) -> None:
    if any(back.request == ref_id for back in draft.ledger.rollbacks):
        return
    if not _is_place(draft, ref_id, rollback.wave, rollback.set):
        return
    begin_rollback(
        draft,
        Back(
            wave=rollback.wave,
            set=rollback.set,
            leaves=rollback.leaves,
            to=rollback.to,
            reason=rollback.reason,
            at=rollback.accepted_at,
            request=ref_id,
        ),
        by=rollback.by,
    )


def begin_rollback(draft: Draft, back: Back, *, by: str) -> None:
    """Place the hold of a rollback at once; its commit follows."""
    draft.ledger.rollbacks = [
        *(one for one in draft.ledger.rollbacks if (one.wave, one.set) != (back.wave, back.set)),
        back,
    ]
    if draft.hold_on(back.wave, back.set) is None:
        hold_id = f"hold-{back.request or f'{back.wave}-{back.set}-{back.leaves.commit[:12]}'}"
        hold = Held(
            id=hold_id, wave=back.wave, set=back.set, reason=back.reason, by=by, since=back.at
        )
        draft.holds[back.wave, back.set] = hold
        draft.entries.append(
            Entry(what="held", id=hold_id, set=back.set, wave=back.wave, reason=back.reason)
        )


def _announced(draft: Draft, ref_id: str, announced: Announced) -> None:
    announcement = announced.announcement
    if how := draft.ledger.how_ended(ref_id):
        draft.end(ref_id, how)
        return
    if reason := why_unwelcome(draft.settings, announcement):
        draft.reject(ref_id, reason, set_name=announcement.set)
        return
    for wave in draft.settings.waves:
        if wave.sources:
            continue
        for had in draft.ledger.of(wave.name, announcement.set).had:
            if had.is_known and (reason := clash(had.position, announced, had.app_sha)):
                draft.reject(ref_id, reason, set_name=announcement.set)
                return
    for other_id, other in _of(draft, Announced):
        rival = other.announcement
        earlier = (other.accepted_at, other_id) < (announced.accepted_at, ref_id)
        if (
            earlier
            and rival.set == announcement.set
            and (reason := clash(rival.position, announced, rival.sha))
        ):
            draft.reject(ref_id, reason, set_name=announcement.set)
            return


def _promotion(draft: Draft, ref_id: str, promotion: Promotion) -> None:
    if not _is_place(draft, ref_id, promotion.wave, promotion.set):
        return
    present = draft.ledger.present(promotion.wave, promotion.set)
    if present is None or not present.is_known:
        return
    if is_set(present, promotion.position, promotion.app_sha):
        draft.end(
            ref_id,
            "landed",
            Entry(what="promoted already", id=ref_id, set=promotion.set, wave=promotion.wave),
        )
    elif present.position > promotion.position:
        reason = f"{promotion.wave} has {(present.app_sha or '')[:12]}, which is newer: going back is a rollback"
        draft.end(
            ref_id,
            "superseded",
            Entry(
                what="superseded", id=ref_id, set=promotion.set, wave=promotion.wave, reason=reason
            ),
        )


def _is_place(draft: Draft, ref_id: str, wave: str, set_name: str) -> bool:
    if draft.settings.wave(wave) is None or (
        set_name != ALL_SETS and draft.settings.image_set(set_name) is None
    ):
        draft.reject(ref_id, f"the settings name no wave {wave} with a set {set_name}", wave=wave)
        return False
    return True
