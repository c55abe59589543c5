"""`tidemill promote-wave`: a person asks for, and approves, one set in one wave."""

from __future__ import annotations

import argparse

from tidemill.announcing.order import order_of
from tidemill.clients.machine import person
from tidemill.commands import _options
from tidemill.commands._remedies import Remedies
from tidemill.commands._resolving import by_sha, set_of, wave_of
from tidemill.commands._session import Nothing, accept_and_turn
from tidemill.errors import Refused
from tidemill.facts.ledger import Landing
from tidemill.facts.requests import Promotion
from tidemill.facts.settings import Wave
from tidemill.turn.read import Reading
from tidemill.words.names import checked_short_sha
from tidemill.words.shas import short

HELP = "ask for a set in a wave, and approve it"
EXAMPLE = "tidemill promote-wave --repo URL --wave production --sha 7d1043473d55"


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    _options.add(parser, dry_run=True, accepts=True)
    _options.add_place(parser)
    parser.add_argument(
        "--sha",
        help="the commit of app.git, 7 digits or more; the newest that is deployed by default, but "
        "for a wave with approval, which needs it",
    )
    parser.add_argument(
        "--override", metavar="REASON", help="pass over sources, soak, hold, window and admission"
    )


def run(arguments: argparse.Namespace) -> int:
    """Accept and turn."""
    options = _options.options(arguments)
    _options.place(arguments)
    if arguments.sha:
        checked_short_sha(arguments.sha, "set")

    def resolve(reading: Reading) -> Promotion | Nothing:
        wave = wave_of(reading, arguments.wave)
        set_name = set_of(reading, arguments.set_name)
        landing = _chosen(
            reading, wave, set_name, arguments.sha, overridden=arguments.override is not None
        )
        if arguments.sha is None and wave.approval:
            why = ("--override", arguments.override) if arguments.override else ()
            remedies = Remedies.of(arguments.repo, options.now)
            raise _needs_a_name(remedies, wave.name, set_name, landing.app_sha or "", why)
        present = reading.ledger.present(wave.name, set_name)
        if present and present.content == landing.content:
            return Nothing(f"{wave.name} has {short(landing.app_sha)} already")
        if present and present.is_known and order_of(present) > order_of(landing):
            raise Refused(
                f"{wave.name} has {short(present.app_sha)}, which is newer than "
                f"{short(landing.app_sha)}",
                remedy=f"to go back use tidemill rollback-wave --wave {wave.name}",
            )
        return Promotion(
            accepted_at=options.now,
            by=person.name(),
            wave=wave.name,
            set=set_name,
            app_sha=landing.app_sha or "",
            position=landing.position,
            generation=landing.generation,
            rewrites=landing.rewrites,
            override=arguments.override.strip() if arguments.override else None,
        )

    return accept_and_turn(arguments.repo, options, resolve)


def _needs_a_name(
    remedies: Remedies, wave: str, set_name: str, sha: str, why: tuple[str, ...]
) -> Refused:
    """An approval is of one set: what is the newest now may be another one in a minute."""
    words = ("promote-wave", "--wave", wave, "--set", set_name, "--sha", sha, *why)
    return Refused(
        f"{wave} needs an approval, which names its set: nothing was approved",
        remedy=f"look at {short(sha)}, then: {remedies.both(words)}",
    )


def _chosen(
    reading: Reading, wave: Wave, set_name: str, sha: str | None, *, overridden: bool
) -> Landing:
    """The set that is meant; by default the newest that is deployed in the waves before."""
    if not wave.sources and not overridden:
        raise Refused(
            f"{wave.name} comes after no wave: its sets are announced", remedy="announce the set"
        )
    names = (
        wave.sources
        if wave.sources and not overridden
        else [one.name for one in reading.valid_settings().waves]
    )
    landings = [
        landing
        for name in names
        for landing in reading.ledger.history(name, set_name).landings
        if landing.is_known
    ]
    if sha:
        return by_sha(landings, sha, " or ".join(names))
    fit = [
        landing
        for landing in landings
        if not (landing.failed or landing.buried or landing.rolled_back)
    ]
    best = [landing for landing in fit if landing.deployed_at] or fit
    if not best:
        raise Refused(
            f"there is no set to promote into {wave.name}",
            remedy="wait until one is deployed, or name one with --sha",
        )
    return max(best, key=order_of)
