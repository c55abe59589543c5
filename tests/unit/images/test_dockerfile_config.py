"""What a Dockerfile says about how a container is started; as BuildKit writes it, canonical."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.unit.dockerfile_images import RUN, World


@pytest.fixture(scope="module")
def workers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def world(tmp_path: Path, workers: ThreadPoolExecutor) -> World:
    return World.made(tmp_path, workers)


SH = ["/bin/sh", "-c"]
PATH = RUN["Env"][0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", {}, id="nothing"),
        pytest.param("MAINTAINER me <a@b>", {}, id="a maintainer"),
        pytest.param('CMD ["a", "$Z"]', {"Cmd": ["a", "$Z"]}, id="a command"),
        pytest.param("CMD a $Z", {"Cmd": [*SH, "a $Z"]}, id="a command for a shell"),
        pytest.param("CMD []", {"Cmd": None}, id="no command"),
        pytest.param(
            'ENTRYPOINT ["/x"]', {"Entrypoint": ["/x"], "Cmd": None}, id="the base's command goes"
        ),
        pytest.param(
            'CMD ["c"]\nENTRYPOINT ["/x"]', {"Entrypoint": ["/x"], "Cmd": ["c"]}, id="its own stays"
        ),
        pytest.param(
            'SHELL ["/b", "-c"]\nENTRYPOINT x',
            {"Shell": ["/b", "-c"], "Entrypoint": ["/b", "-c", "x"], "Cmd": None},
            id="another shell",
        ),
        pytest.param(
            "ENV A=$Z B=$A\nENV C=$A Z=2",
            {"Env": ["A=1", "B=", "C=1", PATH, "Z=2"]},
            id="variables see those of earlier instructions",
        ),
        pytest.param("ENV A b $Z", {"Env": ["A=b 1", PATH, "Z=1"]}, id="the old form"),
        pytest.param("ENV PATH=/y:$PATH", {"Env": ["PATH=/y:/usr/bin:/x", "Z=1"]}, id="the path"),
        pytest.param(
            "ARG Z=5\nARG U\nARG D=d$Z\nENV A=$Z$U$D",
            {"Env": ["A=5d5", PATH, "Z=1"]},
            id="arguments are no variables of containers",
        ),
        pytest.param(
            "LABEL a=$Z 'b c'=\"d e\" l=",
            {"Labels": {"a": "1", "b c": "d e", "l": ""}},
            id="labels",
        ),
        pytest.param(
            'EXPOSE 80-81 53/UDP 1$Z 2${Z} ${Q:-3}$Z "4${Q:-1}" ${Q:-${Z:-2}}',
            {
                "ExposedPorts": {
                    f"{port}/{'udp' if port == 53 else 'tcp'}": {}
                    for port in (1, 80, 81, 53, 11, 21, 31, 41)
                }
            },
            id="ports",
        ),
        pytest.param("VOLUME /a$Z b", {"Volumes": {"/v": {}, "/a1": {}, "b": {}}}, id="volumes"),
        pytest.param("USER $Z:2", {"User": "1:2"}, id="a user"),
        pytest.param("WORKDIR bin/..", {"WorkingDir": "/srv"}, id="a relative work folder"),
        pytest.param(
            "WORKDIR /usr/bin/", {"WorkingDir": "/usr/bin/"}, id="an absolute work folder"
        ),
        pytest.param("STOPSIGNAL 1$Z", {"StopSignal": "11"}, id="a signal"),
        pytest.param("STOPSIGNAL SIGRTMIN+3", {"StopSignal": "SIGRTMIN+3"}, id="a signal's name"),
        pytest.param(
            "HEALTHCHECK --interval=1m CMD x $Z",
            {"Healthcheck": {"Test": ["CMD-SHELL", "x $Z"], "Interval": 60 * 10**9}},
            id="a health check",
        ),
        pytest.param("HEALTHCHECK NONE", {"Healthcheck": {"Test": ["NONE"]}}, id="no health check"),
    ],
)
def test_an_instruction_changes_what_the_base_says(
    world: World, text: str, expected: dict[str, Any]
) -> None:
    merged = RUN | expected
    assert world.run(world.build(f"FROM base\n{text}\n")) == {
        key: value for key, value in merged.items() if value is not None
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", {}, id="nothing"),
        pytest.param("ENV A=$PATH", {"Env": [f"A={'{}'}"]}, id="the path that engines set"),
        pytest.param("WORKDIR /", {}, id="the root is no work folder"),
        pytest.param("WORKDIR a\nWORKDIR b", {"WorkingDir": "/a/b"}, id="a relative work folder"),
    ],
)
def test_an_image_from_scratch_says_only_what_its_dockerfile_says(
    world: World, text: str, expected: dict[str, Any]
) -> None:
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    found = world.run(world.build(f"FROM scratch\nCOPY file /\n{text}\n"))
    assert found == {
        key: [line.format(path) for line in value] if key == "Env" else value
        for key, value in expected.items()
    }


def test_stages_and_arguments_hand_on_what_they_have(world: World) -> None:
    text = """
        ARG N=base
        ARG G=global
        FROM $N AS one
        ARG A=x
        ARG G
        CMD ["one"]
        FROM one
        ENV A=$A G=$G T=$TARGETARCH
        ARG TARGETARCH
        ENV U=$TARGETARCH
        ENTRYPOINT ["/e"]
    """
    found = world.run(world.build(text, build_args={"A": "given", "TARGETARCH": "other"}))
    assert found["Env"] == ["A=given", "G=global", PATH, "T=", "U=other", "Z=1"]
    assert "Cmd" not in found


def test_the_time_of_the_form_is_there_for_an_arg_that_asks_for_it(world: World) -> None:
    text = "ARG SOURCE_DATE_EPOCH=1\nARG G=$SOURCE_DATE_EPOCH\nFROM base AS one\nARG G\nENV A=$G"
    for asks, found in (("", ""), ("ARG SOURCE_DATE_EPOCH\n", "315619200")):
        built = world.build(f"{text}\n{asks}ENV B=$SOURCE_DATE_EPOCH\n")
        assert f"B={found}" in world.run(built)["Env"]
        assert "A=315619200" in world.run(built)["Env"]
    build_args = {"SOURCE_DATE_EPOCH": "7"}
    assert "A=7" in world.run(world.build(f"{text}\n", build_args=build_args))["Env"]


def test_labels_of_the_build_win(world: World) -> None:
    image = world.build("FROM base\nLABEL l=2 m=3\n", labels={"l": "4", "n": "5"})
    assert world.run(image)["Labels"] == {"l": "4", "m": "3", "n": "5"}
