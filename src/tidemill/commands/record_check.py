"""`tidemill record-check`: write what a check says of a commit, or claim the check."""

from __future__ import annotations

import argparse
import typing

import msgspec

from tidemill.app.names import checked_line, checked_short_sha
from tidemill.cfg.checks import CheckRecord, Run, RunState
from tidemill.cfg.settings import Settings
from tidemill.clients.repository import opened
from tidemill.clients.store import Declined, Pushed, Raced, Store, Update
from tidemill.commands import _options
from tidemill.commands._report import time_text, write, write_json
from tidemill.errors import Refused, ServerRefused
from tidemill.mill.reading import RECORD, Reading, read
from tidemill.mill.turn import MOST_DECLINED, MOST_RACES, Clock, pause_after

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
        "--run", metavar="ID", help="the run; the same run is the same verdict. By default --now"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the verdict; no turn."""
    options = _options.options(arguments)
    checked_short_sha(arguments.sha, "commit of cfg-app.git")
    checked_line(arguments.context, "--context")
    run_id = (
        checked_line(arguments.run, "--run")
        if arguments.run is not None
        else options.now.isoformat()
    )
    report = Run(context=arguments.context, run=run_id, state=arguments.state, at=options.now)
    with opened(arguments.repo) as store:
        sha, changed, why = _write(
            store, Clock(options.now), arguments.sha, report, dry_run=options.dry_run
        )
    if options.json:
        write_json(
            {
                "changed": changed,
                "sha": sha,
                "state": report.state,
                "reason": why,
                "at": time_text(options.now),
            }
        )
    else:
        write(f"{arguments.context} of {sha}: {report.state} ({why})")
    return 0


def _write(
    store: Store, clock: Clock, short: str, report: Run, *, dry_run: bool
) -> tuple[str, bool, str]:
    """The commit, whether anything was written, and why."""
    reason = ""
    for tries in range(MOST_RACES):
        reading = read(store)
        sha = _resolved(reading, short)
        if sha is None:
            return (
                short,
                False,
                "it is neither on auto nor main's tip: the verdict is of no use any more",
            )
        known = reading.check(sha) or CheckRecord(sha=sha)
        record = known.reported(report)
        if record == known:
            return sha, False, "this run has said so already"
        if dry_run:
            return sha, True, "not written: a dry run"
        ref = reading.names.check(sha)
        data = msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"
        parent = reading.refs.get(ref) if reading.check(sha) else None
        commit = store.write(
            {RECORD: data}, parent, f"{report.context}: {report.state}\n", clock.now
        )
        match store.push([Update(ref, reading.refs.get(ref), commit)]):
            case Pushed():
                return sha, True, _what_follows(reading, report)
            case Raced(name, _, _):
                reason = f"{name} kept moving"
            case Declined(words):
                reason = words
                if tries + 1 >= MOST_DECLINED:
                    break
        clock.pause(pause_after(tries))
    raise ServerRefused(f"the verdict could not be written: {reason}", remedy="run it again")


def _what_follows(reading: Reading, report: Run) -> str:
    required = reading.settings.checks.required if isinstance(reading.settings, Settings) else ()
    if required and report.context not in required:
        names = ", ".join(required)
        return f"written, but it decides nothing: the settings require {names}"
    return "written; the next turn acts on it"


def _resolved(reading: Reading, short: str) -> str | None:
    """The commit of auto or main that is meant; None for one that has gone from both."""
    tip = reading.refs.get(reading.names.auto)
    known = {reading.main, *(commit.sha for commit in reading.ledger.auto), *([tip] if tip else [])}
    found = [sha for sha in known if sha.startswith(short)]
    if len(found) > 1:
        raise Refused(f"{short} is the beginning of several commits", remedy="give more digits")
    if found:
        return found[0]
    if not reading.store.exists(short):
        raise Refused(
            f"there is no commit {short}",
            remedy="give the full SHA of a commit of auto or of main's tip",
        )
    return None
