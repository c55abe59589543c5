"""The only place that turns an error into an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tidemill import __version__

if TYPE_CHECKING:
    from types import FrameType

    from tidemill.commands._parameters import Arguments
    from tidemill.commands._table import Table
    from tidemill.errors import TidemillError

# What is slow to import is imported where it is needed: `--version` needs none of it.

AS_ACTION = "--as-action"
VERSION = "--version"
_INTERRUPTED = 130
_OBJECTS = 50_000  # new ones, until Python looks for circles again; by itself after each 700


def main(arguments: Sequence[str] | None = None, table: Table | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 refused or failed, 2 usage.

    After `--as-action` it is one of a workflow, and has inputs in place of options.

    Args:
        arguments: without the program's name; those of the process by default.
        table: the program; Tidemill's own by default.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == [VERSION]:
        sys.stdout.write(f"{table.name if table else 'tidemill'} {__version__}\n")
        return 0
    _prepare(is_whole_process=arguments is None)
    try:
        if given[:1] == [AS_ACTION]:
            return _run_action(given[1:])
        from tidemill.commands._table import TIDEMILL

        return _run_words(given, table or TIDEMILL)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. What was pushed stays; any later turn goes on with it.\n")
        return _INTERRUPTED


def _prepare(*, is_whole_process: bool) -> None:
    import atexit
    import gc
    import io
    import signal

    from tidemill.clients.machine.environment import leave_the_checkout, turn_to_utf8

    if is_whole_process:
        # At its end Python looks through all objects for circles; they all go with the process.
        atexit.register(gc.freeze)
        gc.set_threshold(_OBJECTS)
        turn_to_utf8()
        leave_the_checkout()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, _stop)


def _run_words(given: Sequence[str], table: Table) -> int:
    """Run the command that a command line names."""
    from tidemill.commands._command_line import parse
    from tidemill.errors import CommandLineWrong

    try:
        parsed = parse(given, table)
    except CommandLineWrong as error:
        _say(error, f"usage: {error.usage}")
        return error.exit_code

    def show(error: TidemillError) -> None:
        if getattr(parsed, "json", False):
            from tidemill.commands._writing import write_json

            write_json({"error": error.as_json()})
        else:
            _say(error, f"written: {error.written}")

    return _ended(lambda: _run_command(parsed, table), show)


def _run_command(parsed: Arguments, table: Table) -> int:
    """Run a command, and print what became of it."""
    from contextlib import nullcontext

    from tidemill.commands._table import run
    from tidemill.commands._writing import going_on, write, write_json

    as_json = getattr(parsed, "json", False)
    is_silent = as_json or getattr(parsed, "quiet", False) or table.tells_all
    with nullcontext() if is_silent else going_on(parsed.command):
        result = run(parsed, table)
    if not as_json:
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
    from tidemill.clients.machine.environment import expect_utf8
    from tidemill.errors import TidemillError

    try:
        expect_utf8()
        code = run()
        sys.stdout.flush()
        return code
    except TidemillError as error:
        show(error)
        return error.exit_code
    except OSError as error:
        told = _told(error)
        if told is None:
            raise
        show(told)
        return told.exit_code


def _say(error: TidemillError, more: str) -> None:
    """Say what happened, one more line about it, and what to do."""
    from tidemill.words.names import visible

    sys.stderr.write(visible(f"error: {error.what}.\n  {more}\n  remedy: {error.remedy}\n"))


def _told(error: OSError) -> TidemillError | None:
    """What to say where the machine can do no more, a path is none, or this user may not use it;
    None for all else."""
    import errno

    from tidemill.errors import TidemillError
    from tidemill.words.names import shown_path

    machine = (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
    )
    file = shown_path(error.filename) if error.filename else ""
    if error.errno == errno.ENAMETOOLONG:
        what, remedy = f"{file} is too long for a path", "name a shorter one"
    elif error.errno in (errno.EACCES, errno.EPERM) and file:
        what, remedy = f"{file}: {error.strerror}", "give this user the right to it"
    elif error.errno in machine:
        what = f"this machine gave out{f' for {file}' if file else ''}: {error.strerror}"
        remedy = "make room, or name another folder in TIDEMILL_TMPDIR, and run it again"
    else:
        return None
    written = "unknown: what was pushed stays; any later turn goes on with it"
    return TidemillError(what, written=written, remedy=remedy)


def _stop(number: int, _: FrameType | None) -> None:
    """End as an exception, so that process groups and temporary files go too."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
