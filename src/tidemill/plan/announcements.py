"""Announcements: which of them are let in, which wait, and how each one ends.

Each ends exactly one way: it landed in every wave that comes first, it was evicted, rejected or
dropped, or something newer made it superfluous.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tidemill.facts.journal import Entry
from tidemill.facts.ledger import KEPT_SETS, SetLedger
from tidemill.facts.requests import AnnouncementRequest
from tidemill.plan.draft import Draft
from tidemill.plan.position import how_ended, why_older, why_unwelcome

MOST_WAITING = 50


def is_newer(part: SetLedger, announced: AnnouncementRequest) -> bool:
    """Whether an announcement is newer than all that the wave has had."""
    return announced.order > part.newest


def file_announcement(
    draft: Draft,
    ref_id: str,
    announced: AnnouncementRequest,
    earlier: Sequence[AnnouncementRequest],
) -> None:
    """Let an announcement wait, unless it has ended before or can't be let in.

    Args:
        earlier: those of its set that wait and were accepted before.
    """
    announcement = announced.announcement
    if how := how_ended(draft.settings, draft.ledger, ref_id, announcement):
        draft.end(ref_id, how)
    elif reason := why_unwelcome(draft.settings, draft.ledger, announced, earlier):
        draft.reject(ref_id, reason, set_name=announcement.set)


def end_announcement(draft: Draft, request_id: str, announced: AnnouncementRequest) -> None:
    """An announcement ends when every first wave has had it, a newer one, or evicted it."""
    announcement = announced.announcement
    ends: dict[str, list[str]] = {}
    why = "the wave has had a newer one"
    for wave in draft.settings.waves:
        if wave.sources:
            continue
        part = draft.ledger.history(wave.name, announcement.set)
        if is_newer(part, announced):
            if not draft.ledger.evicted_from(wave.name, announcement.set, request_id):
                return
            ends.setdefault("evicted", []).append(wave.name)
        elif part.landings_of(announced.order, announcement.sha):
            ends.setdefault("landed", []).append(wave.name)
        else:
            ends.setdefault("superseded", []).append(wave.name)
            landed = max((one.landed_at for one in part.landings), default=None)
            if landed is not None and announced.accepted_at >= landed:
                why = why_older(part.newest, announced, wave.name)
    how = next((one for one in ("evicted", "landed") if one in ends), None)
    if how is None:
        supersede(draft, request_id, announcement.set, why, sha=announcement.sha)
        return
    entry = Entry(what=how, id=request_id, app_sha=announcement.sha, set=announcement.set)
    if len(ends) == 1:
        draft.end_once(request_id, how, entry)
    else:  # the lines of its waves differ: this one says how it ended as a whole
        found = "; ".join(f"{what} in {' and '.join(waves)}" for what, waves in ends.items())
        draft.end(request_id, how, msgspec.structs.replace(entry, reason=found))


def supersede_oldest(draft: Draft) -> None:
    """Of more than 50 that wait, and are on no wave's way yet, the oldest are superseded.

    One that a first wave has had waits beside them for the others, for as long as that is among the
    last that the wave has had: then it has landed, and the others do not get it.
    """
    on_auto = {step.operation.request for step in draft.chain}
    why = f"more than {MOST_WAITING} announcements waited"
    for image_set in draft.settings.sets:
        announced = draft.inbox.announcements(image_set.name)
        if len(announced) <= MOST_WAITING:
            continue
        waiting = []
        for request_id, one in list(announced.items()):
            had = _had(draft, one)
            if request_id in on_auto or any(had.values()):
                continue
            if had:
                _end_landed(draft, request_id, one, f"landed in {' and '.join(had)}; {why}")
            else:
                waiting.append((request_id, one.announcement.sha))
        for request_id, sha in waiting[: max(0, len(waiting) - MOST_WAITING)]:
            supersede(draft, request_id, image_set.name, why, sha=sha)


def _end_landed(draft: Draft, request_id: str, one: AnnouncementRequest, reason: str) -> None:
    told = one.announcement
    entry = Entry(what="landed", id=request_id, app_sha=told.sha, set=told.set, reason=reason)
    draft.end(request_id, "landed", entry)


def supersede(draft: Draft, request_id: str, set_name: str, reason: str, *, sha: str) -> None:
    """Something newer has made a request superfluous."""
    entry = Entry(what="superseded", id=request_id, app_sha=sha, set=set_name, reason=reason)
    draft.end(request_id, "superseded", entry)


def _had(draft: Draft, announced: AnnouncementRequest) -> dict[str, bool]:
    """The first waves that have had it, and whether that is among the last that each has had."""
    set_name, sha = announced.announcement.set, announced.announcement.sha
    parts = {
        wave.name: draft.ledger.history(wave.name, set_name)
        for wave in draft.settings.waves
        if not wave.sources
    }
    return {
        name: any(one in found for one in part.landings[-KEPT_SETS:])
        for name, part in parts.items()
        if (found := part.landings_of(announced.order, sha))
    }
