"""A folder for one run's temporary files: in memory where there is room, gone when the run ends.

A run that was killed leaves its folder behind; the next one removes it. A lock on a file in
the folder, which ends with its process, tells the living from the dead.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - the memory file system of Linux, and each folder in it is private
_PREFIX = "tidemill-"
_LOCK = "lock"
_ROOM = 1024**3


@contextmanager
def scratch() -> Iterator[Path]:
    """A new private folder, removed at the end."""
    parent = _parent()
    _sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getuid()}-", dir=parent))
    lock = (folder / _LOCK).open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def _parent() -> Path:
    if os.environ.get("TIDEMILL_TMPDIR"):
        return Path(os.environ["TIDEMILL_TMPDIR"])
    try:
        if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ROOM:
            return _MEMORY
    except OSError:
        pass
    return Path(tempfile.gettempdir())


def _sweep(parent: Path) -> None:
    for left in parent.glob(f"{_PREFIX}{os.getuid()}-*"):
        try:
            with (left / _LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
        except OSError:
            continue
