"""Is an operation due? The same answer decides what goes on auto, what may land, what is said."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

import msgspec

from tidemill.announcing.order import Order, order_of
from tidemill.facts.ledger import Had, SetLedger
from tidemill.facts.operation import Operation
from tidemill.facts.requests import ALL_SETS, Announced, Promotion
from tidemill.facts.settings import Wave
from tidemill.facts.staleness import Finding, is_watched, regenerates
from tidemill.plan.deployment import degraded_targets, failing_targets, missing
from tidemill.plan.draft import Draft
from tidemill.plan.obstacles import (
    EndedBadly,
    Evicted,
    FailedThere,
    HasNewer,
    InFlight,
    IsDegraded,
    NeedsApproval,
    NoSuchPlace,
    NotDeployed,
    NotInFiles,
    NotStale,
    NotThere,
    Obstacle,
    OnAuto,
    OnHold,
    Regenerates,
    ReplacedWhileFailed,
    RequestEnded,
    RolledBack,
    RollingBack,
    Soaks,
    SoaksForOthers,
    SoakStandsStill,
    StaleMain,
    TakesFromWaves,
    WindowClosed,
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
        yield OnHold(wave=wave.name, set=hold.set, by=hold.by, reason=hold.reason, since=hold.since)
    if wave.windows and not _is_open(wave, draft.now):
        yield WindowClosed(wave=wave.name, until=_opens(wave, draft.now))


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
            yield Regenerates(wave=going.wave, after=going.after)
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
        return OnAuto(wave=wave.name, app_sha=under_test[-1].app_sha)
    had = draft.ledger.present(wave.name, set_name)
    if had is None or not had.is_known or had.failed or had.buried:
        return None
    if wave.admit == "when deployed" and had.deployed_once:
        return None
    if had.deployed_at is None:
        until = had.landed_at + wave.settle
        if draft.now >= until:
            return None
        late = tuple(missing(draft, wave, had))
        return InFlight(
            wave=wave.name, app_sha=had.app_sha, targets=late, since=had.landed_at, until=until
        )
    for follower in draft.settings.followers(wave.name) if wave.admit == "when soaked" else ():
        left = follower.soak - had.soaked(draft.now)
        if left.total_seconds() > 0:
            return SoaksForOthers(
                wave=wave.name,
                app_sha=had.app_sha,
                follower=follower.name,
                since=had.deployed_at,
                until=draft.now + left if had.healthy_since else None,
            )
    return None


def not_ready(
    draft: Draft, wave: Wave, set_name: str, order: Order, app_sha: str | None
) -> Iterator[Obstacle]:
    """Why a set can't leave the waves that `wave` comes after: not deployed, failed, soaking."""
    for source in wave.sources:
        hads = [
            had for had in draft.ledger.history(source, set_name).had if is_set(had, order, app_sha)
        ]
        if not hads:
            yield NotThere(wave=source)
            continue
        source_wave = draft.settings.wave(source)
        found = [_unready(draft, source_wave, wave, set_name, had) for had in hads if source_wave]
        if found and all(found):
            yield from (found[-1],) if found[-1] else ()


def earliest(wave: Wave, found: Sequence[Obstacle], now: datetime) -> datetime | None:
    """When what waits could go into a wave, if whoever has to act has acted by then.

    None where that is not known, or no clock has a part in it.
    """
    clocks = [one for one in found if not isinstance(one, OnHold | NeedsApproval | StaleMain)]
    ends = [one.until for one in clocks if one.until is not None]
    if not ends or len(ends) < len(clocks):
        return None
    waits = [one.until for one in clocks if one.until and not isinstance(one, WindowClosed)]
    ready = max([now, *waits])
    return ready if not wave.windows or _is_open(wave, ready) else _opens(wave, ready)


def is_set(had: Had, order: Order, app_sha: str | None) -> bool:
    """Whether `had` is that very announcement."""
    return had.is_known and (order_of(had), had.app_sha) == (order, app_sha)


def is_newer(part: SetLedger, announced: Announced) -> bool:
    """Whether an announcement is newer than all that the wave has had."""
    return announced.order > part.newest


def _is_open(wave: Wave, when: datetime) -> bool:
    return any(window.is_open(when) for window in wave.windows)


def _opens(wave: Wave, after: datetime) -> datetime:
    return min(window.opens(after) for window in wave.windows)


def _unready(draft: Draft, source: Wave, wave: Wave, set_name: str, had: Had) -> Obstacle | None:
    backs = [back for back in draft.ledger.rollbacks if back.wave == source.name]
    if any(back.set == set_name and order_of(had) > order_of(back.to) for back in backs):
        return RollingBack(wave=source.name)
    if had.rolled_back:
        return RolledBack(wave=source.name, set=set_name, app_sha=had.app_sha or "")
    if had.failed:
        return FailedThere(
            wave=source.name,
            set=set_name,
            targets=tuple(sorted(had.failed)),
            since=min(had.failed.values()),
        )
    if had.buried:
        return ReplacedWhileFailed(wave=source.name)
    if had.naming is not None and had.naming.is_wrong:
        return NotInFiles(
            wave=source.name, commit=had.commit, naming=had.naming, since=had.landed_at
        )
    if degraded := degraded_targets(draft, source, set_name):
        first = min(degraded.values())
        return IsDegraded(
            wave=source.name,
            targets=tuple(sorted(degraded)),
            since=first - source.failed_after,
            fails_at=first,
        )
    if had.deployed_at is None:
        late = tuple(missing(draft, source, had))
        return NotDeployed(wave=source.name, targets=late, since=had.landed_at)
    left = wave.soak - had.soaked(draft.now)
    if left.total_seconds() > 0:
        failing = tuple(sorted(failing_targets(draft, source, set_name)))
        if had.healthy_since is None and failing:
            return SoakStandsStill(wave=source.name, targets=failing, since=had.deployed_at)
        return Soaks(wave=source.name, since=had.deployed_at, until=draft.now + left)
    return None


def _introduction(draft: Draft, wave: Wave, operation: Operation) -> Iterator[Obstacle]:
    if operation.request is None:
        yield from _late_introduction(draft, wave, operation)
        return
    request = draft.inbox.get(operation.request)
    if not isinstance(request, Announced):
        yield RequestEnded(what="announcement")
    elif wave.sources:
        yield TakesFromWaves(wave=wave.name, sources=wave.sources)
    elif draft.ledger.evicted_from(wave.name, operation.request):
        yield Evicted(app_sha=operation.app_sha)
    elif not is_newer(draft.ledger.history(wave.name, operation.set), request):
        yield HasNewer(wave=wave.name)
    else:
        yield from closed(draft, wave, operation.set)
        yield from stale_main(draft, wave)


def _late_introduction(draft: Draft, wave: Wave, operation: Operation) -> Iterator[Obstacle]:
    """Of a set that was announced before the wave came first: its request has ended."""
    if wave.sources:
        yield TakesFromWaves(wave=wave.name, sources=wave.sources)
    elif order_of(operation) <= draft.ledger.history(wave.name, operation.set).newest:
        yield HasNewer(wave=wave.name)
    elif draft.ledger.evicted(operation):
        yield Evicted(app_sha=operation.app_sha)
    elif bad := spoilt(draft, operation.set, order_of(operation), operation.app_sha):
        yield bad
    else:
        yield from closed(draft, wave, operation.set)
        yield from stale_main(draft, wave)


def spoilt(draft: Draft, set_name: str, order: Order, app_sha: str | None) -> Obstacle | None:
    """What speaks against a set in any wave, so that it goes nowhere else by itself."""
    for back in draft.ledger.rollbacks:
        if back.set == set_name and order > order_of(back.to):
            return RollingBack(wave=back.wave)
    for ending in draft.ledger.endings.get(set_name, ()):
        if (order_of(ending), ending.app_sha) == (order, app_sha):
            return EndedBadly(app_sha=ending.app_sha, how=ending.how, reason=ending.reason)
    for wave, sets in draft.ledger.sets.items():
        for had in sets[set_name].had if set_name in sets else ():
            if not is_set(had, order, app_sha):
                continue
            if had.rolled_back:
                return RolledBack(wave=wave, set=set_name, app_sha=had.app_sha or "")
            if had.failed:
                return FailedThere(wave=wave, set=set_name, targets=tuple(sorted(had.failed)))
            if had.buried:
                return ReplacedWhileFailed(wave=wave)
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
        yield NeedsApproval(
            wave=wave.name, set=operation.set, app_sha=operation.app_sha or "", since=ready
        )


def _never(
    draft: Draft, wave: Wave, operation: Operation, request: object | None
) -> Obstacle | None:
    """Why a promotion will never be due by itself."""
    part = draft.ledger.history(wave.name, operation.set)
    if operation.request and not isinstance(request, Promotion):
        return RequestEnded(what="request")
    present = part.present
    if present and (
        order_of(present) > order_of(operation)
        or is_set(present, order_of(operation), operation.app_sha)
    ):
        return HasNewer(wave=wave.name)
    if request is None and order_of(operation) <= part.newest:
        return HasNewer(wave=wave.name)
    if gone := draft.ledger.evicted(operation):
        return Evicted(
            app_sha=operation.app_sha,
            reason=gone.reason,
            said=gone.said,
            commit=gone.commit,
            since=gone.at,
        )
    if not wave.sources and not (isinstance(request, Promotion) and request.override):
        return TakesFromWaves(wave=wave.name)
    return None


def _ready_since(draft: Draft, wave: Wave, operation: Operation) -> datetime | None:
    """Since when nothing but the wave itself keeps a set out of it, as far as is known."""
    order = order_of(operation)
    hads = [draft.ledger.last(source, operation.set, order) for source in wave.sources]
    deployed = [had.deployed_at for had in hads if had is not None and had.deployed_at is not None]
    return max(deployed) + wave.soak if deployed else None


def _regeneration(draft: Draft, wave: Wave, operation: Operation) -> Iterator[Obstacle]:
    is_wanted = operation.id in {one.id for one in regenerations(draft)}
    is_asked_for = draft.settings.entrypoints.stale == "regenerate"
    if _is_shut(draft, wave):
        yield from closed(draft, wave, draft.settings.sets[0].name)
    elif not is_asked_for or not (is_wanted or known_finding(draft) is None):
        yield NotStale(wave=wave.name)


def _rollback(draft: Draft, operation: Operation) -> Iterator[Obstacle]:
    for back in draft.ledger.rollbacks:
        if (back.wave, back.set, back.to.content, back.request) == (
            operation.wave,
            operation.set,
            operation.content,
            operation.request,
        ):
            return
    yield RequestEnded(what="rollback")
