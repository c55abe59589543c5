"""What the commands that end with a turn have in common: open, accept, turn, report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tidemill.cfg.requests import Announced, Fact
from tidemill.clients import person
from tidemill.clients.repository import opened
from tidemill.commands._options import Options
from tidemill.commands._report import show_turn, turn_json
from tidemill.commands._writing import tell, write, write_json
from tidemill.errors import Refused, TidemillError
from tidemill.mill.accepting import Accepted, accept
from tidemill.mill.pushing import Clock
from tidemill.mill.reading import Reading, read
from tidemill.mill.turn import Turn, Wrote, turn

_ASK_AGAIN = "mend what the reason says, and ask again"
_TRY_AGAIN = "mend what the reason says; tidemill retry asks for the same again"
Resolve = Callable[[Reading], "Fact | Nothing"]


class Nothing:
    """There is nothing to accept; `why` says so to people."""

    def __init__(self, why: str) -> None:
        self.why = why


def accept_and_turn(url: str, options: Options, resolve: Resolve) -> int:
    """Accept what `resolve` makes of what was read, do a turn, and report both."""
    clock = Clock(options.now)
    say = _silent if options.json else tell
    with opened(url) as store:
        reading = read(store)
        fact = resolve(reading)
        if isinstance(fact, Nothing):
            accepted = Accepted("", is_new=False, reading=reading, ended=fact.why)
        else:
            accepted = accept(reading, fact, clock, dry_run=options.dry_run)
        try:
            done = turn(
                store,
                clock,
                run_url=person.run_url(),
                dry_run=options.dry_run,
                reading=accepted.reading,
                extra=accepted.extra,
                say=say,
            )
        except TidemillError as error:
            error.written = accepted.written(error.written)
            raise
        if reason := done.plan.rejected.get(accepted.id):
            raise Refused(
                f"{accepted.id} can't be carried out: {reason}",
                written=f"it is kept below rejected/, as {accepted.id}"
                if isinstance(done.outcome, Wrote)
                else accepted.written(),
                remedy=_TRY_AGAIN if isinstance(fact, Announced) else _ASK_AGAIN,
            )
        _report(options, accepted, done)
    return 0


def _report(options: Options, accepted: Accepted, done: Turn) -> None:
    state = _state(accepted)
    if options.json:
        extra: dict[str, Any] = (
            {"id": accepted.id, "state": state} if accepted.id else {"state": state}
        )
        write_json({"request": extra, **turn_json(done)})
    else:
        write(f"{accepted.id}: {state}" if accepted.id else state)
        if accepted.ended in ("rejected", "evicted"):
            write("tidemill retry lets it try again.")
        show_turn(done)


def _state(accepted: Accepted) -> str:
    match accepted:
        case Accepted(id="", ended=str(why)):
            return why
        case Accepted(ended="landed"):
            return "already there"
        case Accepted(ended=str(how)):
            return f"has ended already: {how}"
        case Accepted(is_new=True):
            return "accepted"
        case _:
            return "waits already"


def _silent(_: str) -> None:
    pass
