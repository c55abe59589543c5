"""What a build warns of, because it will surprise at run time."""

import io
import struct

import pytest

from tidemill.building.surprises import surprises
from tidemill.images.entries import Entry, File, Folder
from tidemill.images.tar_stream import TIME, content_time


def file(path: str, data: bytes = b"") -> File:
    return File(path, len(data), lambda: io.BytesIO(data))


def compiled(time: int, flags: int = 0, name: str = "a") -> File:
    head = struct.pack("<4sIII", b"magi", flags, time, 1)
    return file(f"lib/__pycache__/{name}.cpython-312.pyc", head + b"code")


SOURCE = file("lib/a.py", b"1")
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
    ],
)
def test_what_is_right_is_passed_over(entries: list[Entry], by_content: tuple[str, ...]) -> None:
    assert surprises(entries, by_content) == []


def test_many_files_of_one_kind_are_one_line() -> None:
    logs = [file(f"var/log/apt/{number}") for number in range(30)]
    [line] = surprises(logs, ())
    assert line.startswith("/var/log/apt/0 and 29 more: ")
