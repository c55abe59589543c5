"""`tidemill rollback-wave`: take a wave back to an older set, and hold it there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidemill.asks.ask import RollBackWave
from tidemill.commands import _options
from tidemill.commands._accepting import accept_and_turn
from tidemill.commands._parameters import Arguments, Option

if TYPE_CHECKING:
    from tidemill.commands._results import Result

EXAMPLE = 'tidemill rollback-wave --repo URL --wave production --reason "errors in checkout"'

PARAMETERS = (
    *_options.ACCEPT_AND_TURN,
    _options.WAVE,
    _options.image_set(),
    Option(
        "--to",
        metavar="SHA",
        help="the commit of app.git; by default the newest older set that was healthy there",
    ),
    Option("--reason", required=True, help="why, for the journal and for whoever reads the status"),
)


def run(arguments: Arguments) -> Result:
    """Accept and turn."""
    ask = RollBackWave(
        wave=arguments.wave,
        set=arguments.set_name,
        to=arguments.to,
        reason=arguments.reason,
    )
    return accept_and_turn(arguments.repo, _options.options(arguments), ask)
