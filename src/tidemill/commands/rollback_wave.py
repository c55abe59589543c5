"""`tidemill rollback-wave`: take a wave back to an older set, and hold it there."""

from __future__ import annotations

import argparse

from tidemill.announcing.order import order_of
from tidemill.clients.machine import person
from tidemill.commands import _options
from tidemill.commands._resolving import by_sha, set_in, wave_named
from tidemill.commands._session import accept_and_turn
from tidemill.errors import Refused
from tidemill.facts.ledger import Landing
from tidemill.facts.requests import Rollback
from tidemill.plan.on_failure import healthy_before
from tidemill.turn.read import Reading
from tidemill.words.names import checked_short_sha

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


def run(arguments: argparse.Namespace) -> int:
    """Accept and turn."""
    options = _options.options(arguments)
    _options.place(arguments)
    if arguments.to:
        checked_short_sha(arguments.to, "set")

    def resolve(reading: Reading) -> Rollback:
        wave = wave_named(reading, arguments.wave)
        set_name = set_in(reading, wave, arguments.set_name)
        part = reading.ledger.history(wave, set_name)
        if part.present is None:
            raise Refused(
                f"{wave} has no set {set_name} that a turn knows of",
                remedy="there is nothing to go back from",
            )
        return Rollback(
            accepted_at=options.now,
            by=person.name(),
            wave=wave,
            set=set_name,
            leaves=part.present.point(),
            to=_goal(part.landings, part.present, arguments.to, wave).point(),
            reason=arguments.reason.strip(),
        )

    return accept_and_turn(arguments.repo, options, resolve)


def _goal(landings: list[Landing], present: Landing, sha: str | None, wave: str) -> Landing:
    if sha is None:
        goal = healthy_before(landings, order_of(present))
        if goal is None:
            raise Refused(
                f"no older set was healthy in {wave}",
                remedy="name one with --to SHA; what has no SHA a person puts back on main by hand",
            )
        return goal
    goal = by_sha(landings, sha, wave)
    if goal.content == present.content:
        raise Refused(
            f"{wave} has {sha} already",
            remedy="name an older set, or hold the wave with tidemill hold-wave",
        )
    if order_of(goal) >= order_of(present):
        raise Refused(
            f"{sha} is newer than what {wave} has",
            remedy=f"use tidemill promote-wave --wave {wave} --sha {sha}",
        )
    return goal
