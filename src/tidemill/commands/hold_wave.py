"""`tidemill hold-wave`: nothing goes into a wave until it is released."""

from __future__ import annotations

import argparse

from tidemill.asks.ask import HoldWave
from tidemill.commands import _options
from tidemill.commands._results import Result
from tidemill.commands._session import accept_and_turn

HELP = "stop introductions and promotions into a wave"
EXAMPLE = 'tidemill hold-wave --repo URL --wave production --reason "freeze until Monday"'


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    _options.add(parser, dry_run=True, accepts=True)
    _options.add_place(parser, set_help="all sets by default")
    parser.add_argument("--reason", required=True, help="why, for whoever reads the status")


def run(arguments: argparse.Namespace) -> Result:
    """Accept and turn."""
    ask = HoldWave(wave=arguments.wave, set=arguments.set_name, reason=arguments.reason)
    return accept_and_turn(arguments.repo, _options.options(arguments), ask)
