"""A checkout of app.git: which commit it is of, and copies of it that build alike."""

import os
import stat
from pathlib import Path

import pytest
from tests.world import git

from tidemill.clients.git.app_checkout import AppCheckout, Given
from tidemill.errors import Refused

NOBODY = Given()
URL = "https://github.com/acme/app.git"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A checkout of two commits on main, with a folder, a program, and files that Git ignores."""
    folder = tmp_path / "app"
    (folder / "sub").mkdir(parents=True)
    git(folder, "init", "--quiet")
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    (folder / "sub" / "page").write_text("1")
    (folder / ".gitignore").write_text("bin/\n")
    (folder / "link").symlink_to("sub/page")
    commit(folder)
    (folder / "sub" / "page").write_text("2")
    commit(folder)
    (folder / "bin").mkdir()
    (folder / "bin" / "made").write_text("made")
    git(folder, "remote", "add", "origin", URL)
    return folder


def commit(folder: Path) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "Work")
    return git(folder, "rev-parse", "HEAD")


def files(folder: Path) -> dict[str, str]:
    """What is in each file outside of .git; where a link leads."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else path.read_text()
        for path in sorted(folder.rglob("*"))
        if (path.is_symlink() or path.is_file()) and ".git" not in path.relative_to(folder).parts
    }


def test_checkout_with_sha_256_is_refused_as_such(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--object-format=sha256")
    commit(tmp_path)
    with pytest.raises(Refused, match="has SHA-256 for its commits"):
        AppCheckout(tmp_path).sha(NOBODY)


def test_everything_is_found(top: Path) -> None:
    origin = AppCheckout(top).origin(NOBODY)
    assert (origin.repository, origin.branch, origin.position) == ("acme/app", "main", 2)
    assert origin.sha == git(top, "rev-parse", "HEAD")
    assert AppCheckout(top / "sub").origin(NOBODY) == origin


def test_what_is_given_is_not_asked(tmp_path: Path) -> None:
    given = Given("1" * 40, "release/1", "acme/app", 7, "https://example.com/run")
    origin = AppCheckout(tmp_path).origin(given)
    assert (origin.sha, origin.branch, origin.position) == ("1" * 40, "release/1", 7)


def test_outside_of_git_there_is_no_sha(tmp_path: Path) -> None:
    here = AppCheckout(tmp_path)
    assert not here.is_one
    with pytest.raises(Refused, match="is not a checkout with a commit"):
        here.sha(NOBODY)


def test_before_the_first_commit_there_is_no_sha(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    with pytest.raises(Refused, match="is not a checkout with a commit"):
        AppCheckout(tmp_path).sha(NOBODY)


def test_the_branch_of_a_workflow_counts_where_the_checkout_has_none(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_REF", "refs/heads/feature/a")
    assert AppCheckout(top).branch(NOBODY) == "main"
    git(top, "checkout", "--quiet", "--detach")
    assert AppCheckout(top).branch(NOBODY) == "feature/a"


@pytest.mark.parametrize("ref", ["", "refs/tags/v1", "refs/pull/1/merge", "main"])
def test_a_tag_or_a_pull_request_is_no_branch(
    top: Path, monkeypatch: pytest.MonkeyPatch, ref: str
) -> None:
    git(top, "checkout", "--quiet", "--detach")
    monkeypatch.setenv("GITHUB_REF", ref)
    with pytest.raises(Refused, match="of no branch"):
        AppCheckout(top).branch(NOBODY)


def test_a_hostile_branch_of_a_workflow_is_refused(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(top, "checkout", "--quiet", "--detach")
    monkeypatch.setenv("GITHUB_REF", "refs/heads/$(id)\n")
    with pytest.raises(Refused, match="is not a valid name of a branch"):
        AppCheckout(top).branch(NOBODY)


def test_a_worktree_is_a_checkout(top: Path, tmp_path: Path) -> None:
    git(top, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    here = AppCheckout(tmp_path / "side")
    assert (here.branch(NOBODY), here.sha(NOBODY)) == ("side", git(top, "rev-parse", "HEAD"))
    copy = here.copy(tmp_path / "copy", strange=False, whole=False)
    assert files(copy) == files(tmp_path / "side")


@pytest.mark.parametrize(
    ("address", "repository"),
    [
        ("https://github.com/acme/app", "acme/app"),
        ("https://github.com/acme/app.git/", "acme/app"),
        ("https://x-access-token:secret@github.com/acme/app.git", "acme/app"),
        ("git@github.com:acme/app.git", "acme/app"),
        ("github.com:acme/app", "acme/app"),
        ("ssh://git@github.com:2222/acme/app.git", "acme/app"),
        ("https://gitlab.example.com/group/sub/app.git", "group/sub/app"),
        ("/srv/git/acme/app.git", "acme/app"),
        ("../acme/app.git", "acme/app"),
        ("file:///srv/git/acme/app.git", "acme/app"),
    ],
)
def test_the_repository_is_that_of_the_remote(top: Path, address: str, repository: str) -> None:
    git(top, "remote", "set-url", "origin", address)
    assert AppCheckout(top).origin(NOBODY).repository == repository


@pytest.mark.parametrize(
    "address",
    [
        *(
            "app.git",
            "../app.git",
            "/",
            "https://github.com/app.git",
            "ssh://git@host:2222/app.git",
        ),
        *("git@host:app.git", "https://github.com/a b/c", "https://github.com/../app"),
    ],
)
def test_a_remote_that_does_not_say_it_is_refused(top: Path, address: str) -> None:
    git(top, "remote", "set-url", "origin", address)
    with pytest.raises(Refused, match="does not say which repository"):
        AppCheckout(top).origin(NOBODY)


def test_the_repository_of_the_workflow_comes_first(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/fork")
    assert AppCheckout(top).origin(NOBODY).repository == "acme/fork"


def test_a_shallow_clone_is_deepened_to_count(top: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{top}", "shallow")
    here = AppCheckout(tmp_path / "shallow")
    copy = here.copy(tmp_path / "copy", strange=True, whole=False)
    assert files(copy) == files(tmp_path / "shallow")
    assert here.origin(Given(repository="acme/app")).position == 2


def test_a_shallow_clone_is_deepened_without_its_submodules(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lib = tmp_path / "lib"
    lib.mkdir()
    git(lib, "init", "--quiet")
    commit(lib)
    allow = ("-c", "protocol.file.allow=always")
    git(top, *allow, "submodule", "--quiet", "add", str(lib), "lib")
    commit(top)
    words = ("--quiet", "--depth=1", "--recurse-submodules", f"file://{top}", "shallow")
    git(tmp_path, *allow, "clone", *words)
    lib.rename(tmp_path / "gone")
    (tmp_path / "gitconfig").write_text("[submodule]\n\trecurse = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    assert AppCheckout(tmp_path / "shallow").origin(Given(repository="acme/app")).position == 3


def test_a_shallow_clone_that_can_not_be_deepened_is_refused(top: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{top}", "shallow")
    git(tmp_path / "shallow", "remote", "set-url", "origin", f"file://{tmp_path}/acme/gone")
    with pytest.raises(Refused, match="shallow and can't be deepened") as refused:
        AppCheckout(tmp_path / "shallow").origin(NOBODY)
    assert "--position" in refused.value.remedy


def test_a_commit_that_is_not_here_has_no_position(top: Path) -> None:
    with pytest.raises(Refused, match="can't be counted"):
        AppCheckout(top).origin(Given(sha="1" * 40))


def test_changes_are_those_of_files_that_git_knows(top: Path) -> None:
    (top / "untracked").touch()
    assert not AppCheckout(top).is_changed()
    (top / "run").write_text("other")
    assert AppCheckout(top).is_changed()


def test_submodules_that_are_not_checked_out_are_named(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert AppCheckout(top).missing_submodules() == []
    git(tmp_path, "clone", "--quiet", str(top), "other")
    git(top, "submodule", "--quiet", "add", str(tmp_path / "other"), "sub/a lib")
    commit(top)
    assert AppCheckout(top).missing_submodules() == []
    git(tmp_path, "clone", "--quiet", str(top), "clone")
    for folder in ("", "sub"):
        found = AppCheckout(tmp_path / "clone" / folder).missing_submodules()
        assert found == ["a lib" if folder else "sub/a lib"]
    monkeypatch.setenv("PATH", "/nowhere")
    assert AppCheckout(tmp_path / "clone").missing_submodules() == []


def test_a_copy_has_the_files_as_they_are_now(top: Path, tmp_path: Path) -> None:
    """Changed, untracked, staged, deleted; not what Git ignores, unless it is to be whole."""
    (top / "run").write_text("changed")
    (top / "new").write_text("new")
    (top / "staged").write_text("staged")
    git(top, "add", "staged")
    (top / "sub" / "page").unlink()
    (top / "empty").mkdir()
    os.mkfifo(top / "pipe")
    here = AppCheckout(top)
    wanted = {".gitignore": "bin/\n", "link": "sub/page", "new": "new", "run": "changed",
              "staged": "staged"}  # fmt: skip
    first = here.copy(tmp_path / "first", strange=False, whole=False)
    assert files(first) == wanted
    assert stat.S_IMODE((first / "run").stat().st_mode) == 0o755
    whole = here.copy(tmp_path / "whole", strange=False, whole=True)
    assert files(whole) == {**wanted, "bin/made": "made"}
    assert (whole / "empty").is_dir()


def test_a_strange_copy_is_another_commit_with_the_same_files(top: Path, tmp_path: Path) -> None:
    here = AppCheckout(top)
    first = here.copy(tmp_path / "first", strange=False, whole=True)
    second = here.copy(tmp_path / "second", strange=True, whole=True)
    assert files(first) == files(second) == files(top)
    assert AppCheckout(first).sha(NOBODY) == here.sha(NOBODY)
    assert AppCheckout(second).sha(NOBODY) != here.sha(NOBODY)
    assert git(second, "rev-parse", "HEAD~1") == here.sha(NOBODY)
    assert git(first, "status", "--porcelain") == git(second, "status", "--porcelain") == ""
    for path in second.rglob("*"):
        if not path.is_symlink() and ".git" not in path.parts:
            assert path.stat().st_mode & 0o077 == 0
            assert path.stat().st_mtime == 1_000_000_000
    assert (second / "run").stat().st_mode & 0o100


def test_the_copy_of_a_folder_is_that_folder_of_the_copy(top: Path, tmp_path: Path) -> None:
    copy = AppCheckout(top / "sub").copy(tmp_path / "copy", strange=True, whole=True)
    assert copy == tmp_path / "copy" / "sub"
    assert files(copy) == {"page": "2"}
    assert (tmp_path / "copy" / "run").exists()


@pytest.mark.parametrize("whole", [True, False])
def test_submodules_are_copied_with_what_is_in_them(top: Path, tmp_path: Path, whole: bool) -> None:
    inner, lib = tmp_path / "inner", tmp_path / "lib"
    for folder in (inner, lib):
        folder.mkdir()
        git(folder, "init", "--quiet")
        (folder / "code").write_text(folder.name)
        commit(folder)
    allow = ("-c", "protocol.file.allow=always")
    git(lib, *allow, "submodule", "--quiet", "add", str(inner), "inner")
    commit(lib)
    git(top, *allow, "submodule", "--quiet", "add", str(lib), "libs/one")
    git(top, *allow, "submodule", "--quiet", "update", "--init", "--recursive")
    commit(top)
    (top / "libs/one/new").write_text("not known yet")
    found = files(AppCheckout(top).copy(tmp_path / "copy", strange=True, whole=whole))
    assert found["libs/one/code"] == "lib"
    assert found["libs/one/inner/code"] == "inner"
    assert found["libs/one/new"] == "not known yet"
    git(tmp_path / "copy" / "libs/one", "rev-parse", "HEAD")  # a build may ask Git there, too


def test_a_folder_that_git_does_not_know_is_copied_whole(tmp_path: Path) -> None:
    (tmp_path / "plain" / "empty").mkdir(parents=True)
    (tmp_path / "plain" / "x").write_text("x")
    os.mkfifo(tmp_path / "plain" / "pipe")
    copy = AppCheckout(tmp_path / "plain").copy(tmp_path / "copy", strange=True, whole=True)
    assert files(copy) == {"x": "x"}
    assert (copy / "empty").is_dir()


def test_no_hook_and_no_signature_comes_into_a_copy(top: Path, tmp_path: Path) -> None:
    """The user's configuration may name both, for every repository."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "commit-msg", "post-commit", "post-checkout", "prepare-commit-msg"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
        (hooks / name).chmod(0o755)
    config = tmp_path / "config"
    config.write_text(
        f"[core]\nhooksPath = {hooks}\n[commit]\ngpgSign = true\n[user]\nsigningKey = none\n"
        "[gpg]\nprogram = false\n[init]\ntemplateDir = nowhere\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(config))
        copy = AppCheckout(top).copy(tmp_path / "copy", strange=True, whole=True)
        assert AppCheckout(copy).sha(NOBODY) != AppCheckout(top).sha(NOBODY)
    assert not (tmp_path / "ran").exists()


def test_strange_names_are_copied(top: Path, tmp_path: Path) -> None:
    names = ["a b", "-x", 'quo"te', "new\nline", "é", "*", os.fsdecode(b"\xff")]
    for name in names:
        (top / name).write_text("x")
    for whole in (True, False):
        copy = AppCheckout(top).copy(tmp_path / f"copy{whole}", strange=True, whole=whole)
        assert {name for name in names if (copy / name).is_file()} == set(names)
