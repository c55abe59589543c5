"""A layer: the same blob however many workers compress it, cut every 1 MiB of input."""

import gzip
import hashlib
import io
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tidemill.images import tar_stream
from tidemill.images.entries import File
from tidemill.images.layer import write_layer
from tidemill.images.layout import Layout

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
