"""Pinning: a digest is written where an image is named, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidemill.building.pinning import Pinning

DIGEST = f"sha256:{'a' * 64}"


def pinned(folder: Path, text: str) -> str:
    """What a Dockerfile becomes, where every tag stands for one image."""
    file = folder / "Dockerfile"
    file.write_text(text)
    pinning = Pinning(resolve=lambda *_: DIGEST)
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
        "FROM scratch\nCOPY --from=node{0} /usr/share/node node\n",
        "FROM scratch\nCOPY --from=node{0} node \\\n  node\n",
        "FROM scratch\nRUN --mount=type=bind,from=node{0},target=/x cd /x && node --version\n",
    ],
)
def test_the_same_word_for_a_stage_a_path_or_a_command_stays(tmp_path: Path, text: str) -> None:
    assert pinned(tmp_path, text.format("")) == text.format(f":latest@{DIGEST}")
