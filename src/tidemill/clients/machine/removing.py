"""Removing what other programs left, whatever modes they gave it."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path


def remove(path: Path) -> None:
    """Remove a file, a link, or a folder with all that is in it; nothing if nothing is there."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        open_up(path)
        shutil.rmtree(path)


def open_up(folder: Path) -> None:
    """Make a folder and those in it such that their owner may empty them.

    Go's module cache, for one, is left without the right to write.
    """
    _allow(folder)
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            if not Path(parent, name).is_symlink():
                _allow(Path(parent, name))


def _allow(folder: Path) -> None:
    mode = folder.stat().st_mode
    if mode & stat.S_IRWXU != stat.S_IRWXU:
        folder.chmod(mode | stat.S_IRWXU)
