"""`tidemill reconcile-cfg-app`: one turn."""

from __future__ import annotations

import argparse

from tidemill.clients import person
from tidemill.clients.repository import opened
from tidemill.commands import _options
from tidemill.commands._report import show_turn, turn_json
from tidemill.commands._writing import tell, write_json
from tidemill.mill.pushing import Clock
from tidemill.mill.turn import turn

HELP = "do everything that is due: file, land, evict, replay, introduce, promote"
EXAMPLE = "tidemill reconcile-cfg-app --repo https://github.com/acme/cfg-app --json"


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    _options.add(parser, dry_run=True)


def run(arguments: argparse.Namespace) -> int:
    """Do the turn and report it."""
    options = _options.options(arguments)
    with opened(arguments.repo) as store:
        done = turn(
            store,
            Clock(options.now),
            run_url=person.run_url(),
            dry_run=options.dry_run,
            say=(lambda _: None) if options.json else tell,
        )
    if options.json:
        write_json(turn_json(done))
    else:
        show_turn(done)
    return 0
