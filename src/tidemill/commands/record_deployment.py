"""`tidemill record-deployment`: accept what a target reports, then do a turn."""

from __future__ import annotations

import argparse

from tidemill.asks.ask import ReportDeployment
from tidemill.commands import _options
from tidemill.commands._results import Result
from tidemill.commands._session import accept_and_turn
from tidemill.facts.records import HEALTHS, PHASES
from tidemill.words.moments import parse_time

HELP = "accept what a target reports of its deployment, then do a turn"
EXAMPLE = (
    "tidemill record-deployment --repo URL --wave staging --target staging-eu --revision SHA "
    "--phase Succeeded --health Healthy --finished-at 2026-01-31T12:00:00Z"
)


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    _options.add(parser, dry_run=True, accepts=True)
    parser.add_argument("--wave", required=True, help="the wave")
    parser.add_argument("--target", required=True, help="the target")
    parser.add_argument(
        "--revision",
        action="append",
        required=True,
        metavar="SHA",
        help="the commit of main that it has synced; may be repeated, for an Application of "
        "several sources: the one on main counts, of several the oldest; chart versions do not",
    )
    parser.add_argument("--phase", required=True, choices=PHASES, help="of the sync operation")
    parser.add_argument("--health", required=True, choices=HEALTHS, help="of the application")
    parser.add_argument(
        "--finished-at", required=True, metavar="TIME", help="when the sync finished, ISO 8601"
    )
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="REF",
        help="an image that runs; may be repeated",
    )
    parser.add_argument(
        "--if-listed",
        action="store_true",
        help="do nothing, instead of refusing, where the settings list no such target",
    )


def run(arguments: argparse.Namespace) -> Result:
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
