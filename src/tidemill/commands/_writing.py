"""Lines, JSON and tables, on standard output and standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from textwrap import wrap
from typing import Any

import msgspec

from tidemill.words.names import visible, visible_json

WIDTH = 100

Result = Mapping[str, Any]
_kept: ContextVar[list[Result] | None] = ContextVar("kept", default=None)


def conclude(result: Result, show: Callable[[], None], *, as_json: bool) -> None:
    """Report what a command did: `result` as JSON, or by `show` to a person.

    Every command ends with it, so that who runs one (`kept_results`) has what `--json` prints.
    """
    kept = _kept.get()
    if kept is not None:
        kept.append(result)
    if as_json:
        write_json(result)
    else:
        show()


@contextmanager
def kept_results() -> Iterator[list[Result]]:
    """Keep what the commands that run in here conclude, the last one last."""
    found: list[Result] = []
    before = _kept.set(found)
    try:
        yield found
    finally:
        _kept.reset(before)


def time_text(when: datetime | None) -> str | None:
    """A time as ISO 8601 in UTC, to the second."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ") if when else None


def write(line: str) -> None:
    """A line on standard output."""
    sys.stdout.write(f"{visible(line)}\n")


def write_wrapped(text: str, *, indent: int) -> None:
    """Text in as many lines of at most 100 columns as it takes."""
    first = " " * indent
    for line in wrap(text, WIDTH, initial_indent=first, subsequent_indent=f"{first}  "):
        write(line)


def tell(line: str) -> None:
    """A line of progress, on standard error."""
    sys.stderr.write(f"{visible(line)}\n")
    sys.stderr.flush()


def teller(*, as_json: bool) -> Callable[[str], None]:
    """Where lines of progress go: nowhere, where JSON is asked for."""
    return (lambda _: None) if as_json else tell


def write_json(value: object) -> None:
    """One JSON object on standard output."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    sys.stdout.write(f"{visible_json(text)}\n")


def show_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table within 100 columns; colour only on a terminal, and not with `NO_COLOR`."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    console.width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for title in head:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*map(visible, row))
    console.print(table)
