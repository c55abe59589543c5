"""`tidemill accept-event`: write to the inbox what an event of GitHub brings.

An event becomes what a person could ask for as well. The turn is another step's.
"""

from __future__ import annotations

from tidemill.asks.ask import Nothing
from tidemill.commands import _options
from tidemill.commands._event import event
from tidemill.commands._parameters import Arguments, Option
from tidemill.commands._results import EventRequest, Request, Result

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
    Option(
        "--look-ahead",
        is_flag=True,
        help="say, too, whether a turn has something to do now, and whether that takes entry "
        "points: so that a workflow installs only what is needed. Where nothing is due, a workflow "
        "that a schedule started notes that in Git for the next one",
    ),
)


def run(arguments: Arguments) -> Result:
    """Accept, or say that there is nothing to."""
    options = _options.options(arguments)
    came = event(arguments.event, arguments.payload)
    if arguments.look_ahead:
        from tidemill.commands._outlook import accept_and_look_ahead

        return accept_and_look_ahead(arguments.repo, options, *came)
    match came:
        case name, Nothing(why, is_foreign):
            return EventRequest(name, Request("nothing", how=why), is_foreign)
        case name, ask:
            from tidemill.commands._accepting import accept_only  # most events bring nothing

            return EventRequest(name, accept_only(arguments.repo, options, ask))
