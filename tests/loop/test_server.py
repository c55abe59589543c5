"""A server with rules, locks and failures of its own; and clients that are killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.loop.stories import (
    REFUSE_MAIN,
    assert_rests,
    endings,
    hook,
    inbox,
    land,
    refs,
    says,
    waits_for,
)
from tests.world import World, git, sha_of

UPDATE = 'if [ "$1" = refs/heads/main ]; then echo "changes to main need a review" >&2; exit 1; fi'


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda _low, _high: 0.0)


@pytest.fixture(params=["pre-receive", "update"])
def strict(request: pytest.FixtureRequest, stack: World) -> World:
    """A green commit waits on auto, and the server refuses every push to main."""
    stack.check(stack.ref("refs/heads/auto") or "")
    hook(stack, request.param, REFUSE_MAIN if request.param == "pre-receive" else UPDATE)
    return stack


def test_server_that_refuses_main_is_quoted_and_everything_else_goes_on(strict: World) -> None:
    before = strict.ref("refs/heads/main")
    auto = strict.ref("refs/heads/auto")
    turn = strict.turn()
    assert turn.code == 0
    assert turn["landed"] is None
    assert "changes to main need a review" in waits_for(turn)
    held = strict.run("hold-wave", "--wave", "lab", "--set", "red", "--reason", "stop")
    assert held.code == 0
    assert strict.refs("holds") == ["refs/tidemill/holds/lab/red"]
    assert "changes to main need a review" in waits_for(held) or held["landed"] is None
    assert strict.report("lab", "lab-1").code == 0
    assert strict.refs("deployed") == ["refs/tidemill/deployed/lab/lab-1"]
    assert strict.ref("refs/heads/main") == before
    assert auto is not None


def test_evictions_work_where_main_is_refused(stack: World) -> None:
    red, green, _ = git(stack.bare, "rev-list", "--reverse", "main..auto").split()
    hook(stack, "pre-receive", REFUSE_MAIN)
    stack.check(stack.ref("refs/heads/main") or "")
    stack.check(red, "success")
    stack.check(green, "failure")
    turn = stack.turn()
    assert turn.code == 0
    assert turn["landed"] is None
    assert [one["sha"] for one in turn["evicted"]] == [green]
    assert "review" in waits_for(turn)


def test_person_is_told_why_nothing_lands(strict: World) -> None:
    code, out, err = says(strict, "reconcile-cfg-app")
    assert code == 0
    assert "changes to main need a review" in out + err


def test_turns_that_can_not_land_write_nothing_again_and_again(strict: World) -> None:
    strict.turn()
    before = refs(strict)
    assert strict.turn()["changed"] is False
    assert refs(strict) == before


def test_person_with_the_right_may_land_what_is_green(strict: World) -> None:
    strict.turn()
    git(strict.bare, "update-ref", "refs/heads/main", strict.ref("refs/heads/auto") or "")
    strict.turn()
    assert [len(ends) for ends in endings(strict).values()] == [1, 1, 1]
    assert_rests(strict)


def test_server_that_fails_once_is_asked_again(under_test: World) -> None:
    under_test.check(under_test.ref("refs/heads/auto") or "")
    once = under_test.folder / "failed-once"
    hook(
        under_test, "pre-receive", f'[ -e {once} ] || {{ touch {once}; echo "busy" >&2; exit 1; }}'
    )
    assert under_test.turn()["landed"] == under_test.ref("refs/heads/main")


def test_lock_that_somebody_left_on_main_keeps_only_the_landing(stack: World) -> None:
    red = git(stack.bare, "rev-list", "--reverse", "main..auto").split()[0]
    stack.check(red)
    lock = stack.bare / "refs" / "heads" / "main.lock"
    lock.touch()
    turn = stack.turn()
    assert (turn.code, turn["landed"]) == (0, None)
    lock.unlink()
    assert stack.turn()["landed"] == red


def test_server_that_takes_nothing_is_one_clear_error(new: World) -> None:
    hook(new, "pre-receive", 'echo "read only today" >&2; exit 1')
    before = refs(new)
    refused = new.announce(1)
    assert refused.code == 1
    assert refused["error"]["written"] == "nothing"
    assert "read only today" in refused["error"]["what"]
    assert refs(new) == before


def test_accepted_is_said_where_the_turn_could_not_write(new: World) -> None:
    script = (
        'while read o n r; do case $r in */inbox/*) ;; *) echo "frozen" >&2; exit 1;; esac; done'
    )
    hook(new, "pre-receive", script)
    refused = new.announce(1)
    assert refused.code == 1
    assert "frozen" in refused["error"]["what"]
    assert "accepted" in refused["error"]["written"]
    assert len(inbox(new)) == 1
    (new.bare / "hooks" / "pre-receive").unlink()
    new.green()
    assert new.on_main("lab") == sha_of("app-1")


def test_verdict_that_the_server_does_not_take_is_an_error(under_test: World) -> None:
    hook(under_test, "pre-receive", 'echo "frozen" >&2; exit 1')
    refused = under_test.check(under_test.ref("refs/heads/auto") or "")
    assert refused.code == 1
    assert "frozen" in refused["error"]["what"]


def test_landing_goes_through_where_only_force_is_refused(shipped: World) -> None:
    git(shipped.bare, "config", "receive.denyNonFastForwards", "true")
    git(shipped.bare, "config", "receive.denyDeletes", "false")
    shipped.announce(2)
    land(shipped)
    assert shipped.on_main("lab") == sha_of("app-2")


KILL = "kill -9 $(cat {pid})"


def killed(world: World, *arguments: str) -> int:
    """Run a command in a process of its own, whose id the server's hooks can read."""
    source = str(Path(__file__).parents[2] / "src")
    command = [sys.executable, "-m", "tidemill", *arguments]
    command += ["--repo", str(world.bare), "--now", world.now.isoformat()]
    script = 'echo $$ > "$0"; exec "$@"'
    started = ["sh", "-c", script, str(world.folder / "pid"), *command]
    env = {**os.environ, "PYTHONPATH": source}
    return subprocess.run(started, env=env, capture_output=True, check=False).returncode


@pytest.mark.parametrize(
    ("when", "what"),
    [
        pytest.param("pre-receive", "inbox", id="before the announcement is accepted"),
        pytest.param("post-receive", "inbox", id="after it was accepted"),
        pytest.param("pre-receive", "journal", id="before the turn is written"),
        pytest.param("post-receive", "journal", id="after the turn was written"),
    ],
)
def test_client_killed_around_a_push_changes_the_time_and_not_the_outcome(
    new: World, tmp_path_factory: pytest.TempPathFactory, when: str, what: str
) -> None:
    file = tmp_path_factory.mktemp("announcement") / "a.json"
    new.announce(1)
    announced = (new.folder / "announcement.json").read_text()
    expected = new.ref("refs/heads/auto")
    for name in refs(new):
        if name != "refs/heads/main":
            git(new.bare, "update-ref", "-d", name)
    file.write_text(announced)
    kill = KILL.format(pid=new.folder / "pid")
    refuse = "exit 1" if when == "pre-receive" else ":"
    hook(new, when, f"while read o n r; do case $r in */{what}*) {kill}; {refuse};; esac; done")
    assert killed(new, "update-cfg-app", "--announcement", str(file)) == -9
    (new.bare / "hooks" / when).unlink()
    again = new.run("update-cfg-app", "--announcement", str(file))
    assert again.code == 0
    assert new.ref("refs/heads/auto") == expected
    land(new)
    assert list(endings(new).values()) == [["landed"]]
    assert git(new.bare, "rev-list", "--count", "main") == "2"


def test_client_killed_while_it_generates_leaves_only_the_request(new: World) -> None:
    new.settings = new.settings.replace(
        "python3 generate.py",
        f"sh -c '{KILL.format(pid=new.folder / 'pid')}'; sleep 60; python3 generate.py",
    )
    new.edit()
    file = new.folder / "announcement.json"
    new.run("hold-wave", "--wave", "lab", "--reason", "wait")
    new.announce(1)
    before = refs(new)
    assert killed(new, "release-wave", "--wave", "lab", "--reason", "go") == -9
    added = set(refs(new)) - set(before)
    assert {name.split("/")[2] for name in added} == {"inbox"}
    assert file.exists()
    new.settings = new.settings.replace("sleep 60", ":").replace("kill -9", ": ")
    new.edit()
    new.green()
    assert new.on_main("lab") == sha_of("app-1")
    assert_rests(new)
