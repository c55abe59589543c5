"""A file of this machine as it comes into a layer: only its executable bit counts."""

from __future__ import annotations

import os
import stat
from functools import partial
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from tidemill.errors import Refused
from tidemill.images.entries import (
    EXECUTABLE,
    READABLE,
    Entry,
    File,
    Folder,
    Link,
    encoded,
    unmarked,
)
from tidemill.words.names import shown_path


class Unfit(Struct, frozen=True):
    """What can be in no image, at `path`; it stops nobody, unless it is copied into one."""

    path: str
    error: Refused


def fit(found: Entry | Unfit) -> Entry:
    """The entry itself; raise `Refused` if it is unfit."""
    if isinstance(found, Unfit):
        raise found.error
    return found


def entry_at(path: Path, name: str) -> Entry | Unfit:
    """The entry that a file, a folder or a link becomes; of a folder without what is in it.

    Unfit for an image is what is neither file, folder nor link, is not UTF-8, or has a name that a
    layer takes for a mark.

    Args:
        name: its path in the image, without a slash at either end.

    Raises:
        Refused: it can't be read.
    """
    try:
        encoded(unmarked(name))
    except Refused as error:
        return Unfit(name, error)
    try:
        found = path.lstat()
        target = str(path.readlink()) if stat.S_ISLNK(found.st_mode) else ""
    except FileNotFoundError:
        raise changed(path) from None
    except OSError as error:
        raise unreadable(path, error) from None
    if stat.S_ISDIR(found.st_mode):
        return Folder(name)
    if stat.S_ISLNK(found.st_mode):
        try:
            encoded(target)
        except Refused as error:
            return Unfit(name, error)
        return Link(name, target)
    if not stat.S_ISREG(found.st_mode):
        return Unfit(
            name,
            Refused(
                f"{shown_path(path)} is neither a file, a folder nor a symbolic link",
                remedy="leave it out of what is copied, or name it in the .dockerignore",
            ),
        )
    # Only the owner's bit: the others are up to the umask of whoever wrote the file.
    attributes = EXECUTABLE if found.st_mode & stat.S_IXUSR else READABLE
    return File(name, found.st_size, partial(_opened, path), attributes)


def changed(path: Path) -> Refused:
    """It is not any more what it was when it was looked at first."""
    return Refused(
        f"{shown_path(path)} changed or went away while it was read",
        remedy="let nothing write to it while images are built",
    )


def unreadable(path: Path, error: OSError) -> Refused:
    """The system does not let us read it."""
    return Refused(
        f"{shown_path(path)} can't be read: {error.strerror}",
        remedy="make it readable, or leave it out of what is copied",
    )


def _opened(path: Path) -> BinaryIO:
    """Open a file that is still one: it may have been replaced by a link since it was looked at."""
    try:
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb", buffering=0)
    except FileNotFoundError:
        raise changed(path) from None
    except OSError as error:
        raise unreadable(path, error) from None
