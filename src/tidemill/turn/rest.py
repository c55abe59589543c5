"""Note that nothing is due, so that the next scheduled look ends before anything is installed."""

from __future__ import annotations

from contextlib import suppress

from tidemill.clients.git.store import Store, Update
from tidemill.errors import TidemillError
from tidemill.facts import rest
from tidemill.facts.journal import RECORD
from tidemill.facts.rest import Rest
from tidemill.facts.state import State


def note_rest(store: Store, state: State, found: Rest) -> None:
    """Write the note in place of the last one. It is of use, and nothing needs it: where another
    run was first, or where the server does not let it be written, there is none."""
    note = state.names.rest
    commit = store.write({RECORD: rest.encode(found)}, None, "at rest\n", found.at)
    with suppress(TidemillError):
        store.push([Update(note, state.refs.get(note), commit)])
