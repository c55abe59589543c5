"""The canonical form on engines: it runs as their own image does, and is valid for others."""

from __future__ import annotations

import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from tests.clients.building import (
    COPY_ONLY,
    a_base,
    a_context,
    buildkit,
    classic,
    dockerfile,
    push,
)
from tests.components.shapes import BuildKit, Engine, Registry

from tidemill.building.docker_types import docker_form


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory, busybox: Path) -> Path:
    return a_context(tmp_path_factory.mktemp("running"), busybox)


@pytest.fixture(scope="module")
def base(context: Path, tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> str:
    return a_base(context, tmp_path_factory.mktemp("base"), registry.name("running"))


EVERYTHING = """
FROM BASE
RUN rm /usr/share/data/one && chmod 750 /usr/share/data
RUN rm -r /usr/share/data/deep && mkdir /usr/share/data/deep && echo n > /usr/share/data/deep/n
RUN chown 5:6 /usr/share/data/two && ln /usr/share/data/two /two && ln -s two /to && chmod u+s /two
RUN rm /to && mkdir -m 1777 /to && touch /usr/share/data/two && mkfifo /pipe
COPY other /to/other
ADD x.tar /t/
VOLUME /to/volume
ENV A=1
WORKDIR /t
"""
LOOK = """
busybox env | busybox sort
busybox pwd
find_() { busybox find / -xdev '!' -path '/proc*' '!' -path '/sys*' '!' -path '/dev*' "$@"; }
find_ '!' -path '/etc/*' | busybox sort | while read -r path; do
  busybox stat -c '%n %f %u %g %N' "$path"
done
find_ -type f '!' -name 'host*' '!' -name resolv.conf | busybox sort | busybox xargs busybox md5sum
"""


@pytest.mark.parametrize("component", ["old_engine", "docker26"])
def test_a_container_sees_no_difference_between_an_engines_image_and_its_canonical_form(
    component: str,
    request: pytest.FixtureRequest,
    context: Path,
    base: str,
    registry: Registry,
    tmp_path: Path,
) -> None:
    engine: Engine = request.getfixturevalue(component)
    build = dockerfile(context, EVERYTHING.replace("BASE", base))
    with closing(docker.DockerClient(base_url=engine.host)) as client:
        own = [
            line["aux"]["ID"]
            for line in client.api.build(path=str(context), dockerfile=str(build.file), decode=True)
            if "aux" in line
        ][-1]
        image = classic(component, engine.environment).image(build, tmp_path)
        name = f"{registry.name('running')}@{image.digest}"
        push(image, registry.name("running"))
        client.images.pull(name)
        first, second = (
            subprocess.run(
                [
                    engine.docker,
                    "run",
                    "--rm",
                    "--network=none",
                    "--hostname=h",
                    image_name,
                    "-c",
                    LOOK,
                ],
                env=engine.environment,
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            for image_name in (own, name)
        )
    assert "/usr/share/data/deep/n" in first
    assert first == second


def test_the_canonical_form_is_a_valid_image_for_others(
    buildkit_go126: BuildKit,
    context: Path,
    base: str,
    registry: Registry,
    crane: Path,
    skopeo: Path,
    tmp_path: Path,
) -> None:
    maker = buildkit("buildkit", buildkit_go126.environment)
    image = maker.image(dockerfile(context, EVERYTHING.replace("BASE", base)), tmp_path)
    name = f"{registry.name('running')}:valid"
    push(image, registry.name("running"), "valid")
    subprocess.run([crane, "validate", "--remote", name], check=True)
    source = ("--src-tls-verify=false", f"docker://{name}")
    subprocess.run([skopeo, "copy", "-q", *source, f"dir:{tmp_path}/copied"], check=True)
    copied = (tmp_path / "copied/manifest.json").read_bytes()
    assert copied == image.layout.read(image.digest)


@pytest.mark.parametrize("component", ["old_engine", "docker26"])
def test_docker_s_form_runs_as_the_canonical_form_does(
    component: str,
    request: pytest.FixtureRequest,
    context: Path,
    base: str,
    registry: Registry,
    tmp_path: Path,
) -> None:
    engine: Engine = request.getfixturevalue(component)
    made = COPY_ONLY.image(dockerfile(context, f"FROM {base}\nCOPY other /other\n"), tmp_path)
    forms = made, replace(made, descriptor=docker_form(made.descriptor, made.layout))
    assert forms[0].digest != forms[1].digest
    said = []
    for image in forms:
        push(image, registry.name("running"))
        name = f"{registry.name('running')}@{image.digest}"
        words = [
            str(engine.docker),
            "run",
            "--rm",
            "--network=none",
            "--hostname=h",
            name,
            "-c",
            LOOK,
        ]
        done = subprocess.run(
            words, env=engine.environment, check=True, capture_output=True, text=True
        )
        said.append(done.stdout)
    assert "/other/z" in said[0]
    assert said[0] == said[1]
