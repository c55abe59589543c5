"""`tidemill retry`: let what was evicted, rejected or dropped happen again."""

from __future__ import annotations

from tidemill.asks.ask import RetrySet
from tidemill.commands import _options
from tidemill.commands._accepting import accept_and_turn
from tidemill.commands._parameters import AnyResult, Arguments, Option

EXAMPLE = "tidemill retry --repo URL --sha 7d1043473d55"

PARAMETERS = (
    *_options.ACCEPT_AND_TURN,
    _options.SIGN,
    Option("--sha", required=True, help="the commit of app.git, 7 digits or more"),
    _options.image_set("may be left out where one set has that commit"),
    Option("--wave", help="the wave that it was evicted from; of several, the last by default"),
    Option(
        "--override",
        metavar="REASON",
        help="let it in although its position is lower, taken or far too high; REASON goes into "
        "the journal",
    ),
)


def run(arguments: Arguments) -> AnyResult:
    """Accept and turn."""
    ask = RetrySet(
        arguments.sha,
        override=arguments.override,
        set=arguments.set_name,
        wave=arguments.wave,
    )
    return accept_and_turn(arguments, ask)
