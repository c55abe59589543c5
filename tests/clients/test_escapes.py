"""Links, modes and odd files in a repository: nothing leads out, nothing gets lost."""

from pathlib import Path

import pytest
from tests.clients.bench import Bench

from tidemill.clients.git.store import Committed
from tidemill.facts.snapshot import BrokenParent, OperationFailure


@pytest.fixture
def outside(bench: Bench) -> Path:
    """A folder that is not the repository's."""
    folder = bench.clone.parent / "outside"
    (folder / "lab").mkdir(parents=True)
    (folder / "lab" / "tags.json").write_text("untouched")
    return folder


def replace(bench: Bench, path: str, target: str) -> None:
    """A person puts a link in place of a file or folder, and pushes that."""
    import shutil

    place = bench.clone / path
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink()
    place.symlink_to(target)
    bench.push()


@pytest.mark.parametrize("path", ["images", "images/lab"])
def test_link_in_place_of_the_image_folder_leads_nowhere(
    bench: Bench, outside: Path, path: str
) -> None:
    replace(bench, path, str(outside if path == "images" else outside / "lab"))
    result = bench.do(generate="true")
    assert isinstance(result, OperationFailure)
    assert "leads out of the repository" in result.reason
    assert (outside / "lab" / "tags.json").read_text() == "untouched"


def test_link_in_place_of_an_image_file_is_replaced(bench: Bench, outside: Path) -> None:
    replace(bench, "images/lab/tags.json", str(outside / "lab" / "tags.json"))
    commit = bench.done(generate="true")
    assert bench.changed(commit)["images/lab/tags.json"] == "T"
    assert (outside / "lab" / "tags.json").read_text() == "untouched"


@pytest.mark.parametrize("generate", [None, "true"], ids=["without-checkout", "with-checkout"])
@pytest.mark.parametrize("kind", ["file-for-folder", "folder-for-file", "link-in-a-circle"])
def test_odd_thing_in_place_of_image_files_is_replaced_or_an_outcome_and_no_crash(
    bench: Bench, kind: str, generate: str | None
) -> None:
    import shutil

    folder = bench.clone / "images" / "lab"
    if kind == "folder-for-file":
        (folder / "tags.json").unlink()
        (folder / "tags.json").mkdir()
        (folder / "tags.json" / "file").write_text("x")
    else:
        shutil.rmtree(folder)
        if kind == "file-for-folder":
            folder.write_text("x")
        else:
            folder.symlink_to("lab")
    bench.push()
    assert isinstance(bench.do(generate=generate), Committed | OperationFailure | BrokenParent)


def test_link_among_the_generated_files_is_not_written_through(bench: Bench, outside: Path) -> None:
    """The commands are the repository's own: they may write anywhere. We do not follow them."""
    commit = bench.done(generate=f"ln -sf {outside}/lab/tags.json generated/lab/link")
    mode = bench.repository.git("ls-tree", commit, "generated/lab/link").split()[0]
    assert mode == b"120000"


def test_modes_of_files_are_kept(bench: Bench) -> None:
    script = bench.clone / "generated" / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    bench.push()
    commit = bench.done(
        generate="test -x generated/run.sh && touch generated/new && chmod +x generated/new"
    )
    listing = bench.repository.git("ls-tree", "-r", commit, "generated").decode().splitlines()
    modes = {line.split("\t")[1]: line.split()[0] for line in listing}
    assert modes["generated/run.sh"] == modes["generated/new"] == "100755"
    assert modes["generated/lab/all.yaml"] == "100644"


def test_file_that_main_has_though_it_is_ignored_stays(bench: Bench) -> None:
    (bench.clone / "generated" / "kept.tmp").write_text("1")
    bench.push()
    commit = bench.done(generate="echo 2 > generated/kept.tmp; echo 3 > generated/lab/other.tmp")
    changed = bench.changed(commit)
    assert changed["generated/kept.tmp"] == "M"
    assert "generated/lab/other.tmp" not in changed


@pytest.mark.parametrize("name", ["with space", "ümläut", 'quo"te', "-option", "line\nbreak", "*"])
def test_odd_names_are_committed_as_they_are(bench: Bench, name: str) -> None:
    (bench.clone / "generated" / name).write_text("1")
    bench.push()
    commit = bench.done(
        generate='for f in generated/*; do test -f "$f" && echo 2 > "$f"; done; true'
    )
    assert bench.changed(commit)[f"generated/{name}"] == "M"


def test_line_endings_are_kept_as_main_has_them(bench: Bench) -> None:
    (bench.clone / "generated" / "dos.txt").write_bytes(b"1\r\n2\r\n")
    bench.push()
    commit = bench.done(generate="printf '3\\r\\n' >> generated/dos.txt")
    raw = bench.repository.git("cat-file", "blob", f"{commit}:generated/dos.txt")
    assert raw == b"1\r\n2\r\n3\r\n"


def test_attributes_of_the_repository_hold(bench: Bench) -> None:
    (bench.clone / ".gitattributes").write_text("*.txt text\n")
    bench.push()
    commit = bench.done(generate="printf '1\\r\\n' > generated/a.txt")
    assert bench.repository.git("cat-file", "blob", f"{commit}:generated/a.txt") == b"1\n"


def test_repository_that_a_command_cloned_into_its_output_is_not_committed(bench: Bench) -> None:
    result = bench.do(
        generate="git init -q generated/clone && cd generated/clone &&"
        " git -c user.name=x -c user.email=x commit -q --allow-empty -m x"
    )
    if isinstance(result, Committed):
        tree = bench.repository.git("ls-tree", "-r", result.sha, "generated").decode()
        assert "160000" not in tree
