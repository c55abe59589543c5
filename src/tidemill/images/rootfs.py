"""What is at each path after some layers, and a layer of another tool as the canonical form has it.

Engines write one change in different ways: with or without the folders above it, a folder that was
emptied as one opaque mark or as a list of what went, a file that was only touched, mount points of
the build. So a layer is taken for what it does: it leads from what is at each path without it to
what is there with it, and its canonical form is the difference of the two.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from typing import BinaryIO

from msgspec import Struct
from msgspec.structs import replace

from tidemill.errors import Refused
from tidemill.images.entries import (
    WHITEOUT,
    Attributes,
    Device,
    Entry,
    File,
    Folder,
    HardLink,
    Link,
    Opaque,
    Whiteout,
    encoded,
    in_order,
    path_in,
)
from tidemill.images.tar_stream import digest_of_file
from tidemill.words.names import shown

Change = Entry | Whiteout | Opaque
# Where engines mount something while a RUN lasts; a runtime makes them again in every container.
_MOUNTED_OVER = ("dev", "proc", "sys")
_MOUNTED_BELOW = ("etc",)
_MOUNTED_FILES = (".dockerenv", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf")


class _Content:
    """The bytes of a file. They are read only to compare them, and once."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, open_: Callable[[], BinaryIO]) -> None:
        self._open = open_
        self._digest: bytes | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Content) and self._found() == other._found()

    def _found(self) -> bytes:
        if self._digest is None:
            self._digest = digest_of_file(self._open)
        return self._digest


class _Leaf(Struct, frozen=True):
    """Anything but a folder: its type, and what else tells it from others; a file's bytes last."""

    kind: type[Entry]
    attributes: Attributes
    rest: tuple[object, ...]
    content: _Content | None = None


_Node = Attributes | _Leaf  # attributes are a folder's


class RootFs:
    """What an image has at each path; a path is without a slash at either end."""

    def __init__(self) -> None:
        self._at: dict[str, _Node] = {}

    def __contains__(self, path: object) -> bool:
        return path in self._at

    def copy(self) -> RootFs:
        """The same, to put more on top."""
        other = RootFs()
        other._at = dict(self._at)
        return other

    def paths(self) -> frozenset[str]:
        return frozenset(self._at)

    def folder(self, path: str) -> Attributes | None:
        """The attributes of the folder at a path; None if there is none."""
        there = self._at.get(path)
        return there if isinstance(there, Attributes) else None

    def link(self, path: str) -> str | None:
        """Where the symbolic link at a path leads to; None if there is none."""
        there = self._at.get(path)
        if isinstance(there, _Leaf) and there.kind is Link:
            return str(there.rest[0])
        return None

    def below(self, folder: str) -> list[str]:
        """Every path in a folder, at any depth; all for the empty path."""
        start = f"{folder}/" if folder else ""
        return [path for path in self._at if path.startswith(start)]

    def resembles(self, change: Change) -> bool:
        """Whether only its bytes may tell it from the file that is at its path."""
        there = self._at.get(change.path)
        if not isinstance(there, _Leaf) or there.kind is not File:
            return False
        match change:
            case File(_, size, _, attributes):
                return (there.attributes, there.rest) == (attributes, (size,))
            case _:
                return isinstance(change, HardLink)

    def add(self, layer: Iterable[Change]) -> None:
        """Put a layer on top, an engine's or one in the canonical form.

        What it takes away, it takes from the layers below it alone.
        """
        gone: set[str] = set()
        emptied: set[str] = set()
        added: dict[str, _Node] = {}
        for change in layer:
            match _unmarked(change):
                case Whiteout(path):
                    gone.add(path)
                case Opaque(path):
                    emptied.add(path)
                case Folder(path, attributes):
                    added[path] = attributes
                case HardLink(path, target) as link:
                    added[path] = added.get(target) or self._at.get(target) or _node(link)
                case entry:
                    added[entry.path] = _node(entry)
        gone |= {path for path in added if self._is_replaced(path, added[path])}
        if gone or emptied:
            self._at = {
                path: there
                for path, there in self._at.items()
                if not _is_hidden(path, gone, emptied)
            }
        for path in added:
            for parent in _above(path):
                there = added.get(parent) or self._at.get(parent)
                if isinstance(there, Attributes):
                    break
                self._at[parent] = _IMPLIED  # also where a link or a file is below
        self._at |= added

    def _is_replaced(self, path: str, by: _Node) -> bool:
        return isinstance(self._at.get(path), Attributes) and isinstance(by, _Leaf)

    def _differs(self, path: str, other: RootFs) -> bool:
        return self._at.get(path) != other._at.get(path)


_MOST_LINKS = 40  # as Linux has it (path_resolution(7))
# The folders that a layer does not have, above what it has.
_IMPLIED = Attributes(0o755)


def followed(path: str, link: Callable[[str], str | None]) -> str:
    """The path that a path leads to, as in a running container: no link leads out of the root.

    Args:
        link: where the link at a path leads to; None if there is no link.
    """
    done: list[str] = []
    waiting = path.split("/")[::-1]
    links = 0
    while waiting:
        part = waiting.pop()
        if part == "..":
            done = done[:-1]
        elif part not in ("", "."):
            target = link("/".join([*done, part]))
            if target is None:
                done.append(part)
                continue
            links += 1
            if links > _MOST_LINKS:
                raise Refused(
                    f"{shown(path)} leads through links that lead to each other",
                    remedy="name another path",
                )
            done = [] if target.startswith("/") else done
            waiting += target.split("/")[::-1]
    return "/".join(done)


def canonical(layer: Iterable[Change], below: RootFs, mounted: Collection[str] = ()) -> list[Entry]:
    """The entries of a layer in the canonical form, in order; none if it changes nothing.

    Owners and modes stay, since a build may have meant them; its times and names are gone already.
    Of two things at one path the last counts, as for those who unpack it.

    Args:
        below: what is there without the layer; it is not changed.
        mounted: where the image has volumes: runtimes make these folders.

    Raises:
        Refused: the layer has a hard link to a file that is not in it.
    """
    added: dict[str, Entry] = {}
    marks: list[Change] = []
    for change in layer:
        match _unmarked(change):
            case Whiteout() | Opaque() as mark:
                marks.append(mark)
            case entry:
                added.pop(entry.path, None)
                added[entry.path] = entry
    _leave_out_mount_points(added, below, mounted)
    above = below.copy()
    above.add([*added.values(), *marks])
    changed = {path for path in added if above._differs(path, below)}
    lost = below.paths() - above.paths()
    gone = (path for path in lost if _is_top(path, lost, above))
    return with_folders([*_linked(added, changed), *map(_mark, gone)], above)


def _leave_out_mount_points(
    added: dict[str, Entry], below: Container[str], mounted: Iterable[str]
) -> None:
    """Take out what engines made only to mount something on it, or what is as good as that."""
    for path in _MOUNTED_FILES:
        entry = added.get(path)
        if isinstance(entry, File) and not entry.size and path not in below:
            del added[path]
    for path in _MOUNTED_OVER:
        if isinstance(added.get(path), Folder) and path not in below and _is_empty(path, added):
            del added[path]
    for path in (*_MOUNTED_BELOW, *(path.strip("/") for path in mounted)):
        # With the folders above it that are there for nothing else.
        while added.get(path) == Folder(path) and path not in below and _is_empty(path, added):
            del added[path]
            path = path.rpartition("/")[0]  # noqa: PLW2901


def _is_empty(folder: str, added: Mapping[str, Entry]) -> bool:
    return not any(path.startswith(f"{folder}/") for path in added)


def with_folders(entries: Iterable[Entry], rootfs: RootFs) -> list[Entry]:
    """The entries in order, after the folders that they are in, as those are in `rootfs`.

    Folders have to be there though nothing about them changes: Docker's overlay2 unpacks a layer by
    itself, and a folder that it makes up for a path gets a mode that hides the one below.
    """
    given = list(entries)
    parents = {parent for entry in given for parent in _above(entry.path)}
    folders = [Folder(path, attributes) for path in parents if (attributes := rootfs.folder(path))]
    there = {entry.path for entry in given}
    others = parents - there - {folder.path for folder in folders}
    return in_order(
        [*(folder for folder in folders if folder.path not in there), *given],
        present={path for path in others if path in rootfs},
    )


def _unmarked(change: Change) -> Change:
    """A mark of the canonical form as what it means."""
    folder, _, name = change.path.rpartition("/")
    if isinstance(change, File) and name.startswith(WHITEOUT):
        return Whiteout(path_in(folder, name.removeprefix(WHITEOUT)))
    return change


def _mark(path: str) -> File:
    """The entry that takes away what is at `path` (image-spec, layer.md, "Whiteouts")."""
    folder, _, name = path.rpartition("/")
    return File(path_in(folder, f"{WHITEOUT}{name}"), 0, io.BytesIO)


def _node(entry: Entry) -> _Node:
    owned = entry.attributes
    match entry:
        case Folder():
            return owned
        case File(_, size, open_):
            return _Leaf(File, owned, (size,), _Content(open_))
        case Link(_, target) | HardLink(_, target):
            return _Leaf(type(entry), owned, (target,))
        case Device(_, kind, major, minor):
            return _Leaf(Device, owned, (kind, major, minor))


def _is_hidden(path: str, gone: set[str], emptied: set[str]) -> bool:
    if "" in emptied or path in gone:
        return True
    return any(parent in gone or parent in emptied for parent in _above(path))


def _is_top(path: str, lost: frozenset[str], above: RootFs) -> bool:
    """Whether a mark is needed for what was lost: not below a mark, or below what replaced it."""
    folder = path.rpartition("/")[0]
    return folder not in lost and (not folder or above.folder(folder) is not None)


def _linked(added: Mapping[str, Entry], kept: Collection[str]) -> Iterator[Entry]:
    """The kept entries, where of the paths of one file the first in order has its content."""
    groups: dict[str, list[str]] = {}
    for path in sorted(kept, key=encoded):
        groups.setdefault(_origin(path, added), []).append(path)
    for origin, (first, *others) in groups.items():
        yield replace(added[origin], path=first)
        for path in others:
            yield HardLink(path, first, added[origin].attributes)


def _origin(path: str, added: Mapping[str, Entry]) -> str:
    """The path whose entry has the content of a hard link; of anything else, its own."""
    seen = {path}
    entry = added[path]
    while isinstance(entry, HardLink):
        there = added.get(entry.target)
        if there is None or there.path in seen or isinstance(there, Folder):
            raise Refused(
                f"a layer has the hard link {path!a} to {entry.target!a}, which is not in it",
                remedy="build with another engine, or copy the file instead of linking it",
            )
        seen.add(there.path)
        entry = there
    return entry.path


def _above(path: str) -> Iterator[str]:
    """The folders that a path is in, the innermost first."""
    while path := path.rpartition("/")[0]:
        yield path
