"""What a layer is made of: files, folders, links and devices, each with its attributes.

No entry has a time, or the name of an owner: the canonical form gives the one (`tar_stream`), and
does not know the other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from msgspec import Struct

from tidemill.errors import Refused
from tidemill.words.names import shown

# How a layer takes away what is below it (image-spec, layer.md, "Whiteouts").
WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"


class Attributes(Struct, frozen=True):
    """Permission bits (set-user-ID and the like included), numeric owner, extended attributes.

    `xattrs` are sorted pairs of a name and its value.
    """

    mode: int
    uid: int = 0
    gid: int = 0
    xattrs: tuple[tuple[str, bytes], ...] = ()


READABLE = Attributes(0o644)
EXECUTABLE = Attributes(0o755)
SHARED_FOLDER = Attributes(0o755)
ANY_LINK = Attributes(0o777)


class File(Struct, frozen=True):
    """A regular file: `path` without a slash at either end, `size` in bytes."""

    path: str
    size: int
    open: Callable[[], BinaryIO]
    attributes: Attributes = READABLE


class Folder(Struct, frozen=True):
    """A folder: `path` without a slash at either end."""

    path: str
    attributes: Attributes = SHARED_FOLDER


class Link(Struct, frozen=True):
    """A symbolic link to `target`, which is kept as it is."""

    path: str
    target: str
    attributes: Attributes = ANY_LINK


class HardLink(Struct, frozen=True):
    """Another path of the file at `target`, which is in the same layer and sorts before it."""

    path: str
    target: str
    attributes: Attributes = READABLE


class Device(Struct, frozen=True):
    """A device or a named pipe: `kind` is the type of its tar header (POSIX.1-1988)."""

    path: str
    kind: bytes
    major: int
    minor: int
    attributes: Attributes


Entry = File | Folder | Link | HardLink | Device


class Whiteout(Struct, frozen=True):
    """A layer takes away what is at `path` below it (image-spec, layer.md, "Whiteouts")."""

    path: str


class Opaque(Struct, frozen=True):
    """A layer takes away all that is in the folder at `path` below it."""

    path: str


def in_order(entries: Iterable[Entry], present: Collection[str] = ()) -> list[Entry]:
    """Sort the entries by the bytes of their paths, each folder above them once and before them.

    Args:
        entries: what goes into one layer; a folder may come more than once, the last counts.
        present: paths that the image has already; no folder is written over them, so that they
            keep their mode, or their being a link.

    Raises:
        Refused: two entries have one path, or one is a file and a folder, or a path is not UTF-8.
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
    return sorted(wanted, key=lambda entry: encoded(entry.path))


def steps(path: str) -> Iterator[str]:
    """The folders that a path leads through, the outermost first, and the path; none for the root.

    As `a`, `a/b` and `a/b/c` for the last.
    """
    end = -1
    while (end := path.find("/", end + 1)) >= 0:
        yield path[:end]
    if path:
        yield path


def path_in(folder: str, name: str) -> str:
    """The path of what is in a folder; the root is empty."""
    return f"{folder}/{name}" if folder else name


def unmarked(path: str) -> str:
    """The path; raise `Refused` if a layer would take it for a mark, and not for a file."""
    if any(part.startswith(WHITEOUT) for part in path.split("/")):
        raise Refused(
            f"{shown(path)} would take a file of the image away, instead of being one",
            remedy="rename it, or leave it out: in a layer, names that begin with .wh. are marks",
        )
    return path


def encoded(path: str) -> bytes:
    """A path as UTF-8; raise `Refused` if it is not text."""
    try:
        return path.encode()
    except UnicodeEncodeError:
        raise Refused(
            f"the path {path!a} is not UTF-8", remedy="rename it, or leave it out of the image"
        ) from None


def _twice(path: str) -> Refused:
    return Refused(
        f"the image would have two things at /{path}", remedy="give each file a path of its own"
    )
