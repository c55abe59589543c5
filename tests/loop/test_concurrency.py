"""Real processes at once on one repository: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.loop.stories import accept, endings, hook, refs
from tests.loop.waves import Waves, waves
from tests.world import World, announcement, git
from tidemill.clients.git.repository import opened
from tidemill.commands import _acceptance
from tidemill.commands._json import turn_json
from tidemill.commands._remedies import Remedies
from tidemill.commands._turning import turn_taken
from tidemill.facts.requests import HoldRequest
from tidemill.turn.accept import accept as accept_fact
from tidemill.turn.outcome import LeftToAnother, LostTo, Wrote
from tidemill.turn.push import Clock
from tidemill.turn.read import read
from tidemill.turn.senders import PATIENCE
from tidemill.turn.turn import turn

CROWDS = (2, 16)  # the fewest there are; and so many that one may lose eight times, and gives up
COUNT_PUSHES = 'cat > /dev/null; echo push >> "$GIT_DIR/pushes"'


def start(w: Waves, *arguments: str, **env: str) -> subprocess.Popen[bytes]:
    """Start a command as a process of its own."""
    given = [sys.executable, "-m", "tidemill", *arguments]
    given += ["--repo", str(w.bare), "--now", w.now.isoformat(), "--json"]
    return subprocess.Popen(
        given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **env}
    )


def ended(process: subprocess.Popen[bytes]) -> dict[str, object]:
    """What a command printed, once it has ended well."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, (out, err)
    found: dict[str, object] = json.loads(out)
    return found


def announcing(w: Waves, position: int) -> list[str]:
    """The command that announces a position."""
    file = w.folder / f"announcement-{position}.json"
    file.write_text(json.dumps(announcement(position)))
    return ["update-cfg-app", "--announcement", str(file)]


def reporting(w: Waves, wave: str, target: str) -> list[str]:
    """The command with which a target reports main."""
    revision = w.ref("refs/heads/main") or ""
    return [
        *("record-deployment", "--wave", wave, "--target", target, "--revision", revision),
        *("--phase", "Succeeded", "--health", "Healthy", "--finished-at", w.now.isoformat()),
    ]


def settle(w: Waves) -> None:
    """Everything that was announced ends: what is newest is deployed everywhere."""
    for _ in range(3):
        w.green()
        for wave in w.targets:
            w.deploy(wave)
        w.later(minutes=20)
    w.green()


def pushes(w: Waves) -> int:
    """How many pushes the server has taken since it counts."""
    return len((w.bare / "pushes").read_text().splitlines())


@pytest.mark.parametrize("crowd", CROWDS)
def test_announcements_at_once_all_end_exactly_one_way(tmp_path: Path, crowd: int) -> None:
    w = waves(tmp_path)
    for process in [start(w, *announcing(w, number + 1)) for number in range(crowd)]:
        ended(process)
    settle(w)
    assert w.positions() == {"lab": crowd, "shop": crowd}
    found = endings(w)
    assert len(found) == crowd
    assert all(len(how) == 1 for how in found.values()), found
    assert not w.refs("inbox")


@pytest.mark.parametrize("crowd", CROWDS)
def test_same_announcement_by_all_at_once_is_one_commit(tmp_path: Path, crowd: int) -> None:
    w = waves(tmp_path)
    command = announcing(w, 1)
    before = w.ref("refs/heads/main")
    for process in [start(w, *command) for _ in range(crowd)]:
        ended(process)
    assert git(w.bare, "rev-list", "--count", f"{before}..auto") == "1"
    assert len(w.refs("inbox")) == 1
    assert len(w.journalled("introduced")) == 1
    w.green()
    assert w.at("lab") == 1


@pytest.mark.parametrize("crowd", CROWDS)
def test_targets_that_report_at_once_are_all_heard(tmp_path: Path, crowd: int) -> None:
    names = [f"l{number}" for number in range(crowd)]
    w = waves(tmp_path, {"lab": {"targets": names}, "shop": {"targets": ["s1"]}}, first=("ship", 1))
    for process in [start(w, *reporting(w, "lab", name)) for name in names]:
        ended(process)
    assert len(w.refs("deployed/lab")) == crowd
    assert not w.refs("inbox")
    assert w.state("lab") == "deployed"
    assert len(w.journalled("reported")) == crowd
    assert len(w.journalled("promoted")) == 1
    w.green()
    assert w.at("shop") == 1


@pytest.mark.parametrize("crowd", CROWDS)
def test_turns_at_once_do_what_is_due_once(tmp_path: Path, crowd: int) -> None:
    w = waves(tmp_path)
    tested = w.announce(1)["to_check"][0]
    w.check(tested)
    processes = []
    for _ in range(crowd):
        w.later(seconds=1)  # two turns that decide the same at the same time are the same turn
        processes.append(start(w, "reconcile-cfg-app"))
    said = [ended(process) for process in processes]
    assert w.ref("refs/heads/main") == tested
    assert len(w.journalled("landed")) == 1
    assert [one["landed"] for one in said].count(tested) == 1, "only one of them did it"


def test_everyone_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    names = [f"l{number}" for number in range(5)]
    w = waves(tmp_path, {"lab": {"targets": names}, "shop": {"targets": ["s1"]}}, first=("ship", 1))
    tested = w.ref("refs/heads/auto") or ""
    commands = [reporting(w, "lab", name) for name in names]
    commands += [announcing(w, position) for position in (2, 3, 4, 5)]
    commands += [["reconcile-cfg-app"] for _ in range(4)]
    commands += [["hold-wave", "--wave", "shop", "--reason", "an audit"]]
    commands += [
        ["record-check", "--sha", tested, "--context", "other", "--state", "success", "--run", "7"]
    ]
    commands += [["status"]]
    for process in [start(w, *command) for command in commands]:
        ended(process)
    assert len(w.refs("deployed/lab")) == len(names)
    assert w.wave("shop")["hold"]["reason"] == "an audit"
    w.release("shop")
    settle(w)
    assert w.positions() == {"lab": 5, "shop": 5}
    assert len(endings(w)) == 5
    assert all(len(how) == 1 for how in endings(w).values())


def test_checks_reported_at_once_are_all_kept(tmp_path: Path) -> None:
    w = waves(tmp_path)
    tested = w.announce(1)["to_check"][0]
    command = ["record-check", "--sha", tested, "--state", "success", "--run", "1", "--context"]
    for process in [start(w, *command, f"check-{number}") for number in range(8)]:
        ended(process)
    record = json.loads(git(w.bare, "show", f"refs/tidemill/checks/{tested}:record.json"))
    assert sorted(run["context"] for run in record["runs"]) == [f"check-{n}" for n in range(8)]
    w.turn()
    assert w.at("lab") == 1


def test_slow_server_makes_turns_race_and_nothing_is_lost(tmp_path: Path) -> None:
    w = waves(tmp_path)
    hook(w, "pre-receive", "cat > /dev/null; sleep 0.2")
    for process in [start(w, *announcing(w, number + 1)) for number in range(6)]:
        ended(process)
    hook(w, "pre-receive", "cat > /dev/null")
    settle(w)
    assert w.positions() == {"lab": 6, "shop": 6}
    assert len(endings(w)) == 6


def test_burst_of_eighty_announcements_by_sixteen_senders_takes_few_pushes(tmp_path: Path) -> None:
    w = waves(tmp_path)
    hook(w, "pre-receive", COUNT_PUSHES)
    commands = [[announcing(w, sender * 5 + one + 1) for one in range(5)] for sender in range(16)]

    def send(mine: list[list[str]]) -> None:
        for command in mine:
            ended(start(w, *command))

    with ThreadPoolExecutor(16) as senders:
        for done in [senders.submit(send, mine) for mine in commands]:
            done.result()
    tried = pushes(w)
    settle(w)
    assert w.at("lab") == 80
    found = endings(w)
    assert len(found) == 80
    assert all(len(how) == 1 for how in found.values())
    assert tried <= 105, "one for each, and a turn for many"


def test_sender_that_dies_after_its_request_costs_the_others_a_bounded_time(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("ship", 1))
    for number in range(3):  # their senders have died: nobody will turn for them
        w.run("hold-wave", "--wave", "lab", "--reason", f"{number}", "--accept-only")
    pauses: list[float] = []
    clock = Clock(w.now, pause=pauses.append)
    with opened(str(w.bare)) as store:
        request = HoldRequest(accepted_at=w.now, wave="shop", set="_", reason="freeze")
        accepted = accept_fact(store, read(store), request, clock)
        done = turn(store, clock, state=accepted.state, request=request.id)
    assert done.outcome == Wrote()
    assert 0 < sum(pauses) < PATIENCE + 1
    assert not w.refs("inbox"), "the turn did for all"
    assert {wave["name"] for wave in w.status()["waves"] if wave["hold"]} == {"lab", "shop"}


def test_sender_whose_request_another_turn_has_read_leaves_its_turn_out(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("ship", 1))
    w.run("hold-wave", "--wave", "lab", "--reason", "an audit", "--accept-only")
    seen: list[dict[str, str]] = []

    def pause(_: float) -> None:
        if not seen:
            w.turn()
            seen.append(refs(w))

    with opened(str(w.bare)) as store:
        request = HoldRequest(accepted_at=w.now, wave="shop", set="_", reason="freeze")
        accepted = accept_fact(store, read(store), request, Clock(w.now))
        done = turn(store, Clock(w.now, pause), state=accepted.state, request=request.id)
    assert done.outcome == LeftToAnother()
    assert done.plan.ledger.how_ended(request.id) == "done"
    assert refs(w) == seen[0], "it wrote nothing"
    told = turn_json(turn_taken(done.plan, done.outcome, Remedies.of(str(w.bare), w.now)))
    assert (told["changed"], told["landed"], told["to_check"]) == (False, None, ())


def test_sender_whose_request_another_turn_has_rejected_is_told_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    w.change_settings('generate = "', 'introduce = "false"\ngenerate = "')
    w.run("hold-wave", "--wave", "shop", "--reason", "an audit", "--accept-only")
    turned: list[int] = []

    def pause(_: float) -> None:
        if not turned:
            turned.append(w.turn().code)

    monkeypatch.setattr(_acceptance, "Clock", partial(Clock, pause=pause))
    told = w.announce(2)
    assert turned == [0]
    assert told.code == 1
    assert "can't be carried out: `false` failed" in told["error"]["what"]
    assert "rejected/" in told["error"]["written"]
    assert len(w.refs("rejected")) == 1


def test_sender_who_is_alone_does_not_wait(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("ship", 1))
    w.announce(2)
    w.announce(3)
    with opened(str(w.bare)) as store:
        request = HoldRequest(accepted_at=w.now, wave="shop", set="_", reason="freeze")
        clock = Clock(w.now, pause=lambda _: pytest.fail("it paused"))
        accepted = accept_fact(store, read(store), request, clock)
        done = turn(store, clock, state=accepted.state, request=request.id)
    assert done.outcome == Wrote()


def test_person_pushes_to_main_while_others_turn_and_is_never_lost(tmp_path: Path) -> None:
    w = waves(tmp_path)
    w.check(w.announce(1)["to_check"][0])
    processes = [start(w, "reconcile-cfg-app") for _ in range(4)]
    pushed = False
    while not pushed:
        commit = w.edit(push=False, note="mine")
        done = subprocess.run(
            ["git", "push", "-q", str(w.bare), "HEAD:main"],
            cwd=w.clone,
            capture_output=True,
            check=False,
        )
        pushed = done.returncode == 0
    for process in processes:
        ended(process)
    w.green()
    assert w.at("lab") == 1
    git(w.bare, "merge-base", "--is-ancestor", commit, "main")


OTHER_TURN = """\
unset GIT_QUARANTINE_PATH
tree=$(git rev-parse refs/tidemill/journal^{tree})
git update-ref refs/tidemill/journal \
  "$(git commit-tree $tree -p refs/tidemill/journal -m 'another turn')\""""


def test_turn_that_loses_every_race_names_nothing_that_nobody_has(landed: World) -> None:
    landed.later(minutes=20)
    accept(landed, [announcement(2)])
    hook(landed, "pre-receive", OTHER_TURN)
    before = refs(landed)
    with opened(str(landed.bare)) as store:
        done = turn(store, Clock(landed.now, pause=lambda _: None))
    assert done.outcome == LostTo("refs/tidemill/journal")
    told = turn_json(turn_taken(done.plan, done.outcome, Remedies.of(str(landed.bare), landed.now)))
    assert (told["changed"], told["landed"], told["to_check"]) == (False, None, ())
    assert not any(told[name] for name in ("introduced", "promoted", "notes"))
    assert {ref for ref, sha in refs(landed).items() if before[ref] != sha} == {
        "refs/tidemill/journal"
    }
