"""Each line of status ends with a command: run as printed, it ends what the line says."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.loop.waves import Options, Waves, built_once, short, waves
from tests.world import Result, sha_of

THREE: Options = {
    "lab": {"targets": ["l1"]},
    "shop": {"targets": ["s1"]},
    "world": {"targets": ["w1"]},
}


def command_for(w: Waves, wave: str, position: int, at: str = "for") -> list[str]:
    """What the line of a set in a wave ends with, without `tidemill`."""
    lines = [
        line
        for line in w.status()["waiting"]
        if (line.get("wave"), line["at"]) == (wave, at)
        and line.get("app_sha") == sha_of(f"app-{position}")
    ]
    assert len(lines) == 1, w.why()
    assert lines[0]["for"].endswith(lines[0]["command"])
    words = shlex.split(lines[0]["command"])
    assert words[0] == "tidemill"
    return words[1:]


def typed(w: Waves, words: list[str]) -> Result:
    """Run it as printed."""
    done = w.run(*words, repo=False)
    assert done.code == 0, done
    return done


TAKE = """\
import json, pathlib, sys
images = json.loads(pathlib.Path(sys.argv[1]).read_text())
if "odd" in images:
    sys.exit("nobody here knows odd")
folder = pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
for kind, name in (("Tag", "tags"), ("Digest", "digests")):
    text = json.dumps({service: image[kind] for service, image in images.items()})
    (folder / f"{name}.json").write_text(text)
"""


def back_in_lab(w: Waves) -> None:
    """The lab is rolled back to 1, and has deployed it."""
    w.roll_back("lab")
    w.green()
    w.later(minutes=1)
    w.deploy("lab")


@built_once
def both(folder: Path) -> Waves:
    """1 and then 2 have been deployed in all three waves."""
    w = waves(folder, THREE)
    for position in (1, 2):
        w.everywhere(position)
        w.later(minutes=30)
    return w


@pytest.fixture
def w(tmp_path: Path) -> Waves:
    return both(tmp_path)


def test_set_that_was_rolled_back_in_a_first_wave_comes_back(w: Waves) -> None:
    back_in_lab(w)
    typed(w, command_for(w, "lab", 2))
    assert w.at("lab") == 1, "the hold of the rollback is still there"
    typed(w, command_for(w, "lab", 2))
    w.green()
    assert w.at("lab") == 2


def test_hold_may_end_first(w: Waves) -> None:
    back_in_lab(w)
    w.release("lab")
    w.green()
    assert w.at("lab") == 1, "not by itself"
    typed(w, command_for(w, "lab", 2))
    w.green()
    assert w.at("lab") == 2


def test_set_that_was_rolled_back_in_the_wave_before_comes_back_there(tmp_path: Path) -> None:
    w = waves(tmp_path, THREE, first=("everywhere", 1))
    w.later(minutes=30)
    w.ship(2)
    w.deploy("lab")
    w.green()
    w.deploy("shop")
    w.roll_back("shop")
    w.green()
    w.deploy("shop")
    w.release("shop")
    w.green()
    assert "it was rolled back in shop" in w.why()
    typed(w, command_for(w, "world", 2))
    w.green()
    assert w.positions() == {"lab": 2, "shop": 2, "world": 1}
    w.later(minutes=1)
    w.deploy("shop")
    w.green()
    assert w.positions() == {"lab": 2, "shop": 2, "world": 2}


def test_every_wave_behind_names_the_way_back_of_what_was_dropped(w: Waves) -> None:
    dropped = w.announce(3)["request"]["id"]
    w.run("drop", "--id", dropped)
    w.green()
    found = [command_for(w, wave, 3) for wave in THREE]
    assert found[0] == found[1] == found[2]
    typed(w, found[2])
    w.green()
    assert w.at("lab") == 3


def test_failure_names_a_rollback_that_can_be_done(w: Waves) -> None:
    w.report("world", "w1", health="Degraded")
    typed(w, command_for(w, "world", 2, at="in"))
    w.green()
    assert w.at("world") == 1


def test_where_no_older_set_was_healthy_no_rollback_is_named(tmp_path: Path) -> None:
    w = waves(tmp_path, THREE, first=("ship", 1))
    w.report("lab", "l1", health="Degraded")
    assert short(1) in w.why()
    assert command_for(w, "lab", 1, at="in")[0] == "status"
    assert command_for(w, "shop", 1)[0] == "status"


def test_override_puts_what_another_wave_has_had_into_a_first_wave(w: Waves) -> None:
    w.roll_back("lab")
    w.green()
    w.promote("lab", "--sha", sha_of("app-2"), "--override", "the other was worse")
    w.green()
    assert w.at("lab") == 2


def in_remedy(refused: Result) -> list[str]:
    """The command that a refusal names, without `tidemill`."""
    remedy = str(refused["error"]["remedy"])
    return shlex.split(remedy[remedy.index("tidemill ") :])[1:]


def test_refusals_name_the_set_and_the_commit_where_there_are_several_sets(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}, "shop": {"targets": ["s1"]}}, sets=("a", "b"))
    for position in (1, 2, 3):
        w.everywhere(position, set_name="a")
        w.later(minutes=20)
    one, two, three = (sha_of(f"a-{position}") for position in (1, 2, 3))
    typed(w, in_remedy(w.promote("shop", "--set", "a", "--sha", one)))
    w.green()
    assert w.on_main("shop", "a") == one, "and not 2, which is the newest older one"
    newer = w.roll_back("shop", "--set", "a", "--to", three)
    assert newer.code == 1
    assert typed(w, in_remedy(newer))["request"]["state"] == "accepted"
    assert two not in str(newer)


def test_what_is_asked_for_waits_for_a_newer_one_on_auto(w: Waves) -> None:
    back_in_lab(w)
    w.release("lab")
    w.announce(3)
    w.promote("lab", "--sha", sha_of("app-2"))
    assert f"{short(3)} is on auto for lab" in w.why()
    assert "none is known to have had it" not in w.why()
    w.green()
    assert w.at("lab") == 3
    assert not w.refs("inbox")


def evicted_line(w: Waves, wave: str) -> list[str]:
    """What the line of an eviction in a wave ends with, without `tidemill`."""
    lines = [line for line in w.status()["waiting"] if "evicted" in line["for"]]
    return shlex.split(next(line["command"] for line in lines if line["wave"] == wave))[1:]


def test_retry_is_of_the_wave_whose_line_names_it(tmp_path: Path) -> None:
    after_lab = {name: {"targets": [name], "after": ["lab"]} for name in ("eu", "us")}
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}, **after_lab}, first=("everywhere", 1))
    w.later(minutes=20)
    w.announce(2)
    w.green()
    w.deploy("lab")
    while to_check := w.turn()["to_check"]:
        for sha in to_check:
            w.check(sha, "success" if sha == w.ref("refs/heads/main") else "failure")
    for wave in after_lab:
        w.later(minutes=1)
        assert [one["wave"] for one in typed(w, evicted_line(w, wave))["promoted"]] == [wave]


def test_retry_of_one_wave_while_the_set_waits_for_another(tmp_path: Path) -> None:
    w = waves(
        tmp_path, {**THREE, "east": {"targets": ["e1"], "after": []}}, first=("everywhere", 1)
    )
    w.later(minutes=20)
    w.hold("east")
    w.announce(2)
    w.green()
    w.deploy("lab")
    w.check(w.turn()["to_check"][0], "failure")
    w.check(w.ref("refs/heads/main") or "")
    assert w.turn()["evicted"]
    assert [one["wave"] for one in typed(w, evicted_line(w, "shop"))["promoted"]] == ["shop"]


def test_retry_of_one_set_while_another_of_that_commit_waits(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}}, sets=("app", "db"))
    same = sha_of("app-2")
    w.hold("lab", set_name="db")
    w.announce(2, {"db": "1"}, set_name="db", sha=same)
    w.check(w.announce(2, {"web": "1"}, set_name="app", sha=same)["to_check"][0], "failure")
    w.check(w.ref("refs/heads/main") or "")
    assert w.turn()["evicted"]
    assert [one["set"] for one in typed(w, evicted_line(w, "lab"))["introduced"]] == ["app"]
    w.later(minutes=1)
    again = w.run("retry", "--sha", same, "--set", "app")
    assert again["request"]["state"].endswith("waits already")


def test_drop_names_the_way_back_of_the_set_that_it_drops(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}}, sets=("app", "db"))
    same = sha_of("app-2")
    w.hold("lab")
    for set_name in ("app", "db"):
        w.announce(2, {set_name: "1"}, set_name=set_name, sha=same)
    dropped = w.run("drop", "--id", f"announcement-app-2-{same[:12]}")
    w.later(minutes=1)
    typed(w, shlex.split(dropped["request"]["way_in"])[1:])
    held = {line["set"] for line in w.status()["waiting"] if "lab is held" in line["for"]}
    assert held == {"app", "db"}


def test_each_rejection_is_said_until_something_newer_is_announced(tmp_path: Path) -> None:
    entry = 'generate = "python3 generate.py"\nintroduce = "python3 take.py {file} images/{wave}"'
    w = waves(tmp_path, THREE, entrypoints=entry)
    (w.clone / "take.py").write_text(TAKE)
    w.edit()
    for position in (2, 4):
        w.later(minutes=1)
        w.everywhere(position - 1)
        w.later(minutes=1)
        w.announce(position, {"odd": "1"})
        assert (
            w.why().count(f"{short(position)} (app) waits for its announcement was rejected") == 1
        )
        assert "nobody here knows odd" in w.why()
    assert short(2) not in w.why(), "3 was newer"
