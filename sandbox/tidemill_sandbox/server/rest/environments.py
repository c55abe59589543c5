"""Environments, and the jobs that wait for their reviewers."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tidemill_sandbox.server.rest import deployments, rendering
from tidemill_sandbox.server.rest.calls import Answer, Call, Problem, operation, unfound
from tidemill_sandbox.state.shapes import Environment, Gate, Review, Run

_ALL = "/repos/{owner}/{repo}/environments"
_RUN = "/repos/{owner}/{repo}/actions/runs/{run_id}"


@operation("GET", _ALL, "actions")
def _environments(call: Call) -> Answer:
    found = [_whole(call, one) for one in call.repository.environments.values()]
    return call.page(found, "environments")


@operation("GET", f"{_ALL}/{{environment_name}}", "actions")
def _environment(call: Call) -> Answer:
    found = call.repository.environments.get(call.parameters["environment_name"].lower())
    if found is None:
        raise unfound()
    return Answer(200, _whole(call, found))


@operation("GET", f"{_RUN}/approvals", "actions")
def _approvals(call: Call) -> Answer:
    return Answer(
        200,
        [
            {
                "state": one.state,
                "comment": one.comment,
                "environments": [_named(call, one.environment)],
                "user": rendering.account(call.hub, one.by),
            }
            for one in call.run().reviews
        ],
    )


@operation("GET", f"{_RUN}/pending_deployments", "actions")
def _pending(call: Call) -> Answer:
    run = call.run()
    may = call.cause.login if call.token else ""
    return Answer(
        200,
        [
            {
                "environment": _short(call, one.environment),
                "wait_timer": 0,
                "wait_timer_started_at": None,
                "current_user_can_approve": _may_review(run, one, may),
                "reviewers": _reviewers(call, one.environment),
            }
            for one in run.gates
        ],
    )


@operation("POST", f"{_RUN}/pending_deployments", "deployments")
def _review(call: Call) -> Answer:
    """Only a reviewer may, and where the environment says so, not whoever started the run."""
    run, body, by = call.run(), call.body, call.cause.login
    with call.hub.lock:
        wanted = [one for one in run.gates if one.environment.id in body["environment_ids"]]
    if not wanted or not all(_may_review(run, one, by) for one in wanted):
        raise Problem(422, "There were one or more problems with the pending deployments review")
    for one in wanted:
        review = Review(one.environment, body["state"], by, body["comment"])
        call.hub.open_gate(run, one, review)
    return Answer(200, [deployments.shown(call, one.deployment) for one in wanted])


def _may_review(run: Run, gate: Gate, login: str) -> bool:
    started = (run.rerun_by or run.actor) if gate.environment.prevents_self_review else None
    return login in gate.environment.reviewers and login != started


def _short(call: Call, found: Environment) -> dict[str, Any]:
    name = quote(found.name, safe="")
    page = f"{call.hub.url}/{call.repository.name}/deployments/activity_log"
    return {
        "id": found.id,
        "node_id": f"EN_{found.id}",
        "name": found.name,
        "url": f"{call.repository_url}/environments/{name}",
        "html_url": f"{page}?environments_filter={name}",
    }


def _named(call: Call, found: Environment) -> dict[str, Any]:
    at = rendering.time(found.created_at)
    return {**_short(call, found), "created_at": at, "updated_at": at}


def _whole(call: Call, found: Environment) -> dict[str, Any]:
    rule = {
        "id": found.id,
        "node_id": f"GA_{found.id}",
        "type": "required_reviewers",
        "prevent_self_review": found.prevents_self_review,
        "reviewers": _reviewers(call, found),
    }
    return {
        **_named(call, found),
        "protection_rules": [rule] if found.reviewers else [],
        "deployment_branch_policy": None,
    }


def _reviewers(call: Call, found: Environment) -> list[dict[str, Any]]:
    return [
        {"type": "User", "reviewer": rendering.account(call.hub, one)} for one in found.reviewers
    ]
