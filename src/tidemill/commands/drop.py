"""`tidemill drop`: take a waiting request back."""

from __future__ import annotations

import argparse

from tidemill.clients.machine import person
from tidemill.commands import _options
from tidemill.commands._session import Nothing, accept_and_turn
from tidemill.errors import Refused
from tidemill.facts.requests import Drop
from tidemill.facts.snapshot import UnreadableRef
from tidemill.turn.read import Reading
from tidemill.words.names import shown

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


def run(arguments: argparse.Namespace) -> int:
    """Accept and turn."""
    options = _options.options(arguments)

    def resolve(reading: Reading) -> Drop | Nothing:
        waiting = reading.inbox().get(arguments.request)
        if isinstance(waiting, UnreadableRef) and waiting.is_newer:
            raise Refused(
                f"{arguments.request} can't be read: {waiting.reason}",
                remedy="drop it with the newer release",
            )
        if waiting is not None:
            return Drop(accepted_at=options.now, by=person.name(), request=arguments.request)
        if ended := reading.remembered.how_ended(arguments.request):
            return Nothing(f"{arguments.request} has ended already: {ended}")
        raise Refused(
            f"no request {shown(arguments.request)} waits",
            remedy="`tidemill status` lists what waits",
        )

    return accept_and_turn(arguments.repo, options, resolve)
