"""`tidemill release-wave`: end the holds of a wave that are there now."""

from __future__ import annotations

import argparse

from tidemill.asks.ask import ReleaseWave
from tidemill.commands import _options
from tidemill.commands._results import Result
from tidemill.commands._session import accept_and_turn

HELP = "end a hold, so that introductions and promotions into the wave go on"
EXAMPLE = 'tidemill release-wave --repo URL --wave production --reason "the fix is in"'


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    _options.add(parser, dry_run=True, accepts=True)
    _options.add_place(parser, set_help="every hold of the wave by default")
    parser.add_argument("--reason", required=True, help="why it may go on")


def run(arguments: argparse.Namespace) -> Result:
    """Accept and turn."""
    ask = ReleaseWave(wave=arguments.wave, set=arguments.set_name, reason=arguments.reason)
    return accept_and_turn(arguments.repo, _options.options(arguments), ask)
