"""An OCI image layout: whole or not there, whoever writes to it at once."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tidemill.errors import Refused
from tidemill.images import oci
from tidemill.images.layout import Layout
from tidemill.images.oci import Descriptor, Platform

AMD64 = Platform("linux", "amd64")


def image(layout: Layout, content: bytes = b"layer") -> Descriptor:
    layer = layout.add(oci.LAYER, content)
    config = layout.add(oci.CONFIG, oci.config(AMD64, {}, [layer.digest]))
    return layout.add(oci.MANIFEST, oci.manifest(config, [layer]))


def index(layout: Layout) -> Any:
    return json.loads((layout.root / "index.json").read_bytes())


def files(layout: Layout) -> set[str]:
    return {p.relative_to(layout.root).as_posix() for p in layout.root.rglob("*") if p.is_file()}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.create(tmp_path / "images" / "gateway")


def test_an_empty_layout_is_valid(layout: Layout) -> None:
    assert (layout.root / "oci-layout").read_text() == '{"imageLayoutVersion":"1.0.0"}'
    assert index(layout) == {"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": []}


def test_a_layout_that_is_there_is_taken_as_it_is(layout: Layout) -> None:
    layout.tag(["main"], image(layout))
    before = {name: (layout.root / name).stat() for name in files(layout)}
    assert Layout.create(layout.root).tags().keys() == {"main"}
    image(layout)
    layout.tag(["main"], image(layout))
    assert files(layout) == before.keys()
    assert (layout.root / "index.json").stat().st_ino == before["index.json"].st_ino


def test_a_tag_moves_and_the_others_stay(layout: Layout) -> None:
    first, second = image(layout, b"1"), image(layout, b"2")
    layout.tag(["main", "a" * 40], first)
    layout.tag(["main"], second)
    assert {name: found.digest for name, found in layout.tags().items()} == {
        "a" * 40: first.digest,
        "main": second.digest,
    }


def test_the_index_does_not_depend_on_the_order_of_writes(tmp_path: Path) -> None:
    one, other = Layout.create(tmp_path / "one"), Layout.create(tmp_path / "other")
    for layout, tags in ((one, "abc"), (other, "cba")):
        for tag in tags:
            layout.tag([tag], image(layout))
    assert index(one) == index(other)


def test_what_another_tool_put_into_the_index_stays(layout: Layout) -> None:
    foreign = {"mediaType": oci.MANIFEST, "digest": "sha256:" + "0" * 64, "size": 2, "urls": ["x"]}
    (layout.root / "index.json").write_text(
        json.dumps({"schemaVersion": 2, "manifests": [foreign]})
    )
    layout.tag(["main"], image(layout))
    assert foreign in index(layout)["manifests"]


def test_a_tag_comes_only_after_everything_it_needs(layout: Layout) -> None:
    whole = image(layout)
    layout.path(oci.digest_of(b"layer")).unlink()
    with pytest.raises(Refused, match="is not in"):
        layout.tag(["main"], whole)
    assert layout.tags() == {}


def test_many_writers_at_once_lose_no_tag(layout: Layout) -> None:
    def write(number: int) -> None:
        own = Layout.create(layout.root)
        own.tag([f"tag-{number}"], image(own, b"%d" % (number % 3)))

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(write, range(40)))
    assert layout.tags().keys() == {f"tag-{number}" for number in range(40)}
    assert len(files(layout)) == 2 + 3 * 3


def test_a_write_that_fails_leaves_nothing(layout: Layout) -> None:
    def broken() -> Any:
        yield b"half of it"
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"):
        layout.write(broken())
    assert files(layout) == {"oci-layout", "index.json"}


def test_a_damaged_blob_is_found_and_is_mended_by_writing_it_again(layout: Layout) -> None:
    whole = image(layout)
    layout.path(whole.digest).write_bytes(b"{}")
    with pytest.raises(Refused, match="has other content than its name says"):
        layout.read(whole.digest)
    assert image(layout) == whole
    assert layout.read(whole.digest)


def test_a_copy_is_checked_on_the_way(layout: Layout, tmp_path: Path) -> None:
    source = Layout.create(tmp_path / "source")
    blob = source.add(oci.LAYER, b"layer")
    source.path(blob.digest).write_bytes(b"lay3r")
    with pytest.raises(Refused, match="has other content"):
        layout.put(blob, lambda: source.pieces(blob))
    source.add(oci.LAYER, b"layer")
    layout.put(blob, lambda: source.pieces(blob))
    assert layout.path(blob.digest).read_bytes() == b"layer"


def test_an_image_is_found_by_tag_and_by_digest(layout: Layout) -> None:
    whole = image(layout)
    layout.tag(["main"], whole)
    found = layout.find("main")
    assert found is not None
    assert (found.digest, found.size, found.media_type) == (whole.digest, whole.size, oci.MANIFEST)
    assert layout.find(whole.digest) == whole
    assert layout.find("other") is None
    assert layout.find(oci.digest_of(b"other")) is None


def test_an_index_is_tagged_after_all_below_it(layout: Layout) -> None:
    below = image(layout)
    whole = layout.add(oci.INDEX, oci.encoded({"schemaVersion": 2, "manifests": [below]}))
    layer = layout.path(oci.digest_of(b"layer"))
    data = layer.read_bytes()
    layer.unlink()
    with pytest.raises(Refused, match="is not in"):
        layout.tag(["main"], whole)
    layer.write_bytes(data)
    layout.tag(["main"], whole)
    found = layout.find("main")
    assert found is not None
    assert found.media_type == oci.INDEX


@pytest.mark.parametrize("data", [b"lay3r", b"lay", b"layer and more", b""])
def test_a_blob_that_is_not_what_was_asked_for_is_not_kept(layout: Layout, data: bytes) -> None:
    wanted = Descriptor(oci.LAYER, oci.digest_of(b"layer"), 5)
    before = files(layout)
    with pytest.raises(Refused, match="is something else"):
        layout.put(wanted, lambda: iter([data]))
    assert files(layout) == before


def test_a_blob_that_is_there_is_not_asked_for(layout: Layout) -> None:
    def none_asked() -> Any:
        pytest.fail("it is there")

    blob = layout.add(oci.LAYER, b"layer")
    layout.put(blob, none_asked)
    assert b"".join(layout.pieces(blob)) == b"layer"


def test_a_large_blob_comes_in_pieces(layout: Layout) -> None:
    blob = layout.add(oci.LAYER, bytes(3_000_000))
    assert [len(piece) for piece in layout.pieces(blob)] == [1 << 20, 1 << 20, 902_848]


@pytest.mark.parametrize("digest", ["sha256:../../etc", "sha512:" + "a" * 64, "a" * 64, ""])
def test_a_digest_that_is_none_never_becomes_a_path(layout: Layout, digest: str) -> None:
    with pytest.raises(Refused, match="is not a sha256 digest"):
        layout.path(digest)


def test_a_folder_with_other_files_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(Refused, match="is not an OCI image layout"):
        Layout.create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"manifests": [{"digest": 1}]}'])
def test_an_index_that_is_none_is_refused(layout: Layout, text: str) -> None:
    (layout.root / "index.json").write_text(text)
    with pytest.raises(Refused, match=r"index\.json"):
        layout.tags()


def test_documents_are_sorted_and_have_no_white_space() -> None:
    assert oci.config(Platform("linux", "arm64", "v8"), {"User": "1", "Env": ["A=b"]}, ["x"]) == (
        b'{"architecture":"arm64","config":{"Env":["A=b"],"User":"1"},"os":"linux",'
        b'"rootfs":{"diff_ids":["x"],"type":"layers"},"variant":"v8"}'
    )
