"""A repository that a command leaves in the work tree names programs to run: not by us."""

import shlex
from pathlib import Path

import pytest
from tests.clients.bench import Bench
from tests.clients.test_worktree import INTRODUCE
from tests.world import git

from tidemill.clients.git.checkout import Remote
from tidemill.clients.git.store import Committed
from tidemill.facts.snapshot import BrokenParent, OperationFailure

INNER = "generated/inner"
COMMIT = (
    "env GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x GIT_AUTHOR_DATE='@1 +0000' GIT_COMMITTER_NAME=x"
    " GIT_COMMITTER_EMAIL=x GIT_COMMITTER_DATE='@1 +0000' git commit -q --allow-empty -m x"
)


def make_inner(touched: Path) -> str:
    """Make a repository, always with the same commit; to look at its files takes a program."""
    return (
        f"git init -q {INNER}; cd {INNER}; {COMMIT};"
        f" git config core.fsmonitor {shlex.quote(f'touch {touched}')}"
    )


@pytest.fixture
def touched(bench: Bench) -> Path:
    return bench.clone.parent / "touched"


@pytest.fixture
def with_submodule(bench: Bench, tmp_path: Path, touched: Path) -> Bench:
    """Main has a submodule, of the very commit that a command makes in its place."""
    made = tmp_path / "made"
    made.mkdir()
    git(made, "-c", f"alias.run=!{make_inner(touched)}", "run")
    commit = git(made / INNER, "rev-parse", "HEAD")
    touched.unlink(missing_ok=True)
    git(bench.clone, "update-index", "--add", "--cacheinfo", f"160000,{commit},{INNER}")
    git(bench.clone, "commit", "-q", "-m", "a submodule")
    git(bench.clone, "push", "-q", "origin", "HEAD:main")
    return bench


def test_repository_that_a_command_leaves_runs_nothing(bench: Bench, touched: Path) -> None:
    result = bench.do(entry=f"{INTRODUCE}; {make_inner(touched)}")
    assert not touched.exists()
    assert isinstance(result, OperationFailure | BrokenParent)
    assert f"it left a repository of its own in '{INNER}'" in result.reason


def test_repository_in_place_of_a_submodule_runs_nothing(
    with_submodule: Bench, touched: Path
) -> None:
    result = with_submodule.do(entry=f"{INTRODUCE}; {make_inner(touched)}", generate="true")
    assert isinstance(result, Committed)
    assert not touched.exists()
    assert with_submodule.shown(result.sha, "images/lab/tags.json")


def test_link_in_place_of_a_submodule_leads_us_nowhere(with_submodule: Bench) -> None:
    outside = with_submodule.clone.parent / "outside"
    git(with_submodule.clone.parent, "init", "-q", str(outside))
    result = with_submodule.do(generate=f"rmdir {INNER}; ln -s {outside} {INNER}")
    assert (outside / ".git").exists()
    assert isinstance(result, Committed)


def test_check_of_a_commit_runs_nothing_of_an_inner_repository(
    with_submodule: Bench, touched: Path, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    checkout = Remote(with_submodule.repository, with_submodule.main).files(scratch)
    checkout.run(make_inner(touched), seconds=60)
    assert not checkout.changed()
    assert not touched.exists()


@pytest.mark.parametrize("command", ["touch {}", "ln -s inner {}", "ln -s / {}", "ln -s no {}"])
def test_file_or_link_in_place_of_a_submodule_is_a_change_like_any_other(
    with_submodule: Bench, tmp_path: Path, command: str
) -> None:
    checkout = Remote(with_submodule.repository, with_submodule.main).files(tmp_path)
    checkout.run(f"rm -r {INNER}; {command.format(INNER)}", seconds=60)
    assert [*checkout.changed()] == [INNER]
