"""Commit statuses, check runs and check suites."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tidemill_sandbox.server.rest import rendering
from tidemill_sandbox.server.rest.calls import Answer, Call, Problem, invalid, operation, unfound
from tidemill_sandbox.state import git_reading, rules
from tidemill_sandbox.state.shapes import ACTIONS_APP_ID, CheckRun, Event, Status

_MOST_STATUSES = 1000  # of one commit and context
_MOST_WORDS = 140
_LAST_CHARACTER = 0xFFFF  # of those that a description may have
_ALL_CHECKS = "/repos/{owner}/{repo}/check-runs"


@operation("POST", "/repos/{owner}/{repo}/statuses/{sha}", "statuses")
def _set_status(call: Call) -> Answer:
    hub, repository, cause = call.hub, call.repository, call.cause
    sha = call.parameters["sha"]
    try:
        known = git_reading.FULL_SHA.fullmatch(sha) and git_reading.resolve(repository.path, sha)
    except git_reading.Unfound:
        known = None
    if not known:
        raise Problem(422, f"No commit found for SHA: {sha}")
    words, target = call.body.get("description"), call.body.get("target_url")
    if words is not None and len(words) > _MOST_WORDS:
        message = f"description is too long (maximum is {_MOST_WORDS} characters)"
        raise invalid("Status", "description", "custom", message)
    if words is not None and any(ord(one) > _LAST_CHARACTER for one in words):
        message = "description doesn't accept 4-byte Unicode"
        raise invalid("Status", "description", "custom", message)
    if target and not target.startswith(("http://", "https://")):
        raise invalid("Status", "target_url", "custom", "target_url must use http(s) scheme")
    context = call.body.get("context") or "default"
    with hub.lock:
        same = sum(
            (status.repository, status.sha) == (repository.name, sha)
            and status.context.lower() == context.lower()
            for status in hub.statuses
        )
        if same >= _MOST_STATUSES:
            message = "This SHA and context has reached the maximum number of statuses."
            raise invalid("Status", "sha", "custom", message)
        status = Status(hub.new_id(), repository.name, sha, call.body["state"], context,
                        words, target or None, cause.login, hub.now(), cause.app_id)  # fmt: skip
        hub.statuses.append(status)
    hub.emit(Event("status", repository.name, cause, status.created_at, sha=sha,
                   parts={"status": status}))  # fmt: skip
    return Answer(201, _whole(call, status))


@operation("GET", "/repos/{owner}/{repo}/commits/{ref}/statuses", "statuses")
def _statuses(call: Call) -> Answer:
    sha = call.commit("ref")
    with call.hub.lock:
        found = [
            _whole(call, status)
            for status in reversed(call.hub.statuses)
            if status.repository == call.repository.name and status.sha == sha
        ]
    return call.page(found)


@operation("GET", "/repos/{owner}/{repo}/commits/{ref}/status", "statuses")
def _combined(call: Call) -> Answer:
    sha = call.commit("ref")
    with call.hub.lock:
        found = list(rules.latest_statuses(call.hub, call.repository, sha).values())
    states = {status.state for status in found}
    if states & {"failure", "error"}:
        state = "failure"
    else:
        state = "success" if states == {"success"} else "pending"
    page = call.page([_simple(call, status) for status in found])
    value = {
        "state": state,
        "statuses": page.value,
        "sha": sha,
        "total_count": len(found),
        "repository": rendering.minimal_repository(call.hub, call.repository),
        "commit_url": f"{call.repository_url}/commits/{sha}",
        "url": f"{call.repository_url}/commits/{sha}/status",
    }
    return Answer(200, value, page.headers)


@operation("POST", _ALL_CHECKS, "checks")
def _create_check(call: Call) -> Answer:
    hub, repository, cause = call.hub, call.repository, call.cause
    if cause.app_id is None:
        raise Problem(403, "You must authenticate via a GitHub App.")
    sha = call.body["head_sha"]
    try:
        git_reading.resolve(repository.path, sha)
    except git_reading.Unfound:
        raise Problem(422, f"No commit found for SHA: {sha}") from None
    with hub.lock:
        suite = next(
            (
                run.suite_id
                for run in hub.check_runs
                if (run.repository, run.head_sha, run.app_id)
                == (repository.name, sha, cause.app_id)
            ),
            hub.new_id(),
        )
        run = CheckRun(hub.new_id(), repository.name, sha, call.body["name"], cause.app_id, suite,
                       "queued", None, hub.now(), None)  # fmt: skip
        _change(call, run)
        hub.check_runs.append(run)
    _tell(call, run, "created")
    return Answer(201, _check(call, run))


@operation("PATCH", f"{_ALL_CHECKS}/{{check_run_id}}", "checks")
def _update_check(call: Call) -> Answer:
    run = _by_id(call)
    if run.app_id != call.cause.app_id:
        raise Problem(403, f"Invalid app_id `{run.app_id}` - check run can only be modified by "
                           "the GitHub App that created it.")  # fmt: skip
    with call.hub.lock:
        run.name = call.body.get("name", run.name)
        _change(call, run)
    _tell(call, run, "completed" if run.status == "completed" else "created")
    return Answer(200, _check(call, run))


@operation("GET", f"{_ALL_CHECKS}/{{check_run_id}}", "checks")
def _one_check(call: Call) -> Answer:
    return Answer(200, _check(call, _by_id(call)))


@operation("GET", f"{_ALL_CHECKS}/{{check_run_id}}/annotations", "checks")
def _annotations(call: Call) -> Answer:
    """What a job put on its run's page; of what other Apps report, there is nothing."""
    number = _by_id(call).id
    jobs = [job for run in call.hub.runs for job in (*run.earlier_jobs, *run.jobs)]
    found = [one for job in jobs if job.id == number for one in job.annotations]
    return call.page([_annotation(call, *one) for one in found])


@operation("GET", "/repos/{owner}/{repo}/commits/{ref}/check-runs", "checks")
def _checks(call: Call) -> Answer:
    sha, hub = call.commit("ref"), call.hub
    with hub.lock:
        if call.query.get("filter") == "all":
            found = [run for run in hub.check_runs if run.repository == call.repository.name
                     and run.head_sha == sha]  # fmt: skip
        else:
            found = list(rules.latest_check_runs(hub, call.repository, sha).values())
    name, status, app = (call.query.get(key) for key in ("check_name", "status", "app_id"))
    shown = [
        _check(call, run)
        for run in sorted(found, key=lambda run: -run.id)
        if (name is None or run.name == name)
        and (status is None or run.status == status)
        and (app is None or str(run.app_id) == app)
    ]
    return call.page(shown, "check_runs")


@operation("GET", "/repos/{owner}/{repo}/commits/{ref}/check-suites", "checks")
def _suites(call: Call) -> Answer:
    sha = call.commit("ref")
    with call.hub.lock:
        suites: dict[int, list[CheckRun]] = {}
        for run in call.hub.check_runs:
            if run.repository == call.repository.name and run.head_sha == sha:
                suites.setdefault(run.suite_id, []).append(run)
    app = call.query.get("app_id")
    shown = [
        _suite(call, number, runs)
        for number, runs in suites.items()
        if app is None or str(runs[0].app_id) == app
    ]
    return call.page(shown, "check_suites")


def _by_id(call: Call) -> CheckRun:
    number = call.number("check_run_id")
    for run in call.hub.check_runs:
        if run.id == number and run.repository == call.repository.name:
            return run
    raise unfound()


def _change(call: Call, run: CheckRun) -> None:
    body = call.body
    run.conclusion = body.get("conclusion", run.conclusion)
    # A conclusion completes a run, whatever its status says.
    run.status = "completed" if "conclusion" in body else body.get("status", run.status)
    if run.status == "completed" and run.conclusion is None:
        raise invalid("CheckRun", "conclusion", "missing_field")
    for key in ("started_at", "completed_at"):
        if key in body:
            setattr(run, key, datetime.fromisoformat(body[key]))
    if run.status == "completed" and run.completed_at is None:
        run.completed_at = call.hub.now()
    run.details_url = body.get("details_url", run.details_url)
    run.external_id = body.get("external_id", run.external_id)
    run.output = body.get("output", run.output)


def _tell(call: Call, run: CheckRun, action: str) -> None:
    if run.app_id == ACTIONS_APP_ID:
        return  # they fire nothing (facts, section 4)
    call.hub.emit(Event("check_run", run.repository, call.cause, call.hub.now(), action,
                        run.head_sha, parts={"check_run": run}))  # fmt: skip


def _simple(call: Call, status: Status) -> dict[str, Any]:
    creator = rendering.account(call.hub, status.creator)
    at = rendering.time(status.created_at)
    return {
        "url": f"{call.repository_url}/statuses/{status.sha}",
        "avatar_url": creator["avatar_url"],
        "id": status.id,
        "node_id": f"SC_{status.id}",
        "state": status.state,
        "description": status.description,
        "target_url": status.target_url,
        "context": status.context,
        "created_at": at,
        "updated_at": at,
    }


def _whole(call: Call, status: Status) -> dict[str, Any]:
    return {**_simple(call, status), "creator": rendering.account(call.hub, status.creator)}


def _check(call: Call, run: CheckRun) -> dict[str, Any]:
    url = f"{call.repository_url}/check-runs/{run.id}"
    page = f"{call.hub.url}/{run.repository}/runs/{run.id}"
    return {
        "id": run.id,
        "name": run.name,
        "node_id": f"CR_{run.id}",
        "head_sha": run.head_sha,
        "external_id": run.external_id,
        "url": url,
        "html_url": page,
        "details_url": run.details_url or page,
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": rendering.moment(run.started_at),
        "completed_at": rendering.moment(run.completed_at),
        "output": {
            **{key: run.output.get(key) for key in ("title", "summary", "text")},
            "annotations_count": len(run.output.get("annotations", [])),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": run.suite_id},
        "app": rendering.app(call.hub, run.app_id),
        "pull_requests": [],
    }


def _annotation(call: Call, kind: str, title: str, message: str) -> dict[str, Any]:
    return {
        "path": ".github",
        "blob_href": f"{call.hub.url}/{call.repository.name}/blob/HEAD/.github",
        "start_line": 1,
        "end_line": 1,
        "start_column": None,
        "end_column": None,
        "annotation_level": {"error": "failure"}.get(kind, kind),
        "title": title,
        "message": message,
        "raw_details": "",
    }


def _suite(call: Call, number: int, runs: list[CheckRun]) -> dict[str, Any]:
    done = all(run.status == "completed" for run in runs)
    bad = [run.conclusion for run in runs if run.conclusion not in ("success", "skipped", None)]
    url = f"{call.repository_url}/check-suites/{number}"
    at = rendering.moment(runs[0].started_at)
    return {
        "id": number,
        "node_id": f"CS_{number}",
        "head_branch": None,
        "head_sha": runs[0].head_sha,
        "status": "completed" if done else "in_progress",
        "conclusion": (bad[0] if bad else "success") if done else None,
        "url": url,
        "before": None,
        "after": None,
        "pull_requests": [],
        "app": rendering.app(call.hub, runs[0].app_id),
        "repository": rendering.minimal_repository(call.hub, call.repository),
        "created_at": at,
        "updated_at": at,
        "head_commit": rendering.head_commit(call.repository, runs[0].head_sha),
        "latest_check_runs_count": len(runs),
        "check_runs_url": f"{url}/check-runs",
    }
