"""Variables of this process's environment, and which of them what it starts gets to see."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from tidemill.errors import Refused

_UTF8 = "utf-8"
_SYSTEM_PATH = "/usr/bin:/bin"
# By these, a program in Python, bash, Perl, Ruby or Node runs a file that nobody named to it.
_RUNS_FILES = re.compile(
    r"(PYTHON|BASH_|PERL5|RUBY).*|ENV|SHELLOPTS|BASHOPTS|NODE_(OPTIONS|PATH)", re.DOTALL
)

_caller: Mapping[str, str] = os.environ


def leave_the_checkout() -> None:
    """Let no program that this process starts run a file of the working directory or workspace.

    Git, a container engine, a helper that has a password: they are looked for in the folders of
    PATH that are outside of it, and get no variable by which they would run anything else. Commands
    of a repository are another matter: `path` and `variable` give them the caller's own.
    """
    global _caller  # noqa: PLW0603 - it is what this process was started with, once
    _caller = dict(os.environ)
    for name in filter(_RUNS_FILES.fullmatch, _caller):
        del os.environ[name]
    os.environ["PATH"] = outside(_caller.get("PATH", ""), _caller.get("GITHUB_WORKSPACE"))


def outside(folders: str, workspace: str | None) -> str:
    """Of a PATH the folders that are no checkout's: none is relative or in the workspace."""
    within = os.path.realpath(workspace) if workspace else None
    kept = [
        folder
        for folder in map(Path, folders.split(os.pathsep))
        if folder.is_absolute() and not (within and folder.resolve().is_relative_to(within))
    ]
    return os.pathsep.join(map(str, kept)) or _SYSTEM_PATH


def caller() -> Mapping[str, str]:
    """The whole environment that this process was started with."""
    return _caller


def variable(name: str) -> str | None:
    """The value that this process's caller gave a variable; None if it is not set."""
    return _caller.get(name)


def path() -> str:
    """PATH for commands of a repository, with Tidemill's own environment first, if it has one.

    So `python3` has the packages that are installed beside Tidemill. An action has packages for
    itself alone, and no environment: there PATH is what earlier steps of the job have made it.
    """
    given = _caller.get("PATH", os.defpath)
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
