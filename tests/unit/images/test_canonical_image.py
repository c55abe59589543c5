"""An engine's image in the canonical form: its base as it is, its layers and config rewritten."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from tidemill.errors import Refused
from tidemill.images import oci
from tidemill.images.base_image import SCRATCH, BaseImage, read_base
from tidemill.images.build import Workspace
from tidemill.images.canonical_image import canonical_image
from tidemill.images.layout import Layout
from tidemill.images.oci import Descriptor, Platform
from tidemill.images.reuse import EarlierImage, LayersThere

AMD64 = Platform("linux", "amd64")


def tar(*files: tuple[str, str], mtime: int = 0) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for path, text in files:
            member = tarfile.TarInfo(path)
            member.size, member.mtime, member.uname = len(text), mtime, "somebody"
            archive.addfile(member, io.BytesIO(text.encode()))
    return written.getvalue()


def image(layout: Layout, *layers: bytes, gzipped: int = 0, **config: Any) -> Descriptor:
    """An engine's image; the first `gzipped` layers are compressed."""
    blobs = []
    for number, layer in enumerate(layers):
        if number < gzipped:
            blob = layout.write([gzip.compress(layer, mtime=number)]).described(oci.LAYER)
        else:
            blob = layout.write([layer]).described(oci.LAYER_PLAIN)
        blobs.append(blob)
    document = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-01-02T03:04:05Z",
        "history": [{"created_by": "COPY"} for _ in layers],
        "rootfs": {
            "type": "layers",
            "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers],
        },
        **config,
    }
    described = layout.add(oci.CONFIG, json.dumps(document).encode())
    return layout.add(oci.MANIFEST, oci.manifest(described, blobs))


class Place:
    """Where an engine's images are, and where the canonical ones go."""

    def __init__(self, folder: Path) -> None:
        self.made = Layout.create(folder / "made")
        self.layout = Layout.create(folder / "layout")
        self.scratch = folder / "scratch"
        self.scratch.mkdir()

    def canonical(self, made: Descriptor, base: BaseImage = SCRATCH) -> dict[str, Any]:
        """The manifest of the canonical form, with its config in it."""
        with ThreadPoolExecutor(1) as workers:
            workspace = Workspace(lambda *_: base, self.layout, workers, self.scratch)
            found = canonical_image(made, self.made, AMD64, base, workspace)
        assert not list(self.scratch.iterdir())
        manifest = dict(json.loads(self.layout.read(found.digest)))
        return {**manifest, "config": json.loads(self.layout.read(manifest["config"]["digest"]))}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_times_names_history_and_compression_of_the_engine_are_gone(place: Place) -> None:
    files = (("a", "A"), ("b", "B"))
    run = {"Env": ["B=1", "A=2"], "Hostname": "x"}
    first = place.canonical(image(place.made, tar(*files), config=run))
    later = image(place.made, tar(*files[::-1], mtime=9), gzipped=1, created="2027", config=run)
    assert place.canonical(later) == first
    assert first["config"] == {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["A=2", "B=1"]},
        "rootfs": {"type": "layers", "diff_ids": first["config"]["rootfs"]["diff_ids"]},
    }


def test_the_layers_of_the_base_stay_byte_for_byte_and_where_they_are(place: Place) -> None:
    below = image(place.made, tar(("a", "A")), gzipped=1)
    base = read_base(place.made, below.digest, AMD64)
    built = image(place.made, tar(("a", "A")), tar(("b", "B")), gzipped=1)
    found = place.canonical(built, base)
    assert found["layers"][0]["digest"] == base.layers[0].digest
    assert len(found["layers"]) == 2
    assert not place.layout.path(base.layers[0].digest).exists()


def test_a_layer_that_changes_nothing_is_none(place: Place) -> None:
    base = read_base(place.made, image(place.made, tar(("a", "A")), gzipped=1).digest, AMD64)
    layers = (tar(("a", "A")), tar(("a", "A"), mtime=9), tar(), tar(("b", "B")), tar(("b", "B")))
    found = place.canonical(image(place.made, *layers, gzipped=2), base)
    assert len(found["layers"]) == 2
    assert found == place.canonical(image(place.made, layers[0], layers[3]), base)


def test_a_layer_that_the_destination_has_is_not_compressed(place: Place) -> None:
    layers = (tar(("a", "A")), tar(("b", "B")))
    full = place.canonical(image(place.made, *layers))
    known = Descriptor(oci.LAYER, f"sha256:{'1' * 64}", 5)
    diff_id = full["config"]["rootfs"]["diff_ids"][0]
    place.layout.path(known.digest).write_bytes(b"there")
    asked: Future[EarlierImage] = Future()
    asked.set_result(EarlierImage(None, {diff_id: known}, place.layout))
    with ThreadPoolExecutor(1) as workers:
        workspace = Workspace(
            lambda *_: SCRATCH, place.layout, workers, place.scratch, LayersThere(asked)
        )
        found = canonical_image(image(place.made, *layers), place.made, AMD64, SCRATCH, workspace)
    written = json.loads(place.layout.read(found.digest))["layers"]
    assert written == [json.loads(oci.encoded(known)), full["layers"][1]]


def test_an_image_without_layers_has_none_however_the_engine_says_so(place: Place) -> None:
    config = place.made.add(
        oci.CONFIG, b'{"architecture":"amd64","os":"linux","rootfs":{"diff_ids":null}}'
    )
    manifest = {"config": json.loads(oci.encoded(config)), "layers": None}
    nothing = place.made.add(oci.MANIFEST, json.dumps(manifest).encode())
    assert place.canonical(nothing) == place.canonical(image(place.made))


def other_base(place: Place) -> tuple[Descriptor, BaseImage]:
    base = read_base(place.made, image(place.made, tar(("a", "A")), gzipped=1).digest, AMD64)
    return image(place.made, tar(("b", "B"))), base


def other_platform(place: Place) -> tuple[Descriptor, BaseImage]:
    return image(place.made, tar(("a", "A")), architecture="arm64"), SCRATCH


def other_content(place: Place) -> tuple[Descriptor, BaseImage]:
    lie = {"type": "layers", "diff_ids": [f"sha256:{'0' * 64}"]}
    return image(place.made, tar(("a", "A")), gzipped=1, rootfs=lie), SCRATCH


def fewer_layers(place: Place) -> tuple[Descriptor, BaseImage]:
    none = {"type": "layers", "diff_ids": []}
    return image(place.made, tar(("a", "A")), rootfs=none), SCRATCH


def a_damaged_layer(place: Place) -> tuple[Descriptor, BaseImage]:
    layer = tar(("a", "A"))
    found = image(place.made, layer)
    place.made.path(f"sha256:{hashlib.sha256(layer).hexdigest()}").write_bytes(layer[:-512])
    return found, SCRATCH


def a_link_to_elsewhere(place: Place) -> tuple[Descriptor, BaseImage]:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        member = tarfile.TarInfo("link")
        member.type, member.linkname = tarfile.LNKTYPE, "elsewhere"
        archive.addfile(member)
    return image(place.made, written.getvalue()), SCRATCH


@pytest.mark.parametrize(
    ("made", "what"),
    [
        (other_base, "another image than the base"),
        (other_platform, "built for 'linux/arm64', not linux/amd64"),
        (other_content, "other content than the config says"),
        (fewer_layers, "another image than the base"),
        (a_damaged_layer, "other content than its name says"),
        (a_link_to_elsewhere, "hard link 'link' to 'elsewhere'"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_not_what_was_to_be_built_is_refused(
    made: Callable[[Place], tuple[Descriptor, BaseImage]], what: str, place: Place
) -> None:
    found, base = made(place)
    with pytest.raises(Refused, match=what):
        place.canonical(found, base)
    assert not list((place.layout.root / "blobs/sha256").iterdir())


@pytest.mark.parametrize("diff_id", ["../x", "sha256:../../x", f"sha256:{'0' * 64}\n", ""])
def test_a_diff_id_is_a_digest_and_never_a_path(place: Place, diff_id: str) -> None:
    lie = {"type": "layers", "diff_ids": [diff_id]}
    made = image(place.made, tar(("a", "A")), gzipped=1, rootfs=lie)
    with pytest.raises(Refused, match="the config of the image can't be read"):
        place.canonical(made)


@pytest.mark.parametrize(
    "field", [{"digest": "sha256:../x"}, {"size": -1}], ids=["no digest", "less than nothing"]
)
def test_a_descriptor_that_points_nowhere_is_refused(place: Place, field: dict[str, Any]) -> None:
    whole = json.loads(oci.encoded(Descriptor(oci.LAYER, f"sha256:{'1' * 64}", 5)))
    manifest = {"config": whole, "layers": [whole | field]}
    found = place.made.add(oci.MANIFEST, json.dumps(manifest).encode())
    with pytest.raises(Refused, match="can't be read"):
        read_base(place.made, found.digest, AMD64)


@pytest.mark.parametrize(
    "run",
    [{"Env": [1]}, {"ExposedPorts": [1]}, {"Labels": "x"}, {"WorkingDir": 5}, {"Volumes": [[]]}],
    ids=lambda run: next(iter(run)),
)
def test_a_config_of_another_shape_is_one_error_that_names_the_image(
    place: Place, run: dict[str, Any]
) -> None:
    made = image(place.made, tar(("a", "A")), config=run)
    with pytest.raises(Refused, match=f"the config of the base {made.digest} can't be used"):
        read_base(place.made, made.digest, AMD64)
    with pytest.raises(Refused, match="the config of the image can't be used"):
        place.canonical(made)


def test_a_platform_without_a_variant_is_not_one_with(place: Place) -> None:
    plain, newer = (image(place.made, tar((name, name))) for name in ("a", "b"))
    wanted = {"os": "linux", "architecture": "amd64"}

    def of(*entries: tuple[Descriptor, dict[str, Any]]) -> str:
        found = [
            {**json.loads(oci.encoded(one)), "platform": wanted | platform}
            for one, platform in entries
        ]
        index = place.made.add(oci.INDEX, json.dumps({"manifests": found}).encode())
        return read_base(place.made, index.digest, AMD64).diff_ids[0]

    expected = read_base(place.made, plain.digest, AMD64).diff_ids[0]
    assert of((newer, {"variant": "v3"}), (plain, {})) == expected
    assert of((newer, {"variant": "v3"}), (plain, {"variant": "v1"})) == expected
    assert of((newer, {"variant": ["v3"]}), (plain, {"variant": ""})) == expected
    with pytest.raises(Refused, match="is for linux/amd64/v3, not for linux/amd64"):
        of((newer, {"variant": "v3"}))


def test_the_kind_of_a_layer_is_shown_escaped(place: Place) -> None:
    layer = {"mediaType": "\x1b[2J", "digest": f"sha256:{'1' * 64}", "size": 5}
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": [layer["digest"]]}}
    described = json.loads(oci.encoded(place.made.add(oci.CONFIG, json.dumps(config).encode())))
    manifest = {"config": described, "layers": [layer]}
    found = place.made.add(oci.MANIFEST, json.dumps(manifest).encode())
    with pytest.raises(Refused, match="a layer of the base") as error:
        read_base(place.made, found.digest, AMD64)
    assert "\x1b" not in error.value.what


def test_the_layers_of_a_base_are_read_once_however_many_ask(place: Place) -> None:
    made = image(place.made, *(tar(*((f"{n}-{m}", "A") for m in range(200))) for n in range(3)))
    base = read_base(place.made, made.digest, AMD64)
    start = Barrier(4)

    def ask(_: int) -> int:
        start.wait()
        return id(base.rootfs)

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(ask, range(4)))) == 1
