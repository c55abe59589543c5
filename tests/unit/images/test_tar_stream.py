"""The tar of the canonical form: the same entries, the same bytes, on any Python."""

import hashlib
import io
import tarfile
from collections.abc import Iterable

import pytest

from tidemill.errors import Refused
from tidemill.images.entries import (
    EXECUTABLE,
    READABLE,
    Entry,
    File,
    Folder,
    Link,
    in_order,
)
from tidemill.images.tar_stream import header, stream


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
    ([file("a", b"hello\n")], "fce8e05f3cee954b3579ae42da6861df1d56ba780cde4a5e01e13c3b68d471e0"),
    (
        [file("bin/x", b"\x7fELF", executable=True)],
        "6d18d0fdad4518390c76e30557bb25f6132c21a9037372e48e23474939119b6e",
    ),
    (
        [Link("bin/sh", "busybox"), Folder("tmp")],
        "fde4512b9deeafb0b80617f7413aee695b5a84829f96aab206c5cd7d6edad39e",
    ),
    (
        [file(LONG, b"1"), file("grüße", b"2"), Link("link", "t" * 101)],
        "721888fc526750d42b4f9b59bc608169e71dc1e458aed5535ecaea24eef46292",
    ),
]


@pytest.mark.parametrize(("entries", "digest"), GOLDEN, ids=range(len(GOLDEN)))
def test_the_bytes_are_those_of_the_profile(entries: list[Entry], digest: str) -> None:
    assert hashlib.sha256(archive(entries)).hexdigest() == digest


def test_entries_are_sorted_by_bytes_and_each_parent_comes_once_before_them() -> None:
    entries: list[Entry] = [
        file("a/b"),
        file("é"),
        file("a-b"),
        Link("a/a", "b"),
        file("Z"),
        Folder("a"),
    ]
    assert [entry.path for entry in in_order(entries)] == ["Z", "a", "a-b", "a/a", "a/b", "é"]


def test_the_order_in_which_entries_come_does_not_matter() -> None:
    entries: list[Entry] = [
        file("srv/www/index.html", b"hi"),
        file("app", b"x"),
        Link("srv/link", "www"),
    ]
    assert archive(entries) == archive(reversed(entries))


def test_owner_time_and_names_are_fixed_and_modes_are_two() -> None:
    found = members([file("etc/conf", b"k"), file("run", b"k", executable=True), Link("l", "run")])
    assert [(m.name, oct(m.mode)) for m in found] == [
        ("etc", "0o755"),
        ("etc/conf", "0o644"),
        ("l", "0o777"),
        ("run", "0o755"),
    ]
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in found} == {(0, 0, "", "", 0)}


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


@pytest.mark.parametrize(
    "entries",
    [
        [file("a"), file("a")],
        [file("a"), Folder("a")],
        [file("a"), file("a/b")],
        [file("a/b"), Link("a", "b")],
    ],
    ids=["file twice", "file and folder", "file below a file", "file below a link"],
)
def test_two_things_at_one_path_are_refused(entries: list[Entry]) -> None:
    with pytest.raises(Refused, match="two things at /a"):
        in_order(entries)


def test_a_folder_that_the_base_has_is_left_as_it_is() -> None:
    entries = in_order([file("tmp/x/y"), file("new/y")], present={"tmp"})
    assert [entry.path for entry in entries] == ["new", "new/y", "tmp/x", "tmp/x/y"]


@pytest.mark.parametrize("data", [b"", b"short", b"longer than it was"])
def test_a_file_that_changes_while_it_is_read_is_refused(data: bytes) -> None:
    with pytest.raises(Refused, match="changed while it was read"):
        list(stream([File("log", 10, lambda: io.BytesIO(data))]))


def test_a_path_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(Refused, match="not UTF-8"):
        archive([file("caf\udce9")])
