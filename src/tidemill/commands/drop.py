"""`tidemill drop`: take a waiting request back."""

from __future__ import annotations

import argparse

from tidemill.asks.ask import DropRequest
from tidemill.commands import _options
from tidemill.commands._results import Result
from tidemill.commands._session import accept_and_turn

HELP = "take back a request that waits"
EXAMPLE = "tidemill drop --repo URL --id announcement-app-1234-7d1043473d55"


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    _options.add(parser, dry_run=True, accepts=True)
    parser.add_argument(
        "--id",
        required=True,
        dest="request",
        metavar="ID",
        help="the request, as tidemill status names it",
    )


def run(arguments: argparse.Namespace) -> Result:
    """Accept and turn."""
    ask = DropRequest(arguments.request)
    return accept_and_turn(arguments.repo, _options.options(arguments), ask)
