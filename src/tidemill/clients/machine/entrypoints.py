"""The repository's own commands, run with nothing in reach that is not their business."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from tidemill.clients.machine import enclosure
from tidemill.clients.machine.environment import path
from tidemill.clients.machine.processes import run
from tidemill.errors import EntryPointFailed
from tidemill.words.names import UNPRINTABLE

_PASSED_ON = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "TERM")


def run_entry_point(
    command: str, *, folder: Path, home: Path, seconds: float, objects: Sequence[Path] = ()
) -> str:
    """Run a command of `[entrypoints]` in a shell, in `folder`; returns the end of what it printed.

    Its environment is made anew: PATH (in a virtual environment, with our own Python first), HOME
    and TMPDIR an empty folder of this run, language and time zone. No token is in it; and none is
    in its reach where it has a user of its own (`tidemill.clients.machine.enclosure`).

    Args:
        objects: all folders of Git objects that `folder` borrows from.

    Raises:
        EntryPointFailed: it failed; the message has the end of what it printed.
        TimeLimit: it took longer than `seconds`.
        NotEnclosed: it was to have a user of its own, and can't; it was not run.
    """
    env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    env |= {"HOME": str(home), "TMPDIR": str(home), "PATH": path()}
    words, name = ["sh", "-c", command], in_words(command)
    if enclosure.is_wanted():
        place = enclosure.Place(folder, home, objects)
        ended = enclosure.run_enclosed(words, place, env=env, seconds=seconds, name=name)
    else:
        ended = run(words, cwd=folder, env=env, seconds=seconds, name=name)
    if ended.code != 0:
        raise entry_point_failed(command, f"exit code {ended.code}: {_last_lines(ended.output)}")
    return ended.output


def entry_point_failed(command: str, reason: str) -> EntryPointFailed:
    """The error for a command that did not do what it is for."""
    return EntryPointFailed(
        f"{in_words(command)} failed: {reason}", remedy="run it in a checkout and mend it"
    )


def in_words(command: str) -> str:
    """A command as it may stand in a message: in one line, and printable."""
    return f"`{UNPRINTABLE.sub('?', ' '.join(command.split()))}`"


def _last_lines(output: str) -> str:
    lines = [
        re.sub(r"[^\x20-\x7e]", "?", line).strip()
        for line in output.splitlines()
        if line.strip(" \t\r^~")  # nor what only points at the line above
    ]
    return " | ".join(lines[-5:])[-600:] or "no output"
