"""The compile step of app.git, as a process that sees as little of the machine as it can."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tidemill.app.settings import Compile
from tidemill.clients import processes
from tidemill.errors import EntryPointFailed

# What the result must not depend on, set to one value everywhere.
FIXED = {
    "LC_ALL": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "SOURCE_DATE_EPOCH": "0",
    "TZ": "UTC",
}
_KEPT = ("HOME", "TMPDIR")


def compile_services(checkout: Path, step: Compile) -> None:
    """Run the step in the checkout, with its time limit.

    Commands are looked for beside the Python that runs Tidemill first, so `python3` is that one,
    with the packages that are installed for it.

    Raises:
        EntryPointFailed: it exited with something else than 0, or can't be started.
        TimeLimit: it took too long, and was ended with all that it started.
    """
    wanted = {name: os.environ[name] for name in step.environment if name in os.environ}
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    env = kept | FIXED | {"PATH": path} | wanted
    try:
        ended = processes.run(step.words, cwd=checkout, env=env, seconds=step.limit.total_seconds())
    except OSError as error:
        raise _failed(f"can't be started: {error.strerror}", "") from None
    if ended.code:
        raise _failed(f"`{step.command}` exited with {ended.code}", ended.output)


def _failed(how: str, output: str) -> EntryPointFailed:
    said = f"\n{output}" if output else ""
    return EntryPointFailed(
        f"the compile step {how}{said}",
        remedy="run it by hand in the checkout, and mend it or [compile] in tidemill.toml",
    )
