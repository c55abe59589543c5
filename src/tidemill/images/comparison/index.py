"""The entries of layers, on disk: layers may have millions of them.

Entries are kept by path and place for both sides, and walked in the order of paths. Text of a tar
may be anything, so paths are kept as bytes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from msgspec import Struct

from tidemill.images.comparison.members import Member, path_of
from tidemill.images.entries import OPAQUE, WHITEOUT, path_in

_SCHEMA = """
create table entry (side integer, path blob, place integer, layer integer, data text,
    primary key (side, path, place)) without rowid;
create table pair (one integer, other integer, path blob);
"""


class PathEntries(Struct, frozen=True):
    """The entries of one path on one side: the last, which counts, its place, and how many."""

    last: Member
    place: int
    count: int


class EntryIndex:
    """The entries of a left and a right side, 0 and 1."""

    def __init__(self, file: Path) -> None:
        self._base = sqlite3.connect(file, isolation_level=None)
        # Nobody reads it after this process: no journal, and nothing is waited for.
        self._base.execute("pragma journal_mode = off")
        self._base.execute("pragma synchronous = off")
        self._base.executescript(_SCHEMA)
        self._base.execute("begin")
        self._place = 0

    def close(self) -> None:
        self._base.close()

    def add(self, side: int, entry: Member) -> None:
        """Add an entry as it is."""
        self._insert(side, path_of(entry.name), entry)

    def lay(self, side: int, entry: Member) -> None:
        """Add an entry of the next layer: it replaces its path, or takes away what is below.

        Whiteouts stay as entries: they take away from the layers that were not added, too.
        """
        path = path_of(entry.name)
        folder, _, name = path.rpartition("/")
        if name == OPAQUE:
            self._remove_below(side, folder, before=entry.archive)
        elif name.startswith(WHITEOUT):
            hidden = path_in(folder, name.removeprefix(WHITEOUT))
            self._remove(side, hidden)
            self._remove_below(side, hidden, before=entry.archive)
        else:
            self._remove(side, path)
            self._remove(side, path_in(folder, WHITEOUT + name))
            if entry.kind != "folder":
                self._remove_below(side, path, before=entry.archive + 1)
        self._insert(side, path, entry)

    def paths(self) -> Iterator[tuple[str, PathEntries | None, PathEntries | None]]:
        """Each path in the order of its bytes, with what either side has there."""
        sides = [self._found(0), self._found(1)]
        nexts = [next(side, None) for side in sides]
        while nexts[0] or nexts[1]:
            path = min(found[0] for found in nexts if found)
            here: list[PathEntries | None] = [None, None]
            for number, found in enumerate(nexts):
                if found and found[0] == path:
                    here[number] = found[1]
                    nexts[number] = next(sides[number], None)
            yield _text(path), here[0], here[1]

    def pair(self, path: str, left: int, right: int) -> None:
        """Note that a path is at these places on both sides."""
        self._base.execute("insert into pair values (?, ?, ?)", (left, right, _bytes(path)))

    def out_of_order(self) -> tuple[str, str] | None:
        """The first two paths of the left side that are the other way round on the right."""
        before, path_before = -1, b""
        for place, path in self._base.execute("select other, path from pair order by one"):
            if place < before:
                return _text(path_before), _text(path)
            before, path_before = place, path
        return None

    def _insert(self, side: int, path: str, entry: Member) -> None:
        self._place += 1
        self._base.execute(
            "insert into entry values (?, ?, ?, ?, ?)",
            (side, _bytes(path), self._place, entry.archive, json.dumps(entry.values())),
        )

    def _remove(self, side: int, path: str) -> None:
        self._base.execute("delete from entry where side = ? and path = ?", (side, _bytes(path)))

    def _remove_below(self, side: int, folder: str, before: int) -> None:
        """Remove what lower layers have in a folder; the whole of them for the root."""
        low, high = (_bytes(folder + "/"), _bytes(folder + "0")) if folder else (b"", b"\xff" * 8)
        self._base.execute(
            "delete from entry where side = ? and path > ? and path < ? and layer < ?",
            (side, low, high, before),
        )

    def _found(self, side: int) -> Iterator[tuple[bytes, PathEntries]]:
        rows = self._base.execute(
            "select path, place, data from entry where side = ? order by path, place", (side,)
        )
        for path, group in groupby(rows, key=lambda row: row[0]):
            count, last = 0, None
            for last in group:  # noqa: B007 - the last one counts, and only it is kept
                count += 1
            if last is not None:
                yield path, PathEntries(Member(*json.loads(last[2])), last[1], count)


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
