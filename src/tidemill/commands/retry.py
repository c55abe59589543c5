"""`tidemill retry`: let what was evicted, rejected or dropped happen again."""

from __future__ import annotations

import argparse

from tidemill.asks.ask import RetrySet
from tidemill.commands import _options
from tidemill.commands._results import Result
from tidemill.commands._session import accept_and_turn

HELP = "let a set that was evicted, rejected or dropped, or that a first wave lacks, try again"
EXAMPLE = "tidemill retry --repo URL --sha 7d1043473d55"


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    _options.add(parser, dry_run=True, accepts=True)
    parser.add_argument("--sha", required=True, help="the commit of app.git, 7 digits or more")
    parser.add_argument(
        "--override",
        metavar="REASON",
        help="let it in although its position goes back, is taken or jumps",
    )


def run(arguments: argparse.Namespace) -> Result:
    """Accept and turn."""
    ask = RetrySet(arguments.sha, override=arguments.override)
    return accept_and_turn(arguments.repo, _options.options(arguments), ask)
