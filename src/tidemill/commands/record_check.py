"""`tidemill record-check`: write what a check says of a commit, or claim the check."""

from __future__ import annotations

import argparse
import typing

from tidemill.clients.git.repository import opened
from tidemill.commands import _options
from tidemill.commands._results import RecordedCheck, Result
from tidemill.facts.checks import Run, RunState, last_words
from tidemill.turn.push import Clock
from tidemill.turn.verdicts import note
from tidemill.words.names import checked_line, checked_short_sha

HELP = "write the verdict of a check on a commit of auto or main"
EXAMPLE = "tidemill record-check --repo URL --sha SHA --context check --state success --run 42"


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    _options.add(parser, dry_run=True)
    parser.add_argument("--sha", required=True, help="the commit of cfg-app.git that was checked")
    parser.add_argument("--context", required=True, metavar="NAME", help="the name of the check")
    states = typing.get_args(RunState)
    parser.add_argument(
        "--state", required=True, choices=states, help="pending claims the check until the timeout"
    )
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="what the check printed; the end of it is kept with the verdict, and shown by status "
        "(- is standard input)",
    )
    parser.add_argument(
        "--run", metavar="ID", help="the run; the same run is the same verdict. By default --now"
    )


def run(arguments: argparse.Namespace) -> Result:
    """Write the verdict; no turn."""
    options = _options.options(arguments)
    checked_short_sha(arguments.sha, "commit of cfg-app.git")
    checked_line(arguments.context, "--context")
    run_id = (
        checked_line(arguments.run, "--run")
        if arguments.run is not None
        else options.now.isoformat()
    )
    printed = _options.read_file(arguments.output) if arguments.output else b""
    report = Run(
        context=arguments.context,
        run=run_id,
        state=arguments.state,
        at=options.now,
        said=last_words(printed.decode(errors="replace")),
    )
    with opened(arguments.repo) as store:
        noted = note(store, Clock(options.now), arguments.sha, report, dry_run=options.dry_run)
    return RecordedCheck(arguments.context, report.state, noted, options.now)
