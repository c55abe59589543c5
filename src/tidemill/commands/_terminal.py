"""Parts on a terminal: as wide as it is, with colours and signs, and times as people say them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import Literal

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidemill.clients.machine.environment import variable
from tidemill.commands._parts import (
    Cell,
    Commit,
    Grid,
    Paragraph,
    Part,
    Said,
    State,
    Title,
    Typed,
    When,
)
from tidemill.words.names import visible
from tidemill.words.shas import shortened

_WIDTH = 100  # columns, at most
_FOLDS = 24  # columns that a text of several words needs at least; one word is never cut
_BETWEEN, _AROUND = 3, 2  # columns of the screen between two of a table, and at its sides

# Each kind of state: its colour, its sign, and the sign where a terminal has ASCII alone.
_GOOD, _BAD = ("green", "✔", "+"), ("red", "✘", "x")
_ON_ITS_WAY, _ODD = ("cyan", "…", "~"), ("yellow", "!", "!")
_KINDS = {
    _GOOD: "deployed Healthy Succeeded green success landed introduced promoted released retried "
    "ok",
    _BAD: "failed Degraded Failed Error Missing red failure evicted rejected error problem",
    _ON_ITS_WAY: "auto Progressing Running pending replayed reported claimed",
    _ODD: "silent Unknown Suspended Terminating lost warning held hotfixed dropped superseded "
    "unknown",
}
_LOOKS = {word: kind for kind, words in _KINDS.items() for word in words.split()} | {
    "in flight": _ON_ITS_WAY,
    "deployed in part": _ODD,
    "not in the files": _BAD,
    "rolled back": _ODD,
}


def show(parts: Iterable[Part]) -> None:
    """Write for people; without colour where `NO_COLOR` is set, or the terminal has none."""
    colours: Literal["auto"] | None = None if variable("NO_COLOR") else "auto"
    console = Console(
        color_system=colours, highlight=False, markup=False, emoji=False, soft_wrap=True
    )
    width = min(console.width, _WIDTH)
    for part in parts:
        match part:
            case Grid():
                _grid(console, part, width)
            case Title(text):
                console.print(Text(f"\n{visible(text)}", "bold"))
            case Said(state, text):
                for one in _said(_state(state), visible(text), width):
                    console.print(one)
            case Paragraph():
                for line in _paragraph(part, width):
                    console.print(Text(visible(line)))
            case Typed():
                console.print(Text(visible(str(part)), "bold"))
            case text:
                console.print(Text(visible(text)))


def _said(state: Text, text: str, width: int) -> list[Text]:
    """A state and what is said of it; what does not fit goes on below."""
    first, *more = _wrapped(f"{'x' * state.cell_len}: {text}", width)
    return [Text.assemble(state, first[state.cell_len :]), *map(Text, more)]


def _paragraph(part: Paragraph, width: int) -> list[str]:
    """With short SHAs where the whole ones do not fit."""
    words = f"{part.text} {part.at.ago}" if part.at else part.text
    if len(words) + part.indent > width:
        words = shortened(words)
    return _wrapped(words, width, part.indent)


def _wrapped(words: str, width: int, indent: int = 0) -> list[str]:
    """Words in lines of at most so many columns."""
    first = " " * indent
    return wrap(
        words,
        width,
        initial_indent=first,
        subsequent_indent=f"{first}  ",
        break_on_hyphens=False,  # a path or an option is to be copied whole
    )


def _grid(console: Console, grid: Grid, width: int) -> None:
    """A table; where it does not fit, its rows one below the other."""
    if not grid.rows:
        return
    rows = [[_cell(cell) for cell in row] for row in grid.rows]
    heads = [Text(title) for title in grid.head]
    needs = [max(map(_need, column)) for column in zip(heads, *rows, strict=True)]
    if sum(needs) + _BETWEEN * (len(needs) - 1) + _AROUND > width:
        _stack(console, grid.head, rows, width)
        return
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for title, need in zip(grid.head, needs, strict=True):
        table.add_column(title, overflow="fold", min_width=need)
    for row in rows:
        table.add_row(*row)
    console.print(table, width=width, soft_wrap=False)


def _need(cell: Text) -> int:
    """How many columns a cell needs at least."""
    longest = max(map(len, cell.plain.split()), default=0)
    return min(cell.cell_len, max(_FOLDS, longest))


def _stack(
    console: Console, head: Sequence[str], rows: Sequence[Sequence[Text]], width: int
) -> None:
    """Each row as lines of a name and its value."""
    margin = max(map(len, head)) + 2
    for row in rows:
        console.print()
        for title, cell in zip(head, row, strict=True):
            if not cell.plain:
                continue
            name = Text(f"{title:{margin}}", "bold")
            lines = cell.wrap(console, max(width - margin, _FOLDS), overflow="fold")
            for line in lines:
                line.rstrip()
                console.print(Text.assemble(name, line))
                name = Text(" " * margin)
    console.print()


def _cell(cell: Cell) -> Text:
    match cell:
        case State():
            return _state(cell)
        case When():
            return Text(cell.ago)
        case Commit():
            return Text(visible(str(cell)), "" if cell.sha else "dim")
        case text:
            return Text(visible(text))


def _state(state: State) -> Text:
    look = _LOOKS.get(state.word)
    if look is None:
        return Text(visible(str(state)))
    colour, sign, plain = look
    sign = sign if (sys.stdout.encoding or "").lower().startswith("utf") else plain
    return Text.assemble((f"{sign} {visible(state.word)}", colour), visible(state.more))
