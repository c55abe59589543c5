"""The components are the real ones, they answer, and they differ where tests count on it."""

from __future__ import annotations

import base64
import http.client
import json
import subprocess
from pathlib import Path
from shutil import copy

import docker
import pytest

from tests.components.shapes import BuildKit, Engine, Registry, StartRegistry

DOCKERFILE = """\
FROM scratch
COPY busybox /bin/busybox
COPY busybox /bin/sh
RUN echo a greeting > /greeting
CMD ["/bin/busybox", "cat", "/greeting"]
"""
STEADY = ("--provenance=false", "--build-arg=SOURCE_DATE_EPOCH=0")


@pytest.fixture
def context(tmp_path: Path, busybox: Path) -> Path:
    """A folder to build an image with a shell from."""
    folder = tmp_path / "context"
    folder.mkdir()
    copy(busybox, folder / "busybox")
    (folder / "Dockerfile").write_text(DOCKERFILE)
    return folder


def run(environment: dict[str, str] | None, *words: str | Path) -> str:
    line = [str(word) for word in words]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def built(environment: dict[str, str], context: Path, name: str) -> Path:
    """The OCI layout that `docker buildx` exports of the context."""
    file, layout = context.parent / f"{name}.tar", context.parent / name
    output = f"--output=type=oci,dest={file},rewrite-timestamp=true"
    run(environment, "docker", "buildx", "build", "--no-cache", *STEADY, output, context)
    layout.mkdir()
    run(None, "tar", "-xf", file, "-C", layout)
    return layout


def manifest_of(layout: Path) -> str:
    (manifest,) = json.loads((layout / "index.json").read_text())["manifests"]
    return str(manifest["digest"])


def config_of(layout: Path) -> str:
    file = layout / "blobs" / manifest_of(layout).replace(":", "/")
    return str(json.loads(file.read_text())["config"]["digest"])


def status(registry: Registry, path: str, **headers: str) -> int:
    connection = http.client.HTTPConnection(registry.host, timeout=60)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_test_is_marked_by_what_it_uses(
    request: pytest.FixtureRequest, registry: Registry, docker26: Engine
) -> None:
    markers = {marker.name for marker in request.node.iter_markers()}
    assert {"docker", "registry"} <= markers


def test_the_registry_answers_anyone(registry: Registry) -> None:
    assert status(registry, "/v2/") == 200
    assert "version=2.8.2" in registry.log.read_text()


def test_a_registry_with_a_password_answers_who_has_it(basic_registry: Registry) -> None:
    pair = base64.b64encode(f"{basic_registry.user}:{basic_registry.password}".encode()).decode()
    assert status(basic_registry, "/v2/") == 401
    assert status(basic_registry, "/v2/", Authorization=f"Basic {pair}") == 200


def test_a_registry_of_ones_own_has_its_own_settings_and_end(start_registry: StartRegistry) -> None:
    own = start_registry({"http": {"prefix": "/below/"}})
    assert (status(own, "/below/v2/"), status(own, "/v2/")) == (200, 404)
    own.stop()
    with pytest.raises(ConnectionRefusedError):
        status(own, "/v2/")


def test_the_two_buildkits_are_one_release_by_two_releases_of_go(
    buildkit_go126: BuildKit, buildkit_go127: BuildKit
) -> None:
    assert buildkit_go126.go.startswith("go1.26.")
    assert buildkit_go127.go.startswith("go1.27.")
    for buildkit in (buildkit_go126, buildkit_go127):
        said = run(buildkit.environment, buildkit.buildx, "inspect", buildkit.builder)
        assert f"BuildKit version: {buildkit.version}" in " ".join(said.split())


def test_the_two_buildkits_make_other_bytes_of_one_image(
    buildkit_go126: BuildKit, buildkit_go127: BuildKit, context: Path
) -> None:
    """Where this fails, the reason for a canonical form has gone."""
    one = built(buildkit_go126.environment, context, "one")
    other = built(buildkit_go127.environment, context, "other")
    assert config_of(one) == config_of(other)
    assert manifest_of(one) != manifest_of(other)


def test_buildkit_pushes_where_skopeo_and_crane_read(
    buildkit_go126: BuildKit, registry: Registry, context: Path, skopeo: Path, crane: Path
) -> None:
    name = registry.name("components/pushed")
    output = f"--output=type=image,name={name}:1,push=true"
    run(buildkit_go126.environment, buildkit_go126.buildx, "build", *STEADY, output, context)
    reference = f"docker://{name}:1"
    by_skopeo = run(
        None, skopeo, "inspect", "--tls-verify=false", "--format={{.Digest}}", reference
    )
    by_crane = run(None, crane, "digest", f"{name}:1")
    assert by_skopeo == by_crane
    assert by_crane.startswith("sha256:")


def test_the_old_engine_builds_and_runs(old_engine: Engine, context: Path) -> None:
    assert old_engine.version.startswith("20.10.24")
    client = docker.DockerClient(base_url=old_engine.host)
    try:
        assert client.info()["Driver"] == "overlay2"
        client.images.build(path=str(context), tag="components:old", rm=True)
        assert client.containers.run("components:old", remove=True) == b"a greeting\n"
    finally:
        client.close()


def test_docker_26_exports_and_runs(docker26: Engine, context: Path) -> None:
    assert docker26.version.startswith("26.1.5")
    layout = built(docker26.environment, context, "layout")
    assert manifest_of(layout).startswith("sha256:")
    run(docker26.environment, "docker", "build", "--tag=components:26", context)
    assert run(docker26.environment, "docker", "run", "--rm", "components:26") == "a greeting\n"


def test_engines_push_to_the_registry(
    old_engine: Engine, docker26: Engine, registry: Registry, context: Path, crane: Path
) -> None:
    for engine in (old_engine, docker26):
        name = registry.name(f"components/of-{engine.version.partition('.')[0]}")
        run(engine.environment, "docker", "build", f"--tag={name}", context)
        run(engine.environment, "docker", "push", name)
        assert run(None, crane, "digest", name).startswith("sha256:")
