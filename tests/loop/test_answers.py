"""Status answers "why is X not in production?" for every X, also after it ended badly."""

from __future__ import annotations

import io
import json
import os
import shlex
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from tests.commands.promises import refused
from tests.loop.stories import refs
from tests.loop.waves import Waves, short, waves
from tests.world import git, sha_of
from tidemill.__main__ import main
from tidemill.commands._command_line import parse

LAB, SHOP = {"targets": ["l1"]}, {"targets": ["s1"]}


def lines(world: Waves, wave: str | None = None, **about: object) -> list[dict[str, Any]]:
    """The lines of status about a wave, or another thing."""
    wanted = {**about, **({"wave": wave} if wave else {})}
    found = world.status()["waiting"]
    return [one for one in found if wanted.items() <= one.items()]


def kinds(line: dict[str, Any]) -> list[str]:
    return [one["kind"] for one in line["obstacles"]]


def only(found: list[dict[str, Any]]) -> dict[str, Any]:
    assert len(found) == 1, json.dumps(found, indent=1)
    return found[0]


def assert_commands_run_as_printed(world: Waves) -> None:
    """Each line ends with a command that can be copied: it parses, and names this repository."""
    for line in world.status()["waiting"]:
        assert line["for"].endswith(f": {line['command']}")
        program, *words = shlex.split(line["command"])
        assert program == "tidemill"
        assert parse(words).repo == str(world.bare)


def evicted(folder: Path) -> Waves:
    """2 was evicted from lab; 1 is everywhere. The check said why."""
    w = waves(folder, {"lab": LAB, "shop": SHOP}, first=("everywhere", 1))
    w.check(w.ref("refs/heads/main") or "")
    w.announce(2)
    (w.folder / "printed.txt").write_text("compiling\n\nError: port 80 is taken\n")
    sha = w.ref("refs/heads/auto") or ""
    w.run(
        "record-check", "--sha", sha, "--context", "check", "--state", "failure", "--run", "r2",
        "--output", str(w.folder / "printed.txt"),
    )  # fmt: skip
    assert w.turn()["evicted"]
    return w


def test_evicted_set_is_named_with_what_its_check_said_until_a_newer_one_is_deployed(
    tmp_path: Path,
) -> None:
    w = evicted(tmp_path)
    w.later(days=30)
    w.green()
    line = only(lines(w, "lab", app_sha=sha_of("app-2")))
    assert kinds(line) == ["evicted"]
    assert line["obstacles"][0]["said"] == "compiling | Error: port 80 is taken"
    assert "Error: port 80 is taken" in line["for"]
    assert line["command"] == f"tidemill retry --sha {sha_of('app-2')} --set app --repo {w.bare}"
    behind = only(lines(w, "shop", app_sha=sha_of("app-2")))
    assert kinds(behind) == ["not there"]
    assert "Error: port 80 is taken" in behind["for"], "it never came here, and why"
    assert_commands_run_as_printed(w)
    w.everywhere(3)
    assert w.status()["waiting"] == []


def test_promotion_that_was_evicted_is_named(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": LAB, "shop": SHOP}, first=("everywhere", 1))
    w.ship(2)
    w.check(w.ref("refs/heads/main") or "")
    w.deploy("lab")
    w.check(w.ref("refs/heads/auto") or "", "failure")
    w.turn()
    line = only(lines(w, "shop", app_sha=sha_of("app-2")))
    assert kinds(line) == ["evicted"]
    assert "retry" in line["command"]


@pytest.mark.parametrize("how", ["dropped", "rejected"])
def test_announcement_that_ended_badly_is_named_until_a_newer_one_is_deployed(
    tmp_path: Path, how: str
) -> None:
    w = waves(tmp_path, {"lab": LAB, "shop": SHOP}, first=("everywhere", 1))
    if how == "dropped":
        w.hold("lab")
        request = w.announce(2)["request"]["id"]
        w.run("drop", "--id", request)
        w.release("lab")
    else:
        w.change_settings('generate = "', 'introduce = "false"\ngenerate = "')
        w.announce(2)
        w.change_settings('introduce = "false"\n', "")
    w.later(days=9)
    w.green()
    line = only([one for one in w.status()["waiting"] if one.get("wave") in ("lab", None)])
    assert (line["app_sha"], kinds(line)) == (sha_of("app-2"), ["ended"])
    assert how in line["for"]
    assert_commands_run_as_printed(w)
    w.everywhere(3)
    assert w.status()["waiting"] == []


def test_set_that_was_rolled_back_is_named_with_and_without_its_hold(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": LAB, "shop": SHOP})
    for position in (1, 2):
        w.everywhere(position)
    w.roll_back("shop")
    w.green()
    w.deploy("shop")
    assert kinds(only(lines(w, "shop"))) == ["rolled back", "hold"]
    w.release("shop")
    w.green()
    line = only(lines(w, "shop"))
    assert (line["app_sha"], kinds(line)) == (sha_of("app-2"), ["rolled back"])
    assert_commands_run_as_printed(w)
    main(shlex.split(line["command"])[1:])
    w.green()
    assert w.at("shop") == 2, "the command brought it back"


def test_set_that_is_due_behind_one_that_was_rolled_back_is_named_with_all_its_obstacles(
    tmp_path: Path,
) -> None:
    window = ["Mon-Fri 14:00-16:00 UTC"]
    shop = {**SHOP, "approval": True, "soak": "2h", "windows": window}
    w = waves(tmp_path, {"lab": LAB, "shop": shop}, first=("deployed", 1, "lab"))
    w.deployed(2, "lab")
    w.deployed(3, "lab")
    w.roll_back("lab", "--to", short(2))
    w.green()
    w.deploy("lab")
    w.hold("shop", "an audit")
    line = only(lines(w, "shop", app_sha=sha_of("app-2")))
    assert kinds(line) == ["soak", "hold", "window", "approval"]
    until = {one["kind"]: one.get("until") for one in line["obstacles"]}
    assert until["soak"] == "2026-01-05T12:00:00Z"
    assert until["window"] == "2026-01-05T14:00:00Z"
    assert line["earliest"] == "2026-01-05T14:00:00Z"
    assert "an audit" in line["for"]
    assert "at the earliest at 2026-01-05 14:00 UTC" in line["for"]
    newest = only(lines(w, "shop", app_sha=sha_of("app-3")))
    assert kinds(newest) == ["rolled back"]
    assert_commands_run_as_printed(w)


def test_every_announcement_that_waits_is_named(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": LAB, "shop": SHOP})
    w.hold("lab")
    for position in (1, 2, 3):
        w.announce(position)
    named = [one["app_sha"] for one in lines(w, "lab")]
    assert named == [sha_of(f"app-{position}") for position in (1, 2, 3)]
    assert [one["app_sha"] for one in lines(w, "shop")] == [sha_of("app-3")]


def test_status_shows_the_present_and_not_the_past(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": LAB, "shop": SHOP})
    w.announce(1)
    w.later(minutes=-1)
    assert "status shows the present" in refused(w, "status")
    w.later(minutes=1)
    assert w.status().code == 0
    w.later(minutes=5)
    w.run("hold-wave", "--wave", "lab", "--reason", "x", "--accept-only")
    w.later(minutes=-2)
    assert "status shows the present" in refused(w, "status"), "the inbox is newer"


def test_dry_run_names_no_commit_that_is_nowhere(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": LAB, "shop": SHOP})
    file = w.folder / "one.json"
    from tests.world import announcement

    file.write_text(json.dumps(announcement(1)))
    before = refs(w)
    said = w.run("update-cfg-app", "--announcement", str(file), "--dry-run")
    assert said["request"]["state"] == "would be accepted"
    assert said["introduced"]
    assert refs(w) == before
    for sha in {word for word in json.dumps(said).replace('"', " ").split() if len(word) == 40}:
        known = sha == sha_of("app-1") or git(w.bare, "cat-file", "-t", sha) == "commit"
        assert known, sha


def test_dates_on_main_never_run_backwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    w = waves(tmp_path, {"lab": LAB, "shop": SHOP})
    w.hold("lab")
    w.announce(1)  # accepted at ten
    w.later(hours=5)
    with monkeypatch.context() as patched:
        for name in ("GIT_COMMITTER_DATE", "GIT_AUTHOR_DATE"):
            patched.setenv(name, w.now.isoformat())
        w.edit(note="a person's commit, hours later")
    w.release("lab")
    w.green()
    assert w.at("lab") == 1
    dates = [int(one) for one in git(w.bare, "log", "--format=%ct", "main").split()]
    assert dates == sorted(dates, reverse=True)


@pytest.mark.parametrize("is_relative", [False, True], ids=["absolute", "relative"])
def test_status_in_a_checkout_takes_its_remote_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_relative: bool
) -> None:
    w = waves(tmp_path, {"lab": LAB, "shop": SHOP})
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    origin = os.path.relpath(w.bare, w.clone) if is_relative else str(w.bare)
    git(w.clone, "remote", "add", "origin", origin)
    below = w.clone / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    out = io.StringIO()
    with redirect_stdout(out):
        assert main(["status", "--json"]) == 0
    assert json.loads(out.getvalue())["main"] == w.ref("refs/heads/main")
    monkeypatch.chdir(tmp_path.parent)
    assert main(["status", "--json"]) == 2
