"""What a command of the repository sees: no token, no remote, nothing of the run before."""

import os
from pathlib import Path

import pytest
from tests.clients.bench import FILES, Bench
from tests.clients.git_server import processes
from tests.clients.places import eventually
from tests.world import git

from tidemill.clients.git.store import Committed
from tidemill.facts.snapshot import BrokenParent, OperationFailure

USERS = ("same-user", "own-user")
SAVED = "generated/lab/all.yaml"


@pytest.fixture(params=USERS, autouse=True)
def _user(request: pytest.FixtureRequest) -> None:
    """A user of its own hinders a command in nothing that it may do."""
    if request.param == "own-user":
        request.getfixturevalue("own_user")


def said(bench: Bench, command: str, **changes: object) -> str:
    """What a command prints when it generates."""
    return bench.shown(bench.done(generate=f"({command}) > {SAVED} 2>&1 || true", **changes), SAVED)


def test_environment_is_made_anew(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "ACTIONS_RUNTIME_TOKEN", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/somewhere")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    names = {line.partition("=")[0] for line in said(bench, "env").splitlines()}
    shells = {"PWD", "OLDPWD", "SHLVL", "_"}
    assert names - shells <= {
        "HOME", "TMPDIR", "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TERM",
    }  # fmt: skip
    assert "secret" not in said(bench, "env")


def test_home_is_an_empty_folder_of_this_run(bench: Bench) -> None:
    home, listing = said(bench, 'echo "$HOME"; ls -A "$HOME"').partition("\n")[::2]
    assert listing.split() in ([], ["images.json"])
    assert Path(home).is_relative_to(bench.repository.git.folder.parent)


def test_python_of_our_virtual_environment_comes_first(bench: Bench) -> None:
    assert said(bench, "python3 -c 'import msgspec; print(1)'").strip() == "1"


def test_work_tree_is_a_clean_checkout_with_a_git_of_its_own(bench: Bench) -> None:
    assert said(bench, "git status --porcelain -- .gitignore jsonnet").strip() == ""
    assert said(bench, "git rev-parse HEAD").strip() == bench.main
    assert said(bench, "git show HEAD:jsonnet/main.jsonnet") == "{}\n"
    assert said(bench, "git ls-files").split() == sorted(FILES)


def test_its_git_has_no_remote_and_no_configuration_of_ours(bench: Bench) -> None:
    assert said(bench, "git remote").strip() == ""
    config = said(bench, "git config --list --local")
    assert set(config.split()) == {"core.repositoryformatversion=0", "core.bare=false"}
    assert str(bench.server) not in said(bench, "cat .git/config .git/HEAD; env")
    assert said(bench, "git fetch origin").startswith("fatal:")


def test_commits_and_refs_that_it_makes_are_not_ours(bench: Bench) -> None:
    commit = bench.done(
        generate="git -c user.name=x -c user.email=x commit -q --allow-empty -m evil;"
        " git update-ref refs/heads/main HEAD; git tag evil"
    )
    assert bench.repository.git("rev-parse", f"{commit}^").decode().strip() == bench.main
    assert bench.repository.git("for-each-ref") == b""


def test_what_it_stages_or_hides_in_its_index_does_not_matter(bench: Bench) -> None:
    file = "jsonnet/main.jsonnet"
    result = bench.do(generate=f"echo x >> {file}; git update-index --assume-unchanged {file}")
    assert isinstance(result, OperationFailure | BrokenParent)
    assert "jsonnet/main.jsonnet" in result.reason


def test_why_it_failed_is_what_it_said_last_less_what_only_points_there(bench: Bench) -> None:
    result = bench.do(generate="printf 'f(x)\\n ~^^~\\nNameError: x\\n'; exit 3")
    assert isinstance(result, OperationFailure | BrokenParent)
    assert "exit code 3: f(x) | NameError: x" in result.reason


def test_exclude_file_of_its_git_does_not_hide_anything(bench: Bench) -> None:
    commit = bench.done(
        generate="mkdir -p .git/info; echo '*.yaml' > .git/info/exclude;"
        " echo x > generated/new.yaml"
    )
    assert "generated/new.yaml" in bench.changed(commit)


def test_configuration_of_its_git_does_not_run_anything_of_ours(bench: Bench) -> None:
    touched = bench.clone.parent / "touched"
    command = f"git config core.fsmonitor 'touch {touched}'; git config core.hooksPath /somewhere"
    bench.done(generate=command)
    assert not touched.exists()


LEFT = {
    "ignored-folder": "mkdir -p cache; echo x > cache/left",
    "ignored-file": "echo x > left.tmp",
    "ignored-among-generated": "echo x > generated/lab/left.tmp",
    "repository-in-an-ignored-folder": "git init -q cache/left",
    "read-only": "mkdir -p cache/deep; echo x > cache/deep/left; chmod -R a-w cache",
    "git-replaced-by-a-file": "rm -rf .git; echo 'gitdir: /nowhere' > .git",
    "git-replaced-by-a-link": "mkdir -p cache/git; rm -rf .git; ln -s cache/git .git",
    "git-removed": "rm -rf .git",
    "git-read-only": "chmod -R a-w .git",
}


@pytest.mark.parametrize("command", LEFT.values(), ids=LEFT.keys())
def test_what_an_operation_leaves_behind_is_gone_in_the_next(bench: Bench, command: str) -> None:
    first = bench.do(generate=command)
    assert isinstance(first, Committed)
    seen = said(bench, "find . -name left -o -name left.tmp -o -path ./cache; git rev-parse HEAD")
    assert seen.split() == [bench.main]


def test_link_that_it_put_in_place_of_git_leads_us_nowhere(bench: Bench) -> None:
    outside = bench.clone.parent / "outside"
    outside.mkdir()
    assert isinstance(bench.do(generate=f"rm -rf .git; ln -s {outside} .git"), Committed)
    assert bench.done(generate="true")
    assert list(outside.iterdir()) == []


def test_environment_of_a_command_can_not_be_changed_for_the_next(bench: Bench) -> None:
    bench.do(generate="git config --global alias.evil '!touch evil'; echo x > \"$HOME/left\"")
    assert "evil" not in said(bench, "git config --list")


def test_commands_come_from_main_and_are_run_by_a_shell(bench: Bench) -> None:
    (bench.clone / "make.sh").write_text("echo $((6 * 7))\n")
    bench.push()
    assert said(bench, "sh make.sh").strip() == "42"
    assert git(bench.server, "rev-parse", "main") == bench.main


def test_background_process_does_not_outlive_the_command(bench: Bench) -> None:
    sleep = f"sleep 600.{os.getpid()}"
    bench.done(generate=f"({sleep} >/dev/null 2>&1 &)")
    assert eventually(lambda: not [line for line in processes() if sleep in line])
