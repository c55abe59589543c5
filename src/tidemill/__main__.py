"""The only place that turns an error into an exit code."""

from __future__ import annotations

import errno
import io
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType

from tidemill.clients.machine.environment import expect_utf8, leave_the_checkout, turn_to_utf8
from tidemill.commands._table import TIDEMILL, Table, parse, run
from tidemill.commands._writing import write, write_json
from tidemill.errors import TidemillError
from tidemill.words.names import shown, visible

AS_ACTION = "--as-action"
_INTERRUPTED = 130
_OF_THE_MACHINE = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
)


def main(arguments: Sequence[str] | None = None, table: Table = TIDEMILL) -> int:
    """Run one command and return its exit code: 0 done, 1 refused or failed, 2 usage.

    After `--as-action` it is one of a workflow, and has inputs in place of options.
    """
    if arguments is None:
        turn_to_utf8()
        leave_the_checkout()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, _stop)
    given = sys.argv[1:] if arguments is None else arguments
    try:
        if list(given[:1]) == [AS_ACTION]:
            return _run_action(given[1:])
        parsed = parse(given, table)
        show = partial(_show, as_json=getattr(parsed, "json", False))
        return _ended(lambda: _run_command(parsed, table), show)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. What was pushed stays; any later turn goes on with it.\n")
        return _INTERRUPTED


def _run_command(parsed: Namespace, table: Table) -> int:
    """Run a command, and print what became of it."""
    result = run(parsed, table)
    if not getattr(parsed, "json", False):
        write(table.module("_text").text(result))
    elif (value := table.module("_json").as_json(result)) is not None:
        write_json(value)
    return result.exit_code


def _run_action(words: Sequence[str]) -> int:
    """Run a command with the inputs of an action, and say how it went as a workflow wants it."""
    from tidemill.action.running import Action

    action = Action(words)
    try:
        return _ended(action.run, action.failed)
    except Exception as error:
        action.broke(error)
        return 1


def _ended(run: Callable[[], int], show: Callable[[TidemillError], None]) -> int:
    try:
        expect_utf8()
        code = run()
        sys.stdout.flush()
        return code
    except TidemillError as error:
        show(error)
        return error.exit_code
    except OSError as error:
        if error.errno not in _OF_THE_MACHINE:
            raise
        show(_machine_failed(error))
        return 1


def _show(error: TidemillError, *, as_json: bool) -> None:
    if as_json:
        write_json({"error": error.as_json()})
    else:
        said = f"error: {error.what}.\n  written: {error.written}\n  remedy: {error.remedy}\n"
        sys.stderr.write(visible(said))


def _machine_failed(error: OSError) -> TidemillError:
    where = f" for {shown(error.filename)}" if error.filename else ""
    return TidemillError(
        f"this machine gave out{where}: {error.strerror}",
        written="unknown: what was pushed stays; any later turn goes on with it",
        remedy="make room, or name another folder in TIDEMILL_TMPDIR, and run it again",
    )


def _stop(number: int, _: FrameType | None) -> None:
    """End as an exception, so that process groups and temporary files go too."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
