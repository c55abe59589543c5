"""Pinning: a digest is written where an image is named, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidemill.building.pinning import Pinning
from tidemill.errors import Refused, SettingsInvalid

DIGEST = f"sha256:{'a' * 64}"
NEWER = f"sha256:{'b' * 64}"


def pinned(folder: Path, text: str, *, newer: bool = False) -> str:
    """What a Dockerfile becomes, where every tag stands for one image, or by now for another."""
    file = folder / "Dockerfile"
    file.write_text(text)
    pinning = Pinning(resolve=lambda *_: NEWER if newer else DIGEST, update=newer)
    pinning.file(file)
    pinning.write()
    return file.read_text()


@pytest.mark.parametrize(
    "text",
    [
        "FROM node{0} AS node\nFROM scratch\nCOPY --from=node /a /a\n",
        "FROM --platform=$BUILDPLATFORM node{0} \\\n  AS node\nFROM node\n",
        "ARG IMAGE=node{0}\nFROM $IMAGE AS node\nCOPY node node\n",
        'ARG IMAGE="node{0}"\nARG node=1\nFROM $IMAGE\n',
        "ARG IMAGE=node{0}\nARG FLAVOUR=node\nFROM ${{IMAGE}}\nARG FLAVOUR\n",
        "ARG \\\n  FLAVOUR=node \\\n  IMAGE=node{0}\nFROM $IMAGE AS a\nFROM ${{IMAGE:-x}}\n",
        "ARG IMAGE=node{0}\nFROM $IMAGE\nARG TOOL=node\nLABEL tool=$TOOL\n",
        "FROM scratch\nCOPY --from=node{0} /usr/share/node node\n",
        "FROM scratch\nCOPY --from=node{0} node \\\n  node\n",
        "FROM scratch\nRUN --mount=type=bind,from=node{0},target=/x cd /x && node --version\n",
        "FROM scratch\nRUN \\\n  # a comment\n\n  --mount=from=node{0},target=/x node\n",
    ],
)
def test_the_same_word_for_a_stage_a_path_or_a_command_stays(tmp_path: Path, text: str) -> None:
    assert pinned(tmp_path, text.format("")) == text.format(f":latest@{DIGEST}")


@pytest.mark.parametrize(
    "text",
    [
        "ARG V=22{0}\nFROM node:$V\n",
        "ARG V='22{0}'\nFROM node:${{V}} AS node\nFROM node:$V\nCOPY --from=node /a /b\n",
    ],
)
def test_a_tag_of_a_variable_gets_its_digest_and_later_the_next_one(
    tmp_path: Path, text: str
) -> None:
    first = pinned(tmp_path, text.format(""))
    assert first == text.format(f"@{DIGEST}")
    assert pinned(tmp_path, first, newer=True) == text.format(f"@{NEWER}")


@pytest.mark.parametrize(
    "text",
    [
        "ARG TAG=22\nARG DIGEST={0}\nFROM node:$TAG@$DIGEST\n",
        "ARG FROM=ghcr.io/acme\nFROM $FROM/node:22@{0}\n",
        "ARG TAG=22\nFROM node:$TAG@{0} AS node\nFROM node:$TAG@{0}\nCOPY --from=node /a /b\n",
    ],
)
def test_a_digest_beside_variables_gets_the_next_one(tmp_path: Path, text: str) -> None:
    assert pinned(tmp_path, text.format(DIGEST), newer=True) == text.format(NEWER)


@pytest.mark.parametrize(
    "text",
    [
        "ARG IMAGE=node\nFROM $IMAGE\nARG IMAGE\nLABEL base=$IMAGE\n",
        f"ARG IMAGE=node\nFROM $IMAGE AS one\nFROM a/$IMAGE:1@{DIGEST}\nCOPY --from=one / /\n",
        "ARG IMAGE=node\nARG OTHER=acme/$IMAGE:1\nFROM $IMAGE\n",
    ],
)
def test_a_variable_that_more_than_a_from_sees_stays(tmp_path: Path, text: str) -> None:
    with pytest.raises(Refused, match="used elsewhere"):
        pinned(tmp_path, text)
    assert (tmp_path / "Dockerfile").read_text() == text


def test_a_digest_of_two_images_is_not_left_in_silence(tmp_path: Path) -> None:
    text = "ARG D={0}\nFROM node:1@$D AS one\nFROM node:2@$D\nCOPY --from=one / /\n"
    with pytest.raises(Refused, match="put together from variables"):
        pinned(tmp_path, text.format(DIGEST), newer=True)


def test_an_image_that_the_settings_give_as_a_build_argument_gets_its_next_digest(
    tmp_path: Path,
) -> None:
    text = 'images = "r.example/{{service}}"\n' + "".join(
        f'[[services]]\nname = "{name}"\nfile = "Dockerfile"\n'
        'build_args = {{ BASE = "node:1@{0}", TOLD = "a@sha256:b" }}\n'
        for name in ("a", "b")
    )
    (tmp_path / "tidemill.toml").write_text(text.format(DIGEST))
    (tmp_path / "Dockerfile").write_text("ARG BASE\nFROM $BASE\nCOPY . /\n")
    pinning = Pinning(resolve=lambda *_: NEWER, update=True)
    pinning.checkout(tmp_path)
    pinning.write()
    assert (tmp_path / "tidemill.toml").read_text() == text.format(NEWER)


@pytest.mark.parametrize(
    "services",
    ['[[services]]\nname = "a"\n"base" = "{}"\n', "services = [{{name='a','base'='{}'}}]"],
)
def test_a_base_is_pinned_whose_key_is_in_quotes(tmp_path: Path, services: str) -> None:
    text = 'images = "r.example/{{service}}"\n' + services
    (tmp_path / "tidemill.toml").write_text(text.format("node:1"))
    pinning = Pinning(resolve=lambda *_: DIGEST)
    pinning.checkout(tmp_path)
    pinning.write()
    assert (tmp_path / "tidemill.toml").read_text() == text.format(f"node:1@{DIGEST}")


def test_settings_that_are_too_deep_to_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "tidemill.toml").write_text(f"a = {'[' * 5000}")
    with pytest.raises(SettingsInvalid, match="too deep"):
        Pinning(resolve=lambda *_: DIGEST).checkout(tmp_path)


def test_a_dockerfile_that_is_still_to_be_made_keeps_no_other_from_being_pinned(
    tmp_path: Path,
) -> None:
    services = "".join(
        f'[[services]]\nname = "{name}"\nfile = "{name}/Dockerfile"\n' for name in ("a", "b")
    )
    text = f'images = "r.example/{{service}}"\n{services}'
    (tmp_path / "tidemill.toml").write_text(f'{text}[compile]\ncommand = "make"\n')
    (tmp_path / "b").mkdir()
    (tmp_path / "b/Dockerfile").write_text("FROM node:1\n")
    pinning = Pinning(resolve=lambda *_: DIGEST)
    pinning.checkout(tmp_path)
    assert [pin.after for pin in pinning.pins] == [f"node:1@{DIGEST}"]
    (tmp_path / "tidemill.toml").write_text(text)
    with pytest.raises(Refused, match="a/Dockerfile' can't be read"):
        Pinning(resolve=lambda *_: DIGEST).checkout(tmp_path)


def test_an_image_for_another_platform_than_the_first_is_pinned(tmp_path: Path) -> None:
    (tmp_path / "tidemill.toml").write_text(
        'images = "r.example/{service}"\n[[services]]\nname = "a"\nfile = "Dockerfile"\n'
        'platforms = ["linux/amd64", "linux/arm64"]\n'
    )
    text = "FROM one{0} AS on-amd64\nFROM two{0} AS on-arm64\nFROM on-$TARGETARCH\n"
    (tmp_path / "Dockerfile").write_text(text.format(""))
    pinning = Pinning(resolve=lambda *_: DIGEST)
    pinning.checkout(tmp_path)
    pinning.write()
    assert (tmp_path / "Dockerfile").read_text() == text.format(f":latest@{DIGEST}")
