"""Waves and sets get other names: no hold, no rollback and nobody's past is forgotten."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.loop.stories import assert_rests, says, trailers
from tests.loop.waves import Options, Waves, built_once, short, waves
from tests.world import git, sha_of

LAB = {"targets": ["l1"]}
LIVE = {"targets": ["v1"]}
STORY: Options = {"lab": LAB, "live": LIVE}


@built_once
def started(folder: Path, /, positions: int = 2, options: Options = STORY, **kw: Any) -> Waves:
    """Sets that are deployed everywhere, one after the other."""
    w = waves(folder, options, **kw)
    sets = kw.get("sets", ("app",))
    for position in range(1, positions + 1):
        for name in sets:
            services = None if len(sets) == 1 else {name: f"{position}"}
            w.everywhere(position, services, set_name=name)
    return w


def rewrite(w: Waves, options: Options, moved: dict[str, str] | None = None, **kw: Any) -> str:
    """A person writes other waves into `tidemill.toml`, and moves image files, in one commit."""
    pulled(w)
    taken = {}
    for old, new in (moved or {}).items():
        if (w.clone / old).exists():
            taken[new] = w.clone / f"{old}.away"
            (w.clone / old).rename(taken[new])
    for new, away in taken.items():
        (w.clone / new).parent.mkdir(parents=True, exist_ok=True)
        away.rename(w.clone / new)
    w.targets = {wave: dict.fromkeys(mine["targets"]) for wave, mine in options.items()}
    w.rollout["waves"] = w.targets
    sets = kw.pop("sets", ("app",))
    w.settings = w._settings(
        {name: dict(mine) for name, mine in options.items()}, sets, "", "retries = 0", None
    )
    for old, new in kw.items():
        w.settings = w.settings.replace(
            f'[[sets]]\nname = "{new}"', f'[[sets]]\nname = "{new}"\nwas = "{old}"'
        )
    (w.clone / "rollout.json").write_text(json.dumps(w.rollout))
    (w.clone / "tidemill.toml").write_text(w.settings)
    subprocess.run(["python3", "generate.py"], cwd=w.clone, check=False, capture_output=True)
    return w.commit("other names")


def pulled(w: Waves) -> None:
    """The person's clone is as main is."""
    git(w.clone, "fetch", "-q", str(w.bare), "main")
    git(w.clone, "reset", "-q", "--hard", "FETCH_HEAD")


def settle(w: Waves) -> None:
    """Green checks and healthy targets, until there is nothing more to come."""
    for _ in range(3):
        w.green()
        for wave in w.targets:
            w.deploy(wave)
    w.green()


def renamed_to(name: str, *others: str, was: Any = "live") -> dict[str, Any]:
    """The waves, where live is called `name` now."""
    return {"lab": LAB, name: {**LIVE, "was": was}}


PROD = renamed_to("prod")
MOVED = {"images/live": "images/prod"}


# A rollback and its hold


@built_once
def bad_set(folder: Path) -> Waves:
    """Set 2 was rolled back in live, which is held."""
    w = started(folder)
    w.roll_back("live")
    settle(w)
    assert w.at("live") == 1
    return w


@pytest.mark.parametrize("was", [None, "live"], ids=["without-was", "with-was"])
@pytest.mark.parametrize("order", ["one-commit", "settings-first", "images-first", "never-moved"])
def test_bad_set_does_not_return_under_another_name(
    tmp_path: Path, order: str, was: str | None
) -> None:
    w = bad_set(tmp_path)
    options = PROD if was else {"lab": LAB, "prod": LIVE}
    if order == "images-first":
        rewrite(w, STORY, MOVED)
        settle(w)
    rewrite(w, options, MOVED if order == "one-commit" else None)
    settle(w)
    if order == "settings-first":
        rewrite(w, options, MOVED)
        settle(w)
    assert w.at("prod") == (None if order == "never-moved" else 1)
    assert w.wave("prod")["hold"] is not None
    assert_rests(w)
    if was:
        assert w.status()["gone_holds"] == []
        assert {name.partition("holds/")[2] for name in w.refs("holds")} == {"prod/app"}
    else:
        assert 'was = "live"' in w.wave("prod")["hold"]["reason"]
        assert [one["wave"] for one in w.status()["gone_holds"]] == ["live"]
    w.release("prod")
    if was:
        settle(w)
        assert w.at("prod") in (1, None), "set 2 was rolled back there"
    w.ship(3)
    settle(w)
    assert w.at("prod") == 3


def test_hold_for_want_of_was_ends_once_it_is_there(tmp_path: Path) -> None:
    w = started(tmp_path)
    rewrite(w, {"lab": LAB, "prod": LIVE}, MOVED)
    settle(w)
    assert w.wave("prod")["hold"]["by"] == "tidemill"
    rewrite(w, PROD)
    settle(w)
    assert w.wave("prod")["hold"] is None
    assert w.state("prod") == "deployed"
    w.ship(3)
    settle(w)
    assert w.at("prod") == 3


def test_hold_of_a_wave_that_is_gone_is_shown_and_can_be_released(tmp_path: Path) -> None:
    w = started(tmp_path, 1)
    w.hold("live", "freeze")
    had = w.now.isoformat()
    w.later(minutes=5)
    rewrite(w, {"lab": LAB})
    w.turn()
    assert_rests(w)
    assert [(one["what"], one["wave"]) for one in w.run("history")["lines"]][-1] == (
        "removed",
        "live",
    )
    for when, there in ((had, ["lab", "live"]), (w.now.isoformat(), ["lab"])):
        ran = w.run("history", "--at", when)
        assert [one["wave"] for one in ran["sets"]] == there
        assert [one["wave"] for one in ran["targets"]] == there
    rewrite(w, STORY)
    w.turn()
    assert [one["wave"] for one in w.journalled("named again")] == ["live"]
    assert [one["wave"] for one in w.run("history", "--at", w.now.isoformat())["sets"]] == [
        "lab",
        "live",
    ]
    rewrite(w, {"lab": LAB})
    w.turn()
    assert [(one["wave"], one["reason"]) for one in w.status()["gone_holds"]] == [
        ("live", "freeze")
    ]
    _, out, _ = says(w, "status")
    assert "freeze" in out
    assert w.release("live").code == 0
    assert w.status()["gone_holds"] == []
    assert w.refs("holds") == []
    assert w.hold("live").code == 1, "there is no such wave to be held"


def test_waves_that_swap_their_names_swap_their_refs(tmp_path: Path) -> None:
    far = {"targets": ["f1"]}
    w = started(tmp_path, 1, {"lab": LAB, "live": LIVE, "far": far})
    w.hold("live", "live is frozen")
    now = {"lab": LAB, "far": {**LIVE, "was": "live"}, "live": {**far, "was": "far"}}
    rewrite(w, now, {"images/live": "images/far", "images/far": "images/live"})
    assert w.hold("live", "by its new name").code == 0
    assert {name: w.wave(name)["hold"]["reason"] for name in ("far", "live")} == {
        "far": "live is frozen",
        "live": "by its new name",
    }
    assert {name.partition("deployed/")[2] for name in w.refs("deployed")} == {
        "lab/l1",
        "far/v1",
        "live/f1",
    }
    assert {wave: w.state(wave) for wave in w.targets} == dict.fromkeys(w.targets, "deployed")
    assert_rests(w)
    w.release("far")
    w.release("live")
    w.ship(2)
    settle(w)
    assert w.positions() == {"lab": 2, "live": 2, "far": 2}


def test_set_is_renamed_and_goes_on_under_both_names(tmp_path: Path) -> None:
    sets = ("app", "db")
    w = started(tmp_path, 2, sets=sets)
    w.roll_back("live", "--set", "app")
    settle(w)
    moved = {f"images/{wave}/app": f"images/{wave}/core" for wave in ("lab", "live")}
    rewrite(w, STORY, moved, sets=("core", "db"), app="core")
    settle(w)
    assert {name.partition("holds/")[2] for name in w.refs("holds")} == {"live/core"}
    assert (w.at("lab", "core"), w.at("live", "core"), w.at("live", "db")) == (2, 1, 2)
    w.ship(3, {"app": "3"}, set_name="app")
    settle(w)
    assert (w.at("lab", "core"), w.at("live", "core")) == (3, 1)
    w.release("live", set_name="core")
    settle(w)
    assert w.at("live", "core") == 3
    w.roll_back("live", "--set", "core", "--to", sha_of("app-1"))
    settle(w)
    assert w.at("live", "core") == 1, "taken from where that commit has it"
    assert_rests(w)


@pytest.mark.parametrize("end", ["evicted", "dropped"])
@pytest.mark.parametrize("order", ["ends-first", "renamed-first"])
def test_what_ended_does_not_come_again_under_either_name_of_its_set(
    tmp_path: Path, order: str, end: str
) -> None:
    w = started(tmp_path, 1, sets=("app", "db"))
    w.check(w.ref("refs/heads/main") or "")
    request = w.announce(2, {"app": "2"}, set_name="app")["request"]["id"]

    def ends() -> None:
        if end == "dropped":
            w.run("drop", "--id", request)
            w.turn()
        while asked := w.turn()["to_check"]:
            for sha in asked:
                is_main = sha == w.ref("refs/heads/main")
                w.check(sha, "success" if is_main or end == "dropped" else "failure")

    if order == "ends-first":
        ends()
    moved = {f"images/{wave}/app": f"images/{wave}/core" for wave in ("lab", "live")}
    rewrite(w, STORY, moved, sets=("core", "db"), app="core")
    if order == "renamed-first":
        ends()
    w.green()
    for name in ("app", "core"):
        again = w.announce(2, {"app": "2"}, set_name=name, sha=sha_of("app-2"))
        assert f"has ended already: {end}" in again["request"]["state"]
        settle(w)
        assert (w.at("lab", "core"), w.at("live", "core")) == (1, 1)
    assert w.run("retry", "--sha", sha_of("app-2"))["request"]["state"] == "accepted"
    settle(w)
    assert (w.at("lab", "core"), w.at("live", "core")) == (2, 2)
    assert_rests(w)


def test_rollback_and_reports_go_on_under_the_old_name(tmp_path: Path) -> None:
    w = started(tmp_path)
    before = w.ref("refs/heads/main")
    w.roll_back("live")
    rewrite(w, PROD, MOVED)
    assert w.report("live", "v1", health="Degraded", revision=before).code == 0
    assert w.wave("prod")["targets"][0]["health"] == "Degraded"
    settle(w)
    assert (w.at("prod"), w.wave("prod")["hold"] is not None) == (1, True)
    assert trailers(w, w.landing_of("prod"))["Autocommit-Target"] == "prod"
    assert w.release("live").code == 0
    w.ship(3)
    settle(w)
    assert w.at("prod") == 3


def test_first_wave_that_is_removed_leaves_no_set_behind(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": LAB, "live": {**LIVE, "soak": "1d"}}, first=("everywhere", 1))
    w.ship(2)
    rewrite(w, {"live": LIVE})
    settle(w)
    assert w.at("live") == 2
    assert w.announce(2)["request"]["state"] == "already there"
    assert_rests(w)


def test_set_that_a_first_wave_lacks_is_not_called_already_there(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": LAB, "live": {**LIVE, "soak": "1d"}}, first=("everywhere", 1))
    w.ship(2)
    w.report("lab", "l1", health="Degraded")
    rewrite(w, {"live": LIVE})
    settle(w)
    assert w.at("live") == 1, "what failed elsewhere does not come by itself"
    line = next(one for one in w.status()["waiting"] if short(2) in one["what"])
    assert f"retry --sha {sha_of('app-2')}" in line["command"]
    assert w.run("retry", "--sha", sha_of("app-2"))["request"]["state"] == "accepted"
    settle(w)
    assert w.at("live") == 2


def split(w: Waves, **more: Any) -> str:
    """A person makes two waves of live."""
    halves = {name: {**LIVE, **more, "was": "live"} for name in ("east", "west")}
    halves["west"]["after"] = ["lab"]
    folders = {"images/live": "images/east", "generated/live": "generated/east"}
    return rewrite(w, {"lab": LAB, **halves}, folders)


def test_what_waits_for_a_wave_that_is_two_now_is_no_approvers_in_either(tmp_path: Path) -> None:
    w = started(tmp_path)
    w.run("rollback-wave", "--wave", "live", "--reason", "errors", "--accept-only")
    [waits] = w.refs("inbox")
    split(w, approvers=["ada"])
    turn = w.turn()
    assert not turn.get("error")
    assert len(turn["rejected"]) == 2
    assert w.refs("rejected") == [waits.replace("/inbox/", "/rejected/")]
    assert_rests(w)
    assert w.at("east") == 2


def test_half_of_a_rollback_that_was_evicted_is_not_done_again(tmp_path: Path) -> None:
    w = started(tmp_path)
    w.run("rollback-wave", "--wave", "live", "--reason", "errors", "--accept-only")
    split(w)
    w.turn()
    first = git(w.bare, "rev-list", "--reverse", "main..auto").split()[0]
    assert trailers(w, first)["Autocommit-Target"] == "west"
    w.check(w.ref("refs/heads/main") or "")
    w.check(first, "failure")
    w.turn()
    w.green()
    assert len(w.journalled("evicted")) == 1
    assert (w.at("east"), w.at("west")) == (1, None)
    assert_rests(w)


def test_a_rollback_that_is_dropped_is_so_in_both_halves(tmp_path: Path) -> None:
    w = started(tmp_path)
    w.run("rollback-wave", "--wave", "live", "--reason", "errors", "--accept-only")
    [waits] = w.refs("inbox")
    split(w)
    w.run("drop", "--id", waits.rpartition("/")[2])
    w.green()
    assert not w.journalled("rolled back")
    assert not w.refs("inbox")
    assert_rests(w)
