"""What the destination has already: used where it is what it seems, and never trusted further."""

import json
from pathlib import Path
from typing import Any

import pytest

from tidemill.images import oci
from tidemill.images.compression import PROFILE
from tidemill.images.layout import Layout
from tidemill.images.oci import Descriptor, Platform
from tidemill.images.reuse import NOTHING, earlier

DIFF_ID = "sha256:" + "d" * 64


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.create(tmp_path / "layout")


def pushed(layout: Layout, document: dict[str, Any], media_type: str = oci.MANIFEST) -> Descriptor:
    """A document behind the tag main, as somebody else's client may have pushed it."""
    image = layout.add(media_type, json.dumps(document).encode())
    entry = {
        "mediaType": image.media_type,
        "digest": image.digest,
        "size": image.size,
        "annotations": {oci.REF_NAME: "main"},
    }
    (layout.root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return image


def manifest(layout: Layout, **more: Any) -> dict[str, Any]:
    layer = layout.add(oci.LAYER, b"layer")
    config = layout.add(oci.CONFIG, oci.config(Platform.parse("linux/amd64"), {}, [DIFF_ID]))
    found: dict[str, Any] = json.loads(oci.manifest(config, [layer]))
    return {**found, **more}


def test_a_tag_that_is_not_there_is_nothing(layout: Layout) -> None:
    assert earlier(layout, "main") == NOTHING


def test_layers_of_this_profile_are_known_by_what_is_in_them(layout: Layout) -> None:
    image = pushed(layout, manifest(layout))
    found = earlier(layout, "main")
    assert found.digest == image.digest
    assert found.layers == {DIFF_ID: Descriptor(oci.LAYER, oci.digest_of(b"layer"), 5)}


def test_all_images_of_an_index_are_looked_at(layout: Layout) -> None:
    image = layout.add(oci.MANIFEST, json.dumps(manifest(layout)).encode())
    index = {"schemaVersion": 2, "manifests": [json.loads(oci.encoded(image))]}
    pushed(layout, index, oci.INDEX)
    assert set(earlier(layout, "main").layers) == {DIFF_ID}


@pytest.mark.parametrize(
    "annotations",
    [
        None,
        {},
        {oci.PROFILE_ANNOTATION: "tidemill/1"},
        {oci.PROFILE_ANNOTATION: PROFILE},
        {oci.PROFILE_ANNOTATION: PROFILE, oci.LAYERS_ANNOTATION: DIFF_ID},
        {"other": PROFILE},
    ],
)
def test_layers_of_others_are_not_taken(layout: Layout, annotations: dict[str, str] | None) -> None:
    image = pushed(layout, manifest(layout, annotations=annotations))
    assert earlier(layout, "main").digest == image.digest
    assert earlier(layout, "main").layers == {}


def test_layers_that_were_compressed_anew_are_not_taken(layout: Layout) -> None:
    """As by a tool that copies images; it keeps the annotations."""
    image = manifest(layout)
    other = layout.add(oci.LAYER, b"LAYER")
    image["layers"] = [json.loads(oci.encoded(other))]
    pushed(layout, image)
    assert earlier(layout, "main").layers == {}


def test_a_layer_that_has_gone_is_not_taken(layout: Layout) -> None:
    pushed(layout, manifest(layout))
    found = earlier(layout, "main")
    assert found.layer(DIFF_ID)
    layout.path(oci.digest_of(b"layer")).unlink()
    assert found.layer(DIFF_ID) is None


def test_of_a_layer_only_digest_and_size_are_taken_over(layout: Layout) -> None:
    """All else would come into the manifest, and change its digest."""
    good = manifest(layout)
    good["layers"][0] |= {"annotations": {"x": "y"}, "urls": ["http://evil"], "platform": {}}
    pushed(layout, good)
    (found,) = earlier(layout, "main").layers.values()
    assert found == Descriptor(oci.LAYER, oci.digest_of(b"layer"), 5)


def test_a_layer_that_is_compressed_in_another_way_is_not_taken(layout: Layout) -> None:
    good = manifest(layout)
    good["layers"][0]["mediaType"] = "application/vnd.oci.image.layer.v1.tar+zstd"
    pushed(layout, good)
    assert earlier(layout, "main").layers == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"layers": []},
        {"layers": "x"},
        {"config": None},
        {"layers": None},
        {"x": "deep"},
    ],
    ids=str,
)
def test_what_can_not_be_read_is_as_good_as_nothing(layout: Layout, wrong: dict[str, Any]) -> None:
    document = manifest(layout, **wrong)
    if wrong == {"x": "deep"}:
        text = json.dumps(document)[:-1] + ', "y": ' + "[" * 10_000 + "]" * 10_000 + "}"
        image = layout.add(oci.MANIFEST, text.encode())
        layout.tag(["main"], layout.add(oci.MANIFEST, json.dumps(manifest(layout)).encode()))
        index = layout.root / "index.json"
        index.write_text(index.read_text().replace(layout.tags()["main"].digest, image.digest))
    else:
        pushed(layout, document)
    found = earlier(layout, "main")
    assert found.digest is not None
    assert found.layers == {}


def test_a_config_that_is_missing_or_lies_is_as_good_as_nothing(layout: Layout) -> None:
    document = manifest(layout)
    pushed(layout, document)
    config = layout.path(document["config"]["digest"])
    config.write_bytes(config.read_bytes().replace(b"d" * 64, b"e" * 64))
    assert earlier(layout, "main").layers == {}
    config.unlink()
    assert earlier(layout, "main").layers == {}
