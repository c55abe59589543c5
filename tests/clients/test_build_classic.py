"""Dockerfiles through the classic builder: what it is told, what is refused, and how it fails."""

from __future__ import annotations

import gc
import subprocess
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import docker
import pytest
from msgspec import structs
from tests.clients.building import (
    AMD64,
    ARM64,
    COPY_ONLY,
    Image,
    Maker,
    a_context,
    bases,
    classic,
    dockerfile,
    push,
    seeing,
)
from tests.clients.places import eventually
from tests.components.shapes import Engine, Registry

from tidemill.building.engines.classic import build_with_classic
from tidemill.errors import (
    EntryPointFailed,
    Refused,
    ServerRefused,
    TidemillError,
    TimeLimit,
    Unreachable,
)
from tidemill.images.base_image import BaseImage
from tidemill.images.build import DockerfileBuild, Workspace
from tidemill.images.layout import Layout
from tidemill.images.location import Location
from tidemill.images.oci import Platform

NOBODY = f"sha256:{'0' * 64}"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory, busybox: Path) -> Path:
    return a_context(tmp_path_factory.mktemp("classic"), busybox)


@pytest.fixture
def maker(old_engine: Engine) -> Maker:
    return classic("old", old_engine.environment)


@pytest.fixture(params=["old_engine", "docker26"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """20.10, whose archives have a folder for each layer, and 26, whose archives are layouts."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Engine)
    return found


@pytest.fixture
def either(engine: Engine) -> Maker:
    return classic("either", engine.environment)


def test_the_same_layer_twice_is_there_twice(either: Maker, context: Path, tmp_path: Path) -> None:
    text = "FROM scratch\nCOPY bin /bin\nCOPY a /a\nRUN rm /a\nCOPY a /a\nRUN rm /a"
    layers = either.image(dockerfile(context, text), tmp_path).layers
    assert layers[1:] == [["0 0644 0:0 1 a"], ["0 0644 0:0 0 .wh.a"]] * 2


def names(engine: Engine) -> set[str]:
    with closing(docker.DockerClient(base_url=engine.host)) as client:
        return {tag for image in client.images.list() for tag in image.tags}


def test_a_base_in_a_layout_is_lent_to_the_engine_for_the_build(
    engine: Engine, either: Maker, context: Path, tmp_path: Path
) -> None:
    base = COPY_ONLY.image(dockerfile(context, "FROM scratch\nCOPY data /data"), tmp_path)
    where = Location(folder=str(base.layout.root), digest=base.digest)
    text = "ARG BASE=mine\nFROM $BASE AS base\nFROM base\nCOPY --from=base /data/one /1"
    build = dockerfile(context, text, contexts={"mine": where})
    before = names(engine)
    image = either.image(build, tmp_path)
    assert image.manifest["layers"][:1] == base.manifest["layers"]
    assert image.layers == [[], ["0 0644 0:0 1 1"]]
    assert names(engine) == before


def test_a_base_in_a_registry_is_given_and_a_name_that_the_engine_has_stays(
    engine: Engine, either: Maker, context: Path, tmp_path: Path, registry: Registry
) -> None:
    base = COPY_ONLY.image(dockerfile(context, "FROM scratch\nCOPY data /data"), tmp_path)
    push(base, registry.name("lent"))
    where = Location(repository=registry.name("lent"), digest=base.digest)
    with closing(docker.DockerClient(base_url=engine.host)) as client:
        engines_own = _built(client, context, "theirs:1")
        text = "ARG BASE\nFROM $BASE\nCOPY a /a"
        given = {"BASE": "theirs:1"}
        build = dockerfile(context, text, build_args=given, contexts={"theirs:1": where})
        assert either.image(build, tmp_path).layers == [[], ["0 0644 0:0 1 a"]]
        assert client.images.get("theirs:1").id == engines_own


def test_builds_at_once_that_are_given_other_images_by_one_name_do_not_mix_them(
    engine: Engine, tmp_path: Path
) -> None:
    """Each has its image in the engine before either builds, as two processes might."""
    before = names(engine)
    builds = [_on_a_base_with(name, tmp_path / name) for name in ("one", "two")]
    both_lent = Barrier(2, timeout=30)
    with ThreadPoolExecutor(2) as pool, seeing(engine.environment):
        one, two = pool.map(partial(_file_of_the_base, both_lent=both_lent), builds)
    assert (one, two) == ("one", "two")
    assert names(engine) == before


def _on_a_base_with(name: str, folder: Path) -> DockerfileBuild:
    """A build of what its base has, which is one file of that name; it is given two images."""
    context = folder / "context"
    context.mkdir(parents=True)
    (context / name).touch()
    base = COPY_ONLY.image(dockerfile(context, "FROM scratch\nCOPY . /"), folder)
    where = Location(folder=str(base.layout.root), digest=base.digest)
    return dockerfile(
        context,
        "ARG BASE\nARG NEXT=next\nFROM $NEXT\nFROM $BASE AS base\n"
        "FROM scratch\nCOPY --from=base / /",
        build_args={"BASE": "mine"},
        contexts={"mine": where, "next": where},
    )


def _file_of_the_base(build: DockerfileBuild, both_lent: Barrier) -> str:
    asked: list[Location] = []

    def lending(location: Location, platform: Platform) -> BaseImage:
        asked.append(location)
        if len(asked) == 2:
            both_lent.wait()  # the first of the two images is in the engine
        return bases(location, platform)

    scratch = build.context.with_name("scratch")
    scratch.mkdir()
    layout = Layout.create(build.context.with_name("layout"))
    with ThreadPoolExecutor(1) as workers:
        image = build_with_classic(build, AMD64, Workspace(lending, layout, workers, scratch))
    [[line]] = Image(layout, image).layers
    return line.split()[-1]


def _built(client: docker.DockerClient, context: Path, tag: str) -> Any:
    for _ in client.api.build(
        path=str(context / "other"), dockerfile=str(_plain(context)), tag=tag
    ):
        pass
    return client.images.get(tag).id


def _plain(context: Path) -> Path:
    file = context.with_name("theirs.Dockerfile")
    file.write_text("FROM scratch\nCOPY z /z\n")
    return file


def test_the_engines_own_cache_is_used_unless_it_must_not(
    either: Maker, context: Path, tmp_path: Path
) -> None:
    text = "FROM scratch\nCOPY bin /bin\nRUN cat /proc/sys/kernel/random/uuid > /random"
    build = dockerfile(context, text)
    first = either.image(build, tmp_path)
    assert either.image(build, tmp_path).digest == first.digest
    assert either.image(structs.replace(build, no_cache=True), tmp_path).digest != first.digest


def test_an_image_that_layers_may_be_taken_from_is_passed_on(
    maker: Maker, context: Path, tmp_path: Path
) -> None:
    build = dockerfile(context, "FROM scratch\nCOPY a /a", cache_from=("nobody/has:it",))
    plain = maker.image(structs.replace(build, cache_from=()), tmp_path)
    assert maker.image(build, tmp_path).digest == plain.digest
    named = structs.replace(build, cache_from=("type=registry,ref=nobody/has:it",))
    assert maker.image(named, tmp_path).digest == plain.digest


def test_progress_is_told_as_it_comes(maker: Maker, context: Path, tmp_path: Path) -> None:
    said: list[str] = []
    text = 'FROM scratch\nCOPY bin /bin\nRUN printf "\\033[31mred\\033[0m\\a\\n"'
    maker.image(dockerfile(context, text, no_cache=True), tmp_path, say=said.append)
    assert "an image: Step 2/3 : COPY bin /bin" in said
    assert "an image: red" in said
    assert all(line.isprintable() for line in said)


def broken(
    maker: Maker,
    folder: Path,
    context: Path,
    text: str = "FROM scratch\nCOPY a /a",
    platform: Platform = AMD64,
    **more: Any,
) -> TidemillError:
    build = dockerfile(context, text, **more)
    with pytest.raises(TidemillError) as caught:
        maker.image(build, folder, platform)
    assert not list((folder / f"{maker.name}-scratch").iterdir())
    assert not list((folder / f"{maker.name}-layout/blobs/sha256").iterdir())
    return caught.value


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"secrets": ("id=x",)}, "secrets"),
        ({"folders": {"x": Path("/")}}, "folders"),
        ({"cache_to": ("type=inline",)}, "cache to write"),
        ({"cache_from": ("type=gha",)}, "type=gha"),
    ],
    ids=["secrets", "folders", "cache-to", "cache-from"],
)
def test_what_only_buildkit_can_do_is_refused(
    more: dict[str, Any], what: str, maker: Maker, context: Path, tmp_path: Path
) -> None:
    error = broken(maker, tmp_path, context, **more)
    assert type(error) is Refused
    assert what in error.what
    assert "--engine buildkit" in error.remedy


@pytest.mark.parametrize("line", ["COPY --chmod=700 a /b", "RUN --mount=type=tmpfs,target=/x x"])
def test_what_the_engine_says_only_buildkit_can_do_is_refused(
    line: str, maker: Maker, context: Path, tmp_path: Path
) -> None:
    error = broken(maker, tmp_path, context, f"FROM scratch\nCOPY a /a\n{line}")
    assert type(error) is Refused
    assert error.remedy == "use `--engine buildkit`"


@pytest.mark.parametrize(
    "text",
    [
        "FROM mine",
        "FROM scratch\nCOPY --from=mine /data /data",
        "ARG BASE=mine\nFROM $BASE\nARG BASE\nLABEL base=$BASE",
        "ARG BASE=mine\nFROM $BASE AS mine",
    ],
    ids=["from", "copy", "seen-by-a-stage", "instead-of-a-stage"],
)
def test_an_image_that_only_buildkit_can_be_given_is_refused(
    text: str, maker: Maker, context: Path, tmp_path: Path
) -> None:
    where = Location(folder=str(tmp_path), digest=NOBODY)
    error = broken(maker, tmp_path, context, text, contexts={"mine": where})
    assert type(error) is Refused
    assert "('mine')" in error.what
    assert "`ARG BASE=name`" in error.remedy
    assert "--engine buildkit" in error.remedy


def test_another_platform_is_refused(either: Maker, context: Path, tmp_path: Path) -> None:
    error = broken(either, tmp_path, context, platform=ARM64)
    assert type(error) is Refused
    assert "linux/arm64" in error.what


def test_an_image_without_a_file_is_refused_where_the_engine_cant_hand_it_over(
    maker: Maker, context: Path, tmp_path: Path
) -> None:
    error = broken(maker, tmp_path, context, "FROM scratch\nENV A=1")
    assert type(error) is Refused
    assert "copy a file" in error.remedy


def test_a_step_that_fails_is_one_error_with_what_it_said_last(
    either: Maker, context: Path, tmp_path: Path
) -> None:
    text = "FROM scratch\nCOPY bin /bin\nRUN echo connection refused; exit 7"
    error = broken(either, tmp_path, context, text)
    assert type(error) is EntryPointFailed
    assert "returned a non-zero code: 7\n" in error.what
    assert "\nStep 3/3 : RUN echo connection refused; exit 7\n" in error.what


def test_a_base_that_is_not_there_and_a_registry_that_is_away_are_told_apart(
    maker: Maker, context: Path, tmp_path: Path, registry: Registry
) -> None:
    gone = f"FROM {registry.name('gone')}@{NOBODY}\nCOPY a /a"
    assert type(broken(maker, tmp_path, context, gone)) is ServerRefused
    error = broken(maker, tmp_path, context, f"FROM 127.0.0.1:1/x@{NOBODY}\nCOPY a /a")
    assert type(error) is Unreachable
    assert "registry" in error.remedy


@pytest.mark.parametrize("host", ["unix:///nowhere.sock", "tcp://127.0.0.1:1"])
def test_an_engine_that_is_not_there_is_said_to_be_so(
    host: str, context: Path, tmp_path: Path
) -> None:
    error = broken(classic("away", {"DOCKER_HOST": host}), tmp_path, context)
    assert type(error) is Unreachable
    assert "DOCKER_HOST" in error.remedy
    with warnings.catch_warnings():
        # The docker package does not close the socket that it could not connect.
        warnings.simplefilter("ignore", ResourceWarning)
        del error
        gc.collect()


def test_the_current_docker_context_leads_to_the_engine(
    old_engine: Engine, context: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    where = {**old_engine.environment, "DOCKER_CONFIG": str(config)}
    where.pop("DOCKER_HOST")
    docker_is(old_engine, where, "context", "create", "here", f"--docker=host={old_engine.host}")
    docker_is(old_engine, where, "context", "use", "here")
    image = classic("context", where).image(
        dockerfile(context, "FROM scratch\nCOPY a /a"), tmp_path
    )
    assert image.layers == [["0 0644 0:0 1 a"]]


def test_a_build_that_takes_too_long_is_stopped_and_leaves_nothing(
    engine: Engine, either: Maker, context: Path, tmp_path: Path
) -> None:
    slow = replace(either, build=partial(build_with_classic, seconds=3))
    error = broken(slow, tmp_path, context, "FROM scratch\nCOPY bin /bin\nRUN sleep 600")
    assert type(error) is TimeLimit
    assert "3 seconds" in error.what
    with closing(docker.DockerClient(base_url=engine.host)) as client:
        assert eventually(lambda: not client.containers.list())


def docker_is(engine: Engine, environment: dict[str, str], *words: str) -> None:
    subprocess.run([engine.docker, *words], env=environment, check=True, capture_output=True)
