"""Events that are sent by hand, and workflow files."""

from __future__ import annotations

import json
import re
from typing import Any

from tidemill_sandbox.server.rest import rendering
from tidemill_sandbox.server.rest.calls import Answer, Call, Problem, operation, unfound
from tidemill_sandbox.state import git_reading
from tidemill_sandbox.state.hub import Hub, Unprocessable
from tidemill_sandbox.state.shapes import Event, Repository, Workflow

_MOST_PAYLOAD = 65_535  # characters
_WORKFLOWS = "/repos/{owner}/{repo}/actions/workflows"


@operation("POST", "/repos/{owner}/{repo}/dispatches", "contents")
def _dispatch(call: Call) -> Answer:
    payload = call.body.get("client_payload", {})
    if len(json.dumps(payload, separators=(",", ":"), ensure_ascii=False)) > _MOST_PAYLOAD:
        raise Problem(422, "Invalid request.\n\nclient_payload is too large.")
    hub, repository = call.hub, call.repository
    ref = f"refs/heads/{repository.default_branch}"
    hub.emit(Event("repository_dispatch", repository.name, call.cause, hub.now(),
                   call.body["event_type"], git_reading.tip(repository.path, ref), ref,
                   {"client_payload": payload}))  # fmt: skip
    return Answer(204)


@operation("GET", _WORKFLOWS, "actions")
def _workflows(call: Call) -> Answer:
    return call.page(
        [shown(call.hub, call.repository, found) for found in _files(call)], "workflows"
    )


@operation("GET", f"{_WORKFLOWS}/{{workflow_id}}", "actions")
def _workflow(call: Call) -> Answer:
    return Answer(200, shown(call.hub, call.repository, by_id(call)))


@operation("PUT", f"{_WORKFLOWS}/{{workflow_id}}/enable", "actions")
def _enable(call: Call) -> Answer:
    by_id(call).state = "active"
    return Answer(204)


@operation("PUT", f"{_WORKFLOWS}/{{workflow_id}}/disable", "actions")
def _disable(call: Call) -> Answer:
    by_id(call).state = "disabled_manually"
    return Answer(204)


@operation("POST", f"{_WORKFLOWS}/{{workflow_id}}/dispatches", "actions")
def _start(call: Call) -> Answer:
    hub, repository, workflow = call.hub, call.repository, by_id(call)
    if workflow.state != "active":
        raise Problem(422, "Cannot trigger a 'workflow_dispatch' on a disabled workflow")
    name, inputs = call.body["ref"], call.body.get("inputs") or {}
    full = [f"refs/heads/{name}", f"refs/tags/{name}", name if name.startswith("refs/") else ""]
    ref = next((one for one in full if one and git_reading.tip(repository.path, one)), None)
    if ref is None:
        raise Problem(422, f"No ref found for: {name}")
    event = Event("workflow_dispatch", repository.name, call.cause, hub.now(), None,
                  git_reading.resolve(repository.path, name), ref,
                  {"workflow": workflow.path, "inputs": inputs})  # fmt: skip
    if hub.dispatch is None:
        hub.emit(event)
        return Answer(204)
    try:
        run = hub.dispatch(repository, workflow.path, ref, inputs, event)
    except Unprocessable as refused:
        raise Problem(422, str(refused)) from None
    if run is None or not call.body.get("return_run_details"):
        return Answer(204)
    page = f"{hub.url}/{repository.name}/actions/runs/{run.id}"
    url = f"{call.repository_url}/actions/runs/{run.id}"
    return Answer(200, {"workflow_run_id": run.id, "run_url": url, "html_url": page})


def by_id(call: Call) -> Workflow:
    """The workflow that the path names, by its id or its file's name."""
    wanted = call.parameters["workflow_id"]
    for workflow in _files(call):
        if wanted in (str(workflow.id), workflow.path.rpartition("/")[2]):
            return workflow
    raise unfound()


def _files(call: Call) -> list[Workflow]:
    """The workflow files of the default branch."""
    repository = call.repository
    files = git_reading.workflow_files(repository.path, f"refs/heads/{repository.default_branch}")
    found = []
    for path, sha in sorted(files.items()):
        text = git_reading.blob(repository.path, sha).decode(errors="replace")
        named = re.search(r"^name:[ \t]*([^#\n]+)", text, re.MULTILINE)
        name = named[1].strip().strip("\"'") if named else path
        found.append(call.hub.workflow(repository, path, name))
    return found


def shown(hub: Hub, repository: Repository, workflow: Workflow) -> dict[str, Any]:
    """A `workflow`."""
    page = f"{hub.url}/{repository.name}"
    at = rendering.time(workflow.created_at)
    file = workflow.path.rpartition("/")[2]
    return {
        "id": workflow.id,
        "node_id": f"W_{workflow.id}",
        "name": workflow.name,
        "path": workflow.path,
        "state": workflow.state,
        "created_at": at,
        "updated_at": at,
        "url": f"{rendering.url_of(hub, repository)}/actions/workflows/{workflow.id}",
        "html_url": f"{page}/blob/{repository.default_branch}/{workflow.path}",
        "badge_url": f"{page}/actions/workflows/{file}/badge.svg",
    }
