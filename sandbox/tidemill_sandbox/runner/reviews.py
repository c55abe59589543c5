"""Jobs that name an environment: each is a deployment, and waits where there are reviewers."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tidemill_sandbox.state.hub import Hub
from tidemill_sandbox.state.shapes import (
    BOT,
    Cause,
    Deployment,
    DeploymentStatus,
    Environment,
    Event,
    Gate,
    Job,
    Run,
)

PRODUCTION = "production"


class Activity:
    """Whether a run does anything: it does not while all that is left of it waits for reviewers.

    Args:
        changed: is called when that has changed.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed, self._lock, self._count = changed, threading.Lock(), 1

    @property
    def is_idle(self) -> bool:
        return self._count == 0

    def add(self, number: int) -> None:
        """So many more threads of it do something, or fewer."""
        with self._lock:
            was, self._count = self._count, self._count + number
        if 0 in (was, was + number):
            self._changed()


class Reviewed:
    """The jobs of a run that name environments."""

    def __init__(self, hub: Hub, run: Run, activity: Activity) -> None:
        self._hub, self._run = hub, run
        self._activity = activity
        self._is_over = False

    def begin(self, job: Job, name: str, slots: threading.Semaphore) -> tuple[Deployment, bool]:
        """A job is about to start: it waits for reviewers first, without a slot, if there are any.

        GitHub makes an environment that is not there, without any rule.
        """
        environment = self._hub.environment(self._run.repository, name)
        deployment = self._deployed(environment)
        if not environment.reviewers:
            return deployment, True
        answer: list[bool] = []
        answered = threading.Event()

        def let(may_start: bool) -> None:
            self._activity.add(1)  # before it goes on, so that nobody takes it for idle
            answer.append(may_start)
            answered.set()

        self.tell(deployment, "queued")
        self._hub.update_job(self._run, job, "waiting")
        with self._hub.lock:
            self._run.gates.append(Gate(environment, deployment, let))
        if self._is_over:
            self.end()
        slots.release()
        self._activity.add(-1)
        answered.wait()
        slots.acquire()
        return deployment, answer[0]

    def end(self) -> None:
        """The run ends: nobody can review it any more."""
        self._is_over = True
        for gate in list(self._run.gates):
            self._hub.open_gate(self._run, gate, None)

    def tell(self, deployment: Deployment, state: str) -> None:
        """How it goes; as with all that a workflow's own token does, that starts no run."""
        hub, cause = self._hub, Cause(BOT, run_id=self._run.id)
        url = f"{hub.url}/{self._run.repository}/actions/runs/{self._run.id}"
        with hub.lock:
            now = hub.now()
            status = DeploymentStatus(
                hub.new_id(), state, "", deployment.environment, url, "", BOT, now
            )
            deployment.statuses.append(status)
            deployment.updated_at = now
        parts = {"deployment": deployment, "deployment_status": status}
        hub.emit(Event("deployment_status", deployment.repository, cause, now, "created",
                       deployment.sha, deployment.ref, parts))  # fmt: skip

    def _deployed(self, environment: Environment) -> Deployment:
        run, hub, name = self._run, self._hub, environment.name
        cause, now = Cause(BOT, run_id=run.id), hub.now()
        with hub.lock:
            found = Deployment(
                hub.new_id(), run.repository, run.head_sha, run.head_branch or run.head_sha,
                "deploy", name, None, {}, BOT, now, now, is_production=name == PRODUCTION,
            )  # fmt: skip
            hub.deployments.append(found)
        parts = {"deployment": found}
        hub.emit(Event("deployment", run.repository, cause, now, "created", found.sha, parts=parts))
        return found
