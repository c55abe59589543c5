"""What a schedule starts where nothing has happened: the real gitops.yml, run by act."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sandbox.loop_world import Loop, announced, loop
from tests.sandbox.runner_world import ROOT, log

NOTE = "refs/tidemill/rest"
IDLE = "Nothing has changed since"


class Idle(Loop):
    """A loop in which everything is deployed; its runner has the packages that a run installs."""

    def scheduled(self) -> str:
        """What the run has printed that the schedule starts."""
        self.tick()
        run = self.hub.runs[-1]
        assert (run.event, run.conclusion) == ("schedule", "success")
        return log(run, "gitops / turn")

    @property
    def packages(self) -> Path:
        return self.mill.folder / "runs" / "tools"

    @property
    def note(self) -> str | None:
        return self.refs(NOTE).get(NOTE)


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Idle]:
    given = f"same-job, setup: 'date >> {tmp_path}/set-up'"
    with loop(tmp_path, check=given, checkout=ROOT) as shop:  # with a tool cache of its own
        shop.announce(announced("app", 1))
        shop.settle()
        shop.mill.dispatch("target-deployed", {
            "version": 1, "wave": "lab", "target": "l1", "revision": shop.git("rev-parse", "main"),
            "phase": "Succeeded", "health": "Healthy",
            "finished_at": shop.hub.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        })  # fmt: skip
        shop.rest()
        shop.__class__ = Idle
        yield shop  # type: ignore[misc]


def test_second_one_ends_before_anything_is_installed(idle: Idle, tmp_path: Path) -> None:
    set_up = (tmp_path / "set-up").read_text()
    first = idle.scheduled()
    assert IDLE not in first
    assert idle.note, "the first one has looked"
    for one in idle.packages.iterdir():
        shutil.rmtree(one)
    resting, before = idle.refs(), len(idle.hub.calls)
    second = idle.scheduled()
    assert IDLE in second
    assert list(idle.packages.iterdir()) == []
    assert (tmp_path / "set-up").read_text() == set_up
    assert idle.refs() == resting
    assert [
        one.path for one in idle.hub.calls[before:] if (one.login or "").endswith("[bot]")
    ] == []
    idle.mill.clone.git("pull", "-q", "--rebase", "origin", "main")
    idle.mill.push("Say whom to ask")
    third = idle.scheduled()
    assert IDLE not in third
    assert list(idle.packages.iterdir()), "who looks needs them"
