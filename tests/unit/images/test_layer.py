"""A layer: the same blob however many workers compress it, cut every 1 MiB of input."""

import gzip
import hashlib
import io
import random
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pytest

from tidemill.images import tar_stream
from tidemill.images.entries import File
from tidemill.images.layer import Layer, write_layer
from tidemill.images.layout import Layout
from tidemill.images.reuse import NOTHING, EarlierImage, LayersThere

MIB = 1 << 20


def entries(size: int) -> list[File]:
    data = random.Random(size).randbytes(size // 2) + bytes(size - size // 2)
    return [File("data", size, lambda: io.BytesIO(data))]


@pytest.mark.parametrize("size", [0, 1, MIB - 512, MIB, 3 * MIB + 7], ids=str)
def test_the_blob_is_the_tar_in_members_of_one_mebibyte(tmp_path: Path, size: int) -> None:
    layout = Layout.create(tmp_path)
    with ThreadPoolExecutor(1) as workers:
        layer = write_layer(layout, entries(size), workers)
    written = layout.path(layer.blob.digest).read_bytes()
    plain = b"".join(tar_stream.stream(entries(size)))
    assert gzip.decompress(written) == plain
    assert layer.diff_id == f"sha256:{hashlib.sha256(plain).hexdigest()}"
    assert layer.blob.digest == f"sha256:{hashlib.sha256(written).hexdigest()}"
    assert layer.blob.size == len(written)
    # Random bytes may look like a header, but not together with a whole member before them.
    assert written.count(bytes.fromhex("1f8b08000000000000ff")) == -(-len(plain) // MIB)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_the_number_of_workers_changes_nothing(tmp_path: Path, count: int) -> None:
    with ThreadPoolExecutor(count) as workers:
        layer = write_layer(Layout.create(tmp_path), entries(20 * MIB), workers)
    assert layer.blob.digest == (
        "sha256:1a04a89106f82e46cb2c4192b166645825bbaeff7a930a63df64df58adb481ff"
    )


def written_while(
    asked: Future[EarlierImage], at_open: Callable[[], None], layout: Layout
) -> tuple[Layer, int]:
    """A layer of 3 MiB, and how often its file was opened; `at_open` is done each time."""
    opened: list[str] = []

    def opening() -> BinaryIO:
        opened.append("once")
        at_open()
        return io.BytesIO(bytes(3 * MIB))

    file = File("data", 3 * MIB, opening)
    with ThreadPoolExecutor(1) as workers:
        return write_layer(layout, [file], workers, LayersThere(asked)), len(opened)


def test_files_are_read_while_the_registry_is_asked(tmp_path: Path) -> None:
    """Here the registry answers no sooner than the file is read."""
    layout = Layout.create(tmp_path)
    plain, _ = written_while(answered(NOTHING), lambda: None, layout)
    there = EarlierImage("any", {plain.diff_id: plain.blob}, layout)
    asked: Future[EarlierImage] = Future()
    assert written_while(asked, lambda: asked.set_result(there), layout) == (plain, 1)


def test_files_are_not_read_to_their_end_for_nothing(tmp_path: Path) -> None:
    layout = Layout.create(tmp_path)
    plain = written_while(answered(NOTHING), lambda: None, layout)
    assert plain[1] == 1, "what is known to be new is compressed at once"
    asked: Future[EarlierImage] = Future()

    def answer() -> None:
        if not asked.done():
            asked.set_result(NOTHING)

    assert written_while(asked, answer, layout) == (plain[0], 2)


def test_what_asking_raised_ends_the_reading(tmp_path: Path) -> None:
    asked: Future[EarlierImage] = Future()
    with pytest.raises(OSError, match="unreachable"):
        written_while(
            asked, lambda: asked.set_exception(OSError("unreachable")), Layout.create(tmp_path)
        )


def answered(found: EarlierImage) -> Future[EarlierImage]:
    asked: Future[EarlierImage] = Future()
    asked.set_result(found)
    return asked
