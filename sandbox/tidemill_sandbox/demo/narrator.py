"""The demo's voice, and its conscience: what it says it has checked."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from tidemill.clients.machine.environment import variable
from tidemill.commands._writing import going_on
from tidemill.errors import TidemillError

_BOLD, _GREEN, _RED, _DIM, _END = "\033[1m", "\033[32m", "\033[31m", "\033[2m", "\033[0m"


class Unexpected(TidemillError):
    """A step of the demo did not do what it says."""


@dataclass(frozen=True)
class Verdict:
    """A chapter that was told to its end: how many things it has checked, and how long it took."""

    number: int
    title: str
    checked: int
    seconds: float


class Narrator:
    """Tells the story as it happens, on `stream`; on standard output by default.

    Args:
        briefly: of each chapter the title and the verdict; every step only of one that fails.
    """

    def __init__(self, stream: TextIO | None = None, *, briefly: bool = False) -> None:
        self._stream = stream or sys.stdout
        self._colour = self._stream.isatty() and not variable("NO_COLOR")
        self._briefly = briefly
        self._chapter, self._title, self._checked = 0, "", 0
        self._held_back: list[str] = []
        self.verdicts: list[Verdict] = []

    @contextmanager
    def telling(self, what: str) -> Iterator[None]:
        """While a chapter is told: at its end stands its verdict, and before its error every step.

        Args:
            what: is said to go on, on a terminal, where it takes longer than two seconds.
        """
        began = time.monotonic()
        try:
            if self._briefly:
                with going_on(what):
                    yield
            else:
                yield
        except BaseException:
            self._tell_all()
            raise
        self._held_back.clear()
        if self._title:
            self._conclude(time.monotonic() - began)

    def chapter(self, title: str) -> None:
        """Begin the next chapter."""
        self._chapter += 1
        self._title, self._checked = title, 0
        self._write(f"\n{self._paint(_BOLD, f'{self._chapter}. {title}')}")

    def say(self, who: str, what: str) -> None:
        """One line: who, and what it did."""
        self._step(f"   {self._paint(_DIM, f'{who:<14}')} {what}")

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
        self._checked += 1
        self._step(f"   {self._paint(_GREEN, '✓')} {what}")

    def line(self, text: str = "") -> None:
        """Print a line as it is."""
        self._write(text)

    def _conclude(self, seconds: float) -> None:
        self.verdicts.append(Verdict(self._chapter, self._title, self._checked, seconds))
        if self._briefly:
            sign = self._paint(_GREEN, "✓")
            checks = f"{self._checked} check{'' if self._checked == 1 else 's'}"
            self._write(f"   {sign} {checks} held, in {seconds:.0f} s")
        self._title = ""

    def _tell_all(self) -> None:
        """Every step of a chapter that fails, then the verdict of each so far."""
        for step in self._held_back:
            self._write(step)
        self._held_back.clear()
        self._write("")
        for one in self.verdicts:
            self._write(f"{self._paint(_GREEN, '✓')} {one.number}. {one.title}")
        if self._title:
            self._write(f"{self._paint(_RED, '✗')} {self._chapter}. {self._title}")

    def _step(self, text: str) -> None:
        if self._briefly:
            self._held_back.append(text)
        else:
            self._write(text)

    def _paint(self, code: str, text: str) -> str:
        return f"{code}{text}{_END}" if self._colour else text

    def _write(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()
