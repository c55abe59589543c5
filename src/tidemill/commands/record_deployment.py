"""`tidemill record-deployment`: accept what a target reports, then do a turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidemill.asks.ask import ReportDeployment
from tidemill.commands import _options
from tidemill.commands._accepting import accept_and_turn
from tidemill.commands._parameters import Arguments, Option
from tidemill.facts.records import HEALTHS, PHASES
from tidemill.words.moments import parse_time

if TYPE_CHECKING:
    from tidemill.commands._results import Result

EXAMPLE = (
    "tidemill record-deployment --repo URL --wave staging --target staging-eu --revision SHA "
    "--phase Succeeded --health Healthy --finished-at 2026-01-31T12:00:00Z"
)

PARAMETERS = (
    *_options.ACCEPT_AND_TURN,
    _options.WAVE,
    Option("--target", required=True, help="the target"),
    Option(
        "--revision",
        multiple=True,
        required=True,
        metavar="SHA",
        help="the commit of main that it has synced; may be repeated, for an Application of "
        "several sources: the one on main counts, of several the oldest; chart versions do not",
    ),
    Option("--phase", required=True, choices=PHASES, help="of the sync operation"),
    Option("--health", required=True, choices=HEALTHS, help="of the application"),
    Option("--finished-at", required=True, metavar="TIME", help="when the sync finished, ISO 8601"),
    Option("--image", multiple=True, metavar="REF", help="an image that runs; may be repeated"),
    Option(
        "--if-listed",
        is_flag=True,
        help="do nothing, instead of refusing, where the settings list no such target",
    ),
)


def run(arguments: Arguments) -> Result:
    """Accept and turn."""
    ask = ReportDeployment(
        wave=arguments.wave,
        target=arguments.target,
        revisions=tuple(arguments.revision),
        phase=arguments.phase,
        health=arguments.health,
        finished_at=parse_time(arguments.finished_at, "--finished-at"),
        images=tuple(arguments.image),
        if_listed=arguments.if_listed,
    )
    return accept_and_turn(arguments.repo, _options.options(arguments), ask)
