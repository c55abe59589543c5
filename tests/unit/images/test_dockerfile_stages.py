"""Which stages and images a target needs, and that each of them is given by digest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tidemill.errors import Refused
from tidemill.images.build import DockerfileBuild
from tidemill.images.dockerfile import parse as dockerfile
from tidemill.images.dockerfile.stages import Prerequisites, Stages, needed
from tidemill.images.location import Location, parse
from tidemill.images.oci import Platform

AMD64 = Platform("linux", "amd64")
ONE = f"example.com/one@sha256:{'1' * 64}"
TWO = f"example.com/two:tag@sha256:{'2' * 64}"
THREE = f"alpine@sha256:{'3' * 64}"


def needs(folder: Path, text: str, platform: Platform = AMD64, **more: Any) -> Prerequisites:
    file = folder / "Dockerfile"
    file.write_text(text)
    return needed(DockerfileBuild("x", folder, file, **more), platform)


def variables(text: str, platform: Platform, **more: Any) -> dict[str, str]:
    build = DockerfileBuild("x", Path(), Path(), **more)
    return Stages(build, platform, dockerfile.parse(text.encode())).variables


@pytest.mark.parametrize(
    ("text", "base", "images"),
    [
        pytest.param("FROM scratch", None, (), id="scratch"),
        pytest.param(f"FROM {ONE}", ONE, (ONE,), id="an image"),
        pytest.param(f"FROM {TWO}\nRUN x", TWO, (TWO,), id="with a tag too"),
        pytest.param(f"FROM {ONE} AS a\nFROM a AS b\nFROM b", ONE, (ONE,), id="through stages"),
        pytest.param(
            f"FROM {ONE} AS a\nFROM scratch\nCOPY --from=a x y", None, (ONE,), id="from a stage"
        ),
        pytest.param(
            f"FROM {ONE}\nFROM scratch\nCOPY --from=0 x y", None, (ONE,), id="copied by number"
        ),
        pytest.param(
            f"FROM {ONE}\nCOPY --from={THREE} x y\nCOPY --from={ONE} x y",
            ONE,
            (ONE, THREE),
            id="copied from an image",
        ),
        pytest.param(
            f"FROM {ONE}\nRUN --mount=from={TWO},target=/x y", ONE, (ONE, TWO), id="mounted"
        ),
        pytest.param(
            f"FROM {TWO} AS m\nFROM {ONE}\nRUN --mount=from=M,target=/x y",
            ONE,
            (TWO, ONE),
            id="a stage mounted",
        ),
        pytest.param("FROM golang:1 AS no\nFROM scratch", None, (), id="an idle stage"),
        pytest.param(f"ARG I={ONE}\nFROM ${{I}}", ONE, (ONE,), id="an argument"),
        pytest.param(
            f"ARG B=b\nARG I=example.com/$B\nFROM $I@sha256:{'4' * 64}",
            f"example.com/b@sha256:{'4' * 64}",
            (f"example.com/b@sha256:{'4' * 64}",),
            id="arguments of arguments",
        ),
        pytest.param("# syntax=docker/dockerfile:1\nFROM scratch", None, (), id="a frontend"),
    ],
)
def test_a_target_needs_these_images(
    tmp_path: Path, text: str, base: str | None, images: tuple[str, ...]
) -> None:
    found = needs(tmp_path, text)
    assert found.base == (parse(base) if base else None)
    assert found.images == tuple(map(parse, images))


def test_a_target_needs_only_what_leads_to_it(tmp_path: Path) -> None:
    text = f"FROM {ONE} AS a\nFROM {TWO} AS B\nFROM alpine:3"
    assert needs(tmp_path, text, target="b") == Prerequisites(parse(TWO), (parse(TWO),))


def test_a_build_argument_wins_over_a_default(tmp_path: Path) -> None:
    found = needs(tmp_path, "ARG I=alpine:3\nFROM $I", build_args={"I": ONE, "OTHER": "x"})
    assert found.base == parse(ONE)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("base", "FROM base\n", id="by its name"),
        pytest.param("base", "ARG I=base\nFROM $I AS x\nFROM x\n", id="by an argument"),
        pytest.param("alpine", "FROM docker.io/library/alpine:latest\n", id="by a longer name"),
        pytest.param("docker.io/library/alpine:3", "FROM alpine:3\n", id="by a shorter name"),
        pytest.param("acme/os", "FROM index.docker.io/acme/os\n", id="by another name of its host"),
        pytest.param("build", "FROM golang:1 AS build\nRUN x\nFROM build\n", id="for a stage"),
    ],
)
def test_a_build_context_stands_for_an_image(tmp_path: Path, name: str, text: str) -> None:
    place = Location(folder="/layout", digest=f"sha256:{'5' * 64}")
    assert needs(tmp_path, text, contexts={name: place}) == Prerequisites(place, (place,))


def test_a_folder_can_be_copied_from_and_not_be_built_on(tmp_path: Path) -> None:
    folders = {"extra": tmp_path}
    assert needs(tmp_path, "FROM scratch\nCOPY --from=extra x y\n", folders=folders).images == ()
    with pytest.raises(Refused, match="line 1 of Dockerfile builds on the folder"):
        needs(tmp_path, "FROM extra\n", folders=folders)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param("FROM alpine:3", 1, "names the image 'alpine:3' without its", id="a tag"),
        pytest.param("\nFROM h.com:5/a/b", 2, "names the image 'h.com:5/a/b'", id="no tag"),
        pytest.param(
            "FROM scratch\nCOPY --from=nginx x y", 2, "names the image 'nginx'", id="copied from"
        ),
        pytest.param(
            "FROM scratch\nRUN --mount=from=nginx x", 2, "names the image 'nginx'", id="mounted"
        ),
        pytest.param("FROM $NONE", 1, "names no image", id="nothing"),
        pytest.param("FROM ${NONE", 1, r"has '\${NONE': a '}' is missing", id="a mistake"),
        pytest.param("ARG A=${B\nFROM a", 1, r"has '\${B': a '}' is missing", id="before FROM"),
        pytest.param("FROM a//b", 1, "names 'a//b', which is neither", id="no name"),
        pytest.param("FROM oci:x@y", 1, "names 'oci:x@y', which is neither", id="a layout"),
        pytest.param(
            "FROM scratch\nCOPY --from=1 x y", 2, "takes from the stage '1'", id="too high"
        ),
        pytest.param("FROM scratch\nCOPY --from=0 x y", 2, "takes from the stage '0'", id="itself"),
        pytest.param("FROM scratch\nFROM 0", 2, "names the image '0' without", id="a number"),
        pytest.param(
            "FROM scratch\nCOPY --from=$A x y",
            2,
            r"has a variable in '--from=\$A'",
            id="a variable",
        ),
        pytest.param("FROM --platform=x scratch", 1, "has the platform 'x'", id="no platform"),
    ],
)
def test_what_is_not_there_or_not_by_digest_is_refused(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    with pytest.raises(Refused, match=rf"^line {line} of Dockerfile {words}"):
        needs(tmp_path, text)


def test_a_stage_that_comes_later_is_refused(tmp_path: Path) -> None:
    text = "FROM scratch AS a\nCOPY --from=b x y\nFROM scratch AS b\nFROM a\n"
    with pytest.raises(Refused, match="line 2 of Dockerfile takes from the stage 'b', which"):
        needs(tmp_path, text)


def test_the_remedy_says_how_to_find_the_digest(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        needs(tmp_path, "FROM example.com:5000/app:1.2\n")
    assert refused.value.remedy == f"tidemill pin --file {tmp_path}/Dockerfile"
    with pytest.raises(Refused) as refused:  # that command would not know what BASE is
        needs(
            tmp_path,
            "ARG BASE\nFROM app:1 AS x\nFROM $BASE\nCOPY --from=x a a\n",
            build_args={"BASE": ONE},
        )
    assert "`docker buildx imagetools inspect app:1`" in refused.value.remedy
    with pytest.raises(Refused) as refused:
        needs(tmp_path, "FROM app:1 AS x\nFROM scratch\n", target="x")
    assert "`docker buildx imagetools inspect app:1`" in refused.value.remedy


def test_a_target_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no stage 'x'") as refused:
        needs(tmp_path, "FROM scratch AS a\nFROM scratch AS b\n", target="x")
    assert refused.value.remedy == "name one of its stages: a, b"


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        (AMD64, ("linux/amd64", "linux", "amd64", "")),
        (Platform("linux", "arm64", "v8"), ("linux/arm64", "linux", "arm64", "")),
        (Platform("linux", "arm", "v6"), ("linux/arm/v6", "linux", "arm", "v6")),
        (Platform("linux", "arm"), ("linux/arm/v7", "linux", "arm", "v7")),
    ],
    ids=str,
)
def test_the_platform_is_a_variable(platform: Platform, expected: tuple[str, ...]) -> None:
    found = variables("FROM scratch", platform)
    keys = ("PLATFORM", "OS", "ARCH", "VARIANT")
    assert tuple(found[f"TARGET{key}"] for key in keys) == expected
    assert tuple(found[f"BUILD{key}"] for key in keys) == expected


def test_variables_before_the_first_from_are_seen_in_order() -> None:
    text = "ARG A=1\nARG B=${A}2 C\nARG A=3\nFROM scratch AS last"
    found = variables(text, AMD64, build_args={"C": "c", "TARGETARCH": "other"})
    assert [found[name] for name in ("A", "B", "C", "TARGETARCH", "TARGETSTAGE")] == [
        *("3", "12", "c", "other", "last")
    ]
