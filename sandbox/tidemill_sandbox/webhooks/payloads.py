"""Payloads of events in GitHub's shapes, each held against GitHub's own schemas.

What a workflow sees as `github.event` is the webhook's payload (`schedule` has but its `cron`).
A payload that its schema does not allow is a deviation of the stand-in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import jsonschema

from tidemill_sandbox import npm_files
from tidemill_sandbox.server.rest import rendering
from tidemill_sandbox.state import git_reading
from tidemill_sandbox.state.git_reading import ZEROS, Unfound
from tidemill_sandbox.state.hub import Hub
from tidemill_sandbox.state.shapes import Event, Repository
from tidemill_sandbox.webhooks import parts, runs

_INSTALLATION = 1  # of the App that a webhook is for; a workflow never asks


def payload(hub: Hub, repository: Repository, event: Event) -> dict[str, Any]:
    """The payload of an event; where it differs from GitHub's schema, the hub notes a deviation."""
    if event.name == "schedule":
        return {"schedule": event.parts["schedule"], **_common(hub, repository, event)}
    found = {**_PARTS[event.name](hub, repository, event), **_common(hub, repository, event)}
    for deviation in deviations(event.name, event.action, found):
        hub.deviate(f"event {event.name}: {deviation}")
    return found


def deviations(name: str, action: str | None, body: Mapping[str, Any]) -> list[str]:
    """How a payload differs from GitHub's schema of the event."""
    found = _validator(name, action).iter_errors(body)
    return [f"{error.json_path}: {error.message[:300]}" for error in found]


def title(repository: Repository, event: Event) -> str:
    """What GitHub calls a run of this event."""
    match event.name:
        case "push":
            return git_reading.commit(repository.path, event.sha or "").message.partition("\n")[0]
        case "repository_dispatch":
            return str(event.action)
        case "workflow_run":
            return str(event.parts["run"].title)
        case _:
            return ""


def changed(repository: Repository, event: Event) -> tuple[str, ...] | None:
    """The files that a push changed; None for a new branch: its paths are not compared."""
    before = event.parts.get("before", ZEROS)
    if before == ZEROS or event.sha is None:
        return None
    try:
        names = git_reading.git(
            repository.path, "diff-tree", "-r", "-z", "--name-only", before, event.sha
        )
    except Unfound:
        return None
    return tuple(names.decode(errors="replace").split("\0")[:-1])


def _common(hub: Hub, repository: Repository, event: Event) -> dict[str, Any]:
    found: dict[str, Any] = {
        "repository": _repository(hub, repository),
        "sender": rendering.account(hub, event.cause.login),
    }
    if event.name == "repository_dispatch":
        found["installation"] = {"id": _INSTALLATION, "node_id": "I_1"}
    if hub.account(repository.owner).kind == "Organization":
        found["organization"] = _organization(hub, repository.owner)
    return found


def _repository(hub: Hub, repository: Repository) -> dict[str, Any]:
    return {**rendering.whole_repository(hub, repository), "custom_properties": {}}


def _organization(hub: Hub, login: str) -> dict[str, Any]:
    url = f"{hub.api_url}/orgs/{login}"
    found = hub.account(login)
    return {
        "login": login,
        "id": found.id,
        "node_id": f"O_{found.id}",
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"{hub.url}/avatars/u/{found.id}",
        "description": None,
    }


@cache
def _validator(name: str, action: str | None) -> jsonschema.Draft7Validator:
    """Of one event, and of one activity type where the schemas tell them apart."""
    whole = _schemas()
    for key in (f"{name}${action}", f"{name}$event", f"{name}_event"):
        if key in whole["definitions"]:
            reference = {"$ref": f"#/definitions/{key}", "definitions": whole["definitions"]}
            return jsonschema.Draft7Validator(reference, format_checker=_formats())
    raise KeyError(name)


@cache
def _formats() -> jsonschema.FormatChecker:
    """With addresses, of which an empty text is none: the schemas count on that."""
    found = jsonschema.FormatChecker()
    found.checks("uri")(lambda value: not isinstance(value, str) or bool(urlsplit(value).scheme))
    return found


@cache
def _schemas() -> dict[str, Any]:
    file = npm_files.file_of(npm_files.WEBHOOKS, "schema.json")
    found: dict[str, Any] = json.loads(file.read_bytes())
    return found


_PARTS: dict[str, Callable[[Hub, Repository, Event], dict[str, Any]]] = {
    "push": parts.push,
    "repository_dispatch": parts.repository_dispatch,
    "workflow_dispatch": parts.workflow_dispatch,
    "status": parts.status,
    "deployment": parts.created_deployment,
    "deployment_status": parts.deployment_status,
    "check_run": parts.check_run,
    "workflow_run": runs.workflow_run,
}
