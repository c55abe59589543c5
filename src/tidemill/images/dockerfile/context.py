"""The build context: a folder without what its ignore file names, the same from any checkout.

A file is executable or not, by its owner's bit; everything belongs to root. The umask, the user and
the time of a checkout do not get into an image.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from tidemill.errors import Refused
from tidemill.images.dockerfile import ignore as dockerfile_ignore
from tidemill.images.dockerfile.ignore import Ignore, Matched
from tidemill.images.entries import Entry, Folder, Link, path_in, steps
from tidemill.images.files import Unfit, entry_at, unreadable
from tidemill.words.names import shown

IGNORE_FILE = ".dockerignore"
_LARGEST_IGNORE_FILE = 1 << 20
_NOTHING = Ignore()


class BuildContext(Struct, frozen=True):
    """A folder, and what of it is left out: a source of COPY (`tidemill.images.dockerfile.tree`).

    A path through a link is refused, since it may lead out of the folder.
    """

    root: Path
    ignore: Ignore = _NOTHING

    @classmethod
    def of(cls, root: Path, file: Path | None = None) -> BuildContext:
        """The context in a folder.

        Args:
            file: the Dockerfile: `NAME.dockerignore` beside it counts before `.dockerignore`.

        Raises:
            Refused: it is not a folder, or its ignore file can't be read.
        """
        if not root.is_dir():
            raise Refused(f"the build context {root} is not a folder", remedy="mend its path")
        places = [root / IGNORE_FILE]
        if file is not None:
            places.insert(0, file.with_name(f"{file.name}{IGNORE_FILE}"))
        for place in places:
            if (data := _ignore_file(place)) is not None:
                return cls(root, dockerfile_ignore.parse(data, place.name))
        return cls(root)

    def entry(self, path: str) -> Entry | Unfit | None:
        """What is at a path, without a slash at either end; None if nothing is, or it is left out.

        Raises:
            Refused: it can't be read.
        """
        if not path:
            return Folder("")
        above: Matched = ()
        is_out = False
        for place in steps(path):
            is_out, above = self.ignore.leaves_out(place, above)
            if place != path and not stat.S_ISDIR(_mode(self.root / place)):
                return None
        mode = _mode(self.root / path)
        if not mode or (is_out and not stat.S_ISDIR(mode)):
            return None
        if is_out and next(self._below(path, above), None) is None:
            return None
        return entry_at(self.root / path, path)

    @property
    def what(self) -> str:
        """How to call it in an error."""
        return f"the build context {self.root}"

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted, but those that are left out."""
        every = _names(self.root / folder)
        return [name for name in every if self.entry(path_in(folder, name)) is not None]

    def followed(self, path: str) -> str:
        """The path itself; raise `Refused` if it leads through a link."""
        for place in steps(path):
            if isinstance(self.entry(place), Link):
                raise Refused(
                    f"{shown(path)} leads through the symbolic link {shown(place)}",
                    remedy="name the file that the link leads to, by its path in the build context",
                )
        return path

    def file_of(self, path: str) -> object:
        """None: each path is a file of its own."""
        return None

    def below(self, folder: str = "") -> Iterator[Entry | Unfit]:
        """Everything below a folder, each folder before what is in it; of all for the empty path.

        Raises:
            Refused: as `entry` does.
        """
        above: Matched = ()
        for place in steps(folder):
            above = self.ignore.leaves_out(place, above)[1]
        return self._below(folder, above)

    def _below(self, folder: str, above: Matched) -> Iterator[Entry | Unfit]:
        for name in _names(self.root / folder):
            path = path_in(folder, name)
            is_out, matched = self.ignore.leaves_out(path, above)
            if is_out:
                yield from self._kept_below(path, matched)
                continue
            entry = entry_at(self.root / path, path)
            yield entry
            if isinstance(entry, Folder):
                yield from self._below(path, matched)

    def _kept_below(self, path: str, matched: Matched) -> Iterator[Entry | Unfit]:
        """What is kept of a folder that is left out, and then the folder too."""
        if not self.ignore.may_keep_below(path) or not stat.S_ISDIR(_mode(self.root / path)):
            return
        is_first = True
        for entry in self._below(path, matched):
            if is_first:
                yield Folder(path)
                is_first = False
            yield entry


def _ignore_file(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_IGNORE_FILE)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(path, error) from None


def _names(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        raise unreadable(folder, error) from None


def _mode(path: Path) -> int:
    """The mode of what is at a path, 0 if nothing is."""
    try:
        return path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        raise unreadable(path, error) from None
