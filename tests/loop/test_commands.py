"""What holds for every command: twice is once, a dry run writes nothing, people can read it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.commands.promises import dry_run
from tests.commands.terminal import at_terminal
from tests.loop.stories import assert_rests, fork, inbox, journal, land, refs
from tests.world import World, announcement, git, sha_of

Command = tuple[str, ...]


@pytest.fixture(scope="module")
def seed_busy(seed_shipped: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Position 1 is in the shop; 2 is in the lab; 3 was evicted; 4 waits; the shop is held."""
    world = fork(seed_shipped, tmp_path_factory.mktemp("busy"))
    world.later(hours=1)
    world.run("hold-wave", "--wave", "shop", "--reason", "freeze")
    world.announce(2)
    land(world)
    world.deploy("lab")
    world.check(world.announce(3)["to_check"][0], "failure")
    world.check(world.ref("refs/heads/main") or "")
    world.turn()
    world.run("hold-wave", "--wave", "lab", "--set", "app", "--reason", "look first")
    world.announce(4)
    (world.folder / "5.json").write_text(json.dumps(announcement(5)))
    assert (inbox(world), len(world.refs("holds"))) == ([id_of(4)], 2)
    return world


@pytest.fixture
def busy(seed_busy: World, tmp_path: Path) -> World:
    """Something of everything; see above."""
    return fork(seed_busy, tmp_path)


def id_of(position: int) -> str:
    """The id of an announcement."""
    return f"announcement-app-{position}-{sha_of(f'app-{position}')[:12]}"


def commands(world: World) -> dict[str, Command]:
    """Every command that writes, with something that it can do here."""
    main = world.ref("refs/heads/main") or ""
    record: Command = (
        "--wave",
        "lab",
        "--target",
        "lab-1",
        "--revision",
        main,
        "--phase",
        "Running",
    )
    record += ("--health", "Progressing", "--finished-at", world.now.isoformat())
    check = ("--sha", main, "--context", "check", "--state", "pending", "--run", "one more")
    return {
        "update-cfg-app": ("--announcement", str(world.folder / "5.json")),
        "record-check": check,
        "record-deployment": record,
        "promote-wave": ("--wave", "shop", "--sha", sha_of("app-2"), "--override", "urgent"),
        "rollback-wave": ("--wave", "lab", "--reason", "errors"),
        "hold-wave": ("--wave", "lab", "--reason", "all of it"),
        "release-wave": ("--wave", "lab", "--reason", "fine"),
        "drop": ("--id", id_of(4)),
        "retry": ("--sha", sha_of("app-3")),
    }


NAMES = [
    "update-cfg-app",
    "record-check",
    "record-deployment",
    "promote-wave",
    "rollback-wave",
    "hold-wave",
    "release-wave",
    "drop",
    "retry",
]


@pytest.mark.parametrize("name", NAMES)
def test_dry_run_says_what_would_be_done_and_writes_nothing(busy: World, name: str) -> None:
    before = refs(busy)
    dry = dry_run(busy, name, *commands(busy)[name])
    done = busy.run(name, *commands(busy)[name])
    assert refs(busy) != before
    assert dry["changed"] == done["changed"]
    for kind in ("introduced", "promoted", "rolled_back", "superseded", "rejected", "evicted"):
        assert [one.get("wave") for one in dry.get(kind, [])] == [
            one.get("wave") for one in done.get(kind, [])
        ]


@pytest.mark.parametrize("name", NAMES)
def test_twice_is_once(busy: World, name: str) -> None:
    command = commands(busy)[name]
    assert busy.run(name, *command).code == 0
    busy.turn()
    before = refs(busy)
    again = busy.run(name, *command)
    assert again.code == 0
    after = refs(busy)
    assert after.keys() == before.keys()
    assert after["refs/heads/auto"] == before["refs/heads/auto"]
    if name not in ("hold-wave", "rollback-wave", "promote-wave"):
        assert after == before


def test_dry_run_of_what_would_be_rejected_says_that_nothing_was_written(tmp_path: Path) -> None:
    script = "if [ -e images/lab ]; then exit 3; fi; python3 generate.py"
    waves = {"lab": {"targets": ["lab-1"]}}
    world = World(tmp_path, waves, entrypoints=f'generate = "{script}"')
    (tmp_path / "a.json").write_text(json.dumps(announcement(1)))
    before = refs(world)
    dry = world.run("update-cfg-app", "--announcement", str(tmp_path / "a.json"), "--dry-run")
    assert dry.code == 1
    assert "exit code 3" in dry["error"]["what"]
    assert dry["error"]["written"] == "nothing"
    assert refs(world) == before


@pytest.mark.parametrize("name", ["reconcile-cfg-app", "status"])
def test_nothing_to_do_writes_nothing(busy: World, name: str) -> None:
    before = refs(busy)
    for more in ([], ["--dry-run"] if name != "status" else []):
        assert busy.run(name, *more).code == 0
    assert refs(busy) == before


@pytest.mark.parametrize("name", NAMES)
def test_every_command_leaves_a_state_that_rests(busy: World, name: str) -> None:
    busy.run(name, *commands(busy)[name])
    assert_rests(busy)


TURN = {
    "changed": bool,
    "evicted": list,
    "introduced": list,
    "promoted": list,
    "rolled_back": list,
    "replayed": list,
    "superseded": list,
    "rejected": list,
    "to_check": list,
    "waiting": list,
}


def test_json_of_a_turn_has_what_the_contract_names(busy: World) -> None:
    for turn in (busy.turn(), busy.run("release-wave", "--wave", "lab", "--reason", "go")):
        assert {key: type(turn[key]) for key in TURN} == TURN
        assert turn["landed"] is None
        for line in turn["waiting"]:
            assert {"what", "for", "since"} <= set(line)
    assert re.fullmatch(r"[0-9a-f]{40}", turn["introduced"][0]["sha"])


def test_status_says_why_a_set_is_not_in_the_last_wave(busy: World) -> None:
    told = [line for line in busy.status()["waiting"] if "shop" in line["what"]]
    assert "freeze" in json.dumps(told)


def test_hold_of_all_sets_is_ended_by_one_release_of_the_wave(busy: World) -> None:
    busy.run("hold-wave", "--wave", "lab", "--reason", "all of it")
    assert len(busy.refs("holds/lab")) == 2
    busy.run("release-wave", "--wave", "lab", "--reason", "fine")
    assert busy.refs("holds/lab") == []
    released = [entry for entry in journal(busy) if entry["what"] == "released"]
    assert len(released) == 2


def test_release_of_one_set_leaves_the_hold_of_all(busy: World) -> None:
    busy.run("hold-wave", "--wave", "lab", "--reason", "all of it")
    busy.run("release-wave", "--wave", "lab", "--set", "app", "--reason", "fine")
    assert busy.refs("holds/lab") == ["refs/tidemill/holds/lab/_"]


def test_output_for_people_fits_their_terminal(tmp_path: Path) -> None:
    long = "x" * 30
    waves = {f"wave-{long}": {"targets": [f"{long}-target"], "admit": "at once"}}
    sets = (f"set-{long}", "b")
    world = World(tmp_path, waves, sets=sets, checks='retries = 0\ntest = "each"', entrypoints="")
    wave = f"wave-{long}"
    world.announce(1, {"web": "1"}, set_name="b")
    world.announce(2, {"web": "2"}, set_name="b")
    reason = ("a long reason, in many words, " * 20)[:480]

    def shown(*arguments: str) -> tuple[int, str]:
        given = [*arguments, "--repo", str(world.bare), "--now", world.now.isoformat()]
        return at_terminal(given, columns=100, NO_COLOR="1")

    outputs = [shown("hold-wave", "--wave", wave, "--set", "b", "--reason", reason)]
    (world.folder / "a.json").write_text(json.dumps(announcement(1, set_name=f"set-{long}")))
    outputs.append(shown("update-cfg-app", "--announcement", str(world.folder / "a.json")))
    outputs.append(shown("status"))
    outputs.append(shown("reconcile-cfg-app"))
    for code, out in outputs:
        assert code == 0
        lines = [line for line in out.splitlines() if not line.startswith("      tidemill ")]
        assert [line for line in lines if len(line) > 100] == [], "but for commands, to copy"
        assert "\x1b" not in out


def test_who_asked_and_the_run_are_in_the_journal(
    busy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTOR", "grace\nAutocommit-Target: x")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/cfg-app")
    monkeypatch.setenv("GITHUB_RUN_ID", "42")
    busy.run("hold-wave", "--wave", "lab", "--reason", "mine")
    for name in [name for name in os.environ if name.startswith("GITHUB_")]:
        monkeypatch.delenv(name)
    record = json.loads(git(busy.bare, "show", "refs/tidemill/journal:record.json"))
    assert record["run_url"] == "https://github.com/acme/cfg-app/actions/runs/42"
    held = next(one for one in busy.status()["waves"][0]["holds"] if one["reason"] == "mine")
    assert held["by"].startswith("grace")
    assert held["by"].isprintable()


def test_reasons_are_kept_as_they_were_given(busy: World) -> None:
    reason = 'it\'s "quoted" $(id) `id` ; rm -rf / {file} %s ${HOME} <b> é 潮'
    busy.run("hold-wave", "--wave", "lab", "--reason", reason)
    assert reason in [one["reason"] for one in busy.status()["waves"][0]["holds"]]
    back = busy.run("rollback-wave", "--wave", "lab", "--reason", reason)
    assert len(back["rolled_back"]) == 1
    message = git(busy.bare, "show", "-s", "--format=%B", "auto")
    trailers = git(busy.bare, "interpret-trailers", "--parse", data=message.encode())
    assert f"Autocommit-Reason: {reason}" in trailers.splitlines()
