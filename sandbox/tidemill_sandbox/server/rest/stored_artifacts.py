"""Artifacts, as other runs and other repositories get at them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tidemill_sandbox.server.rest import rendering
from tidemill_sandbox.server.rest.calls import Answer, Call, Problem, operation, unfound
from tidemill_sandbox.state.shapes import Artifact

_ALL = "/repos/{owner}/{repo}/actions/artifacts"
_LIFE = timedelta(minutes=1)  # of the address that a download leads to


@operation("GET", _ALL, "actions")
def _artifacts(call: Call) -> Answer:
    return _listed(call, None)


@operation("GET", "/repos/{owner}/{repo}/actions/runs/{run_id}/artifacts", "actions")
def _artifacts_of_run(call: Call) -> Answer:
    return _listed(call, call.run().id)


@operation("GET", f"{_ALL}/{{artifact_id}}", "actions")
def _artifact(call: Call) -> Answer:
    return Answer(200, _shown(call, _by_id(call)))


@operation("DELETE", f"{_ALL}/{{artifact_id}}", "actions")
def _delete(call: Call) -> Answer:
    call.hub.blobs.remove(_by_id(call))
    return Answer(204)


@operation("GET", f"{_ALL}/{{artifact_id}}/{{archive_format}}", "actions")
def _download(call: Call) -> Answer:
    artifact = _by_id(call)
    if call.token is None:  # GitHub asks for one here even where the repository is public
        raise Problem(401, "Requires authentication")
    if call.parameters["archive_format"] != "zip":
        raise unfound()
    if _is_expired(call, artifact):
        raise Problem(410, "Artifact has expired")
    return Answer(302, None, {"Location": call.hub.blobs.download_url(artifact, _LIFE)})


def _listed(call: Call, run_id: int | None) -> Answer:
    name = call.query.get("name")
    found = [
        _shown(call, artifact)
        for artifact in reversed(list(call.hub.artifacts))
        if artifact.repository == call.repository.name
        and artifact.is_final
        and run_id in (None, artifact.run_id)
        and name in (None, artifact.name)
    ]
    if call.query.get("direction") == "asc":
        found.reverse()
    return call.page(found, "artifacts")


def _by_id(call: Call) -> Artifact:
    number = call.number("artifact_id")
    for artifact in call.hub.artifacts:
        is_it = (artifact.id, artifact.repository) == (number, call.repository.name)
        if is_it and artifact.is_final:
            return artifact
    raise unfound()


def _is_expired(call: Call, artifact: Artifact) -> bool:
    return call.hub.now() >= artifact.expires_at


def _shown(call: Call, artifact: Artifact) -> dict[str, Any]:
    url = f"{call.repository_url}/actions/artifacts/{artifact.id}"
    run = call.hub.run(artifact.run_id)
    created = rendering.time(artifact.created_at)
    return {
        "id": artifact.id,
        "node_id": f"AR_{artifact.id}",
        "name": artifact.name,
        "size_in_bytes": artifact.size,
        "url": url,
        "archive_download_url": f"{url}/zip",
        "expired": _is_expired(call, artifact),
        "created_at": created,
        "updated_at": created,
        "expires_at": rendering.time(artifact.expires_at),
        "digest": artifact.digest,
        "workflow_run": None
        if run is None
        else {
            "id": run.id,
            "repository_id": call.repository.id,
            "head_repository_id": call.repository.id,
            "head_branch": run.head_branch or "",
            "head_sha": run.head_sha,
        },
    }
