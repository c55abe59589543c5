"""`tidemill hold-wave`: nothing goes into a wave until it is released."""

from __future__ import annotations

import argparse

from tidemill.clients.machine import person
from tidemill.commands import _options
from tidemill.commands._resolving import set_named, wave_named
from tidemill.commands._session import accept_and_turn
from tidemill.facts.requests import HoldRequest
from tidemill.facts.settings import ALL_SETS
from tidemill.turn.read import Reading

HELP = "stop introductions and promotions into a wave"
EXAMPLE = 'tidemill hold-wave --repo URL --wave production --reason "freeze until Monday"'


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    _options.add(parser, dry_run=True, accepts=True)
    _options.add_place(parser, set_help="all sets by default")
    parser.add_argument("--reason", required=True, help="why, for whoever reads the status")


def run(arguments: argparse.Namespace) -> int:
    """Accept and turn."""
    options = _options.options(arguments)
    _options.place(arguments)

    def resolve(reading: Reading) -> HoldRequest:
        return HoldRequest(
            accepted_at=options.now,
            by=person.name(),
            wave=wave_named(reading, arguments.wave),
            set=set_named(reading, arguments.set_name) or ALL_SETS,
            reason=arguments.reason.strip(),
        )

    return accept_and_turn(arguments.repo, options, resolve)
