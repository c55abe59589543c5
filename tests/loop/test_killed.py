"""`kill -9` of the client at any moment: any later turn completes what it began.

The client is killed at every single call of git, by a `git` that comes first in PATH and kills
the client that starts it; and by a server that kills whoever pushes, before or after it has
written. What comes out must be what an undisturbed client would have written, to the SHA.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.clients.places import PATIENCE, eventually
from tests.loop.stories import endings, hook, refs
from tests.loop.waves import Waves, copied, waves
from tests.world import World, announcement

SHIM = """\
#!/bin/sh
# git, but for one call: there the client that called it is killed.
count=$(($(cat "$SHIM_FOLDER/count" 2>/dev/null || echo 0) + 1))
echo "$count" > "$SHIM_FOLDER/count"
if [ "$count" = "$(cat "$SHIM_FOLDER/at")" ]; then
  echo "$*" > "$SHIM_FOLDER/killed"
  kill -9 "$PPID"
  if [ "$SHIM_GOES_ON" != yes ]; then exit 1; fi
fi
exec "$SHIM_GIT" "$@"
"""
KILL_PUSHER = """\
cat > /dev/null
count=$(($(cat "$GIT_DIR/count" 2>/dev/null || echo 0) + 1)); echo $count > "$GIT_DIR/count"
if [ $count = {push} ]; then
  until [ -s "$GIT_DIR/victim" ]; do sleep 0.01; done
  kill -9 "$(cat "$GIT_DIR/victim")"; {then}
fi"""
SLOW = "cat > /dev/null; sleep 0.1"
GATE = 'cat > /dev/null; while [ -e "$GIT_DIR/gate" ]; do sleep 0.01; done'


class Killing:
    """A world, and clients in it that are killed."""

    def __init__(self, w: Waves, shim: Path) -> None:
        self.w = w
        self.shim = shim
        self.temporary = w.folder / "temporary"
        self.temporary.mkdir(exist_ok=True)
        shim.mkdir(exist_ok=True)
        (shim / "git").write_text(SHIM)
        (shim / "git").chmod(0o755)

    def start(
        self, *arguments: str, shimmed: bool = False, goes_on: bool = False
    ) -> subprocess.Popen[bytes]:
        """Start a command, with a `git` that may kill it."""
        given = [sys.executable, "-m", "tidemill", *arguments, "--repo", str(self.w.bare)]
        env = {**os.environ, "TIDEMILL_TMPDIR": str(self.temporary)}
        if shimmed:
            env["PATH"] = f"{self.shim}:{env['PATH']}"
            env["SHIM_FOLDER"], env["SHIM_GIT"] = str(self.shim), shutil.which("git") or "git"
            env["SHIM_GOES_ON"] = "yes" if goes_on else "no"
        given += ["--now", self.w.now.isoformat(), "--json"]
        return subprocess.Popen(given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)

    def killed_at(self, call: int, *arguments: str, goes_on: bool) -> str | None:
        """Run a command that is killed at its so-many-th call of git; None if it made fewer."""
        (self.shim / "at").write_text(str(call))
        for name in ("count", "killed"):
            (self.shim / name).unlink(missing_ok=True)
        process = self.start(*arguments, shimmed=True, goes_on=goes_on)
        process.communicate(timeout=PATIENCE)
        killed = self.shim / "killed"
        assert process.returncode == (-signal.SIGKILL if killed.exists() else 0)
        return killed.read_text() if killed.exists() else None


@pytest.fixture
def midway(tmp_path: Path) -> Waves:
    """1 is deployed in the lab, and its promotion into the shop is green and has not landed."""
    folder = tmp_path / "midway"
    folder.mkdir()
    w = waves(folder, {"lab": {"targets": ["l1"]}, "shop": {"targets": ["s1"]}}, first=("ship", 1))
    w.check(w.report("lab", "l1")["to_check"][0])
    w.later(minutes=1)
    return w


def command(w: World) -> list[str]:
    """A command that accepts, lands a promotion, introduces, and writes it all."""
    file = w.folder / "announcement.json"
    file.write_text(json.dumps(announcement(2)))
    return ["update-cfg-app", "--announcement", str(file)]


def outcome(w: Waves) -> dict[str, str]:
    """What all branches and records are once what was begun has been completed.

    A turn does that alone if the announcement was accepted; else its sender sends it again.
    """
    if w.refs("inbox"):
        w.turn()
    else:
        w.announce(2)
    w.green()
    assert w.positions() == {"lab": 2, "shop": 1}
    assert not w.refs("inbox")
    assert list(endings(w).values()) == [["landed"], ["landed"]]
    varying = ("refs/tidemill/journal", "refs/tidemill/checks/")
    return {ref: sha for ref, sha in refs(w).items() if not ref.startswith(varying)}


def test_client_that_is_killed_at_any_call_of_git_leaves_nothing_to_repair(
    midway: Waves, tmp_path: Path
) -> None:
    wanted = undisturbed(midway, tmp_path)
    calls = []
    for call in range(1, 100):
        w = copied(midway, tmp_path / f"killed-{call}")
        killing = Killing(w, tmp_path / "shim")
        killed = killing.killed_at(call, *command(w), goes_on=call % 2 == 0)
        if killed is None:
            break
        calls.append(killed)
        assert outcome(w) == wanted, f"killed at call {call}: {killed}"
        shutil.rmtree(w.folder)
    assert sum(one.startswith("push") for one in calls) == 2, calls
    for what in ("upload-pack", "index-pack"):  # listing and getting, and keeping what came
        assert any(what in one.split() for one in calls), calls


@pytest.mark.parametrize(
    "then", ["exit 1", "sleep 0.1; exit 0"], ids=["refuses then", "writes then"]
)
@pytest.mark.parametrize("push", [1, 2], ids=["accepting", "turning"])
def test_client_that_is_killed_while_the_server_works_leaves_nothing_to_repair(
    midway: Waves, tmp_path: Path, push: int, then: str
) -> None:
    wanted = undisturbed(midway, tmp_path)
    w = copied(midway, tmp_path / "killed")
    hook(w, "pre-receive", KILL_PUSHER.format(push=push, then=then))
    process = Killing(w, tmp_path / "shim").start(*command(w))
    (w.bare / "victim").write_text(str(process.pid))
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL
    wait_for_pushes(w)
    assert outcome(w) == wanted


@pytest.mark.parametrize("seed", range(4))
def test_client_that_is_killed_at_a_random_moment_leaves_nothing_to_repair(
    midway: Waves, tmp_path: Path, seed: int
) -> None:
    wanted = undisturbed(midway, tmp_path)
    w = copied(midway, tmp_path / "killed")
    hook(w, "pre-receive", SLOW)
    process = Killing(w, tmp_path / "shim").start(*command(w))
    time.sleep(random.Random(seed).uniform(0.05, 1.0))
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert outcome(w) == wanted


def test_folders_that_killed_runs_left_are_swept_by_the_next(midway: Waves, tmp_path: Path) -> None:
    killing = Killing(midway, tmp_path / "shim")
    for call in (4, 6, 9):
        assert killing.killed_at(call, *command(midway), goes_on=False)
    assert list(killing.temporary.iterdir())
    process = killing.start("reconcile-cfg-app")
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert not list(killing.temporary.iterdir())


def test_folder_of_a_run_that_lives_is_left_alone(midway: Waves, tmp_path: Path) -> None:
    killing = Killing(midway, tmp_path / "shim")
    gate = midway.bare / "gate"
    gate.write_text("")
    hook(midway, "pre-receive", GATE)
    slow = killing.start(*command(midway))
    folders = wait_for_folder(killing.temporary)
    quick = killing.start("status")
    quick.communicate(timeout=PATIENCE)
    assert quick.returncode == 0
    assert all(folder.exists() for folder in folders)
    gate.unlink()
    slow.communicate(timeout=PATIENCE)
    assert slow.returncode == 0
    assert not list(killing.temporary.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_run_that_is_asked_to_stop_takes_its_processes_and_folders_with_it(
    midway: Waves, tmp_path: Path, number: signal.Signals
) -> None:
    killing = Killing(midway, tmp_path / "shim")
    gate = midway.bare / "gate"
    gate.write_text("")
    hook(midway, "pre-receive", GATE)
    process = killing.start(*command(midway))
    wait_for_folder(killing.temporary)
    assert eventually(lambda: bool(list(midway.bare.glob("objects/*incoming*"))))
    process.send_signal(number)
    process.communicate(timeout=PATIENCE)
    assert process.returncode not in (0, -signal.SIGKILL)
    assert not list(killing.temporary.iterdir())
    gate.unlink()


def undisturbed(midway: Waves, tmp_path: Path) -> dict[str, str]:
    """What comes out if nobody is killed."""
    w = copied(midway, tmp_path / "undisturbed")
    w.run(*command(w))
    return outcome(w)


def wait_for_pushes(w: Waves) -> None:
    """Wait until no push is being received any more."""
    assert eventually(lambda: not list(w.bare.glob("objects/*incoming*")))


def wait_for_folder(parent: Path) -> list[Path]:
    """Wait until a run has made its folder."""
    assert eventually(lambda: bool(list(parent.glob("*/mirror.git"))))
    return list(parent.iterdir())
