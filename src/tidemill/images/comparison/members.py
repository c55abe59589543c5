"""One entry of a layer's tar as it is written there, and what differs between two of them.

This is the archive as any tool wrote it, not the canonical form of `entries.py`: times, names of
owners, PAX records and the form of the header count.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from tidemill.images.causes.content import Content, escaped
from tidemill.images.tar_read import sparse
from tidemill.images.tar_stream import BLOCK, XATTR

LONGEST_VALUE = 1024
LONGEST_PATH = 4096

_KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.CONTTYPE: "contiguous file",
    tarfile.LNKTYPE: "hard link",
    tarfile.SYMTYPE: "symbolic link",
    tarfile.DIRTYPE: "folder",
    tarfile.CHRTYPE: "character device",
    tarfile.BLKTYPE: "block device",
    tarfile.FIFOTYPE: "named pipe",
}
# The PAX records that only say better what a field of the header says.
_FIELDS = ("path", "linkpath", "size", "uid", "gid", "uname", "gname", "mtime")
# The fields of a header (POSIX.1-1988, ustar), by where they end.
_HEADER = (
    (100, "name"),
    (108, "mode"),
    (116, "uid"),
    (124, "gid"),
    (136, "size"),
    (148, "mtime"),
    (156, "checksum"),
    (157, "typeflag"),
    (257, "linkname"),
    (263, "magic"),
    (265, "version"),
    (297, "uname"),
    (329, "gname"),
    (337, "devmajor"),
    (345, "devminor"),
    (500, "prefix"),
    (512, "padding"),
)


class Member(Struct, frozen=True):
    """An entry: its fields as they are in the header, PAX records applied.

    `start` is where its headers begin in the archive, `data` where its content does, `length` how
    many bytes of content are there (a sparse file has fewer than `size`). Text that is not UTF-8
    has surrogates in it. `archive` is the number of the archive among those kept.
    """

    name: str
    kind: str
    size: int
    mtime: float
    mode: int
    uid: int
    gid: int
    uname: str
    gname: str
    target: str
    major: int
    minor: int
    pax: dict[str, str]
    start: int
    data: int
    length: int
    archive: int = 0

    def values(self) -> list[object]:
        """The fields in their order, from which an equal entry can be made."""
        return list(msgspec.structs.astuple(self))


class Field(Struct, frozen=True):
    """One field that differs, with both values as text; None: it is not there."""

    name: str
    left: str | None
    right: str | None


def member(header: tarfile.TarInfo, archive: int = 0) -> Member:
    """The entry that a header describes."""
    parts = sparse(header)
    length = header.size if header.isreg() else 0
    if parts is not None:
        length = sum(size for _, size in parts)
    kind = _KINDS.get(header.type, f"type {header.type!a}")
    return Member(
        header.name,
        "sparse file" if parts is not None else kind,
        header.size,
        header.mtime,
        header.mode,
        header.uid,
        header.gid,
        header.uname,
        header.gname,
        header.linkname,
        header.devmajor,
        header.devminor,
        dict(header.pax_headers),
        header.offset,
        header.offset_data,
        length,
        archive,
    )


def path_of(name: str) -> str:
    """A name without dots and slashes that mean nothing; `.` for the root."""
    return "/".join(part for part in name.split("/") if part not in ("", ".")) or "."


def text(value: str, longest: int = LONGEST_VALUE) -> str:
    """A text of a tar as it can be encoded, printed and kept; what is longer is cut."""
    cut = value[:longest]
    whole = cut.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    safe = whole if whole.isprintable() else ascii(whole)[1:-1]
    return safe if len(value) <= longest else f"{safe}... ({len(value)} characters)"


def differing(left: Member, right: Member) -> list[Field]:
    """The fields of two entries that differ; not their content, and not the header's form."""
    if left.kind != right.kind:
        return [Field("type", left.kind, right.kind)]
    target = "hard link" if left.kind == "hard link" else "link target"
    pairs = (
        ("size", str(left.size), str(right.size)),
        ("mtime", _time(left), _time(right)),
        ("mode", f"{left.mode:04o}", f"{right.mode:04o}"),
        ("uid", str(left.uid), str(right.uid)),
        ("gid", str(left.gid), str(right.gid)),
        ("uname", left.uname, right.uname),
        ("gname", left.gname, right.gname),
        (target, left.target, right.target),
        ("device numbers", f"{left.major},{left.minor}", f"{right.major},{right.minor}"),
    )
    found = [Field(name, text(one), text(other)) for name, one, other in pairs if one != other]
    return [*found, *_records(left, right, {field.name for field in found})]


def form(left: Content, right: Content) -> Field | None:
    """What differs in two entries' headers as bytes, the first of it; None if they are equal.

    Args:
        left, right: the headers, from the first PAX header to the content.
    """
    if left.size != right.size:
        return Field("tar header: length", str(left.size), str(right.size))
    for block in range(0, left.size, BLOCK):
        one, other = left.at(block, BLOCK), right.at(block, BLOCK)
        if one == other:
            continue
        # The checksum differs with anything else; it is named where it alone does.
        parts = list(_parts(one, other))
        name, a, b = next((part for part in parts if part[0] != "checksum"), parts[0])
        which = "tar header" if block + BLOCK == left.size else "PAX header"
        return Field(f"{which}: {name}", escaped(a), escaped(b))
    return None


def headers(entry: Member, archive: Path) -> Content:
    """The bytes of an entry's headers."""
    return Content(archive, entry.start, entry.data - entry.start)


def content(entry: Member, archive: Path) -> Content:
    """The bytes of an entry's content."""
    return Content(archive, entry.data, entry.length)


def _parts(one: bytes, other: bytes) -> Iterator[tuple[str, bytes, bytes]]:
    start = 0
    for end, name in _HEADER:
        if one[start:end] != other[start:end]:
            yield name, one[start:end].rstrip(b"\0"), other[start:end].rstrip(b"\0")
        start = end


def _records(left: Member, right: Member, named: set[str]) -> Iterator[Field]:
    """The PAX records that differ, but for those whose field was named already."""
    # `path` and `linkpath` are compared as what they mean.
    told = named | {"path"} | ({"linkpath"} if {"hard link", "link target"} & named else set())
    for key in sorted(left.pax.keys() | right.pax.keys()):
        one, other = left.pax.get(key), right.pax.get(key)
        if one == other or (key in _FIELDS and key in told and key != "path"):
            continue
        if key == "path" and one is not None and other is not None:
            continue
        name = f"xattr {key.removeprefix(XATTR)}" if key.startswith(XATTR) else f"PAX header {key}"
        yield Field(
            text(name),
            None if one is None else text(one),
            None if other is None else text(other),
        )


def _time(entry: Member) -> str:
    """The time as ISO 8601, with the fraction that a PAX record gave it."""
    stated = entry.pax.get("mtime", str(entry.mtime))
    whole, _, fraction = stated.partition(".")
    try:
        moment = datetime.fromtimestamp(int(whole), UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return stated
    return f"{moment}{f'.{fraction}' if fraction.strip('0') else ''}Z"
