"""`tidemill hold-wave`: nothing goes into a wave until it is released."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidemill.asks.ask import HoldWave
from tidemill.commands import _options
from tidemill.commands._accepting import accept_and_turn
from tidemill.commands._parameters import Arguments, Option

if TYPE_CHECKING:
    from tidemill.commands._results import Result

EXAMPLE = 'tidemill hold-wave --repo URL --wave production --reason "freeze until Monday"'

PARAMETERS = (
    *_options.ACCEPT_AND_TURN,
    _options.WAVE,
    _options.image_set("all sets by default"),
    Option("--reason", required=True, help="why, for whoever reads the status"),
)


def run(arguments: Arguments) -> Result:
    """Accept and turn."""
    ask = HoldWave(wave=arguments.wave, set=arguments.set_name, reason=arguments.reason)
    return accept_and_turn(arguments.repo, _options.options(arguments), ask)
