"""What a COPY puts where: the rules of BuildKit's file operations, on entries instead of files.

No folder is replaced by a file or a file by a folder; a folder of the destination that is there
stays what it is, and those below it take over mode and owner of what is copied onto them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tidemill.errors import Refused
from tidemill.images.dockerfile.ignore import Ignore, Matched
from tidemill.images.dockerfile.tree import Source
from tidemill.images.dockerfile.wildcards import ONE, Form, Part, Wild, character_class, joined
from tidemill.images.entries import Attributes, Entry, Folder, HardLink, Link
from tidemill.images.rootfs import RootFs, followed
from tidemill.words.names import shown

_SHARED = 0o755
_SET_GROUP = 0o2000
_WILD = re.compile(r"[*?\[]")
_WILDCARDS: dict[str, Part] = {"*": Wild.NAME, "?": ONE}


@dataclass(frozen=True)
class CopyFlags:
    """What the flags of a COPY say: owner and mode of what is copied, and what is left out."""

    owner: tuple[int, int] | None = None
    mode: int | None = None
    exclude: Ignore | None = None

    @property
    def folder_mode(self) -> int:
        """What a folder gets that only has to be there: the mode of --chmod too, as in BuildKit."""
        return _SHARED if self.mode is None else self.mode & 0o777

    def of(self, entry: Entry) -> Attributes:
        """What a copy of an entry gets."""
        found = entry.attributes
        if self.owner is not None:
            found = replace(found, uid=self.owner[0], gid=self.owner[1])
        if self.mode is not None and not isinstance(entry, Link):
            found = replace(found, mode=self.mode)
        return found


class UpperLayer:
    """A layer while it is made: what is added to what is below."""

    def __init__(self, below: RootFs) -> None:
        self._below = below
        self._added: dict[str, tuple[Entry, object]] = {}

    def entries(self) -> list[Entry]:
        """What was added; of the paths of one file all but the first are hard links."""
        found: list[Entry] = []
        first: dict[object, str] = {}
        for path, (entry, file) in sorted(self._added.items()):
            if file is not None and file in first:
                found.append(HardLink(path, first[file], entry.attributes))
            else:
                found.append(entry)
                first |= {} if file is None else {file: path}
        return found

    def followed(self, path: str) -> str:
        """The path that a destination leads to."""
        return followed(path, self._link)

    def make_folders(self, path: str, mode: int, owner: tuple[int, int] | None) -> None:
        """Make a folder and those above it, where there are none.

        As file systems do it, a folder in one with the set-group-ID bit gets that bit, and its
        group if no owner is given.
        """
        parts = path.split("/") if path else []
        above = Attributes(_SHARED)
        for count, _ in enumerate(parts, start=1):
            place = "/".join(parts[:count])
            there = self._folder(place)
            if there is None and self.is_there(place):
                raise Refused(
                    f"/{place} is not a folder, so nothing can be put below it",
                    remedy="copy to another path",
                )
            if there is None:
                bit = above.mode & _SET_GROUP
                uid, gid = owner or (0, above.gid if bit else 0)
                there = Attributes(mode | bit, uid, gid)
                self._added[place] = (Folder(place, there), None)
            above = there

    def put(self, entry: Entry, file: object = None) -> None:
        """Put an entry at its path; `file` is common to the paths of one file."""
        if self.is_there(entry.path) and self.is_folder(entry.path) != isinstance(entry, Folder):
            is_now, is_to_be = ("folder", "file")[:: 1 if self.is_folder(entry.path) else -1]
            raise Refused(
                f"/{entry.path} is a {is_now} in the image, and would become a {is_to_be}",
                remedy="copy to another path",
            )
        self._added[entry.path] = (entry, file)

    def is_there(self, path: str) -> bool:
        """Whether anything is at a path."""
        return not path or path in self._added or path in self._below

    def is_folder(self, path: str) -> bool:
        """Whether a folder is at a path."""
        return not path or self._folder(path) is not None

    def _folder(self, path: str) -> Attributes | None:
        if path in self._added:
            entry = self._added[path][0]
            return entry.attributes if isinstance(entry, Folder) else None
        return self._below.folder(path)

    def _link(self, path: str) -> str | None:
        if path in self._added:
            entry = self._added[path][0]
            return entry.target if isinstance(entry, Link) else None
        return self._below.link(path)


def copy(source: Source, path: str, to: str, upper: UpperLayer, flags: CopyFlags) -> int:
    """Copy what a path (which may have wildcards) names.

    Args:
        path: relative to the root of the source, or absolute, which means the same.
        to: an absolute path in the image, with a slash at its end if it has to be a folder.

    Returns:
        How many things the path names; 0 only for a path with wildcards.

    Raises:
        Refused: nothing is at the path, or it can't be put where it is to go.
    """
    found = named(source, path)
    for match in found:
        _copy_one(source, match, to, upper, flags)
    return len(found)


def named(source: Source, path: str) -> list[str]:
    """The paths in a source that a path of COPY names; raises `Refused` as `copy` does."""
    top = posixpath.normpath(path.lstrip("/") or ".")
    if top == ".." or top.startswith("../"):
        raise Refused(
            f"{shown(path)} leads out of {source.what}",
            remedy="copy what you need into it first, or name another context",
        )
    return list(_matching(source, "" if top == "." else top))


def _copy_one(source: Source, path: str, to: str, upper: UpperLayer, flags: CopyFlags) -> None:
    place = source.followed(path)
    entry = source.entry(place)
    if entry is None:
        raise _missing(source, path)
    folder, _, last = to.rpartition("/")
    ensured = to if last in ("", ".") else folder
    upper.make_folders(upper.followed(ensured), flags.folder_mode, flags.owner)
    target = upper.followed(to)
    is_folder = isinstance(entry, Folder)
    if not is_folder and upper.is_folder(target):
        target = _joined(target, posixpath.basename(path))
    parent = target if is_folder and not upper.is_there(target) else posixpath.dirname(target)
    upper.make_folders(parent, flags.folder_mode, flags.owner)
    if not is_folder:
        upper.put(_moved(entry, target, flags))
        return
    if not upper.is_folder(target):
        upper.put(Folder(target))  # which says what is wrong
    start = len(place) + 1 if place else 0
    copying = object()  # the paths of one file stay together if one folder has them
    for below in _kept(source.below(place), start, flags.exclude):
        file = source.file_of(below.path)
        upper.put(
            _moved(below, _joined(target, below.path[start:]), flags),
            None if file is None else (copying, file),
        )


def _kept(entries: Iterable[Entry], start: int, exclude: Ignore | None) -> Iterator[Entry]:
    """The entries that --exclude keeps, and the folders above them."""
    if exclude is None:
        yield from entries
        return
    above: dict[str, Matched] = {"": ()}
    waiting: dict[str, Entry] = {}
    for entry in entries:
        name = entry.path[start:]
        is_out, matched = exclude.leaves_out(name, above[posixpath.dirname(name)])
        if isinstance(entry, Folder):
            above[name] = matched
        if is_out:
            if isinstance(entry, Folder):
                waiting[name] = entry
            continue
        parts = name.split("/")
        for count, _ in enumerate(parts[:-1], start=1):
            if (folder := waiting.pop("/".join(parts[:count]), None)) is not None:
                yield folder
        yield entry


def _matching(source: Source, path: str) -> Iterator[str]:
    """The paths that a path names, sorted; itself if it has no wildcards."""
    parts = path.split("/")
    first = next((at for at, part in enumerate(parts) if _is_wild(part)), None)
    if first is None:
        yield path
        return
    top = source.followed("/".join(parts[:first]))
    if not isinstance(source.entry(top), Folder):
        raise _missing(source, path)
    found = [top]
    for part in parts[first:]:
        form = _form(part)
        found = [
            _joined(folder, name)
            for folder in found
            if isinstance(source.entry(folder), Folder)
            for name in source.names(folder)
            if form.matches(name)
        ]
    yield from found


def _is_wild(part: str) -> bool:
    """Whether it has a wildcard that is not escaped."""
    return _WILD.search(re.sub(r"\\.", "", part, flags=re.DOTALL)) is not None


def _form(part: str) -> Form:
    """What a part of a path with wildcards matches (Go, `path/filepath.Match`)."""
    parts: list[Part] = []
    at = 0
    while at < len(part):
        char = part[at]
        at += 1
        if char == "[":
            try:
                characters, at = character_class(part, at)
            except ValueError:
                raise Refused(
                    f"{shown(part)} has a mistake", remedy="close its [, or write \\[ for itself"
                ) from None
            parts.append(characters)
        elif char == "\\":
            parts.append(part[at : at + 1])
            at += 1
        else:
            parts.append(_WILDCARDS.get(char, char))
    return Form(joined(parts))


def _moved(entry: Entry, path: str, flags: CopyFlags) -> Entry:
    return replace(entry, path=path, attributes=flags.of(entry))


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _missing(source: Source, path: str) -> Refused:
    return Refused(
        f"{shown(path)} is not in {source.what}",
        remedy="mend the path, make the file first, or look at what .dockerignore leaves out",
    )
