"""examples/app as Dockerfiles: every engine gives the images that the files alone give."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.components.shapes import BuildKit, Engine, Registry

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "app"
SHA = "1" * 40


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of the example, compiled when the first build of this module asks for it."""
    to = tmp_path_factory.mktemp("engines") / "app"
    shutil.copytree(EXAMPLE, to, ignore=shutil.ignore_patterns("bin", "__pycache__"))
    return to


def build(
    app: Path, to: str, *options: str, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What the command prints; it must not fail."""
    command = [sys.executable, "-m", "tidemill", "build-reproducible-image", "--json"]
    command += ["--checkout", str(app), "--to", to, "--sha", SHA, "--branch", "main", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout  # that has the error
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def digests(told: dict[str, Any]) -> dict[str, str]:
    return {image["service"]: image["digest"] for image in told["images"]}


@pytest.fixture(scope="module")
def of_files(app: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The digests of the services that are assembled from files."""
    return digests(build(app, f"oci:{tmp_path_factory.mktemp('files')}"))


def test_assemble_reads_dockerfiles(app: Path, of_files: dict[str, str], tmp_path: Path) -> None:
    told = build(app, f"oci:{tmp_path}", "--settings", "dockerfiles.toml")
    assert digests(told) == of_files


def test_two_buildkits_give_the_same(
    app: Path,
    of_files: dict[str, str],
    buildkit_go126: BuildKit,
    buildkit_go127: BuildKit,
    tmp_path: Path,
) -> None:
    for kit in (buildkit_go126, buildkit_go127):
        told = build(
            app, f"oci:{tmp_path / kit.go}", "--settings", "dockerfiles.toml",
            "--engine", "buildkit", environment=kit.environment,
        )  # fmt: skip
        assert digests(told) == of_files, kit.go


def test_docker_with_the_containerd_store_gives_the_same(
    app: Path, of_files: dict[str, str], docker26: Engine, tmp_path: Path
) -> None:
    options = ["--settings", "dockerfiles.toml", "--engine", "buildkit"]
    told = build(app, f"oci:{tmp_path}", *options, environment=docker26.environment)
    assert digests(told) == of_files


def test_the_old_engine_gives_the_same(
    app: Path, of_files: dict[str, str], old_engine: Engine, tmp_path: Path
) -> None:
    options = ["--settings", "dockerfiles.toml", "--engine", "classic"]
    told = build(app, f"oci:{tmp_path}", *options, environment=old_engine.environment)
    assert digests(told) == of_files
    images = [str(old_engine.docker), "images", "--quiet", "--filter", "reference=tidemill*"]
    left = subprocess.run(images, env=old_engine.environment, capture_output=True, check=True)
    assert left.stdout == b"", "the base that was given to each service is not left behind"


@pytest.mark.parametrize("store", ["old_engine", "docker26"])
def test_what_was_published_runs(
    app: Path, registry: Registry, store: str, request: pytest.FixtureRequest
) -> None:
    engine: Engine = request.getfixturevalue(store)
    told = build(app, registry.name(f"{store}/shop"))
    image = next(one["image"] for one in told["images"] if one["service"] == "catalog")
    docker = [str(engine.docker)]
    run = subprocess.run(
        [*docker, "run", "--detach", "--network=host", "--env=PORT=0", image],
        env=engine.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    container = run.stdout.strip()
    try:
        logs = [*docker, "logs", "--follow", container]
        with subprocess.Popen(
            logs, env=engine.environment, stdout=subprocess.PIPE, text=True
        ) as it:
            assert it.stdout
            assert "catalog" in it.stdout.readline()
            it.terminate()
        inspect = [*docker, "inspect", "--format={{.State.Running}} {{.Config.User}}", container]
        told_of = subprocess.run(inspect, env=engine.environment, capture_output=True, check=True)
        assert told_of.stdout == b"true 65532:65532\n"
    finally:
        subprocess.run([*docker, "rm", "--force", container], env=engine.environment, check=True,
                       capture_output=True)  # fmt: skip
