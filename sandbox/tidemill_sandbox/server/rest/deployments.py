"""Deployments and how they went, which the Environments page shows."""

from __future__ import annotations

from typing import Any

from tidemill_sandbox.server.rest import rendering
from tidemill_sandbox.server.rest.calls import Answer, Call, Problem, invalid, operation, unfound
from tidemill_sandbox.state import git_reading, rules
from tidemill_sandbox.state.hub import Hub
from tidemill_sandbox.state.shapes import Deployment, DeploymentStatus, Event, Repository

_ALL = "/repos/{owner}/{repo}/deployments"
_MOST_WORDS = 140


@operation("POST", _ALL, "deployments")
def _create(call: Call) -> Answer:
    hub, repository, body = call.hub, call.repository, call.body
    try:
        sha = git_reading.resolve(repository.path, body["ref"])
    except git_reading.Unfound:
        raise Problem(422, f"No ref found for: {body['ref']}") from None
    _merge(call, sha)
    _verify(call, sha)
    words = body.get("description")
    if words and len(words) > _MOST_WORDS:
        raise invalid("Deployment", "description")
    environment = body.get("environment", "production")
    now = hub.now()
    with hub.lock:
        found = Deployment(
            hub.new_id(), repository.name, sha, body["ref"], body.get("task", "deploy"),
            environment, words, body.get("payload", {}), call.cause.login, now, now,
            body.get("transient_environment", False),
            body.get("production_environment", environment == "production"),
        )  # fmt: skip
        hub.deployments.append(found)
    hub.emit(Event("deployment", repository.name, call.cause, now, "created", sha,
                   parts={"deployment": found}))  # fmt: skip
    return Answer(201, shown(call, found))


@operation("GET", _ALL, "deployments")
def _deployments(call: Call) -> Answer:
    wanted = {name: call.query.get(name) for name in ("sha", "ref", "task", "environment")}
    return call.page(
        [
            shown(call, found)
            for found in reversed(list(call.hub.deployments))
            if found.repository == call.repository.name
            and all(value in (None, getattr(found, name)) for name, value in wanted.items())
        ]
    )


@operation("GET", f"{_ALL}/{{deployment_id}}", "deployments")
def _one(call: Call) -> Answer:
    return Answer(200, shown(call, _by_id(call)))


@operation("POST", f"{_ALL}/{{deployment_id}}/statuses", "deployments")
def _set(call: Call) -> Answer:
    hub, body, found = call.hub, call.body, _by_id(call)
    words = body.get("description", "")
    if len(words) > _MOST_WORDS:
        raise invalid("DeploymentStatus", "description")
    log = body.get("log_url") or body.get("target_url") or ""
    with hub.lock:
        status = DeploymentStatus(
            hub.new_id(), body["state"], words, body.get("environment") or found.environment,
            log, body.get("environment_url", ""), call.cause.login, hub.now(),
        )  # fmt: skip
        found.statuses.append(status)
        found.updated_at = status.created_at
        if status.state == "success" and body.get("auto_inactive", True):
            _end_earlier(call, found)
    if status.state != "inactive":  # which fires nothing (facts, section 4)
        parts = {"deployment": found, "deployment_status": status}
        hub.emit(Event("deployment_status", found.repository, call.cause, status.created_at,
                       "created", found.sha, found.ref, parts))  # fmt: skip
    return Answer(201, _status(call, found, status))


@operation("GET", f"{_ALL}/{{deployment_id}}/statuses", "deployments")
def _statuses(call: Call) -> Answer:
    found = _by_id(call)
    return call.page([_status(call, found, status) for status in reversed(found.statuses)])


def shown(call: Call, found: Deployment) -> dict[str, Any]:
    """A `deployment`, in a repository of the call's."""
    return deployment(call.hub, call.repository, found)


def deployment(hub: Hub, repository: Repository, found: Deployment) -> dict[str, Any]:
    """A `deployment`."""
    there = rendering.url_of(hub, repository)
    url = f"{there}/deployments/{found.id}"
    return {
        "url": url,
        "id": found.id,
        "node_id": f"DE_{found.id}",
        "sha": found.sha,
        "ref": found.ref,
        "task": found.task,
        "payload": found.payload,
        "original_environment": found.environment,
        "environment": found.environment,
        "description": found.description,
        "creator": rendering.account(hub, found.creator),
        "created_at": rendering.time(found.created_at),
        "updated_at": rendering.time(found.updated_at),
        "statuses_url": f"{url}/statuses",
        "repository_url": there,
        "transient_environment": found.is_transient,
        "production_environment": found.is_production,
    }


def _status(call: Call, found: Deployment, status: DeploymentStatus) -> dict[str, Any]:
    return deployment_status(call.hub, call.repository, found, status)


def deployment_status(
    hub: Hub, repository: Repository, found: Deployment, status: DeploymentStatus
) -> dict[str, Any]:
    """A `deployment-status`."""
    there = rendering.url_of(hub, repository)
    url = f"{there}/deployments/{found.id}"
    at = rendering.time(status.created_at)
    return {
        "url": f"{url}/statuses/{status.id}",
        "id": status.id,
        "node_id": f"DES_{status.id}",
        "state": status.state,
        "creator": rendering.account(hub, status.creator),
        "description": status.description,
        "environment": status.environment,
        "target_url": status.log_url,
        "log_url": status.log_url,
        "environment_url": status.environment_url,
        "created_at": at,
        "updated_at": at,
        "deployment_url": url,
        "repository_url": there,
    }


def _by_id(call: Call) -> Deployment:
    number = call.number("deployment_id")
    for found in call.hub.deployments:
        if (found.id, found.repository) == (number, call.repository.name):
            return found
    raise unfound()


def _merge(call: Call, sha: str) -> None:
    """`auto_merge`, which is on by default: GitHub would merge the default branch (facts, 10)."""
    path, default = call.repository.path, call.repository.default_branch
    tip = git_reading.tip(path, f"refs/heads/{default}")
    if call.body.get("auto_merge", True) and tip and not git_reading.is_ancestor(path, tip, sha):
        raise Problem(409, f"Conflict merging {default} into {call.body['ref']}.")


def _verify(call: Call, sha: str) -> None:
    """`required_contexts`: all that the commit has, unless they are named."""
    found = rules.latest_statuses(call.hub, call.repository, sha)
    contexts = call.body.get("required_contexts")
    names = list(found) if contexts is None else [name.lower() for name in contexts]
    if any(name not in found or found[name].state != "success" for name in names):
        raise Problem(409, f"Conflict: Commit status checks failed for {call.body['ref']}.")


def _end_earlier(call: Call, latest: Deployment) -> None:
    """A success makes earlier ones of the environment inactive, production's aside."""
    for found in call.hub.deployments:
        is_same = (found.repository, found.environment) == (latest.repository, latest.environment)
        is_earlier = is_same and found.id < latest.id
        is_lasting = found.is_transient or found.is_production
        runs = bool(found.statuses) and found.statuses[-1].state == "success"
        if is_earlier and runs and not is_lasting:
            number, now = call.hub.new_id(), call.hub.now()
            found.statuses.append(
                DeploymentStatus(
                    number, "inactive", "", found.environment, "", "", latest.creator, now
                )
            )
