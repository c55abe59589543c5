"""The compile step of app.git, as a process that sees as little of the machine as it can."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

from tidemill.building.settings import Compile
from tidemill.clients.machine import processes
from tidemill.clients.machine.environment import path, variable
from tidemill.errors import EntryPointFailed
from tidemill.images.tar_stream import TIME

# What the result must not depend on, set to one value everywhere.
FIXED = {
    "LC_ALL": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "SOURCE_DATE_EPOCH": str(TIME),
    "TZ": "UTC",
}
_KEPT = ("HOME", "TMPDIR")


class Environment(Struct, frozen=True):
    """What the result must not depend on, where it is meant to be other than usual.

    Args:
        umask: of all processes; the caller's if None.
        variables: over `FIXED`.
        empty: a folder for caches, made anew; None: the caller's own are used.
        away: whether HOME and TMPDIR are made anew there, too.
    """

    umask: int | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    empty: Path | None = None
    away: bool = False


USUAL = Environment()


def compile_services(checkout: Path, step: Compile, environment: Environment = USUAL) -> None:
    """Run the step in the checkout, with its time limit.

    Commands are looked for in `tidemill.clients.machine.environment.path`.

    Raises:
        EntryPointFailed: it exited with something else than 0, or can't be started.
        TimeLimit: it took too long, and was ended with all that it started.
    """
    wanted = {name: value for name in step.environment if (value := variable(name)) is not None}
    kept = _kept(step, environment)
    env = FIXED | {"PATH": path()} | wanted | kept | dict(environment.variables)
    seconds = step.limit.total_seconds()
    umask = -1 if environment.umask is None else environment.umask
    try:
        ended = processes.run(step.words, cwd=checkout, env=env, seconds=seconds, umask=umask)
    except OSError as error:
        raise _failed(f"`{step.command}` can't be started: {error.strerror}", "") from None
    if ended.code:
        raise _failed(f"`{step.command}` exited with {ended.code}", ended.output)


def _kept(step: Compile, environment: Environment) -> dict[str, str]:
    """The folders of the caller's, or empty ones in their place."""
    names = (*_KEPT, *step.caches)
    kept = {name: value for name in names if (value := variable(name)) is not None}
    if environment.empty is None:
        return kept
    away = (*_KEPT, "XDG_CACHE_HOME") if environment.away else ()
    folders = {name: environment.empty / name.lower() for name in (*away, *step.caches)}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    return kept | {name: str(folder) for name, folder in folders.items()}


def _failed(how: str, output: str) -> EntryPointFailed:
    said = f"\n{output}" if output else ""
    return EntryPointFailed(
        f"the compile step {how}{said}",
        remedy="run it by hand in the checkout, and mend it or [compile] in tidemill.toml",
    )
