"""What the sandbox's results say to people."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tidemill.commands import _text
from tidemill.commands._parts import Grid, Part, Typed
from tidemill.commands._results import StatusReport
from tidemill.words.shas import short
from tidemill_sandbox.commands._results import Counted, Result, Served, Told

_THERE = """\
  app.git, cfg-app.git   the two repositories, the journal in the second
  app, cfg-app           the people's clones of them
  images                 an OCI layout for each service
  announcements          what was announced"""


def _tidemill() -> str:
    """What `tidemill` is typed as here, where the environment need not be in PATH."""
    beside = Path(sys.executable).with_name("tidemill")
    return "tidemill" if shutil.which("tidemill") else os.path.relpath(beside)


def _waves(report: StatusReport) -> Iterator[Part]:
    """What each wave has, in a line."""
    waves = report.status.waves
    width = max(len(wave.name) for wave in waves)
    for wave in waves:
        sets = ", ".join(f"{one.set} {short(one.app_sha)} {one.state}" for one in wave.sets)
        yield f"  {wave.name:<{width}}  {sets}"


def _counted(found: Mapping[str, Any]) -> Iterator[Part]:
    """What there was, in two tables."""
    repositories = found["repositories"]
    yield Grid(
        ("repository", "runs", "that cost nothing", "jobs", "job-minutes"),
        [
            (name, *map(str, (one["runs"], one["runs_that_cost_nothing"], one["jobs"],
                              one["job_minutes"])))
            for name, one in repositories.items()
        ],
    )  # fmt: skip
    calls = {name: one["calls"] for name, one in repositories.items()}
    calls["(none)"] = found["calls_of_none"]
    yield Grid(
        ("calls to", "by", "call", "times"),
        [
            (name, login or "nobody", kind, str(times))
            for name, logins in calls.items()
            for login, kinds in logins.items()
            for kind, times in kinds.items()
        ],
    )


def text(result: Result) -> Iterator[Part]:
    """A result in words."""
    match result:
        case Told(folder, seconds, status, chapters, is_whole):
            cfg = folder / "cfg-app.git"
            yield ""
            for one in chapters:
                yield f"✓ {one.number}. {one.title}"
            if is_whole:
                yield "\nThe state of every wave, as `tidemill status` shows it:\n"
                yield from _text.text(status)
            else:
                yield f"The state of every wave, on main at {status.status.main}:"
                yield from _waves(status)
            count = sum(one.checked for one in chapters)
            yield f"Everything held, in {seconds:.0f} s: {count} checks. It is all in {folder}:"
            yield _THERE
            yield "Look around:"
            yield Typed(f"{_tidemill()} status --repo {cfg}", indent=2)
            yield Typed(f"git -C {cfg} log --oneline main", indent=2)
            yield Typed(f"git -C {cfg} log refs/tidemill/journal", indent=2)
        case Counted(found):
            yield from _counted(found)
        case Served():
            return
