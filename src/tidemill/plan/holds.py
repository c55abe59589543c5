"""Holds: what is asked for, what a turn places by itself, and what a hold keeps out.

A hold is for one set of a wave or for all of them. It ends when a person releases it, or, where it
answers a failure (`on_failure`), when that has passed.
"""

from __future__ import annotations

from collections.abc import Iterator

from tidemill.facts.holds import Hold, HoldCause
from tidemill.facts.journal import Entry
from tidemill.facts.requests import HoldRequest, Release
from tidemill.facts.settings import ALL_SETS, Wave
from tidemill.facts.snapshot import TIDEMILL
from tidemill.plan.draft import Draft
from tidemill.plan.obstacles import HoldInForce
from tidemill.words.shas import short


def hold_on(draft: Draft, wave: str, set_name: str) -> Hold | None:
    """The hold that keeps a set out of a wave."""
    return draft.holds.get((wave, ALL_SETS)) or draft.holds.get((wave, set_name))


def holds_on(draft: Draft, wave: Wave, set_name: str) -> Iterator[HoldInForce]:
    """The same, as an obstacle."""
    if found := hold_on(draft, wave.name, set_name):
        yield HoldInForce.of(found, wave.name)


def file_hold(draft: Draft, ref_id: str, asked: HoldRequest) -> None:
    """Put a hold in force that a person asks for; a place has one at a time."""
    wave, set_name, reason = asked.wave, asked.set, asked.reason
    if draft.reject_unless_named(ref_id, wave, set_name):
        return
    if (wave, set_name) in draft.holds:
        entry = Entry(what="already held", id=ref_id, set=set_name, wave=wave, reason=reason)
        draft.end(ref_id, "done", entry)
        return
    draft.end(ref_id, "done")
    since = asked.accepted_at
    hold = Hold(id=ref_id, wave=wave, set=set_name, reason=reason, by=asked.by, since=since)
    place_hold(draft, hold)


def file_release(draft: Draft, ref_id: str, release: Release) -> None:
    """End the holds that a release names."""
    for hold in [hold for hold in draft.holds.values() if hold.id in release.ends]:
        release_hold(draft, hold, release.reason, by=release.by)
    draft.end(ref_id, "done")


def place_hold(draft: Draft, hold: Hold) -> None:
    """Nothing goes into the wave from now on."""
    draft.holds[hold.wave, hold.set] = hold
    draft.entries.append(
        Entry(what="held", id=hold.id, set=hold.set, wave=hold.wave, reason=hold.reason)
    )


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
        reason=reason,
        by=TIDEMILL,
        since=draft.now,
        instead_of=instead_of,
        failure=failure,
    )
    place_hold(draft, hold)


def release_hold(draft: Draft, hold: Hold, reason: str, *, by: str = "") -> None:
    """A hold has ended."""
    del draft.holds[hold.wave, hold.set]
    why = f"{reason} (held: {hold.reason})"
    draft.entries.append(
        Entry(what="released", id=hold.id, set=hold.set, wave=hold.wave, reason=why, by=by)
    )
