"""Processes with a time limit, whose whole process group ends with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from tidemill.clients.machine.environment import caller
from tidemill.errors import TimeLimit

KEPT_OUTPUT = 4000
GRACE = 5


@dataclass(frozen=True)
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
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=umask,
        )
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise too_slow(name or command[0], seconds) from None
        finally:
            end_group(process.pid)
            process.wait()
        output.seek(max(0, output.seek(0, os.SEEK_END) - KEPT_OUTPUT))
        return Ended(process.returncode, output.read().decode(errors="replace").strip())


def run_for_the_caller(command: str) -> int:
    """Run a command that the caller gave, in a shell, as the caller would; returns its exit code.

    It has the caller's whole environment, directory and terminal, without input, and no limit of
    time but its own. What it prints is on standard error, for standard output has the result.
    """
    words = ["sh", "-c", command]
    done = subprocess.run(words, env=caller(), stdin=subprocess.DEVNULL, stdout=2, check=False)
    return done.returncode


def communicate(process: Any, name: str, data: bytes | None, seconds: float) -> tuple[bytes, bytes]:
    """Feed a process and wait for it; whatever happens, its process group does not outlive this.

    Args:
        process: anything with the interface of `subprocess.Popen`, started in its own session.
        name: what to call it in an error.
    """
    try:
        out, err = process.communicate(data, timeout=seconds)
    except subprocess.TimeoutExpired:
        end_group(process.pid)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=GRACE)  # closes its pipes, and takes its exit status
        raise too_slow(name, seconds) from None
    finally:
        end_group(process.pid)
    return out or b"", err or b""


def end_at_once(code: object) -> NoReturn:
    """End this process, whatever its threads still wait for."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code if isinstance(code, int) else 1)


def end_group(pid: int) -> None:
    """Kill what is left of the process group that `pid` leads."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
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
