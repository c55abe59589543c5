"""Is an operation due? The same answer decides what goes on auto, what may land, what is said."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

import msgspec

from tidemill.announcing.order import Order, order_of
from tidemill.facts.ledger import Landing, SetLedger
from tidemill.facts.operation import Operation
from tidemill.facts.requests import AnnouncementRequest, Promotion
from tidemill.facts.settings import ALL_SETS, Wave
from tidemill.facts.staleness import Finding, is_watched, regenerates
from tidemill.plan.deployment import degraded_targets, failing_targets, missing
from tidemill.plan.draft import Draft
from tidemill.plan.obstacles import (
    ClosedWindow,
    DegradedTargets,
    EndedRequest,
    FailureThere,
    HoldInForce,
    MissingApproval,
    MissingDeployment,
    NewerSet,
    NoSuchPlace,
    NothingStale,
    Obstacle,
    OtherSource,
    PastEnding,
    PastEviction,
    PastRollback,
    PausedSoak,
    RegenerationFirst,
    ReplacedFailure,
    RollbackUnderWay,
    RunningSoak,
    SetInFlight,
    SetNotInFiles,
    SetNotThere,
    SetOnAuto,
    SoakForFollower,
    StaleMain,
)


def obstacle(draft: Draft, operation: Operation) -> Obstacle | None:
    """Why `operation` is not due now, admission aside; None if it is."""
    return next(obstacles(draft, operation), None)


def obstacles(draft: Draft, operation: Operation) -> Iterator[Obstacle]:
    """All that keeps `operation` from being due now, admission aside; an end stands alone."""
    wave = draft.settings.wave(operation.wave)
    is_named = operation.is_regeneration or draft.settings.image_set(operation.set) is not None
    if wave is None or not is_named:
        yield NoSuchPlace()
        return
    match operation.kind:
        case "regenerate":
            yield from _regeneration(draft, wave, operation)
        case "introduce":
            yield from _introduction(draft, wave, operation)
        case "promote":
            yield from _promotion(draft, wave, operation)
        case "roll back":
            yield from _rollback(draft, operation)


def closed(draft: Draft, wave: Wave, set_name: str) -> Iterator[Obstacle]:
    """Why nothing may go into a wave now: a hold, or no window is open."""
    if hold := draft.hold_on(wave.name, set_name):
        yield HoldInForce(
            wave=wave.name, set=hold.set, by=hold.by, reason=hold.reason, since=hold.since
        )
    if wave.windows and not _is_open(wave, draft.now):
        yield ClosedWindow(wave=wave.name, until=_opens(wave, draft.now))


def known_finding(draft: Draft) -> Finding | None:
    """What is known of main as it will be; None where nothing is, or nobody asks."""
    finding = draft.ledger.finding
    is_true = finding is not None and finding.main == draft.main
    return finding if is_true and is_watched(draft.settings) else None


def stale_main(draft: Draft, wave: Wave) -> Iterator[Obstacle]:
    """Why no set may go into a wave now: what a person left undone there would ride along."""
    finding = known_finding(draft)
    if finding is None or not finding.of(wave.name):
        return
    operations = regenerations(draft)
    for stale in finding.of(wave.name):
        going = next((one for one in operations if regenerates(one, stale)), None)
        if going is not None:
            yield RegenerationFirst(wave=going.wave, after=going.after)
        else:
            yield StaleMain(
                wave=wave.name,
                generate=draft.settings.entrypoints.generate or "",
                stale=stale,
                was_red=draft.ledger.was_taken_off(_regenerated(finding, wave.name)),
            )


def regenerations(draft: Draft) -> list[Operation]:
    """One operation for each wave that is to be generated anew, in the order of the waves.

    What belongs to a wave that is held or closed is left alone, also where it is another's, too.
    """
    finding = known_finding(draft)
    if finding is None or draft.settings.entrypoints.stale != "regenerate":
        return []
    shut = {wave.name for wave in draft.settings.waves if _is_shut(draft, wave)}
    going_back = {back.wave for back in draft.ledger.rollbacks}
    operations: list[Operation] = []
    for wave in draft.settings.waves:
        mine = finding.of(wave.name)
        operation = _regenerated(
            finding, wave.name, {name for one in mine for name in one.owners} & shut
        )
        about = [
            one
            for one in mine
            if regenerates(operation, one)
            and not any(regenerates(earlier, one) for earlier in operations)
        ]
        is_due = about and wave.name not in shut | going_back
        is_sure = not any(one.unstable for one in about)
        if is_due and is_sure and not draft.ledger.was_taken_off(operation):
            after = " and ".join(dict.fromkeys(one.since for one in about))
            named = ", ".join(one.named for one in about)
            reason = f"main has other files than it generates: {named}"
            operations.append(msgspec.structs.replace(operation, after=after, reason=reason))
    return operations


def _regenerated(finding: Finding, wave: str, without: Collection[str] = ()) -> Operation:
    return Operation(
        kind="regenerate",
        wave=wave,
        set=ALL_SETS,
        app_sha=None,
        position=0,
        repository=None,
        content="",
        commit=finding.seen,
        without=tuple(sorted(without)),
    )


def _is_shut(draft: Draft, wave: Wave) -> bool:
    """Whether nothing may go into a wave now: all its sets are held, or no window is open."""
    return all(any(closed(draft, wave, one.name)) for one in draft.settings.sets)


def not_admitted(draft: Draft, wave: Wave, set_name: str) -> Obstacle | None:
    """Why the wave can't take another set yet: one is in flight."""
    if wave.admit == "at once":
        return None
    if under_test := draft.on_auto(wave.name, set_name):
        return SetOnAuto(wave=wave.name, app_sha=under_test[-1].app_sha)
    landing = draft.ledger.present(wave.name, set_name)
    if landing is None or not landing.is_known or landing.failed or landing.buried:
        return None
    if wave.admit == "when deployed" and landing.deployed_once:
        return None
    if landing.deployed_at is None:
        until = landing.landed_at + wave.settle
        if draft.now >= until:
            return None
        late = tuple(missing(draft, wave, landing))
        return SetInFlight(
            wave=wave.name,
            app_sha=landing.app_sha,
            targets=late,
            since=landing.landed_at,
            until=until,
        )
    for follower in draft.settings.followers(wave.name) if wave.admit == "when soaked" else ():
        left = follower.soak - landing.soaked(draft.now)
        if left.total_seconds() > 0:
            return SoakForFollower(
                wave=wave.name,
                app_sha=landing.app_sha,
                follower=follower.name,
                since=landing.deployed_at,
                until=draft.now + left if landing.healthy_since else None,
            )
    return None


def not_ready(
    draft: Draft, wave: Wave, set_name: str, order: Order, app_sha: str | None
) -> Iterator[Obstacle]:
    """Why a set can't leave the waves that `wave` comes after: not deployed, failed, soaking."""
    for source in wave.sources:
        landings = [
            landing
            for landing in draft.ledger.history(source, set_name).landings
            if is_set(landing, order, app_sha)
        ]
        if not landings:
            yield SetNotThere(wave=source)
            continue
        source_wave = draft.settings.wave(source)
        found = [
            _unready(draft, source_wave, wave, set_name, landing)
            for landing in landings
            if source_wave
        ]
        if found and all(found):
            yield from (found[-1],) if found[-1] else ()


def earliest(wave: Wave, found: Sequence[Obstacle], now: datetime) -> datetime | None:
    """When what waits could go into a wave, if whoever has to act has acted by then.

    None where that is not known, or no clock has a part in it.
    """
    clocks = [
        one for one in found if not isinstance(one, HoldInForce | MissingApproval | StaleMain)
    ]
    ends = [one.until for one in clocks if one.until is not None]
    if not ends or len(ends) < len(clocks):
        return None
    waits = [one.until for one in clocks if one.until and not isinstance(one, ClosedWindow)]
    ready = max([now, *waits])
    return ready if not wave.windows or _is_open(wave, ready) else _opens(wave, ready)


def is_set(landing: Landing, order: Order, app_sha: str | None) -> bool:
    """Whether `had` is that very announcement."""
    return landing.is_known and (order_of(landing), landing.app_sha) == (order, app_sha)


def is_newer(part: SetLedger, announced: AnnouncementRequest) -> bool:
    """Whether an announcement is newer than all that the wave has had."""
    return announced.order > part.newest


def _is_open(wave: Wave, when: datetime) -> bool:
    return any(window.is_open(when) for window in wave.windows)


def _opens(wave: Wave, after: datetime) -> datetime:
    return min(window.opens(after) for window in wave.windows)


def _unready(
    draft: Draft, source: Wave, wave: Wave, set_name: str, landing: Landing
) -> Obstacle | None:
    backs = [back for back in draft.ledger.rollbacks if back.wave == source.name]
    if any(back.set == set_name and order_of(landing) > order_of(back.to) for back in backs):
        return RollbackUnderWay(wave=source.name)
    if landing.rolled_back:
        return PastRollback(wave=source.name, set=set_name, app_sha=landing.app_sha or "")
    if landing.failed:
        return FailureThere(
            wave=source.name,
            set=set_name,
            targets=tuple(sorted(landing.failed)),
            since=min(landing.failed.values()),
        )
    if landing.buried:
        return ReplacedFailure(wave=source.name)
    if landing.naming is not None and landing.naming.is_wrong:
        return SetNotInFiles(
            wave=source.name, commit=landing.commit, naming=landing.naming, since=landing.landed_at
        )
    if degraded := degraded_targets(draft, source, set_name):
        first = min(degraded.values())
        return DegradedTargets(
            wave=source.name,
            targets=tuple(sorted(degraded)),
            since=first - source.failed_after,
            fails_at=first,
        )
    if landing.deployed_at is None:
        late = tuple(missing(draft, source, landing))
        return MissingDeployment(wave=source.name, targets=late, since=landing.landed_at)
    left = wave.soak - landing.soaked(draft.now)
    if left.total_seconds() > 0:
        failing = tuple(sorted(failing_targets(draft, source, set_name)))
        if landing.healthy_since is None and failing:
            return PausedSoak(wave=source.name, targets=failing, since=landing.deployed_at)
        return RunningSoak(wave=source.name, since=landing.deployed_at, until=draft.now + left)
    return None


def _introduction(draft: Draft, wave: Wave, operation: Operation) -> Iterator[Obstacle]:
    if operation.request is None:
        yield from _late_introduction(draft, wave, operation)
        return
    request = draft.inbox.get(operation.request)
    if not isinstance(request, AnnouncementRequest):
        yield EndedRequest(what="announcement")
    elif wave.sources:
        yield OtherSource(wave=wave.name, sources=wave.sources)
    elif draft.ledger.evicted_from(wave.name, operation.set, operation.request):
        yield PastEviction(app_sha=operation.app_sha)
    elif not is_newer(draft.ledger.history(wave.name, operation.set), request):
        yield NewerSet(wave=wave.name)
    else:
        yield from closed(draft, wave, operation.set)
        yield from stale_main(draft, wave)


def _late_introduction(draft: Draft, wave: Wave, operation: Operation) -> Iterator[Obstacle]:
    """Of a set that was announced before the wave came first: its request has ended."""
    if wave.sources:
        yield OtherSource(wave=wave.name, sources=wave.sources)
    elif order_of(operation) <= draft.ledger.history(wave.name, operation.set).newest:
        yield NewerSet(wave=wave.name)
    elif draft.ledger.evicted(operation):
        yield PastEviction(app_sha=operation.app_sha)
    elif bad := spoilt(draft, operation.set, order_of(operation), operation.app_sha):
        yield bad
    else:
        yield from closed(draft, wave, operation.set)
        yield from stale_main(draft, wave)


def spoilt(draft: Draft, set_name: str, order: Order, app_sha: str | None) -> Obstacle | None:
    """What speaks against a set in any wave, so that it goes nowhere else by itself."""
    for back in draft.ledger.rollbacks:
        if back.set == set_name and order > order_of(back.to):
            return RollbackUnderWay(wave=back.wave)
    for ending in draft.ledger.endings.get(set_name, ()):
        if (order_of(ending), ending.app_sha) == (order, app_sha):
            return PastEnding(app_sha=ending.app_sha, how=ending.how, reason=ending.reason)
    for wave, sets in draft.ledger.sets.items():
        for landing in sets[set_name].landings if set_name in sets else ():
            if not is_set(landing, order, app_sha):
                continue
            if landing.rolled_back:
                return PastRollback(wave=wave, set=set_name, app_sha=landing.app_sha or "")
            if landing.failed:
                return FailureThere(wave=wave, set=set_name, targets=tuple(sorted(landing.failed)))
            if landing.buried:
                return ReplacedFailure(wave=wave)
    return None


def _promotion(draft: Draft, wave: Wave, operation: Operation) -> Iterator[Obstacle]:
    request = draft.inbox.get(operation.request) if operation.request else None
    if over := _never(draft, wave, operation, request):
        yield over
        return
    if isinstance(request, Promotion) and request.override:
        yield from stale_main(draft, wave)
        return
    unready = list(not_ready(draft, wave, operation.set, order_of(operation), operation.app_sha))
    if ends := [stop for stop in unready if stop.is_over]:
        yield ends[0]
        return
    yield from unready
    ready = _ready_since(draft, wave, operation)
    for stop in closed(draft, wave, operation.set):
        yield msgspec.structs.replace(stop, since=stop.since or ready)
    yield from stale_main(draft, wave)
    if wave.approval and request is None:
        yield MissingApproval(
            wave=wave.name, set=operation.set, app_sha=operation.app_sha or "", since=ready
        )


def _never(
    draft: Draft, wave: Wave, operation: Operation, request: object | None
) -> Obstacle | None:
    """Why a promotion will never be due by itself."""
    part = draft.ledger.history(wave.name, operation.set)
    if operation.request and not isinstance(request, Promotion):
        return EndedRequest(what="request")
    present = part.present
    if present and (
        order_of(present) > order_of(operation)
        or is_set(present, order_of(operation), operation.app_sha)
    ):
        return NewerSet(wave=wave.name)
    if request is None and order_of(operation) <= part.newest:
        return NewerSet(wave=wave.name)
    if gone := draft.ledger.evicted(operation):
        return PastEviction(
            app_sha=operation.app_sha,
            reason=gone.reason,
            said=gone.said,
            commit=gone.commit,
            since=gone.at,
        )
    if not wave.sources and not (isinstance(request, Promotion) and request.override):
        return OtherSource(wave=wave.name)
    return None


def _ready_since(draft: Draft, wave: Wave, operation: Operation) -> datetime | None:
    """Since when nothing but the wave itself keeps a set out of it, as far as is known."""
    order = order_of(operation)
    landings = [draft.ledger.last(source, operation.set, order) for source in wave.sources]
    deployed = [
        landing.deployed_at
        for landing in landings
        if landing is not None and landing.deployed_at is not None
    ]
    return max(deployed) + wave.soak if deployed else None


def _regeneration(draft: Draft, wave: Wave, operation: Operation) -> Iterator[Obstacle]:
    is_wanted = operation.id in {one.id for one in regenerations(draft)}
    is_asked_for = draft.settings.entrypoints.stale == "regenerate"
    if _is_shut(draft, wave):
        yield from closed(draft, wave, draft.settings.sets[0].name)
    elif not is_asked_for or not (is_wanted or known_finding(draft) is None):
        yield NothingStale(wave=wave.name)


def _rollback(draft: Draft, operation: Operation) -> Iterator[Obstacle]:
    for back in draft.ledger.rollbacks:
        if (back.wave, back.set, back.to.content, back.request) == (
            operation.wave,
            operation.set,
            operation.content,
            operation.request,
        ):
            return
    yield EndedRequest(what="rollback")
