"""The bytes of two files, and where they differ; read in small pieces, whatever their size."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from tidemill.images.tar_read import FilePart

# What is larger is not looked at whole to find a cause.
LARGEST = 8 << 20
_READ = 1 << 18
_FINE = 256
_HEAD = 8192
# Ranges closer than this are one: it is one number or one word that differs.
_NEAR = 8
MOST_RANGES = 64
# Two files that have nothing in common would be looked through byte by byte.
_MOST_DIFFERING = 4 << 20
_AROUND = 256
_SHOWN_BEFORE = 16
_SHOWN = 64
_WIDEST = 84


class Content(Struct, frozen=True):
    """`size` bytes at `offset` of the file `archive`."""

    archive: Path
    offset: int
    size: int

    def at(self, start: int, count: int) -> bytes:
        """At most `count` bytes from `start`; fewer at the end, none from beyond it."""
        if not 0 <= start < self.size:
            return b""
        with self.archive.open("rb") as file:
            file.seek(self.offset + start)
            return file.read(max(0, min(count, self.size - start)))

    def part(self, start: int, size: int) -> Content:
        """At most `size` bytes from `start`, as far as they are there."""
        return Content(self.archive, self.offset + start, max(0, min(size, self.size - start)))

    def open(self) -> BinaryIO:
        """All of it, as a file that can be sought in."""
        return io.BufferedReader(FilePart(self.archive, self.offset, self.size), _READ)

    def pieces(self) -> Iterator[bytes]:
        """All of it, in pieces of 256 KiB."""
        if not self.size:
            return
        with self.archive.open("rb", buffering=0) as file:
            file.seek(self.offset)
            left = self.size
            while left and (piece := file.read(min(left, _READ))):
                left -= len(piece)
                yield piece


class Changes(Struct, frozen=True):
    """Where two files differ: the first byte, and ranges `(start, end)` in both alike.

    The ranges mean something only where both have one size; `more` says that there are others.
    """

    first: int
    ranges: tuple[tuple[int, int], ...]
    more: bool


class Pair(Struct, frozen=True, dict=True):
    """Two files of one path that differ, and names of machines that may stand in them."""

    path: str
    left: Content
    right: Content
    changes: Changes
    hosts: tuple[str, ...] = ()

    @cached_property
    def heads(self) -> tuple[bytes, bytes]:
        """The first 8 KiB of both, by which most rules see that it is not theirs."""
        return self.left.at(0, _HEAD), self.right.at(0, _HEAD)

    def start_with(self, magic: bytes) -> bool:
        """Whether both files do."""
        return all(head.startswith(magic) for head in self.heads)


def changes(left: Content, right: Content) -> Changes | None:
    """Where two files differ; None if they are equal."""
    found: list[tuple[int, int]] = []
    start = 0
    for one, other in zip(left.pieces(), right.pieces(), strict=False):
        if one != other:
            if found and start - found[0][0] > _MOST_DIFFERING:
                return Changes(found[0][0], tuple(found), more=True)
            for place in _differing(one, other):
                at = start + place
                if found and at - found[-1][1] < _NEAR:
                    found[-1] = (found[-1][0], at + 1)
                elif len(found) == MOST_RANGES:
                    return Changes(found[0][0], tuple(found), more=True)
                else:
                    found.append((at, at + 1))
        start += len(one)
    shorter = min(left.size, right.size)
    if left.size != right.size:
        return Changes(found[0][0] if found else shorter, tuple(found), more=True)
    return Changes(found[0][0], tuple(found), more=False) if found else None


def around(content: Content, at: int) -> str:
    """The bytes around an offset, escaped: one line of printable ASCII."""
    start = max(0, at - _SHOWN_BEFORE)
    data = content.at(start, _SHOWN)
    text = escaped(data)
    while len(text) > _WIDEST:
        data = data[:-1]
        text = escaped(data)
    before = "..." if start else ""
    after = "..." if start + len(data) < content.size else ""
    return f"{before}{text}{after}"


def escaped(data: bytes) -> str:
    """Bytes as printable ASCII; backslashes, and what is neither, are escaped as in Python."""
    return data.decode("latin-1").encode("unicode_escape").decode("ascii")


def window(content: Content, start: int, end: int) -> bytes:
    """A range with the printable text on both sides of it, at most 256 bytes each."""
    low = max(0, start - _AROUND)
    data = content.at(low, end + _AROUND - low)
    first, last = start - low, min(end - low, len(data))
    while first > 0 and 0x20 <= data[first - 1] <= 0x7E:
        first -= 1
    while last < len(data) and 0x20 <= data[last] <= 0x7E:
        last += 1
    return data[first:last]


def _differing(one: bytes, other: bytes) -> Iterator[int]:
    """The places where two pieces differ, up to the end of the shorter."""
    for block in range(0, min(len(one), len(other)), _FINE):
        a, b = one[block : block + _FINE], other[block : block + _FINE]
        if a != b:
            for place, (x, y) in enumerate(zip(a, b, strict=False)):
                if x != y:
                    yield block + place
