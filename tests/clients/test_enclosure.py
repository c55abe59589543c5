"""Commands with a user of their own: they find no token, and change nothing that runs later."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.clients import hostile
from tests.clients.bench import Bench
from tests.clients.git_server import processes
from tests.clients.places import eventually
from tests.clients.test_worktree import INTRODUCE

import tidemill
from tidemill.clients.git.store import Committed
from tidemill.clients.machine.enclosure import chosen, is_wanted
from tidemill.clients.machine.entrypoints import run_entry_point
from tidemill.commands._command_line import parse
from tidemill.commands._table import run
from tidemill.errors import EntryPointFailed, TidemillError
from tidemill.facts.snapshot import Timeout

SECRET = "ghs_0123456789hush"
DAEMON = f"61234.{os.getpid()}"  # seconds to sleep, like nobody else does
SAVED = "generated/lab/all.yaml"


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder that anybody may read, and that is not among the temporary ones, if we may."""
    parent = "/srv" if os.access("/srv", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(dir=parent))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def unnamed(outside: Path) -> Iterator[Path]:
    """The socket of an engine that no variable leads to."""
    place = outside / "deep" / "engine.sock"
    place.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        server.listen()
        place.chmod(0o777)
        yield place


@pytest.fixture
def job(
    outside: Path,
    own_user: None,
    unnamed: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, Any]:
    """A runner in the middle of a job, with a token wherever one may lie; and what to try there."""
    runner = outside / "runner"
    folders = {
        name: runner / name
        for name in ("_work/_temp/_runner_file_commands", "_work/cfg/cfg/.git", "home/.config")
    }
    tools = outside / "tools"
    for folder in (*folders.values(), tools):
        folder.mkdir(parents=True)
    temp, checkout, config = folders.values()
    files = [temp / "set_env", checkout / "config", config / "secret", runner / ".credentials"]
    for file in files:
        file.write_text(SECRET)
        file.chmod(0o666)
    for folder in (*folders.values(), tools, runner):
        folder.chmod(0o777)
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(outside / "docker.sock"))
    server.listen()
    (outside / "docker.sock").chmod(0o777)
    for name, value in {
        "HOME": runner / "home",
        "RUNNER_TEMP": temp.parent,
        "GITHUB_WORKSPACE": checkout.parent,
        "GITHUB_ENV": temp / "set_env",
        "DOCKER_HOST": f"unix://{outside}/docker.sock",
        "TIDEMILL_TOKEN": SECRET,
        "GITHUB_TOKEN": SECRET,
    }.items():
        monkeypatch.setenv(name, str(value))
    package = str(Path(tidemill.__file__).parent)
    return {
        "secret": b64encode(SECRET.encode()).decode(),  # or it would find what it was given
        "daemon": DAEMON,
        "home": str(runner / "home"),
        "places": [str(outside), "/home", "/tmp", "/dev/shm", "/run", "/var/tmp"],
        "folders": [str(tools), package, sys.prefix, "/usr/local/bin", "/etc", "/", str(temp)],
        "files": [*map(str, files), str(Path(package, "__init__.py"))],
        "sockets": [str(outside / "docker.sock"), str(unnamed), "/run/docker.sock"],
        "server": server,
    }


def attack(bench: Bench, job: dict[str, Any]) -> dict[str, Any]:
    """What a hostile `generate` found, and did."""
    with job.pop("server"):
        (bench.clone / "hostile.py").write_text(Path(hostile.__file__).read_text())
        (bench.clone / "plan.json").write_text(json.dumps(job))
        bench.push()
        commit = bench.done(generate=f"python3 hostile.py plan.json > {SAVED}", own=("generated",))
    found: dict[str, Any] = json.loads(bench.shown(commit, SAVED))
    return found


def test_hostile_command_finds_nothing_and_changes_nothing(
    bench: Bench, job: dict[str, Any]
) -> None:
    file = Path(job["files"][0])
    found = attack(bench, job)
    assert found == {
        "reads": [],
        "writes": [],
        "tricks": [],
        "user": [65534, 65534, []],
    }
    assert file.read_text() == SECRET


def test_nothing_that_it_started_goes_on(bench: Bench, job: dict[str, Any]) -> None:
    attack(bench, job)
    assert not [line for line in processes() if f"sleep {DAEMON}" in line]


def test_as_the_same_user_it_would_have_found_and_changed_much(
    bench: Bench, job: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That the test above can fail."""
    monkeypatch.setenv("TIDEMILL_ENTRYPOINTS", "same-user")
    job["folders"], job["places"] = job["folders"][:1], job["places"][:1]
    job["files"], job["daemon"] = job["files"][:1], "0"
    found = attack(bench, job)
    assert any("/_runner_file_commands/" in path for path in found["reads"])
    assert found["writes"] == [*job["folders"], *job["files"]]
    assert {*job["sockets"][:2]} <= {*found["tricks"]}


def test_files_that_it_made_are_ours_afterwards(bench: Bench, own_user: None) -> None:
    generate = "mkdir -p generated/a/b cache/x; echo x > generated/a/b/c; chmod 000 generated/a/b"
    assert isinstance(bench.do(generate=f"{generate}; chmod 755 generated/a/b"), Committed)
    here = bench.repository.git.folder.parent
    assert {path.lstat().st_uid for path in (here, *here.rglob("*"))} == {os.getuid()}


def test_its_home_its_work_tree_and_the_common_folders_are_its_to_use(
    bench: Bench, own_user: None
) -> None:
    use = "; ".join(
        f'mkdir -p "{place}/sub" && echo x > "{place}/sub/file"'
        for place in ("$HOME", "$TMPDIR", "/tmp", "/var/tmp", "/dev/shm", "cache")
    )
    assert bench.done(generate=f"set -e; {use}; echo x > /dev/null")
    assert not Path("/tmp/sub").exists()


def test_git_works_in_it_with_all_objects(bench: Bench, own_user: None) -> None:
    generate = f"(git show HEAD:{SAVED}; git status --porcelain; git log --format=%H) > all.txt"
    commit = bench.done(entry=INTRODUCE, generate=f"{generate} 2>&1; mv all.txt {SAVED}")
    printed = bench.shown(commit, SAVED).splitlines()
    assert printed[0] == "image: 1"
    assert printed[-1] == bench.main


@pytest.mark.parametrize("mode", [0o022, 0o077])
def test_umask_of_whoever_runs_it_does_not_matter(bench: Bench, own_user: None, mode: int) -> None:
    from tidemill.clients.git.repository import opened

    before = os.umask(mode)
    try:
        with opened(str(bench.server)) as repository:
            there = Bench(bench.server, repository, bench.clone)
            assert there.done(generate=f"git show HEAD:{SAVED} > generated/lab/copy.yaml")
    finally:
        os.umask(before)


@pytest.mark.parametrize("below", ["home", "deep/and private"])
def test_folder_for_temporary_files_may_be_one_that_others_do_not_see(
    bench: Bench, own_user: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    from tidemill.clients.git.repository import opened

    place = tmp_path / below / "tmp"
    place.mkdir(parents=True)
    place.parent.chmod(0o700)
    link = tmp_path / "link"
    link.symlink_to(place)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TIDEMILL_TMPDIR", str(link))
    with opened(str(bench.server)) as repository:
        there = Bench(bench.server, repository, bench.clone)
        assert there.done(entry=INTRODUCE, generate=f"git show HEAD:{SAVED} > {SAVED}")
    assert list(place.iterdir()) == []


def test_programs_below_a_home_can_be_used_and_nothing_else_there_is_seen(
    own_user: None, outside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = outside / "home"
    for place in (".tool/bin", ".tool/lib", "bin", ".secret"):
        (home / place).mkdir(parents=True)
    (home / ".tool/lib/word").write_text("works")
    for name, line in (("tool", 'cat "$(dirname "$0")/../lib/word"'), ("own", "echo too")):
        program = home / (".tool/bin" if name == "tool" else "bin") / name
        program.write_text(f"#!/bin/sh\n{line}\n")
        program.chmod(0o755)
    home.chmod(0o700)
    monkeypatch.setenv("HOME", str(home))
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", f"{home}/.tool/bin:{home}/bin:{home}/none:relative::{path}")
    work = work_tree(tmp_path)
    command = f"(tool; own; ls -A {home}) > seen"
    run_entry_point(command, folder=work, home=work.parent / "home", seconds=60)
    assert (work / "seen").read_text().split() == ["workstoo", ".tool", "bin"]


def work_tree(folder: Path) -> Path:
    """An empty work tree, and a home beside it."""
    for name in ("work", "home"):
        (folder / "run" / name).mkdir(parents=True)
    return folder / "run/work"


def test_it_may_open_its_own_streams_again(own_user: None, tmp_path: Path) -> None:
    """`>/dev/stderr` is what many a script says for `>&2`."""
    work = work_tree(tmp_path)
    command = "echo a >>/dev/stdout && echo b >>/dev/stderr && exit 3"
    with pytest.raises(EntryPointFailed, match=r"exit code 3: a \| b"):
        run_entry_point(command, folder=work, home=work.parent / "home", seconds=60)


def test_failure_says_how_it_ended(own_user: None, tmp_path: Path) -> None:
    work = work_tree(tmp_path)
    for command, code in (("echo no; exit 7", 7), ("kill -9 $$", 137)):
        with pytest.raises(EntryPointFailed, match=f"exit code {code}"):
            run_entry_point(command, folder=work, home=work.parent / "home", seconds=60)


TOO_MUCH = {
    "one file": ("dd if=/dev/zero of=file bs=1M count=60", "wrote more than 0.02"),
    "many files": (
        "for n in 1 2 3 4; do dd if=/dev/zero of=$HOME/$n bs=1M count=10; done",
        "wrote more than 0.02",
    ),
    "a file with a hole": ("dd if=/dev/zero of=file bs=1 count=1 seek=9G", "wrote more than 0.02"),
    "what it prints": ("dd if=/dev/zero bs=1M count=60", "wrote more than 0.02"),
    "files without a name": (
        "for n in 3 4 5 6; do eval \"exec $n>file\"; dd if=/dev/zero of=file bs=1M count=10; "
        "rm file; done; sleep 61",
        "wrote more than 0.02",
    ),
    "files without content": (
        "n=0; while [ $n -lt 8000 ]; do : >$n; n=$((n + 1)); done", "wrote more than 0.02",
    ),
    "it goes on": ("yes >$HOME/file & sleep 60", "wrote more than 0.02"),
    "memory": ("dd if=/dev/zero of=/tmp/file bs=1M count=15; "
               "dd if=/dev/zero of=/tmp/more bs=1M count=15", "/tmp was full"),
    "processes": ("for n in $(seq 60); do sleep 61 & done; wait", "more than 40 processes"),
    "threads": (
        "python3 -c 'import threading, time\n"
        "for n in range(60): threading.Thread(target=time.sleep, args=(61,)).start()'",
        "more than 40 processes and threads",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("command", "said"), TOO_MUCH.values(), ids=TOO_MUCH.keys())
def test_what_it_may_write_and_start_is_limited_and_the_limit_is_named(
    own_user: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, said: str
) -> None:
    work = work_tree(tmp_path)
    monkeypatch.setenv("TIDEMILL_MOST_SCRATCH", "0.02")
    monkeypatch.setenv("TIDEMILL_MOST_PROCESSES", "40")
    with pytest.raises(EntryPointFailed) as raised:
        run_entry_point(command, folder=work, home=work.parent / "home", seconds=60)
    assert said in raised.value.what


def test_a_limit_is_a_number(
    own_user: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = work_tree(tmp_path)
    for name in ("TIDEMILL_MOST_SCRATCH", "TIDEMILL_MOST_PROCESSES"):
        for given in ("much", "0", "-1", "inf", "1e9"):
            with monkeypatch.context() as context:
                context.setenv(name, given)
                with pytest.raises(TidemillError, match=f"{name} is "):
                    run_entry_point("true", folder=work, home=work.parent / "home", seconds=60)


VAR_RUN = """
import sys
from pathlib import Path
from tidemill.clients.machine.entrypoints import run_entry_point
work = Path(sys.argv[1])
Path("/var/run/engine").write_text("hush")
run_entry_point("ls -A /var/run >seen", folder=work, home=work.parent / "home", seconds=60)
"""


def test_var_run_is_hidden_also_where_it_is_a_folder_of_its_own(
    own_user: None, tmp_path: Path
) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can have another /var")
    work = work_tree(tmp_path)
    script = 'mount -t tmpfs none /var && mkdir -p /var/tmp /var/run && exec "$@"'
    words = ["unshare", "-m", "sh", "-c", script, "sh", sys.executable, "-c", VAR_RUN, str(work)]
    subprocess.run(words, check=True)
    assert (work / "seen").read_text() == ""


def test_command_that_takes_too_long_is_ended_with_all_that_it_started(
    bench: Bench, own_user: None
) -> None:
    slow = f"trap '' TERM; (setsid sleep {DAEMON} &); touch made; sleep {DAEMON}"
    result = bench.do(generate=slow, seconds=1)
    assert isinstance(result, Timeout)
    assert "took longer than 1 seconds" in result.reason
    assert not [line for line in processes() if f"sleep {DAEMON}" in line]
    assert bench.done(generate="true"), "and all is ours again"


RUN = """
import sys
from pathlib import Path
from tidemill.clients.machine.enclosure import is_wanted
from tidemill.clients.machine.entrypoints import run_entry_point
work = Path(sys.argv[1])
run_entry_point(sys.argv[2], folder=work, home=work.parent / "home", seconds=600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_when_tidemill_is_killed_the_command_ends_and_the_files_are_given_back(
    own_user: None, tmp_path: Path, number: int
) -> None:
    work = work_tree(tmp_path)
    words = [sys.executable, "-c", RUN, str(work), f"touch made; sleep {DAEMON}"]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        assert eventually((work / "made").exists)
        process.send_signal(number)
    assert eventually(lambda: not [line for line in processes() if f"sleep {DAEMON}" in line])
    assert eventually(lambda: (work / "made").stat().st_uid == os.getuid())


def test_it_costs_little(own_user: None, tmp_path: Path) -> None:
    work = work_tree(tmp_path)
    best = 10.0
    for _ in range(5):
        start = time.monotonic()
        run_entry_point("true", folder=work, home=work.parent / "home", seconds=60)
        best = min(best, time.monotonic() - start)
    assert best < 1


TELL = """
import os, sys
from pathlib import Path
from tidemill.clients.machine.enclosure import is_wanted
from tidemill.clients.machine.entrypoints import run_entry_point
from tidemill.errors import TidemillError
user = int(sys.argv[2])
os.setresgid(user, user, user)
os.setresuid(user, user, user)
work = Path(sys.argv[1])
try:
    run_entry_point("touch made", folder=work, home=work.parent / "home", seconds=60)
except TidemillError as error:
    print(type(error).__name__, error.what, error.written, error.remedy)
"""
WITHOUT = {
    "without-root": ((), 65534),
    "without-the-right-to-mount": (("setpriv", "--bounding-set=-sys_admin"), 0),
}


@pytest.mark.parametrize(("before", "user"), WITHOUT.values(), ids=WITHOUT.keys())
def test_where_it_can_not_be_done_an_error_says_what_to_do(
    own_user: None, tmp_path: Path, before: tuple[str, ...], user: int
) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give up a right of its own")
    work = work_tree(tmp_path)
    words = [*before, sys.executable, "-c", TELL, str(work), str(user)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("NotEnclosed ")
    for part in (" nothing ", "sudo", "--cap-add SYS_ADMIN", "--entrypoints same-user"):
        assert part in done.stdout
    assert list(work.iterdir()) == []


SURROUNDINGS = {
    "a laptop": ({}, None, False),
    "a laptop with a token of GitHub's": ({"GITHUB_TOKEN": SECRET}, None, False),
    "a token for Git": ({"TIDEMILL_TOKEN": SECRET}, None, True),
    "a password for a registry": ({"TIDEMILL_REGISTRY_PASSWORD": SECRET}, None, True),
    "actions": ({"GITHUB_ACTIONS": "true"}, None, True),
    "any other CI": ({"CI": "true"}, None, True),
    "CI in other words": ({"CI": "woodpecker"}, None, True),
    "Azure Pipelines": ({"TF_BUILD": "True"}, None, True),
    "TeamCity": ({"TEAMCITY_VERSION": "2026.1 (build 1)"}, None, True),
    "CodeBuild": ({"CODEBUILD_BUILD_ID": "app:b1a2"}, None, True),
    "Jenkins": ({"JENKINS_URL": "https://jenkins.example/"}, None, True),
    "CI that is denied": ({"CI": "false"}, None, False),
    "the variable": ({"CI": "1", "TIDEMILL_ENTRYPOINTS": "same-user"}, None, False),
    "the option": ({"CI": "1", "TIDEMILL_TOKEN": SECRET}, "same-user", False),
    "the option over the variable": ({"TIDEMILL_ENTRYPOINTS": "same-user"}, "own-user", True),
}


@pytest.mark.parametrize(
    ("variables", "option", "wanted"), SURROUNDINGS.values(), ids=SURROUNDINGS.keys()
)
def test_commands_have_a_user_of_their_own_where_a_token_may_be_in_reach(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], option: str | None, wanted: bool
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with chosen(option):
        assert is_wanted() is wanted


def test_another_word_for_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMILL_ENTRYPOINTS", "root")
    with pytest.raises(TidemillError, match="TIDEMILL_ENTRYPOINTS is 'root'"):
        is_wanted()


@pytest.mark.parametrize(
    ("repo", "variable", "wanted"),
    [
        ("https://ada:secret@example.com/acme/cfg-app", None, True),
        ("https://secret@example.com/acme/cfg-app", None, True),
        ("https://ada:secret@example.com/acme/cfg-app", "same-user", False),
        ("https://example.com/acme/cfg-app", None, False),
        ("git@example.com:acme/cfg-app", None, False),
    ],
)
def test_a_token_in_the_address_of_the_repository_is_in_reach_as_well(
    monkeypatch: pytest.MonkeyPatch, repo: str, variable: str | None, wanted: bool
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    if variable:
        monkeypatch.setenv("TIDEMILL_ENTRYPOINTS", variable)
    found: list[bool] = []
    told = importlib.import_module("tidemill.commands.drop")
    monkeypatch.setattr(told, "run", lambda _: found.append(is_wanted()))
    run(parse(["drop", "--repo", repo, "--id", "x"]))
    assert found == [wanted]
