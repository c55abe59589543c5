"""Workflow runs, their jobs and logs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

from tidemill_sandbox.server.rest import rendering
from tidemill_sandbox.server.rest.calls import Answer, Call, Problem, operation, unfound
from tidemill_sandbox.server.rest.dispatches import by_id
from tidemill_sandbox.state.hub import Hub
from tidemill_sandbox.state.shapes import Job, Repository, Run, Step

_RUNS = "/repos/{owner}/{repo}/actions/runs"
_LOG_LIFE = timedelta(minutes=1)


@operation("GET", _RUNS, "actions")
def _runs(call: Call) -> Answer:
    return call.page([_shown(call, run) for run in _chosen(call)], "workflow_runs")


@operation("GET", "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs", "actions")
def _runs_of(call: Call) -> Answer:
    workflow = by_id(call)
    chosen = [_shown(call, run) for run in _chosen(call) if run.workflow is workflow]
    return call.page(chosen, "workflow_runs")


@operation("GET", f"{_RUNS}/{{run_id}}", "actions")
def _run(call: Call) -> Answer:
    return Answer(200, _shown(call, call.run()))


@operation("GET", f"{_RUNS}/{{run_id}}/attempts/{{attempt_number}}", "actions")
def _attempt(call: Call) -> Answer:
    """One attempt, as far as it was started by somebody: how it went is what the last one says."""
    run, attempt = call.run(), call.number("attempt_number")
    if not 0 < attempt <= run.attempt:
        raise unfound()
    return Answer(200, shown(call.hub, call.repository, run, attempt))


@operation("POST", f"{_RUNS}/{{run_id}}/cancel", "actions")
def _cancel(call: Call) -> Answer:
    run, end = call.run(), call.hub.control.get("cancel")
    if run.status == "completed" or end is None:
        raise Problem(409, "Cannot cancel a workflow run that is completed.")
    end({"run": run.id})
    return Answer(202, {})


@operation("POST", f"{_RUNS}/{{run_id}}/rerun", "actions")
def _rerun(call: Call) -> Answer:
    return _again(call, call.run(), "all")


@operation("POST", f"{_RUNS}/{{run_id}}/rerun-failed-jobs", "actions")
def _rerun_failed(call: Call) -> Answer:
    return _again(call, call.run(), "failed")


@operation("POST", "/repos/{owner}/{repo}/actions/jobs/{job_id}/rerun", "actions")
def _rerun_job(call: Call) -> Answer:
    run, job = _by_id(call)
    return _again(call, run, job.id)


def _again(call: Call, run: Run, which: Literal["all", "failed"] | int) -> Answer:
    again = call.hub.control.get("rerun")
    if run.status != "completed" or again is None:
        raise Problem(403, "This workflow is already running")
    again({"run": run.id, "by": call.cause.login, "which": which})
    return Answer(201, {})


@operation("GET", f"{_RUNS}/{{run_id}}/jobs", "actions")
def _jobs(call: Call) -> Answer:
    run = call.run()
    return call.page([_job(call, run, job) for job in list(run.jobs)], "jobs")


@operation("GET", "/repos/{owner}/{repo}/actions/jobs/{job_id}", "actions")
def _one_job(call: Call) -> Answer:
    run, job = _by_id(call)
    return Answer(200, _job(call, run, job))


@operation("GET", "/repos/{owner}/{repo}/actions/jobs/{job_id}/logs", "actions")
def _log(call: Call) -> Answer:
    _, job = _by_id(call)
    if job.log is None or not job.log.is_file():
        raise unfound()
    return _redirected(call, f"/_logs/job/{job.id}")


@operation("GET", f"{_RUNS}/{{run_id}}/logs", "actions")
def _logs(call: Call) -> Answer:
    return _redirected(call, f"/_logs/run/{call.run().id}")


def shown(hub: Hub, repository: Repository, run: Run, attempt: int | None = None) -> dict[str, Any]:
    """A `workflow-run`, in its last attempt unless another one is given."""
    attempt = attempt or run.attempt
    by = [*run.earlier_by, run.rerun_by][attempt - 1]
    there = rendering.url_of(hub, repository)
    url = f"{there}/actions/runs/{run.id}"
    of = rendering.minimal_repository(hub, repository)
    return {
        "id": run.id,
        "name": run.workflow.name,
        "node_id": f"WFR_{run.id}",
        "check_suite_id": run.suite_id,
        "check_suite_node_id": f"CS_{run.suite_id}",
        "head_branch": run.head_branch,
        "head_sha": run.head_sha,
        "path": run.workflow.path,
        "run_number": run.number,
        "run_attempt": attempt,
        "referenced_workflows": [],
        "event": run.event,
        "status": run.status,
        "conclusion": run.conclusion,
        "workflow_id": run.workflow.id,
        "url": url,
        "html_url": f"{hub.url}/{run.repository}/actions/runs/{run.id}",
        "pull_requests": [],
        "created_at": rendering.time(run.created_at),
        "updated_at": rendering.time(run.updated_at),
        "actor": rendering.account(hub, run.actor),
        "triggering_actor": rendering.account(hub, by or run.actor),
        "run_started_at": rendering.time(run.started_at or run.created_at),
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{there}/check-suites/{run.suite_id}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": f"{url}/attempts/{attempt - 1}" if attempt > 1 else None,
        "workflow_url": f"{there}/actions/workflows/{run.workflow.id}",
        "head_commit": rendering.head_commit(repository, run.head_sha),
        "repository": of,
        "head_repository": of,
        "display_title": run.title,
    }


def _shown(call: Call, run: Run) -> dict[str, Any]:
    return shown(call.hub, call.repository, run)


def _chosen(call: Call) -> list[Run]:
    """Newest first, as the query asks."""
    wanted = call.query
    filters: dict[str, Callable[[Run], str | None]] = {
        "actor": lambda run: run.actor,
        "branch": lambda run: run.head_branch,
        "event": lambda run: run.event,
        "head_sha": lambda run: run.head_sha,
        "check_suite_id": lambda run: str(run.suite_id),
    }
    return [
        run
        for run in reversed(list(call.hub.runs))
        if run.repository == call.repository.name
        and all(wanted.get(name) in (None, value(run)) for name, value in filters.items())
        and wanted.get("status") in (None, run.status, run.conclusion)
    ]


def _by_id(call: Call) -> tuple[Run, Job]:
    number = call.number("job_id")
    for run in call.hub.runs:
        if run.repository == call.repository.name:
            for job in list(run.jobs):
                if job.id == number:
                    return run, job
    raise unfound()


def _redirected(call: Call, path: str) -> Answer:
    return Answer(302, None, {"Location": call.hub.signer.url(path, "GET", _LOG_LIFE)})


def _job(call: Call, run: Run, job: Job) -> dict[str, Any]:
    created = job.created_at or run.created_at
    return {
        "id": job.id,
        "run_id": run.id,
        "run_url": f"{call.repository_url}/actions/runs/{run.id}",
        "run_attempt": run.attempt,
        "node_id": f"CR_{job.id}",
        "head_sha": run.head_sha,
        "url": f"{call.repository_url}/actions/jobs/{job.id}",
        "html_url": f"{call.hub.url}/{run.repository}/actions/runs/{run.id}/job/{job.id}",
        "status": job.status,
        "conclusion": job.conclusion,
        "created_at": rendering.time(created),
        "started_at": rendering.time(job.started_at or created),
        "completed_at": rendering.moment(job.completed_at),
        "name": job.name,
        "steps": [_step(step) for step in list(job.steps)],
        "check_run_url": f"{call.repository_url}/check-runs/{job.id}",
        "labels": ["ubuntu-24.04"],
        "runner_id": None,
        "runner_name": job.runner,
        "runner_group_id": None,
        "runner_group_name": None,
        "workflow_name": run.workflow.name,
        "head_branch": run.head_branch,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "status": step.status,
        "conclusion": step.conclusion,
        "number": step.number,
        "started_at": rendering.moment(step.started_at),
        "completed_at": rendering.moment(step.completed_at),
    }
