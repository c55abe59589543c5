"""The build context: a folder without what its ignore file names, the same from any checkout.

A file is executable or not, by its owner's bit; everything belongs to root. The umask, the user and
the time of a checkout do not get into an image.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tidemill.errors import Refused
from tidemill.images import tar_stream
from tidemill.images.build import Say
from tidemill.images.dockerfile import ignore as dockerfile_ignore
from tidemill.images.dockerfile.ignore import Ignore, Matched
from tidemill.images.entries import (
    Entry,
    File,
    Folder,
    Link,
    in_order,
)
from tidemill.images.files import changed, entry_of, unreadable
from tidemill.words.names import shown

IGNORE_FILE = ".dockerignore"
_LARGEST_IGNORE_FILE = 1 << 20
_WORTH_A_WORD = 200 * 10**6
_NOTHING = Ignore()


@dataclass(frozen=True)
class BuildContext:
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

    def entry(self, path: str) -> Entry | None:
        """What is at a path, without a slash at either end; None if nothing is, or it is left out.

        Raises:
            Refused: it can't be read, or is neither a file, a folder nor a symbolic link.
        """
        if not path:
            return Folder("")
        above: Matched = ()
        is_out = False
        parts = path.split("/")
        for count, _ in enumerate(parts, start=1):
            place = "/".join(parts[:count])
            is_out, above = self.ignore.leaves_out(place, above)
            if count < len(parts) and not stat.S_ISDIR(_mode(self.root / place)):
                return None
        mode = _mode(self.root / path)
        if not mode or (is_out and not stat.S_ISDIR(mode)):
            return None
        if is_out and next(self._below(path, above), None) is None:
            return None
        return entry_of(self.root / path, path)

    @property
    def what(self) -> str:
        """How to call it in an error."""
        return f"the build context {self.root}"

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted, but those that are left out."""
        paths = {
            name: f"{folder}/{name}" if folder else name for name in _names(self.root / folder)
        }
        return [name for name, path in paths.items() if self.entry(path) is not None]

    def followed(self, path: str) -> str:
        """The path itself; raise `Refused` if it leads through a link."""
        parts = path.split("/")
        for count, _ in enumerate(parts, start=1):
            place = "/".join(parts[:count])
            if isinstance(self.entry(place), Link):
                raise Refused(
                    f"{shown(path)} leads through the symbolic link {shown(place)}",
                    remedy="name the file that the link leads to, by its path in the build context",
                )
        return path

    def file_of(self, path: str) -> object:
        """None: each path is a file of its own."""
        return None

    def below(self, folder: str = "") -> Iterator[Entry]:
        """Everything below a folder, each folder before what is in it; of all for the empty path.

        Raises:
            Refused: as `entry` does.
        """
        above: Matched = ()
        parts = folder.split("/") if folder else []
        for count, _ in enumerate(parts, start=1):
            above = self.ignore.leaves_out("/".join(parts[:count]), above)[1]
        return self._below(folder, above)

    def _below(self, folder: str, above: Matched) -> Iterator[Entry]:
        for name in _names(self.root / folder):
            path = f"{folder}/{name}" if folder else name
            is_out, matched = self.ignore.leaves_out(path, above)
            if is_out:
                yield from self._kept_below(path, matched)
                continue
            entry = entry_of(self.root / path, path)
            yield entry
            if isinstance(entry, Folder):
                yield from self._below(path, matched)

    def _kept_below(self, path: str, matched: Matched) -> Iterator[Entry]:
        """What is kept of a folder that is left out, and then the folder too."""
        if not self.ignore.may_keep_below(path) or not stat.S_ISDIR(_mode(self.root / path)):
            return
        is_first = True
        for entry in self._below(path, matched):
            if is_first:
                yield Folder(path)
                is_first = False
            yield entry


def entries(context: BuildContext, say: Say = lambda _: None) -> list[Entry]:
    """The context's canonical form: all that is in it, in order.

    Args:
        say: is told if the context is large.
    """
    found = in_order(context.below())
    sizes = [entry.size for entry in found if isinstance(entry, File)]
    if sum(sizes) > _WORTH_A_WORD:
        say(
            f"context: {sum(sizes) / 1e9:.1f} GB, {len(sizes):,} files; "
            f"a {IGNORE_FILE} would make it smaller"
        )
    return found


def tar(
    context: BuildContext, file: Path, say: Say = lambda _: None
) -> tuple[str, Iterator[bytes]]:
    """The context and its Dockerfile as one archive, for an engine.

    A Dockerfile that is not in the context, or is left out of it, gets a name that nothing has, and
    a line in the ignore file of the archive, so that an engine takes it out again once it has read
    it; as `docker build --file` does.

    Returns:
        The Dockerfile's path in the archive, and the archive's bytes.
    """
    found = entries(context, say)
    by_path = {entry.path: entry for entry in found}
    inside = _inside(context.root, file)
    if inside in by_path:
        return inside, tar_stream.stream(found)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise unreadable(file, error) from None
    name = f".dockerfile-{hashlib.sha256(data).hexdigest()}"
    while name in by_path:
        name += "-"
    ignored = f"{name}\n"
    there = by_path.pop(IGNORE_FILE, None)
    if isinstance(there, File):
        with there.open() as source:
            ignored = f"{source.read().decode(errors='replace')}\n{ignored}"
    else:
        ignored += f"{IGNORE_FILE}\n"
    extra = [_text(name, data), _text(IGNORE_FILE, ignored.encode())]
    return name, tar_stream.stream(in_order([*by_path.values(), *extra]))


def lay_out(context: BuildContext, folder: Path, say: Say = lambda _: None) -> None:
    """Copy the context's canonical form into a folder, which is made, for an engine.

    Modes are set whatever the umask is, and times are those of the canonical form.
    """
    folder.mkdir()
    folder.chmod(0o755)
    for entry in (found := entries(context, say)):
        path = folder / entry.path
        if isinstance(entry, File):
            _copy(entry, path)
        elif isinstance(entry, Folder):
            path.mkdir()
            path.chmod(entry.attributes.mode)
        elif isinstance(entry, Link):
            path.symlink_to(entry.target)
    for entry in reversed(found):
        os.utime(folder / entry.path, (tar_stream.TIME, tar_stream.TIME), follow_symlinks=False)


def _copy(entry: File, path: Path) -> None:
    left = entry.size
    with entry.open() as source, path.open("xb") as file:
        while piece := source.read(tar_stream.READ):
            left -= file.write(piece)
    path.chmod(entry.attributes.mode)
    if left:
        raise changed(path)


def _inside(root: Path, file: Path) -> str:
    """The path of a file in a folder; empty if it is not in it."""
    try:
        return file.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return ""


def _text(path: str, data: bytes) -> File:
    return File(path, len(data), partial(io.BytesIO, data))


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
