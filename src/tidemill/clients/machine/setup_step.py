"""The setup of a workflow: a command that is trusted, and the end of whatever it leaves running.

It runs before there is a token that it may not have. A process of it that went on in the background
would be there with the token; so every process that descends from it is ended first, whatever
session it is in and whoever its user is.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from tidemill.clients.machine import processes
from tidemill.errors import TidemillError

_ADOPT = 36  # PR_SET_CHILD_SUBREAPER (prctl(2)): orphans become ours, not the first process's
_SECONDS = 20.0


class SetUp(Struct, frozen=True):
    """How the command ended, and the processes that it left running, as `name (id)`."""

    code: int
    ended: tuple[str, ...]


def set_up(command: str, env: Mapping[str, str]) -> SetUp:
    """Run a command with bash, what it prints in the log; then end all that it started.

    Raises:
        TidemillError: something of it can't be ended.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_ADOPT, 1, 0, 0, 0)
    process = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", command],
        env=dict(env),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait()
    finally:
        if sys.platform != "linux":
            processes.end_group(process.pid)
        left = _end_descendants()
    return SetUp(process.returncode, left)


def _end_descendants() -> tuple[str, ...]:
    """End all that descends from this process; the names of what was."""
    found: dict[int, str] = {}
    until = time.monotonic() + _SECONDS
    while _has_children():
        running = _descendants()
        found |= running
        if time.monotonic() > until:
            names = ", ".join(_named(running or found))
            raise TidemillError(
                f"the setup left processes running that can't be ended: {names}",
                remedy="let the setup end what it starts in the background",
            )
        for pid in running:
            _end(pid)
        time.sleep(0.02)
    return tuple(_named(found))


def _has_children() -> bool:
    """Whether anything that descends from this process is there; what has ended is taken note of.

    The system knows this at any moment. A list of processes may lack one that starts itself again
    and again, always under another id.
    """
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


def _end(pid: int) -> None:
    """End a process with its whole group, out of which nothing is started meanwhile."""
    try:
        group = os.getpgid(pid)
        if group != os.getpgrp():
            os.killpg(group, signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    except PermissionError:  # what sudo started
        subprocess.run(
            ["sudo", "-n", "kill", "-KILL", str(pid)], check=False, stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, timeout=_SECONDS,
        )  # fmt: skip


def _descendants() -> dict[int, str]:
    """The names of all running processes that descend from this one, by their ids."""
    parents: dict[int, int] = {}
    names: dict[int, str] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            start, _, rest = file.read_bytes().decode(errors="replace").rpartition(")")
            state, parent = rest.split()[:2]
            if state not in "ZX":
                pid = int(file.parent.name)
                parents[pid], names[pid] = int(parent), start.partition("(")[2]
    found: set[int] = set()
    own = {os.getpid()}
    while new := {pid for pid, parent in parents.items() if parent in own} - found:
        found |= new
        own = new
    return {pid: names[pid] for pid in found}


def _named(running: Mapping[int, str]) -> list[str]:
    return [f"{name} ({pid})" for pid, name in sorted(running.items())]
