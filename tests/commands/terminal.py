"""A program at a terminal of some width."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

SRC = Path(__file__).resolve().parents[2] / "src"
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


def at_terminal(
    words: Sequence[str], *, columns: int = 80, typed: str = "", **environment: str
) -> tuple[int, str]:
    """Run `tidemill` in a terminal; its exit code, and all that the terminal got.

    Args:
        typed: what a person types.
    """
    usual = {name: text for name, text in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    environment = {**usual, "PYTHONPATH": str(SRC), "TERM": "xterm-256color", **environment}
    mine, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    child = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "tidemill", *words],
        environment,
        file_actions=[(os.POSIX_SPAWN_DUP2, its, number) for number in (0, 1, 2)],
    )
    os.close(its)
    os.write(mine, typed.encode())
    got = b""
    with suppress(OSError):  # what Linux says at the end of a terminal
        while piece := os.read(mine, 65536):
            got += piece
    os.close(mine)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, got.decode().replace("\r\n", "\n")


def unstyled(text: str) -> str:
    """What a terminal got, without colours."""
    return _STYLE.sub("", text)
