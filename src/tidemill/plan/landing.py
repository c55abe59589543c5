"""Step 2 of the plan: land the newest green commit that is still due; and what landing ends."""

from __future__ import annotations

from tidemill.announcing.order import order_of
from tidemill.facts.journal import Entry
from tidemill.facts.ledger import Refusal
from tidemill.facts.records import Deployment
from tidemill.facts.requests import (
    AnnouncementRequest,
    Drop,
    HoldRequest,
    Promotion,
    Release,
    Retry,
    Rollback,
)
from tidemill.plan.draft import AutoStep, Draft
from tidemill.plan.due import is_newer, is_set, obstacle
from tidemill.plan.new_main import has_landed
from tidemill.plan.position import why_older
from tidemill.words.shas import short

MOST_WAITING = 50
_ENDS = ("landed", "evicted", "unchanged")


def land(draft: Draft) -> None:
    """Fast-forward main to the newest green commit of auto beneath which everything is due."""
    due = due_prefix(draft)
    newest = next((at for at in reversed(range(len(due))) if _is_green(draft, due[at])), None)
    if newest is None:
        return
    commits = [step.commit for step in due[: newest + 1] if step.commit]
    for commit in commits:
        has_landed(draft, commit)
    beneath = [
        short(commit.sha) for commit in commits[:-1] if draft.seen(commit.sha).state != "green"
    ]
    if beneath:
        why = (
            f"{short(commits[-1].sha)} was tested as a whole, with {', '.join(beneath)} beneath it"
        )
        draft.note("landed together", reason=why, sha=commits[-1].sha)
    draft.landed = draft.main = draft.ledger.green_main = commits[-1].sha
    del draft.chain[: newest + 1]


def _is_green(draft: Draft, step: AutoStep) -> bool:
    return step.commit is not None and draft.verdict(step.commit.sha).state == "green"


def note_refusal(draft: Draft, refused: Refusal) -> None:
    """Remember, once, that the server does not let a commit land, and why."""
    known = draft.ledger.refused
    if known is None or (known.sha, known.reason) != (refused.sha, refused.reason):
        draft.ledger.refused = refused
        draft.note("not landed", sha=refused.sha, reason=f"the server refused: {refused.reason}")


def due_prefix(draft: Draft) -> list[AutoStep]:
    """Auto's commits from main up to the first that is not due, or does not descend from it."""
    due: list[AutoStep] = []
    parent = draft.main
    for step in draft.chain:
        if step.commit is None or step.commit.parent != parent or obstacle(draft, step.operation):
            break
        due.append(step)
        parent = step.commit.sha
    return due


def end_requests(draft: Draft) -> None:
    """End the requests that main now shows, or that something newer has overtaken."""
    begun = {back.request for back in draft.ledger.rollbacks}
    for request_id, fact in list(draft.inbox.items()):
        match fact:
            case AnnouncementRequest():
                _end_announced(draft, request_id, fact)
            case Promotion():
                present = draft.ledger.present(fact.wave, fact.set)
                if present and is_set(present, order_of(fact), fact.app_sha):
                    draft.end(
                        request_id,
                        "landed",
                        Entry(
                            what="promoted already",
                            id=request_id,
                            app_sha=fact.app_sha,
                            set=fact.set,
                            wave=fact.wave,
                        ),
                    )
                elif present and present.is_known and order_of(present) > order_of(fact):
                    _supersede(
                        draft,
                        request_id,
                        fact.set,
                        f"{fact.wave} has had a newer set",
                        sha=fact.app_sha,
                    )
            case Rollback() if request_id not in begun:
                entry = Entry(what="landed", id=request_id)
                draft.end(request_id, "landed", _unless_told(draft, entry))
            case Rollback() | HoldRequest() | Release() | Drop() | Retry() | Deployment():
                pass
    _supersede_oldest(draft)


def waiting_announcements(draft: Draft, set_name: str) -> list[tuple[str, AnnouncementRequest]]:
    """The announcements of a set in the inbox, the oldest first."""
    found = [
        (request_id, fact)
        for request_id, fact in draft.inbox.items()
        if isinstance(fact, AnnouncementRequest) and fact.announcement.set == set_name
    ]
    return sorted(found, key=lambda one: (one[1].order, one[0]))


def _end_announced(draft: Draft, request_id: str, announced: AnnouncementRequest) -> None:
    """An announcement ends when every first wave has had it, a newer one, or evicted it."""
    announcement = announced.announcement
    ends, why = set(), "the wave has had a newer one"
    for wave in draft.settings.waves:
        if wave.sources:
            continue
        part = draft.ledger.history(wave.name, announcement.set)
        if any(is_set(landing, announced.order, announcement.sha) for landing in part.landings):
            ends.add("landed")
        elif not is_newer(part, announced):
            ends.add("superseded")
            landed = max((landing.landed_at for landing in part.landings), default=None)
            if landed is not None and announced.accepted_at >= landed:
                why = why_older(part.newest, announced, wave.name)
        elif draft.ledger.evicted_from(wave.name, announcement.set, request_id):
            ends.add("evicted")
        else:
            return
    how = next((one for one in ("evicted", "landed", "superseded") if one in ends), "superseded")
    if how == "superseded":
        _supersede(
            draft,
            request_id,
            announcement.set,
            why,
            sha=announcement.sha,
        )
    else:
        entry = Entry(what=how, id=request_id, app_sha=announcement.sha, set=announcement.set)
        draft.end(request_id, how, _unless_told(draft, entry))


def _is_begun(draft: Draft, announced: AnnouncementRequest) -> bool:
    """Whether one first wave has had it, so that others may be the only ones that lack it."""
    announcement = announced.announcement
    return any(
        is_set(landing, announced.order, announcement.sha)
        for wave in draft.settings.waves
        if not wave.sources
        for landing in draft.ledger.history(wave.name, announcement.set).landings
    )


def _unless_told(draft: Draft, entry: Entry) -> Entry | None:
    """An entry on how a request ended, if the journal does not have one yet."""
    told = any(one.id == entry.id and one.what in _ENDS for one in draft.entries)
    return None if told else entry


def _supersede_oldest(draft: Draft) -> None:
    under_test = {step.operation.request for step in draft.chain}
    for image_set in draft.settings.sets:
        waiting = [
            (request_id, announced)
            for request_id, announced in waiting_announcements(draft, image_set.name)
            if request_id not in under_test and not _is_begun(draft, announced)
        ]
        for request_id, announced in waiting[: max(0, len(waiting) - MOST_WAITING)]:
            sha = announced.announcement.sha
            _supersede(
                draft,
                request_id,
                image_set.name,
                f"more than {MOST_WAITING} announcements waited",
                sha=sha,
            )


def _supersede(draft: Draft, request_id: str, set_name: str, reason: str, *, sha: str) -> None:
    draft.end(
        request_id,
        "superseded",
        Entry(what="superseded", id=request_id, app_sha=sha, set=set_name, reason=reason),
    )
