"""From a commit of app.git to production, through the real workflow files, on the stand-in.

    python bench/loop.py [rounds]

The examples with three waves, one or two targets in each, and soaks of 3 seconds: how long after
the push to app.git main is moved to the last set of production. That takes in building, the soaks,
and the pauses of the story before it sends the schedule's event. And what a job of the loop takes
besides its turn, on a machine that has run Tidemill before: what GitHub's own machines add, such as
to install packages, is in docs/cost.md. It needs Node.js and npm, as `make sandbox` does.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from tidemill_sandbox.demo.narrator import Narrator
from tidemill_sandbox.workflow_story import EDITS, Story
from tidemill_sandbox.world import Wishes, World

ROOT = Path(__file__).resolve().parents[1]
TURNS = ("Run Loop", "Run Turn")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    whole: list[float] = []
    jobs: list[float] = []
    beyond: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        for number in range(rounds):
            folder = Path(name, str(number))
            wishes = Wishes(folder, ROOT, clusters=0.2, edits=EDITS, tools=Path(name, "tools"))
            with World(wishes) as world, Path(os.devnull).open("w") as nowhere:
                Story(world, Narrator(nowhere)).a_commit_goes_to_production()
                whole.append(to_production(world))
                for took, turn in turns(world):
                    jobs.append(took)
                    beyond.append(took - turn)
    print(
        f"{rounds} times, medians (fastest)\n"
        f"from the push to app.git to production  {shown(whole)}\n"
        f"a job with a turn                       {shown(jobs)}\n"
        f"  of that besides the turn              {shown(beyond)}"
    )


def to_production(world: World) -> float:
    """Seconds from the first push to app.git to the last one that moved cfg-app.git's main."""
    app, cfg = world.wishes.names
    pushes = [one for one in world.hub.events if one.name == "push"]
    begun = min(one.at for one in pushes if one.repository == app)
    moved = [one.at for one in pushes if one.repository == cfg and one.ref == "refs/heads/main"]
    return (max(moved) - begun).total_seconds()


def turns(world: World) -> Iterator[tuple[float, float]]:
    """Of each job that had a turn: its seconds, and those of the turn."""
    for run in world.hub.runs:
        for job in run.jobs:
            steps = [one for one in job.steps if one.name in TURNS and one.conclusion == "success"]
            if job.conclusion == "success" and steps:
                yield (
                    seconds(job.started_at, job.completed_at),
                    sum(seconds(one.started_at, one.completed_at) for one in steps),
                )


def seconds(begun: datetime | None, ended: datetime | None) -> float:
    assert begun is not None
    assert ended is not None
    return (ended - begun).total_seconds()


def shown(some: list[float]) -> str:
    return f"{statistics.median(some):6.1f} s ({min(some):.1f})"


if __name__ == "__main__":
    main()
