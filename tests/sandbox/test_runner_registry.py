"""The registry for the stand-in's images, over HTTP."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tidemill_sandbox.registry import Registry

DATA = b"a layer"
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path) as found:
        yield found


def ask(
    registry: Registry, method: str, path: str, body: bytes = b""
) -> tuple[int, Mapping[str, str], bytes]:
    connection = http.client.HTTPConnection(registry.host, timeout=60)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


def test_a_blob_comes_in_pieces_and_is_there(registry: Registry) -> None:
    status, headers, _ = ask(registry, "POST", "/v2/acme/a/blobs/uploads/")
    assert status == 202
    where = headers["Location"]
    assert ask(registry, "PATCH", where, DATA[:3])[0] == 202
    assert ask(registry, "PUT", f"{where}?digest={DIGEST}", DATA[3:])[0] == 201
    assert ask(registry, "GET", f"/v2/acme/a/blobs/{DIGEST}")[2] == DATA
    status, headers, body = ask(registry, "HEAD", f"/v2/acme/a/blobs/{DIGEST}")
    assert (status, headers["Content-Length"], body) == (200, str(len(DATA)), b"")


def test_a_blob_is_mounted_where_it_is_known_and_sent_where_not(registry: Registry) -> None:
    path = f"/v2/acme/b/blobs/uploads/?mount={DIGEST}&from=acme/a"
    assert ask(registry, "POST", path)[0] == 202
    assert ask(registry, "POST", f"/v2/acme/a/blobs/uploads/?digest={DIGEST}", DATA)[0] == 201
    assert ask(registry, "POST", path)[0] == 201


def test_other_bytes_than_the_digest_says_are_refused(registry: Registry) -> None:
    path = f"/v2/acme/a/blobs/uploads/?digest={DIGEST}"
    assert ask(registry, "POST", path, b"another")[0] == 400
    assert ask(registry, "GET", f"/v2/acme/a/blobs/{DIGEST}")[0] == 404


def test_a_manifest_is_there_by_its_tag_and_its_digest(registry: Registry) -> None:
    kind = "application/vnd.oci.image.manifest.v1+json"
    text = json.dumps({"schemaVersion": 2, "mediaType": kind}).encode()
    status, headers, _ = ask(registry, "PUT", "/v2/acme/a/manifests/main", text)
    assert status == 201
    for name in ("main", headers["Docker-Content-Digest"]):
        _, found, body = ask(registry, "GET", f"/v2/acme/a/manifests/{name}")
        assert (body, found["Content-Type"]) == (text, kind)
    assert json.loads(ask(registry, "GET", "/v2/acme/a/tags/list")[2])["tags"] == ["main"]


@pytest.mark.parametrize(
    "path",
    ["/v2/acme/a/blobs/../../hub", "/v2/../x", "/etc/passwd", "/v2/acme/a/manifests/..%2f..%2fx"],
)
def test_no_path_leaves_its_folder(registry: Registry, path: str) -> None:
    assert ask(registry, "GET", path)[0] == 404
