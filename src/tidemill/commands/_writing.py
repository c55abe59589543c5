"""Lines, tables and JSON, on standard output and standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from tidemill.words.names import visible, visible_json
from tidemill.words.shas import short

if TYPE_CHECKING:
    pass

WIDTH = 100


@dataclass(frozen=True)
class Commit:
    """A commit of cfg-app.git in a table; of app.git, to which nothing links, where that is said.

    Where there is none, `unknown` stands for it.
    """

    sha: str | None
    unknown: str = "unknown"
    is_of_app: bool = False

    def __str__(self) -> str:
        return short(self.sha, self.unknown)


@dataclass(frozen=True)
class Grid:
    """A table."""

    head: tuple[str, ...]
    rows: Sequence[tuple[str | Commit, ...]]


@dataclass(frozen=True)
class Title:
    """What the parts that follow are about."""

    text: str


# Of a text for people: a line, or several; a title; a table.
Part: TypeAlias = str | Title | Grid


def write(parts: Iterable[Part]) -> None:
    """Write for people, on standard output."""
    for part in parts:
        match part:
            case Grid():
                _show(part)
            case Title(text):
                sys.stdout.write(f"\n{visible(text)}\n")
            case line:
                sys.stdout.write(f"{visible(line)}\n")


def write_json(value: object) -> None:
    """One JSON object on standard output."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    sys.stdout.write(f"{visible_json(text)}\n")


def tell(line: str) -> None:
    """A line of progress, on standard error."""
    sys.stderr.write(f"{visible(line)}\n")
    sys.stderr.flush()


def teller(*, as_json: bool) -> Callable[[str], None]:
    """Where lines of progress go: nowhere, where JSON is asked for."""
    return (lambda _: None) if as_json else tell


def _show(grid: Grid) -> None:
    """Within 100 columns; colour only on a terminal, and not with `NO_COLOR`."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    console.width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for title in grid.head:
        table.add_column(title, overflow="fold")
    for row in grid.rows:
        table.add_row(*(visible(str(cell)) for cell in row))
    console.print(table)
