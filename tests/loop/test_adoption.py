"""A repository that has been run by hand adopts the mill without ceremony."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.loop.stories import assert_rests, endings, file_at, fork, inbox, land, refs, waits_for
from tests.world import World, announcement, git, sha_of

WAVES = {"lab": {"targets": ["lab-1"]}, "shop": {"targets": ["north"]}}


def by_hand(world: World, wave: str, files: dict[str, str]) -> str:
    """A person writes image files of a wave, and pushes to main."""
    if git(world.bare, "for-each-ref", "refs/heads/main"):
        git(world.clone, "fetch", "-q", str(world.bare), "main")
        git(world.clone, "reset", "-q", "--hard", "FETCH_HEAD")
    folder = world.clone / "images" / wave
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    subprocess.run(["python3", "generate.py"], cwd=world.clone, check=False, capture_output=True)
    return world.commit("as we always did")


def images(position: int) -> dict[str, str]:
    """Tags and digests of a set, as a person would have written them."""
    found = announcement(position)["images"]
    return {
        "tags.json": json.dumps({name: image["Tag"] for name, image in found.items()}),
        "digests.json": json.dumps({name: image["Digest"] for name, image in found.items()}),
    }


@pytest.fixture(scope="module")
def seed_bare(tmp_path_factory: pytest.TempPathFactory) -> World:
    """No image at all, and nothing that generates."""
    return World(tmp_path_factory.mktemp("bare"), WAVES, entrypoints="")


@pytest.fixture(scope="module")
def seed_run_by_hand(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("run-by-hand"), WAVES)
    for wave in WAVES:
        by_hand(world, wave, images(7))
    return world


@pytest.fixture
def run_by_hand(seed_run_by_hand: World, tmp_path: Path) -> World:
    """Images in both waves, no source.json, no ref of the mill."""
    return fork(seed_run_by_hand, tmp_path)


def test_first_turn_finds_nothing_to_do_and_writes_nothing(run_by_hand: World) -> None:
    before = refs(run_by_hand)
    turn = run_by_hand.turn()
    assert (turn.code, turn["changed"], turn["waiting"]) == (0, False, [])
    assert refs(run_by_hand) == before


def test_unknown_sets_are_shown_and_hold_nothing(run_by_hand: World) -> None:
    status = run_by_hand.status()
    for wave in status["waves"]:
        assert wave["hold"] is None
        assert [(one["app_sha"], one["position"]) for one in wave["sets"]] == [(None, None)]


def test_any_announcement_is_newer_than_an_unknown_set(run_by_hand: World) -> None:
    run_by_hand.announce(1)
    land(run_by_hand)
    assert run_by_hand.on_main("lab") == sha_of("app-1")
    run_by_hand.deploy("lab")
    land(run_by_hand)
    assert run_by_hand.on_main("shop") == sha_of("app-1")
    assert run_by_hand.status()["waves"][0]["hold"] is None
    assert_rests(run_by_hand)


def test_targets_that_report_before_the_first_announcement_are_welcome(run_by_hand: World) -> None:
    image = announcement(7)["images"]["web"]["Digest"]
    assert run_by_hand.report("lab", "lab-1", images=[image]).code == 0
    assert run_by_hand.status()["waves"][0]["targets"][0]["health"] == "Healthy"
    assert run_by_hand.turn()["promoted"] == [], "an unknown set is never promoted"


def test_announcement_of_what_runs_already_makes_no_commit(run_by_hand: World) -> None:
    main = run_by_hand.ref("refs/heads/main")
    turn = run_by_hand.announce(7)
    assert turn["introduced"] == []
    assert run_by_hand.ref("refs/heads/main") == main
    assert run_by_hand.ref("refs/heads/auto") in (None, main)
    assert inbox(run_by_hand) == []
    lab = run_by_hand.status()["waves"][0]["sets"][0]
    assert (lab["app_sha"], lab["position"]) == (sha_of("app-7"), 7)
    assert run_by_hand.announce(7)["request"]["state"] == "already there"
    assert_rests(run_by_hand)


def test_set_that_was_there_already_can_fail_like_any_other(run_by_hand: World) -> None:
    run_by_hand.announce(7)
    run_by_hand.report("lab", "lab-1", "Failed", "Degraded")
    assert run_by_hand.status()["waves"][0]["sets"][0]["state"] == "failed"


def test_set_that_was_there_already_is_promoted_to_a_wave_that_lacks_it(tmp_path: Path) -> None:
    world = World(tmp_path, WAVES)
    by_hand(world, "lab", images(7))
    world.announce(7)
    world.deploy("lab")
    land(world)
    assert json.loads(file_at(world, "main", "images/shop/tags.json")) == json.loads(
        images(7)["tags.json"]
    )
    assert world.on_main("shop") == sha_of("app-7")
    world.deploy("shop")
    assert world.status()["waves"][1]["sets"][0]["state"] == "deployed"
    assert_rests(world)


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"tags.json": "{", "digests.json": "{}"}, id="syntax"),
        pytest.param({"tags.json": "[]", "digests.json": "{}"}, id="a list"),
        pytest.param({"tags.json": '{"web": 1}', "digests.json": '{"web": 2}'}, id="numbers"),
        pytest.param({"tags.json": "", "digests.json": ""}, id="empty"),
        pytest.param({"tags.json": '{"web": "x"}'}, id="no digests"),
        pytest.param({"digests.json": '{"web": "latest"}'}, id="no tags"),
        pytest.param({**images(3), "source.json": "{"}, id="broken source"),
        pytest.param({**images(3), "source.json": '{"sha": 3}'}, id="odd source"),
        pytest.param({"tags.json": '{"web": "web"}', "digests.json": '{"web": "1.2"}'}, id="odd"),
        pytest.param({"tags.json": "[" * 5000, "digests.json": "[" * 5000}, id="deep"),
    ],
)
def test_broken_image_files_are_an_unknown_set_and_never_an_error(
    seed_bare: World, tmp_path: Path, files: dict[str, str]
) -> None:
    world = fork(seed_bare, tmp_path)
    by_hand(world, "lab", files)
    assert world.turn()["changed"] is False
    assert world.status()["waves"][0]["sets"][0]["app_sha"] is None
    assert world.report("lab", "lab-1", images=["ghcr.io/acme/web:1.2"]).code == 0
    assert len(world.announce(1)["introduced"]) == 1


def test_source_that_does_not_fit_its_tags_is_an_unknown_set(run_by_hand: World) -> None:
    run_by_hand.announce(8)
    land(run_by_hand)
    run_by_hand.deploy("lab")
    source = file_at(run_by_hand, "main", "images/lab/source.json")
    by_hand(run_by_hand, "shop", {"source.json": source})
    assert run_by_hand.status()["waves"][1]["sets"][0]["app_sha"] in (None, sha_of("app-8"))
    run_by_hand.green()
    assert run_by_hand.on_main("shop") == sha_of("app-8")
    assert "8" in file_at(run_by_hand, "main", "images/shop/source.json")


def test_state_that_was_deleted_is_adopted_anew_from_main(run_by_hand: World) -> None:
    run_by_hand.announce(8)
    land(run_by_hand)
    run_by_hand.deploy("lab")
    for name in refs(run_by_hand):
        if not name.startswith("refs/heads/main"):
            git(run_by_hand.bare, "update-ref", "-d", name)
    lab = run_by_hand.status()["waves"][0]["sets"][0]
    assert (lab["app_sha"], lab["position"]) == (sha_of("app-8"), 8)
    late = run_by_hand.announce(5)
    assert [one["id"][:18] for one in late["superseded"]] == ["announcement-app-5"]
    run_by_hand.deploy("lab")
    land(run_by_hand)
    assert run_by_hand.on_main("shop") == sha_of("app-8")


def test_repository_without_any_images_waits_for_the_first_announcement(new: World) -> None:
    turn = new.turn()
    assert (turn.code, turn["changed"], waits_for(turn)) == (0, False, "")
    assert new.status()["waves"][0]["sets"] == []


def test_target_of_which_nothing_is_on_main_blocks_nobody(new: World) -> None:
    settings = new.settings.replace('"lab-2"', '"lab-2", "planned"')
    new.settings = settings
    new.edit()
    new.announce(1)
    land(new)
    new.deploy("lab")
    land(new)
    assert new.on_main("shop") == sha_of("app-1")
    assert set(map(tuple, endings(new).values())) == {("landed",)}


def test_without_a_path_every_target_has_to_report(tmp_path: Path) -> None:
    world = World(tmp_path, WAVES)
    world.settings = world.settings.replace('path = "generated/{wave}/{target}"', "")
    world.settings = world.settings.replace('"lab-1"', '"lab-1", "planned"')
    world.edit()
    world.announce(1)
    land(world)
    world.report("lab", "lab-1")
    assert world.turn()["promoted"] == []
    assert "planned" in waits_for(world.status())
    assert [one["wave"] for one in world.report("lab", "planned")["promoted"]] == ["shop"]
