"""The demo's voice, and its conscience: what it says it has checked."""

from __future__ import annotations

import sys
from typing import TextIO

from tidemill.clients.machine import person
from tidemill.errors import TidemillError

_BOLD, _GREEN, _DIM, _END = "\033[1m", "\033[32m", "\033[2m", "\033[0m"


class Unexpected(TidemillError):
    """A step of the demo did not do what it says."""


class Narrator:
    """Tells the story as it happens, on `stream`; on standard output by default."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._colour = self._stream.isatty() and not person.wants_no_colour()
        self._chapter = 0

    def chapter(self, title: str) -> None:
        """Begin the next chapter."""
        self._chapter += 1
        self._write(f"\n{self._paint(_BOLD, f'{self._chapter}. {title}')}")

    def say(self, who: str, what: str) -> None:
        """One line: who, and what it did."""
        self._write(f"   {self._paint(_DIM, f'{who:<14}')} {what}")

    def expect(self, truth: object, what: str) -> None:
        """Say that something holds, or end the demo.

        Raises:
            Unexpected: it does not.
        """
        if not truth:
            raise Unexpected(
                f"the demo expected that {what}",
                written="see the demo's folder",
                remedy="this is a defect: please report it with what was printed",
            )
        self._write(f"   {self._paint(_GREEN, '✓')} {what}")

    def line(self, text: str = "") -> None:
        """Print a line as it is."""
        self._write(text)

    def _paint(self, code: str, text: str) -> str:
        return f"{code}{text}{_END}" if self._colour else text

    def _write(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()
