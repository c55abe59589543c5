"""The tar of the canonical form `tidemill/2`: the same entries give the same bytes anywhere.

Headers are written here and not by `tarfile`, whose bytes differ between Python releases. They are
ustar (POSIX.1-1988), with numeric owners, no names, and one time. What a ustar header can't hold (a
path of more than 100 bytes or beyond ASCII, a size of 8 GiB or more, an owner of 2097152 or more,
extended attributes) stands in a PAX header before it (POSIX.1-2001), with sorted records and
nothing else in it.

Below the folders that somebody names, the time of a file follows from its content: a server that
tells by size and time whether a page has changed is right then, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import BinaryIO

from tidemill.errors import Refused
from tidemill.images.entries import (
    Attributes,
    Device,
    Entry,
    File,
    Folder,
    HardLink,
    Link,
    encoded,
)

BLOCK = 512
READ = 1 << 18  # what was read is digested while it is near the processor: 15% faster than 1 MiB
END = bytes(2 * BLOCK)
XATTR = "SCHILY.xattr."
# 1980-01-02T00:00:00Z: zip knows nothing before 1980, by a local time at most a day away.
TIME = 315_619_200
# Times that follow from content come after it, all before 2014: a server trusts no time to come.
_TIMES = 1 << 30
_LONGEST = 100
_LARGEST = 8 * 1024**3 - 1
_HIGHEST = 0o7777777


def stream(entries: Iterable[Entry], by_content: Collection[str] = ()) -> Iterator[bytes]:
    """The bytes of a tar archive, in pieces of at most 256 KiB.

    Args:
        by_content: absolute paths of folders or files; what is there or below gets `content_time`.

    Raises:
        Refused: a file has another size than its entry says, or a path that is not UTF-8.
    """
    times: dict[str, int] = {}
    for entry in entries:
        match entry:
            case File(path):
                times[path] = time_of(entry, by_content)
                yield header(entry, times[path])
                yield from _content(entry)
            case HardLink(_, target):  # it is that file, which has one time
                yield header(entry, times.get(target, TIME))
            case _:
                yield header(entry)
    yield END


def time_of(file: File, by_content: Collection[str]) -> int:
    """The time that a file gets, in seconds since 1970."""
    if any(f"/{file.path}/".startswith(f"{path.rstrip('/')}/") for path in by_content):
        return content_time(file)
    return TIME


def content_time(file: File) -> int:
    """A time that another content hardly has, in seconds since 1970."""
    return TIME + 1 + int.from_bytes(digest_of_file(file.open)[:8]) % _TIMES


def digest_of_file(open_: Callable[[], BinaryIO]) -> bytes:
    """The SHA-256 of what is in a file."""
    digest = hashlib.sha256()
    with open_() as source:
        while piece := source.read(READ):
            digest.update(piece)
    return digest.digest()


def header(entry: Entry, time: int = TIME) -> bytes:
    """The header of one entry: 512 bytes, or 1536 and more with a PAX header before it."""
    path, size, target, device = entry.path, 0, "", (0, 0)
    match entry:
        case File():
            kind, size = b"0", entry.size
        case Folder():
            kind, path = b"5", path + "/"
        case Link():
            kind, target = b"2", entry.target
        case HardLink():
            kind, target = b"1", entry.target
        case Device():
            kind, device = entry.kind, (entry.major, entry.minor)
    extended = _extended(path, target, size, entry.attributes)
    plain = _ustar(_shortened(path), entry.attributes, size, kind, _shortened(target), device, time)
    return _pax(extended) + plain if extended else plain


def _extended(path: str, target: str, size: int, attributes: Attributes) -> dict[str, bytes]:
    """The records of what a ustar header can't hold."""
    found = {f"{XATTR}{name}": value for name, value in attributes.xattrs}
    if not _fits(target):
        found["linkpath"] = encoded(target)
    if not _fits(path):
        found["path"] = encoded(path)
    for name, number, most in (
        ("size", size, _LARGEST),
        ("uid", attributes.uid, _HIGHEST),
        ("gid", attributes.gid, _HIGHEST),
    ):
        if number > most:
            found[name] = b"%d" % number
    return found


def _ustar(
    path: bytes,
    owned: Attributes,
    size: int,
    kind: bytes,
    target: bytes = b"",
    device: tuple[int, int] = (0, 0),
    time: int = TIME,
) -> bytes:
    uid, gid = min(owned.uid, _HIGHEST), min(owned.gid, _HIGHEST)
    head = path.ljust(_LONGEST, b"\0") + b"%07o\0%07o\0%07o\0" % (owned.mode, uid, gid)
    head += b"%011o\0" % min(size, _LARGEST) + b"%011o\0" % time
    tail = kind + target.ljust(_LONGEST, b"\0") + b"ustar\x0000"
    tail = (tail + bytes(64) + b"%07o\0%07o\0" % device).ljust(BLOCK - 156, b"\0")
    # The sum of all bytes, those of the sum itself counted as spaces.
    return head + b"%06o\0 " % (sum(head) + sum(tail) + 8 * ord(" ")) + tail


def _pax(records: dict[str, bytes]) -> bytes:
    body = b"".join(_record(encoded(key), records[key]) for key in sorted(records))
    return _ustar(b"PaxHeaders.0", Attributes(0o644), len(body), b"x") + body + _padding(len(body))


def _record(key: bytes, value: bytes) -> bytes:
    """`length key=value\\n`, where the length counts its own digits too."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest)
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return str(length).encode() + rest


def _content(file: File) -> Iterator[bytes]:
    left = file.size
    with file.open() as source:
        while piece := source.read(READ):
            left -= len(piece)
            if left < 0:
                break
            yield piece
    if left:
        raise Refused(
            f"{file.path} changed while it was read",
            remedy="let nothing write to it while images are built",
        )
    yield _padding(file.size)


def _padding(size: int) -> bytes:
    return bytes(-size % BLOCK)


def _fits(text: str) -> bool:
    return text.isascii() and len(text) <= _LONGEST


def _shortened(text: str) -> bytes:
    return text.encode("ascii", "replace")[:_LONGEST]
