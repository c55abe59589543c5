"""Parts, lines and JSON, on standard output and standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from typing import TYPE_CHECKING

from tidemill.errors import Refused
from tidemill.words.names import visible, visible_json

if TYPE_CHECKING:
    from tidemill.commands._parts import Grid, Part

# Seconds without an end, after which a person is told that it goes on; then each minute.
_PAUSES = (2, 8, 20, 30)


def write(parts: Iterable[Part]) -> None:
    """Write for people, on standard output: plainly, where it is no terminal."""
    if sys.stdout.isatty():
        from tidemill.commands import _terminal

        _terminal.show(parts)
        return
    from tidemill.commands._parts import Grid, Title

    for part in parts:
        match part:
            case Grid():
                sys.stdout.writelines(f"{row}\n" for row in _rows(part))
            case Title(text):
                sys.stdout.write(f"\n{visible(text)}\n")
            case _:
                sys.stdout.write(f"{visible(str(part))}\n")


def write_json(value: object) -> None:
    """One JSON object on standard output, at once: the command may go on for long."""
    import msgspec

    from tidemill.words.json_types import told

    text = msgspec.json.format(told(value), indent=2).decode()
    sys.stdout.write(f"{visible_json(text)}\n")
    sys.stdout.flush()


def tell(line: str) -> None:
    """A line of progress, on standard error."""
    sys.stderr.write(f"{visible(line)}\n")
    sys.stderr.flush()


def teller(*, as_json: bool) -> Callable[[str], None]:
    """Where lines of progress go: nowhere, where JSON is asked for."""
    return (lambda _: None) if as_json else tell


@contextmanager
def written_to(folder: str) -> Iterator[None]:
    """Raise `Refused` where files can't be written to a folder, which is called so."""
    try:
        yield
    except OSError as error:
        raise Refused(
            f"{folder} can't be written: {error.strerror}",
            written="maybe some of the files",
            remedy="name a folder that can be written to",
        ) from None


@contextmanager
def going_on(what: str) -> Iterator[None]:
    """On a terminal, say now and then that something goes on, while it does.

    Whole lines, and nothing that is written over: something else may be asking for a password.
    """
    if not sys.stderr.isatty():
        yield
        return
    import threading

    ended = threading.Event()

    def say() -> None:
        seconds = 0
        for pause in chain(_PAUSES, repeat(60)):
            if ended.wait(pause):
                return
            seconds += pause
            tell(f"{what} goes on, for {seconds} s so far ...")

    thread = threading.Thread(target=say, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _rows(grid: Grid) -> Iterator[str]:
    """A table for other programs: a row a line, tabs between cells, and no cell is empty."""
    for row in (grid.head, *grid.rows) if grid.rows else ():
        yield "\t".join(visible(" ".join(str(cell).splitlines())) or "-" for cell in row)
