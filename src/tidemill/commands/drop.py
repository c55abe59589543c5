"""`tidemill drop`: take a waiting request back."""

from __future__ import annotations

from tidemill.asks.ask import DropRequest
from tidemill.commands import _options
from tidemill.commands._accepting import accept_and_turn
from tidemill.commands._parameters import AnyResult, Arguments, Option

EXAMPLE = "tidemill drop --repo URL --id announcement-app-1234-7d1043473d55"

PARAMETERS = (
    *_options.ACCEPT_AND_TURN,
    Option(
        "--id",
        "request",
        required=True,
        metavar="ID",
        help="the request, as tidemill status names it",
    ),
)


def run(arguments: Arguments) -> AnyResult:
    """Accept and turn."""
    ask = DropRequest(arguments.request)
    return accept_and_turn(arguments, ask)
