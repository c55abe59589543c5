"""Publishing from place to place: everything below an image first, tags last."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tidemill.errors import Refused
from tidemill.images import documents, oci
from tidemill.images.layout import Layout
from tidemill.images.oci import Descriptor, Platform
from tidemill.images.publish import Publication, publish


def image(layout: Layout, content: bytes = b"layer", platform: str = "linux/amd64") -> Descriptor:
    layer = layout.add(oci.LAYER, content)
    config = layout.add(oci.CONFIG, oci.config(Platform.parse(platform), {}, [layer.digest]))
    return layout.add(oci.MANIFEST, oci.manifest(config, [layer]))


def index(layout: Layout, *entries: Descriptor) -> Descriptor:
    document = {"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": entries}
    return layout.add(oci.INDEX, oci.encoded(document))


def both(layout: Layout) -> Descriptor:
    """An image for two platforms, which share their layer."""
    return index(layout, image(layout), image(layout, platform="linux/arm64"))


def published(
    image: Descriptor,
    source: Layout,
    to: Layout,
    *tags: str,
    progress: Callable[[str], None] = lambda _: None,
) -> Publication:
    with ThreadPoolExecutor(2) as workers:
        return publish(image, source, to, tags, workers=workers, progress=progress)


@pytest.fixture
def source(tmp_path: Path) -> Layout:
    return Layout.create(tmp_path / "source")


@pytest.fixture
def to(tmp_path: Path) -> Layout:
    return Layout.create(tmp_path / "to")


def blobs(layout: Layout) -> set[str]:
    return {f"sha256:{file.name}" for file in (layout.root / "blobs" / "sha256").iterdir()}


def test_an_index_comes_with_all_below_it(source: Layout, to: Layout) -> None:
    whole = both(source)
    done = published(whole, source, to, "main", "1.0")
    assert blobs(to) == blobs(source)
    assert to.tags().keys() == {"main", "1.0"}
    assert (done.digest, done.tags, done.blobs_sent) == (whole.digest, ("main", "1.0"), 3)
    assert done.sent == sum(source.path(digest).stat().st_size for digest in blobs(source))


def test_twice_is_once(source: Layout, to: Layout) -> None:
    whole = both(source)
    published(whole, source, to, "main")
    before = (to.root / "index.json").stat().st_ino
    said: list[str] = []
    second = published(whole, source, to, "main", "main", progress=said.append)
    assert second == Publication(whole.digest)
    assert not second.changed
    assert said == []
    assert (to.root / "index.json").stat().st_ino == before


def test_only_what_is_new_is_sent(source: Layout, to: Layout) -> None:
    published(image(source), source, to, "main")
    done = published(both(source), source, to, "main")
    assert (done.blobs_sent, done.blobs_skipped) == (1, 1)


def test_tags_that_are_there_are_not_named_as_set(source: Layout, to: Layout) -> None:
    whole = image(source)
    published(whole, source, to, "main")
    done = published(whole, source, to, "main", "1.0")
    assert (done.tags, done.blobs_sent, done.changed) == (("1.0",), 0, True)


def test_without_a_tag_the_image_is_there_by_its_digest(source: Layout, to: Layout) -> None:
    whole = both(source)
    assert published(whole, source, to).changed
    assert to.find(whole.digest) == whole
    assert to.tags() == {}
    assert not published(whole, source, to).changed


def test_a_blob_that_is_in_neither_place_is_one_error(source: Layout, to: Layout) -> None:
    whole = image(source)
    missing = oci.digest_of(b"layer")
    source.path(missing).unlink()
    with pytest.raises(Refused, match=f"{missing} is neither in {source.where} nor in {to.where}"):
        published(whole, source, to, "main")
    assert to.tags() == {}
    assert blobs(to) == set()


def test_a_damaged_blob_is_not_published(source: Layout, to: Layout) -> None:
    whole = image(source)
    damaged = oci.digest_of(b"layer")
    source.path(damaged).write_bytes(b"lay3r")
    with pytest.raises(Refused, match="has other content than its name says"):
        published(whole, source, to, "main")
    assert to.tags() == {}
    assert blobs(to) == set()


@pytest.mark.parametrize("after", range(4))
def test_a_run_that_is_interrupted_sets_no_tag(after: int, source: Layout, to: Layout) -> None:
    """Wherever it ends before the tags: and the next run completes it."""
    whole = both(source)
    left = after

    def progress(_: str) -> None:
        nonlocal left
        if not left:
            raise KeyboardInterrupt
        left -= 1

    if after < 3:  # three blobs are sent, then the tag is told of, which is there by then
        with pytest.raises(KeyboardInterrupt):
            published(whole, source, to, "main", progress=progress)
        assert to.tags() == {}
        assert not list(to.root.rglob(".part-*"))
    published(whole, source, to, "main")
    assert blobs(to) == blobs(source)
    assert to.tags()["main"].digest == whole.digest


def test_what_was_written_before_an_error_is_said(source: Layout, to: Layout) -> None:
    whole = index(source, image(source, b"first"), image(source, b"second", "linux/arm64"))
    source.path(oci.digest_of(b"second")).unlink()
    source.path(oci.digest_of(b"first")).read_bytes()
    with pytest.raises(Refused) as error, ThreadPoolExecutor(1) as workers:
        publish(whole, source, to, ["main"], workers=workers)
    assert error.value.written == "blobs without a tag"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "is neither a manifest nor an index"),
        ({"manifests": [], "layers": []}, "is both a manifest and an index"),
        ({"manifests": [], "config": {}}, "is both a manifest and an index"),
        ({"manifests": 5}, "can't be read"),
        ({"layers": []}, "can't be read"),
    ],
)
def test_a_document_that_is_not_an_image_s_is_refused(
    document: dict[str, Any], said: str, source: Layout, to: Layout
) -> None:
    odd = source.add(oci.MANIFEST, oci.encoded(document))
    with pytest.raises(Refused, match=said):
        published(odd, source, to, "main")
    assert blobs(to) == set()


def test_a_document_of_another_size_than_is_said_is_refused(source: Layout, to: Layout) -> None:
    whole = image(source)
    wrong = index(source, Descriptor(whole.media_type, whole.digest, whole.size + 1))
    with pytest.raises(Refused, match=f"{whole.digest} has {whole.size} bytes, not"):
        published(wrong, source, to, "main")


def test_indexes_in_indexes_have_an_end(source: Layout, to: Layout) -> None:
    whole = image(source)
    for _ in range(4):
        whole = index(source, whole)
    assert published(whole, source, to, "main").changed
    with pytest.raises(Refused, match="too deep"):
        published(index(source, whole), source, to, "main")


def test_documents_come_after_what_they_point_to(source: Layout) -> None:
    whole = both(source)
    order = [found.described for found in documents.below(whole, source.read, lambda _: False)]
    assert [found.media_type for found in order] == [oci.MANIFEST, oci.MANIFEST, oci.INDEX]
    assert order[-1] == whole


class Slow(Layout, frozen=True):
    """A source whose blobs never end by themselves."""

    def pieces(self, blob: Descriptor) -> Iterator[bytes]:
        while True:
            yield b"\0"


def test_an_error_ends_what_is_under_way(source: Layout, to: Layout) -> None:
    """One blob is missing; the other would be sent for a very long time."""
    endless = Descriptor(oci.LAYER, oci.digest_of(b"never"), 1 << 60)
    source.path(endless.digest).touch()
    missing = Descriptor(oci.LAYER, oci.digest_of(b"missing"), 7)
    config = source.add(oci.CONFIG, b"{}")
    whole = source.add(oci.MANIFEST, oci.manifest(config, [endless, missing]))

    class Has(Slow, frozen=True):
        def has(self, blob: Descriptor) -> bool:
            return blob == endless

    with pytest.raises(Refused, match=f"{missing.digest} is neither in"):
        published(whole, Has(source.root), to, "main")
    assert not list(to.root.rglob(".part-*"))
