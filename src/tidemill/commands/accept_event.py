"""`tidemill accept-event`: write to the inbox what an event of GitHub brings.

An event becomes what a person could ask for as well. The turn is another step's.
"""

from __future__ import annotations

from tidemill.asks.ask import Nothing
from tidemill.asks.event import ask_of, has_something
from tidemill.clients.machine.environment import variable
from tidemill.commands import _options
from tidemill.commands._parameters import Arguments, Option
from tidemill.commands._results import EventRequest, Request, Result
from tidemill.errors import Refused

EXAMPLE = "tidemill accept-event --repo URL --event repository_dispatch --payload event.json"

PARAMETERS = (
    *_options.TURN,
    Option(
        "--event", metavar="NAME", help="the event; the workflow's (GITHUB_EVENT_NAME) by default"
    ),
    Option(
        "--payload",
        metavar="FILE",
        help="its payload as JSON; the workflow's (GITHUB_EVENT_PATH) by default",
    ),
)


def run(arguments: Arguments) -> Result:
    """Accept, or say that there is nothing to."""
    options = _options.options(arguments)
    name = _given(arguments.event, "--event", "GITHUB_EVENT_NAME")
    payload = b""
    if has_something(name):
        payload = _options.read_file(_given(arguments.payload, "--payload", "GITHUB_EVENT_PATH"))
    match ask_of(name, payload):
        case Nothing(why, is_foreign):
            return EventRequest(name, Request("nothing", how=why), is_foreign)
        case ask:
            from tidemill.commands._session import accept_only  # most events bring nothing

            return EventRequest(name, accept_only(arguments.repo, options, ask))


def _given(value: str | None, option: str, variable_name: str) -> str:
    found = value or variable(variable_name)
    if not found:
        raise Refused(
            f"{option} is not given, and {variable_name} is not set",
            remedy=f"give {option}, or run this in a workflow",
        )
    return found
