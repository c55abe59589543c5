"""From an announcement to main: what was tested is what lands, once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.loop.stories import (
    assert_rests,
    endings,
    file_at,
    fork,
    inbox,
    journal,
    land,
    parents,
    refs,
    trailers,
    waits_for,
)
from tests.world import World, announcement, git, sha_of


def test_announced_set_goes_through_every_wave_to_the_last(new: World) -> None:
    tested = new.announce(1)["to_check"]
    assert tested == [new.ref("refs/heads/auto")]
    new.check(tested[0])
    assert new.turn()["landed"] == tested[0] == new.ref("refs/heads/main")
    assert new.on_main("shop") is None
    new.report("lab", "lab-1")
    assert not new.turn()["promoted"]
    promoted = new.report("lab", "lab-2")
    assert [one["wave"] for one in promoted["promoted"]] == ["shop"]
    new.check(promoted["to_check"][0])
    assert new.turn()["landed"] == promoted["to_check"][0] == new.ref("refs/heads/main")
    for file in ("tags.json", "digests.json"):
        assert file_at(new, "main", f"images/shop/{file}") == file_at(
            new, "main", f"images/lab/{file}"
        )
    assert new.on_main("shop") == sha_of("app-1")
    new.deploy("shop")
    states = {wave["name"]: wave["sets"][0]["state"] for wave in new.status()["waves"]}
    assert states == {"lab": "deployed", "shop": "deployed"}
    assert_rests(new)


def test_main_holds_what_was_tested_and_nothing_else(under_test: World) -> None:
    before = under_test.ref("refs/heads/main")
    tested = under_test.ref("refs/heads/auto") or ""
    land(under_test)
    assert under_test.ref("refs/heads/main") == tested
    assert parents(under_test, tested) == [before]


def test_nothing_lands_without_a_verdict(under_test: World) -> None:
    before = refs(under_test)
    for _ in range(3):
        turn = under_test.turn()
        under_test.later(hours=2)
        assert turn["to_check"] == [before["refs/heads/auto"]]
        assert "the check of" in waits_for(turn)
    assert refs(under_test) == before


def test_verdict_alone_moves_nothing_and_status_does_not_run_ahead(under_test: World) -> None:
    under_test.check(under_test.ref("refs/heads/auto") or "")
    before = refs(under_test)
    status = under_test.status()
    assert refs(under_test) == before
    assert status["main"] == before["refs/heads/main"]
    states = [one["state"] for wave in status["waves"] for one in wave["sets"]]
    assert states == ["auto"], "main does not have it yet"


def test_what_a_green_commit_will_land_waits_for_no_check(stack: World) -> None:
    stack.check(stack.ref("refs/heads/auto") or "")
    assert "the check of" not in waits_for(stack.status())


def test_same_announcement_three_times_is_one_request_and_one_commit(new: World) -> None:
    first = new.announce(1)
    before = refs(new)
    again = [new.announce(1), new.announce(1)]
    assert [turn["changed"] for turn in again] == [False, False]
    assert {turn["request"]["id"] for turn in (first, *again)} == set(inbox(new))
    assert refs(new) == before


def test_announced_again_after_it_landed_says_already_there(landed: World) -> None:
    before = refs(landed)
    again = landed.announce(1)
    assert (again.code, again["request"]["state"], again["changed"]) == (0, "already there", False)
    assert refs(landed) == before


def test_announced_again_after_a_newer_one_landed_changes_nothing(landed: World) -> None:
    landed.deploy("lab")
    landed.announce(2)
    land(landed)
    before = refs(landed)
    assert landed.announce(1).code == 0
    assert refs(landed) == before
    assert landed.on_main("lab") == sha_of("app-2")


def test_identical_digests_change_image_files_alone_and_wait_for_no_report(shipped: World) -> None:
    shipped.later(hours=1)
    shipped.announce(2, {"web": "1"})
    commit = shipped.ref("refs/heads/auto") or ""
    changed = git(shipped.bare, "diff-tree", "-r", "--name-only", "--no-commit-id", commit).split()
    assert changed == ["images/lab/source.json", "images/lab/tags.json"]
    shipped.green()
    assert [shipped.on_main(wave) for wave in ("lab", "shop")] == [sha_of("app-2")] * 2
    status = shipped.status()
    assert {one["state"] for wave in status["waves"] for one in wave["sets"]} == {"deployed"}
    assert status["waiting"] == []


def test_target_that_runs_no_changed_service_stays_silent_and_blocks_nobody(tmp_path: Path) -> None:
    waves = {"lab": {"targets": ["api", "web"]}, "shop": {"targets": ["all"]}}
    targets: dict[str, dict[str, list[str] | None]]
    targets = {"lab": {"api": ["api"], "web": ["web"]}, "shop": {"all": None}}
    world = World(tmp_path, waves, targets=targets)
    world.announce(1, {"api": "1", "web": "1"})
    land(world)
    world.deploy("lab")
    land(world)
    world.deploy("shop")
    world.announce(2, {"api": "2", "web": "1"})
    land(world)
    assert world.report("lab", "api")["promoted"]


def test_trailers_tell_what_the_commit_does(landed: World) -> None:
    introduced = trailers(landed, "main")
    assert introduced == {
        "Autocommit-App-SHA": sha_of("app-1"),
        "Autocommit-Target": "lab",
        "Autocommit-Reason": "announced by acme/app",
        "Autocommit-App-Repository": "acme/app",
        "Autocommit-App-Position": "1",
        "Autocommit-Image-Set": "app",
        "Autocommit-Operation": "introduce",
        "Autocommit-Request": f"announcement-app-1-{sha_of('app-1')[:12]}",
    }
    source = landed.ref("refs/heads/main")
    landed.deploy("lab")
    promoted = trailers(landed, "auto")
    assert promoted["Autocommit-Operation"] == "promote"
    assert promoted["Autocommit-Promoted-From"] == f"lab@{source}"
    assert promoted["Autocommit-Target"] == "shop"


def test_two_that_decide_the_same_make_the_same_commit(new: World, tmp_path: Path) -> None:
    new.run("hold-wave", "--wave", "lab", "--reason", "not yet")
    new.announce(1)
    other = fork(new, tmp_path / "other")
    other.later(minutes=7)
    for world in (new, other):
        world.run("release-wave", "--wave", "lab", "--reason", "now")
    assert new.ref("refs/heads/auto") == other.ref("refs/heads/auto")
    land(new)
    land(other)
    for world in (new, other):
        world.later(minutes=1)
        world.deploy("lab")
    tips = {world.ref("refs/heads/auto") for world in (new, other)}
    assert len(tips) == 1
    assert tips != {new.ref("refs/heads/main")}


def test_bare_form_of_the_reference_is_an_announcement_too(new: World) -> None:
    whole = announcement(7, {"web": "7", "api": "7"})
    file = new.folder / "images.json"
    file.write_text(json.dumps(whole["images"]))
    told = ("--app-sha", whole["sha"], "--app-repository", "acme/app", "--position", "7")
    turn = new.run("update-cfg-app", "--announcement", str(file), *told)
    assert turn["request"]["id"] == f"announcement-app-7-{whole['sha'][:12]}"
    assert new.announce(7, {"web": "7", "api": "7"})["changed"] is False
    land(new)
    assert new.on_main("lab") == whole["sha"]


@pytest.mark.parametrize("left_out", ["--app-sha", "--app-repository", "--position"])
def test_bare_form_names_the_option_that_is_missing(new: World, left_out: str) -> None:
    whole = announcement(7)
    file = new.folder / "images.json"
    file.write_text(json.dumps(whole["images"]))
    told = {"--app-sha": whole["sha"], "--app-repository": "acme/app", "--position": "7"}
    del told[left_out]
    before = refs(new)
    given = [part for pair in told.items() for part in pair]
    refused = new.run("update-cfg-app", "--announcement", str(file), *given)
    assert refused.code == 1
    assert left_out in refused["error"]["remedy"]
    assert refs(new) == before


def test_bare_form_may_have_a_service_called_images(new: World) -> None:
    whole = announcement(1, {"images": "1", "version": "1"})
    for images in (whole["images"], {"images": whole["images"]["images"]}):
        file = new.folder / "images.json"
        file.write_text(json.dumps(images))
        told = ("--app-sha", whole["sha"], "--app-repository", "acme/app", "--position", "1")
        turn = new.run("update-cfg-app", "--announcement", str(file), *told, "--dry-run")
        assert turn.code == 0


def test_thousand_services_are_one_set(new: World) -> None:
    services = {f"service-{number:04}": "1" for number in range(1000)}
    assert new.announce(1, services).code == 0
    assert len(json.loads(file_at(new, "auto", "images/lab/digests.json"))) == 1000
    land(new)
    assert new.on_main("lab") == sha_of("app-1")


def test_journal_says_once_how_each_announcement_ended(shipped: World) -> None:
    ids = {
        number: f"announcement-app-{number}-{sha_of(f'app-{number}')[:12]}"
        for number in range(1, 6)
    }
    shipped.announce(3)
    shipped.announce(2)  # older, and late
    shipped.green()
    shipped.announce(4)  # waits until 3 is deployed
    shipped.run("drop", "--id", ids[4])
    shipped.deploy("lab")
    shipped.check(shipped.announce(5)["to_check"][0], "failure")
    shipped.check(shipped.ref("refs/heads/main") or "")
    shipped.turn()
    shipped.green()
    assert {key: endings(shipped).get(name) for key, name in ids.items()} == {
        1: ["landed"],
        2: ["superseded"],
        3: ["landed"],
        4: ["dropped"],
        5: ["evicted"],
    }
    assert inbox(shipped) == []


def test_green_commit_lands_with_older_untested_ones_and_the_journal_says_so(stack: World) -> None:
    shas = git(stack.bare, "rev-list", "--reverse", "main..auto").split()
    turn = stack.turn()
    assert turn["to_check"] == shas[-1:]
    stack.check(shas[-1])
    assert stack.turn()["landed"] == shas[-1]
    (note,) = [entry for entry in journal(stack) if entry["what"] == "landed together"]
    assert all(sha[:12] in note["reason"] for sha in shas)
    assert len([one for one in endings(stack).values() if one == ["landed"]]) == 3
    assert_rests(stack)
