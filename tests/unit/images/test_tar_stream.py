"""The tar of the canonical form: the same entries, the same bytes, on any Python."""

import hashlib
import io
import tarfile
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from tidemill.errors import Refused
from tidemill.images.entries import (
    EXECUTABLE,
    READABLE,
    Entry,
    File,
    Folder,
    HardLink,
    Link,
    in_order,
)
from tidemill.images.tar_stream import TIME, content_time, header, stream


def file(path: str, data: bytes = b"", *, executable: bool = False) -> File:
    return File(path, len(data), lambda: io.BytesIO(data), EXECUTABLE if executable else READABLE)


def archive(entries: Iterable[Entry]) -> bytes:
    return b"".join(stream(in_order(entries)))


def members(entries: Iterable[Entry]) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(archive(entries))) as opened:
        return opened.getmembers()


LONG = "lib/" + "deep/" * 20 + "file"
HUGE = 8 * 1024**3

GOLDEN = [
    ([], "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"),
    ([file("a", b"hello\n")], "7b8aeb3d7b45adc78a60bdeb0bbf8a4aa47c4b61da2cea6e36d440e9c94f91b4"),
    (
        [file("bin/x", b"\x7fELF", executable=True)],
        "4a9a4dfa1252f2f2b2440d2a2cf1c1839a19b072a3551e057132460119dde86a",
    ),
    (
        [Link("bin/sh", "busybox"), Folder("tmp")],
        "35227623df5303910da91433ca2ecd3c97b0ff7e04995dbed84756b2db0376e4",
    ),
    (
        [file(LONG, b"1"), file("grüße", b"2"), Link("link", "t" * 101)],
        "dbeec1fb507b51726c9c5e5b1d3be349995977be09e0aef330ebe6d0c1ceeceb",
    ),
]


@pytest.mark.parametrize(("entries", "digest"), GOLDEN, ids=range(len(GOLDEN)))
def test_the_bytes_are_those_of_the_profile(entries: list[Entry], digest: str) -> None:
    assert hashlib.sha256(archive(entries)).hexdigest() == digest


def test_owner_time_and_names_are_fixed_and_modes_are_two() -> None:
    found = members([file("etc/conf", b"k"), file("run", b"k", executable=True), Link("l", "run")])
    assert [(m.name, oct(m.mode)) for m in found] == [
        ("etc", "0o755"),
        ("etc/conf", "0o644"),
        ("l", "0o777"),
        ("run", "0o755"),
    ]
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in found} == {(0, 0, "", "", TIME)}


@pytest.mark.parametrize(
    ("entry", "records"),
    [
        (file("a" * 100), {}),
        (file("a" * 101), {"path": "a" * 101}),
        (Folder("a" * 99), {}),
        (Folder("a" * 100), {"path": "a" * 100 + "/"}),
        (file("grüße"), {"path": "grüße"}),
        (Link("l", "t" * 101), {"linkpath": "t" * 101}),
        (Link("ü", "ö"), {"linkpath": "ö", "path": "ü"}),
        (file("line\nbreak"), {}),
    ],
    ids=[
        *("longest path", "longer path", "longest folder", "longer folder", "beyond ASCII"),
        *("longer target", "two records", "control characters"),
    ],
)
def test_a_pax_header_comes_only_when_it_must(entry: Entry, records: dict[str, str]) -> None:
    (found,) = [m for m in members([entry]) if "/" in entry.path or m.name == entry.path]
    assert found.pax_headers == records
    assert len(header(entry)) == (1536 if records else 512)
    assert found.linkname == (entry.target if isinstance(entry, Link) else "")


@pytest.mark.parametrize(("size", "extended"), [(HUGE - 1, False), (HUGE, True)])
def test_a_size_beyond_the_header_goes_to_a_pax_header(size: int, extended: bool) -> None:
    written = header(File("disk.img", size, io.BytesIO))
    assert (b" size=%d\n" % size in written) is extended
    assert tarfile.TarInfo.frombuf(written[-512:], "utf-8", "strict").size == HUGE - 1


@pytest.mark.parametrize("data", [b"", b"short", b"longer than it was"])
def test_a_file_that_changes_while_it_is_read_is_refused(data: bytes) -> None:
    with pytest.raises(Refused, match="changed while it was read"):
        list(stream([File("log", 10, lambda: io.BytesIO(data))]))


def times(*entries: Entry, by_content: tuple[str, ...]) -> dict[str, float]:
    data = b"".join(stream(in_order(entries), by_content))
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        return {member.name: member.mtime for member in opened}


def test_below_the_paths_that_are_named_the_time_of_a_file_follows_from_its_content() -> None:
    page, other = file("srv/www/a/page", b"one"), file("srv/www/b", b"two")
    found = times(page, other, file("srv/www2", b"one"), by_content=("/srv/www/",))
    assert found["srv/www/a/page"] == content_time(page) != TIME
    assert found["srv/www/b"] == content_time(other) != content_time(page)
    assert {found[path] for path in ("srv", "srv/www", "srv/www/a", "srv/www2")} == {TIME}


def test_a_path_may_be_a_file_or_everything() -> None:
    assert times(file("page", b"1"), by_content=("/page",))["page"] != TIME
    assert times(file("page", b"1"), by_content=("/",))["page"] != TIME


def test_all_paths_of_one_file_have_its_one_time() -> None:
    first, below = file("a", b"1"), file("www/b", b"1")
    links = HardLink("www/a", "a"), HardLink("www/c", "www/b")
    linked = times(first, below, *links, by_content=("/www",))
    assert linked["a"] == linked["www/a"] == TIME
    assert linked["www/b"] == linked["www/c"] == content_time(below)


def test_times_by_content_are_in_a_fixed_range_of_the_past() -> None:
    found = {content_time(file("a", str(n).encode())) for n in range(1000)}
    assert len(found) == 1000
    assert min(found) > TIME
    assert max(found) < datetime(2014, 2, 1, tzinfo=UTC).timestamp()
