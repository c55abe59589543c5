"""The workflow that `tidemill init cfg` writes, whose form people fill in on the stand-in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.sandbox.loop_world import MAIN, REF, Loop, announced, loop
from tests.sandbox.runner_world import NAME, RIGHTS, ROOT

from tidemill_sandbox.clients import Rest
from tidemill_sandbox.state.shapes import Run

WORKFLOW = ROOT / "src/tidemill/adopting/files/cfg_workflow.yml"
_CALL = re.compile(r"tidemill/tidemill/\.github/workflows/gitops\.yml@\S+ .*")
_RUNS = f"/repos/{NAME}/actions/runs"


class Forms:
    """A shop in which 1 is deployed in lab, and waits for somebody who may let it into shop."""

    def __init__(self, found: Loop) -> None:
        self.loop, self.mill = found, found.mill
        text = WORKFLOW.read_text(encoding="utf-8").replace("[main, auto]", "[main]")
        found.mill.push("The workflow of init", tidemill=_CALL.sub(REF, text))
        found.settle()
        self.announced = announced("app", 1)
        self.sha: str = self.announced["sha"]
        found.announce(self.announced)
        found.settle()
        report = {"phase": "Succeeded", "health": "Healthy", "finished_at": "2026-01-05T10:00:00Z"}
        place = {"version": 1, "wave": "lab", "target": "l1", "revision": found.refs(MAIN)[MAIN]}
        found.mill.dispatch("target-deployed", {**place, **report})
        found.settle()
        assert (found.position("lab", "app"), found.position("shop", "app")) == (1, 0)

    def person(self, login: str) -> Rest:
        """Somebody who may write to the repository, as everybody here."""
        tokens = self.loop.hub.tokens
        token = tokens.mint("user", login=login, repositories=None, permissions=RIGHTS)
        return Rest(self.loop.hub.api_url, token)

    def filled_in(self, by: str, **inputs: str) -> Run:
        """Somebody fills in the form; the run, when nothing more happens by itself."""
        known = {run.id for run in self.loop.hub.runs}
        where = f"/repos/{NAME}/actions/workflows/tidemill.yml/dispatches"
        self.person(by)("POST", where, {"ref": "main", "inputs": inputs})
        self.loop.settle()
        found = [run for run in self.loop.hub.runs if run.event == "workflow_dispatch"]
        (run,) = [run for run in found if run.id not in known]
        return run

    def approves(self, by: str, **more: str) -> Run:
        """Somebody asks for 1 in shop."""
        return self.filled_in(by, operation="promote", wave="shop", sha=self.sha, **more)

    def runs_again(self, by: str, run: Run) -> None:
        """Somebody presses the button that repeats a run."""
        self.person(by)("POST", f"{_RUNS}/{run.id}/rerun")
        self.loop.settle()

    def reviews(self, by: str, run: Run, state: str) -> Any:
        """A reviewer says `approved` or `rejected` of all that a run waits for."""
        waiting = self.mill.rest("GET", f"{_RUNS}/{run.id}/pending_deployments")
        ids = [one["environment"]["id"] for one in waiting]
        body = {"environment_ids": ids, "state": state, "comment": "I have looked"}
        said = self.person(by)("POST", f"{_RUNS}/{run.id}/pending_deployments", body)
        self.loop.settle()
        return said

    @property
    def in_shop(self) -> int:
        """The position that main has in shop; 0: none."""
        return self.loop.position("shop", "app")

    def said(self, what: str) -> list[str]:
        """What the journal has of that kind, with its reasons."""
        entries = [one for record in self.loop.journal() for one in record["entries"]]
        return [str(one.get("reason", "")) for one in entries if one["what"] == what]

    def by(self) -> set[str]:
        """Who asked for what has landed in shop, as the journal has it."""
        entries = [one for record in self.loop.journal() for one in record["entries"]]
        mine = [one for one in entries if one.get("wave") == "shop" and one["what"] == "promoted"]
        return {str(one.get("by")) for one in mine}


@contextmanager
def forms(folder: Path, guarded: str) -> Iterator[Forms]:
    """Start it; `guarded` is what the settings say of shop besides."""
    shop = f'[[waves]]\nname = "shop"\ntargets = ["s1"]\napproval = true\n{guarded}\n'
    with loop(folder, waves=shop) as found:
        yield Forms(found)


def log_of(run: Run) -> str:
    """All that the jobs of a run have printed."""
    return "\n".join(job.log.read_text() for job in run.jobs if job.log and job.log.is_file())


def warnings(run: Run) -> str:
    """All that a run has put on its page."""
    return "\n".join(text for job in run.jobs for *_, text in job.annotations)
