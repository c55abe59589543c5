"""Holds: what is asked for, what a turn places by itself, and what a hold keeps out.

A hold is for one set of a wave or for all of them. It ends when a person releases it; at its time,
where it has one; or, where it answers a failure (`on_failure`), when that has passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec.structs import replace as changed

from tidemill.facts.holds import Hold, HoldCause, each_hold, lasts, stacked
from tidemill.facts.journal import Entry
from tidemill.facts.requests import HoldRequest, Release
from tidemill.facts.settings import ALL_SETS, ALL_WAVES, Wave
from tidemill.facts.snapshot import TIDEMILL
from tidemill.plan.draft import Draft
from tidemill.plan.obstacles import HoldInForce
from tidemill.words.moments import as_typed
from tidemill.words.names import one_line
from tidemill.words.shas import short


def hold_on(draft: Draft, wave: str, set_name: str) -> Hold | None:
    """The hold that keeps a set out of a wave; of two the one that lasts longer."""
    found = [draft.holds.get((wave, name)) for name in (ALL_SETS, set_name)]
    return max((one for one in found if one), key=lasts, default=None)


def stays_held(draft: Draft, wave: str, set_name: str) -> bool:
    """Whether a hold keeps a set out of a wave, whatever the time is, and whoever releases all."""
    return any(_staying(draft, wave, set_name))


def _staying(draft: Draft, wave: str, set_name: str) -> Iterator[Hold]:
    """The holds that no time ends, and no release of all waves at once."""
    found = (draft.holds.get((wave, name)) for name in (ALL_SETS, set_name))
    for hold in each_hold(one for one in found if one):
        if hold.until is None and not hold.everywhere:
            yield hold


def holds_on(draft: Draft, wave: Wave, set_name: str) -> Iterator[HoldInForce]:
    """The same, as an obstacle."""
    if found := hold_on(draft, wave.name, set_name):
        yield HoldInForce.of(found, wave.name)


def file_hold(draft: Draft, ref_id: str, asked: HoldRequest) -> None:
    """Put a hold in force that a person asks for.

    A place has one in force at a time: the one that lasts longest.
    """
    is_everywhere = asked.wave == ALL_WAVES
    waves = [one.name for one in draft.settings.waves] if is_everywhere else [asked.wave]
    if draft.reject_unless_named(ref_id, waves[0], asked.set):
        return
    for wave in waves:
        hold = Hold(
            id=f"{ref_id}-{wave}" if is_everywhere else ref_id,
            wave=wave,
            set=asked.set,
            reason=asked.reason,
            by=asked.by,
            since=asked.accepted_at,
            until=asked.until,
            everywhere=is_everywhere,
        )
        present = draft.holds.get((wave, asked.set))
        if present is not None and lasts(present) >= lasts(hold):
            longer = f"{hold.reason}; it is held {_ends(present)} ({present.reason})"
            draft.entries.append(_entry("already held", hold, longer, ref_id))
            _put(draft, (wave, asked.set), [hold, *_there(draft, hold)])
        else:
            place_hold(draft, hold)
    draft.end(ref_id, "done")


def hold_new_waves(draft: Draft) -> None:
    """A wave that comes while all waves are held is held as well; not one that had another name."""
    known = draft.ledger.wave_names.known
    everywhere = [one for one in each_hold(draft.holds.values()) if one.everywhere]
    for wave in draft.settings.waves if known else ():
        if wave.name in known or not {*known}.isdisjoint(wave.formers):
            continue
        for hold in sorted(everywhere, key=lasts):
            there = _there(draft, changed(hold, wave=wave.name))
            if not any(one.everywhere and lasts(one) >= lasts(hold) for one in there):
                mine = f"{hold.id.removesuffix(f'-{hold.wave}')}-{wave.name}"
                place_hold(draft, changed(hold, id=mine, wave=wave.name, beneath=None))


def file_release(draft: Draft, ref_id: str, release: Release) -> None:
    """End the holds that a release names."""
    there = [hold for hold in each_hold(draft.holds.values()) if hold.id in release.ends]
    for hold in reversed(there):  # what is beneath one before that one
        release_hold(draft, hold, release.reason, by=release.by)
    already = Entry(what="released already", id=ref_id, wave=release.wave, reason=release.reason)
    draft.end(ref_id, "done", None if there else already)


def end_holds(draft: Draft) -> None:
    """End the holds whose time is over."""
    for hold in reversed(list(each_hold(draft.holds.values()))):
        if hold.until is not None and hold.until <= draft.now:
            release_hold(draft, hold, f"it was until {as_typed(hold.until)}, which is over")


def place_hold(draft: Draft, hold: Hold) -> None:
    """Nothing goes into the wave from now on; what holds it already stays beneath."""
    _put(draft, (hold.wave, hold.set), [*_there(draft, hold), hold])
    draft.entries.append(_entry("held", hold, _said(hold)))


def _there(draft: Draft, hold: Hold) -> list[Hold]:
    """All that holds the place of a hold."""
    present = draft.holds.get((hold.wave, hold.set))
    return list(each_hold([present])) if present else []


def _put(draft: Draft, place: tuple[str, str], holds: Iterable[Hold]) -> Hold | None:
    """Let these be the holds of a place; the one in force."""
    draft.holds.pop(place, None)
    if found := stacked(holds):
        draft.holds[place] = found
    return found


def hold_back(
    draft: Draft, hold_id: str, wave: str, set_name: str, *, reason: str, by: str, since: datetime
) -> None:
    """Place the hold that comes with a rollback or a hotfix, unless a person has to release one.

    Who releases all waves at once has not looked at this one.
    """
    if all(one.failure for one in _staying(draft, wave, set_name)):
        hold = Hold(id=hold_id, wave=wave, set=set_name, reason=reason, by=by, since=since)
        place_hold(draft, hold)


def _entry(what: str, hold: Hold, reason: str, request: str = "") -> Entry:
    return Entry(
        what=what, id=request or hold.id, set=hold.set, wave=hold.wave, reason=reason, by=hold.by
    )


def _said(hold: Hold) -> str:
    """Why something is held; and until when, where it has a time."""
    return f"{hold.reason} ({_ends(hold)})" if hold.until else hold.reason


def _ends(hold: Hold) -> str:
    """When a hold ends, in words."""
    if hold.until:
        return f"until {as_typed(hold.until)}"
    return f"until it is {hold.failure.ending}" if hold.failure else "until it is released"


def hold_by_itself(
    draft: Draft,
    wave: str,
    set_name: str,
    commit: str,
    reason: str,
    *,
    instead_of: tuple[str, str] | None = None,
    failure: HoldCause | None = None,
) -> None:
    """Place a hold that no person asked for; `commit` is what caused it."""
    hold = Hold(
        id=f"hold-{wave}-{set_name}-{short(commit)}",
        wave=wave,
        set=set_name,
        reason=one_line(reason),  # a longer one could not be read again
        by=TIDEMILL,
        since=draft.now,
        instead_of=instead_of,
        failure=failure,
    )
    place_hold(draft, hold)


def release_hold(draft: Draft, hold: Hold, reason: str, *, by: str = "") -> None:
    """A hold has ended; what was beneath it is in force again."""
    why = f"{reason} (held: {hold.reason})"
    draft.entries.append(
        Entry(what="released", id=hold.id, set=hold.set, wave=hold.wave, reason=why, by=by)
    )
    there = _there(draft, hold)
    now = _put(draft, (hold.wave, hold.set), [one for one in there if one.id != hold.id])
    if now and now.id != there[0].id:
        draft.entries.append(_entry("held", now, _said(now)))
