"""What carries a run's jobs out: processes of act, at most so many at once on this machine."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidemill_sandbox.runner import chain, job_permissions
from tidemill_sandbox.runner.acting import Act, Task
from tidemill_sandbox.runner.chain import Level, Result
from tidemill_sandbox.runner.job_logs import JobLog
from tidemill_sandbox.runner.shelf import Shelf
from tidemill_sandbox.state.hub import Hub
from tidemill_sandbox.state.shapes import BOT, Job, Repository, Run


@dataclass(frozen=True)
class Machines:
    """What all runs share.

    Attributes:
        folder: where runs work; each job has a folder of its own there, removed when it ends.
        free: how many jobs may run at once.
        keep: whether folders stay, to look at.
        env: what jobs find in their environment besides.
        tools: the tool cache, which all jobs share; by default it is in `folder`.
    """

    hub: Hub
    shelf: Shelf
    folder: Path
    free: threading.Semaphore
    env: Mapping[str, str]
    keep: bool = False
    tools: Path | None = None


@dataclass(frozen=True)
class Trigger:
    """What a run was started with: the event's payload, its ref and its commit.

    Attributes:
        file_ref: where the workflow file is from, and `file_sha`: another place, where an event is
            about a commit that is not the default branch's.
    """

    payload: Mapping[str, Any]
    ref: str
    sha: str
    file_ref: str
    file_sha: str


class Workshop:
    """The hands of one run."""

    def __init__(
        self, machines: Machines, run: Run, repository: Repository, trigger: Trigger
    ) -> None:
        self._m, self._run, self._repository = machines, run, repository
        self._trigger = trigger
        self._folder = machines.folder / str(run.id)
        self._count = 0
        self._lock = threading.Lock()
        self._going: set[Act] = set()
        self._is_over = False

    def ask(
        self, make: Callable[[Mapping[str, str]], list[dict[str, Any]]], texts: Mapping[str, str]
    ) -> tuple[dict[str, str], Result | None]:
        """Have act evaluate texts, by name; with the report on the job that was asked in."""
        folder = self._own("asked")
        files = {name: str(folder / f"{number}.txt") for number, name in enumerate(texts)}
        files["report"] = str(folder / "report.json")
        self._act(folder, make(files), {}, self._secrets(""), {}, None)
        answers = {name: _said(Path(files[name])) for name in texts if Path(files[name]).is_file()}
        result = _result(Path(files["report"]))
        self._clear(folder)
        return answers, result

    def do(self, job: Job, levels: Sequence[Level], granted: Mapping[str, Any]) -> Result:
        """Run a job with steps: its token lives as long as it."""
        hub, folder = self._m.hub, self._own(str(job.id))
        report = folder / "report.json"
        last = levels[-1]
        local = self._m.shelf.needed(last.file.jobs[last.job]["steps"], last.file.place)
        log = JobLog(job)
        token = hub.tokens.mint(
            "workflow",
            login=BOT,
            repositories=[self._run.repository],
            permissions=job_permissions.for_token(granted),
            run_id=self._run.id,
        )
        env = {
            "ACTIONS_RUNTIME_TOKEN": hub.tokens.runtime(self._run.id, job.id),
            "ACTIONS_RESULTS_URL": hub.results_url,
        }
        try:
            with self._m.free:
                if self._is_over:
                    return Result("cancelled")
                hub.update_job(self._run, job, "in_progress")
                documents = chain.of_job(levels, str(report))
                self._act(folder, documents, env, self._secrets(token), local, log)
            result = _result(report) or Result("failure")
            if result.result == "skipped":
                job.steps.clear()
            return result
        finally:
            hub.tokens.revoke(token)
            log.close()
            self._clear(folder)

    def kill(self) -> None:
        """End all that runs, and start nothing more."""
        with self._lock:
            self._is_over = True
            going = list(self._going)
        for act in going:
            act.kill()

    def close(self) -> None:
        """The run has ended."""
        if not self._m.keep:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _act(
        self,
        folder: Path,
        documents: list[dict[str, Any]],
        env: Mapping[str, str],
        secrets: Mapping[str, str],
        local: Mapping[str, Path],
        log: JobLog | None,
    ) -> None:
        payload, run = self._trigger.payload, self._run
        task = Task(folder / "act", documents, run.event, payload, run.actor,
                    {**self._context(), **self._m.env, **env}, secrets,
                    self._repository.variables, local,
                    self._m.tools or self._m.folder / "tools")  # fmt: skip
        with self._lock:
            if self._is_over:
                return
            act = Act(task)
            self._going.add(act)
        try:
            # Stubs, reports and what act says before it begins are not the job's.
            name = folder.name if log is None else _job_of(documents)
            for said in act.log():
                if log is not None and said.get("jobID") == name:
                    log.hear(said, self._m.hub.now())
                elif log is not None and _is_complaint(said):
                    log.line(str(said["msg"]), self._m.hub.now())
        finally:
            with self._lock:
                self._going.discard(act)

    def _context(self) -> dict[str, str]:
        """GitHub's variables that act takes from its environment."""
        hub, run, repository, trigger = self._m.hub, self._run, self._repository, self._trigger
        return {
            "GITHUB_API_URL": hub.api_url,
            "GITHUB_SERVER_URL": hub.url,
            "GITHUB_GRAPHQL_URL": f"{hub.url}/api/graphql",
            "GITHUB_REPOSITORY": run.repository,
            "GITHUB_REPOSITORY_ID": str(repository.id),
            "GITHUB_REPOSITORY_OWNER_ID": str(hub.account(repository.owner).id),
            "GITHUB_ACTOR_ID": str(hub.account(run.actor).id),
            "GITHUB_TRIGGERING_ACTOR": run.rerun_by or run.actor,
            "GITHUB_REF": trigger.ref,
            "SHA_REF": trigger.sha,
            "GITHUB_RUN_ID": str(run.id),
            "GITHUB_RUN_NUMBER": str(run.number),
            "GITHUB_RUN_ATTEMPT": str(run.attempt),
            "GITHUB_WORKFLOW_REF": f"{run.repository}/{run.workflow.path}@{trigger.file_ref}",
            "GITHUB_WORKFLOW_SHA": trigger.file_sha,
            "RUNNER_NAME": "sandbox",
            "RUNNER_ENVIRONMENT": "github-hosted",
        }

    def _secrets(self, token: str) -> dict[str, str]:
        return {**self._repository.secrets, "GITHUB_TOKEN": token}

    def _own(self, name: str) -> Path:
        with self._lock:
            self._count += 1
            folder = self._folder / f"{self._count}-{name}"
        folder.mkdir(parents=True)
        return folder

    def _clear(self, folder: Path) -> None:
        if not self._m.keep:
            shutil.rmtree(folder, ignore_errors=True)


def contexts(run: Run, repository: Repository, hub: Hub) -> dict[str, str]:
    """What act's `github` context lacks, for `chain.File.literals`."""
    return {
        "github.repository_id": str(repository.id),
        "github.repository_owner_id": str(hub.account(repository.owner).id),
        "github.actor_id": str(hub.account(run.actor).id),
        "github.triggering_actor": run.rerun_by or run.actor,
        "github.graphql_url": f"{hub.url}/api/graphql",
    }


def _is_complaint(said: Mapping[str, Any]) -> bool:
    """Whether act itself says something of the whole; that a stub has failed is no news."""
    text = str(said.get("msg", ""))
    return (
        "jobID" not in said
        and said.get("level") != "warning"
        and not (text.startswith("Error: Job '") and text.rstrip().endswith("' failed"))
    )


def _job_of(documents: Sequence[Mapping[str, Any]]) -> str:
    """The one job that is no stub: the one before the report."""
    names: list[str] = list(documents[-1]["jobs"])
    return names[-2]


def _said(file: Path) -> str:
    """A text that act has evaluated; it writes scripts with a line's end before and behind."""
    return file.read_text(encoding="utf-8").removeprefix("\n").removesuffix("\n")


def _result(report: Path) -> Result | None:
    try:
        found = json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if found["result"] == "skipped":
        return Result("skipped")  # act gives the expressions of its outputs, as they are written
    outputs = {name: str(value) for name, value in (found.get("outputs") or {}).items()}
    return Result(str(found["result"]), outputs)
