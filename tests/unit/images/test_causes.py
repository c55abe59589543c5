"""Each cause is found where it is one, on real files, and not where it is none."""

from __future__ import annotations

import compileall
import gzip
import io
import itertools
import json
import py_compile
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tidemill.images.causes import content as compare_content
from tidemill.images.causes import paths
from tidemill.images.causes import rules as causes
from tidemill.images.causes.cause import Cause
from tidemill.images.causes.content import Content, Pair

Explain = Callable[..., Cause | None]


@pytest.fixture
def explain(tmp_path: Path) -> Explain:
    """The cause of two contents of one path, in one file as they are in a layer."""
    numbers = itertools.count()

    def explained(
        left: bytes, right: bytes, path: str = "app/file", hosts: tuple[str, ...] = ()
    ) -> Cause | None:
        sides = []
        for data in (left, right):
            file = tmp_path / f"layer-{next(numbers)}"
            file.write_bytes(b"\xaa" * 512 + data + b"\xbb" * 512)
            sides.append(Content(file, 512, len(data)))
        changes = compare_content.changes(*sides)
        assert changes is not None
        return causes.of_content(Pair(path, sides[0], sides[1], changes, hosts))

    return explained


def name(cause: Cause | None) -> str | None:
    return cause.name if cause else None


TIMES = [
    ("2026-01-02T03:04:05Z", "2026-11-12T13:14:15Z"),
    ("2026-01-02T03:04:05.123+01:00", "2025-01-02T03:04:05.9Z"),
    ("2026-01-02 03:04:05 UTC", "2026-01-02 03:04:06 UTC"),
    ("2026-01-02", "2026-01-03"),
    ("Fri Jan  2 03:04:05 2026", "Thu Nov 12 13:14:15 2026"),
    ("Fri Jan  2 03:04:05 UTC 2026", "Thu Nov 12 13:14:15 UTC 2026"),
    ("Jan  2 2026", "Nov 12 2026"),
    ("Fri, 02 Jan 2026 03:04:05 GMT", "Thu, 12 Nov 2026 13:14:15 GMT"),
    ("Fri, 02 Jan 2026 03:04:05 +0000", "Thu, 12 Nov 2026 13:14:15 +0100"),
    ("2 January 2026", "12 November 2026"),
    ("20260102T030405Z", "20261112T131415Z"),
    ("03:04:05", "13:14:15"),
    ("1767323045", "1794489255"),
    ("1767323045123", "1794489255999"),
    ("1767323045.5", "1794489255.25"),
]


@pytest.mark.parametrize(("one", "other"), TIMES, ids=[one for one, _ in TIMES])
def test_a_time_in_text_is_the_cause(explain: Explain, one: str, other: str) -> None:
    cause = explain(f"built: {one}\nby: make\n".encode(), f"built: {other}\nby: make\n".encode())
    assert cause is not None
    assert cause.name == "embedded time"
    assert one[:6] in cause.meaning


def test_a_time_in_a_large_binary_is_found_by_what_stands_around_it(explain: Explain) -> None:
    code = bytes(range(256)) * 40_000
    left = code + b"\0built 2026-01-02T03:04:05Z\0" + code
    right = code + b"\0built 2026-11-12T13:14:15Z\0" + code
    assert name(explain(left, right)) == "embedded time"
    assert explain(left, right[:-1] + b"x") is None


def test_a_time_that_is_longer_in_one_binary_is_found(explain: Explain) -> None:
    left, right = b"\0\x01built Jan 2 2026\0\x02", b"\0\x01built Jan 12 2026\0\x02"
    assert name(explain(left, right)) == "embedded time"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("/tmp/tmpabc123/x.c", "/tmp/tmpzzz999/x.c", "temporary path"),
        ("/var/folders/ab/cdef/T/x", "/var/folders/gh/ijklmn/T/x", "temporary path"),
        ("/tmp/pip-build-env-a1/m.py", "/tmp/pip-build-env-bb22/m.py", "temporary path"),
        (f"/{'home'}/ann/app/m.py", f"/{'home'}/bob/app/m.py", "temporary path"),
        ("/go-build123/b001", "/go-build98765/b001", "temporary path"),
        (
            "123e4567-e89b-12d3-a456-426614174000",
            "00000000-e89b-12d3-a456-426614174000",
            "random id",
        ),
        ("a" * 40, "b" * 40, "commit"),
        ("/work/first/src/main.c", "/work/second/src/main.c", "compiled-in path"),
        ("root@build-7f", "root@build-99ab", "machine name"),
        ("level = 1", "level = 2", None),
        ("12345", "54321", None),
        ("version 1.2.3", "version 1.2.4", None),
        ("lodash@4.17.1", "lodash@4.17.2", None),
    ],
)
def test_what_stands_in_text_is_named(
    explain: Explain, one: str, other: str, expected: str | None
) -> None:
    assert name(explain(f"a {one} b\n".encode(), f"a {other} b\n".encode())) == expected


def test_a_name_of_a_machine_that_is_given_is_found(explain: Explain) -> None:
    left, right = b"on builder-one\n", b"on runner2.example.com\n"
    hosts = ("builder-one", "runner2.example.com")
    assert name(explain(left, right, hosts=hosts)) == "machine name"
    assert explain(left, right) is None


def test_two_causes_together_are_both_named(explain: Explain) -> None:
    left = b"at 2026-01-02 in /tmp/a1/x, id 7\n"
    right = b"at 2026-01-03 in /tmp/b22/x, id 7\n"
    cause = explain(left, right)
    assert name(cause) == "temporary path, embedded time"
    assert explain(left, right.replace(b"id 7", b"id 8")) is None


def test_a_time_beside_a_difference_in_content_is_no_cause(explain: Explain) -> None:
    assert explain(b"2026-01-02 level 1\n", b"2026-01-03 level 2\n") is None


def test_line_endings_are_the_cause(explain: Explain) -> None:
    assert name(explain(b"a\nb\n", b"a\r\nb\r\n")) == "line endings"


def test_lines_in_another_order_are_the_cause(explain: Explain) -> None:
    assert name(explain(b"a\nb\nc\n", b"b\na\nc\n")) == "unsorted order"


def test_json_in_another_order_is_the_cause(explain: Explain) -> None:
    one, other = {"a": 1, "b": [1, 2]}, {"b": [1, 2], "a": 1}
    turned = {"a": 1, "b": [2, 1]}
    left = json.dumps(one).encode()
    keys = explain(left, json.dumps(other, indent=2).encode())
    assert name(keys) == "unsorted order"
    assert "keys" in (keys.meaning if keys else "")
    lists = explain(left, json.dumps(turned).encode())
    assert "lists" in (lists.meaning if lists else "")
    assert explain(left, json.dumps({"a": 1, "b": [1, 3]}).encode()) is None
    assert explain(b"[" * 100_000, b"[" * 100_001) is None


def archive(*files: tuple[str, bytes, int], method: int = zipfile.ZIP_STORED) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", method) as opened:
        for path, content, year in files:
            entry = zipfile.ZipInfo(path, (year, 1, 1, 0, 0, 0))
            entry.compress_type = method
            opened.writestr(entry, content)
    return whole.getvalue()


def test_a_jar_tells_times_order_and_packing_apart(explain: Explain) -> None:
    one = archive(("a", b"1", 2026), ("b", b"2", 2026))
    assert name(explain(one, archive(("a", b"1", 2026), ("b", b"2", 2027)))) == "embedded time"
    assert name(explain(one, archive(("b", b"2", 2026), ("a", b"1", 2026)))) == "unsorted order"
    packed = archive(("a", b"1", 2026), ("b", b"2", 2026), method=zipfile.ZIP_DEFLATED)
    assert name(explain(one, packed)) == "compressor"
    assert explain(one, archive(("a", b"1", 2026), ("b", b"3", 2026))) is None
    assert explain(one, one[:-10]) is None


def test_gzip_tells_header_content_and_compressor_apart(explain: Explain) -> None:
    text = b"a line\n" * 1000
    one = gzip.compress(text, mtime=1)
    late = explain(one, gzip.compress(text, mtime=86400))
    assert name(late) == "embedded time"
    assert "1970-01-02" in (late.meaning if late else "")
    assert name(explain(one, gzip.compress(text, 1, mtime=1))) == "compressor"
    dated = [gzip.compress(text + day, mtime=1) for day in (b"2026-01-01", b"2026-01-02")]
    inside = explain(*dated)
    assert name(inside) == "embedded time"
    assert "compressed text" in (inside.meaning if inside else "")
    assert explain(one, gzip.compress(text + b"more", mtime=1)) is None
    assert explain(one, one[:-5]) is None


def static(*parts: tuple[bytes, bytes, int]) -> bytes:
    whole = b"!<arch>\n"
    for title, content, mtime in parts:
        whole += b"%-16s%-12d%-6d%-6d%-8o%-10d`\n" % (title, mtime, 0, 0, 0o644, len(content))
        whole += content + b"\n" * (len(content) % 2)
    return whole


def test_a_static_library_tells_times_and_order_apart(explain: Explain) -> None:
    one = static((b"a.o/", b"123", 0), (b"b.o/", b"4567", 0))
    late = static((b"a.o/", b"123", 99), (b"b.o/", b"4567", 0))
    turned = static((b"b.o/", b"4567", 0), (b"a.o/", b"123", 0))
    assert name(explain(one, late)) == "embedded time"
    assert name(explain(one, turned)) == "unsorted order"
    assert explain(one, static((b"a.o/", b"124", 0), (b"b.o/", b"4567", 0))) is None
    for length in range(8, len(one) - 1, 5):
        explain(one, one[:length])


def compiled(folder: Path, text: str, mtime: int, shown_as: str = "/app/m.py") -> bytes:
    """Real compiled Python, stamped with the time of its source."""
    import os

    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "m.py"
    source.write_text(text)
    os.utime(source, (mtime, mtime))
    to = folder / "m.pyc"
    py_compile.compile(
        str(source),
        str(to),
        dfile=shown_as,
        doraise=True,
        invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP,
    )
    return to.read_bytes()


def test_compiled_python_tells_its_time_and_its_path(explain: Explain, tmp_path: Path) -> None:
    text = "def f():\n    return 1\n"
    one = compiled(tmp_path / "p", text, 86400)
    late = explain(one, compiled(tmp_path / "p", text, 172800), "app/__pycache__/m.pyc")
    assert name(late) == "pyc"
    assert "1970-01-02T00:00:00Z and 1970-01-03T00:00:00Z" in (late.meaning if late else "")
    moved = [
        compiled(tmp_path / "p", text, 0, f"/tmp/pip-build-{letter * 3}/m.py") for letter in "ab"
    ]
    path = explain(*moved, "app/__pycache__/m.pyc")
    assert name(path) == "pyc"
    assert "/tmp/pip-build-aaa" in (path.meaning if path else "")
    other = compiled(tmp_path / "p", text.replace("1", "2"), 86400)
    assert explain(one, other, "app/__pycache__/m.pyc") is None
    newer = b"\xff" + one[1:]
    release = explain(one, newer, "m.pyc")
    assert "releases of Python" in (release.meaning if release else "")


def test_compileall_writes_what_is_recognised(explain: Explain, tmp_path: Path) -> None:
    import os

    found = []
    for number in (1, 2):
        folder = tmp_path / "app"
        folder.mkdir(exist_ok=True)
        (folder / "m.py").write_text("x = 1\n")
        os.utime(folder / "m.py", (number, number))
        assert compileall.compile_dir(folder, quiet=1, force=True)
        found.append(next(folder.rglob("*.pyc")).read_bytes())
    assert name(explain(*found, "app/__pycache__/m.cpython-311.pyc")) == "pyc"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("var/lib/apt/lists/x_InRelease", "package lists"),
        ("var/log/dpkg.log", "package-manager log"),
        ("var/log/apt/history.log", "package-manager log"),
        ("var/cache/apt/pkgcache.bin", "package-manager log"),
        ("var/lib/dpkg/status", "package-manager log"),
        ("lib/apk/db/installed", "package-manager log"),
        ("var/lib/rpm/rpmdb.sqlite", "package-manager log"),
        ("var/cache/ldconfig/aux-cache", "ldconfig cache"),
        ("root/.cache/pip/http/a", "package-manager log"),
        ("app/.npm/_cacache/x", "package-manager log"),
        ("etc/machine-id", "random id"),
        ("etc/ssh/ssh_host_rsa_key.pub", "random id"),
        ("etc/hostname", "machine name"),
        ("etc/shadow", "embedded time"),
        ("usr/lib/python3/x.dist-info/RECORD", "python installer"),
        ("app/.git/index", "Git's repository"),
        ("app/var/log", None),
        ("etc/app.conf", None),
    ],
)
def test_the_path_of_a_file_tells(explain: Explain, path: str, expected: str | None) -> None:
    assert name(explain(b"one", b"two", path)) == expected
    assert name(paths.of_missing(path)) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("app/__pycache__/m.pyc", "pyc"),
        ("proc", "builder's folder"),
        (".wh.file", "whiteout"),
        ("app/.wh..wh..opq", "whiteout"),
        ("process", None),
    ],
)
def test_the_path_tells_why_only_one_side_has_it(path: str, expected: str | None) -> None:
    assert name(paths.of_missing(path)) == expected


def test_the_time_of_another_tool_in_a_large_text_takes_no_long(explain: Explain) -> None:
    """Text of eight MiB with one time in it: what is equal is not looked through."""
    lines = b"".join(b"%d: some words of a line\n" % number for number in range(200_000))
    assert name(explain(lines + b"2026-01-01\n" + lines, lines + b"2026-01-02\n" + lines)) == (
        "embedded time"
    )


def test_changes_are_ranges_that_were_really_unequal(tmp_path: Path) -> None:
    left = bytearray(1 << 20)
    right = bytearray(left)
    for place in (5, 6, 7, 1000, 300_000):
        right[place] = 1
    sides = []
    for number, data in enumerate((left, right)):
        (tmp_path / str(number)).write_bytes(data)
        sides.append(Content(tmp_path / str(number), 0, len(data)))
    found = compare_content.changes(sides[0], sides[1])
    assert found is not None
    assert (found.first, found.ranges, found.more) == (
        5,
        ((5, 8), (1000, 1001), (300_000, 300_001)),
        False,
    )
    assert compare_content.changes(sides[0], sides[0]) is None


def test_a_damaged_archive_of_any_kind_raises_nothing(explain: Explain) -> None:
    zipped = archive(("a", b"1", 2026), ("b", b"2", 2026))
    for whole in (zipped, gzip.compress(b"text" * 50, mtime=1)):
        for place in range(0, len(whole), 3):
            damaged = bytearray(whole)
            damaged[place] ^= 0xFF
            explain(whole, bytes(damaged))
    explain(zipped, zipped[:4] + struct.pack("<Q", 2**63) + zipped[12:])
