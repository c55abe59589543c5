"""A person lets a set try again that was evicted, rejected or dropped, or that a wave lacks."""

from __future__ import annotations

import msgspec

from tidemill.announcing.announcement import Announcement, Image
from tidemill.announcing.order import order_of
from tidemill.asks.ask import Nothing, RetrySet
from tidemill.asks.asker import Answer, Asker, Lookup
from tidemill.asks.places import by_todays_name, rewrites, set_named, waiting, wave_named
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
    wave = wave_named(state, ask.wave) if ask.wave else None
    ask = msgspec.structs.replace(ask, set=set_named(state, ask.set), wave=wave)
    for eviction in reversed(state.ledger.evictions):
        operation = eviction.operation
        is_meant = operation and _is_meant(ask, operation.set, operation.app_sha)
        is_there = operation and ask.wave in (None, operation.wave)
        if operation and is_meant and is_there and _is_missed(state, eviction, operation):
            return _evicted_again(eviction, operation, ask, state, asker, look)
    for request in reversed(state.ledger.rejected):
        found = look.rejected(request)
        announced = by_todays_name(state, found.announcement) if found else None
        if found and announced and _is_meant(ask, announced.set, announced.sha):
            if _waiting(state, announced.set, announced.sha):
                continue
            again = _again(announced, ask.override or found.override, state, asker)
            return msgspec.structs.replace(again, sender=found.sender)
    if there := _waiting(state, ask.set, ask.sha):
        return Nothing(f"{there[0]} waits already")
    if missed := _missed(ask, state):
        return _announced(missed, ask, state, asker, look)
    of = f" of {ask.set}" if ask.set else ""
    where = f" from {ask.wave}" if ask.wave else ""
    raise Refused(
        f"nothing{of} of commit {ask.sha} was evicted{where}, rejected or dropped lately",
        remedy=f"see what runs where: {asker.status}; a set that ended in another way comes "
        f"back if you announce it again: {asker.overriding}",
    )


def _is_meant(ask: RetrySet, set_name: str, app_sha: str | None) -> bool:
    return ask.set in (None, set_name) and (app_sha or "").startswith(ask.sha)


def _waiting(state: State, set_name: str | None, sha: str) -> list[str]:
    """The announcements of a set, or of any, that wait, by their ids.

    Args:
        sha: how their commit begins.
    """
    return [
        request
        for request, one in waiting(state).items()
        if set_name in (None, one.announcement.set) and one.announcement.sha.startswith(sha)
    ]


def _is_missed(state: State, eviction: Eviction, operation: Operation) -> bool:
    """Whether what was evicted is not on its way again, nor something newer there."""
    if operation.kind == "introduce":
        wave, set_name = operation.wave, operation.set
        there = _waiting(state, set_name, operation.app_sha or "")
        return all(state.ledger.evicted_from(wave, set_name, one) for one in there)
    is_replaced = operation.kind == "promote" and state.ledger.is_replaced(eviction, operation)
    return not (eviction.retried or is_replaced)


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
                    state.ledger.history(first, name).newest
                    for first in first_waves(settings)
                    if ask.wave in (None, first)
                ]
                is_set = landing.is_known and not landing.is_hotfix
                is_meant = is_set and _is_meant(ask, name, landing.app_sha)
                if is_meant and any(one < order_of(landing) for one in newest):
                    return late_introduction(wave, name, wave, landing)
    return None
