"""The tar of the canonical form `tidemill/1`: the same entries give the same bytes anywhere.

Headers are written here and not by `tarfile`, whose bytes differ between Python releases. They are
ustar (POSIX.1-1988): owner 0, no names, time 0, mode 0755 for folders and executables, else 0644,
0777 for symbolic links. What a ustar header can't hold (a path of more than 100 bytes or beyond
ASCII, a size of 8 GiB or more) stands in a PAX header before it (POSIX.1-2001), with sorted records
and nothing else in it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from tidemill.errors import Refused

BLOCK = 512
READ = 1 << 20
END = bytes(2 * BLOCK)
_LONGEST = 100
_LARGEST = 8 * 1024**3 - 1


@dataclass(frozen=True, slots=True)
class File:
    """A regular file: `path` without a slash at either end, `size` in bytes."""

    path: str
    size: int
    executable: bool
    open: Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder: `path` without a slash at either end."""

    path: str


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link to `target`, which is kept as it is."""

    path: str
    target: str


Entry = File | Folder | Link


def in_order(entries: Iterable[Entry], present: Collection[str] = ()) -> list[Entry]:
    """Sort the entries by the bytes of their paths, each folder above them once and before them.

    Args:
        entries: files, folders and links; a folder may come more than once.
        present: paths that the image has already; no folder is written over them, so that they
            keep their mode, or their being a link.

    Raises:
        Refused: two entries have one path, or one is a file and a folder.
    """
    placed: dict[str, Entry] = {}
    for entry in entries:
        there = placed.get(entry.path)
        if there is not None and not (isinstance(there, Folder) and isinstance(entry, Folder)):
            raise _twice(entry.path)
        placed[entry.path] = entry
    for path in list(placed):
        for parent in PurePosixPath(path).parents[:-1]:
            if not isinstance(placed.setdefault(str(parent), Folder(str(parent))), Folder):
                raise _twice(str(parent))
    wanted = (
        entry
        for entry in placed.values()
        if not (isinstance(entry, Folder) and entry.path in present)
    )
    return sorted(wanted, key=lambda entry: _encoded(entry.path))


def stream(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The bytes of a tar archive, in pieces of at most 1 MiB.

    Raises:
        Refused: a file has another size than its entry says, or a path that is not UTF-8.
    """
    for entry in entries:
        yield header(entry)
        if isinstance(entry, File):
            yield from _content(entry)
    yield END


def header(entry: Entry) -> bytes:
    """The header of one entry: 512 bytes, or 1536 and more with a PAX header before it."""
    match entry:
        case File(path, size, executable):
            kind, mode, target = b"0", 0o755 if executable else 0o644, ""
        case Folder(path):
            path, kind, mode, size, target = path + "/", b"5", 0o755, 0, ""
        case Link(path, target):
            kind, mode, size = b"2", 0o777, 0
    extended = {}
    if not _fits(target):
        extended["linkpath"] = _encoded(target)
    if not _fits(path):
        extended["path"] = _encoded(path)
    if size > _LARGEST:
        extended["size"] = b"%d" % size
    plain = _ustar(_shortened(path), mode, min(size, _LARGEST), kind, _shortened(target))
    return _pax(extended) + plain if extended else plain


def _ustar(path: bytes, mode: int, size: int, kind: bytes, target: bytes) -> bytes:
    head = path.ljust(_LONGEST, b"\0") + b"%07o\0" % mode + b"0000000\0" * 2
    head += b"%011o\0" % size + b"%011o\0" % 0
    tail = kind + target.ljust(_LONGEST, b"\0") + b"ustar\x0000"
    tail = (tail + bytes(64) + b"0000000\0" * 2).ljust(BLOCK - 156, b"\0")
    # The sum of all bytes, those of the sum itself counted as spaces.
    return head + b"%06o\0 " % (sum(head) + sum(tail) + 8 * ord(" ")) + tail


def _pax(records: dict[str, bytes]) -> bytes:
    body = b"".join(_record(key.encode(), records[key]) for key in sorted(records))
    return _ustar(b"PaxHeaders.0", 0o644, len(body), b"x", b"") + body + _padding(len(body))


def _record(key: bytes, value: bytes) -> bytes:
    """`length key=value\\n`, where the length counts its own digits too."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest)
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return str(length).encode() + rest


def _content(file: File) -> Iterator[bytes]:
    left = file.size
    with file.open() as source:
        while piece := source.read(READ):
            left -= len(piece)
            if left < 0:
                break
            yield piece
    if left:
        raise Refused(
            f"{file.path} changed while it was read",
            remedy="let nothing write to it while images are built",
        )
    yield _padding(file.size)


def _padding(size: int) -> bytes:
    return bytes(-size % BLOCK)


def _fits(text: str) -> bool:
    return text.isascii() and len(text) <= _LONGEST


def _shortened(text: str) -> bytes:
    return text.encode("ascii", "replace")[:_LONGEST]


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Refused(
            f"the path {text!a} is not UTF-8", remedy="rename it, or leave it out of the image"
        ) from None


def _twice(path: str) -> Refused:
    return Refused(
        f"the image would have two things at /{path}", remedy="give each file a path of its own"
    )
