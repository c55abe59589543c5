"""Is an operation due? The same answer decides what goes on auto and what may land."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from tidemill.app.durations import show_duration
from tidemill.cfg.deployed import failing_targets, missing
from tidemill.cfg.draft import Draft
from tidemill.cfg.ledger import Had, SetLedger
from tidemill.cfg.operation import Operation
from tidemill.cfg.requests import Announced, Promotion
from tidemill.cfg.settings import Wave


@dataclass(frozen=True)
class Obstacle:
    """Why an operation is not due. `over`: it never will be, by itself."""

    reason: str
    since: datetime | None = None
    over: bool = False


def obstacle(draft: Draft, operation: Operation) -> Obstacle | None:
    """Why `operation` is not due now, admission aside; None if it is."""
    wave = draft.settings.wave(operation.wave)
    if wave is None or draft.settings.image_set(operation.set) is None:
        return Obstacle("the settings no longer name its wave or its set", over=True)
    match operation.kind:
        case "introduce":
            return _introduction(draft, wave, operation)
        case "promote":
            return _promotion(draft, wave, operation)
        case "roll back":
            return _rollback(draft, operation)


def closed(draft: Draft, wave: Wave, set_name: str) -> Obstacle | None:
    """Why nothing may go into a wave now: a hold, or no window is open."""
    if hold := draft.hold_on(wave.name, set_name):
        return Obstacle(f"{wave.name} is held by {hold.by or 'someone'}: {hold.reason}", hold.since)
    if wave.windows and not any(window.is_open(draft.now) for window in wave.windows):
        opens = min(window.opens(draft.now) for window in wave.windows)
        return Obstacle(f"the window of {wave.name} opens at {opens:%Y-%m-%d %H:%M} UTC")
    return None


def not_admitted(draft: Draft, wave: Wave, set_name: str) -> Obstacle | None:
    """Why the wave can't take another set yet: one is in flight."""
    if wave.admit == "at once":
        return None
    if under_test := draft.on_auto(wave.name, set_name):
        return Obstacle(f"{(under_test[-1].app_sha or 'a set')[:12]} is on auto for {wave.name}")
    had = draft.ledger.present(wave.name, set_name)
    if had is None or not had.is_known or had.failed or had.buried:
        return None
    if wave.admit == "when deployed" and had.deployed_once:
        return None
    if had.deployed_at is None:
        if draft.now >= had.landed_at + wave.settle:
            return None
        late = ", ".join(missing(draft, wave, had))
        return Obstacle(
            f"{short(had)} is in flight in {wave.name}: not healthy yet on {late}", had.landed_at
        )
    for follower in draft.settings.followers(wave.name) if wave.admit == "when soaked" else ():
        if had.soaked(draft.now) < follower.soak:
            left = show_duration(follower.soak - had.soaked(draft.now))
            return Obstacle(
                f"{short(had)} soaks in {wave.name} for {follower.name}, {left} to go",
                had.deployed_at,
            )
    return None


def not_ready(
    draft: Draft, wave: Wave, set_name: str, position: int, app_sha: str | None
) -> Obstacle | None:
    """Why a set can't leave the waves that `wave` comes after: not deployed, failed, soaking."""
    for source in wave.sources:
        hads = [
            had
            for had in draft.ledger.history(source, set_name).had
            if is_set(had, position, app_sha)
        ]
        if not hads:
            return Obstacle(f"{source} has not had it")
        source_wave = draft.settings.wave(source)
        reasons = (
            [_unready(draft, source_wave, wave, set_name, had) for had in hads]
            if source_wave
            else []
        )
        if reasons and all(reasons):
            return reasons[-1]
    return None


def is_set(had: Had, position: int, app_sha: str | None) -> bool:
    """Whether `had` is that very announcement."""
    return had.is_known and (had.position, had.app_sha) == (position, app_sha)


def is_newer(part: SetLedger, announced: Announced) -> bool:
    """Whether an announcement is newer than all that the wave has had.

    One with the same position and another SHA is, if a person overrode that.
    """
    position = announced.announcement.position
    if position == part.highest and announced.override:
        return not any(is_set(had, position, announced.announcement.sha) for had in part.had)
    return position > part.highest


def short(had: Had) -> str:
    """A set as it is named in messages."""
    return had.app_sha[:12] if had.app_sha else "an unknown set"


def _unready(draft: Draft, source: Wave, wave: Wave, set_name: str, had: Had) -> Obstacle | None:
    backs = [back for back in draft.ledger.rollbacks if back.wave == source.name]
    if any(back.set == set_name and had.position > back.to.position for back in backs):
        return Obstacle(f"{source.name} is being rolled back from it", over=True)
    if had.rolled_back:
        return Obstacle(f"it was rolled back in {source.name}", over=True)
    if had.failed:
        since = min(had.failed.values())
        return Obstacle(f"it failed on {', '.join(sorted(had.failed))} in {source.name}", since)
    if had.buried:
        return Obstacle(f"it was replaced in {source.name} while it was failed", over=True)
    if had.deployed_at is None:
        late = ", ".join(missing(draft, source, had))
        return Obstacle(f"not healthy yet on {late} in {source.name}", had.landed_at)
    left = wave.soak - had.soaked(draft.now)
    if left.total_seconds() > 0:
        if had.healthy_since is None and (
            failing := sorted(failing_targets(draft, source, set_name))
        ):
            return Obstacle(
                f"its soak in {source.name} stands still while {', '.join(failing)} fails",
                had.deployed_at,
            )
        return Obstacle(f"it soaks in {source.name}, {show_duration(left)} to go", had.deployed_at)
    return None


def _introduction(draft: Draft, wave: Wave, operation: Operation) -> Obstacle | None:
    request = draft.inbox.get(operation.request or "")
    if not isinstance(request, Announced):
        return Obstacle("its announcement has ended", over=True)
    if wave.sources:
        return Obstacle(f"{wave.name} now takes its sets from {', '.join(wave.sources)}", over=True)
    if draft.ledger.evicted_from(wave.name, request.id):
        return Obstacle("it was evicted; `tidemill retry` lets it try again", over=True)
    if not is_newer(draft.ledger.history(wave.name, operation.set), request):
        return Obstacle("the wave has had it or a newer one", over=True)
    return closed(draft, wave, operation.set)


def _promotion(draft: Draft, wave: Wave, operation: Operation) -> Obstacle | None:
    part = draft.ledger.history(wave.name, operation.set)
    request = draft.inbox.get(operation.request) if operation.request else None
    if operation.request and not isinstance(request, Promotion):
        return Obstacle("its request has ended", over=True)
    present = part.present
    if present and (
        present.position > operation.position
        or is_set(present, operation.position, operation.app_sha)
    ):
        return Obstacle("the wave has it or a newer one", over=True)
    if request is None and operation.position <= part.highest:
        return Obstacle("the wave has had it or a newer one", over=True)
    if gone := draft.ledger.evicted(operation):
        return Obstacle("it was evicted; `tidemill retry` lets it try again", gone.at, over=True)
    if isinstance(request, Promotion) and request.override:
        return None
    if not wave.sources:
        return Obstacle(f"{wave.name} comes after no wave", over=True)
    if unready := not_ready(draft, wave, operation.set, operation.position, operation.app_sha):
        return unready
    stop = closed(draft, wave, operation.set)
    if stop is None and wave.approval and request is None:
        sha = (operation.app_sha or "")[:12]
        how = f"tidemill promote-wave --wave {wave.name} --set {operation.set} --sha {sha}"
        stop = Obstacle(f"approval: {how}")
    if stop is None or stop.since is not None:
        return stop
    return replace(stop, since=_ready_since(draft, wave, operation))


def _ready_since(draft: Draft, wave: Wave, operation: Operation) -> datetime | None:
    """Since when nothing but the wave itself keeps a set out of it, as far as is known."""
    hads = [draft.ledger.last(source, operation.set, operation.position) for source in wave.sources]
    deployed = [had.deployed_at for had in hads if had is not None and had.deployed_at is not None]
    return max(deployed) + wave.soak if deployed else None


def _rollback(draft: Draft, operation: Operation) -> Obstacle | None:
    for back in draft.ledger.rollbacks:
        if (back.wave, back.set, back.to.content, back.request) == (
            operation.wave,
            operation.set,
            operation.content,
            operation.request,
        ):
            return None
    return Obstacle("it has ended", over=True)
