"""A person lets a set try again that was evicted, rejected or dropped, or that a wave lacks."""

from __future__ import annotations

import msgspec

from tidemill.announcing.announcement import Announcement, Image
from tidemill.announcing.order import order_of
from tidemill.asks.ask import Nothing, RetrySet
from tidemill.asks.asker import Answer, Asker, Lookup
from tidemill.asks.places import rewrites
from tidemill.errors import Refused
from tidemill.facts.ledger import Eviction
from tidemill.facts.operation import Operation
from tidemill.facts.requests import AnnouncementRequest, Retry
from tidemill.facts.state import State
from tidemill.plan.next_sets import late_introduction
from tidemill.plan.position import first_waves


def answer(ask: RetrySet, state: State, asker: Asker, look: Lookup) -> Answer:
    """What lets it happen again: its announcement anew, or the promotion that was evicted.

    Raises:
        Refused: nothing of that commit has ended badly lately, or it can't be retried.
    """
    for fact_id, fact in state.inbox.items():
        if isinstance(fact, AnnouncementRequest) and fact.announcement.sha.startswith(ask.sha):
            return Nothing(f"{fact_id} waits already")
    for eviction in reversed(state.ledger.evictions):
        operation = eviction.operation
        is_meant = operation and (operation.app_sha or "").startswith(ask.sha)
        if operation and is_meant and not eviction.retried:
            return _evicted_again(eviction, operation, ask, state, asker, look)
    for request in reversed(state.ledger.rejected):
        found = look.rejected(request)
        if found and found.announcement.sha.startswith(ask.sha):
            again = _again(found.announcement, ask.override or found.override, state, asker)
            return msgspec.structs.replace(again, sender=found.sender)
    if missed := _missed(ask, state):
        return _announced(missed, ask, state, asker, look)
    raise Refused(
        f"nothing of commit {ask.sha} was evicted, rejected or dropped lately",
        remedy=f"see what runs where: {asker.status}; a set that ended in another way comes "
        f"back if you announce it again: {asker.overriding}",
    )


def _again(
    announcement: Announcement, override: str | None, state: State, asker: Asker
) -> AnnouncementRequest:
    return AnnouncementRequest(
        accepted_at=asker.now,
        by=asker.by,
        announcement=announcement,
        override=override,
        retry=True,
        rewrites=rewrites(state, announcement, overridden=override is not None),
    )


def _evicted_again(
    eviction: Eviction,
    operation: Operation,
    ask: RetrySet,
    state: State,
    asker: Asker,
    look: Lookup,
) -> AnnouncementRequest | Retry:
    place, why = ("--wave", operation.wave), ("--override", "REASON")
    which = (*place, "--set", operation.set)
    match operation.kind:
        case "promote" if ask.override:
            promote = ("promote-wave", *which, "--sha", operation.app_sha or "", *why)
            raise Refused(
                "a promotion is not overridden by a retry",
                remedy=f"ask for it: {asker.typed(promote)}",
            )
        case "promote":
            return Retry(
                accepted_at=asker.now,
                by=asker.by,
                wave=operation.wave,
                set=operation.set,
                app_sha=operation.app_sha or "",
            )
        case "roll back":
            to = ("--to", operation.app_sha) if operation.app_sha else ()
            back = ("rollback-wave", *which, *to, "--reason", "REASON")
            raise Refused("a rollback is not retried", remedy=f"ask again: {asker.typed(back)}")
        case "hotfix":
            again = asker.typed(("promote-wave", *place, "--announcement", "FILE", *why))
            raise Refused("a hotfix is not retried", remedy=f"ask again: {again}")
        case _:
            pass
    if eviction.commit is None:
        raise Refused(
            f"no commit of {operation.app_sha} was ever made",
            remedy=f"announce the set again: {asker.overriding}",
        )
    made = msgspec.structs.replace(operation, commit=eviction.commit)
    return _announced(made, ask, state, asker, look)


def _announced(
    operation: Operation, ask: RetrySet, state: State, asker: Asker, look: Lookup
) -> AnnouncementRequest:
    """The announcement of a set, made anew from the commit that has its image files."""
    files = look.image_files(operation)
    if isinstance(files, str) or files.tags.keys() != files.digests.keys():
        why = (
            files if isinstance(files, str) else f"the image files of {operation.commit} are broken"
        )
        raise Refused(why, remedy=f"announce the set again: {asker.overriding}")
    announcement = Announcement(
        set=operation.set,
        repository=operation.repository or "",
        sha=operation.app_sha or "",
        position=operation.position,
        generation=operation.generation,
        images={
            service: Image(Digest=digest, Tag=files.tags[service])
            for service, digest in files.digests.items()
        },
    )
    return _again(announcement, ask.override or operation.override, state, asker)


def _missed(ask: RetrySet, state: State) -> Operation | None:
    """What other waves have had, and a wave that comes first today has not."""
    settings = state.valid_settings
    for wave, sets in state.ledger.sets.items():
        for name, part in sets.items():
            for landing in part.landings if settings.image_set(name) else ():
                newest = [
                    state.ledger.history(first, name).newest for first in first_waves(settings)
                ]
                is_set = landing.is_known and not landing.is_hotfix
                is_meant = is_set and (landing.app_sha or "").startswith(ask.sha)
                if is_meant and any(one < order_of(landing) for one in newest):
                    return late_introduction(wave, name, wave, landing)
    return None
