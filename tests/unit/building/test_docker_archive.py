"""Archives of engines: of each form, whole or damaged, and the image that is in them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tidemill.building.engines import docker_archive
from tidemill.errors import Refused
from tidemill.images import oci
from tidemill.images.layout import Layout
from tidemill.images.oci import Descriptor, Platform

AMD64 = Platform("linux", "amd64")
LAYERS = [b"one" * 1000, b"two" * 1000]
CONFIG = b'{"architecture":"amd64","os":"linux"}'


def archive(files: Mapping[str, bytes | str]) -> bytes:
    """A tar of files; text is the target of a symbolic link."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as opened:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            if isinstance(data, str):
                member.type, member.linkname = tarfile.SYMTYPE, data
                opened.addfile(member)
            else:
                member.size = len(data)
                opened.addfile(member, io.BytesIO(data))
    return written.getvalue()


def pieces(data: bytes, size: int = 700) -> Iterator[bytes]:
    yield from (data[start : start + size] for start in range(0, len(data), size))


def hexed(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def old_form(layers: list[bytes | str]) -> dict[str, bytes | str]:
    listed = {
        "Config": f"{hexed(CONFIG)}.json",
        "RepoTags": None,
        "Layers": [f"{number}/layer.tar" for number, _ in enumerate(layers)],
    }
    return {
        "0/VERSION": b"1.0",
        "0/json": b"{}",
        **{f"{number}/layer.tar": layer for number, layer in enumerate(layers)},
        f"{hexed(CONFIG)}.json": CONFIG,
        "manifest.json": json.dumps([listed]).encode(),
        "repositories": b"{}",
    }


def described(data: bytes, kind: str = oci.MANIFEST, **more: Any) -> dict[str, Any]:
    return {"mediaType": kind, "digest": f"sha256:{hexed(data)}", "size": len(data), **more}


MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "config": described(CONFIG, oci.CONFIG),
        "layers": [described(layer, oci.LAYER) for layer in LAYERS],
    }
).encode()


def new_form(*entries: dict[str, Any], documents: tuple[bytes, ...] = ()) -> dict[str, bytes | str]:
    index = json.dumps({"schemaVersion": 2, "manifests": entries or [described(MANIFEST)]})
    blobs = [*LAYERS, CONFIG, MANIFEST, *documents]
    return {
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "index.json": index.encode(),
        **{f"blobs/sha256/{hexed(blob)}": blob for blob in blobs},
        "manifest.json": b"[]",
    }


def contents(layout: Layout, image: Descriptor) -> list[bytes]:
    manifest = json.loads(layout.read(image.digest))
    return [
        layout.path(blob["digest"]).read_bytes()
        for blob in [manifest["config"], *manifest["layers"]]
    ]


@pytest.mark.parametrize("files", [old_form([*LAYERS]), new_form()], ids=["before 25", "since 25"])
def test_the_image_of_an_archive_has_its_config_and_its_layers(
    files: dict[str, bytes | str], tmp_path: Path
) -> None:
    layout = docker_archive.unpacked(pieces(archive(files)), tmp_path / "layout")
    assert contents(layout, docker_archive.only_image(layout, AMD64)) == [CONFIG, *LAYERS]


def test_a_layer_that_is_a_link_to_another_one_is_that_one(tmp_path: Path) -> None:
    files = old_form([LAYERS[0], LAYERS[1], "../0/layer.tar"])
    layout = docker_archive.unpacked(pieces(archive(files)), tmp_path / "layout")
    image = docker_archive.only_image(layout, AMD64)
    assert contents(layout, image) == [CONFIG, *LAYERS, LAYERS[0]]


def test_what_is_packed_is_unpacked_to_the_same(tmp_path: Path) -> None:
    layout = docker_archive.unpacked(pieces(archive(new_form())), tmp_path / "first")
    image = docker_archive.only_image(layout, AMD64)
    packed = b"".join(docker_archive.packed(layout, image, "name:tag"))
    with tarfile.open(fileobj=io.BytesIO(packed)) as opened:
        listed = opened.extractfile("manifest.json")
        assert listed is not None
        assert json.load(listed)[0]["RepoTags"] == ["name:tag"]
    again = docker_archive.unpacked(pieces(packed), tmp_path / "second")
    found = docker_archive.only_image(again, AMD64)
    assert contents(again, found) == [CONFIG, *LAYERS]


def test_a_layout_is_opened_as_a_folder_or_an_archive(tmp_path: Path) -> None:
    (tmp_path / "made").write_bytes(archive(new_form()))
    unpacked = docker_archive.opened(tmp_path / "made", tmp_path / "unpacked")
    assert unpacked.root == tmp_path / "unpacked"
    folder = docker_archive.opened(unpacked.root, tmp_path / "none")
    assert docker_archive.only_image(folder, AMD64) == docker_archive.only_image(unpacked, AMD64)
    assert not (tmp_path / "none").exists()


def test_the_image_is_found_below_an_index_beside_attestations_and_other_platforms(
    tmp_path: Path,
) -> None:
    wanted = described(MANIFEST, platform={"os": "linux", "architecture": "amd64"})
    other = described(b"other", platform={"os": "linux", "architecture": "arm64"})
    proof = described(b"proof", annotations={"vnd.docker.reference.type": "attestation-manifest"})
    index = json.dumps({"schemaVersion": 2, "manifests": [other, wanted, wanted, proof]}).encode()
    files = new_form(described(index, oci.INDEX), documents=(index,))
    layout = docker_archive.unpacked(pieces(archive(files)), tmp_path / "layout")
    assert docker_archive.only_image(layout, AMD64).digest == f"sha256:{hexed(MANIFEST)}"
    with pytest.raises(Refused, match="did not give one image for linux/arm/v7"):
        docker_archive.only_image(layout, Platform("linux", "arm", "v7"))


def without(files: dict[str, bytes | str], name: str) -> dict[str, bytes | str]:
    return {path: data for path, data in files.items() if path != name}


DAMAGED = {
    "nothing": b"",
    "no archive": b"x" * 2000,
    "cut off": archive(old_form([*LAYERS]))[:3000],
    "without a list": archive(without(old_form([*LAYERS]), "manifest.json")),
    "without a layer": archive(without(old_form([*LAYERS]), "1/layer.tar")),
    "a link to nothing": archive(old_form(["../../x"])),
    "a list that is none": archive({**old_form([*LAYERS]), "manifest.json": b"{}"}),
    "an endless list": archive({"manifest.json": bytes(5 << 20)}),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_archive_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(Refused):
        docker_archive.unpacked(pieces(data), tmp_path / "layout")
