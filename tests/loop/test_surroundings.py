"""Where it runs must not matter: the user's Git, the address, the name of a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.loop.stories import fork, hook, land, refs, waits_for
from tests.world import World, git, sha_of

OWN_CONFIG = """\
[core]
	autocrlf = true
	safecrlf = true
	eol = crlf
	fsmonitor = true
	untrackedCache = true
	quotePath = true
	abbrev = 4
	hooksPath = {hooks}
[i18n]
	commitEncoding = ISO-8859-1
	logOutputEncoding = ISO-8859-1
[color]
	ui = always
	grep = always
[diff]
	noprefix = true
	external = false
	mnemonicPrefix = true
	renames = copies
[grep]
	patternType = perl
	lineNumber = true
	fullName = true
[commit]
	gpgSign = true
[user]
	useConfigOnly = true
[fetch]
	prune = true
	fsckObjects = true
	parallel = 4
[push]
	followTags = true
	default = nothing
[log]
	showSignature = true
	date = relative
[safe]
	bareRepository = explicit
[index]
	version = 4
[feature]
	manyFiles = true
[format]
	pretty = oneline
[url "https://example.invalid/"]
	insteadOf = nothing:
"""


def test_configuration_of_the_user_changes_no_commit(
    new: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = fork(new, tmp_path / "other")
    new.announce(1)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("pre-push", "post-checkout", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/hook-ran\nexit 1\n")
        (hooks / name).chmod(0o755)
    config = tmp_path / "gitconfig"
    config.write_text(OWN_CONFIG.format(hooks=hooks))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    file = new.folder / "announcement.json"
    turn = other.run("update-cfg-app", "--announcement", str(file))
    monkeypatch.undo()
    assert turn.code == 0
    assert not (tmp_path / "hook-ran").exists()
    assert other.ref("refs/heads/auto") == new.ref("refs/heads/auto")
    land(other)
    assert other.on_main("lab") == sha_of("app-1")


@pytest.mark.parametrize(
    "variable",
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"],
)
def test_git_variables_of_the_caller_do_not_lead_astray(
    under_test: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    git(tmp_path, "init", "-q", str(elsewhere))
    values = {
        "GIT_DIR": ".git",
        "GIT_INDEX_FILE": ".git/index",
        "GIT_OBJECT_DIRECTORY": ".git/objects",
    }
    value = str(elsewhere / values.get(variable, ""))
    monkeypatch.setenv(variable, value)
    turn = under_test.run("reconcile-cfg-app")
    record = under_test.run("hold-wave", "--wave", "shop", "--reason", "x")
    monkeypatch.undo()
    assert (turn.code, record.code) == (0, 0)
    assert turn["to_check"] == [under_test.ref("refs/heads/auto")]
    assert under_test.refs("holds") == ["refs/tidemill/holds/shop/_"]
    assert sorted(path.name for path in elsewhere.iterdir()) == [".git"]


def test_server_may_turn_the_mill_from_a_hook_of_its_own(under_test: World) -> None:
    source = Path(__file__).parents[2] / "src"
    python = f"PYTHONPATH={source} {sys.executable} -m tidemill"
    turn = f"{python} reconcile-cfg-app --repo {under_test.bare} --now {under_test.now.isoformat()}"
    said = under_test.folder / "said"
    hook(
        under_test,
        "post-receive",
        f"while read o n r; do case $r in */checks/*) {turn} > {said} 2>&1;; esac; done",
    )
    under_test.check(under_test.ref("refs/heads/auto") or "")
    assert under_test.on_main("lab") == sha_of("app-1"), said.read_text()


ADDRESSES = [
    "{folder}/cfg-app.git",
    "{folder}/cfg-app.git/",
    "{folder}/cfg-app",
    "file://{folder}/cfg-app.git",
    "cfg-app.git",
    "./cfg-app.git/",
    "cfg-app",
    "../{name}/cfg-app.git",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_address_may_be_what_git_clone_takes(
    under_test: World, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = under_test.ref("refs/heads/auto") or ""
    monkeypatch.chdir(under_test.folder)
    given = address.format(folder=under_test.folder, name=under_test.folder.name)
    git(under_test.folder, "clone", "-q", "--bare", given, "as-git-does-it")
    told = ("--sha", sha, "--context", "check", "--state", "success")
    assert under_test.run("record-check", *told, "--repo", given, repo=False)["changed"] is True
    turn = under_test.run("reconcile-cfg-app", "--repo", given, repo=False)
    assert turn["landed"] == sha == under_test.ref("refs/heads/main")


def test_folder_may_have_any_name(new: World, tmp_path: Path) -> None:
    world = fork(new, tmp_path / 'it\'s a "päth" $(id) & more;\ttab')
    world.announce(1)
    land(world)
    assert world.on_main("lab") == sha_of("app-1")
    world.deploy("lab")
    assert len(world.turn()["to_check"]) == 1


def test_server_that_can_not_filter_does_as_well(
    new: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH", str(ssh))
    monkeypatch.setenv("GIT_SSH_VARIANT", "ssh")
    address = ("--repo", f"ssh://git@example.com{new.bare}")
    file = new.folder / "announcement.json"
    new.announce(1)
    for name in refs(new):
        if name != "refs/heads/main":
            git(new.bare, "update-ref", "-d", name)
    turn = new.run("update-cfg-app", *address, "--announcement", str(file), repo=False)
    sha = turn["to_check"][0]
    told = ("--sha", sha, "--context", "check", "--state", "success")
    new.run("record-check", *address, *told, repo=False)
    assert new.run("reconcile-cfg-app", *address, repo=False)["landed"] == sha
    new.deploy("lab")
    assert len(new.run("status", *address, repo=False)["waves"]) == 2


def test_clone_with_main_checked_out_refuses_and_says_why(new: World) -> None:
    address = ("--repo", str(new.clone))
    new.announce(1)
    file = new.folder / "announcement.json"
    turn = new.run("update-cfg-app", *address, "--announcement", str(file), repo=False)
    told = ("--sha", turn["to_check"][0], "--context", "check", "--state", "success")
    new.run("record-check", *address, *told, repo=False)
    turn = new.run("reconcile-cfg-app", *address, repo=False)
    assert (turn.code, turn["landed"]) == (0, None)
    assert "the server" in waits_for(turn)


def test_repository_of_sha_256_is_one_clear_error(new: World, tmp_path: Path) -> None:
    clone = tmp_path / "sha256"
    git(tmp_path, "init", "-q", "--object-format=sha256", str(clone))
    (clone / "tidemill.toml").write_text(new.settings)
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "x")
    assert new.run("status", "--repo", str(clone), repo=False).code == 1


def test_output_that_the_terminal_can_not_show_is_no_crash(under_test: World) -> None:
    under_test.run("hold-wave", "--wave", "lab", "--reason", "潮 é")
    source = str(Path(__file__).parents[2] / "src")
    env = {**os.environ, "PYTHONPATH": source, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "tidemill", "status", "--repo", str(under_test.bare)]
    for more in ([], ["--json"]):
        done = subprocess.run([*command, *more], env=env, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()[-300:]


FEW_FILES = """\
import resource, sys
import tidemill.commands.status
from tidemill.__main__ import main
resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))
sys.exit(main(sys.argv[1:]))
"""


def test_machine_that_gives_out_is_an_error_and_no_traceback(under_test: World) -> None:
    command = [sys.executable, "-c", FEW_FILES, "status", "--repo", str(under_test.bare), "--json"]
    done = subprocess.run(command, capture_output=True, check=False)
    told = json.loads(done.stdout)["error"]
    assert (done.returncode, told["what"]) == (1, "this machine gave out: Too many open files")
    assert "make room" in told["remedy"]


def test_machine_without_git_is_an_error_and_no_traceback(under_test: World) -> None:
    command = [sys.executable, "-m", "tidemill", "status", "--repo", str(under_test.bare), "--json"]
    env = {**os.environ, "PATH": "/nowhere"}
    done = subprocess.run(command, capture_output=True, check=False, env=env)
    assert done.returncode == 1
    assert "install Git" in json.loads(done.stdout)["error"]["remedy"]
