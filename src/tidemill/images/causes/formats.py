"""Causes in files of known forms: compiled Python, gzip, zip and jar, ar, JSON, lists of lines."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from tidemill.images.causes.cause import Cause
from tidemill.images.causes.content import LARGEST, Content, Pair
from tidemill.images.causes.texts import of_text
from tidemill.images.tar_read import inflated
from tidemill.words.moments import to_the_second

_MOST_ENTRIES = 20_000
_GZIP = b"\x1f\x8b\x08"
_ZIP = b"PK"
_AR = b"!<arch>\n"
_AR_HEADER = 60
_PYC_HEADER = 16
_PYC_ENDS = b"\r\n"

_EMBEDDED_TIME = "embedded time"
_SORTED = Cause(
    "unsorted order",
    "it has the same lines in another order",
    "sort what is written, as with `sort` under LC_ALL=C",
)
_KEYS = Cause(
    "unsorted order",
    "it is the same JSON with its keys in another order, or other white space",
    "write JSON with sorted keys",
)
_LISTS = Cause(
    "unsorted order",
    "it is the same JSON with the parts of its lists in another order",
    "sort the lists before they are written",
)
_PYC_TIME = Cause(
    "pyc",
    "compiled Python has the time of its source in it",
    "compile with --invalidation-mode unchecked-hash, or don't (pip install --no-compile)",
)
_PYC_PATH = "compile under the final path (compileall -d), or don't (pip install --no-compile)"
_PYC_RELEASE = Cause(
    "pyc", "two releases of Python compiled it", "pin the release of Python by its digest"
)
_ZIP_TIMES = Cause(
    _EMBEDDED_TIME,
    "the archive has the times of its files in it",
    "set them: project.build.outputTimestamp (Maven), preserveFileTimestamps=false (Gradle), "
    "SOURCE_DATE_EPOCH (Python's wheels)",
)
_ZIP_ORDER = Cause(
    "unsorted order",
    "the archive has the same files in another order",
    "sort them: reproducibleFileOrder=true (Gradle), `zip -X` with a sorted list",
)
_ZIP_FORM = Cause(
    "compressor",
    "the archive has the same files with the same content, packed in another way",
    "pin the release of the tool that packs it",
)
_AR_HEADERS = Cause(
    _EMBEDDED_TIME,
    "the library has times or owners of its parts in it",
    "write it with `ar D` (deterministic mode)",
)
_AR_ORDER = Cause(
    "unsorted order", "the library has the same parts in another order", "sort the list given to ar"
)


def of_pyc(pair: Pair) -> Cause | None:
    """Compiled Python (PEP 552): the time in its header, or a path inside."""
    if not pair.path.endswith((".pyc", ".pyo")):
        return None
    heads = [head[:_PYC_HEADER] for head in pair.heads]
    if any(len(head) < _PYC_HEADER or head[2:4] != _PYC_ENDS for head in heads):
        return None
    if heads[0][:4] != heads[1][:4]:
        return _PYC_RELEASE
    bodies = [side.at(_PYC_HEADER, LARGEST) for side in (pair.left, pair.right)]
    stamped = all(head[4:8] == bytes(4) for head in heads)
    if bodies[0] == bodies[1]:
        if not stamped or heads[0][12:] != heads[1][12:]:
            return None
        return Cause(_PYC_TIME.name, f"{_PYC_TIME.meaning}: {_times(heads, 8)}", _PYC_TIME.remedy)
    inside = of_text(bodies[0], bodies[1], pair.hosts)
    if inside is None:
        return None
    return Cause("pyc", f"in compiled Python, {inside.meaning}", _PYC_PATH)


def of_gzip(pair: Pair) -> Cause | None:
    """A compressed file: its header, or what is in it."""
    heads = pair.heads
    if not pair.start_with(_GZIP):
        return None
    inside = [_inflated(side) for side in (pair.left, pair.right)]
    one, other = inside
    if one is None or other is None:
        return None
    if one != other:
        cause = of_text(one, other, pair.hosts) or of_order(one, other)
        if cause is None:
            return None
        return Cause(cause.name, f"in the compressed text, {cause.meaning}", cause.remedy)
    if heads[0][4:8] != heads[1][4:8]:
        meaning = f"gzip's header has a time: {_times(heads, 4)}"
        return Cause(_EMBEDDED_TIME, meaning, "compress with `gzip -n`")
    return Cause(
        "compressor",
        "the same content was compressed by another tool, another release of it, or another level",
        "pin the tool that compresses it, or copy the file uncompressed",
    )


def of_zip(pair: Pair) -> Cause | None:
    """A zip or jar: the times and the order of its entries."""
    if not pair.start_with(_ZIP):
        return None
    try:
        with (
            pair.left.open() as one,
            pair.right.open() as other,
            zipfile.ZipFile(one) as left,
            zipfile.ZipFile(other) as right,
        ):
            ours, theirs = left.infolist(), right.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        return None
    if max(len(ours), len(theirs)) > _MOST_ENTRIES:
        return None
    by_name = [sorted(infos, key=lambda info: info.filename) for infos in (ours, theirs)]
    contents = [[(info.filename, info.CRC, info.file_size) for info in infos] for infos in by_name]
    if contents[0] != contents[1]:
        return None
    times = [[(info.date_time, info.extra) for info in infos] for infos in by_name]
    if times[0] != times[1]:
        return _ZIP_TIMES
    if [info.filename for info in ours] != [info.filename for info in theirs]:
        return _ZIP_ORDER
    return _ZIP_FORM


def of_ar(pair: Pair) -> Cause | None:
    """A static library: the times, owners and order of its parts."""
    if not pair.start_with(_AR):
        return None
    parts = [_ar_parts(side) for side in (pair.left, pair.right)]
    ours, theirs = parts
    if ours is None or theirs is None:
        return None
    if [part[1] for part in ours] == [part[1] for part in theirs]:
        return _AR_HEADERS
    if Counter(part[1] for part in ours) == Counter(part[1] for part in theirs):
        return _AR_ORDER
    return None


def of_order(left: bytes, right: bytes) -> Cause | None:
    """The same lines, or the same JSON, in another order."""
    one, other = left.splitlines(), right.splitlines()
    if one != other and len(one) == len(other) and Counter(one) == Counter(other):
        return _SORTED
    if left.lstrip()[:1] not in (b"{", b"["):
        return None
    try:
        ours, theirs = json.loads(left), json.loads(right)
        if ours == theirs:
            return _KEYS
        return _LISTS if _sorted(ours) == _sorted(theirs) else None
    except (ValueError, RecursionError):
        return None


def _sorted(value: object) -> object:
    """JSON with its lists sorted by their text."""
    if isinstance(value, dict):
        return {key: _sorted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return sorted(
            (_sorted(inner) for inner in value), key=lambda part: json.dumps(part, sort_keys=True)
        )
    return value


def _inflated(content: Content) -> bytes | None:
    """The content of a gzip file; None if it is damaged, or larger than 8 MiB."""
    whole = bytearray()
    try:
        for piece in inflated((content.at(0, LARGEST),)):
            whole += piece
            if len(whole) > LARGEST:
                return None
    except (zlib.error, EOFError):
        return None
    return bytes(whole)


def _ar_parts(content: Content) -> list[tuple[str, tuple[str, int]]] | None:
    """The headers of an ar archive, each with its name and the checksum of its content."""
    found: list[tuple[str, tuple[str, int]]] = []
    place = len(_AR)
    while place < content.size:
        head = content.at(place, _AR_HEADER)
        try:
            size = int(head[48:58])
        except ValueError:
            return None
        if len(head) < _AR_HEADER or size < 0 or size > LARGEST or len(found) >= _MOST_ENTRIES:
            return None
        name = head[:16].decode("latin-1")
        # The first part is the table of symbols, whose offsets follow the order of the others.
        if name.rstrip() not in ("/", "/SYM64/"):
            checksum = zlib.crc32(content.at(place + _AR_HEADER, size))
            found.append((head[16:48].decode("latin-1"), (name, checksum)))
        place += _AR_HEADER + size + size % 2
    return found


def _times(heads: Iterable[bytes], at: int) -> str:
    """The times that headers have at an offset, in seconds since 1970."""
    found = (int.from_bytes(head[at : at + 4], "little") for head in heads)
    moments = (datetime.fromtimestamp(one, UTC) if one else None for one in found)
    return " and ".join(to_the_second(one) if one else "none" for one in moments)
