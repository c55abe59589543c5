"""What a wave asks before anything goes in or on: a change of that on main is told, once."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace as changed

from tidemill.facts.gates import GateChange, Gates, changes, gates_of
from tidemill.facts.journal import Entry
from tidemill.facts.ledger import Ledger
from tidemill.facts.snapshot import Snapshot
from tidemill.plan.draft import Draft

TOLD_FOR = timedelta(days=7)


def note_gates(draft: Draft) -> None:
    """Say of each wave whose gates are others than the ledger knows which commits changed them.

    Reads the settings, and what main had since the last turn; writes gates and the journal.
    """
    settings, ledger = draft.settings, draft.ledger
    for wave in settings.waves:
        known, values = ledger.gates.get(wave.name), gates_of(settings, wave)
        if known is None or known.values == values:
            continue
        past = draft.snapshot.main.past
        for by, gates in changes(known.values, settings, wave, past, ledger.gates_main):
            change = GateChange(
                commit=by.commit if by else None,
                author=by.author if by else "",
                gates=gates,
                at=draft.now,
            )
            ledger.gates[wave.name] = Gates(values=values, change=change)
            draft.entries.append(
                Entry(
                    what="gates changed",
                    sha=change.commit,
                    wave=wave.name,
                    by=change.author,
                    reason=change.words,
                )
            )


def lately_changed(ledger: Ledger, wave: str, now: datetime) -> GateChange | None:
    """What last changed a wave's gates, for as long as status tells it."""
    known = ledger.gates.get(wave)
    change = known.change if known else None
    return change if change is not None and now - change.at < TOLD_FOR else None


def remember_gates(ledger: Ledger, snapshot: Snapshot) -> None:
    """Remember the gates of all waves, new ones too; that alone is not worth a write."""
    for wave in snapshot.settings.waves:
        known = ledger.gates.get(wave.name) or Gates()
        values = gates_of(snapshot.settings, wave)
        ledger.gates[wave.name] = changed(known, values=values)
    ledger.gates_main = snapshot.main.sha
