"""`tidemill accept-event`: write to the inbox what an event of GitHub brings.

An event becomes what a person could ask for as well. The turn is another step's.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tidemill.asks.ask import Nothing
from tidemill.asks.event import ask_of, has_something
from tidemill.clients.machine.environment import variable
from tidemill.commands import _options
from tidemill.commands._options import Options
from tidemill.commands._writing import conclude, write
from tidemill.errors import Refused
from tidemill.words.names import shown

if TYPE_CHECKING:
    from tidemill.turn.accept import Accepted

HELP = "accept what an event of GitHub brings, and do no turn"
EXAMPLE = "tidemill accept-event --repo URL --event repository_dispatch --payload event.json"


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    _options.add(parser, dry_run=True)
    parser.add_argument(
        "--event", metavar="NAME", help="the event; the workflow's (GITHUB_EVENT_NAME) by default"
    )
    parser.add_argument(
        "--payload",
        metavar="FILE",
        help="its payload as JSON; the workflow's (GITHUB_EVENT_PATH) by default",
    )


def run(arguments: argparse.Namespace) -> int:
    """Accept, or say that there is nothing to."""
    options = _options.options(arguments)
    name = _given(arguments.event, "--event", "GITHUB_EVENT_NAME")
    payload = b""
    if has_something(name):
        payload = _options.read_file(_given(arguments.payload, "--payload", "GITHUB_EVENT_PATH"))
    match ask_of(name, payload):
        case Nothing(why, is_foreign):
            _report(options, name, why, is_foreign=is_foreign)
        case ask:
            from tidemill.commands._session import accept_only  # most events bring nothing

            _report_accepted(options, name, accept_only(arguments.repo, options, ask))
    return 0


def _given(value: str | None, option: str, variable_name: str) -> str:
    found = value or variable(variable_name)
    if not found:
        raise Refused(
            f"{option} is not given, and {variable_name} is not set",
            remedy=f"give {option}, or run this in a workflow",
        )
    return found


def _report_accepted(options: Options, event: str, accepted: Accepted) -> None:
    from tidemill.commands._session import state_of  # most events bring nothing, and need no Git

    if not accepted.id:
        _report(options, event, state_of(accepted))
        return
    state = state_of(accepted)
    result = {
        "event": event,
        "changed": accepted.is_new,
        "accepted": accepted.id,
        "state": state,
        "reason": f"to let it in again: {accepted.way_in}" if accepted.way_in else None,
    }
    said = f"{shown(event)}: {accepted.id}: {state}"
    said += f"; {result['reason']}" if accepted.way_in else ""
    conclude(result, lambda: write(said), as_json=options.json)


def _report(options: Options, event: str, why: str, *, is_foreign: bool = False) -> None:
    result = {
        "event": event,
        "changed": False,
        "accepted": None,
        "state": "nothing to accept",
        "kind": "foreign" if is_foreign else "nothing",
        "reason": why,
    }
    said = f"{shown(event)}: nothing to accept: {why}"
    conclude(result, lambda: write(said), as_json=options.json)
