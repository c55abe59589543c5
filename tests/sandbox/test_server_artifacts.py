"""Artifacts: GitHub's own code sends and gets them; the rest of the protocol goes by hand."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.node_world import Node
from tests.sandbox.server_world import Heard, World
from tests.sandbox.test_server_rest import a_run

from tidemill_sandbox.state.shapes import Run

SERVICE = "/twirp/github.actions.results.api.v1.ArtifactService"
SCRIPT = """\
import { DefaultArtifactClient } from '@actions/artifact';

const client = new DefaultArtifactClient();
found = [];
for (const [method, ...rest] of given) {
  try { found.push(await client[method](...rest)); }
  catch (error) { found.push({ error: error.message }); }
}
"""


class Toolkit:
    """GitHub's own package, as it runs in a job."""

    def __init__(self, world: World, folder: Path) -> None:
        self.node, self.world, self.folder = Node(folder), world, folder
        self.files = folder / "files"
        (self.files / "below").mkdir(parents=True)
        (self.files / "a.json").write_text('{"a": 1}')
        (self.files / "below" / "b").write_bytes(bytes(range(256)) * 80_000)

    def do(self, run: Run, *steps: Any) -> list[Any]:
        """Call methods of the client, one after the other, in a job of a run."""
        hub = self.world.hub
        job = hub.add_job(run, "build")
        environment = {
            "ACTIONS_RESULTS_URL": hub.results_url,
            "ACTIONS_RUNTIME_TOKEN": hub.tokens.runtime(run.id, job.id),
            "GITHUB_API_URL": hub.api_url,
            # The package refuses servers of Enterprise: only such a name passes.
            "GITHUB_SERVER_URL": hub.url.replace("127.0.0.1", "github.localhost"),
            "GITHUB_WORKSPACE": str(self.folder),
        }
        found: list[Any] = self.node.run(SCRIPT, steps, environment)
        return found


@pytest.fixture
def toolkit(pushed: World, tmp_path: Path) -> Toolkit:
    return Toolkit(pushed, tmp_path / "job")


def test_github_s_own_code_sends_and_gets_artifacts(pushed: World, toolkit: Toolkit) -> None:
    run, files = a_run(pushed), str(toolkit.files)
    names = [f"{files}/a.json", f"{files}/below/b"]
    sent, again, raw = toolkit.do(
        run,
        ("uploadArtifact", "announcement app", names, files, {"retentionDays": 3}),
        ("uploadArtifact", "announcement app", names, files),
        ("uploadArtifact", "-", names[:1], files, {"skipArchive": True}),
    )
    assert "already exists" in again["error"]
    got = str(toolkit.folder / "got")
    listed, one, down, plain, gone, rest = toolkit.do(
        run,
        ("listArtifacts",),
        ("getArtifact", "announcement app"),
        ("downloadArtifact", sent["id"], {"path": got, "expectedHash": f"sha256:{sent['digest']}"}),
        ("downloadArtifact", raw["id"], {"path": f"{got}-raw"}),
        ("deleteArtifact", "a.json"),
        ("listArtifacts",),
    )
    assert sorted(found["name"] for found in listed["artifacts"]) == ["a.json", "announcement app"]
    assert one["artifact"]["digest"] == f"sha256:{sent['digest']}"
    assert not down["digestMismatch"]
    assert not plain["digestMismatch"]
    assert (Path(got) / "below" / "b").read_bytes() == (toolkit.files / "below" / "b").read_bytes()
    assert (Path(f"{got}-raw") / "a.json").read_text() == '{"a": 1}'
    assert gone["id"] == raw["id"]
    assert [found["id"] for found in rest["artifacts"]] == [sent["id"]]


def test_another_repository_gets_an_artifact_with_a_token(pushed: World, toolkit: Toolkit) -> None:
    run, files = a_run(pushed), str(toolkit.files)
    [sent] = toolkit.do(run, ("uploadArtifact", "set", [f"{files}/a.json"], files))
    pushed.repository.is_private = True
    find = {
        "workflowRunId": run.id,
        "repositoryOwner": "acme",
        "repositoryName": "app",
        "token": pushed.mint(actions="read"),
    }
    got = str(toolkit.folder / "got")
    elsewhere = a_run(pushed, "elsewhere")
    found, down, refused = toolkit.do(
        elsewhere,
        ("getArtifact", "set", {"findBy": find}),
        ("downloadArtifact", sent["id"], {"findBy": find, "path": got}),
        ("listArtifacts", {"findBy": find | {"token": pushed.mint(contents="read")}}),
    )
    assert found["artifact"]["id"] == sent["id"]
    assert "error" not in down
    assert (Path(got) / "a.json").is_file()
    assert "Resource not accessible by personal access token" in refused["error"]


# --- by hand


class Hand:
    """The protocol without the toolkit."""

    def __init__(self, world: World, run: Run) -> None:
        self.world, self.run = world, run
        self.job = world.hub.add_job(run, "build")
        self.token = world.hub.tokens.runtime(run.id, self.job.id)

    def ask(self, method: str, token: str | None = None, **fields: Any) -> Heard:
        body = {"workflow_run_backend_id": str(self.run.id), "name": "set", **fields}
        given = self.token if token is None else token
        data = json.dumps(body).encode()
        return self.world.ask("POST", f"{SERVICE}/{method}", data, token=given)

    def send(self, data: bytes, **fields: Any) -> Heard:
        url = self.ask("CreateArtifact", version=7, **fields).json["signed_upload_url"]
        headers = {"x-ms-blob-type": "BlockBlob"}
        assert self.world.ask("PUT", url, data, headers=headers).status == 201
        return self.ask("FinalizeArtifact", size=str(len(data)), **fields)


@pytest.fixture
def hand(pushed: World) -> Hand:
    return Hand(pushed, a_run(pushed))


def test_an_artifact_is_seen_by_the_rest_api_at_once(pushed: World, hand: Hand) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("announcement.json", "{}")
    assert hand.send(whole.getvalue()).json["ok"]
    where = f"/repos/acme/app/actions/runs/{hand.run.id}/artifacts"
    assert pushed.call("GET", f"{where}?name=other").json["total_count"] == 0
    [found] = pushed.call("GET", f"{where}?name=set").json["artifacts"]
    digest = f"sha256:{hashlib.sha256(whole.getvalue()).hexdigest()}"
    assert (found["digest"], found["size_in_bytes"]) == (digest, len(whole.getvalue()))
    assert found["workflow_run"]["id"] == hand.run.id
    path = f"/repos/acme/app/actions/artifacts/{found['id']}/zip"
    moved = pushed.call("GET", path)
    assert (moved.status, moved.body) == (302, b"")
    assert pushed.ask("GET", moved.headers["Location"]).body == whole.getvalue()
    pushed.clock.pass_(minutes=1)
    assert pushed.ask("GET", moved.headers["Location"]).status == 403
    pushed.clock.pass_(days=89)
    token = pushed.mint(actions="read")
    assert pushed.call("GET", path, token=token).status == 302
    pushed.clock.pass_(days=1)
    assert pushed.call("GET", path, token=token).status == 410


def test_an_artifact_is_not_there_before_it_is_whole(pushed: World, hand: Hand) -> None:
    hand.ask("CreateArtifact", version=7)
    assert hand.ask("ListArtifacts", name_filter="set").json["artifacts"] == []
    assert hand.ask("GetSignedArtifactURL").status == 404
    assert hand.ask("FinalizeArtifact", size="0").status == 404
    listed = pushed.call("GET", f"/repos/acme/app/actions/runs/{hand.run.id}/artifacts")
    assert listed.json["total_count"] == 0


def test_what_was_finished_never_changes(pushed: World, hand: Hand) -> None:
    url = hand.ask("CreateArtifact", version=7).json["signed_upload_url"]
    headers = {"x-ms-blob-type": "BlockBlob"}
    pushed.ask("PUT", url, b"one", headers=headers)
    assert hand.ask("FinalizeArtifact", size="3").json["ok"]
    assert pushed.ask("PUT", url, b"two", headers=headers).status == 409
    assert hand.ask("CreateArtifact", version=7).status == 409
    where = hand.ask("GetSignedArtifactURL").json["signed_url"]
    assert pushed.ask("GET", where).body == b"one"


def test_another_size_or_hash_than_what_was_sent_is_refused(pushed: World, hand: Hand) -> None:
    url = hand.ask("CreateArtifact", version=7).json["signed_upload_url"]
    pushed.ask("PUT", url, b"one", headers={"x-ms-blob-type": "BlockBlob"})
    assert hand.ask("FinalizeArtifact", size="4").status == 400
    assert hand.ask("FinalizeArtifact", size="3", hash="sha256:00").status == 400


def test_blocks_are_put_together_as_they_are_listed(pushed: World, hand: Hand) -> None:
    url = hand.ask("CreateArtifact", version=7).json["signed_upload_url"]
    for name, data in (("Yg==", b"two"), ("YQ==", b"one")):
        assert pushed.ask("PUT", f"{url}&comp=block&blockid={name}", data).status == 201
    unknown = b"<BlockList><Latest>Yw==</Latest></BlockList>"
    assert pushed.ask("PUT", f"{url}&comp=blocklist", unknown).status == 400
    listed = b"<BlockList><Latest>YQ==</Latest><Latest>Yg==</Latest></BlockList>"
    assert pushed.ask("PUT", f"{url}&comp=blocklist", listed).status == 201
    assert hand.ask("FinalizeArtifact", size="6").json["ok"]
    where = hand.ask("GetSignedArtifactURL").json["signed_url"]
    assert pushed.ask("GET", where).body == b"onetwo"


def test_a_job_s_token_is_for_its_own_run(pushed: World, hand: Hand) -> None:
    hand.send(b"data")
    other = Hand(pushed, a_run(pushed, "other"))
    stolen = str(hand.run.id)
    for method in ("ListArtifacts", "GetSignedArtifactURL", "DeleteArtifact"):
        assert other.ask(method, workflow_run_backend_id=stolen).status == 403
    assert hand.ask("ListArtifacts", token=pushed.token).status == 401
    assert hand.ask("ListArtifacts", token="").status == 401


def test_an_address_is_for_what_it_was_signed_for(pushed: World, hand: Hand) -> None:
    hand.send(b"data")
    url = hand.ask("GetSignedArtifactURL").json["signed_url"]
    body = {"x-ms-blob-type": "BlockBlob"}
    assert pushed.ask("PUT", url, b"other", headers=body).status == 403
    assert pushed.ask("GET", url.replace("sig=", "sig=0")).status == 403
    assert pushed.ask("GET", url.partition("?")[0]).status == 403
    assert pushed.ask("GET", url.replace("/_blobs/", "/_blobs/9")).status == 403


@pytest.mark.parametrize("name", ["", "a/b", "..\\x", "a:b", 'a"b', "a\nb"])
def test_a_name_that_could_not_be_a_file_s_is_refused(hand: Hand, name: str) -> None:
    assert hand.ask("CreateArtifact", version=7, name=name).status == 400
