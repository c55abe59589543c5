"""`tidemill run-setup`: what entry points need is installed, before there is a token of an App."""

from __future__ import annotations

from tidemill.clients.machine.environment import caller
from tidemill.clients.machine.setup_step import set_up
from tidemill.commands import _options
from tidemill.commands._parameters import Arguments, Option
from tidemill.commands._results import Result, SetupDone, SetupFailed
from tidemill.errors import Refused

EXAMPLE = 'tidemill run-setup --run "make setup"'

# What is meant for us: inputs of the action, and tokens.
_OURS = ("INPUT_", "TIDEMILL_")

PARAMETERS = (
    Option("--run", required=True, metavar="COMMAND", help="the command, for bash, in this folder"),
    _options.JSON,
)


def run(arguments: Arguments) -> Result:
    """Run it, and end what it leaves running."""
    if not arguments.run.strip():
        raise Refused("there is no command to run", remedy="name one with --run")
    env = {name: value for name, value in caller().items() if not name.startswith(_OURS)}
    done = set_up(arguments.run, env)
    result = SetupDone(done.ended)
    if done.code:
        raise SetupFailed(done.code, result)
    return result
