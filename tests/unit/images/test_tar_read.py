"""Layers that other tools wrote: read whole or refused, and never out of the image."""

import gzip
import io
import os
import subprocess
import sys
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.zstd import compress

from tidemill.errors import Refused
from tidemill.images.entries import (
    Attributes,
    Device,
    File,
    Folder,
    HardLink,
    Link,
    Opaque,
    Whiteout,
)
from tidemill.images.tar_read import layer_entries, listed, members, uncompressed


def member(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type = kind
    for key, value in fields.items():
        setattr(found, key, value)
    return found


def tar(*members: tarfile.TarInfo, content: bytes = b"", form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar of these members; each file has the same content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, errors="surrogateescape") as archive:
        for one in members:
            if one.isreg():
                one.size = len(content)
            archive.addfile(one, io.BytesIO(content) if one.isreg() else None)
    return out.getvalue()


def pieces(data: bytes, size: int = 1000) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def of(data: bytes, size: int = 1000) -> list[object]:
    return list(listed(pieces(data, size), "the layer"))


@pytest.fixture
def archive(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        (tmp_path / "layer.tar").write_bytes(data)
        return tmp_path / "layer.tar"

    return write


def test_every_kind_of_entry_is_read(archive: Callable[[bytes], Path]) -> None:
    data = tar(
        member("./", tarfile.DIRTYPE),
        member("./bin/", tarfile.DIRTYPE, mode=0o2750, uid=5, gid=6),
        member("bin/x", mode=0o4755),
        member("/abs", tarfile.LNKTYPE, linkname="./bin/x"),
        member("to", tarfile.SYMTYPE, linkname="../../etc/passwd", mode=0o777),
        member("null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666),
        member("bin/.wh.gone"),
        member(".wh.top"),
        member("var/.wh..wh..opq"),
        content=b"program",
    )
    found = list(layer_entries(archive(data)))
    assert found[0] == Folder("bin", Attributes(0o2750, 5, 6))
    program = found[1]
    assert isinstance(program, File)
    assert (program.path, program.size, program.attributes.mode) == ("bin/x", 7, 0o4755)
    with program.open() as opened:
        assert opened.read() == b"program"
    assert found[2:] == [
        HardLink("abs", "bin/x", Attributes(0o644)),
        Link("to", "../../etc/passwd", Attributes(0o777)),
        Device("null", tarfile.CHRTYPE, 1, 3, Attributes(0o666)),
        Whiteout("bin/gone"),
        Whiteout("top"),
        Opaque("var"),
    ]
    assert [getattr(one, "path", None) for one in of(data)] == [one.path for one in found]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_the_form_of_the_tar_does_not_matter(form: int) -> None:
    names = ["a", "d/" * 40 + "x"] + ([] if form == tarfile.USTAR_FORMAT else ["n" * 300])
    found = of(tar(*map(member, names), content=b"x" * 700, form=form))
    assert [one.path for one in found if isinstance(one, File)] == names


@pytest.mark.parametrize("size", [1, 7, 511, 512, 1 << 20])
def test_the_size_of_pieces_does_not_matter(size: int) -> None:
    data = tar(member("a"), member("b"), content=b"x" * 1000)
    members = gzip.compress(data[:700]) + gzip.compress(data[700:])
    for blob in (data, gzip.compress(data), members):
        assert [getattr(one, "path", None) for one in of(blob, size)] == ["a", "b"]


def test_owners_modes_and_capabilities_are_read_and_no_other_extended_attributes() -> None:
    one = member("x", mode=0o755, uid=3_000_000, gid=4)
    one.pax_headers = {
        "SCHILY.xattr.user.b": "2",
        "SCHILY.xattr.security.capability": "\1",
        "SCHILY.xattr.security.selinux": "label",
        "SCHILY.xattr.trusted.overlay.opaque": "y",
        "mtime": "1.5",
    }
    (found,) = of(tar(one))
    assert isinstance(found, File)
    xattrs = (("security.capability", b"\x01"),)
    assert found.attributes == Attributes(0o755, 3_000_000, 4, xattrs)


@pytest.mark.parametrize(
    "one",
    [
        member("../x"),
        member("a/../../x"),
        member("/../x"),
        member("x", tarfile.LNKTYPE, linkname="../../etc/passwd"),
        member("x", b"Z"),
    ],
    ids=lambda one: one.name,
)
def test_what_no_layer_may_have_is_refused(one: tarfile.TarInfo) -> None:
    with pytest.raises(Refused, match=r"leads out of the image|of the unknown type"):
        of(tar(one))


GOOD = tar(member("a"), member("b"), content=b"x" * 5000)


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (gzip.compress(GOOD)[:-20], "ends too early"),
        (gzip.compress(GOOD)[:60], "ends too early"),
        (GOOD[:5632] + b"!" + GOOD[5633:], "bad checksum"),
        (GOOD[:5632] + b"!" * 300, "truncated header"),
        (gzip.compress(GOOD)[:100] + bytes(100), "can't be read"),
        (gzip.compress(GOOD)[:-8] + bytes(8), "incorrect data check"),
        (gzip.compress(GOOD) + b"garbage", "can't be read"),
        (GOOD[:3000], "can't be read"),
        (b"x" * 2000, "can't be read"),
        (compress(GOOD)[:-20], "ends too early"),
        (compress(GOOD)[:20] + bytes(40), "can't be read"),
        (gzip.compress(b"no tar at all" * 100), "can't be read"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_damaged_layer_is_refused(damaged: bytes, reason: str) -> None:
    with pytest.raises(Refused, match=reason) as refused:
        of(damaged)
    assert refused.value.what.startswith("the layer")


def test_an_empty_layer_has_no_entries() -> None:
    assert of(tar()) == []
    assert of(gzip.compress(tar())) == []


def test_a_small_layer_that_is_large_inside_takes_no_memory() -> None:
    zeros = gzip.compress(bytes(1 << 20), 9) * 200

    def data() -> Iterator[bytes]:
        one = member("x")
        one.size = 200 << 20
        yield gzip.compress(one.tobuf())
        yield from pieces(zeros + gzip.compress(bytes(1024)), 1 << 20)

    tracemalloc.start()
    found = list(listed(data(), "the layer"))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [one.path for one in found] == ["x"]
    assert most < 20 << 20


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE])
def test_a_header_that_is_large_inside_takes_no_memory(kind: bytes) -> None:
    """One that says it has 200 MiB, and has."""
    zeros = gzip.compress(bytes(1 << 20), 9) * 200
    head = member("x", kind)
    head.size = 200 << 20

    def data() -> Iterator[bytes]:
        yield gzip.compress(head.tobuf(tarfile.GNU_FORMAT))
        yield from pieces(zeros + gzip.compress(bytes(1024)), 1 << 20)

    tracemalloc.start()
    try:
        with pytest.raises(Refused):
            list(listed(data(), "the layer"))
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


def test_a_path_that_is_no_text_is_kept_so_that_it_can_be_refused_by_name() -> None:
    (found,) = of(tar(member("\udcff"), form=tarfile.GNU_FORMAT))
    assert isinstance(found, File)
    assert found.path == "\udcff"


def test_pieces_of_a_plain_layer_pass_as_they_are() -> None:
    assert b"".join(uncompressed(pieces(GOOD), "it")) == GOOD
    assert b"".join(uncompressed(iter([]), "it")) == b""


def with_numbers(**fields: int) -> bytes:
    """A header whose numbers are in base 256, so that they may be negative."""
    header = bytearray(member("x").tobuf(tarfile.GNU_FORMAT)[:512])
    for name, value in fields.items():
        start, length = {"uid": (108, 8), "gid": (116, 8), "size": (124, 12)}[name]
        header[start : start + length] = (value % 256**length).to_bytes(length, "big")
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    return bytes(header)


def with_records(**records: str) -> bytes:
    one = member("x")
    one.pax_headers = records
    return tar(one)


def sparse(count: int, *places: int) -> bytes:
    """A sparse file of GNU tar's form 1.0, with its map in the content."""
    one = member("x")
    one.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "x"}
    text = "".join(f"{number}\n" for number in (count, *places))
    return tar(one, content=text.encode().ljust(512, b"\0"))


LESS_THAN_NOTHING = {
    "a size": with_numbers(size=-1024),
    "an owner": with_numbers(uid=-1),
    "a group": with_numbers(gid=-1),
    "a size in a PAX record": with_records(size="-1024"),
    "an owner in a PAX record": with_records(uid="-5"),
    "a part of a sparse file": sparse(1, 0, -512),
}


@pytest.mark.parametrize("data", LESS_THAN_NOTHING.values(), ids=LESS_THAN_NOTHING.keys())
def test_a_number_less_than_nothing_is_refused(
    data: bytes, archive: Callable[[bytes], Path]
) -> None:
    with pytest.raises(Refused, match="negative number"):
        of(data + bytes(1024))
    with pytest.raises(Refused, match="negative number"):
        list(members(archive(data + bytes(1024))))


def test_headers_that_only_name_the_next_one_are_refused(archive: Callable[[bytes], Path]) -> None:
    name = member("././@LongLink", tarfile.GNUTYPE_LONGNAME, size=1)
    data = (name.tobuf(tarfile.GNU_FORMAT) + b"x".ljust(512, b"\0")) * 3000 + GOOD
    with pytest.raises(Refused, match="can't be read"):
        of(data)
    with pytest.raises(Refused, match="can't be read"):
        list(members(archive(data)))


def test_names_do_not_depend_on_the_locale(archive: Callable[[bytes], Path]) -> None:
    path = archive(tar(member("\u00e9"), form=tarfile.GNU_FORMAT))
    program = (
        "import sys; from pathlib import Path; from tidemill.images.tar_read import members; "
        "print(*(ascii(one.name) for one in members(Path(sys.argv[1]))))"
    )
    locale = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-c", program, path],
        env={**os.environ, **locale},
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"'\\xe9'\n"


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
def test_members_of_every_size_are_one_stream(size: int) -> None:
    parts = [bytes(n) + b"%d" % n for n in (0, 1, 200, 300, 5000, 3 << 20)] + [b""] * 50
    data = b"".join(gzip.compress(part) for part in parts)
    found = list(uncompressed(pieces(data, size), "it"))
    assert b"".join(found) == b"".join(parts)
    assert max(map(len, found)) <= 1 << 20
