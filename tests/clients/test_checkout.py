"""Files to be checked: whatever checkout they come from, commands find a Git that works."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.clients.bench import FILES, Bench
from tests.clients.test_entrypoints import USERS
from tests.world import git

from tidemill.clients.git.checkout import Checkout, Local, Remote
from tidemill.errors import EntryPointFailed, Refused

LOOK = (
    'test "$(git rev-parse HEAD)" = {commit} && git show HEAD:tidemill.toml'
    ' && git status --porcelain && test -z "$(git status --porcelain; git remote)"'
)


@pytest.fixture(params=USERS, autouse=True)
def _user(request: pytest.FixtureRequest) -> None:
    if request.param == "own-user":
        request.getfixturevalue("own_user")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def assert_works(checkout: Checkout, commit: str) -> None:
    """Git is of use to a command there, and what it changes is seen."""
    checkout.run(LOOK.format(commit=commit), seconds=60)
    assert not checkout.changed()
    checkout.run("echo x >> generated/lab/all.yaml; rm tidemill.toml; touch new", seconds=60)
    assert [*checkout.changed()] == ["generated/lab/all.yaml", "new", "tidemill.toml"]


CLONES = {
    "whole": ("file://{server}",),
    "shallow": ("--depth=1", "file://{server}"),
    "borrows": ("--shared", "{server}"),
    "borrows-from-a-borrower": ("--shared", "{borrower}"),
}


@pytest.mark.parametrize("words", CLONES.values(), ids=CLONES.keys())
def test_copy_of_a_checkout(
    bench: Bench, tmp_path: Path, scratch: Path, words: tuple[str, ...]
) -> None:
    borrower, where = tmp_path / "borrower", tmp_path / os.fsdecode(b"not UTF-8: \xff")
    git(tmp_path, "clone", "-q", "--shared", str(bench.server), str(borrower))
    words = tuple(word.format(server=bench.server, borrower=borrower) for word in words)
    git(tmp_path, "clone", "-q", *words, str(where))
    before = sorted(where.rglob("*"))
    assert_works(Local(where / "generated").files(scratch), bench.main)
    assert sorted(where.rglob("*")) == before


def test_checkout_of_a_commit(bench: Bench, scratch: Path) -> None:
    checkout = Remote(bench.repository, bench.main).files(scratch)
    assert checkout.read("tidemill.toml") == FILES["tidemill.toml"].encode()
    assert_works(checkout, bench.main)


def test_checkout_without_any_commit(tmp_path: Path, scratch: Path) -> None:
    where = tmp_path / "new"
    git(tmp_path, "init", "-q", str(where))
    (where / "a").write_text("a")
    checkout = Local(where).files(scratch)
    assert checkout.read("a") == b"a"
    checkout.run("git status", seconds=60)
    checkout.run("echo b > a", seconds=60)
    assert [*checkout.changed()] == ["a"]


def test_checkout_with_sha_256_is_refused_as_such(tmp_path: Path, scratch: Path) -> None:
    where = tmp_path / "new"
    git(tmp_path, "init", "-q", "--object-format=sha256", str(where))
    (where / "a").write_text("a")
    with pytest.raises(Refused, match="has SHA-256 for its commits"):
        Local(where).files(scratch)


def test_configuration_that_a_command_leaves_runs_nothing(
    bench: Bench, scratch: Path, tmp_path: Path
) -> None:
    touched = tmp_path / "touched"
    checkout = Remote(bench.repository, bench.main).files(scratch)
    checkout.run(
        f"git config core.fsmonitor 'touch {touched}'; git config filter.x.clean 'touch {touched}';"
        " echo '* filter=x' > .gitattributes; echo x > tidemill.toml",
        seconds=60,
    )
    assert [*checkout.changed()] == [".gitattributes", "tidemill.toml"]
    assert not touched.exists()


@pytest.mark.parametrize("target", ["/etc/hostname", "../outside"])
def test_link_that_leads_outside_is_no_file(bench: Bench, scratch: Path, target: str) -> None:
    (scratch / "outside").write_text("x")
    (bench.clone / "tidemill.toml").unlink()
    (bench.clone / "tidemill.toml").symlink_to(target)
    assert Local(bench.clone).files(scratch).read("tidemill.toml") is None


def test_a_file_is_not_written_through_a_link(bench: Bench, scratch: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (bench.clone / "pictures").symlink_to(outside)
    checkout = Local(bench.clone).files(scratch)
    with pytest.raises(Refused, match="leads out of the checkout"):
        checkout.write("pictures/tags.json", b"{}")
    assert list(outside.iterdir()) == []
    checkout.write("made/tags.json", b"{}")
    assert checkout.read("made/tags.json") == b"{}"


def test_commit_that_is_not_there_is_refused(bench: Bench, scratch: Path) -> None:
    with pytest.raises(Refused, match="there is no commit '0000"):
        Remote(bench.repository, "0" * 40).files(scratch)
    assert list(scratch.iterdir()) == []


def test_failing_command_is_an_error(bench: Bench, scratch: Path) -> None:
    checkout = Remote(bench.repository, bench.main).files(scratch)
    with pytest.raises(EntryPointFailed, match="exit code 4: why"):
        checkout.run("echo why; exit 4", seconds=60)
