"""`tidemill record-check`: write what a check says of a commit, or claim the check."""

from __future__ import annotations

import typing

from tidemill.clients.git.repository import opened
from tidemill.commands import _options
from tidemill.commands._parameters import Arguments, Option
from tidemill.commands._results import RecordedCheck, Result
from tidemill.facts.checks import Run, RunState, last_words
from tidemill.turn.push import Clock
from tidemill.turn.verdicts import note
from tidemill.words.names import checked_line, checked_short_sha

EXAMPLE = "tidemill record-check --repo URL --sha SHA --context check --state success --run 42"

PARAMETERS = (
    *_options.TURN,
    Option("--sha", required=True, help="the commit of cfg-app.git that was checked"),
    Option("--context", required=True, metavar="NAME", help="the name of the check"),
    Option(
        "--state",
        required=True,
        choices=typing.get_args(RunState),
        help="pending claims the check until the timeout",
    ),
    Option(
        "--output",
        metavar="FILE",
        help="what the check printed; the end of it is kept with the verdict, and shown by status "
        "(- is standard input)",
    ),
    Option(
        "--run", metavar="ID", help="the run; the same run is the same verdict. By default --now"
    ),
)


def run(arguments: Arguments) -> Result:
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
