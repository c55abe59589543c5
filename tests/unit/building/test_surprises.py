"""What a build warns of, because it will surprise at run time."""

import io
import struct

import pytest

from tidemill.building.surprises import surprises
from tidemill.images.entries import Attributes, Entry, File, Folder
from tidemill.images.tar_stream import TIME, content_time


def file(path: str, data: bytes = b"") -> File:
    return File(path, len(data), lambda: io.BytesIO(data))


def compiled(time: int, flags: int = 0, name: str = "a") -> File:
    head = struct.pack("<4sIII", b"magi", flags, time, 1)
    return file(f"lib/__pycache__/{name}.cpython-312.pyc", head + b"code")


SOURCE = file("lib/a.py", b"1")


def program(machine: int, mode: int = 0o755, kind: int = 2, order: str = "<") -> File:
    head = b"\x7fELF\2" + (b"\1" if order == "<" else b"\2") + bytes(10)
    data = head + struct.pack(f"{order}HH", kind, machine) + bytes(100)
    return File(f"{machine}-{kind}", len(data), lambda: io.BytesIO(data), Attributes(mode))


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 123456\n" % 7


@pytest.mark.parametrize(
    ("entries", "by_content", "words"),
    [
        ([SOURCE, compiled(1_700_000_000)], (), "compiles it again at each start"),
        ([SOURCE, compiled(TIME)], ("/lib",), "compiles it again at each start"),
        ([file("var/log/dpkg.log")], (), "keeps logs or caches there"),
        ([file("var/lib/apt/lists/x_Packages")], (), "lists of packages change"),
        ([file("var/cache/ldconfig/aux-cache")], (), "inode numbers"),
        ([file("root/.cache/pip/http/a")], (), "keeps logs or caches there"),
        ([file("etc/machine-id", b"1")], (), "drawn at random"),
        ([file("etc/ssh/ssh_host_rsa_key", b"1")], (), "drawn at random"),
        ([file("usr/share/nginx/html/index.html", b"1")], (), "name their folder in content_times"),
        ([file("var/www/html/a/app.js", b"1")], ("/srv",), "name their folder in content_times"),
        ([file("app/.git/HEAD", b"ref")], (), "another in each clone"),
        ([file(".git", b"gitdir: x")], (), "name .git in the .dockerignore"),
        ([file("model.bin", POINTER)], (), "a pointer there in place of the file"),
    ],
)
def test_what_surprises_is_named_with_its_remedy(
    entries: list[Entry], by_content: tuple[str, ...], words: str
) -> None:
    [line] = surprises(entries, by_content)
    assert line.startswith(f"/{entries[-1].path}: ")
    assert words in line
    assert "; " in line


@pytest.mark.parametrize(
    ("entries", "by_content"),
    [
        ([SOURCE, compiled(TIME)], ()),
        ([SOURCE, compiled(content_time(SOURCE))], ("/lib",)),
        ([SOURCE, compiled(123, flags=3)], ()),
        ([SOURCE, compiled(123, flags=1)], ()),
        ([compiled(123)], ()),
        ([SOURCE, compiled(123, name="other")], ()),
        ([SOURCE, file("lib/__pycache__/a.cpython-312.pyc", b"short")], ()),
        ([file("a", POINTER[9:]), file("docs/spec.md", POINTER * 9)], ()),
        ([Folder("var/log"), Folder("usr/share/nginx/html")], ()),
        ([file("var/lib/dpkg/status"), file("usr/lib/node_modules/a/index.js")], ()),
        ([file("usr/share/nginx/html/index.html", b"1")], ("/usr/share/nginx",)),
        ([file("srv/app.git/HEAD"), file(".gitignore"), file(".github/x")], ()),
    ],
)
def test_what_is_right_is_passed_over(entries: list[Entry], by_content: tuple[str, ...]) -> None:
    assert surprises(entries, by_content) == []


def test_many_files_of_one_kind_are_one_line() -> None:
    logs = [file(f"var/log/apt/{number}") for number in range(30)]
    [line] = surprises(logs, ())
    assert line.startswith("/var/log/apt/0 and 29 more: ")


@pytest.mark.parametrize(
    ("entries", "architecture", "names"),
    [
        ([program(62), program(62, kind=3)], "arm64", "/62-2 and 1 more: "),
        ([program(183)], "amd64", "/183-2: "),
        ([program(62)], "s390x", "/62-2: "),
        ([program(183), program(62)], "amd64", None),
        ([program(3)], "amd64", None),
        ([program(22, order=">")], "s390x", None),
        ([program(62, mode=0o644)], "arm64", None),
        ([program(62, kind=1)], "arm64", None),
        ([program(62)], "sparc", None),
        ([file("short", b"\x7fELF")], "arm64", None),
    ],
)
def test_programs_that_do_not_start_on_the_platform_are_named(
    entries: list[Entry], architecture: str, names: str | None
) -> None:
    lines = surprises(entries, (), architecture)
    assert len(lines) == (names is not None)
    assert all(line.startswith(names or "-") for line in lines)
    assert all(f"does not start on {architecture}" in line for line in lines)
