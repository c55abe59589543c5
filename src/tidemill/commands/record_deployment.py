"""`tidemill record-deployment`: accept what a target reports, then do a turn."""

from __future__ import annotations

from msgspec import Struct

from tidemill.asks.ask import ReportDeployment
from tidemill.clients.machine.processes import run_for_the_caller
from tidemill.commands import _options
from tidemill.commands._accepting import accept_and_turn
from tidemill.commands._parameters import AnyResult, Arguments, Option
from tidemill.errors import Refused
from tidemill.facts.records import HEALTHS, PHASES, Health, Phase
from tidemill.words.moments import parse_time

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
        help="the commit of main that it has synced. For an Application of several sources, "
        "repeat it: the one on main counts, and of several the oldest",
    ),
    Option("--phase", choices=PHASES, help="how the sync went"),
    Option("--health", choices=HEALTHS, help="how the application is"),
    Option(
        "--exec",
        "command_line",
        metavar="COMMAND",
        help="instead of --phase and --health: run this in a shell, as you, and report Succeeded "
        "and Healthy if it ends with 0, else Failed and Degraded",
    ),
    Option(
        "--finished-at",
        metavar="TIME",
        help="when the sync finished, ISO 8601; now by default, with --exec after the command",
    ),
    Option("--image", multiple=True, metavar="REF", help="an image that runs; may be repeated"),
    Option(
        "--if-listed",
        is_flag=True,
        help="do nothing, instead of refusing, where the settings list no such target",
    ),
)


class _HowItWent(Struct, frozen=True):
    phase: Phase
    health: Health


def run(arguments: Arguments) -> AnyResult:
    """Find out how it went if a command is to tell, then accept and turn."""
    given = arguments.finished_at
    at = parse_time(given, "--finished-at") if given is not None else None
    told = _told(arguments)
    ask = ReportDeployment(
        wave=arguments.wave,
        target=arguments.target,
        revisions=tuple(arguments.revision),
        phase=told.phase,
        health=told.health,
        finished_at=at or _options.options(arguments).now,
        images=tuple(arguments.image),
        if_listed=arguments.if_listed,
    )
    return accept_and_turn(arguments, ask)


def _told(arguments: Arguments) -> _HowItWent:
    """How the deployment went, as the options or a command tell.

    Raises:
        Refused: both or neither of them would tell, or the command would run in a dry run.
    """
    phase, health, command = arguments.phase, arguments.health, arguments.command_line
    if command is None:
        if phase is None or health is None:
            what = "neither --phase nor --health is given"
            if phase or health:
                what = f"{'--health' if phase else '--phase'} is not given"
            raise Refused(
                f"{what}, so nothing says how it went",
                remedy="give --phase and --health, or --exec with a command that tells",
            )
        return _HowItWent(phase, health)
    if phase or health:
        raise Refused("--exec stands in place of --phase and --health", remedy="give one of them")
    if not command.strip():
        raise Refused("--exec is empty", remedy="give it the command that tells how it went")
    if arguments.dry_run:
        raise Refused(
            "a dry run does not run the command of --exec",
            remedy="leave one of them out, or give --phase and --health",
        )
    if run_for_the_caller(command) == 0:
        return _HowItWent("Succeeded", "Healthy")
    return _HowItWent("Failed", "Degraded")
