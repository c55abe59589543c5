"""Red commits: the culprit goes, and only the culprit; what is not a verdict judges nobody."""

from __future__ import annotations

from math import ceil, log2
from pathlib import Path

import pytest

from tests.loop.stories import (
    accept,
    assert_rests,
    endings,
    file_at,
    fork,
    journal,
    land,
    parents,
    refs,
    waits_for,
)
from tests.world import World, announcement, git, sha_of


def commits(world: World) -> list[str]:
    """Auto's commits above main, the oldest first."""
    return git(world.bare, "rev-list", "--reverse", "main..auto").split()


def evicted_sets(world: World) -> set[str]:
    """The sets whose commits were evicted."""
    return {entry["set"] for entry in journal(world) if entry["what"] == "evicted"}


def answer(world: World, bad: set[str], most: int = 40) -> int:
    """Answer every check until nothing changes: red if one of the bad sets is in the commit."""
    runs = 0
    turn = world.turn()
    while turn["changed"] or turn["to_check"]:
        for sha in turn["to_check"]:
            names = git(world.bare, "ls-tree", "-r", "--name-only", sha)
            red = any(f"/{name}/tags.json" in names for name in bad)
            world.check(sha, "failure" if red else "success")
            runs += 1
        assert runs < most, "it does not come to rest"
        turn = world.turn()
    return runs


def test_red_in_the_middle_goes_and_its_successor_is_done_again_and_lands(stack: World) -> None:
    red, green, blue = commits(stack)
    answer(stack, {"green"})
    assert evicted_sets(stack) == {"green"}
    assert stack.ref(f"refs/tidemill/evicted/{green}") == green
    assert [stack.on_main("lab", name) for name in ("red", "green", "blue")] == [
        sha_of("red-1"),
        None,
        sha_of("blue-3"),
    ]
    new = stack.ref("refs/heads/main") or ""
    assert new != blue
    assert parents(stack, new) == [red]
    assert_rests(stack)


def test_innocent_that_reports_red_first_is_not_evicted(stack: World) -> None:
    red, green, blue = commits(stack)
    stack.check(blue, "failure")
    turn = stack.turn()
    assert turn["evicted"] == []
    assert blue not in turn["to_check"]
    stack.check(green, "failure")
    assert stack.turn()["evicted"] == []
    stack.check(red, "success")
    turn = stack.turn()
    assert [one["set"] for one in turn["evicted"]] == ["green"]
    assert turn["landed"] == red
    assert [one["set"] for one in turn["replayed"]] == ["blue"]
    land(stack)
    assert stack.on_main("lab", "blue") == sha_of("blue-3")


def test_red_beneath_a_green_one_lands_with_it_and_the_journal_names_it(stack: World) -> None:
    _, green, blue = commits(stack)
    stack.check(green, "failure")
    stack.check(blue, "success")
    assert stack.turn()["landed"] == blue
    assert stack.on_main("lab", "green") == sha_of("green-2")
    (note,) = [entry for entry in journal(stack) if entry["what"] == "landed together"]
    assert green[:12] in note["reason"]


def test_first_and_last_can_both_be_guilty(stack: World) -> None:
    answer(stack, {"red", "blue"})
    assert evicted_sets(stack) == {"red", "blue"}
    assert stack.on_main("lab", "green") == sha_of("green-2")
    assert sorted(end for ends in endings(stack).values() for end in ends) == [
        "evicted",
        "evicted",
        "landed",
    ]


def test_evicted_set_is_not_done_again_by_itself(stack: World) -> None:
    answer(stack, {"green"})
    stack.later(days=3)
    again = stack.announce(2, {"green": "1"}, set_name="green")
    assert (again.code, again["changed"]) == (0, False)
    assert again["request"]["state"] == "has ended already: evicted"
    assert stack.on_main("lab", "green") is None


def test_retry_lets_what_was_evicted_try_again(stack: World) -> None:
    answer(stack, {"green"})
    turn = stack.run("retry", "--sha", sha_of("green-2")[:9])
    assert [one["set"] for one in turn["introduced"]] == ["green"]
    land(stack)
    assert stack.on_main("lab", "green") == sha_of("green-2")
    assert_rests(stack)


def test_retry_twice_is_one_more_try(stack: World) -> None:
    answer(stack, {"green"})
    for _ in range(2):
        stack.later(minutes=1)
        assert stack.run("retry", "--sha", sha_of("green-2")).code == 0
    answer(stack, {"green"})
    evictions = [entry for entry in journal(stack) if entry["what"] == "evicted"]
    assert len(evictions) == 2, "the second request came while the first was under test"


def test_next_announcement_of_an_evicted_set_is_a_new_one(stack: World) -> None:
    answer(stack, {"green"})
    stack.announce(9, {"green": "9"}, set_name="green")
    land(stack)
    assert stack.on_main("lab", "green") == sha_of("green-9")


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_nobody_goes_before_red_was_repeated_on_a_parent_green_again(
    new: World, retries: int
) -> None:
    new.settings = new.settings.replace("retries = 0", f"retries = {retries}")
    main = new.edit()
    sha = new.announce(1)["to_check"][0]
    told = []
    turn = new.turn()
    while not turn["evicted"]:
        assert len(turn["to_check"]) == 1
        told.append(turn["to_check"][0])
        new.check(told[-1], "failure" if told[-1] == sha else "success")
        turn = new.turn()
    assert told == [sha, *[main, sha] * retries] if retries else [sha, main]
    assert new.ref(f"refs/tidemill/evicted/{sha}") == sha
    assert_rests(new)


def test_parent_that_was_green_before_has_to_be_green_again(new: World) -> None:
    new.settings = new.settings.replace("retries = 0", "retries = 1")
    main = new.edit()
    new.check(main)
    sha = new.announce(1)["to_check"][0]
    new.check(sha, "failure")
    assert new.turn()["to_check"] == [main]
    new.check(main, "failure")
    turn = new.turn()
    assert turn["evicted"] == []
    assert main in waits_for(turn), "main has become red: it is to blame"


def test_flake_that_is_green_the_second_time_lands(new: World) -> None:
    new.settings = new.settings.replace("retries = 0", "retries = 1")
    main = new.edit()
    new.check(main)
    sha = new.announce(1)["to_check"][0]
    for asked, state in ((sha, "failure"), (main, "success"), (sha, "success")):
        assert new.turn()["to_check"] == [asked]
        new.check(asked, state)
    assert new.turn()["landed"] == sha


def test_same_red_verdict_twice_is_one_verdict(new: World) -> None:
    new.settings = new.settings.replace("retries = 0", "retries = 1")
    main = new.edit()
    sha = new.announce(1)["to_check"][0]
    for _ in range(3):
        new.check(sha, "failure", run="one")
        new.check(main, "success", run="one")
        turn = new.turn()
    assert turn["evicted"] == []
    assert turn["to_check"] == [main]
    assert new.check(sha, "failure", run="one")["changed"] is False


@pytest.fixture(scope="session")
def seed_tower(tmp_path_factory: pytest.TempPathFactory) -> World:
    """N sets on auto, each only once."""
    sets = tuple(f"s{number:02}" for number in range(16))
    waves = {"lab": {"targets": ["lab-1"], "admit": "at once"}}
    folder = tmp_path_factory.mktemp("tower")
    world = World(folder, waves, sets=sets, entrypoints="")
    accept(world, [announcement(1, {name: "1"}, set_name=name) for name in sets])
    world.turn()
    assert len(commits(world)) == len(sets)
    return world


@pytest.mark.parametrize("culprits", [[0], [7], [15], [3, 12]], ids=str)
def test_one_culprit_of_many_costs_about_log2_checks_and_no_innocent(
    seed_tower: World, tmp_path: Path, culprits: list[int]
) -> None:
    world = fork(seed_tower, tmp_path)
    count = len(commits(world))
    bad = {f"s{number:02}" for number in culprits}
    runs = answer(world, bad)
    assert evicted_sets(world) == bad
    assert runs <= len(culprits) * (ceil(log2(count)) + 3)
    landed = {number for number in range(count) if world.on_main("lab", f"s{number:02}")}
    assert landed == set(range(count)) - set(culprits)


def test_each_means_that_every_commit_is_checked(stack: World) -> None:
    stack.settings = stack.settings.replace("retries = 0", 'retries = 0\ntest = "each"')
    stack.edit()
    turn = stack.turn()
    above = commits(stack)
    assert len(above) == 3
    assert sorted(turn["to_check"]) == sorted(above)
    stack.check(above[0], "success")
    stack.check(above[1], "failure")
    turn = stack.turn()
    assert (turn["landed"], [one["set"] for one in turn["evicted"]]) == (above[0], ["green"])
    assert turn["to_check"] == commits(stack) != [above[2]]


def test_main_that_is_red_itself_evicts_nobody_and_is_named(landed: World) -> None:
    landed.deploy("lab")
    last_green = landed.ref("refs/heads/main")
    broken = landed.edit(note="broken by a person")
    sha = landed.turn()["to_check"][0]
    landed.check(sha, "failure")
    assert landed.turn()["to_check"] == [broken]
    landed.check(broken, "failure")
    turn = landed.turn()
    assert turn["evicted"] == []
    assert turn["to_check"] == []
    told = waits_for(landed.status())
    assert broken in told
    assert str(last_green) in told
    before = refs(landed)
    landed.later(hours=1)
    assert landed.turn()["to_check"] == [broken], "its check is asked for again every timeout"
    assert refs(landed) == before
    mended = landed.edit(note="mended")
    turn = landed.turn()
    assert [one["wave"] for one in turn["replayed"]] == ["shop"]
    land(landed)
    assert landed.on_main("shop") == sha_of("app-1")
    assert mended in git(landed.bare, "rev-list", "main").split()


def test_evicted_promotion_leaves_its_wave_as_it_was_until_a_retry(landed: World) -> None:
    landed.deploy("lab")
    sha = landed.turn()["to_check"][0]
    landed.check(sha, "failure")
    assert [one["wave"] for one in landed.turn()["evicted"]] == ["shop"]
    landed.later(days=1)
    assert_rests(landed)
    assert landed.on_main("shop") is None
    assert [one["wave"] for one in landed.run("retry", "--sha", sha_of("app-1"))["promoted"]] == [
        "shop"
    ]
    land(landed)
    assert landed.on_main("shop") == sha_of("app-1")
    assert file_at(landed, "main", "images/shop/tags.json") == file_at(
        landed, "main", "images/lab/tags.json"
    )
