"""Artifacts of runs: the service that the runner's toolkit speaks to, and the store of their bytes.

The service is the fourth version of the protocol (`github.actions.results.api.v1.ArtifactService`,
Twirp with JSON); bytes go to addresses that it signs, in the way of Azure's block blobs. A name is
unique in its run, and what was finished never changes.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tidemill_sandbox.state.memory import Memory
from tidemill_sandbox.state.messages import Reply, Request, as_json
from tidemill_sandbox.state.shapes import Artifact, Run
from tidemill_sandbox.state.signing import Signer
from tidemill_sandbox.state.tokens import Tokens, given_tokens

_SERVICE = "/twirp/github.actions.results.api.v1.ArtifactService/"
_BLOB = re.compile(r"/_blobs/(?P<id>\d+)")
_UPLOAD, _DOWNLOAD = timedelta(hours=1), timedelta(minutes=10)
_KEPT = timedelta(days=90)
_MOST_ARTIFACTS = 500  # of one job; here of one run, which is stricter
_MOST_BODY = 1 << 20
_LISTED = re.compile(rb"<(?:Latest|Uncommitted|Committed)>([^<]+)</")
_FORBIDDEN = set('":<>|*?\r\n\\/')


class _Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.reply = as_json(status, {"code": code, "msg": message})


class Artifacts:
    """Answers the toolkit, and keeps what it sends."""

    def __init__(self, hub: Memory, signer: Signer, tokens: Tokens) -> None:
        self._hub, self._signer, self._tokens = hub, signer, tokens

    def answer(self, request: Request) -> Reply | None:
        """The answer, None where the path is not of artifacts."""
        if request.path.startswith(_SERVICE):
            try:
                return self._serve(request, request.path.removeprefix(_SERVICE))
            except _Refused as refused:
                return refused.reply
        found = _BLOB.fullmatch(request.path)
        if found is None:
            return None
        signed = "GET" if request.method in ("GET", "HEAD") else "PUT"
        if not self._signer.is_valid(request.path, signed, request.query):
            return _azure(403, "AuthenticationFailed")
        artifact = self._by_id(int(found["id"]))
        if artifact is None:
            return _azure(404, "BlobNotFound")
        if request.method == "PUT":
            return self._store(request, artifact)
        return _sent(artifact)

    def download_url(self, artifact: Artifact, lifetime: timedelta = _DOWNLOAD) -> str:
        """Where the bytes of an artifact are, for a while."""
        return self._signer.url(f"/_blobs/{artifact.id}", "GET", lifetime)

    def remove(self, artifact: Artifact) -> None:
        """Delete an artifact; its name is free again."""
        with self._hub.lock:
            self._hub.artifacts.remove(artifact)
        artifact.path.unlink(missing_ok=True)
        shutil.rmtree(_blocks(artifact), ignore_errors=True)

    # --- the service

    def _serve(self, request: Request, method: str) -> Reply:
        given = given_tokens(request.headers.get("Authorization", ""))
        scope = self._tokens.runtime_scope(given[0]) if given else None
        run = self._hub.run(scope[0]) if scope else None
        if scope is None or run is None:
            raise _Refused(401, "unauthenticated", "the runtime token is not valid")
        body = request.body.all()
        try:
            asked = json.loads(body) if len(body) <= _MOST_BODY else None
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            raise _Refused(400, "malformed", "the request is no JSON")
        if str(asked.get("workflow_run_backend_id")) != str(run.id):
            raise _Refused(403, "permission_denied", "the token is of another run")
        match method:
            case "CreateArtifact":
                return as_json(200, self._create(run, scope[1], asked))
            case "FinalizeArtifact":
                return as_json(200, self._finish(run, asked))
            case "ListArtifacts":
                return as_json(200, {"artifacts": self._list(run, asked)})
            case "GetSignedArtifactURL":
                url = self.download_url(self._finished(run, asked))
                return as_json(200, {"signed_url": url})
            case "DeleteArtifact":
                artifact = self._finished(run, asked)
                self.remove(artifact)
                return as_json(200, {"ok": True, "artifact_id": str(artifact.id)})
            case _:
                raise _Refused(404, "bad_route", f"no such method: {method[:40]}")

    def _create(self, run: Run, job_id: int, asked: Mapping[str, Any]) -> dict[str, Any]:
        name, hub = str(asked.get("name", "")), self._hub
        if not name or set(name) & _FORBIDDEN:
            raise _Refused(400, "invalid_argument", "the artifact's name is not valid")
        if asked.get("version") not in (4, 7):
            raise _Refused(400, "invalid_argument", "the version is not supported")
        now = hub.now()
        until = now + _KEPT
        if (wanted := asked.get("expires_at")) is not None:
            until = min(until, datetime.fromisoformat(wanted))
        with hub.lock:
            own = [artifact for artifact in hub.artifacts if artifact.run_id == run.id]
            if any(artifact.name == name for artifact in own):
                raise _Refused(409, "already_exists", "an artifact with this name already exists "
                               "on the workflow run")  # fmt: skip
            if len(own) >= _MOST_ARTIFACTS:
                raise _Refused(429, "resource_exhausted", "this run has too many artifacts")
            number = hub.new_id()
            path = hub.folder / "artifacts" / str(number)
            artifact = Artifact(number, run.repository, run.id, name, path, now, until, job_id)
            if mime := asked.get("mime_type"):
                artifact.mime = str(mime)
            hub.artifacts.append(artifact)
        return {
            "ok": True,
            "signed_upload_url": self._signer.url(f"/_blobs/{number}", "PUT", _UPLOAD),
        }

    def _finish(self, run: Run, asked: Mapping[str, Any]) -> dict[str, Any]:
        artifact = self._named(run, asked)
        if artifact is None or not artifact.path.is_file():
            raise _Refused(404, "not_found", "there is no such artifact, or nothing was sent")
        size = artifact.path.stat().st_size
        if str(asked.get("size")) != str(size):
            raise _Refused(400, "invalid_argument", f"the artifact has {size} bytes")
        with artifact.path.open("rb") as file:
            digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
        if asked.get("hash") not in (None, digest):
            raise _Refused(400, "invalid_argument", "the artifact has another hash")
        shutil.rmtree(_blocks(artifact), ignore_errors=True)
        with self._hub.lock:
            artifact.size, artifact.digest, artifact.is_final = size, digest, True
        return {"ok": True, "artifact_id": str(artifact.id)}

    def _list(self, run: Run, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        name, number = asked.get("name_filter"), asked.get("id_filter")
        return [
            {
                "workflow_run_backend_id": str(run.id),
                "workflow_job_run_backend_id": str(artifact.job_id),
                "database_id": str(artifact.id),
                "name": artifact.name,
                "size": str(artifact.size),
                "created_at": artifact.created_at.isoformat().replace("+00:00", "Z"),
                "digest": artifact.digest,
            }
            for artifact in self._hub.artifacts
            if artifact.run_id == run.id
            and artifact.is_final
            and name in (None, artifact.name)
            and number in (None, str(artifact.id))
        ]

    def _finished(self, run: Run, asked: Mapping[str, Any]) -> Artifact:
        artifact = self._named(run, asked)
        if artifact is None or not artifact.is_final:
            raise _Refused(404, "not_found", "there is no such artifact")
        return artifact

    def _named(self, run: Run, asked: Mapping[str, Any]) -> Artifact | None:
        for artifact in self._hub.artifacts:
            if artifact.run_id == run.id and artifact.name == asked.get("name"):
                return artifact
        return None

    def _by_id(self, number: int) -> Artifact | None:
        return next((found for found in self._hub.artifacts if found.id == number), None)

    # --- the bytes

    def _store(self, request: Request, artifact: Artifact) -> Reply:
        if artifact.is_final:
            return _azure(409, "BlobImmutableDueToPolicy")
        blocks = _blocks(artifact)
        match request.query.get("comp"):
            case "block":
                blocks.mkdir(exist_ok=True)
                name = request.query.get("blockid", "").encode()
                _write(_block(blocks, name), request.body.pieces())
            case "blocklist":
                files = [_block(blocks, name) for name in _LISTED.findall(request.body.all())]
                if not all(file.is_file() for file in files):
                    return _azure(400, "InvalidBlockList")
                _write(artifact.path, (file.read_bytes() for file in files))
            case None if request.headers.get("x-ms-blob-type") == "BlockBlob":
                _write(artifact.path, request.body.pieces())
            case _:
                return _azure(400, "InvalidQueryParameterValue")
        return _azure(201)


def _blocks(artifact: Artifact) -> Path:
    return artifact.path.with_name(f"{artifact.path.name}.blocks")


def _block(blocks: Path, name: bytes) -> Path:
    return blocks / hashlib.sha256(name).hexdigest()


def _write(file: Path, pieces: Iterator[bytes]) -> None:
    beside = file.with_name(f"{file.name}.part")
    with beside.open("wb") as target:
        for piece in pieces:
            target.write(piece)
    beside.replace(file)


def _sent(artifact: Artifact) -> Reply:
    if not artifact.path.is_file():
        return _azure(404, "BlobNotFound")
    is_zip = artifact.mime == "application/zip"
    name = f"{artifact.name}.zip" if is_zip else artifact.name
    headers = {
        "Content-Type": artifact.mime,
        "Content-Length": str(artifact.path.stat().st_size),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "x-ms-blob-type": "BlockBlob",
    }
    return Reply(200, headers, _read(artifact.path))


def _read(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while piece := source.read(1 << 20):
            yield piece


def _azure(status: int, code: str = "") -> Reply:
    headers = {"x-ms-version": "2025-11-05", "x-ms-request-server-encrypted": "true"}
    if not code:
        return Reply(status, headers)
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code></Error>'
    more = {"Content-Type": "application/xml", "x-ms-error-code": code}
    return Reply(status, headers | more, body.encode())
