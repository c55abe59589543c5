"""Signals, to a real receiver: nothing is lost, and only what a crash came between comes twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.loop.receiver import ReceiverServer, receiving
from tests.loop.stories import fork
from tests.loop.test_killed import SHIM
from tests.world import Result, World, git
from tidemill.commands._signalling import ADDRESSES
from tidemill.facts.signals import Message, Receiver, Signal
from tidemill.plan.messages import Origin
from tidemill.turn.signalling import send

SIGNAL = Signal(
    id="5d2f0c9a81b7e634",
    kind="held",
    cause=("held",),
    since=datetime(2026, 1, 5, tzinfo=UTC),
    what="shop is held",
)
TOLD = '[[signals.receivers]]\nname = "ops"\nkind = "webhook"\n'
HELD = ("open", "shop is held")
RELEASED = ("over", "shop is held")


@pytest.fixture
def ops() -> Iterator[ReceiverServer]:
    """A receiver that is well."""
    with receiving() as found:
        yield found


@pytest.fixture(scope="session")
def seed_told(seed_new: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = fork(seed_new, tmp_path_factory.mktemp("told"))
    world.settings += TOLD
    world.edit(note="2")
    world.turn()
    return world


@pytest.fixture
def told(
    seed_told: World, tmp_path: Path, ops: ReceiverServer, monkeypatch: pytest.MonkeyPatch
) -> World:
    """Nothing has been announced, and a receiver is told and can be reached."""
    monkeypatch.setenv(ADDRESSES, f"ops={ops.url}")
    return fork(seed_told, tmp_path)


def hold(w: World, *more: str) -> Result:
    """A person holds a wave."""
    return w.run("hold-wave", "--wave", "shop", "--reason", "lunch", *more)


def release(w: World) -> None:
    w.run("release-wave", "--wave", "shop", "--reason", "done")


def journal(w: World) -> int:
    """How many commits the journal has."""
    if w.ref("refs/tidemill/journal") is None:
        return 0
    return int(git(w.bare, "rev-list", "--count", "refs/tidemill/journal"))


def test_hold_is_told_once_and_its_end_once(told: World, ops: ReceiverServer) -> None:
    hold(told)
    for _ in range(3):
        told.later(hours=1)
        assert not told.turn()["changed"]
    release(told)
    told.later(hours=1)
    assert not told.turn()["changed"]
    assert ops.told == [HELD, RELEASED]
    assert len({one["id"] for one in ops.came}) == 1
    assert ops.keys == [f"{one['id']}.{one['state']}" for one in ops.came]
    assert ops.came[0]["command"].startswith("tidemill release-wave --wave shop ")
    assert str(told.bare) in ops.came[0]["command"]


def test_a_message_costs_one_push_more_and_a_turn_without_one_costs_none(
    told: World, ops: ReceiverServer
) -> None:
    before = journal(told)
    hold(told)
    assert journal(told) - before == 2  # the turn, and the note that it was taken
    before = journal(told)
    told.announce(1)
    assert journal(told) - before == 1
    assert ops.told == [HELD]


def test_dry_run_sends_nothing(told: World, ops: ReceiverServer) -> None:
    assert hold(told, "--dry-run")["changed"]
    told.run("reconcile-cfg-app", "--dry-run")
    told.status()
    assert ops.tries == 0


def test_turn_of_a_person_without_addresses_leaves_the_message_to_the_next_run(
    told: World, ops: ReceiverServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ADDRESSES)
    hold(told)
    assert not told.turn()["changed"]
    assert ops.tries == 0
    monkeypatch.setenv(ADDRESSES, f"ops={ops.url}")
    told.turn()
    assert ops.told == [HELD]


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500, 503])
def test_receiver_that_fails_costs_a_line_and_gets_the_message_later(
    told: World, ops: ReceiverServer, status: int
) -> None:
    ops.statuses = [status]
    done = hold(told)
    assert done["changed"]
    (line,) = done["unsent"]
    assert line.startswith("ops did not take a signal: 127.0.0.1:")
    assert str(status) in line
    assert "s3cr3t" not in line
    told.later(minutes=19)
    assert not told.turn()["changed"]
    told.later(minutes=1)
    assert told.turn()["unsent"] == []
    assert ops.told == [HELD]
    assert ops.tries == 2
    told.later(days=1)
    assert not told.turn()["changed"]


def test_message_that_is_refused_keeps_no_other_one_back(
    told: World, ops: ReceiverServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ADDRESSES)
    hold(told)
    told.run("hold-wave", "--wave", "lab", "--reason", "lunch")
    monkeypatch.setenv(ADDRESSES, f"ops={ops.url}")
    ops.statuses = [400]
    said: list[str] = []
    monkeypatch.setattr("tidemill.commands._turning.teller", lambda *, as_json: said.append)
    told.turn()
    assert (ops.told, ops.tries) == ([], 1)
    assert [line for line in said if "signals" in line] == []
    told.later(minutes=1)
    told.turn()
    assert (len(ops.told), ops.tries) == (1, 2)
    assert [line for line in said if "signals" in line] == ["signals sent: 1"]
    told.later(minutes=20)
    told.turn()
    assert {what for _, what in ops.told} == {"shop is held", "lab is held"}
    assert ops.tries == 3


def test_receiver_that_is_not_there_costs_a_line_and_in_the_end_the_journal_says_lost(
    told: World, ops: ReceiverServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ADDRESSES, "ops=http://127.0.0.1:9/s3cr3t")
    done = hold(told)
    assert "127.0.0.1:9" in done["unsent"][0]
    lost = []
    for _ in range(60):
        told.later(hours=1)
        turn = told.turn()
        lost += [one for one in turn["notes"] if one["what"] == "signal lost"]
    assert [one["reason"] for one in lost] == ["ops did not take it in 7 tries: shop is held"]
    assert not told.turn()["changed"]
    assert ops.tries == 0


def test_slow_receiver_gets_a_message_once(told: World, ops: ReceiverServer) -> None:
    ops.seconds = 1.0
    begun = time.monotonic()
    hold(told)
    assert time.monotonic() - begun >= 1.0
    told.later(hours=1)
    told.turn()
    assert ops.told == [HELD]


def test_loop_goes_on_without_a_receiver_that_hangs(told: World, ops: ReceiverServer) -> None:
    ops.seconds = 600.0
    begun = time.monotonic()
    done = hold(told)
    assert time.monotonic() - begun < 300
    assert "did not go on within 5 s" in done["unsent"][0]
    assert told.refs("holds")


def test_all_receivers_together_have_so_many_seconds_and_those_that_are_well_are_told() -> None:
    """Also where one says something now and then, and so is never silent for long."""
    over = threading.Event()

    def deliver(one: Message, _: Origin) -> None:
        if one.receiver.name == "slow":
            over.wait(600)

    due = [
        Message(signal=SIGNAL, receiver=Receiver(name=name, kind="slack"))
        for name in ("slow", "well")
    ]
    begun = time.monotonic()
    sent = send(due, Origin("URL"), deliver, most_seconds=0.5)
    assert time.monotonic() - begun < 300
    over.set()
    assert sent.taken == {("5d2f0c9a81b7e634", "open", "well")}
    (failure,) = sent.failures
    assert failure.startswith("slow did not take a signal: it took longer than 0.5 s")


def test_what_nobody_thought_of_costs_a_line_and_not_the_turn() -> None:
    def deliver(one: Message, _: Origin) -> None:
        if one.receiver.name == "odd":
            raise LookupError("no such codec")

    due = [
        Message(signal=SIGNAL, receiver=Receiver(name=name, kind="slack"))
        for name in ("odd", "well")
    ]
    sent = send(due, Origin("URL"), deliver)
    assert sent.taken == {("5d2f0c9a81b7e634", "open", "well")}
    (failure,) = sent.failures
    assert failure.startswith("odd did not take a signal: LookupError: no such codec")


def test_address_that_is_no_address_is_never_shown_and_never_asked(
    told: World, ops: ReceiverServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in ("http://example.com/s3cr3t", "ftp://127.0.0.1/s3cr3t", "s3cr3t", "https://"):
        monkeypatch.setenv(ADDRESSES, f"ops={wrong}")
        done = hold(told)
        told.later(days=2)
        assert "s3cr3t" not in json.dumps(done)
        release(told)
    assert ops.tries == 0


def start(w: World, *arguments: str, path: str | None = None) -> subprocess.Popen[bytes]:
    """Start a command as a process of its own."""
    given = [sys.executable, "-m", "tidemill", *arguments, "--repo", str(w.bare)]
    given += ["--now", w.now.isoformat(), "--json"]
    env = {**os.environ, **({"PATH": path} if path else {})}
    return subprocess.Popen(given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)


HOLD = ("hold-wave", "--wave", "shop", "--reason", "lunch")


@pytest.mark.parametrize(
    ("when", "times"), [("before", 1), ("after", 2)], ids=["before it came", "once it came"]
)
def test_run_that_is_killed_while_it_sends_makes_no_message_get_lost(
    told: World, ops: ReceiverServer, when: str, times: int
) -> None:
    """Killed between the push and the receiver, or between the receiver and the note."""
    processes: list[subprocess.Popen[bytes]] = []

    def kill() -> None:
        while not processes:
            time.sleep(0.01)
        processes[0].kill()
        processes[0].wait(timeout=300)
        if when == "before":
            raise OSError("the request never came")

    setattr(ops, when, kill)
    processes.append(start(told, *HOLD))
    processes[0].communicate(timeout=300)
    assert processes[0].returncode == -signal.SIGKILL
    setattr(ops, when, lambda: None)
    told.later(minutes=19)
    assert not told.turn()["changed"]
    told.later(minutes=1)
    told.turn()
    told.later(days=1)
    told.turn()
    assert ops.told == [HELD] * times
    assert len(set(ops.keys)) == 1


def test_run_that_is_killed_at_any_call_of_git_makes_no_message_get_lost(
    seed_told: World, tmp_path: Path, ops: ReceiverServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ADDRESSES, f"ops={ops.url}")
    shim = tmp_path / "shim"
    shim.mkdir()
    (shim / "git").write_text(SHIM)
    (shim / "git").chmod(0o755)
    monkeypatch.setenv("SHIM_FOLDER", str(shim))
    monkeypatch.setenv("SHIM_GOES_ON", "no")  # no push goes on behind the back of this test
    monkeypatch.setenv("SHIM_GIT", shutil.which("git") or "git")
    outcomes = []
    for call in range(1, 60):
        ops.came.clear()
        ops.keys.clear()
        w = fork(seed_told, tmp_path / f"killed-{call}")
        (shim / "at").write_text(str(call))
        for name in ("count", "killed"):
            (shim / name).unlink(missing_ok=True)
        process = start(w, *HOLD, path=f"{shim}:{os.environ['PATH']}")
        process.communicate(timeout=300)
        if not (shim / "killed").exists():
            break
        assert process.returncode == -signal.SIGKILL
        sent = len(ops.came)
        w.later(minutes=20)
        if w.refs("holds") or w.refs("inbox"):
            w.turn()
        else:
            hold(w)
        w.later(days=1)
        assert not w.turn()["changed"], f"killed at call {call}: {w.in_git()}"
        assert 1 <= len(ops.came) <= 1 + sent, f"killed at call {call}"
        assert set(ops.told) == {HELD}
        assert len(set(ops.keys)) == 1
        outcomes.append((sent, len(ops.came)))
        shutil.rmtree(w.folder)
    assert (0, 1) in outcomes
    assert (1, 2) in outcomes  # killed when it was sent, and not noted
    assert Counter(outcomes).keys() <= {(0, 1), (1, 1), (1, 2)}


def test_two_turns_at_once_send_a_message_once(told: World, ops: ReceiverServer) -> None:
    """Whoever loses the race to write that it is due, does not send it."""
    processes = [
        start(told, "hold-wave", "--wave", wave, "--reason", "lunch")
        for wave in ("lab", "shop", "lab", "shop")
    ]
    for process in processes:
        out, _ = process.communicate(timeout=300)
        assert json.loads(out)["unsent"] == []
    told.later(hours=1)
    told.turn()
    assert Counter(ops.told) == {HELD: 1, ("open", "lab is held"): 1}, ops.came


LOOKS = "cat /proc/[0-9]*/environ 2>/dev/null; env"


def test_addresses_are_not_in_reach_of_entry_points(told: World, ops: ReceiverServer) -> None:
    told.settings = told.settings.replace(
        'generate = "python3 generate.py"',
        f'generate = "! ({LOOKS}) | grep -qa -e s3cr3t -e {ADDRESSES} && python3 generate.py"',
    )
    told.edit(note="3")
    assert told.announce(1)["to_check"], "generate has seen the address, or did not run"
    hold(told)
    assert ops.told == [HELD]
