"""A folder for one run's temporary files: in memory where there is room, gone when the run ends.

A run that was killed leaves its folder behind; the next one removes it. A lock on a file in
the folder, which ends with its process, tells the living from the dead.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tidemill.clients.machine.enclosure import remove_for_good
from tidemill.clients.machine.removing import open_up
from tidemill.errors import Refused
from tidemill.words.names import shown_path

_MEMORY = Path("/dev/shm")  # noqa: S108 - the memory file system of Linux, and each folder in it is private
_PREFIX = "tidemill-"
_NEW = ".tidemill-new-"  # not locked yet
_GOING = ".tidemill-going-"  # whoever had the lock is done with it, or dead
_LONG = 3600.0
_LOCK = "lock"
_ROOM = 1024**3
_LEAST = 64 * 1024  # bytes; with fewer a disk is full


@contextmanager
def scratch(*, large: bool = False) -> Iterator[Path]:
    """A new private folder, removed at the end; on a disk if it is to hold much (`large`).

    It gets the name that is swept only once it is locked, so no other run takes it for dead.

    Raises:
        Refused: there can be none.
    """
    parent = _parent(large)
    _sweep(parent)
    try:
        new = Path(tempfile.mkdtemp(prefix=f"{_NEW}{os.getuid()}-", dir=parent))
    except OSError as error:
        raise _none(parent, error) from None
    folder = parent / f"{_PREFIX}{new.name.removeprefix(_NEW)}"
    with ExitStack() as stack:
        stack.callback(_removed, new)
        try:
            lock = stack.enter_context((new / _LOCK).open("w"))
        except OSError as error:
            raise _none(parent, error) from None
        stack.callback(_removed, folder)
        fcntl.flock(lock, fcntl.LOCK_EX)
        new.rename(folder)
        yield folder


def _none(parent: Path, error: OSError) -> Refused:
    return Refused(
        f"there can be no temporary folder in {shown_path(parent)}: {error.strerror}",
        remedy="let TIDEMILL_TMPDIR name a folder that is there, and has room",
    )


def _parent(large: bool) -> Path:
    if os.environ.get("TIDEMILL_TMPDIR"):
        return Path(os.environ["TIDEMILL_TMPDIR"]).resolve()
    try:
        if not large and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ROOM:
            return _MEMORY
    except OSError:
        pass
    return Path(tempfile.gettempdir()).resolve()


def require_room(folder: Path) -> None:
    """Raise the error of a full disk if the one that `folder` is on is full: programs that
    ran out of room there say it in words of their own.

    Raises:
        OSError: it is full.
    """
    with suppress(FileNotFoundError):
        found = os.statvfs(folder)
        if found.f_bavail * found.f_frsize < _LEAST or (found.f_files and not found.f_favail):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _removed(folder: Path) -> None:
    """Remove it, also where this is interrupted.

    If this is killed, the lock may be gone. So it goes by a name that needs none.
    """
    if folder.name.startswith(_PREFIX):
        going = folder.with_name(f"{_GOING}{folder.name.removeprefix(_PREFIX)}")
        with suppress(OSError):
            folder = folder.rename(going)
    try:
        with suppress(OSError):
            open_up(folder)
        shutil.rmtree(folder, ignore_errors=True)
        remove_for_good(folder)
    except (KeyboardInterrupt, SystemExit):
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _sweep(parent: Path) -> None:
    for left in parent.glob(f"{_PREFIX}{os.getuid()}-*"):
        try:
            # Anybody may write to the place of all temporary files: only our own folders count.
            if left.is_symlink() or left.stat().st_uid != os.getuid():
                continue
            with os.fdopen(os.open(left / _LOCK, os.O_RDWR | os.O_NOFOLLOW), "r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _removed(left)
        except OSError:
            continue
    for left in (*parent.glob(f"{_GOING}{os.getuid()}-*"), *parent.glob(f"{_NEW}{os.getuid()}-*")):
        with suppress(OSError):
            found = left.lstat()
            over = left.name.startswith(_GOING) or time.time() - found.st_mtime > _LONG
            if over and found.st_uid == os.getuid():
                _removed(left)
