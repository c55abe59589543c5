"""app.git is rewritten or moves, so that positions go back; and positions that can't be true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.loop.stories import (
    accept,
    assert_rests,
    endings,
    file_at,
    fork,
    inbox,
    journal,
    land,
    refs,
    says,
    trailers,
)
from tests.world import Result, World, announcement, git, sha_of


def allow_generation(world: World, generation: int) -> None:
    """A person raises the generation in cfg-app.git's settings."""
    world.settings = world.settings.replace(
        'name = "app"', f'name = "app"\ngeneration = {generation}', 1
    )
    world.edit()


def announce(world: World, found: dict[str, Any], *more: str) -> Result:
    """Announce this very announcement."""
    file = world.folder / "announcement.json"
    file.write_text(json.dumps(found))
    return world.run("update-cfg-app", "--announcement", str(file), *more)


def of_generation(generation: int, position: int) -> dict[str, Any]:
    """An announcement of the rewritten app.git."""
    sha = sha_of(f"app-{generation}-{position}")
    found = announcement(position, {"web": f"{generation}-{position}"}, sha=sha)
    return found | {"generation": generation}


def through(world: World, sha: str) -> None:
    """What is on auto lands, and goes to the last wave."""
    world.green()
    assert world.on_main("lab") == sha
    world.deploy("lab")
    world.green()
    assert world.on_main("shop") == sha
    world.deploy("shop")
    assert_rests(world)


@pytest.fixture(scope="module")
def seed_at_100(seed_new: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = fork(seed_new, tmp_path_factory.mktemp("at-100"))
    world.announce(100)
    through(world, sha_of("app-100"))
    world.later(hours=1)
    return world


@pytest.fixture
def at_100(seed_at_100: World, tmp_path: Path) -> World:
    """Position 100 is deployed in both waves."""
    return fork(seed_at_100, tmp_path)


def test_next_generation_begins_anew_and_goes_to_the_last_wave(at_100: World) -> None:
    allow_generation(at_100, 2)
    turn = announce(at_100, of_generation(2, 3))
    assert turn["request"]["id"] == f"announcement-app-2.3-{sha_of('app-2-3')[:12]}"
    assert trailers(at_100, "auto")["Autocommit-App-Generation"] == "2"
    through(at_100, sha_of("app-2-3"))
    for wave in ("lab", "shop"):
        assert json.loads(file_at(at_100, "main", f"images/{wave}/source.json"))["generation"] == 2
    announce(at_100, of_generation(2, 4))
    through(at_100, sha_of("app-2-4"))
    back = at_100.run(
        "rollback-wave", "--wave", "shop", "--reason", "bad", "--to", sha_of("app-100")
    )
    assert back.code == 0
    at_100.green()
    assert at_100.on_main("shop") == sha_of("app-100")
    assert "generation" not in file_at(at_100, "main", "images/shop/source.json")
    assert_rests(at_100)


def test_generation_that_is_gone_is_superseded(at_100: World) -> None:
    allow_generation(at_100, 2)
    announce(at_100, of_generation(2, 3))
    land(at_100)
    late = at_100.announce(101)
    assert late.code == 0
    assert late["introduced"] == []
    (ended,) = late["superseded"]
    assert "generation 1 is older than 2" in ended["reason"]
    assert "way_in" not in late["request"], "an override would be refused"
    assert inbox(at_100) == []
    refused = at_100.announce(102, override="let it in")
    assert refused.code == 1
    assert "write generation = 2 into tidemill.toml of app.git" in refused["error"]["what"]


@pytest.mark.parametrize("override", [None, "I want it"])
def test_generation_that_the_settings_do_not_know_is_refused(
    at_100: World, override: str | None
) -> None:
    before = refs(at_100)
    more = ("--override", override) if override else ()
    told = announce(at_100, of_generation(2, 3), *more)
    assert told.code == 1
    assert "write generation = 2 for the set app into [[sets]]" in told["error"]["what"]
    assert refs(at_100) == before
    allow_generation(at_100, 2)
    assert announce(at_100, of_generation(2, 3)).code == 0


@pytest.mark.parametrize("generation", [0, -1, 2**31, "2", 1.5, None, True])
def test_generation_that_is_none_is_refused(at_100: World, generation: object) -> None:
    before = refs(at_100)
    assert announce(at_100, announcement(101) | {"generation": generation}).code == 1
    assert refs(at_100) == before


def test_position_that_goes_back_says_so_and_how_to_get_in(at_100: World) -> None:
    file = at_100.folder / "announcement.json"
    file.write_text(json.dumps(announcement(60)))
    code, out, _ = says(at_100, "update-cfg-app", "--announcement", str(file))
    assert code == 0, "it may be late"
    said = " ".join(out.split())
    assert "position 60 is older than 100" in said
    assert "write generation = 2 into its tidemill.toml" in said
    again = "tidemill update-cfg-app --announcement FILE --override REASON"
    assert f"{again} --repo {at_100.bare}" in said


def test_override_lets_a_position_in_that_goes_back_up_to_the_last_wave(at_100: World) -> None:
    at_100.announce(60, override="the branch was rewritten")
    through(at_100, sha_of("app-60"))
    assert "overridden" in {entry["what"] for entry in journal(at_100)}
    assert at_100.status()["waves"][0]["hold"] is None
    at_100.later(hours=1)
    at_100.announce(61)
    through(at_100, sha_of("app-61"))
    at_100.announce(62, override="rewritten once more")
    through(at_100, sha_of("app-62"))
    at_100.announce(5, override="rewritten a second time")
    through(at_100, sha_of("app-5"))
    at_100.announce(6)
    through(at_100, sha_of("app-6"))
    assert all(len(ends) == 1 for ends in endings(at_100).values())
    back = at_100.run("rollback-wave", "--wave", "shop", "--reason", "6 is bad")
    assert back.code == 0
    at_100.green()
    assert at_100.on_main("shop") == sha_of("app-5")
    assert_rests(at_100)


def test_what_waited_when_an_override_came_does_not_go_after_it(at_100: World) -> None:
    at_100.run("hold-wave", "--wave", "lab", "--reason", "wait")
    at_100.announce(101)
    at_100.announce(60, override="the branch was rewritten")
    at_100.announce(61)
    at_100.run("release-wave", "--wave", "lab", "--reason", "go")
    through(at_100, sha_of("app-61"))
    assert inbox(at_100) == []


def test_override_is_let_into_every_first_wave(tmp_path: Path) -> None:
    waves: dict[str, dict[str, Any]] = {
        "east": {"targets": ["e"]},
        "west": {"targets": ["w"], "after": []},
        "world": {"targets": ["x"], "after": ["east", "west"]},
    }
    world = World(tmp_path, waves)
    world.announce(100)
    world.green()
    world.deploy("east")
    world.deploy("west")
    world.green()
    world.deploy("world")
    world.run("hold-wave", "--wave", "west", "--reason", "wait")
    world.announce(60, override="rewritten")
    world.green()
    world.deploy("east")
    assert world.on_main("east") == sha_of("app-60")
    world.announce(61)
    world.green()
    assert world.on_main("east") == sha_of("app-61")
    world.run("release-wave", "--wave", "west", "--reason", "go")
    for _ in range(3):
        world.green()
        world.deploy("east")
        world.deploy("west")
        world.green()
        world.deploy("world")
    assert [world.on_main(wave) for wave in waves] == [sha_of("app-61")] * 3, world.status()
    assert_rests(world)


def test_known_commit_at_another_position_is_refused_until_an_override(at_100: World) -> None:
    before = refs(at_100)
    told = at_100.announce(50, {"web": "100"}, sha=sha_of("app-100"))
    assert told.code == 1
    assert "has position 100, not 50" in told["error"]["what"]
    assert refs(at_100) == before
    at_100.announce(50, {"web": "100"}, sha=sha_of("app-100"), override="it was a shallow clone")
    at_100.announce(51)
    through(at_100, sha_of("app-51"))
    assert all(len(ends) == 1 for ends in endings(at_100).values())


def test_position_of_another_commit_is_refused_until_an_override(at_100: World) -> None:
    other = sha_of("rewritten")
    told = at_100.announce(100, {"web": "other"}, sha=other)
    assert told.code == 1
    assert sha_of("app-100") in told["error"]["what"]
    assert "--override REASON" in told["error"]["remedy"]
    at_100.announce(100, {"web": "other"}, sha=other, override="rewritten")
    through(at_100, other)


def test_position_that_jumps_is_refused_until_an_override(at_100: World) -> None:
    before = refs(at_100)
    told = at_100.announce(2**53 - 1)
    assert told.code == 1
    assert "more than 100000 above 100" in told["error"]["what"]
    assert refs(at_100) == before
    assert at_100.announce(100_100).code == 0, "a jump of 100,000 is none"
    through(at_100, sha_of("app-100100"))
    at_100.announce(2**53 - 1, override="it is what git counts")
    through(at_100, sha_of(f"app-{2**53 - 1}"))
    at_100.announce(100_101, override="it was not")
    through(at_100, sha_of("app-100101"))


def test_jump_is_a_setting_and_a_generation_s_first_is_exempt(at_100: World) -> None:
    at_100.settings = at_100.settings.replace(
        'name = "app"', 'name = "app"\njump = 10\ngeneration = 2', 1
    )
    at_100.edit()
    assert "more than 10 above 100" in at_100.announce(111)["error"]["what"]
    assert at_100.announce(110).code == 0
    assert announce(at_100, of_generation(2, 5000)).code == 0
    assert announce(at_100, of_generation(2, 5011)).code == 1


def test_turn_that_finds_them_in_the_inbox_rejects_them_with_the_reason(at_100: World) -> None:
    bad = [
        of_generation(2, 1),
        announcement(2**53 - 1),
        announcement(100, {"web": "other"}, sha=sha_of("rewritten")),
        announcement(50, {"web": "100"}, sha=sha_of("app-100")),
    ]
    accept(at_100, [*bad, announcement(101)])
    turn = at_100.turn()
    assert len(turn["rejected"]) == len(bad)
    assert all(
        "override" in one["reason"] or "[[sets]]" in one["reason"] for one in turn["rejected"]
    )
    through(at_100, sha_of("app-101"))


def test_repository_that_moved_and_starts_anew_is_refused(at_100: World) -> None:
    told = at_100.announce(7, repository="acme/new-app")
    assert told.code == 1
    assert "came from acme/app so far" in told["error"]["what"]
    assert at_100.announce(101, repository="acme/new-app").code == 0, "it took its history along"


def test_retry_of_what_an_override_let_in_keeps_its_place(at_100: World) -> None:
    at_100.announce(60, override="the branch was rewritten")
    at_100.check(at_100.ref("refs/heads/main") or "")
    at_100.check(at_100.ref("refs/heads/auto") or "", "failure")
    assert at_100.turn()["evicted"]
    at_100.later(minutes=1)
    at_100.run("retry", "--sha", sha_of("app-60"))
    through(at_100, sha_of("app-60"))


def test_request_of_an_earlier_release_is_still_read(new: World) -> None:
    """Neither generation nor rewrites stand in what was written before there were any."""
    accept(new, [announcement(1)])
    (name,) = new.refs("inbox")
    assert "rewrites" not in file_at(new, name, "record.json")
    assert len(new.turn()["introduced"]) == 1


@pytest.mark.parametrize("way_in", ["generation", "override"])
def test_journal_that_is_made_again_knows_what_is_newer(at_100: World, way_in: str) -> None:
    if way_in == "generation":
        allow_generation(at_100, 2)
        announce(at_100, of_generation(2, 60))
        through(at_100, sha_of("app-2-60"))
    else:
        at_100.announce(60, override="the branch was rewritten")
        through(at_100, sha_of("app-60"))
    git(at_100.bare, "update-ref", "-d", "refs/tidemill/journal")
    at_100.turn()
    for wave in ("lab", "shop"):
        at_100.deploy(wave)
    at_100.later(hours=1)
    newer = of_generation(2, 61) if way_in == "generation" else announcement(61)
    announce(at_100, newer)
    through(at_100, newer["sha"])
