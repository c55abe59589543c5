"""The folder that a command of the sandbox makes anew."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from tidemill.errors import Refused


def make_anew(folder: Path, mark: str, maker: str, needed: Iterable[Path]) -> None:
    """Make a folder, in place of the one that an earlier run has made.

    Args:
        mark: the file in it that says that such a run made it.
        maker: who made it, for the message: `demo`, `stand-in`.
        needed: folders that the command reads.

    Raises:
        Refused: something else made it, or something needed is in it, and would go.
    """
    if folder.exists() and not (folder / mark).exists():
        raise Refused(
            f"{folder} exists, and no {maker} made it",
            remedy="name a folder that does not exist, with --to",
        )
    for one in needed:
        if one.resolve().is_relative_to(folder.resolve()):
            raise Refused(
                f"{one} is in {folder}, which is made anew",
                remedy="name another folder with --to, or copy yours to another place",
            )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / mark).touch()
