"""Where commands of a repository run that must not find a token, or change what runs after them.

They are code that somebody proposed. As the same user they could read the environment of this
process, or write into the files by which a workflow's steps speak to each other. So in any CI,
where this process has a token, and where it is asked for, `tidemill.clients.machine.enclosed` runs
each as the user nobody. That takes root, or sudo without a password, which GitHub's own runners
have.
"""

from __future__ import annotations

import marshal
import os
import pwd
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tidemill.clients.machine.processes import KEPT_OUTPUT, Ended, end, too_slow
from tidemill.clients.machine.workflow import SECRETS
from tidemill.errors import EntryPointFailed, TidemillError
from tidemill.words.names import one_line, shown

if TYPE_CHECKING:
    from tidemill.clients.machine.enclosed import Plan

OWN_USER, SAME_USER = "own-user", "same-user"
_chosen: ContextVar[tuple[str, bool]] = ContextVar("chosen", default=("", False))
_SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# Files by which a workflow and its steps speak to each other: whoever writes them has the job.
_OF_THE_WORKFLOW = (
    "GITHUB_ENV",
    "GITHUB_EVENT_PATH",
    "GITHUB_OUTPUT",
    "GITHUB_PATH",
    "GITHUB_STATE",
    "GITHUB_STEP_SUMMARY",
)
# Azure Pipelines, TeamCity, CodeBuild and older Jenkins set no CI, but these.
_OF_A_CI = (
    "CI", "GITHUB_ACTIONS", "TF_BUILD", "TEAMCITY_VERSION", "CODEBUILD_BUILD_ID", "JENKINS_URL",
)  # fmt: skip
_OF_A_RUNNER = (".runner", ".credentials", "run.sh")  # what is in a runner's own folder
_HIDDEN = ("/root", "/home", "/run", "/var/run")
_GIB = 1024**3
_SCRATCH, _PROCESSES = 4 * _GIB, 8192  # more than any `make generate`, less than a machine
_NOT_TO_HIDE = {
    "/",
    "/usr",
    "/usr/local",
    "/opt",
    "/etc",
    "/var",
    "/srv",
    "/mnt",
    "/dev",
    "/proc",
    "/sys",
}
_TO_GIVE_BACK = 60.0
_HOUR = 3600.0
# Nothing of ours is imported, nothing of the environment counts, and root leaves no files behind.
_PYTHON = (sys.executable, "-I", "-S", "-B", "-X", "utf8")
_PROGRAM = str(Path(__file__).with_name("enclosed.py"))
_WHO_KNOWS_HOSTS = "/etc/resolv.conf"  # a link into /run, here and there


class NotEnclosed(TidemillError):
    """Commands can't be given a user of their own here."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the repository's own commands can't be given a user of their own here: {why}",
            remedy="run it on Linux as root, or with sudo that asks no password (in a container: "
            "with --privileged, or --cap-add SYS_ADMIN --security-opt apparmor=unconfined); "
            f"or give --entrypoints {SAME_USER} (input `entrypoints`, or "
            f"TIDEMILL_ENTRYPOINTS={SAME_USER}) if all who may propose a change may also have the "
            "tokens that are in reach here",
        )


@dataclass(frozen=True)  # not a struct: it is read where there are no packages
class Place:
    """Where a command runs, and what it may see besides the system.

    Attributes:
        folder: the work tree; it may change all that is in it.
        home: its home, likewise.
        objects: all folders of Git objects that the work tree borrows from.
    """

    folder: Path
    home: Path
    objects: Sequence[Path] = ()


@contextmanager
def chosen(user: str | None, *, has_token: bool = False) -> Iterator[None]:
    """Within this, commands run as the option --entrypoints says; None: it is not given.

    Args:
        has_token: whether this process was given a token otherwise than by its environment.
    """
    before = _chosen.set((user or "", has_token))
    try:
        yield
    finally:
        _chosen.reset(before)


def is_wanted() -> bool:
    """Whether commands get a user of their own.

    `--entrypoints` says so, or TIDEMILL_ENTRYPOINTS. Where neither does, they get one in any CI,
    which always has some token or login in reach, and where this process was given one.

    Raises:
        TidemillError: the variable says something else.
    """
    in_ci = any(os.environ.get(name, "").lower() not in ("", "0", "false") for name in _OF_A_CI)
    option, has_token = _chosen.get()
    has_token = has_token or any(map(os.environ.get, SECRETS))
    default = OWN_USER if in_ci or has_token else SAME_USER
    chosen = option or os.environ.get("TIDEMILL_ENTRYPOINTS") or default
    if chosen not in (OWN_USER, SAME_USER):
        raise TidemillError(
            f"TIDEMILL_ENTRYPOINTS is {shown(chosen)}", remedy=f"set {OWN_USER} or {SAME_USER}"
        )
    return chosen == OWN_USER


def run_enclosed(
    command: Sequence[str], place: Place, *, env: Mapping[str, str], seconds: float, name: str
) -> Ended:
    """Run a command to its end, as nobody; `env` is its whole environment.

    Raises:
        TimeLimit: it took longer than `seconds`, and was ended with all that it started.
        EntryPointFailed: it used more than it may, and was ended likewise.
        NotEnclosed: it was not run.
    """
    plan = marshal.dumps(dict(_plan(command, place, env)))
    with tempfile.TemporaryFile() as output:
        os.fchmod(output.fileno(), 0o666)  # nameless; scripts like to open /dev/stderr
        process = subprocess.Popen(
            [*_as_root(), *_PYTHON, _PROGRAM, str(len(plan))],
            cwd="/",
            env={"PATH": _SYSTEM_PATH},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        stdin, stderr = process.stdin, process.stderr
        assert stdin is not None  # noqa: S101 - the pipes that were just asked for
        assert stderr is not None  # noqa: S101
        said = b""
        with stderr:
            try:
                with suppress(BrokenPipeError):
                    stdin.write(plan)
                    stdin.flush()
                said, has_ended = _heard(stderr, seconds)
                if not has_ended:
                    raise too_slow(name, seconds)
            finally:
                with suppress(BrokenPipeError):
                    stdin.close()  # this ends the command, if it has not ended
                _heard(stderr, _TO_GIVE_BACK)
                end(process)
        output.seek(max(0, output.seek(0, os.SEEK_END) - KEPT_OUTPUT))
        printed = output.read().decode(errors="replace").strip()
        return Ended(_code(said.decode(errors="replace"), name), printed)


def _heard(stream: IO[bytes], seconds: float) -> tuple[bytes, bool]:
    """What comes from a pipe until it ends, or time is up; and whether it has ended."""
    poll, until, data = select.poll(), time.monotonic() + seconds, b""
    poll.register(stream, select.POLLIN)
    while True:
        left = max(0.0, until - time.monotonic())
        if poll.poll(min(left, _HOUR) * 1000):
            more = os.read(stream.fileno(), 1 << 16)
            if not more:
                return data, True
            data += more
        elif left <= _HOUR:
            return data, False


def remove_for_good(folder: Path) -> None:
    """Remove what is left in a folder because a run was killed while it was lent to nobody."""
    if not folder.exists() or os.geteuid() == 0:
        return
    with suppress(TidemillError, OSError, subprocess.SubprocessError):
        if is_wanted():
            subprocess.run(
                [*_as_root(), "rm", "-rf", "--one-file-system", "--", str(folder)],
                env={"PATH": _SYSTEM_PATH},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TO_GIVE_BACK,
                check=False,
            )


def _code(said: str, name: str) -> int:
    lines = said.splitlines()
    for line in lines:
        if line.startswith("limit "):
            raise _too_much(line.removeprefix("limit "), name)
    codes = [line.removeprefix("code ") for line in lines if line.startswith("code ")]
    if len(codes) != len(lines):  # the program's, sudo's, or Python's
        raise NotEnclosed(one_line(" | ".join(lines)[-300:]))
    if not codes:
        raise NotEnclosed("what runs them was killed")
    return int(codes[-1])


def _too_much(what: str, name: str) -> EntryPointFailed:
    """The error for a command that used more than it may."""
    scratch, processes = _scratch(), _processes()
    match what:
        case "written":
            return EntryPointFailed(
                f"{name} wrote more than {scratch / _GIB:g} GiB in its work tree, its home and "
                "its output, and was ended",
                remedy="let it write less, or set TIDEMILL_MOST_SCRATCH to more GiB than that",
            )
        case "processes":
            return EntryPointFailed(
                f"{name} had more than {processes} processes and threads at once, and was ended",
                remedy="let it start fewer, or set TIDEMILL_MOST_PROCESSES to more than that",
            )
        case folder:
            return EntryPointFailed(
                f"{name} failed, and {folder} was full: it is in memory, with a quarter of the "
                f"machine's, and {scratch / _GIB:g} GiB at most",
                remedy="let it write less there, or to the folder that TMPDIR names",
            )


def _scratch() -> int:
    """How many bytes a command may write."""
    return int(_number("TIDEMILL_MOST_SCRATCH", _SCRATCH / _GIB) * _GIB)


def _processes() -> int:
    return int(_number("TIDEMILL_MOST_PROCESSES", _PROCESSES))


def _number(name: str, default: float) -> float:
    given = os.environ.get(name)
    if not given:
        return default
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", given) and float(given) > 0:
        return float(given)
    raise TidemillError(f"{name} is {shown(given)}", remedy="set a number above 0, or leave it out")


def _as_root() -> list[str]:
    if sys.platform != "linux":
        raise NotEnclosed(f"this is {sys.platform}, not Linux")
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo", path=_SYSTEM_PATH)
    if sudo is None:
        raise NotEnclosed("this is not root, and there is no sudo")
    return [sudo, "-n", "--"]


def _plan(command: Sequence[str], place: Place, env: Mapping[str, str]) -> Plan:
    hidden = sorted({os.path.realpath(path) for path in _hidden()} - _NOT_TO_HIDE)
    needed = {*_programs(env.get("PATH", ""), set(hidden)), *map(str, place.objects)}
    needed.add(os.path.realpath(_WHO_KNOWS_HOSTS))
    writable = [os.path.realpath(place.folder), os.path.realpath(place.home)]
    readable = {one for path in needed for one in (path, os.path.realpath(path))}
    return {
        "command": list(command),
        "env": dict(env),
        "folder": writable[0],
        "writable": writable,
        "readable": sorted(
            path for path in readable - {*hidden, *writable, "/"} if os.access(path, os.F_OK)
        ),
        "hidden": [path for path in hidden if path not in writable],
        "owner": [os.getuid(), os.getgid()],
        "written": _scratch(),
        "processes": _processes(),
    }


def _hidden() -> Iterator[str]:
    """Homes, sockets of daemons, the workspace, and the folders of the runner."""
    yield from _HIDDEN
    with suppress(KeyError):
        yield pwd.getpwuid(os.getuid()).pw_dir
    for name in ("HOME", "GITHUB_WORKSPACE", "RUNNER_TEMP", "XDG_RUNTIME_DIR", "GNUPGHOME"):
        if os.environ.get(name):
            yield os.environ[name]
    for name in _OF_THE_WORKFLOW:
        if os.environ.get(name):
            yield str(Path(os.environ[name]).parent)
    if os.environ.get("RUNNER_TEMP"):
        work = Path(os.environ["RUNNER_TEMP"]).parent
        yield str(work)
        if any(os.access(work.parent / name, os.F_OK) for name in _OF_A_RUNNER):
            yield str(work.parent)
    for name in ("DOCKER_HOST", "CONTAINER_HOST", "BUILDKIT_HOST"):
        if os.environ.get(name, "").startswith("unix://"):
            yield os.environ[name].removeprefix("unix://")
    if os.environ.get("SSH_AUTH_SOCK"):
        yield os.environ["SSH_AUTH_SOCK"]


def _programs(path: str, hidden: set[str]) -> Iterator[str]:
    """What is needed of the folders in PATH, and our own Python: those above each `bin`."""
    yield from (sys.prefix, sys.base_prefix)
    for entry in path.split(os.pathsep):
        folder = Path(os.path.normpath(entry))
        if folder.is_absolute() and os.access(folder, os.X_OK):
            is_too_much = os.path.realpath(folder.parent) in {*hidden, *_NOT_TO_HIDE}
            yield str(folder if is_too_much else folder.parent)
