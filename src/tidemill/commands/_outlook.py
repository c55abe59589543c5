"""Accept what an event brings, and say what a turn would do: then a workflow knows its needs."""

from __future__ import annotations

from msgspec.structs import replace

from tidemill.asks.ask import Ask, Nothing
from tidemill.clients.git.repository import opened
from tidemill.clients.github.connecting import connected
from tidemill.clients.machine import program, workflow
from tidemill.commands._acceptance import accept_ask
from tidemill.commands._json import as_json
from tidemill.commands._options import Options
from tidemill.commands._polling import Polling
from tidemill.commands._remedies import Remedies
from tidemill.commands._results import EventOutlook, EventRequest, Request
from tidemill.commands._turning import turn_taken
from tidemill.commands._writing import tell
from tidemill.errors import TidemillError
from tidemill.facts.rest import PASSED_ON, Rest, digest
from tidemill.facts.snapshot import Snapshot
from tidemill.facts.state import State
from tidemill.plan.obstacles import UnknownAsker
from tidemill.plan.plan import Plan, of_dry_run
from tidemill.plan.rest import rests_until
from tidemill.turn.outcome import NothingDue, WouldWrite
from tidemill.turn.read import read
from tidemill.turn.rest import note_rest
from tidemill.turn.turn import look


def accept_and_look_ahead(
    url: str, options: Options, name: str, ask: Ask | Nothing
) -> EventOutlook:
    """Accept, and make a plan; carry nothing of it out.

    What a schedule has started notes in Git where nothing is due, so that the next one need not
    look (`facts/rest.py`).

    Raises:
        TidemillError: no turn can be done; what was accepted stays accepted.
    """
    with opened(url) as store:
        remedies, accepted = Remedies.of(url, options.now), None
        if isinstance(ask, Nothing):
            came = EventRequest(name, Request("nothing", how=ask.why), ask.is_foreign)
            state = read(store)
        else:
            _, accepted, request = accept_ask(store, remedies, options, ask)
            came, state = EventRequest(name, request), accepted.state
            if accepted.is_new and not accepted.extra:
                state = read(store)  # of two that came at once, one run sees both
        try:
            state.check_usable()
            polling = Polling(store, url, options.now)
            known, decided = look(
                store,
                state,
                options.now,
                connected(url, tell),
                extra={**(accepted.extra if accepted else {}), **polling(state)},
                landing=True,
            )
        except TidemillError as error:
            if accepted:
                error.written = accepted.written(error.written)
            raise
        found = _outlook(came, known, decided, remedies, state, polling.unread)
        until = rests_until(known, decided)
        is_scheduled = name == "schedule" and workflow.is_inside() and not options.dry_run
        if until and is_scheduled and state.is_journal_sound:
            seen = digest(state.refs.shas, state.refs.head, state.names.rest, program.digest())
            said = as_json(found)
            passed_on = {name: said[name] for name in PASSED_ON}
            note_rest(store, state, Rest(seen, options.now, until, passed_on))
    return found


def _outlook(
    came: EventRequest,
    known: Snapshot,
    decided: Plan,
    remedies: Remedies,
    state: State,
    unread: tuple[str, ...],
) -> EventOutlook:
    """What a turn would do, in the words of a workflow: what it has to install, and to be let."""
    asks_command = any(one.verification.command is not None for one in decided.to_ask)
    operations = decided.todo is not None or asks_command
    wants_turn = operations or decided.is_change or decided.more
    is_due = wants_turn or bool(decided.to_ask or state.strays)
    # Who asked may be known to those alone who have another token than this.
    is_due |= any(
        isinstance(one, UnknownAsker) for line in decided.waiting for one in line.obstacles
    )
    taken = turn_taken(
        of_dry_run(decided, known), WouldWrite() if is_due else NothingDue(), remedies, None, state
    )
    taken = replace(taken, unread=unread)
    branches = operations or decided.more or decided.moves_branches
    return EventOutlook(came, taken, is_due, operations, checks=decided.more, branches=branches)
