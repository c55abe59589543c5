"""`tidemill run-setup`: what entry points need is installed, before there is a token of an App."""

from __future__ import annotations

import argparse

from tidemill.clients.machine.environment import caller
from tidemill.clients.machine.setup_step import SetUp, set_up
from tidemill.commands._writing import conclude, write
from tidemill.errors import EntryPointFailed, Refused

HELP = "run a workflow's setup, and end whatever it leaves running"
EXAMPLE = 'tidemill run-setup --run "make setup"'

# What is meant for us: inputs of the action, and tokens.
_OURS = ("INPUT_", "TIDEMILL_")


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "--run", required=True, metavar="COMMAND", help="the command, for bash, in this folder"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object on standard output"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run it, and say what was ended."""
    if not arguments.run.strip():
        raise Refused("there is no command to run", remedy="name one with --run")
    env = {name: value for name, value in caller().items() if not name.startswith(_OURS)}
    done = set_up(arguments.run, env)
    # Also where it failed: a later step may ask whether anything of it can still be there.
    result = {"changed": True, "ended": list(done.ended)}
    conclude(result, lambda: _show(done), as_json=arguments.json)
    if done.code:
        raise EntryPointFailed(
            f"the setup ended with code {done.code}",
            written="whatever the setup did before it failed",
            remedy="see above what it said, and mend it, or the input setup of the workflow",
        )
    return 0


def _show(done: SetUp) -> None:
    if done.ended:
        write(f"The setup left these running, and they were ended: {', '.join(done.ended)}.")
    else:
        write("The setup has ended, and nothing of it runs.")
