"""Waves that fan out and join again, and several waves that take announcements."""

from __future__ import annotations

from pathlib import Path

from tests.loop.waves import Waves, short, waves
from tests.world import sha_of

FAN_OUT = {
    "lab": {"targets": ["l1"]},
    "east": {"targets": ["e1"], "after": ["lab"]},
    "west": {"targets": ["w1"], "after": ["lab"]},
}
DIAMOND = {**FAN_OUT, "world": {"targets": ["g1"], "after": ["east", "west"]}}
ROOTS = {
    "linux": {"targets": ["x1"]},
    "macos": {"targets": ["m1"], "after": []},
    "all": {"targets": ["a1"], "after": ["linux", "macos"]},
}


def test_set_fans_out_to_every_wave_that_comes_after(tmp_path: Path) -> None:
    w = waves(tmp_path, FAN_OUT, first=("deployed", 1, "lab"))
    assert w.positions() == {"lab": 1, "east": 1, "west": 1}


def test_held_branch_of_a_fan_out_does_not_hold_the_other(tmp_path: Path) -> None:
    w = waves(tmp_path, FAN_OUT)
    w.hold("east")
    w.deployed(1, "lab")
    assert w.positions() == {"lab": 1, "east": None, "west": 1}
    w.release("east")
    w.green()
    assert w.at("east") == 1


def test_join_takes_a_set_only_when_both_of_its_sources_have_it_deployed(tmp_path: Path) -> None:
    w = waves(tmp_path, DIAMOND, first=("deployed", 1, "lab"))
    w.deploy("east")
    w.green()
    assert w.at("world") is None
    assert "west" in w.why()
    w.deploy("west")
    w.green()
    assert w.at("world") == 1


def test_diff_shows_of_a_join_what_all_of_its_sources_have_deployed(tmp_path: Path) -> None:
    w = waves(tmp_path, DIAMOND, first=("everywhere", 1))
    w.deployed(2, "lab")
    w.deploy("east")
    w.green()
    (found,) = w.run("diff", "--promote", "world")["sets"]
    assert (found["before"], found["after"]) == (sha_of("app-1"), sha_of("app-1"))
    w.deploy("west")
    (found,) = w.run("diff", "--promote", "world")["sets"]
    assert (found["before"], found["after"]) == (sha_of("app-1"), sha_of("app-2"))


def test_failure_in_one_source_keeps_a_set_out_of_the_join(tmp_path: Path) -> None:
    w = waves(tmp_path, DIAMOND, first=("deployed", 1, "lab"))
    w.deploy("east")
    w.report("west", "w1", health="Degraded")
    w.later(days=2)
    w.green()
    assert w.at("world") is None


def test_set_rolled_back_in_one_source_does_not_reach_the_join(tmp_path: Path) -> None:
    w = waves(tmp_path, DIAMOND, first=("everywhere", 1))
    w.deployed(2, "lab")
    w.deploy("east")
    w.deploy("west")
    w.roll_back("west")
    w.green()
    w.deploy("west")
    w.green()
    assert w.positions() == {"lab": 2, "east": 2, "west": 1, "world": 1}
    w.release("west")
    w.later(days=1)
    w.green()
    assert w.at("world") == 1


def test_join_whose_sources_take_different_sets_does_not_starve(tmp_path: Path) -> None:
    """East is quick and west is slow, so that they would rarely have the same set."""
    w = waves(tmp_path, DIAMOND)
    joined = []
    for position in range(1, 9):
        w.deployed(position, "lab")
        w.deploy("east")
        if position % 3 == 0:
            w.deploy("west")
            w.deploy("world")
        w.green()
        w.later(minutes=4)
        joined.append(w.at("world"))
    assert len({one for one in joined if one}) >= 2, joined


def test_slow_source_takes_what_the_join_waits_for_before_anything_newer(tmp_path: Path) -> None:
    options = {
        "lab": {"targets": ["l1"]},
        "east": {"targets": ["e1"], "after": ["lab"]},
        "west": {"targets": ["w1"], "after": ["lab"]},
        "world": {"targets": ["g1"], "after": ["east", "west"], "soak": "1h"},
    }
    w = waves(tmp_path, options)
    w.hold("west")
    w.deployed(1, "lab")
    w.deploy("east")
    w.later(minutes=50)
    w.deployed(2, "lab")
    w.deploy("east")
    w.green()
    assert w.positions() == {"lab": 2, "east": 2, "west": None, "world": None}
    w.later(minutes=10)
    w.release("west")
    w.green()
    assert w.at("west") == 1, "east has had 1 for an hour: the join lacks it only from west"
    w.deploy("west")
    w.green()
    assert w.at("west") == 2
    w.later(minutes=60)
    w.green()
    assert w.at("world") == 1


def test_announcement_goes_to_every_first_wave_and_ends_when_all_have_it(tmp_path: Path) -> None:
    w = waves(tmp_path, ROOTS)
    w.hold("macos")
    w.ship(1)
    assert w.positions() == {"linux": 1, "macos": None, "all": None}
    assert len(w.refs("inbox")) == 1
    w.release("macos")
    w.green()
    assert w.positions() == {"linux": 1, "macos": 1, "all": None}
    assert not w.refs("inbox")


def test_first_waves_do_not_wait_for_each_other(tmp_path: Path) -> None:
    w = waves(tmp_path, ROOTS, first=("ship", 1))
    w.deploy("linux")
    w.ship(2)
    assert w.positions() == {"linux": 2, "macos": 1, "all": None}
    w.later(minutes=16)
    w.green()
    assert w.positions() == {"linux": 2, "macos": 2, "all": None}


def test_join_of_first_waves_takes_what_both_have(tmp_path: Path) -> None:
    w = waves(tmp_path, ROOTS, first=("ship", 1))
    w.deploy("linux")
    w.deploy("macos")
    w.green()
    assert w.at("all") == 1


def test_join_of_first_waves_of_unequal_speed_does_not_starve(tmp_path: Path) -> None:
    w = waves(tmp_path, ROOTS)
    joined: list[int | None] = []
    for position in range(1, 10):
        w.announce(position)
        w.green()
        w.deploy("linux")
        if position % 3 == 0:
            w.deploy("macos")
        w.green()
        w.deploy("all")
        w.later(minutes=4)
        joined.append(w.at("all"))
    assert len({one for one in joined if one}) >= 2, joined


def test_set_that_a_join_waits_for_is_not_among_the_superseded(tmp_path: Path) -> None:
    w = waves(tmp_path, {**ROOTS, "all": {**ROOTS["all"], "soak": "1h"}})
    w.hold("macos")
    w.ship(1)
    w.deploy("linux")
    w.later(hours=1)
    w.hold("linux")
    valid, w.settings = w.settings, "waves = 3\n"  # announcing to a broken main takes no turns
    w.edit()
    for position in range(2, 54):
        w.announce(position)
    w.settings = valid
    w.edit()
    w.green()
    w.release("macos")
    w.green()
    assert w.at("macos") == 1, "51 others waited, but linux has had 1 for an hour"


def test_chain_of_three_waves_passes_a_set_on_one_by_one(tmp_path: Path) -> None:
    options = {name: {"targets": [f"{name}-1"]} for name in ("one", "two", "three")}
    w: Waves = waves(tmp_path, options, first=("ship", 1))
    for name in options:
        assert w.at(name) == 1
        w.deploy(name)
        w.green()
    w.ship(2)
    assert w.positions() == {"one": 2, "two": 1, "three": 1}


def test_status_names_the_source_that_a_join_lacks(tmp_path: Path) -> None:
    w = waves(tmp_path, DIAMOND)
    w.hold("west")
    w.deployed(1, "lab")
    w.deploy("east")
    w.green()
    lines = [line for line in w.why().splitlines() if "for world" in line]
    assert len(lines) == 1
    assert short(1) in lines[0]
    assert "west" in lines[0]
