"""`tidemill rollback-wave`: take a wave back to an older set, and hold it there."""

from __future__ import annotations

import argparse

from tidemill.asks.ask import RollBackWave
from tidemill.commands import _options
from tidemill.commands._results import Result
from tidemill.commands._session import accept_and_turn

HELP = "take a wave back to an older set; it is held until you release it"
EXAMPLE = 'tidemill rollback-wave --repo URL --wave production --reason "errors in checkout"'


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    _options.add(parser, dry_run=True, accepts=True)
    _options.add_place(parser)
    parser.add_argument(
        "--to",
        metavar="SHA",
        help="the commit of app.git; by default the newest older set that was healthy there",
    )
    parser.add_argument(
        "--reason", required=True, help="why, for the journal and for whoever reads the status"
    )


def run(arguments: argparse.Namespace) -> Result:
    """Accept and turn."""
    ask = RollBackWave(
        wave=arguments.wave,
        set=arguments.set_name,
        to=arguments.to,
        reason=arguments.reason,
    )
    return accept_and_turn(arguments.repo, _options.options(arguments), ask)
