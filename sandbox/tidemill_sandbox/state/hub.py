"""The state of the stand-in for GitHub, shared by its server and by what runs its workflows.

Repositories, logs and artifacts are files below one folder; everything else is in memory, under one
lock: hold `hub.lock` while you read or change what others may change. Events go through a queue to
the listeners, one after the other, from one thread; nobody holds the lock then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from tidemill_sandbox.state import git_reading
from tidemill_sandbox.state.artifacts import Artifacts
from tidemill_sandbox.state.limits import Limits
from tidemill_sandbox.state.memory import Memory
from tidemill_sandbox.state.rules import KINDS
from tidemill_sandbox.state.shapes import (
    ACTIONS_APP_ID,
    Access,
    App,
    CheckRun,
    Environment,
    Event,
    Gate,
    Installation,
    Job,
    Repository,
    Review,
    Ruleset,
    Run,
    Workflow,
)
from tidemill_sandbox.state.signing import Signer
from tidemill_sandbox.state.telling import Listener, Teller
from tidemill_sandbox.state.tokens import Tokens

Control = Callable[[Mapping[str, Any]], Any]
Dispatch = Callable[[Repository, str, str, Mapping[str, Any], "Event"], Run | None]


RUNNER = "stand-in"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}")


def is_repository_name(name: str) -> bool:
    """Whether a repository may be called so: `owner/name`, as GitHub takes it."""
    return bool(_NAME.fullmatch(name)) and not name.endswith((".git", "/.", "/.."))


class Unprocessable(Exception):
    """What a client asked for can't be done: a 422 with this message."""


class Hub(Memory):
    """Everything that the stand-in knows, and what changes it.

    Attributes:
        tokens, limits, signer, blobs: who may what; how often; addresses that open one thing; the
            service of artifacts.
        control: what `POST /_sandbox/NAME` does, by name: from the JSON of its body to the JSON of
            its answer. The runner adds its own.
        dispatch: set by the runner: starts `workflow_dispatch` (repository, path of the workflow
            file, ref, inputs, event); None: no run to report; raises Unprocessable.
    """

    def __init__(self, folder: Path, now: Callable[[], datetime] | None = None) -> None:
        super().__init__(folder, now)
        self.signer = Signer(self)
        self.tokens = Tokens(self)
        self.limits = Limits(self)
        self.blobs = Artifacts(self, self.signer, self.tokens)
        self.control: dict[str, Control] = {}
        self.dispatch: Dispatch | None = None
        self._teller = Teller(self.deviate)

    # --- accounts, repositories, Apps

    def create_repository(
        self,
        name: str,
        *,
        default_branch: str = "main",
        is_private: bool = False,
        default_permissions: Access = "read",
    ) -> Repository:
        """An empty bare repository `owner/name`; raises ValueError where that is no name."""
        if not is_repository_name(name):
            raise ValueError(f"not the name of a repository: {name!r}")
        path = self.folder / "repositories" / f"{name}.git"
        git_reading.create(path, default_branch)
        with self.lock:
            repository = Repository(
                self.new_id(),
                name,
                path,
                self.now(),
                default_branch,
                is_private,
                default_permissions,
            )
            self.account(repository.owner, "Organization")
            self.repositories[name.lower()] = repository
            return repository

    def add_ruleset(self, repository: Repository, name: str, include: tuple[str, ...],
                    rules: tuple[dict[str, Any], ...], **more: Any) -> Ruleset:  # fmt: skip
        """A ruleset of the repository; `more`: its other fields by name.

        Raises:
            ValueError: it has a rule that the stand-in does not hold.
        """
        if unknown := sorted({str(rule["type"]) for rule in rules} - KINDS):
            raise ValueError(f"the stand-in does not have the rule {', '.join(unknown)}")
        with self.lock:
            ruleset = Ruleset(self.new_id(), name, include, rules, **more)
            repository.rulesets.append(ruleset)
            return ruleset

    def register_app(
        self, slug: str, owner: str, permissions: Mapping[str, Access]
    ) -> tuple[App, str]:
        """A new App and its private key (PEM), which only its owner keeps."""
        private, public = self.tokens.key_pair()
        with self.lock:
            app_id = self.new_id()
            client = f"Iv23li{app_id:014d}"
            app = App(app_id, client, slug, owner, dict(permissions), public, self.now())
            self.apps[app_id] = app
            self.account(app.login, "Bot")
            return app, private

    def install_app(self, app: App, account: str, *repositories: str) -> Installation:
        """Install an App at an account: for these repositories (`owner/name`), else for all."""
        with self.lock:
            number = self.new_id()
            chosen = frozenset(name.lower() for name in repositories) or None
            self.installations[number] = Installation(number, app.id, account, chosen, self.now())
            return self.installations[number]

    def environment(self, repository: str, name: str, **more: Any) -> Environment:
        """An environment of a repository (`owner/name`), whatever the case of its name; made
        without any rule where it is new.

        Args:
            more: its other fields, which an administrator sets.
        """
        with self.lock:
            known = self.repositories[repository.lower()].environments
            if name.lower() not in known:
                known[name.lower()] = Environment(self.new_id(), name, self.now())
            found = known[name.lower()]
            for key, value in more.items():
                setattr(found, key, value)
            return found

    # --- runs

    def workflow(self, repository: Repository, path: str, name: str | None = None) -> Workflow:
        """The record of a workflow file; made where it is new, renamed where the name changed."""
        with self.lock:
            known = self.workflows.get((repository.name, path))
            if known is None:
                known = Workflow(self.new_id(), repository.name, path, name or path, self.now())
                self.workflows[repository.name, path] = known
            elif name:
                known.name = name
            return known

    def start_run(self, workflow: Workflow, event: Event, *, head_sha: str,
                  head_branch: str | None, title: str = "", chain: int = 0) -> Run:  # fmt: skip
        """A run that is queued; the runner changes it from here on, with `update_run`."""
        with self.lock:
            number = 1 + sum(run.workflow is workflow for run in self.runs)
            now = self.now()
            run = Run(self.new_id(), number, workflow.repository, workflow, event.name, head_sha,
                      head_branch, event.cause.login, title or workflow.name, now, now,
                      self.new_id(), chain=chain, trigger=event)  # fmt: skip
            run.log = self.folder / "logs" / str(run.id) / "run.log"
            run.log.parent.mkdir(parents=True)
            self.runs.append(run)
            return run

    def rerun(self, run: Run, by: str, kept: Callable[[Job], bool]) -> None:
        """One more attempt is queued, with the same event; its jobs are new ones.

        Args:
            kept: which jobs stay as they are, unless one that they need runs again.
        """
        with self.lock:
            run.attempt += 1
            run.earlier_by.append(run.rerun_by)
            run.rerun_by, run.status, run.conclusion = by, "queued", None
            run.started_at, run.updated_at = None, self.now()
            run.kept_jobs = [job for job in run.jobs if job.runner is not None and kept(job)]
            run.earlier_jobs += run.jobs
            run.jobs = []

    def keep_job(self, run: Run, name: str) -> Job | None:
        """A job of the attempt before that stays as it was, and now is one of this attempt."""
        with self.lock:
            found = next((job for job in run.kept_jobs if job.name == name), None)
            if found is not None:
                run.earlier_jobs.remove(found)
                run.jobs.append(found)
            return found

    def update_run(self, run: Run, status: str, conclusion: str | None = None) -> None:
        """A run is `in_progress`, or `completed` with a conclusion."""
        with self.lock:
            run.status, run.conclusion, run.updated_at = status, conclusion, self.now()
            if status == "in_progress" and run.started_at is None:
                run.started_at = run.updated_at

    def open_gate(self, run: Run, gate: Gate, review: Review | None) -> None:
        """A reviewer has looked at what waits, or (None) nobody can any more; it counts once."""
        with self.lock:
            if gate not in run.gates:
                return
            run.gates.remove(gate)
            if review is not None:
                run.reviews.append(review)
        gate.let(review is not None and review.state == "approved")

    def add_job(self, run: Run, name: str) -> Job:
        """A job that is queued, its log's place, and its check run, as GitHub Actions has them."""
        with self.lock:
            job = Job(self.new_id(), name, created_at=self.now())
            job.log = self.folder / "logs" / str(run.id) / f"{job.id}.log"
            run.jobs.append(job)
            page = f"{self.url}/{run.repository}/actions/runs/{run.id}/job/{job.id}"
            self.check_runs.append(
                CheckRun(
                    job.id,
                    run.repository,
                    run.head_sha,
                    name,
                    ACTIONS_APP_ID,
                    run.suite_id,
                    "queued",
                    None,
                    None,
                    None,
                    page,
                )
            )
            return job

    def update_job(self, run: Run, job: Job, status: str, conclusion: str | None = None) -> None:
        """A job is `in_progress`, or `completed` with a conclusion; so is its check run."""
        with self.lock:
            run.updated_at = now = self.now()
            job.status, job.conclusion = status, conclusion
            job.started_at = job.started_at or (None if status == "waiting" else now)
            if status == "in_progress":
                job.runner = RUNNER
            elif conclusion == "skipped":
                job.runner = None  # GitHub judges its `if` before there is a machine
            job.completed_at = now if status == "completed" else None
            check = next(check for check in self.check_runs if check.id == job.id)
            check.status, check.conclusion = status, conclusion
            check.started_at, check.completed_at = job.started_at, job.completed_at

    # --- events

    def listen(self, listener: Listener) -> None:
        """Call `listener` with every event from now on, in order, from one thread."""
        self._teller.listen(listener)

    def emit(self, event: Event) -> None:
        """Something happened: listeners hear of it soon."""
        with self.lock:
            self.events.append(event)
            self._teller.tell(event)

    def settle(self) -> None:
        """Wait until every event so far has been told to every listener."""
        self._teller.settle()

    def close(self) -> None:
        """Tell what is still to tell, and end."""
        self._teller.close()
