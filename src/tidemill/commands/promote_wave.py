"""`tidemill promote-wave`: a person asks for, and approves, one set in one wave; or a hotfix."""

from __future__ import annotations

from tidemill.asks.promotion_form import promotion
from tidemill.commands import _options
from tidemill.commands._accepting import accept_and_turn
from tidemill.commands._parameters import AnyResult, Arguments, Option

EXAMPLE = "tidemill promote-wave --repo URL --wave production --sha 7d1043473d55"

PARAMETERS = (
    *_options.ACCEPT_AND_TURN,
    _options.SIGN,
    _options.WAVE,
    _options.image_set(),
    Option(
        "--sha",
        help="the commit of app.git, 7 digits or more; by default the newest that may go there. "
        "A wave with approval needs it",
    ),
    Option(
        "--override",
        metavar="REASON",
        help="do not wait for the waves before it, soak, holds, freezes, windows or the set before "
        "it; REASON goes into the journal",
    ),
    Option(
        "--announcement",
        metavar="FILE",
        help="a hotfix: put what this announcement names straight into the wave, whatever its "
        "branch and position; it needs --override. JSON, or a file with it; - for standard input",
    ),
)


def run(arguments: Arguments) -> AnyResult:
    """Accept and turn."""
    given = arguments.announcement
    ask = promotion(
        wave=arguments.wave,
        set=arguments.set_name,
        sha=arguments.sha,
        override=arguments.override,
        announcement=None if given is None else _options.json_or_file(given),
    )
    return accept_and_turn(arguments, ask)
