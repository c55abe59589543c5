"""`tidemill release-wave`: end the holds that are there now, of a wave, or of all waves at once."""

from __future__ import annotations

from tidemill.asks.ask import ReleaseWave
from tidemill.commands import _options
from tidemill.commands._accepting import accept_and_turn
from tidemill.commands._parameters import AnyResult, Arguments, Option

EXAMPLE = 'tidemill release-wave --repo URL --wave production --reason "the fix is in"'

PARAMETERS = (
    *_options.ACCEPT_AND_TURN,
    _options.SIGN,
    Option("--wave", help="the wave"),
    Option("--all", "all_waves", is_flag=True, help="the holds that hold-wave --all has placed"),
    _options.image_set("every hold of the wave by default"),
    Option("--reason", required=True, help="why it may go on"),
)


def run(arguments: Arguments) -> AnyResult:
    """Accept and turn."""
    ask = ReleaseWave(
        wave=_options.wave_or_all(arguments),
        set=arguments.set_name,
        reason=arguments.reason,
    )
    return accept_and_turn(arguments, ask)
