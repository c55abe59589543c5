"""Processes with a time limit, whose whole process group ends with it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from tidemill.clients.machine.environment import caller
from tidemill.errors import TimeLimit

KEPT_OUTPUT = 4000
GRACE = 5
_A_DAY = 86_400.0


@dataclass(frozen=True)  # not a struct: it is read where there are no packages
class Ended:
    """How a process ended, and the end of what it printed, both streams together."""

    code: int
    output: str


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    seconds: float,
    name: str = "",
    umask: int = -1,
) -> Ended:
    """Run a command to its end; `env` is its whole environment, `umask` its own if not -1.

    It has ended when it has exited, whatever it left running: that is ended then.

    Raises:
        TimeLimit: it took longer than `seconds`, and was ended with all that it started.
    """
    with tempfile.TemporaryFile() as output:
        streams = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": subprocess.STDOUT}
        code = _ended(command, name, seconds, cwd=cwd, env=dict(env), umask=umask, **streams)
        output.seek(max(0, output.seek(0, os.SEEK_END) - KEPT_OUTPUT))
        return Ended(code, output.read().decode(errors="replace").strip())


def answer(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str],
    data: bytes = b"",
    seconds: float,
    name: str = "",
) -> tuple[int, bytes, str]:
    """Run a command that is given `data`: its exit code, standard output, and standard error.

    The same as `run` otherwise. A pipe would be read in small pieces, which takes as long as
    whatever writes much; and what may be secret stays in memory, where the system has such files.

    Raises:
        OSError: it can't be started.
        TimeLimit: as `run`.
    """
    with _nameless() as given, _nameless() as out, _nameless() as err:
        given.write(data)
        given.seek(0)
        streams = {"stdin": given, "stdout": out, "stderr": err}
        code = _ended(command, name, seconds, cwd=cwd, env=dict(env), **streams)
        out.seek(0)
        err.seek(0)
        return code, out.read(), err.read().decode(errors="replace")


def _nameless() -> IO[bytes]:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("tidemill"), "w+b")
    return tempfile.TemporaryFile()


def _ended(command: Sequence[str], name: str, seconds: float, **options: Any) -> int:
    """The exit code of a process; whatever happens, its group does not outlive this.

    Args:
        options: as `subprocess.Popen` takes them.
    """
    process = subprocess.Popen(command, start_new_session=True, **options)
    try:
        until = time.monotonic() + seconds
        _see_the_end(process.pid, seconds)
        return process.wait(max(until - time.monotonic(), 0.0))
    except subprocess.TimeoutExpired:
        raise too_slow(name or command[0], seconds) from None
    finally:
        end(process)


def _see_the_end(pid: int, seconds: float) -> None:
    """Wait for it, where the system tells of an end: `Popen.wait` with a limit looks now and then,
    and sees it up to 50 ms late."""
    try:
        handle = os.pidfd_open(pid)
    except (AttributeError, OSError):
        return  # another system, or an older one
    try:
        end = select.poll()
        end.register(handle, select.POLLIN)
        end.poll(min(seconds, _A_DAY) * 1000)  # a number of milliseconds has an upper limit
    finally:
        os.close(handle)


def run_for_the_caller(command: str) -> int:
    """Run a command that the caller gave, in a shell, as the caller would; returns its exit code.

    It has the caller's whole environment, directory and terminal, without input, and no limit of
    time but its own. What it prints is on standard error, for standard output has the result.
    """
    words = ["sh", "-c", command]
    done = subprocess.run(words, env=caller(), stdin=subprocess.DEVNULL, stdout=2, check=False)
    return done.returncode


def end_at_once(code: object) -> NoReturn:
    """End this process, whatever its threads still wait for."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code if isinstance(code, int) else 1)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process group that a process leads, and wait for a moment until it is gone."""
    end_group(process.pid)
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)


def end_group(pid: int) -> None:
    """Kill what is left of the process group that `pid` leads."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def children() -> set[int]:
    """The processes that this one has started and that run; none where the system says nothing."""
    found: set[int] = set()
    for file in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            found.update(map(int, file.read_text().split()))
    return found


def too_slow(name: str, seconds: float) -> TimeLimit:
    """The error for a process that was given so many seconds."""
    return TimeLimit(
        f"{name} took longer than {seconds:g} seconds and was ended",
        remedy="try again; if it stays slow, find out why",
    )
