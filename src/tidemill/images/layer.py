"""A layer in the canonical form: entries to a tar, to gzip members, to a blob in a layout."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor, Future

from msgspec import Struct

from tidemill.images import compression, oci, tar_stream
from tidemill.images.entries import Entry
from tidemill.images.layout import Layout
from tidemill.images.oci import Descriptor
from tidemill.images.reuse import LayersThere

# Members of one layer that are compressed or wait to be: with several layers at a time enough for
# many cores, and little memory.
_AHEAD = 3


class Layer(Struct, frozen=True):
    """A layer's blob, and the digest of what is in it, uncompressed (its diffID)."""

    blob: Descriptor
    diff_id: str


def write_layer(
    layout: Layout,
    entries: Sequence[Entry],
    workers: Executor,
    known: LayersThere | None = None,
    by_content: Collection[str] = (),
) -> Layer:
    """Write entries, already in order, as one layer; the bytes do not depend on `workers`.

    Args:
        known: what is there is neither compressed nor written; while it is asked for, files are
            read already.
        by_content: below which paths times follow from the content (`tar_stream.stream`).

    Raises:
        Refused: a file changed while it was read.
        CompressorDiffers: the compressor is not the one of the profile.
    """
    compression.prove()
    if known:
        diff_id = digest_of_content(entries, by_content, known.is_nothing)
        if diff_id and (blob := known.layer(diff_id)):
            return Layer(blob, diff_id)
    content = hashlib.sha256()
    members = _members(_cut(tar_stream.stream(entries, by_content)), content, workers)
    written = layout.write(members)
    return Layer(written.described(oci.LAYER), f"sha256:{content.hexdigest()}")


def write_plain(layout: Layout, entries: Sequence[Entry]) -> Layer:
    """Write entries as a layer that is not compressed, of an image that is only read again here."""
    blob = layout.write(tar_stream.stream(entries))
    return Layer(blob.described(oci.LAYER_PLAIN), blob.digest)


def digest_of_content(
    entries: Sequence[Entry], by_content: Collection[str], is_vain: Callable[[], bool]
) -> str | None:
    """The digest of the tar of the entries (a diffID: image-spec, config.md, "rootfs").

    None if it turned out meanwhile that nobody wants to know.
    """
    content = hashlib.sha256()
    for piece in tar_stream.stream(entries, by_content):
        if is_vain():
            return None
        content.update(piece)
    return f"sha256:{content.hexdigest()}"


def _cut(pieces: Iterator[bytes]) -> Iterator[bytearray]:
    """The same bytes, in pieces of exactly one member's input; the last may be shorter."""
    member, filled = bytearray(compression.MEMBER), 0
    for piece in pieces:
        left = memoryview(piece)
        while left:
            part = left[: compression.MEMBER - filled]
            member[filled : filled + len(part)] = part
            filled += len(part)
            left = left[len(part) :]
            if filled == compression.MEMBER:
                yield member  # whoever has it may keep it
                member, filled = bytearray(compression.MEMBER), 0
    if filled:
        yield member[:filled]


def _members(
    pieces: Iterator[bytearray], content: hashlib._Hash, workers: Executor
) -> Iterator[bytes]:
    """Compress the pieces side by side, in order, and digest them meanwhile."""
    running: deque[Future[bytes]] = deque()
    for piece in pieces:
        running.append(workers.submit(compression.member, piece))
        content.update(piece)
        if len(running) > _AHEAD:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()
