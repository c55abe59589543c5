"""Variables of this process's environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tidemill.errors import Refused

_UTF8 = "utf-8"


def variable(name: str) -> str | None:
    """The value of a variable; None if it is not set."""
    return os.environ.get(name)


def path() -> str:
    """PATH for commands of a repository, with Tidemill's own environment first, if it has one.

    So `python3` has the packages that are installed beside Tidemill. An action has packages for
    itself alone, and no environment: there PATH is what earlier steps of the job have made it.
    """
    given = os.environ.get("PATH", os.defpath)
    if sys.prefix == sys.base_prefix:
        return given
    return os.pathsep.join((str(Path(sys.executable).parent), given))


def turn_to_utf8() -> None:
    """Start this program anew where names of files are not UTF-8, so that they are.

    This happens once: names are UTF-8 in Python's UTF-8 mode, and its first -X utf8 counts.
    """
    if sys.getfilesystemencoding() != _UTF8 and sys.executable:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606


def expect_utf8() -> None:
    """Raise `Refused` where names of files are not UTF-8: in images, they would be other names."""
    found = sys.getfilesystemencoding()
    if found != _UTF8:
        raise Refused(
            f"names of files are {found} here, and not UTF-8, so images would have other files",
            remedy="set PYTHONUTF8=1, or LC_ALL to a locale with UTF-8, such as C.UTF-8",
        )
