"""Dockerfiles through buildx: what it is told, what it must not know, and how it fails."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from msgspec import structs
from tests.clients.building import (
    COPY_ONLY,
    Maker,
    a_context,
    buildkit,
    dockerfile,
    push,
)
from tests.components.shapes import BuildKit, Engine, Registry

from tidemill.building.engines.buildkit import build_with_buildkit
from tidemill.errors import (
    EntryPointFailed,
    Refused,
    ServerRefused,
    TidemillError,
    TimeLimit,
    Unreachable,
)
from tidemill.images.dockerfile.stages import NotByDigest
from tidemill.images.location import Location

NOBODY = f"sha256:{'0' * 64}"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory, busybox: Path) -> Path:
    return a_context(tmp_path_factory.mktemp("buildkit"), busybox)


@pytest.fixture
def maker(buildkit_go126: BuildKit) -> Maker:
    return buildkit("buildkit", buildkit_go126.environment)


@pytest.fixture(params=["buildkit", "docker26"])
def either(request: pytest.FixtureRequest) -> Maker:
    """BuildKit 0.34 by itself, and the 0.13 that is in Docker 26."""
    component = {"buildkit": "buildkit_go126", "docker26": "docker26"}[request.param]
    return buildkit(request.param, request.getfixturevalue(component).environment)


def test_a_base_in_a_layout_is_found_by_its_name_and_keeps_its_layers(
    either: Maker, context: Path, tmp_path: Path
) -> None:
    base = COPY_ONLY.image(dockerfile(context, "FROM scratch\nCOPY data /data"), tmp_path)
    where = Location(folder=str(base.layout.root), digest=base.digest)
    build = dockerfile(
        context, "FROM mine\nCOPY --from=mine /data/one /1", contexts={"mine": where}
    )
    image = either.image(build, tmp_path)
    assert image.manifest["layers"][:1] == base.manifest["layers"]
    assert image.layers == [[], ["0 0644 0:0 1 1"]]
    assert not image.layout.path(base.manifest["layers"][0]["digest"]).exists()


def test_a_base_in_a_registry_is_found_by_its_name(
    maker: Maker, context: Path, tmp_path: Path, registry: Registry
) -> None:
    base = COPY_ONLY.image(dockerfile(context, "FROM scratch\nCOPY data /data"), tmp_path)
    push(base, registry.name("by-name"))
    where = Location(repository=registry.name("by-name"), digest=base.digest)
    build = dockerfile(context, "FROM mine\nCOPY a /a", contexts={"mine": where})
    assert maker.image(build, tmp_path).layers == [[], ["0 0644 0:0 1 a"]]


def test_folders_by_name_are_taken_without_their_umask_times_and_ignored_files(
    either: Maker, context: Path, tmp_path: Path
) -> None:
    seen = []
    for mode, text in ((0o600, "one"), (0o644, "one"), (0o644, "two")):
        folder = tmp_path / f"{mode}-{text}"
        folder.mkdir(mode=mode | 0o111)
        (folder / "file").write_text(text)
        (folder / "file").chmod(mode)
        (folder / "left.out").write_text(str(mode))
        (folder / ".dockerignore").write_text("*.out")
        os.utime(folder / "file", (9, 9))
        build = dockerfile(context, "FROM scratch\nCOPY --from=x . /x", folders={"x": folder})
        seen.append(either.image(build, tmp_path))
    assert seen[0].digest == seen[1].digest != seen[2].digest
    assert [line.split()[-1] for line in seen[0].layers[0]] == ["x", "x/.dockerignore", "x/file"]


def test_an_ignore_file_beside_the_dockerfile_counts_instead_of_the_contexts(
    either: Maker, tmp_path: Path
) -> None:
    context = tmp_path / "context"
    context.mkdir()
    for name in ("kept", "left"):
        (context / name).write_text(name)
    (context / ".dockerignore").write_text("kept")
    build = dockerfile(context, "FROM scratch\nCOPY . /")
    build.file.with_name(f"{build.file.name}.dockerignore").write_text("left\n.dockerignore")
    assert either.image(build, tmp_path).layers == [["0 0644 0:0 4 kept"]]


def test_a_secret_is_there_for_its_step_and_nowhere_else(
    maker: Maker, context: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("from-a-file")
    text = (
        "FROM scratch\nCOPY bin /bin\n"
        "RUN --mount=type=secret,id=one --mount=type=secret,id=two,env=TWO"
        ' test "$(cat /run/secrets/one) $TWO" = "from-a-file from-a-variable" && touch /good'
    )
    secrets = (f"id=one,src={tmp_path}/file", "id=two,env=A_VARIABLE")
    knowing = replace(maker, environment={**maker.environment, "A_VARIABLE": "from-a-variable"})
    said: list[str] = []
    image = knowing.image(dockerfile(context, text, secrets=secrets), tmp_path, say=said.append)
    assert "0 0644 0:0 0 good" in image.layers[-1]
    assert "from-a-" not in "\n".join((json.dumps(image.config), *said, *image.layers[-1])).replace(
        '"from-a-file from-a-variable"', ""
    )


def test_what_workflows_set_for_buildx_reaches_neither_image_nor_buildx(
    maker: Maker, context: Path, tmp_path: Path
) -> None:
    build = dockerfile(context, "FROM scratch\nCOPY a /a")
    alone = maker.image(build, tmp_path)
    workflow = {
        "BUILDX_GIT_LABELS": "full",
        "BUILDX_METADATA_PROVENANCE": "max",
        "DOCKER_METADATA_OUTPUT_JSON": '{"labels": {"a": "b"}}',
        "DOCKER_METADATA_OUTPUT_LABELS": "org.opencontainers.image.revision=1",
        "SOURCE_DATE_EPOCH": "1700000000",
    }
    inside = replace(maker, environment={**maker.environment, **workflow})
    assert inside.image(build, tmp_path).digest == alone.digest


def test_progress_is_told_as_it_comes_and_as_plain_text(
    maker: Maker, context: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    text = 'FROM scratch\nCOPY bin /bin\nRUN printf "\\033[31mred\\033[0m\\a\\n"'
    maker.image(dockerfile(context, text, no_cache=True), tmp_path, say=said.append)
    assert any("COPY bin /bin" in line for line in said)
    assert any(line.rstrip().endswith("red") for line in said)
    assert all(line.isprintable() and line.startswith("an image: ") for line in said)


def test_a_cache_in_a_folder_is_written_and_used(
    maker: Maker, buildkit_go127: BuildKit, context: Path, tmp_path: Path
) -> None:
    text = "FROM scratch\nCOPY bin /bin\nRUN cat /proc/sys/kernel/random/uuid > /random"
    build = dockerfile(context, text, cache_to=(f"type=local,dest={tmp_path}/cache,mode=max",))
    first = maker.image(build, tmp_path)
    other = buildkit("other", buildkit_go127.environment)
    again = structs.replace(build, cache_to=(), cache_from=(f"type=local,src={tmp_path}/cache",))
    assert other.image(again, tmp_path).digest == first.digest
    assert other.image(structs.replace(again, no_cache=True), tmp_path).digest != first.digest


def broken(maker: Maker, folder: Path, context: Path, text: str) -> TidemillError:
    with pytest.raises(TidemillError) as caught:
        maker.image(dockerfile(context, text), folder)
    assert not list((folder / f"{maker.name}-scratch").iterdir())
    assert not list((folder / f"{maker.name}-layout/blobs/sha256").iterdir())
    return caught.value


def test_a_step_that_fails_is_one_error_with_what_it_said_last(
    either: Maker, context: Path, tmp_path: Path
) -> None:
    text = "FROM scratch\nCOPY bin /bin\nRUN echo connection refused; exit 7"
    error = broken(either, tmp_path, context, text)
    assert type(error) is EntryPointFailed
    assert error.what.startswith("an image was not built: buildx exited with 1\n")
    assert ">>> RUN echo connection refused; exit 7" in error.what
    assert "exit code: 7" in error.what
    assert len(error.what.splitlines()) <= 21


def test_a_base_that_is_not_there_and_a_registry_that_is_away_are_told_apart(
    either: Maker, context: Path, tmp_path: Path, registry: Registry
) -> None:
    gone = f"FROM {registry.name('gone')}@{NOBODY}\nCOPY a /a"
    assert type(broken(either, tmp_path, context, gone)) is ServerRefused
    away = f"FROM 127.0.0.1:1/x@{NOBODY}\nCOPY a /a"
    error = broken(either, tmp_path, context, away)
    assert type(error) is Unreachable
    assert "registry" in error.remedy


def test_a_base_by_tag_is_refused_before_anything_is_built(
    maker: Maker, context: Path, tmp_path: Path
) -> None:
    error = broken(replace(maker, environment={}), tmp_path, context, "FROM alpine:3\nCOPY a /a")
    assert type(error) is NotByDigest


@pytest.mark.parametrize("name", ["DOCKER_HOST", "BUILDX_BUILDER"])
def test_an_engine_that_is_not_there_is_said_to_be_so(
    name: str, docker26: Engine, context: Path, tmp_path: Path
) -> None:
    value = {"DOCKER_HOST": f"unix://{tmp_path}/none", "BUILDX_BUILDER": "nobody"}[name]
    maker = buildkit("away", {**docker26.environment, name: value})
    error = broken(maker, tmp_path, context, "FROM scratch\nCOPY a /a")
    assert type(error) is Unreachable


def test_an_engine_without_the_containerd_store_is_refused_with_what_to_do(
    old_engine: Engine, buildkit_go126: BuildKit, context: Path, tmp_path: Path
) -> None:
    environment = {
        **buildkit_go126.environment,
        "DOCKER_HOST": old_engine.host,
        "BUILDX_BUILDER": "default",
    }
    maker = buildkit("old", environment)
    error = broken(maker, tmp_path, context, "FROM scratch\nCOPY a /a")
    assert type(error) is Refused
    assert "docker/setup-buildx-action" in error.remedy
    assert "--engine classic" in error.remedy


def test_without_buildx_the_remedy_is_another_engine(
    old_engine: Engine, context: Path, tmp_path: Path
) -> None:
    maker = buildkit("none", {**old_engine.environment, "PATH": str(tmp_path)})
    error = broken(maker, tmp_path, context, "FROM scratch\nCOPY a /a")
    assert type(error) is Refused
    assert "--engine classic" in error.remedy


def test_a_docker_that_hangs_when_it_is_asked_for_buildx_is_ended(
    context: Path, tmp_path: Path
) -> None:
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nsleep 600\n")
    program.chmod(0o755)
    environment = {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    maker = Maker("hanging", partial(build_with_buildkit, seconds=1), environment)
    error = broken(maker, tmp_path, context, "FROM scratch\nCOPY a /a")
    assert type(error) is TimeLimit
    assert "`docker buildx version` took longer than 1 seconds" in error.what


def test_docker_with_its_plugin_does_as_well_as_buildx_alone(
    buildkit_go126: BuildKit, context: Path, tmp_path: Path
) -> None:
    digests = set()
    for program in (buildkit_go126.docker, buildkit_go126.buildx):
        alone = tmp_path / program.name
        alone.mkdir()
        (alone / program.name).symlink_to(program)
        environment = {**buildkit_go126.environment, "PATH": str(alone)}
        maker = buildkit(program.name, environment)
        digests.add(maker.image(dockerfile(context, "FROM scratch\nCOPY a /a"), tmp_path).digest)
    assert len(digests) == 1


def test_a_builder_is_used_by_its_name(
    buildkit_go126: BuildKit, context: Path, tmp_path: Path
) -> None:
    environment = {**buildkit_go126.environment, "BUILDX_BUILDER": "nobody"}
    named = partial(build_with_buildkit, builder=buildkit_go126.builder)
    image = Maker("named", named, environment).image(
        dockerfile(context, "FROM scratch\nCOPY a /a"), tmp_path
    )
    assert image.layers == [["0 0644 0:0 1 a"]]


def test_a_build_that_takes_too_long_is_ended_and_leaves_nothing(
    maker: Maker, context: Path, tmp_path: Path
) -> None:
    slow = replace(maker, build=partial(build_with_buildkit, seconds=3))
    error = broken(slow, tmp_path, context, "FROM scratch\nCOPY bin /bin\nRUN sleep 600")
    assert type(error) is TimeLimit
    assert "3 seconds" in error.what
