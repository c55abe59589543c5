"""The parts of webhooks' payloads that belong to one kind of event each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tidemill.words.shas import short
from tidemill_sandbox.server.rest import deployments, rendering
from tidemill_sandbox.server.rest.rendering import time
from tidemill_sandbox.state import git_reading
from tidemill_sandbox.state.git_reading import ZEROS, Commit, Person
from tidemill_sandbox.state.hub import Hub
from tidemill_sandbox.state.shapes import (
    CheckRun,
    Deployment,
    DeploymentStatus,
    Event,
    Repository,
    Status,
)

_MOST_COMMITS = 2048


def push(hub: Hub, repository: Repository, event: Event) -> dict[str, Any]:
    """New commits on a branch, or a tag; none where it is gone."""
    before, after = event.parts["before"], event.sha or ZEROS
    span = [after] if before == ZEROS else [f"{before}..{after}"]
    most = "--max-count=1" if before == ZEROS else f"--max-count={_MOST_COMMITS}"
    commits = [] if after == ZEROS else git_reading.commits(repository.path, most, *span)
    shown = [_commit(hub, repository, one) for one in reversed(commits)]
    page = f"{hub.url}/{repository.name}"
    return {
        "ref": event.ref,
        "before": before,
        "after": after,
        "created": event.parts["created"],
        "deleted": event.parts["deleted"],
        "forced": event.parts["forced"],
        "base_ref": None,
        "compare": f"{page}/compare/{short(before)}...{short(after)}",
        "commits": shown,
        "head_commit": shown[-1] if shown else None,
        "pusher": {"name": event.cause.login, "email": None},
    }


def repository_dispatch(_: Hub, repository: Repository, event: Event) -> dict[str, Any]:
    """What a client sent; `action` is its `event_type`."""
    return {
        "action": event.action,
        "branch": repository.default_branch,
        "client_payload": event.parts["client_payload"],
    }


def workflow_dispatch(_: Hub, __: Repository, event: Event) -> dict[str, Any]:
    """The inputs, as strings, and the ref that was asked for."""
    return {
        "inputs": event.parts["inputs"] or None,
        "ref": event.ref,
        "workflow": event.parts["workflow"],
    }


def status(hub: Hub, repository: Repository, event: Event) -> dict[str, Any]:
    """A commit status."""
    found: Status = event.parts["status"]
    commit = rendering.commit(hub, repository, git_reading.commit(repository.path, found.sha))
    commit["commit"]["verification"].pop("verified_at", None)
    tips = git_reading.refs(repository.path, "refs/heads/")
    url = f"{rendering.url_of(hub, repository)}/commits"
    return {
        "id": found.id,
        "sha": found.sha,
        "name": repository.name,
        "target_url": found.target_url,
        "avatar_url": f"{hub.url}/avatars/u/{hub.account(found.creator).id}",
        "context": found.context,
        "description": found.description,
        "state": found.state,
        "commit": commit,
        "branches": [
            {"name": ref.removeprefix("refs/heads/"), "protected": False,
             "commit": {"sha": sha, "url": f"{url}/{sha}"}}
            for ref, (sha, _) in tips.items() if sha == found.sha
        ],
        "created_at": time(found.created_at),
        "updated_at": time(found.created_at),
    }  # fmt: skip


def deployment_status(hub: Hub, repository: Repository, event: Event) -> dict[str, Any]:
    """How a deployment went."""
    deployment: Deployment = event.parts["deployment"]
    status: DeploymentStatus = event.parts["deployment_status"]
    shown = deployments.deployment_status(hub, repository, deployment, status)
    if not status.log_url:
        del shown["log_url"]
    return {
        "action": "created",
        "deployment_status": {**shown, "performed_via_github_app": None},
        "deployment": _deployment(hub, repository, deployment),
    }


def created_deployment(hub: Hub, repository: Repository, event: Event) -> dict[str, Any]:
    """A deployment."""
    return {
        "action": "created",
        "deployment": _deployment(hub, repository, event.parts["deployment"]),
        "workflow": None,
        "workflow_run": None,
    }


def _deployment(hub: Hub, repository: Repository, found: Deployment) -> dict[str, Any]:
    shown = deployments.deployment(hub, repository, found)
    return {**shown, "payload": found.payload or {}, "performed_via_github_app": None}


def check_run(hub: Hub, repository: Repository, event: Event) -> dict[str, Any]:
    """A check run that another App than GitHub Actions made."""
    check: CheckRun = event.parts["check_run"]
    url = rendering.url_of(hub, repository)
    app = rendering.app(hub, check.app_id)
    app.pop("client_id", None)
    here = f"{url}/check-runs/{check.id}"
    page = check.details_url or f"{hub.url}/{repository.name}/runs/{check.id}"
    began = time(check.started_at or event.at)
    ended = time(check.completed_at) if check.completed_at else None
    return {
        "action": event.action,
        "check_run": {
            "id": check.id,
            "node_id": f"CR_{check.id}",
            "head_sha": check.head_sha,
            "external_id": check.external_id,
            "url": here,
            "html_url": page,
            "details_url": page,
            "status": check.status,
            "conclusion": check.conclusion,
            "started_at": began,
            "completed_at": ended,
            "name": check.name,
            "output": {
                "title": check.output.get("title"),
                "summary": check.output.get("summary"),
                "text": check.output.get("text"),
                "annotations_count": 0,
                "annotations_url": f"{here}/annotations",
            },
            "check_suite": {
                "id": check.suite_id,
                "node_id": f"CS_{check.suite_id}",
                "head_branch": repository.default_branch,
                "head_sha": check.head_sha,
                "status": check.status,
                "conclusion": check.conclusion,
                "url": f"{url}/check-suites/{check.suite_id}",
                "before": None,
                "after": None,
                "pull_requests": [],
                "app": app,
                "created_at": began,
                "updated_at": time(event.at),
            },
            "app": app,
            "pull_requests": [],
        },
    }


def _commit(hub: Hub, repository: Repository, found: Commit) -> dict[str, Any]:
    names = git_reading.git(
        repository.path, "diff-tree", "-r", "-z", "--root", "--no-commit-id", "--name-status",
        found.sha,
    ).decode(errors="replace").split("\0")[:-1]  # fmt: skip
    by_kind: dict[str, list[str]] = {"A": [], "M": [], "D": []}
    for kind, name in zip(names[::2], names[1::2], strict=True):
        by_kind[kind if kind in by_kind else "M"].append(name)
    return {
        "id": found.sha,
        "tree_id": found.tree,
        "distinct": True,
        "message": found.message,
        "timestamp": time(datetime.fromtimestamp(found.committer.at, UTC)),
        "url": f"{hub.url}/{repository.name}/commit/{found.sha}",
        "author": _person(found.author),
        "committer": _person(found.committer),
        "added": by_kind["A"],
        "modified": by_kind["M"],
        "removed": by_kind["D"],
    }


def _person(person: Person) -> dict[str, Any]:
    at = time(datetime.fromtimestamp(person.at, UTC))
    return {"name": person.name, "email": person.email, "date": at}
