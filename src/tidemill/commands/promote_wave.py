"""`tidemill promote-wave`: a person asks for, and approves, one set in one wave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidemill.asks.ask import PromoteWave
from tidemill.commands import _options
from tidemill.commands._accepting import accept_and_turn
from tidemill.commands._parameters import Arguments, Option

if TYPE_CHECKING:
    from tidemill.commands._results import Result

EXAMPLE = "tidemill promote-wave --repo URL --wave production --sha 7d1043473d55"

PARAMETERS = (
    *_options.ACCEPT_AND_TURN,
    _options.WAVE,
    _options.image_set(),
    Option(
        "--sha",
        help="the commit of app.git, 7 digits or more; the newest that is deployed by default, but "
        "for a wave with approval, which needs it",
    ),
    Option(
        "--override", metavar="REASON", help="pass over sources, soak, hold, window and admission"
    ),
)


def run(arguments: Arguments) -> Result:
    """Accept and turn."""
    ask = PromoteWave(
        wave=arguments.wave,
        set=arguments.set_name,
        sha=arguments.sha,
        override=arguments.override,
    )
    return accept_and_turn(arguments.repo, _options.options(arguments), ask)
