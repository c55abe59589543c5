"""A layer that is added to a stage, while it is made.

No folder is replaced by a file or a file by a folder; a folder that is there stays what it is.
"""

from __future__ import annotations

from tidemill.errors import Refused
from tidemill.images.entries import Attributes, Entry, Folder, HardLink, Link, steps
from tidemill.images.rootfs import RootFs, followed

SHARED = 0o755
_SET_GROUP = 0o2000


class UpperLayer:
    """What is added to what is below."""

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
        above = Attributes(SHARED)
        for place in steps(path):
            there = self.folder(place)
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
        return not path or path in self._added or path in self._below

    def is_folder(self, path: str) -> bool:
        return not path or self.folder(path) is not None

    def folder(self, path: str) -> Attributes | None:
        """The attributes of the folder at a path; None if there is none."""
        if path in self._added:
            entry = self._added[path][0]
            return entry.attributes if isinstance(entry, Folder) else None
        return self._below.folder(path)

    def _link(self, path: str) -> str | None:
        if path in self._added:
            entry = self._added[path][0]
            return entry.target if isinstance(entry, Link) else None
        return self._below.link(path)
