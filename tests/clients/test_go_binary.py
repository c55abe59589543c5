"""Build info as Go's own tool reads it, and the causes that it tells, on real binaries."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest
from tests.clients.go_programs import MAIN, REPRODUCIBLE, build, commit, run_go, source

from tidemill.images.causes import content as compare_content
from tidemill.images.causes import rules as causes
from tidemill.images.causes.cause import Cause
from tidemill.images.causes.content import Content, Pair
from tidemill.images.causes.elf import elf
from tidemill.images.causes.go_binary import BuildInfo, build_info, parsed


def content(file: Path) -> Content:
    return Content(file, 0, file.stat().st_size)


def info(file: Path) -> BuildInfo | None:
    tables = elf(content(file))
    return None if tables is None else build_info(tables)


def why(left: Path, right: Path) -> Cause:
    one, other = content(left), content(right)
    changes = compare_content.changes(one, other)
    assert changes is not None
    cause = causes.of_content(Pair("app", one, other, changes))
    assert cause is not None
    return cause


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(source(tmp_path_factory.mktemp("go") / "app"), *REPRODUCIBLE, GOAMD64="v1")


def test_build_info_is_what_go_itself_reads(binary: Path) -> None:
    found = info(binary)
    assert found is not None
    text = run_go("version", "-m", str(binary), folder=binary.parent)
    first, *rest = text.splitlines()
    assert found == parsed(
        first.rpartition(": ")[2], "\n".join(line.removeprefix("\t") for line in rest)
    )
    assert found.package == "example.com/app"
    assert str(found.modules["example.com/lib"]) == "example.com/lib v1.0.0"
    assert found.settings["GOAMD64"] == "v1"


def test_a_binary_without_its_tables_of_sections_is_read_too(binary: Path, tmp_path: Path) -> None:
    data = bytearray(binary.read_bytes())
    struct.pack_into(
        "<QIHHHHHH", data, 40, 0, 0, 64, 56, struct.unpack_from("<H", data, 56)[0], 0, 0, 0
    )
    bare = tmp_path / "bare"
    bare.write_bytes(data)
    assert info(bare) == info(binary)


def test_what_is_not_a_go_binary_has_no_build_info(tmp_path: Path) -> None:
    assert info(Path(sys.executable).resolve()) is None
    for data in (b"", b"\x7fELF", b"\x7fELF\x02\x01\x01" + bytes(100), b"\x7fELF" + b"\xff" * 200):
        (tmp_path / "file").write_bytes(data)
        assert info(tmp_path / "file") is None


def test_a_damaged_binary_raises_nothing(binary: Path, tmp_path: Path) -> None:
    data = binary.read_bytes()
    start = data.index(b"\xff Go buildinf:")
    file = tmp_path / "damaged"
    for place in [*range(4, 64), *range(start + 14, start + 60)]:
        for value in (0, 0x7F, 0xFF):
            damaged = bytearray(data)
            damaged[place] = value
            file.write_bytes(damaged)
            info(file)
    for length in [
        *range(0, 200, 7),
        start + 16,
        start + 32,
        start + 33,
        start + 60,
        len(data) // 2,
    ]:
        file.write_bytes(data[:length])
        info(file)


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_form_of_go_before_1_18_is_read(tmp_path: Path, order: str) -> None:
    """It has pointers to two strings; no Go of today writes it."""
    text = b"s" * 16 + b"path\texample.com/old\nmod\texample.com/old\tv0.1.0\th1:x\n" + b"e" * 16
    address, offset = 0x400000, 0x1000
    blob = b"\xff Go buildinf:" + bytes([8, 1 if order == ">" else 0])
    blob += struct.pack(f"{order}QQ", address + 64, address + 80)
    blob = blob.ljust(64, b"\0")
    blob += struct.pack(f"{order}QQQQ", address + 96, 8, address + 104, len(text))
    blob += b"go1.17.5" + text
    head = b"\x7fELF" + bytes([2, 1 if order == "<" else 2, 1]) + bytes(9)
    head += struct.pack(f"{order}HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    head += struct.pack(f"{order}IIQQQQQQ", 1, 6, offset, address, address, len(blob), len(blob), 1)
    (tmp_path / "old").write_bytes(head.ljust(offset, b"\0") + blob)
    found = info(tmp_path / "old")
    assert found is not None
    assert (found.release, found.package, str(found.main)) == (
        "go1.17.5",
        "example.com/old",
        "example.com/old v0.1.0",
    )


def test_replaced_modules_are_read() -> None:
    found = parsed(
        "go1.27.3",
        "path\ta\nmod\ta\t(devel)\t\ndep\tb\tv1.0.0\t\n=>\t../b\t(devel)\t\nbuild\t-x=y z",
    )
    assert str(found.modules["b"]) == "b v1.0.0 => ../b (devel)"
    assert found.settings == {"-x": "y z"}


def test_a_commit_is_named_as_the_vcs_stamp(tmp_path: Path) -> None:
    folder = source(tmp_path / "app")
    commit(folder, "first", "2026-01-02T03:04:05Z")
    one = build(folder, "-trimpath", "-buildvcs=true")
    commit(folder, "second", "2026-01-03T03:04:05Z")
    cause = why(one, build(folder, "-trimpath", "-buildvcs=true"))
    assert cause.name == "vcs stamp, main module version"
    assert "vcs.revision " in cause.meaning
    assert "vcs.time 2026-01-02T03:04:05Z -> 2026-01-03T03:04:05Z" in cause.meaning
    assert cause.remedy.startswith("build with -buildvcs=false")


def test_what_is_not_committed_is_named_as_modified(tmp_path: Path) -> None:
    folder = source(tmp_path / "app")
    commit(folder, "first", "2026-01-02T03:04:05Z")
    one = build(folder, "-trimpath", "-buildvcs=true")
    (folder / "README").write_text("new\n")
    cause = why(one, build(folder, "-trimpath", "-buildvcs=true"))
    assert "vcs.modified false -> true" in cause.meaning
    assert "+dirty" in cause.meaning


def test_a_stamp_on_one_side_is_named(tmp_path: Path) -> None:
    folder = source(tmp_path / "app")
    commit(folder, "first", "2026-01-02T03:04:05Z")
    cause = why(build(folder, *REPRODUCIBLE), build(folder, *REPRODUCIBLE, "-buildvcs=true"))
    assert "vcs (not there) -> git" in cause.meaning


def test_a_vendored_bump_of_equal_code_is_explained_as_build_info(tmp_path: Path) -> None:
    one = build(source(tmp_path / "app", "v1.0.0"), *REPRODUCIBLE)
    cause = why(one, build(source(tmp_path / "app", "v1.1.0"), *REPRODUCIBLE))
    assert cause.name == "go module version"
    assert cause.meaning == (
        "only BuildInfo deps differ: dep example.com/lib v1.0.0 -> v1.1.0 "
        "(the machine code is equal)"
    )


def test_a_build_id_is_named(tmp_path: Path) -> None:
    folder = source(tmp_path / "app")
    flags = ("-trimpath", "-buildvcs=false")
    one = build(folder, *flags, "-ldflags=-buildid=first")
    assert why(one, build(folder, *flags, "-ldflags=-buildid=other")).name == "go build id"


def test_the_folder_of_the_sources_is_named_where_trimpath_lacks(tmp_path: Path) -> None:
    folders = [source(tmp_path / name / "app") for name in ("first", "another")]
    one, other = (build(folder, "-buildvcs=false", "-ldflags=-buildid=") for folder in folders)
    cause = why(one, other)
    # Where pytest keeps its files depends on the machine: for most, a temporary folder.
    assert cause.name in ("compiled-in path", "temporary path")
    assert "first" in cause.meaning
    assert "another" in cause.meaning
    assert "built without -trimpath" in cause.meaning


def test_trimpath_on_one_side_is_named(tmp_path: Path) -> None:
    folder = source(tmp_path / "app")
    one = build(folder, "-buildvcs=false")
    cause = why(one, build(folder, "-buildvcs=false", "-trimpath"))
    assert "go trimpath" in cause.name


def test_another_level_of_processors_is_named(tmp_path: Path) -> None:
    folder = source(tmp_path / "app")
    one, other = (build(folder, *REPRODUCIBLE, GOAMD64=level) for level in ("v1", "v3"))
    cause = why(one, other)
    assert cause.name == "go settings"
    assert "GOAMD64 v1 -> v3" in cause.meaning


def test_another_release_of_go_is_named(binary: Path, tmp_path: Path) -> None:
    """One Go is enough: the release is a text of known length."""
    found = info(binary)
    assert found is not None
    older = found.release.replace("go1.", "go0.").encode()
    other = tmp_path / "other"
    other.write_bytes(binary.read_bytes().replace(found.release.encode(), older))
    cause = why(binary, other)
    assert cause.name == "go release"
    assert older.decode() in cause.meaning


def test_other_code_has_no_known_cause(tmp_path: Path) -> None:
    one = build(source(tmp_path / "app"), *REPRODUCIBLE)
    changed = source(tmp_path / "app", main=MAIN.replace("println(", 'println("more", '))
    two = content(build(changed, *REPRODUCIBLE))
    changes = compare_content.changes(content(one), two)
    assert changes is not None
    assert causes.of_content(Pair("app", content(one), two, changes)) is None
