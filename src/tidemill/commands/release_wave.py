"""`tidemill release-wave`: end the holds of a wave that are there now."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from tidemill.clients.machine import person
from tidemill.commands import _options
from tidemill.commands._resolving import set_named, wave_named
from tidemill.commands._session import Nothing, accept_and_turn
from tidemill.facts.holds import Hold
from tidemill.facts.requests import Release
from tidemill.turn.read import Reading

HELP = "end a hold, so that introductions and promotions into the wave go on"
EXAMPLE = 'tidemill release-wave --repo URL --wave production --reason "the fix is in"'


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    _options.add(parser, dry_run=True, accepts=True)
    _options.add_place(parser, set_help="every hold of the wave by default")
    parser.add_argument("--reason", required=True, help="why it may go on")


def run(arguments: argparse.Namespace) -> int:
    """Accept and turn."""
    options = _options.options(arguments)
    _options.place(arguments)

    def resolve(reading: Reading) -> Release | Nothing:
        holds = reading.holds()
        wave, only = _held(reading, holds, arguments.wave, arguments.set_name)
        ends = [
            hold.id for (held, name), hold in holds.items() if held == wave and only in (None, name)
        ]
        if not ends:
            return Nothing(f"there is no hold of {wave}" + (f" for {only}" if only else ""))
        return Release(
            accepted_at=options.now,
            by=person.name(),
            wave=wave,
            ends=tuple(sorted(ends)),
            reason=arguments.reason.strip(),
        )

    return accept_and_turn(arguments.repo, options, resolve)


def _held(
    reading: Reading, holds: Mapping[tuple[str, str], Hold], wave: str, set_name: str | None
) -> tuple[str, str | None]:
    """The wave and set that are meant: what is held, even if the settings no longer name it."""
    if wave not in {held for held, _ in holds}:
        wave = wave_named(reading, wave)
    if set_name is None or (wave, set_name) in holds:
        return wave, set_name
    return wave, set_named(reading, set_name)
