"""Clear the way: set aside the refs that are where none of ours can be.

Git writes no ref inside of another one, and not in a push that deletes that one: so what stands in
the way goes in a push of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from tidemill.clients.git.store import Declined, Pushed, Raced, Store, Update
from tidemill.facts.journal import Entry, Journal
from tidemill.facts.ledger import KEPT_REFS
from tidemill.facts.snapshot import UnreadableRef
from tidemill.facts.state import State
from tidemill.plan.waking import is_soon
from tidemill.turn.push import MOST_RACES, Clock, push, push_refused
from tidemill.turn.read import read
from tidemill.turn.write import fact_commit, journal_commit, set_aside
from tidemill.words.names import shown


def cleared_way(
    store: Store, state: State, clock: Clock, run_url: str | None = None
) -> tuple[State, tuple[Entry, ...]]:
    """What is read once nothing is in the way, and what the journal says of it.

    Raises:
        ServerRefused: the server does not let them go.
    """
    entries: tuple[Entry, ...] = ()
    races = 0
    while changes := _clearing(store, state, clock.now, run_url):
        match push(store, clock, changes.updates):
            case Declined() as declined:
                raise push_refused(declined)
            case Raced(ref):
                races += 1
                if races == MOST_RACES:
                    raise push_refused(Declined(f"{shown(ref)} kept moving"))
                clock.pause_after(races)
            case Pushed():
                entries += changes.entries
        state = read(store)
    return state, entries


class _Clearance(Struct, frozen=True):
    """What sets strays aside, and what the journal says of it."""

    updates: list[Update]
    entries: tuple[Entry, ...]


def _clearing(store: Store, state: State, now: datetime, run_url: str | None) -> _Clearance | None:
    """What clears the way for all other refs; None if nothing is in the way.

    It takes several where something is in the way of clearing itself.
    """
    names, strays = state.names, list(state.strays)
    blocked = {one.ref for one in strays}
    if names.folder("rejected") in blocked:  # nothing can be kept, so it goes
        strays = [one for one in strays if one.ref == names.folder("rejected")]
        return _Clearance([Update(one.ref, one.sha, None) for one in strays], _said(strays))
    if names.folder("inbox") in blocked:  # first, for a hold that is set aside goes there
        strays = [one for one in strays if one.ref == names.folder("inbox")]
    if not strays:
        return None
    strays = strays[:KEPT_REFS]
    changes: dict[str, str | None] = {}
    for one in strays:
        changes |= set_aside(names, one)
    for hold in state.holds_anew(strays):
        changes[names.inbox(hold.id)] = fact_commit(store, hold)
    entries = _said(strays)
    if state.is_journal_sound:
        ledger = state.written.copy()
        ledger.rejected = [*ledger.rejected, *(one.id for one in strays)][-KEPT_REFS:]
        was_soon = state.written_at is not None and is_soon(state.next_due, state.written_at)
        record = Journal(
            at=now,
            run_url=run_url,
            entries=entries,
            read=tuple(sorted(state.read)),
            next=state.next_due if was_soon else None,  # whoever wrote it has seen to it
            ledger=ledger,
        )
        changes[names.journal] = journal_commit(store, state, record)
    updates = [Update(ref, state.refs.get(ref), new) for ref, new in changes.items()]
    return _Clearance(updates, entries)


def _said(strays: Sequence[UnreadableRef]) -> tuple[Entry, ...]:
    return tuple(Entry(what="rejected", id=one.id, reason=one.said) for one in strays)
