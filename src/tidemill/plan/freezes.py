"""Freezes: what the settings let into no wave for a time. They keep no rollback out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tidemill.facts.freezes import KnownFreeze
from tidemill.facts.journal import Entry
from tidemill.facts.settings import Settings, Wave
from tidemill.plan.draft import Draft
from tidemill.plan.obstacles import FreezeInForce
from tidemill.words.moments import as_typed


def freezes_on(draft: Draft, wave: Wave) -> Iterator[FreezeInForce]:
    """The freezes that keep sets out of a wave now."""
    for one in _in_force(draft, wave):
        yield FreezeInForce(wave=wave.name, reason=one.reason, since=one.begins, until=one.ends)


def note_freezes(draft: Draft) -> None:
    """Say of each wave which freezes have begun, and which are over.

    Reads the settings and the time; writes the ledger's freezes and the journal.
    """
    before = draft.ledger.frozen
    draft.ledger.frozen = {}
    for wave in draft.settings.waves:
        known, now = before.get(wave.name, ()), tuple(_in_force(draft, wave))
        for one in known:
            if one.ends <= draft.now:
                _note_over(draft, wave, f"it was until {as_typed(one.ends)}", one)
            elif one.reason not in {each.reason for each in now}:  # and not another time for it
                _note_over(draft, wave, "tidemill.toml was changed", one)
        for one in now:
            if one not in known:
                reason = f"{one.reason} (until {as_typed(one.ends)})"
                draft.entries.append(Entry(what="frozen", wave=wave.name, reason=reason))
        if now:
            draft.ledger.frozen[wave.name] = now


def _in_force(draft: Draft, wave: Wave) -> Iterator[KnownFreeze]:
    for one in draft.settings.freezes_of(wave.name):
        if one.begins <= draft.now < one.ends:
            yield KnownFreeze(begins=one.begins, ends=one.ends, reason=one.reason)


def _note_over(draft: Draft, wave: Wave, why: str, one: KnownFreeze) -> None:
    reason = f"{why} (frozen: {one.reason})"
    draft.entries.append(Entry(what="freeze over", wave=wave.name, reason=reason))


def thawed(settings: Settings, wave: Wave, when: datetime) -> datetime:
    """The first moment from `when` on in which no freeze is on a wave."""
    for one in sorted(settings.freezes_of(wave.name), key=lambda one: one.begins):
        if one.begins <= when < one.ends:
            when = one.ends
    return when
