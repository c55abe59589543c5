"""What a result says to people, in parts: plain words, which a terminal may show otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from tidemill.commands._words import time_text
from tidemill.words.durations import ago
from tidemill.words.shas import short


class Commit(Struct, frozen=True):
    """A commit of cfg-app.git; of app.git, to which nothing links, where that is said.

    Where there is none, `unknown` stands for it.
    """

    sha: str | None
    unknown: str = "unknown"
    is_of_app: bool = False

    def __str__(self) -> str:
        return short(self.sha, self.unknown)


class When(Struct, frozen=True):
    """A time. Plain words are exact; a terminal says how long ago that was at `now`.

    Attributes:
        is_past: whether it can't be to come: then another clock is ahead, or `now` is long ago.
    """

    moment: datetime | None
    now: datetime
    is_past: bool = False

    def __str__(self) -> str:
        return time_text(self.moment) or ""

    @property
    def ago(self) -> str:
        """As `2 h ago`; nothing where there is no time."""
        if self.moment is None:
            return ""
        return ago(self.moment, max(self.moment, self.now) if self.is_past else self.now)


class State(Struct, frozen=True):
    """A state in a word or two, and what else there is to say of it; a terminal colours it."""

    word: str
    more: str = ""

    def __str__(self) -> str:
        return f"{self.word}{self.more}"


Cell: TypeAlias = str | Commit | When | State


class Grid(Struct, frozen=True):
    """A table."""

    head: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]


class Title(Struct, frozen=True):
    """What the parts that follow are about."""

    text: str


class Said(Struct, frozen=True):
    """A line that begins with a state."""

    state: State
    text: str

    def __str__(self) -> str:
        return f"{self.state}: {self.text}"


class Paragraph(Struct, frozen=True):
    """A text, which a terminal shows in as many lines as it takes; a time may stand at its end."""

    text: str
    indent: int = 0
    at: When | None = None

    def __str__(self) -> str:
        words = f"{self.text} {self.at}" if self.at else self.text
        return f"{' ' * self.indent}{' '.join(words.splitlines())}"


class Typed(Struct, frozen=True):
    """A command, to copy: it is never cut in two."""

    command: str
    indent: int = 0

    def __str__(self) -> str:
        return f"{' ' * self.indent}{self.command}"


# A text is one line, or several, as they are.
Part: TypeAlias = str | Title | Grid | Said | Paragraph | Typed
