"""The build context: the same from any checkout, without what is ignored."""

from __future__ import annotations

import io
import os
import random
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from tidemill.building.engines.sent_context import entries, lay_out, tar
from tidemill.errors import Refused
from tidemill.images.dockerfile.context import BuildContext
from tidemill.images.entries import Entry, File, Folder, Link
from tidemill.images.files import fit
from tidemill.images.tar_stream import TIME


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a program, a page, a link and an empty folder."""
    top = tmp_path / "context"
    (top / "bin").mkdir(parents=True)
    (top / "empty").mkdir()
    (top / "bin" / "app").write_bytes(b"\x7fELF")
    (top / "bin" / "app").chmod(0o711)
    (top / "page").write_text("hello")
    (top / "page").chmod(0o606)
    (top / "link").symlink_to("../outside")
    return top


def paths(found: Iterable[Entry]) -> list[str]:
    return [entry.path for entry in found]


def written(root: Path, files: dict[str, str]) -> BuildContext:
    """A context with these files."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return BuildContext.of(root)


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {member.name: member for member in archive}


def content(data: bytes, path: str) -> str:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        file = archive.extractfile(path)
        assert file is not None
        return file.read().decode()


def test_only_the_owners_executable_bit_of_a_mode_counts(root: Path) -> None:
    found = {entry.path: entry for entry in entries(BuildContext.of(root))}
    assert {path: oct(entry.attributes.mode) for path, entry in found.items()} == {
        "bin": "0o755",
        "bin/app": "0o755",
        "empty": "0o755",
        "link": "0o777",
        "page": "0o644",
    }
    assert found["link"] == Link("link", "../outside")
    assert found["empty"] == Folder("empty")
    assert isinstance(found["page"], File)
    with found["page"].open() as file:
        assert file.read() == b"hello"


def test_the_order_in_which_files_were_made_does_not_matter(tmp_path: Path) -> None:
    chance = random.Random(1)
    names = [
        "/".join(chance.choice("ab-._é") + str(level) for level in range(chance.randrange(1, 4)))
        for _ in range(60)
    ]
    found = []
    for count in range(3):
        top = tmp_path / f"checkout{count}"
        chance.shuffle(names)
        for name in names:
            path = top / "x" / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        (top / "Dockerfile").write_text("FROM scratch\n")
        found.append(b"".join(tar(BuildContext.of(top), top / "Dockerfile")[1]))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    ("ignored", "expected"),
    [
        pytest.param("", [".dockerignore", "a", "a/b", "a/b/c", "a/d", "e"], id="nothing"),
        pytest.param("a\n.dockerignore", ["e"], id="a folder"),
        pytest.param("*", [], id="everything"),
        pytest.param("*\n!a/b", ["a", "a/b", "a/b/c"], id="all but a folder"),
        pytest.param("*\n!e\n!n", ["e"], id="all but a file"),
        pytest.param("**\n!**/c", ["a", "a/b", "a/b/c"], id="all but a name"),
        pytest.param("e\n.docker*\na/d", ["a", "a/b", "a/b/c"], id="files"),
    ],
)
def test_what_is_ignored_is_not_there(tmp_path: Path, ignored: str, expected: list[str]) -> None:
    files = {"a/b/c": "", "a/d": "", "e": "", ".dockerignore": ignored}
    context = written(tmp_path / "context", files)
    assert paths(entries(context)) == expected
    every = [".dockerignore", "a", "a/b", "a/b/c", "a/d", "e", "n", "a/n", "e/n"]
    assert [path for path in every if context.entry(path)] == expected


def test_the_ignore_file_of_a_dockerfile_wins(root: Path, tmp_path: Path) -> None:
    (root / ".dockerignore").write_text("page")
    file = tmp_path / "other" / "app.Dockerfile"
    file.parent.mkdir()
    (tmp_path / "other" / "app.Dockerfile.dockerignore").write_text("bin\n.dockerignore")
    assert paths(entries(BuildContext.of(root, file))) == ["empty", "link", "page"]
    other = BuildContext.of(root, tmp_path / "other" / "Dockerfile")
    assert "page" not in paths(entries(other))


def test_what_is_below_a_folder_is_listed_for_itself(root: Path) -> None:
    context = written(root, {"a/b/c": "", ".dockerignore": "a/*\n!a/b/c\n"})
    assert paths(map(fit, context.below("a"))) == ["a/b", "a/b/c"]
    assert paths(map(fit, context.below("a/b"))) == ["a/b/c"]


def test_a_dockerfile_in_the_context_is_in_the_archive_once(root: Path) -> None:
    (root / "Dockerfile").write_text("FROM scratch\n")
    name, pieces, _ = tar(BuildContext.of(root), root / "Dockerfile")
    found = members(b"".join(pieces))
    assert name == "Dockerfile"
    assert list(found) == ["Dockerfile", "bin", "bin/app", "empty", "link", "page"]
    assert {(member.mtime, member.uid, member.gid, member.uname) for member in found.values()} == {
        (TIME, 0, 0, "")
    }


def test_a_dockerfile_from_elsewhere_takes_no_name_that_is_taken(
    root: Path, tmp_path: Path
) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text("FROM scratch\n")
    name, pieces, _ = tar(BuildContext.of(root), file)
    data = b"".join(pieces)
    assert content(data, name) == "FROM scratch\n"
    assert content(data, ".dockerignore") == f"{name}\n.dockerignore\n"
    (root / name).write_text("taken")
    other, pieces, _ = tar(BuildContext.of(root), file)
    data = b"".join(pieces)
    assert (content(data, name), content(data, other)) == ("taken", "FROM scratch\n")


def test_an_ignore_file_that_is_in_the_context_keeps_its_lines(root: Path) -> None:
    (root / ".dockerignore").write_text("Dockerfile\npage")
    (root / "Dockerfile").write_text("FROM scratch\n")
    name, pieces, _ = tar(BuildContext.of(root), root / "Dockerfile")
    data = b"".join(pieces)
    assert content(data, ".dockerignore") == f"Dockerfile\npage\n{name}\n"
    assert "page" not in members(data)


def test_a_context_is_laid_out_whatever_the_umask_is(root: Path, tmp_path: Path) -> None:
    umask = os.umask(0o077)
    try:
        lay_out(BuildContext.of(root), tmp_path / "copy")
    finally:
        os.umask(umask)
    found = {
        path.relative_to(tmp_path / "copy").as_posix(): path.lstat()
        for path in (tmp_path / "copy").rglob("*")
    }
    assert {path: oct(entry.st_mode & 0o777) for path, entry in found.items()} == {
        "bin": "0o755",
        "bin/app": "0o755",
        "empty": "0o755",
        "link": "0o777",
        "page": "0o644",
    }
    assert {entry.st_mtime for entry in found.values()} == {TIME}
    assert (tmp_path / "copy" / "page").read_text() == "hello"


def test_a_large_context_is_said(root: Path) -> None:
    with (root / "large").open("wb") as file:
        file.truncate(1_250_000_000)
    said: list[str] = []
    entries(BuildContext.of(root), said.append)
    assert said == ["context: 1.3 GB, 3 files; a .dockerignore would make it smaller"]
    (root / ".dockerignore").write_text("large")
    entries(BuildContext.of(root), said.append)
    assert len(said) == 1


def test_what_can_be_in_no_image_is_left_out_and_told_of(root: Path) -> None:
    """What is below a folder of such a name goes with it."""
    before = paths(entries(BuildContext.of(root)))
    asked: list[str] = []
    assert paths(entries(BuildContext.of(root), if_unfit=lambda: asked.append("?"))) == before
    assert asked == []
    os.mkfifo(root / "bin/pipe")
    (root / os.fsdecode(b"\xff")).write_text("")
    (root / os.fsdecode(b"bin/to")).symlink_to(os.fsdecode(b"\xff"))
    (root / ".wh.folder").mkdir()
    (root / ".wh.folder/file").touch()
    (root / "bin/.wh.app").touch()
    assert paths(entries(BuildContext.of(root), if_unfit=lambda: asked.append("?"))) == before
    assert asked == ["?"]


def test_what_is_left_out_of_the_context_is_not_told_of(root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / ".dockerignore").write_text("pipe")
    entries(BuildContext.of(root), if_unfit=pytest.fail)


def test_a_file_that_changes_while_it_is_read_is_refused(root: Path) -> None:
    (root / "Dockerfile").write_text("FROM scratch\n")
    _, pieces, _ = tar(BuildContext.of(root), root / "Dockerfile")
    (root / "page").write_text("more than hello")
    with pytest.raises(Refused, match="page changed while it was read"):
        list(pieces)


def test_a_file_that_goes_away_is_refused(root: Path) -> None:
    (page,) = (entry for entry in entries(BuildContext.of(root)) if entry.path == "page")
    assert isinstance(page, File)
    (root / "page").unlink()
    with pytest.raises(Refused, match="page' changed or went away"):
        page.open()
    (root / "page").symlink_to("bin/app")
    with pytest.raises(Refused, match="page' can't be read: Too many levels of symbolic links"):
        page.open()


def test_a_context_that_is_not_there_is_refused(root: Path) -> None:
    with pytest.raises(Refused, match="is not a folder"):
        BuildContext.of(root / "page")
    (root / ".dockerignore").mkdir()
    with pytest.raises(Refused, match="can't be read: Is a directory"):
        BuildContext.of(root)
