"""Reading the tar of a layer that any tool wrote: headers, and files by their place in it."""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Self, TypeVar

from tidemill.errors import Refused
from tidemill.images.entries import (
    OPAQUE,
    WHITEOUT,
    Attributes,
    Device,
    Entry,
    File,
    Folder,
    HardLink,
    Link,
    Opaque,
    Whiteout,
    path_in,
)
from tidemill.images.tar_stream import READ, XATTR
from tidemill.words.names import shown

_DEVICES = (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)
# The extended attribute that engines keep. They lose labels of SELinux, and what users write.
_KEPT = f"{XATTR}security.capability"
# Headers whose content `tarfile` reads at once.
_IN_MEMORY = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)
_LARGEST_HEADER = 1 << 20
# All that a tar can make `tarfile` raise; headers that name the next one nest its calls.
_DAMAGED = (
    *(tarfile.TarError, OSError, EOFError, ValueError),
    *(IndexError, OverflowError, RecursionError),
)
GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
_LITTLE = 256
_Member = TypeVar("_Member", bound=tarfile.TarInfo)


class _Header(tarfile.TarInfo):
    """A header in an archive; what is none is an error, where `tarfile` would see the end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            found = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if buf.strip(b"\0"):
                raise ValueError(str(error)) from None
            raise
        if found.type in _IN_MEMORY and found.size > _LARGEST_HEADER:
            raise ValueError(f"a header has {found.size} bytes")
        return _counted(found)


class _Tar(tarfile.TarFile):
    """An archive whose names are UTF-8, whatever the locale."""

    tarinfo = _Header
    encoding = "utf-8"
    errors = "surrogateescape"


def _counted(header: _Member) -> _Member:
    """The header; raise `ValueError` if something in it is less than nothing."""
    parts = sparse(header) or ()
    numbers = (header.size, header.uid, header.gid, *(n for part in parts for n in part))
    if min(numbers) < 0:
        raise ValueError("a header has a negative number")
    return header


def sparse(header: tarfile.TarInfo) -> list[tuple[int, int]] | None:
    """Start and size of each part of a file that the archive has; None if it has all of it."""
    # Only sparse members have the attribute filled; it is not among the documented ones.
    found: list[tuple[int, int]] | None = getattr(header, "sparse", None)
    return found


def layer_entries(archive: Path) -> Iterator[Entry | Whiteout | Opaque]:
    """What the uncompressed layer in a file adds and takes away, in its own order.

    Files are opened at their place in the archive, so it must stay where it is.

    Raises:
        Refused: it is not a tar, is damaged, or has in it what no layer may have.
    """
    for member in members(archive):
        entry = _entry(archive, member)
        if entry is not None:
            yield entry


def listed(pieces: Iterator[bytes], what: str) -> Iterator[Entry | Whiteout | Opaque]:
    """The entries of a layer that comes as a stream; its files can't be opened.

    Args:
        pieces: the layer's blob, compressed or not.
        what: how to call it in an error.
    """
    source = as_file(uncompressed(pieces, what))
    try:
        with _Tar.open(fileobj=source, mode="r|") as opened:
            for member in _walked(opened):
                entry = _entry(Path(what), member)
                if entry is not None:
                    yield entry
        while source.read(READ):  # to its end, where its digest is checked
            pass
    except _DAMAGED as error:
        raise _unreadable(what, error) from None


def members(archive: Path) -> Iterator[tarfile.TarInfo]:
    """The headers of a tar, as they are; `Refused` if it can't be read."""
    try:
        with _Tar.open(archive, "r:") as opened:
            yield from _walked(opened)
    except _DAMAGED as error:
        raise _unreadable(f"the layer {archive.name}", error) from None


def _walked(opened: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The headers; tarfile keeps every one that it has read, and a layer may have 100,000."""
    for member in opened:
        yield _counted(member)
        opened.members = []  # type: ignore[attr-defined]


def path_of(member: tarfile.TarInfo) -> str:
    """A member's path without dots or a slash at either end; empty for the root itself."""
    parts = [part for part in PurePosixPath(member.name).parts if part not in ("/", ".")]
    if ".." in parts:
        raise Refused(
            f"a layer has the path {member.name!a}, which leads out of the image",
            remedy="build the image with another tool",
        )
    return "/".join(parts)


def attributes_of(member: tarfile.TarInfo) -> Attributes:
    """What stays of a member's header in the canonical form."""
    given = member.pax_headers.get(_KEPT)
    kept = given and ((_KEPT.removeprefix(XATTR), given.encode("utf-8", "surrogateescape")),)
    return Attributes(member.mode & 0o7777, member.uid, member.gid, kept or ())


def _entry(archive: Path, member: tarfile.TarInfo) -> Entry | Whiteout | Opaque | None:
    path = path_of(member)
    name = PurePosixPath(path).name
    folder = path.rpartition("/")[0]
    if name == OPAQUE:
        return Opaque(folder)
    if name.startswith(WHITEOUT):
        return Whiteout(path_in(folder, name.removeprefix(WHITEOUT)))
    if not path:
        return None
    owned = attributes_of(member)
    if member.type == tarfile.GNUTYPE_SPARSE:
        raise Refused(
            f"a layer has the sparse file {path!a} in a form of GNU that no engine unpacks",
            remedy="write it by `tar --format=pax`, or without holes",
        )
    if member.isreg():
        content: Any = partial(FilePart, archive, member.offset_data, member.size, sparse(member))
        return File(path, member.size, content, owned)
    if member.isdir():
        return Folder(path, owned)
    if member.issym():
        return Link(path, member.linkname, Attributes(0o777, owned.uid, owned.gid, owned.xattrs))
    if member.islnk():
        target = tarfile.TarInfo(member.linkname)
        return HardLink(path, path_of(target), owned)
    if member.type in _DEVICES:
        return Device(path, member.type, member.devmajor, member.devminor, owned)
    raise Refused(
        f"a layer has {path!a}, of the unknown type {member.type!a}",
        remedy="build the image with another tool",
    )


class FilePart(io.RawIOBase):
    """`size` bytes of a file from an offset, as a file that can be sought in.

    Args:
        parts: where only some of it is in the file, start and size of each; zeros are around them.
    """

    def __init__(
        self, file: Path, offset: int, size: int, parts: Sequence[tuple[int, int]] | None = None
    ) -> None:
        self._file = file.open("rb", buffering=0)
        self._size = size
        self._at = 0
        self._parts: list[tuple[int, int, int]] = []
        for start, length in [(0, size)] if parts is None else parts:
            self._parts.append((start, start + length, offset))
            offset += length

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("before the start")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        count = min(len(buffer), max(0, self._size - self._at))
        start, end, offset = next(
            (p for p in self._parts if self._at < p[1]), (self._size, self._size, 0)
        )
        if self._at < start:
            count = min(count, start - self._at)
            buffer[:count] = bytes(count)
        else:
            self._file.seek(offset + self._at - start)
            count = self._file.readinto(memoryview(buffer)[: min(count, end - self._at)])
        self._at += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class _PieceReader(io.RawIOBase):
    """Pieces of bytes as one stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._waiting = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._waiting:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._waiting = memoryview(piece)
        count = min(len(buffer), len(self._waiting))
        memoryview(buffer)[:count] = self._waiting[:count]
        self._waiting = self._waiting[count:]
        return count


def as_file(pieces: Iterator[bytes]) -> BinaryIO:
    """Pieces of bytes as something to read from."""
    return io.BufferedReader(_PieceReader(pieces), READ)


def uncompressed(pieces: Iterator[bytes], what: str) -> Iterator[bytes]:
    """A layer's content: gzip or zstd is taken off, a plain tar passes as it is.

    Raises:
        Refused: it is compressed in another way, or damaged; `what` says which layer it is.
    """
    first = next(pieces, b"")
    while len(first) < len(ZSTD) and (more := next(pieces, b"")):
        first += more
    every = chain((first,), pieces)
    try:
        if first.startswith(ZSTD):
            yield from _without_zstd(every)
        elif first.startswith(GZIP):
            yield from inflated(every)
        else:
            yield from every
    except (zlib.error, EOFError) as error:
        raise _unreadable(what, error) from None


def unpack(pieces: Iterator[bytes], what: str, diff_id: str, to: Path) -> None:
    """Write what `checked` gives to a file."""
    with to.open("wb") as file:
        for piece in checked(pieces, what, diff_id):
            file.write(piece)


def checked(pieces: Iterator[bytes], what: str, diff_id: str) -> Iterator[bytes]:
    """What `uncompressed` gives; `Refused` at its end if it is not what the config says."""
    found = hashlib.sha256()
    for piece in uncompressed(pieces, what):
        found.update(piece)
        yield piece
    if f"sha256:{found.hexdigest()}" != diff_id:
        raise Refused(
            f"{what} has other content than the config says, which names {shown(diff_id)}",
            remedy="build the image again, and don't run this one",
        )


def inflated(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Consecutive gzip members (RFC 1952, 2.2), in pieces of at most 1 MiB.

    zlib copies whatever follows a member. So each member is given little at first, and then ever
    more: thousands of empty ones would else copy the same piece thousands of times.

    Raises:
        zlib.error, EOFError: it is damaged, or ends too early.
    """
    inflater = zlib.decompressobj(wbits=31)
    given = _LITTLE
    for piece in pieces:
        waiting = memoryview(piece)
        while waiting:
            if inflater.eof:
                if not any(waiting):  # zeros, with which some tools fill the last block
                    break
                inflater, given = zlib.decompressobj(wbits=31), _LITTLE
            part = waiting[:given]
            yield inflater.decompress(part, READ)
            while inflater.unconsumed_tail and not inflater.eof:
                yield inflater.decompress(inflater.unconsumed_tail, READ)
            waiting = waiting[len(part) - len(inflater.unused_data) :]
            given *= 2
    if not inflater.eof:
        raise EOFError("it ends too early")


def _without_zstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Consecutive frames of zstd (RFC 8878), in pieces of at most 256 KiB; raises `EOFError`."""
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdDecompressor, ZstdError
    else:
        from backports.zstd import ZstdDecompressor, ZstdError
    frame = ZstdDecompressor()
    try:
        for piece in pieces:
            waiting = piece
            while waiting or not (frame.needs_input or frame.eof):
                if frame.eof:
                    frame = ZstdDecompressor()
                yield frame.decompress(waiting, READ)
                waiting = frame.unused_data if frame.eof else b""
    except ZstdError as error:
        raise EOFError(str(error)) from None
    if not frame.eof:
        raise EOFError("it ends too early")


def _unreadable(what: str, error: Exception) -> Refused:
    return Refused(f"{what} can't be read: {error}", remedy="build or copy the image again")
