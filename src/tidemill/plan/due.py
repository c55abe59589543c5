"""Is an operation due? The same answer decides what goes on auto, what may land, what is said.

This file has the order in which obstacles are asked for, and no more: each is decided in the file
of its subject. What comes first is what ends it for good, then what the waves before say of the
set, then what the wave itself lets in.
"""

from __future__ import annotations

from collections.abc import Iterator

from tidemill.announcing.order import Order, order_of
from tidemill.facts.ledger import Landing
from tidemill.facts.operation import Operation
from tidemill.facts.requests import AnnouncementRequest, Fact, Promotion
from tidemill.facts.settings import Wave
from tidemill.plan.announcements import is_newer
from tidemill.plan.approval import came_at, needs_approval, ready_since
from tidemill.plan.draft import Draft
from tidemill.plan.failure import degraded_there, failed_there
from tidemill.plan.hotfix import not_wanted
from tidemill.plan.naming import not_in_files
from tidemill.plan.obstacles import (
    EndedRequest,
    MissingDeployment,
    NewerSet,
    NoSuchPlace,
    Obstacle,
    OtherSource,
    PastEnding,
    PastEviction,
    SetNotThere,
)
from tidemill.plan.regeneration import not_stale, stale_main
from tidemill.plan.rollback import goes_back, not_asked_for, went_back
from tidemill.plan.silent_targets import Reporters
from tidemill.plan.soak import soaks
from tidemill.plan.verification import unverified
from tidemill.plan.windows import closed


def obstacle(draft: Draft, operation: Operation) -> Obstacle | None:
    """Why `operation` is not due now, admission aside; None if it is."""
    return next(obstacles(draft, operation), None)


def obstacles(draft: Draft, operation: Operation) -> Iterator[Obstacle]:
    """All that keeps `operation` from being due now, admission aside; an end stands alone."""
    wave = draft.settings.wave(operation.wave)
    if wave is None or not draft.settings.names(operation.wave, operation.set):
        yield NoSuchPlace()
        return
    match operation.kind:
        case "regenerate":
            yield from not_stale(draft, wave, operation)
        case "introduce":
            yield from _introduction(draft, wave, operation)
        case "promote":
            yield from _promotion(draft, wave, operation)
        case "roll back":
            yield from not_asked_for(draft, operation)
        case "hotfix":
            yield from not_wanted(draft, operation)


def not_ready(
    draft: Draft, wave: Wave, set_name: str, order: Order, app_sha: str | None
) -> Iterator[Obstacle]:
    """Why a set can't leave the waves that `wave` comes after: not deployed, failed, soaking.

    Of several stays in a wave one that is well is enough, unless the last one is bad.
    """
    for name in wave.sources:
        source, part = draft.settings.wave(name), draft.ledger.history(name, set_name)
        landings = part.landings_of(order, app_sha)
        if not landings:
            yield SetNotThere(wave=name)
        elif source is not None:
            found = [_unready(draft, source, wave, set_name, one) for one in landings]
            if found[-1] and (all(found) or landings[-1].is_bad):
                yield found[-1]


def _unready(
    draft: Draft, source: Wave, wave: Wave, set_name: str, landing: Landing
) -> Obstacle | None:
    name, order = source.name, order_of(landing)
    if bad := (
        goes_back(draft, set_name, order, name)
        or went_back(name, set_name, landing)
        or failed_there(draft, name, set_name, landing)
        or not_in_files(name, landing)
        or degraded_there(draft, source, set_name)
    ):
        return bad
    reporters = Reporters.of(draft, source)
    if landing.deployed_at is None or reporters.has_nobody:
        return MissingDeployment(
            wave=name,
            targets=reporters.missing(landing),
            spare=reporters.spare(landing),
            since=landing.landed_at,
        )
    return soaks(draft, source, wave, set_name, landing) or unverified(
        draft, source, wave, set_name, landing
    )


def spoilt(draft: Draft, set_name: str, order: Order, app_sha: str | None) -> Obstacle | None:
    """What speaks against a set in any wave, so that it goes nowhere else by itself."""
    if back := goes_back(draft, set_name, order):
        return back
    for ending in draft.ledger.endings.get(set_name, ()):
        if (order_of(ending), ending.app_sha) == (order, app_sha):
            return PastEnding(
                set=set_name, app_sha=ending.app_sha, how=ending.how, reason=ending.reason
            )
    for wave, landing in draft.ledger.landings(set_name):
        if landing.is_set(order, app_sha) and landing.is_bad:
            return went_back(wave, set_name, landing) or failed_there(
                draft, wave, set_name, landing
            )
    return None


def _introduction(draft: Draft, wave: Wave, operation: Operation) -> Iterator[Obstacle]:
    part = draft.ledger.history(wave.name, operation.set)
    request = draft.inbox.get(operation.request) if operation.request else None
    announced = request if isinstance(request, AnnouncementRequest) else None
    order = order_of(operation)
    is_late = operation.request is None  # announced before the wave came first: that has ended
    if announced is None and not is_late:
        yield EndedRequest(what="announcement")
    elif wave.sources:
        yield OtherSource(wave=wave.name, sources=wave.sources)
    elif announced and draft.ledger.evicted_from(wave.name, operation.set, operation.request or ""):
        yield PastEviction(app_sha=operation.app_sha)
    elif not is_newer(part, announced) if announced else order <= part.newest:
        yield NewerSet(wave=wave.name)
    elif is_late and draft.ledger.evicted(operation):
        yield PastEviction(app_sha=operation.app_sha)
    elif is_late and (bad := spoilt(draft, operation.set, order, operation.app_sha)):
        yield bad
    else:
        yield from closed(draft, wave, operation.set)
        yield from stale_main(draft, wave)


def _promotion(draft: Draft, wave: Wave, operation: Operation) -> Iterator[Obstacle]:
    request = draft.inbox.get(operation.request) if operation.request else None
    is_overridden = isinstance(request, Promotion) and bool(request.override)
    if over := _never(draft, wave, operation, request):
        yield over
        return
    if is_overridden:
        yield from stale_main(draft, wave)
        return
    unready = list(not_ready(draft, wave, operation.set, order_of(operation), operation.app_sha))
    if ends := [stop for stop in unready if stop.is_over]:
        yield ends[0]
        return
    yield from unready
    ready = ready_since(draft, wave, operation)
    came = ready if ready and ready <= draft.now else came_at(draft, wave, operation)
    yield from (stop.for_what_came(came) for stop in closed(draft, wave, operation.set))
    yield from stale_main(draft, wave)
    yield from needs_approval(draft, wave, operation, ready)


def _never(draft: Draft, wave: Wave, operation: Operation, request: Fact | None) -> Obstacle | None:
    """Why a promotion will never be due by itself."""
    if operation.request and not isinstance(request, Promotion):
        return EndedRequest(what="request")
    part, order = draft.ledger.history(wave.name, operation.set), order_of(operation)
    present = part.present
    if present and (order_of(present) > order or present.is_set(order, operation.app_sha)):
        return NewerSet(wave=wave.name)
    if request is None and order <= part.newest:
        return NewerSet(wave=wave.name)
    if gone := draft.ledger.evicted(operation):
        return PastEviction.of(gone, operation.app_sha)
    if wave.sources or (isinstance(request, Promotion) and request.override):
        return None
    is_back = bool(part.landings_of(order, operation.app_sha))
    return None if is_back else OtherSource(wave=wave.name)
