"""The loop on the shipped workflow files of both repositories, through act.

Both ways to push and both ways to check are there; what the examples do, a push with GITHUB_TOKEN
and a check in the same job, is followed by contract/test_tutorial.py.
"""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest
from tests.sandbox.runner_world import ROOT, failed, node, shared_tools

from tidemill_sandbox.demo.narrator import Narrator
from tidemill_sandbox.workflow_story import EDITS, Story
from tidemill_sandbox.world import Mode, Wishes, World

CALLER = ("cfg-app", ".github/workflows/tidemill.yml")
SETTING_UP = "Run Set up what entry points need"
SETUP = "      setup: make setup\n"


@pytest.mark.parametrize(("mode", "check"), [("github-token", "own-job"), ("app", "same-job")])
def test_a_commit_of_app_git_goes_to_production(
    tmp_path: Path, mode: Mode, check: str, capsys: pytest.CaptureFixture[str]
) -> None:
    node()
    edits = {**EDITS, CALLER: ((SETUP, f"{SETUP}      check: {check}\n"),)}
    wishes = Wishes(
        tmp_path / "to", ROOT, mode=mode, clusters=0.2, edits=edits, tools=shared_tools()
    )
    with World(wishes) as world:
        Story(world, Narrator()).a_commit_goes_to_production()
        assert not world.hub.deviations, world.hub.deviations
        assert not failed(world.hub)
        pushed = {event.cause.login for event in world.hub.events if event.name == "push"}
        bot = "github-actions[bot]" if mode == "github-token" else "acme-tidemill[bot]"
        assert pushed == {"ada", "grace", bot}
        jobs = {
            job.name.rpartition(" / ")[2]
            for run in world.hub.runs
            for job in run.jobs
            if run.repository == world.wishes.names[1] and job.conclusion != "skipped"
        }
        assert jobs - {"wake"} == ({"turn"} if check == "same-job" else {"turn", "check", "settle"})
        woken = [run for run in world.hub.runs if run.workflow.name == "tidemill-wake"]
        enabled = [job for run in world.hub.runs for job in run.jobs if job.name == "wake"]
        assert any(job.conclusion == "success" for job in enabled), "something soaked"
        assert woken[-1].workflow.state == "disabled_manually", "and nothing does any more"
        turns = [
            {step.name for step in job.steps}
            for run in world.hub.runs
            for job in run.jobs
            if job.name.endswith("turn") and job.conclusion != "skipped"
        ]
        prepared = [steps for steps in turns if SETTING_UP in steps]
        assert 0 < len(prepared) < len(turns), "a job that runs no entry point needs no setup"
        kept = [one for one in world.hub.artifacts if one.name == "page" and one.is_final]
        assert kept, "runs that changed something keep the page"
        newest = max(kept, key=lambda one: one.id)
        with ZipFile(newest.path) as archive:
            assert b"production" in archive.read("index.html")
        written = set()
        for run in world.hub.runs:
            for job in run.jobs:
                log = job.log.read_text() if job.log is not None and job.log.is_file() else ""
                assert "no page: " not in log, "it could not be written"
                written |= {run.id} if "The page is in" in log else set()
        assert written == {one.run_id for one in kept}, "what a run has written is kept"
        started = {run.event for run in world.hub.runs if run.actor == bot}
        if mode == "github-token":
            assert "push" not in started, "its GITHUB_TOKEN starts nothing by pushing"
        else:
            assert "push" in started
    assert "is in staging, internal, production" in capsys.readouterr().out
