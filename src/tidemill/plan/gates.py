"""What a wave asks before anything goes in or on: a change of that on main is told, once."""

from __future__ import annotations

from datetime import datetime, timedelta

from tidemill.facts.gates import GateChange, Gates, changes, gates_of
from tidemill.facts.journal import Entry
from tidemill.facts.ledger import Ledger
from tidemill.facts.snapshot import Snapshot
from tidemill.plan.draft import Draft

TOLD_FOR = timedelta(days=7)
MOST_TOLD = 50  # of one wave, the latest; the journal has all


def note_gates(draft: Draft) -> None:
    """Say of each wave whose gates are others than the ledger knows which commits changed them.

    Reads the settings, and what main had since the last turn; writes gates and the journal.
    """
    settings, ledger = draft.settings, draft.ledger
    for wave in settings.waves:
        known = ledger.gates.get(wave.name)
        keys = draft.snapshot.main.keys
        values = gates_of(settings, wave, keys)
        if known is None or known.values == values:
            continue
        past = draft.snapshot.main.past
        new = tuple(
            GateChange(
                commit=by.commit if by else None,
                author=by.author if by else "",
                gates=gates,
                at=draft.now,
                is_last=by is not None and past[0].commit != ledger.gates_main,
            )
            for by, gates in changes(
                known.values, settings, wave, past, ledger.gates_main, keys=keys
            )
        )
        told = (*lately_changed(ledger, wave.name, draft.now), *new)[-MOST_TOLD:]
        ledger.gates[wave.name] = Gates(values=values, changes=told)
        draft.entries += [
            Entry(
                what="gates changed",
                sha=one.commit,
                wave=wave.name,
                by=one.author,
                reason=one.words,
            )
            for one in new
        ]


def lately_changed(ledger: Ledger, wave: str, now: datetime) -> tuple[GateChange, ...]:
    """What changed a wave's gates, for as long as status tells it; the latest last."""
    known = ledger.gates.get(wave) or Gates()
    older = [known.change] if known.change else []
    return tuple(one for one in (*older, *known.changes) if now - one.at < TOLD_FOR)


def remember_gates(ledger: Ledger, snapshot: Snapshot) -> None:
    """Remember the gates of all waves, new ones too; that alone is not worth a write."""
    for wave in snapshot.settings.waves:
        told = lately_changed(ledger, wave.name, snapshot.now)
        values = gates_of(snapshot.settings, wave, snapshot.main.keys)
        ledger.gates[wave.name] = Gates(values=values, changes=told)
    ledger.gates_main = snapshot.main.sha
