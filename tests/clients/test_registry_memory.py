"""However large a blob is, sending and fetching it takes the same memory."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.components.shapes import Registry as Started

from tidemill.images.layout import Layout

MIB = 1 << 20
LARGE = 300 * MIB
MAY_GROW = 20 * MIB

# In a process of its own, whose largest size is read at its end.
SENDS_AND_FETCHES = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tidemill.clients.registry.registry import registry
from tidemill.clients.http.client import Http
from tidemill.clients.registry.access import Session
from tidemill.images import oci
from tidemill.images.layout import Layout
from tidemill.images.publish import publish

layout = Layout.open(Path(sys.argv[1]))
name, size, digest = sys.argv[2], int(sys.argv[3]), sys.argv[4]
layer = oci.Descriptor(oci.LAYER, digest, size)
config = layout.add(oci.CONFIG, b"{}")
image = layout.add(oci.MANIFEST, oci.manifest(config, [layer]))
to = registry(name, session=Session(Http({})))
with ThreadPoolExecutor(2) as workers:
    assert publish(image, layout, to, ["main"], workers=workers).blobs_sent == 2
assert sum(map(len, to.pieces(layer))) == size
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.create(tmp_path / "layout")


def most_memory(layout: Layout, name: str, size: int) -> int:
    """The largest size of a process that sends a blob of zeros and fetches it again, in bytes."""
    piece = bytes(MIB)
    blob = layout.write(piece for _ in range(size // MIB))
    done = subprocess.run(
        [sys.executable, "-c", SENDS_AND_FETCHES, layout.root, name, str(size), blob.digest],
        capture_output=True,
        check=True,
        text=True,
    )
    layout.path(blob.digest).unlink()
    return int(done.stdout)


def test_a_large_blob_takes_no_more_memory_than_a_small_one(
    layout: Layout, registry: Started
) -> None:
    small = most_memory(layout, registry.name("memory/small"), MIB)
    large = most_memory(layout, registry.name("memory/large"), LARGE)
    assert large - small < MAY_GROW
