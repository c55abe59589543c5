"""`tidemill rollback-wave`: take a wave back to what it had before, and hold it there."""

from __future__ import annotations

from tidemill.asks.ask import RollBackWave
from tidemill.commands import _options
from tidemill.commands._accepting import accept_and_turn
from tidemill.commands._parameters import AnyResult, Arguments, Option
from tidemill.commands._past_time import EXAMPLES, parse_past

EXAMPLE = 'tidemill rollback-wave --repo URL --wave production --reason "errors in checkout"'

PARAMETERS = (
    *_options.ACCEPT_AND_TURN,
    _options.SIGN,
    _options.WAVE,
    _options.image_set(),
    Option(
        "--to",
        metavar="SHA",
        help="the commit of app.git; by default the newest older set that was healthy there",
    ),
    Option(
        "--at",
        metavar="TIME",
        help=f"what the wave had then, like {EXAMPLES}",
    ),
    Option(
        "--all-sets",
        is_flag=True,
        help="every image set of the wave, in one step; with --at those that have changed since",
    ),
    Option("--reason", required=True, help="why, for the journal and for whoever reads the status"),
)


def run(arguments: Arguments) -> AnyResult:
    """Accept and turn."""
    at = arguments.at
    if at is not None:
        at = parse_past(at, "--at", _options.options(arguments).now).isoformat()
    ask = RollBackWave(
        wave=arguments.wave,
        set=arguments.set_name,
        to=arguments.to,
        at=at,
        all_sets=arguments.all_sets,
        reason=arguments.reason,
    )
    return accept_and_turn(arguments, ask)
