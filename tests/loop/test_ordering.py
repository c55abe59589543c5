"""Which set goes next: by position, one in flight, whatever the order of arrival."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.loop.stories import accept, assert_rests, endings, inbox, journal, land, refs, waits_for
from tests.world import Result, World, announcement, git, sha_of


def one_wave(folder: Path, admit: str, **more: object) -> World:
    """A wave of one target that admits sets in a certain way."""
    return World(folder, {"lab": {"targets": ["lab-1"], "admit": admit, **more}})


def positions(world: World) -> list[str]:
    """The positions on auto above main, the oldest commit first."""
    log = git(
        world.bare,
        "log",
        "--reverse",
        "--format=%(trailers:key=Autocommit-App-Position,valueonly,separator=%x2c)",
        "main..auto",
    )
    return log.split()


def id_of(position: int, name: str = "app") -> str:
    """The id of an announcement."""
    return f"announcement-{name}-{position}-{sha_of(f'{name}-{position}')[:12]}"


def test_older_announcement_that_arrives_late_is_superseded(landed: World) -> None:
    landed.deploy("lab")
    landed.announce(5)
    land(landed)
    late = landed.announce(4)
    assert late.code == 0
    assert [one["id"] for one in late["superseded"]] == [id_of(4)]
    assert landed.on_main("lab") == sha_of("app-5")
    assert endings(landed)[id_of(4)] == ["superseded"]
    assert_rests(landed)


def test_older_announcement_behind_a_newer_one_under_test_waits_for_its_verdict(new: World) -> None:
    tested = new.announce(5)["to_check"][0]
    assert new.announce(4)["superseded"] == []
    assert inbox(new) == [id_of(4), id_of(5)]
    new.check(tested)
    assert [one["id"] for one in new.turn()["superseded"]] == [id_of(4)]
    assert new.on_main("lab") == sha_of("app-5")


def test_older_announcement_gets_its_turn_when_the_newer_one_is_evicted(new: World) -> None:
    tested = new.announce(5)["to_check"][0]
    new.announce(4)
    new.check(new.ref("refs/heads/main") or "")
    new.check(tested, "failure")
    turn = new.turn()
    assert [one["id"] for one in turn["introduced"]] == [id_of(4)]
    land(new)
    assert endings(new) == {id_of(5): ["evicted"], id_of(4): ["landed"]}


def test_after_an_eviction_the_oldest_goes_next_and_then_the_newest_again(new: World) -> None:
    new.check(new.ref("refs/heads/main") or "")
    tested = new.announce(1)["to_check"][0]
    for position in (2, 3, 4, 5):
        new.announce(position)
    new.check(tested, "failure")
    turn = new.turn()
    assert [one["id"] for one in turn["introduced"]] == [id_of(2)]
    new.check(turn["to_check"][0])
    new.turn()
    assert [one["id"] for one in new.report("lab", "lab-1")["introduced"]] == []
    assert [one["id"] for one in new.report("lab", "lab-2")["introduced"]] == [id_of(5)]
    land(new)
    assert endings(new) == {
        id_of(1): ["evicted"],
        id_of(2): ["landed"],
        id_of(3): ["superseded"],
        id_of(4): ["superseded"],
        id_of(5): ["landed"],
    }


def test_when_deployed_admits_one_until_it_has_settled(tmp_path: Path) -> None:
    world = one_wave(tmp_path, "when deployed", settle="15m")
    world.announce(1)
    land(world)
    for position in (2, 3):
        assert world.announce(position)["introduced"] == []
    world.later(minutes=14)
    assert world.turn()["introduced"] == []
    assert "in flight" in waits_for(world.status())
    world.later(minutes=1)
    assert [one["id"] for one in world.turn()["introduced"]] == [id_of(3)]
    land(world)
    assert endings(world)[id_of(2)] == ["superseded"]


def test_when_deployed_admits_the_next_as_soon_as_a_set_has_failed(tmp_path: Path) -> None:
    world = one_wave(tmp_path, "when deployed", settle="2h")
    world.announce(1)
    land(world)
    assert world.announce(2)["introduced"] == []
    failed = world.report("lab", "lab-1", "Failed", "Degraded")
    assert [one["id"] for one in failed["introduced"]] == [id_of(2)]


def test_when_soaked_admits_the_next_only_after_soak(tmp_path: Path) -> None:
    waves = {
        "lab": {"targets": ["lab-1"], "admit": "when soaked"},
        "shop": {"targets": ["north"], "soak": "1h"},
    }
    world = World(tmp_path, waves)
    world.announce(1)
    land(world)
    world.deploy("lab")
    assert world.announce(2)["introduced"] == []
    world.later(minutes=59)
    assert world.turn()["introduced"] == []
    assert "soaks in lab" in waits_for(world.status())
    world.later(minutes=1)
    turn = world.turn()
    assert [one["wave"] for one in turn["promoted"]] == ["shop"]
    assert [one["id"] for one in turn["introduced"]] == [id_of(2)]


def test_at_once_stacks_sets_as_they_come(tmp_path: Path) -> None:
    world = one_wave(tmp_path, "at once")
    for position in (2, 3, 7):
        assert len(world.announce(position)["introduced"]) == 1
    assert positions(world) == ["2", "3", "7"]
    assert world.announce(5)["introduced"] == [], "an older one never goes on top of a newer one"
    land(world)
    assert world.on_main("lab") == sha_of("app-7")
    assert endings(world)[id_of(5)] == ["superseded"]
    assert_rests(world)


@pytest.mark.parametrize("admit", ["when deployed", "when soaked", "at once"])
def test_whatever_is_admitted_every_announcement_ends_once_and_the_newest_lands(
    tmp_path: Path, admit: str
) -> None:
    world = one_wave(tmp_path, admit)
    for position in (3, 1, 4, 2, 6):
        world.announce(position)
        world.later(minutes=1)
    for _ in range(2):
        world.green()
        world.deploy("lab")
    world.green()
    assert world.on_main("lab") == sha_of("app-6")
    assert {key: len(ends) for key, ends in endings(world).items()} == dict.fromkeys(
        map(id_of, (1, 2, 3, 4, 6)), 1
    )
    assert inbox(world) == []


def test_position_that_another_commit_has_is_refused_and_names_the_override(landed: World) -> None:
    before = refs(landed)
    other = landed.announce(1, sha=sha_of("rewritten"))
    assert other.code == 1
    assert "--override" in other["error"]["what"] + other["error"]["remedy"]
    assert refs(landed) == before


def test_override_lets_the_other_commit_in_and_the_journal_keeps_the_reason(landed: World) -> None:
    landed.deploy("lab")
    reason = "the branch was rewritten on purpose"
    landed.announce(1, sha=sha_of("rewritten"), override=reason)
    land(landed)
    assert landed.on_main("lab") == sha_of("rewritten")
    assert reason in json.dumps(journal(landed))
    assert_rests(landed)


def test_positions_of_two_sets_have_nothing_to_do_with_each_other(tmp_path: Path) -> None:
    world = World(tmp_path, {"lab": {"targets": ["lab-1"]}}, sets=("web", "data"))
    world.announce(900, {"web": "1"}, set_name="web")
    world.announce(3, {"data": "1"}, set_name="data", repository="acme/data")
    land(world)
    world.deploy("lab")
    world.announce(4, {"data": "2"}, set_name="data", repository="acme/data")
    land(world)
    assert world.on_main("lab", "web") == sha_of("web-900")
    assert world.on_main("lab", "data") == sha_of("data-4")


def test_set_in_flight_does_not_keep_another_set_waiting(tmp_path: Path) -> None:
    world = World(tmp_path, {"lab": {"targets": ["lab-1"]}}, sets=("web", "data"))
    world.announce(1, {"web": "1"}, set_name="web")
    land(world)
    assert len(world.announce(1, {"data": "1"}, set_name="data")["introduced"]) == 1


def test_fifty_wait_at_most_and_the_oldest_are_superseded(new: World) -> None:
    new.run("hold-wave", "--wave", "lab", "--reason", "holiday")
    accept(new, [announcement(position) for position in range(1, 61)])
    assert len(new.turn()["superseded"]) == 10
    assert sorted(inbox(new)) == sorted(map(id_of, range(11, 61)))
    turn = new.run("release-wave", "--wave", "lab", "--reason", "back")
    assert [one["id"] for one in turn["introduced"]] == [id_of(60)]
    land(new)
    assert inbox(new) == []
    assert sorted(endings(new)) == sorted(map(id_of, range(1, 61)))
    assert {len(ends) for ends in endings(new).values()} == {1}


def test_first_waves_of_a_fork_take_a_set_each_and_their_join_takes_it_once(tmp_path: Path) -> None:
    waves = {
        "east": {"targets": ["e"], "after": []},
        "west": {"targets": ["w"], "after": []},
        "all": {"targets": ["a"], "after": ["east", "west"]},
    }
    world = World(tmp_path, waves)
    assert len(world.announce(1)["introduced"]) == 2
    land(world)
    world.report("east", "e")
    assert not world.turn()["promoted"]
    last: Result = world.report("west", "w")
    assert [one["wave"] for one in last["promoted"]] == ["all"]
    land(world)
    assert world.on_main("all") == sha_of("app-1")
    assert set(endings(world)[id_of(1)]) == {"landed"}
    assert inbox(world) == []


def test_commit_that_was_rejected_for_its_position_comes_in_by_an_override(new: World) -> None:
    """Two commits of one position were accepted at once: a turn rejects one, and names the way."""
    other = sha_of("a rewritten branch")
    accept(new, [announcement(1), announcement(1, {"web": "other"}, sha=other)])
    turn = new.turn()
    (rejected,) = turn["rejected"]
    assert "--override REASON lets this one in" in rejected["reason"]
    loser = next(sha for sha in (other, sha_of("app-1")) if rejected["id"].endswith(sha[:12]))
    services = {"web": "other"} if loser == other else None
    land(new)
    new.deploy("lab")
    again = new.announce(1, services, sha=loser, override="the branch was rewritten")
    assert [one["app_sha"] for one in again["introduced"]] == [loser]
    new.green()
    assert new.on_main("lab") == loser
    assert inbox(new) == []
