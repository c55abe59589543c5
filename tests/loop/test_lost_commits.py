"""Commits that the ledger names are gone: main was squashed and collected, or this is a mirror."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.loop.stories import assert_rests, file_at, inbox, journal, land, trailers
from tests.world import World, git, sha_of


def squash(world: World) -> str:
    """A person makes main one commit, and the server collects what no ref leads to."""
    new = git(world.bare, "commit-tree", "main^{tree}", data=b"A fresh start\n")
    git(world.bare, "update-ref", "refs/heads/main", new)
    git(world.bare, "update-ref", "-d", "refs/heads/auto")
    collect(world)
    return new


def collect(world: World) -> None:
    """The server forgets what no ref leads to."""
    git(world.bare, "reflog", "expire", "--expire=now", "--all")
    git(world.bare, "gc", "-q", "--prune=now")


def promote(world: World, position: int = 1) -> World:
    """A person asks for the set of a position in the shop."""
    world.run("promote-wave", "--wave", "shop", "--sha", sha_of(f"app-{position}"))
    return world


def test_promotion_takes_main_s_own_files_if_they_are_the_same_set(landed: World) -> None:
    gone = landed.ref("refs/heads/main")
    landed.deploy("lab")
    new = squash(landed)
    turn = landed.turn()
    assert [one["wave"] for one in turn["promoted"]] == ["shop"]
    assert trailers(landed, "auto")["Autocommit-Promoted-From"] == f"lab@{new}"
    source = json.loads(file_at(landed, "auto", "images/shop/source.json"))
    assert source["promoted_from"] == f"lab@{new}" != f"lab@{gone}"
    land(landed)
    assert landed.on_main("shop") == sha_of("app-1")
    assert_rests(landed)


def test_entry_point_that_promotes_gets_a_commit_that_it_can_read(tmp_path: Path) -> None:
    copy = "mkdir -p images/shop; for f in tags digests; do git show {sha}:images/lab/$f.json"
    world = World(
        tmp_path,
        {"lab": {"targets": ["lab-1"]}, "shop": {"targets": ["north"]}},
        entrypoints=f'promote = """{copy} > images/shop/$f.json; done"""\n'
        'generate = "python3 generate.py"',
    )
    world.announce(1)
    land(world)
    world.deploy("lab")
    squash(world)
    assert len(world.turn()["promoted"]) == 1
    land(world)
    assert world.on_main("shop") == sha_of("app-1")


def two_in_lab(world: World) -> World:
    """The lab has had 1, which nobody has now, and has 2; both were healthy there."""
    world.deploy("lab")
    world.later(hours=1)
    world.announce(2)
    land(world)
    world.deploy("lab")
    return world


@pytest.fixture
def overtaken(tmp_path: Path) -> World:
    """The lab has had 1 and has 2, the shop takes what a person approves, and has nothing."""
    waves: dict[str, dict[str, Any]] = {
        "lab": {"targets": ["lab-1"]},
        "shop": {"targets": ["north"], "approval": True},
    }
    world = World(tmp_path, waves)
    world.announce(1)
    land(world)
    return two_in_lab(world)


def test_promotion_whose_commit_is_gone_fails_alone_and_says_why(overtaken: World) -> None:
    gone = git(overtaken.bare, "rev-parse", "main~1")
    squash(overtaken)
    asked = overtaken.run("promote-wave", "--wave", "shop", "--sha", sha_of("app-1"))
    assert asked.code == 1
    assert f"{gone}, which put these images of app in lab, is gone" in asked["error"]["what"]
    assert "network" not in str(asked["error"])
    assert inbox(overtaken) == []
    assert "evicted" in {entry["what"] for entry in journal(overtaken)}
    assert overtaken.announce(3).code == 0, "everybody else goes on"
    land(overtaken)
    overtaken.later(minutes=1)
    overtaken.run("promote-wave", "--wave", "shop", "--sha", sha_of("app-2"))
    assert overtaken.status().code == 0
    assert_rests(overtaken)


def test_set_that_nobody_asked_for_fails_alone_too(overtaken: World) -> None:
    overtaken.settings = overtaken.settings.replace("approval = true", "approval = false")
    overtaken.edit()
    overtaken.run("hold-wave", "--wave", "shop", "--reason", "wait")
    overtaken.announce(3)
    land(overtaken)
    squash(overtaken)
    turn = overtaken.run("release-wave", "--wave", "shop", "--reason", "go on")
    assert turn.code == 0
    assert {one["app_sha"] for one in turn["evicted"]} == {sha_of("app-1"), sha_of("app-2")}
    assert all("is gone" in one["reason"] for one in turn["evicted"])
    overtaken.deploy("lab")
    land(overtaken)
    assert overtaken.on_main("shop") == sha_of("app-3")
    assert_rests(overtaken)


def test_rollback_goes_to_a_set_that_another_wave_still_has(shipped: World) -> None:
    two_in_lab(shipped)
    shipped.run("hold-wave", "--wave", "shop", "--reason", "keep 1 there")
    squash(shipped)
    back = shipped.run("rollback-wave", "--wave", "lab", "--reason", "2 is bad")
    assert back.code == 0
    assert file_at(shipped, "auto", "images/lab/digests.json") == file_at(
        shipped, "main", "images/shop/digests.json"
    )
    land(shipped)
    assert shipped.on_main("lab") == sha_of("app-1")
    assert_rests(shipped)


def test_rollback_whose_goal_is_gone_holds_the_wave_and_says_why(overtaken: World) -> None:
    squash(overtaken)
    back = overtaken.run("rollback-wave", "--wave", "lab", "--reason", "2 is bad")
    assert back.code == 1
    assert "is gone" in back["error"]["what"]
    assert overtaken.status()["waves"][0]["hold"]["reason"] == "2 is bad"
    assert_rests(overtaken)


def test_report_of_a_commit_that_is_gone_is_refused_and_stops_nobody(landed: World) -> None:
    gone = landed.ref("refs/heads/main")
    settings = landed.settings
    landed.settings = "this is no TOML"
    landed.edit()
    landed.report("lab", "lab-1", revision=gone)  # waits, as no settings say what it means
    landed.settings = settings
    landed.edit()
    squash(landed)
    told = landed.report("lab", "lab-2", revision=gone)
    assert told.code == 1
    assert told["error"]["what"] == f"the revision {gone} is gone from the repository"
    turn = landed.turn()
    assert turn.code == 0
    assert inbox(landed) == []
    landed.deploy("lab")
    land(landed)
    assert landed.on_main("shop") == sha_of("app-1")


def test_retry_of_an_evicted_commit_that_is_gone_says_what_to_do(under_test: World) -> None:
    under_test.check(under_test.ref("refs/heads/main") or "")
    under_test.check(under_test.ref("refs/heads/auto") or "", "failure")
    assert under_test.turn()["evicted"]
    (kept,) = under_test.refs("evicted")
    git(under_test.bare, "update-ref", "-d", kept)
    collect(under_test)
    told = under_test.run("retry", "--sha", sha_of("app-1"))
    assert told.code == 1
    assert "is gone from the repository" in told["error"]["what"]
    assert "--override REASON" in told["error"]["remedy"]
    under_test.announce(1, override="it was a flaky check")
    land(under_test)
    assert under_test.on_main("lab") == sha_of("app-1")


def test_one_file_that_is_lost_fails_one_promotion_alone(overtaken: World) -> None:
    blob = git(overtaken.bare, "rev-parse", "main~1:images/lab/digests.json")
    git(overtaken.bare, "repack", "-qad")
    git(overtaken.bare, "config", "uploadpack.allowFilter", "true")
    pack = next((overtaken.bare / "objects/pack").glob("*.pack"))
    moved = pack.rename(overtaken.folder / "moved.pack")
    for left in (overtaken.bare / "objects/pack").iterdir():
        left.unlink()
    git(overtaken.bare, "unpack-objects", "-q", data=moved.read_bytes())
    (overtaken.bare / "objects" / blob[:2] / blob[2:]).unlink()
    asked = overtaken.run("promote-wave", "--wave", "shop", "--sha", sha_of("app-1"))
    assert asked.code == 1
    assert "is gone" in asked["error"]["what"]
    overtaken.later(minutes=1)
    promote(overtaken, 2)
    land(overtaken)
    assert overtaken.on_main("shop") == sha_of("app-2")
