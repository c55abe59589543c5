"""`tidemill hold-wave`: nothing goes into a wave, or into any, until it is released."""

from __future__ import annotations

from tidemill.asks.ask import HoldWave
from tidemill.commands import _options
from tidemill.commands._accepting import accept_and_turn
from tidemill.commands._parameters import AnyResult, Arguments, Option

EXAMPLE = 'tidemill hold-wave --repo URL --wave production --reason "freeze until Monday"'

PARAMETERS = (
    *_options.ACCEPT_AND_TURN,
    *_options.WAVE_OR_ALL,
    _options.image_set("all sets by default"),
    Option(
        "--until",
        metavar="TIME",
        help="when the hold ends by itself, ISO 8601 with its offset, like "
        "2027-01-02T08:00+01:00; without it, it lasts until release-wave",
    ),
    Option("--reason", required=True, help="why, for whoever reads the status"),
)


def run(arguments: Arguments) -> AnyResult:
    """Accept and turn."""
    ask = HoldWave(
        wave=_options.wave_or_all(arguments),
        set=arguments.set_name,
        reason=arguments.reason,
        until=arguments.until,
    )
    return accept_and_turn(arguments, ask)
