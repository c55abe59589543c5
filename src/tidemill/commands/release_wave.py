"""`tidemill release-wave`: end the holds of a wave that are there now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidemill.asks.ask import ReleaseWave
from tidemill.commands import _options
from tidemill.commands._accepting import accept_and_turn
from tidemill.commands._parameters import Arguments, Option

if TYPE_CHECKING:
    from tidemill.commands._results import Result

EXAMPLE = 'tidemill release-wave --repo URL --wave production --reason "the fix is in"'

PARAMETERS = (
    *_options.ACCEPT_AND_TURN,
    _options.WAVE,
    _options.image_set("every hold of the wave by default"),
    Option("--reason", required=True, help="why it may go on"),
)


def run(arguments: Arguments) -> Result:
    """Accept and turn."""
    ask = ReleaseWave(wave=arguments.wave, set=arguments.set_name, reason=arguments.reason)
    return accept_and_turn(arguments.repo, _options.options(arguments), ask)
