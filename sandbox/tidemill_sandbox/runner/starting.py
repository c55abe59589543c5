"""From what happens to runs: which workflow files start, at which commit, and which never do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tidemill_sandbox.runner import job_permissions, run_files, workshop
from tidemill_sandbox.runner.faults import Faults
from tidemill_sandbox.runner.groups import Groups
from tidemill_sandbox.runner.running import Ending, Running, Waiting
from tidemill_sandbox.runner.workflow_files import (
    Happening,
    InvalidWorkflow,
    WorkflowFile,
    dispatch_inputs,
    parse,
    starts,
)
from tidemill_sandbox.runner.workshop import Machines, Trigger, Workshop
from tidemill_sandbox.state import git_reading
from tidemill_sandbox.state.git_reading import Unfound
from tidemill_sandbox.state.hub import Hub, Unprocessable
from tidemill_sandbox.state.shapes import Cause, Event, Job, Repository, Run
from tidemill_sandbox.webhooks import payloads

MOST_CHAINED = 3  # workflow_run after workflow_run (facts, section 1)
_ALWAYS = ("workflow_dispatch", "repository_dispatch")  # also where a GITHUB_TOKEN did it


@dataclass(frozen=True)
class _Point:
    """At which commit files are read, and what GITHUB_SHA and GITHUB_REF are."""

    sha: str
    ref: str

    @property
    def branch(self) -> str | None:
        return self.ref.removeprefix("refs/heads/") if self.ref.startswith("refs/heads/") else None


class Starter:
    """Starts runs, and knows those that are on their way.

    Args:
        most: how many runs work at once; the others are queued.
    """

    def __init__(self, hub: Hub, machines: Machines, *, most: int = 2) -> None:
        self._hub, self._machines = hub, machines
        self.faults = Faults()
        self._waiting = Waiting(Groups(), threading.Semaphore(most), self._notice)
        self._going: dict[int, Running] = {}
        self._begun: dict[int, Callable[[int], None]] = {}
        self._busy = threading.Condition()
        self._open = 0
        self._over = threading.Event()
        hub.listen(self.hear)
        hub.dispatch = self.dispatch
        hub.control |= {
            "event-faults": self.faults.set,
            "tick": self.tick,
            "rerun": self.rerun,
            "cancel": lambda body: self._end(body, "cancelled"),
            "kill": lambda body: self._end(body, "failure"),
        }

    # --- what happens

    def hear(self, event: Event) -> None:
        """Take an event of the hub; what goes wrong with it is decided here."""
        if event.name == "workflow_dispatch":
            return  # `dispatch` has started it
        for late in self.faults.deliveries(event.name, event.action):
            if late:
                self._later(late, lambda: self._deliver(event))
            else:
                self._deliver(event)

    def dispatch(self, repository: Repository, path: str, ref: str, inputs: Mapping[str, Any],
                 event: Event) -> Run | None:  # fmt: skip
        """Start a `workflow_dispatch`; raises Unprocessable where GitHub answers 422."""
        full = ref if ref.startswith("refs/") else _full(repository, ref)
        try:
            sha = git_reading.resolve(repository.path, full)
        except Unfound:
            raise Unprocessable(f"No ref found for: {ref}") from None
        try:
            file = parse(path, _text(repository, sha, path))
            found = dispatch_inputs(file, inputs)
        except InvalidWorkflow as error:
            raise Unprocessable(str(error)) from None
        parts = {**event.parts, "inputs": found, "workflow": path}
        whole = Event("workflow_dispatch", event.repository, event.cause, event.at, None, sha,
                      full, parts)  # fmt: skip
        return self._start(repository, file, whole, _Point(sha, full))

    def tick(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Let a schedule be due: {"repository": "owner/name", "cron": "..." (optional)}."""
        repository = self._hub.repository(str(body["repository"]))
        if repository is None:
            raise Unprocessable("no such repository")
        point = self._default(repository)
        started = []
        for file in self._files(repository, point):
            for one in file.on.get("schedule") or ():
                if body.get("cron", one["cron"]) == one["cron"]:
                    event = Event("schedule", repository.name, Cause(repository.owner),
                                  self._hub.now(), None, point.sha, point.ref,
                                  {"schedule": one["cron"]})  # fmt: skip
                    run = self._start(repository, file, event, point)
                    started.append(run.id if run else None)
                    break
        return {"runs": started}

    def rerun(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Run jobs of a run again, and what needs them: {"run": its id, "by": who asks, "which":
        "all", "failed", or the id of one}.

        The event, the commit and the workflow file are those of the first attempt.
        """
        run = self._hub.run(int(body["run"]))
        if run is None or run.id not in self._begun or run.status != "completed":
            raise Unprocessable("This workflow is already running")
        which = body.get("which", "all")
        kept: Callable[[Job], bool] = {
            "all": lambda _: False,
            "failed": lambda job: job.conclusion == "success",
        }.get(which, lambda job: job.id != which)
        self._hub.rerun(run, str(body["by"]), kept)
        self._tell(run, "requested")
        self._begin(run)
        return {"attempt": run.attempt}

    def settle(self, seconds: float = 600) -> bool:
        """Wait until nothing runs and nothing is to come, but for runs that wait for reviewers.

        False: it took longer.
        """
        until = time.monotonic() + seconds
        while True:
            self._hub.settle()
            with self._busy:
                if not self._busy.wait_for(self._is_quiet, until - time.monotonic()):
                    return False
            self._hub.settle()
            with self._busy:
                if self._is_quiet():
                    return True

    def _is_quiet(self) -> bool:
        return self._open == sum(one.is_idle for one in list(self._going.values()))

    def _notice(self) -> None:
        with self._busy:
            self._busy.notify_all()

    def close(self) -> None:
        """Kill what runs, and wait for its end; what is late does not come any more."""
        self._over.set()
        for running in list(self._going.values()):
            running.end("cancelled")
        self.settle(60)

    # --- from an event to runs

    def _deliver(self, event: Event) -> None:
        repository = self._hub.repository(event.repository)
        if repository is None or (event.cause.is_workflow and event.name not in _ALWAYS):
            return
        chain = 0
        if event.name == "workflow_run":
            chain = event.parts["run"].chain + 1
            if chain > MOST_CHAINED:
                return
        if event.name == "push" and event.parts.get("deleted"):
            return
        if (
            event.name == "deployment_status"
            and event.parts["deployment_status"].state == "inactive"
        ):
            return
        with suppress(Unfound):
            point = self._point(repository, event)
            told = _deployed(repository, event) or point
            happened = self._happening(repository, event)
            for file in self._files(repository, point, event):
                if starts(file, happened):
                    self._start(repository, file, event, told, chain, file_at=point)

    def _point(self, repository: Repository, event: Event) -> _Point:
        if event.name == "push" and event.sha and event.ref:
            return _Point(event.sha, event.ref)
        return self._default(repository)

    def _default(self, repository: Repository) -> _Point:
        ref = f"refs/heads/{repository.default_branch}"
        return _Point(git_reading.resolve(repository.path, ref), ref)

    def _happening(self, repository: Repository, event: Event) -> Happening:
        match event.name:
            case "push":
                commit = git_reading.commit(repository.path, event.sha or "")
                paths = payloads.changed(repository, event)
                return Happening("push", None, event.ref, paths=paths, message=commit.message)
            case "workflow_run":
                run: Run = event.parts["run"]
                return Happening("workflow_run", event.action, branch=run.head_branch,
                                 workflow=run.workflow.name)  # fmt: skip
            case _:
                return Happening(event.name, event.action)

    def _files(
        self, repository: Repository, point: _Point, event: Event | None = None
    ) -> list[WorkflowFile]:
        found = []
        for path, blob in git_reading.workflow_files(repository.path, point.sha).items():
            if self._hub.workflow(repository, path).state != "active":
                continue
            text = git_reading.blob(repository.path, blob).decode(errors="replace")
            try:
                found.append(parse(path, text))
            except InvalidWorkflow as error:
                if event is not None and event.name == "push":
                    self._failed(repository, path, event, point, str(error))
        return found

    def _failed(self, repository: Repository, path: str, event: Event, point: _Point,
                why: str) -> None:  # fmt: skip
        """GitHub shows a failed run for a pushed file that is none."""
        record = self._hub.workflow(repository, path)
        run = self._hub.start_run(record, event, head_sha=point.sha, head_branch=point.branch)
        self._startup_failure(run, why)

    def _start(self, repository: Repository, file: WorkflowFile, event: Event, point: _Point,
               chain: int = 0, file_at: _Point | None = None) -> Run | None:  # fmt: skip
        """Start a run: at `point` as it is told, by a file of the commit `file_at`."""
        payload = payloads.payload(self._hub, repository, event)
        record = self._hub.workflow(repository, file.path, file.name)
        run = self._hub.start_run(record, event, head_sha=point.sha, head_branch=point.branch,
                                  title=payloads.title(repository, event), chain=chain)  # fmt: skip
        self._tell(run, "requested")
        told_by = file_at or point
        trigger = Trigger(payload, point.ref, point.sha, told_by.ref, told_by.sha)
        self._begun[run.id] = lambda number: self._run(repository, file, run, trigger, number)
        self._begin(run)
        return run

    def _begin(self, run: Run) -> None:
        """Let it go on in a thread of its own; runs come to their groups in the order of this."""
        groups = self._waiting.groups
        number = groups.line_up()
        self._later(
            0.0, lambda: self._begun[run.id](number), finally_=lambda: groups.step_out(number)
        )

    def _run(self, repository: Repository, file: WorkflowFile, run: Run, trigger: Trigger,
             number: int) -> None:  # fmt: skip
        text = _text(repository, trigger.file_sha, file.path)
        hands = Workshop(self._machines, run, repository, trigger)
        try:
            context = workshop.contexts(run, repository, self._hub)
            root = run_files.root_file(
                repository.name, trigger.file_sha, trigger.file_ref, file.path, text, context
            )
            default = job_permissions.default(repository.default_permissions)
            tree = run_files.tree(root, default, self._machines.shelf)
        except InvalidWorkflow as error:
            self._startup_failure(run, str(error))
            return
        running = Running(self._hub, run, tree, hands, self._waiting)
        self._going[run.id] = running
        try:
            conclusion = running.go(number, lambda: self._tell(run, "in_progress"))
        except Exception as error:
            self._hub.deviate(f"run {run.id} of {file.path} broke the runner: {error!r}")
            conclusion = "failure"
        finally:
            self._going.pop(run.id, None)
            hands.close()
        self._hub.update_run(run, "completed", conclusion)
        self._tell(run, "completed")

    def _startup_failure(self, run: Run, why: str) -> None:
        if run.log is not None:
            run.log.write_text(f"{why}\n", encoding="utf-8")
        self._hub.update_run(run, "completed", "startup_failure")
        self._tell(run, "completed")

    def _tell(self, run: Run, action: str) -> None:
        """What happens to a run is an event, too; of one that a GITHUB_TOKEN has started, it is
        that token's, and starts nothing (facts, section 15: two projects report it)."""
        started = run.trigger.cause if run.trigger else None
        cause = Cause(run.actor, run_id=started.run_id if started else None)
        ref = f"refs/heads/{run.head_branch}" if run.head_branch else None
        self._hub.emit(Event("workflow_run", run.repository, cause, self._hub.now(), action,
                             run.head_sha, ref, {"run": run}))  # fmt: skip

    def _end(self, body: Mapping[str, Any], conclusion: Ending) -> dict[str, Any]:
        """End a run: {"run": its id}."""
        running = self._going.get(int(body["run"]))
        if running is not None:
            running.end(conclusion)
        return {"ended": running is not None}

    def _later(
        self, seconds: float, what: Callable[[], None], finally_: Callable[[], None] = lambda: None
    ) -> None:
        """Do it in a thread of its own, and count it until it is done; the other also where the
        first is not done any more."""
        with self._busy:
            self._open += 1

        def do() -> None:
            try:
                if not self._over.wait(seconds):
                    what()
            finally:
                finally_()
                with self._busy:
                    self._open -= 1
                    self._busy.notify_all()

        threading.Thread(target=do, name="run", daemon=True).start()


def _deployed(repository: Repository, event: Event) -> _Point | None:
    """Of a deployment and its status the commit that is deployed, which whoever deploys it chose.

    GitHub gives it as GITHUB_SHA, with the branch or tag that was named, if one was (facts, section
    15). Whose workflow file runs is not documented; here it is the default branch's.
    """
    if event.name not in ("deployment", "deployment_status"):
        return None
    deployed = event.parts["deployment"]
    full = _full(repository, deployed.ref)
    is_named = git_reading.tip(repository.path, full) == deployed.sha
    return _Point(deployed.sha, full if is_named else "")


def _full(repository: Repository, ref: str) -> str:
    for full in (f"refs/heads/{ref}", f"refs/tags/{ref}"):
        if git_reading.tip(repository.path, full):
            return full
    return f"refs/heads/{ref}"


def _text(repository: Repository, sha: str, path: str) -> str:
    blob = git_reading.workflow_files(repository.path, sha).get(path)
    if blob is None:
        raise InvalidWorkflow(f"{path} is not there at {sha}")
    return git_reading.blob(repository.path, blob).decode(errors="replace")
