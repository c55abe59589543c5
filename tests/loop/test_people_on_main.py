"""People change main whenever they like: nothing of theirs is lost, and the loop carries on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loop.stories import (
    assert_rests,
    fork,
    inbox,
    land,
    refs,
    trailers,
    waits_for,
)
from tests.world import World, git, sha_of


def up_to_date(world: World) -> Path:
    """A person's clone, at the tip of main."""
    git(world.clone, "fetch", "-q", str(world.bare), "main")
    git(world.clone, "reset", "-q", "--hard", "FETCH_HEAD")
    return world.clone


def back_to(world: World, commit: str, wave: str) -> str:
    """A person takes the images of a wave from an older commit, and generates."""
    git(up_to_date(world), "checkout", "-q", commit, "--", f"images/{wave}")
    git(world.clone, "checkout", "-q", commit, "--", f"generated/{wave}")
    return world.commit("back, by hand")


@pytest.fixture(scope="module")
def seed_second(seed_shipped: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = fork(seed_shipped, tmp_path_factory.mktemp("second"))
    world.later(hours=1)
    world.announce(2)
    for wave in ("lab", "shop"):
        land(world)
        world.deploy(wave)
    return world


@pytest.fixture
def second(seed_second: World, tmp_path: Path) -> World:
    """Position 2 has followed position 1 in both waves."""
    return fork(seed_second, tmp_path)


def test_images_put_back_by_hand_hold_the_wave_and_stay(second: World) -> None:
    mine = back_to(second, "main~2", "shop")
    turn = second.turn()
    assert turn["rejected"] == turn["promoted"] == []
    shop = next(wave for wave in second.status()["waves"] if wave["name"] == "shop")
    assert sha_of("app-1")[:12] in shop["hold"]["reason"]
    second.later(days=1)
    second.green()
    assert second.on_main("shop") == sha_of("app-1")
    assert second.ref("refs/heads/main") == mine
    assert_rests(second)


def test_after_the_release_only_a_newer_set_comes(second: World) -> None:
    back_to(second, "main~2", "shop")
    second.turn()
    second.run("release-wave", "--wave", "shop", "--reason", "understood")
    second.later(days=1)
    second.deploy("shop")
    second.green()
    assert second.on_main("shop") == sha_of("app-1"), "what was taken back stays away"
    second.announce(3)
    land(second)
    second.deploy("lab")
    land(second)
    assert second.on_main("shop") == sha_of("app-3")


def test_what_was_put_back_by_hand_in_the_first_wave_does_not_go_on_to_the_next(
    shipped: World,
) -> None:
    before = shipped.ref("refs/heads/main") or ""
    shipped.announce(2)
    land(shipped)
    back_to(shipped, before, "lab")
    shipped.turn()
    shipped.deploy("lab")
    shipped.green()
    assert shipped.on_main("shop") == sha_of("app-1")
    assert shipped.on_main("lab") == sha_of("app-1")


def test_unknown_images_written_by_hand_hold_the_wave(second: World) -> None:
    file = up_to_date(second) / "images/shop/tags.json"
    file.write_text(file.read_text().replace(sha_of("app-2"), "hotfix"))
    second.commit("hotfix")
    second.turn()
    shop = next(wave for wave in second.status()["waves"] if wave["name"] == "shop")
    assert "unknown" in shop["hold"]["reason"]
    assert shop["sets"][0]["app_sha"] is None


def test_digests_changed_by_hand_below_a_source_that_was_kept_are_an_unknown_set(
    second: World,
) -> None:
    file = up_to_date(second) / "images/shop/digests.json"
    file.write_text(file.read_text().replace("acme/web", "acme/fork"))
    second.commit("hotfix")
    second.turn()
    shop = next(wave for wave in second.status()["waves"] if wave["name"] == "shop")
    assert shop["hold"] is not None


def test_removed_images_hold_the_wave_and_nothing_brings_them_back(second: World) -> None:
    git(up_to_date(second), "rm", "-q", "-r", "images/shop")
    second.commit("switched off")
    second.turn()
    second.later(days=1)
    second.green()
    assert second.on_main("shop") is None
    assert next(w for w in second.status()["waves"] if w["name"] == "shop")["hold"] is not None


def test_newer_set_that_a_person_put_into_a_wave_is_no_reason_to_hold(second: World) -> None:
    second.announce(3)
    land(second)
    images = up_to_date(second) / "images"
    for name in ("tags", "digests", "source"):
        text = (images / f"lab/{name}.json").read_text()
        (images / f"shop/{name}.json").write_text(text)
    second.commit("straight to the shop")
    second.turn()
    shop = next(wave for wave in second.status()["waves"] if wave["name"] == "shop")
    assert shop["hold"] is None
    assert shop["sets"][0]["app_sha"] == sha_of("app-3")
    second.deploy("lab")
    assert_rests(second)


def test_main_that_does_not_generate_makes_all_wait_and_rejects_nothing(new: World) -> None:
    broken = new.edit(broken=True)
    for position in (1, 2):
        turn = new.announce(position)
        assert turn.code == 0
        assert turn["rejected"] == turn["evicted"] == []
    told = waits_for(new.turn())
    assert "does not generate" in told
    assert "rollout.json is broken" in told
    assert len(inbox(new)) == 2
    before = refs(new)
    new.later(days=2)
    assert new.turn()["changed"] is False
    assert refs(new) == before
    assert new.ref("refs/heads/main") == broken
    new.edit(broken=False)
    new.green()
    assert new.on_main("lab") == sha_of("app-2")
    assert_rests(new)


def test_auto_stays_as_it_was_while_main_does_not_generate(stack: World) -> None:
    before = stack.ref("refs/heads/auto")
    broken = stack.edit(broken=True)
    turn = stack.turn()
    assert turn["evicted"] == turn["rejected"] == []
    assert stack.ref("refs/heads/auto") == before
    assert "does not generate" in waits_for(stack.status()) or "next turn" in waits_for(
        stack.status()
    )
    stack.check(before or "")
    assert stack.turn()["landed"] is None
    assert stack.ref("refs/heads/main") == broken
    stack.edit(broken=False)
    stack.green()
    assert stack.on_main("lab", "blue") == sha_of("blue-3")


def test_holds_and_records_go_on_while_main_does_not_generate(landed: World) -> None:
    revision = landed.ref("refs/heads/main")
    landed.edit(broken=True)
    assert landed.run("hold-wave", "--wave", "shop", "--reason", "broken").code == 0
    assert landed.report("lab", "lab-1", revision=revision).code == 0
    assert landed.refs("holds") == ["refs/tidemill/holds/shop/_"]
    assert landed.refs("deployed") == ["refs/tidemill/deployed/lab/lab-1"]


def test_settings_that_become_invalid_still_let_announcements_in(new: World) -> None:
    good = new.settings
    new.settings = good.replace('name = "shop"', 'name = "shop"\nsaok = "1h"')
    line = new.settings.splitlines().index('saok = "1h"') + 1
    commit = new.edit()
    told = new.announce(1)
    assert told.code == 1
    assert commit[:7] in told["error"]["what"]
    assert f"line {line}" in told["error"]["what"]
    assert "accepted" in told["error"]["written"]
    assert len(inbox(new)) == 1
    for result in (new.turn(), new.status()):
        assert (result.code, result["error"]["written"]) == (1, "nothing")
    new.settings = good
    new.edit()
    new.green()
    assert new.on_main("lab") == sha_of("app-1")


def test_hold_placed_while_settings_are_broken_holds_when_they_are_mended(new: World) -> None:
    new.announce(1)
    new.check(new.ref("refs/heads/auto") or "")
    good, new.settings = new.settings, "waves = 1\n"
    new.edit()
    told = new.run("hold-wave", "--wave", "lab", "--reason", "not this one")
    assert "accepted" in told["error"]["written"]
    new.settings = good
    new.edit()
    new.green()
    assert new.on_main("lab") is None
    assert new.status()["waves"][0]["hold"]["reason"] == "not this one"


def test_next_valid_turn_judges_what_waited(new: World) -> None:
    good = new.settings
    new.settings = "waves = 1\n"
    new.edit()
    assert new.announce(1, set_name="nosuch").code == 1
    elsewhere = {"report": new.report("lab", "nosuch-target"), "announce": new.announce(2)}
    assert {result.code for result in elsewhere.values()} == {1}
    assert len(inbox(new)) == 3
    new.settings = good
    new.edit()
    turn = new.turn()
    assert len(turn["rejected"]) == 2
    assert [one["set"] for one in turn["introduced"]] == ["app"]
    assert len(new.refs("rejected")) == 2


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param("[[waves]\n", id="syntax"),
        pytest.param("bogus = 1\n", id="field"),
    ],
)
def test_namespace_of_their_own_is_still_found_when_settings_break(
    tmp_path: Path, settings: str
) -> None:
    top = 'namespace = "refs/deploy/mill"'
    world = World(tmp_path, {"lab": {"targets": ["lab-1"]}}, top=top)
    world.announce(1)
    land(world)
    world.deploy("lab")
    good = world.settings
    world.settings = settings + good
    world.edit()
    assert world.announce(2).code == 1
    world.settings = good
    world.edit()
    world.green()
    assert world.on_main("lab") == sha_of("app-2"), "what was accepted is not lost"


def test_other_branches_and_another_namespace_work_alike(tmp_path: Path) -> None:
    top = 'main = "trunk/live"\nauto = "bot/next"\nnamespace = "refs/deploy/mill"'
    world = World(tmp_path, {"lab": {"targets": ["lab-1"]}}, top=top)
    git(world.bare, "update-ref", "refs/heads/trunk/live", "refs/heads/main")
    git(world.bare, "symbolic-ref", "HEAD", "refs/heads/trunk/live")
    git(world.bare, "update-ref", "-d", "refs/heads/main")
    world.announce(1)
    world.green()
    live = world.ref("refs/heads/trunk/live") or ""
    assert live == world.ref("refs/heads/bot/next")
    assert trailers(world, live)["Autocommit-Target"] == "lab"
    assert world.report("lab", "lab-1", revision=live)["changed"] is True
    names = [name for name in refs(world) if not name.startswith("refs/deploy/mill/")]
    assert names == ["refs/heads/bot/next", "refs/heads/trunk/live"]


def test_main_of_another_name_than_the_one_that_head_names(tmp_path: Path) -> None:
    world = World(tmp_path, {"lab": {"targets": ["lab-1"]}}, top='main = "live"')
    git(world.bare, "update-ref", "refs/heads/live", "refs/heads/main")
    before = world.ref("refs/heads/main")
    world.announce(1)
    land(world)
    assert world.ref("refs/heads/main") == before
    assert world.ref("refs/heads/live") == world.ref("refs/heads/auto") != before
