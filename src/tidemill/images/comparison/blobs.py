"""How two compressed blobs of one layer differ: the compressor, or what stands in gzip's header."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec import Struct

from tidemill.images.causes import attributes
from tidemill.images.causes.content import escaped
from tidemill.images.comparison.difference import Difference, Where
from tidemill.images.comparison.layers import Layer
from tidemill.images.tar_read import GZIP, ZSTD, checked

_HEADER = 1024
_EXTRA, _NAME, _COMMENT, _CHECKED = 4, 8, 16, 2
_LEVELS = {0: "none", 2: "best", 4: "fastest"}


class _Gzip(Struct, frozen=True):
    """The header of the first gzip member (RFC 1952), as text; `length` in bytes."""

    fields: dict[str, str]
    length: int


class _Blob(Struct, frozen=True):
    """What is told of one blob: its kind, gzip's header, and a digest of what follows it."""

    kind: str
    gzip: _Gzip | None
    rest: bytes


def compare_blobs(left: Layer, right: Layer, platform: str | None) -> list[Difference]:
    """What differs between the blobs of two layers of one diffID; nothing if it is one blob.

    Both are read to their end, so that the diffID is not only the config's word.

    Raises:
        Refused: a blob is not what its digest, or the diffID in its config, says.
    """
    if left.blob.digest == right.blob.digest:
        return []
    one, other = _read(left), _read(right)
    where = Where("compression", platform, left.at, right.at)
    if one.kind != other.kind:
        return [Difference(where, "compression", one.kind, other.kind, cause=attributes.COMPRESSOR)]
    found = []
    if one.gzip and other.gzip:
        names = sorted(one.gzip.fields.keys() | other.gzip.fields.keys())
        for name in names:
            a, b = one.gzip.fields.get(name), other.gzip.fields.get(name)
            if a != b:
                cause = attributes.GZIP_TIME if name == "time" else attributes.COMPRESSOR
                found.append(Difference(where, f"gzip header {name}", a, b, cause=cause))
    if one.rest != other.rest:
        a, b = (f"{layer.blob.size} bytes of {one.kind}" for layer in (left, right))
        found.append(Difference(where, "compressed bytes", a, b, cause=attributes.COMPRESSOR))
    return found


def _read(layer: Layer) -> _Blob:
    """Read a blob once: its first bytes, the digest of the rest, and of what it unpacks to."""
    pieces = layer.image.store.pieces(layer.blob)
    first = b""
    for piece in pieces:
        first += piece
        if len(first) >= _HEADER:
            break
    gzip = _gzip(first)
    rest = hashlib.sha256(first[gzip.length if gzip else 0 :])

    def watched() -> Iterator[bytes]:
        yield first
        for piece in pieces:
            rest.update(piece)
            yield piece

    for _ in checked(watched(), layer.what, layer.diff_id):
        pass
    magics = {GZIP: "gzip", ZSTD: "zstd"}
    kind = next((name for magic, name in magics.items() if first.startswith(magic)), "none")
    return _Blob(kind, gzip, rest.digest())


def _gzip(data: bytes) -> _Gzip | None:
    if not data.startswith(GZIP) or len(data) < 10:
        return None
    flags = data[3]
    seconds = int.from_bytes(data[4:8], "little")
    fields = {
        "time": datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else "none",
        "level": _LEVELS.get(data[8], str(data[8])),
        "system": f"{data[9]:#04x}",
    }
    place = 10
    if flags & _EXTRA:
        size = int.from_bytes(data[place : place + 2], "little")
        fields["extra"] = escaped(data[place + 2 : place + 2 + size])
        place += 2 + size
    for flag, name in ((_NAME, "name"), (_COMMENT, "comment")):
        if flags & flag:
            end = data.find(b"\0", place)
            if end < 0:  # longer than anything that is looked at
                return None
            fields[name] = escaped(data[place:end])
            place = end + 1
    if flags & _CHECKED:
        fields["checksum"] = "there"
        place += 2
    return _Gzip(fields, place)
