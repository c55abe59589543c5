"""Rollbacks: one commit and a hold, by a person; and that what was rolled back stays away."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from tests.loop.stories import file_at, refs, trailers
from tests.loop.waves import Waves, built_once, short, waves
from tests.world import git


@built_once
def twice(folder: Path, /, **kw: Any) -> Waves:
    """1 and then 2 are deployed everywhere."""
    w = waves(folder, **kw, first=("everywhere", 1))
    w.later(minutes=20)
    w.everywhere(2)
    w.later(minutes=20)
    return w


def test_rollback_is_one_commit_and_a_hold(tmp_path: Path) -> None:
    w = twice(tmp_path)
    before = w.ref("refs/heads/main")
    turn = w.roll_back("shop", reason="errors in checkout")
    assert [one["app_sha"][:12] for one in turn["rolled_back"]] == [short(1)]
    assert w.wave("shop")["hold"]["reason"] == "errors in checkout"
    w.green()
    assert git(w.bare, "rev-list", "--count", f"{before}..main") == "1"
    assert w.positions() == {"lab": 2, "shop": 1}
    said = trailers(w, "main")
    assert said["Autocommit-Operation"] == "roll back"
    assert said["Autocommit-Reason"] == "errors in checkout"


def test_rollback_puts_the_old_files_back_byte_for_byte(tmp_path: Path) -> None:
    w = twice(tmp_path)
    old = git(w.bare, "log", "-2", "--format=%H", "main", "--", "images/shop").split()[1]
    w.roll_back("shop")
    w.green()
    for name in ("tags.json", "digests.json"):
        assert file_at(w, "main", f"images/shop/{name}") == file_at(w, old, f"images/shop/{name}")


def test_what_was_rolled_back_does_not_come_back_by_itself_even_after_a_release(
    tmp_path: Path,
) -> None:
    w = twice(tmp_path)
    w.roll_back("shop")
    w.green()
    w.deploy("shop")
    w.later(days=1)
    w.green()
    assert w.at("shop") == 1
    w.release("shop")
    w.later(days=1)
    w.green()
    assert w.at("shop") == 1
    w.ship(3)
    w.deploy("lab")
    w.green()
    assert w.at("shop") == 3


def test_announcements_during_the_hold_wait_and_the_newest_goes_after_the_release(
    tmp_path: Path,
) -> None:
    w = twice(tmp_path)
    w.roll_back("shop")
    w.green()
    w.deploy("shop")
    for position in (3, 4):
        w.deployed(position, "lab")
    assert w.at("shop") == 1
    w.release("shop")
    w.green()
    assert w.at("shop") == 4


def test_rollback_of_a_first_wave_is_not_undone_by_what_was_announced_before(
    tmp_path: Path,
) -> None:
    w = twice(tmp_path)
    w.roll_back("lab")
    w.green()
    assert w.at("lab") == 1
    assert w.announce(2).code == 0
    w.release("lab")
    w.announce(2)
    w.deploy("lab")
    w.green()
    assert w.at("lab") == 1
    w.ship(3)
    assert w.at("lab") == 3


def test_set_rolled_back_in_one_wave_does_not_go_on_to_the_next(tmp_path: Path) -> None:
    options = {"lab": {"targets": ["l1"]}, "shop": {"targets": ["s1"], "soak": "1h"}}
    w = waves(tmp_path, options, first=("deployed", 1, "lab"))
    w.later(hours=1)
    w.green()
    w.deploy("shop")
    w.deployed(2, "lab")
    w.later(minutes=30)
    w.roll_back("lab")
    w.green()
    w.deploy("lab")
    w.later(days=1)
    w.green()
    assert w.positions() == {"lab": 1, "shop": 1}


def test_rollback_while_the_promotion_of_that_set_is_under_test_keeps_it_from_landing(
    tmp_path: Path,
) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    w.ship(2)
    w.report("lab", "l1")
    tested = w.report("lab", "l2")["to_check"][0]
    w.check(tested)
    w.roll_back("lab")
    w.green()
    assert w.positions() == {"lab": 1, "shop": 1}


def test_rollback_goes_directly_on_main_beneath_what_is_under_test(tmp_path: Path) -> None:
    w = twice(tmp_path)
    w.announce(3)
    main = w.ref("refs/heads/main")
    turn = w.roll_back("shop")
    assert turn["rolled_back"]
    assert [one["app_sha"][:12] for one in turn["replayed"]] == [short(3)]
    first = git(w.bare, "rev-list", "--reverse", f"{main}..auto").split()[0]
    assert trailers(w, first)["Autocommit-Operation"] == "roll back"
    w.green()
    assert w.positions() == {"lab": 3, "shop": 1}


def test_rollback_with_a_goal_goes_there(tmp_path: Path) -> None:
    w = twice(tmp_path)
    w.everywhere(3)
    w.roll_back("shop", "--to", short(1))
    w.green()
    assert w.at("shop") == 1


def test_rollback_without_a_goal_passes_over_sets_that_were_not_healthy(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    w.deployed(2, "lab")
    w.report("shop", "s1", health="Degraded")
    w.deployed(3, "lab")
    w.deploy("shop")
    w.green()
    assert w.at("shop") == 3
    w.roll_back("shop")
    w.green()
    assert w.at("shop") == 1


def test_second_rollback_goes_one_further_back(tmp_path: Path) -> None:
    w = twice(tmp_path)
    w.everywhere(3)
    w.roll_back("shop")
    w.green()
    w.deploy("shop")
    assert w.at("shop") == 2
    w.later(minutes=1)
    w.roll_back("shop")
    w.green()
    assert w.at("shop") == 1
    assert len(w.refs("holds")) == 1


def test_rollback_to_nothing_older_is_refused(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    before = refs(w)
    turn = w.roll_back("shop")
    assert turn.code == 1
    assert turn["error"]["written"] == "nothing"
    assert refs(w) == before


def test_rollback_to_a_newer_set_is_refused(tmp_path: Path) -> None:
    w = twice(tmp_path)
    w.roll_back("shop")
    w.green()
    turn = w.roll_back("shop", "--to", short(2))
    assert turn.code == 1
    assert "promote-wave" in turn["error"]["remedy"]


def test_rollback_to_a_set_that_the_wave_never_had_is_refused(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    w.ship(2)
    w.everywhere(3)
    assert w.roll_back("shop", "--to", short(2)).code == 1


def test_rollback_to_images_without_a_source_is_possible(tmp_path: Path) -> None:
    """A repository that adopted Tidemill a moment ago goes back to what it had before."""
    w = waves(tmp_path)
    folder = w.clone / "images/lab"
    folder.mkdir(parents=True)
    (folder / "tags.json").write_text('{"web": "ghcr.io/acme/web:by-hand"}\n')
    (folder / "digests.json").write_text(f'{{"web": "ghcr.io/acme/web@sha256:{"0" * 64}"}}\n')
    w.edit()
    w.deploy("lab")
    w.ship(1)
    w.deploy("lab")
    assert w.roll_back("lab").code == 0
    w.green()
    assert "by-hand" in file_at(w, "main", "images/lab/tags.json")
    assert w.at("lab") is None
    assert w.wave("lab")["hold"]


def test_hold_of_a_rollback_stays_when_its_commit_is_evicted(tmp_path: Path) -> None:
    w = twice(tmp_path)
    turn = w.roll_back("shop")
    w.check(turn["to_check"][0], "failure")
    for sha in w.turn()["to_check"]:
        w.check(sha)
    w.green()
    assert w.at("shop") == 2
    assert w.journalled("evicted")
    assert w.wave("shop")["hold"]
    assert not w.refs("inbox")
    [line] = [one for one in w.status()["waiting"] if one["kind"] == "evicted"]
    assert "the rollback was evicted: its check is red on " in line["for"]
    w.later(minutes=5)
    again = shlex.split(line["command"])[1:-2]  # without --repo
    assert w.run(*again).code == 0
    w.green()
    assert w.at("shop") == 1
    assert not any(one["kind"] == "evicted" for one in w.status()["waiting"])


def test_rollback_can_be_asked_for_again_after_its_eviction(tmp_path: Path) -> None:
    w = twice(tmp_path)
    turn = w.roll_back("shop")
    w.check(turn["to_check"][0], "failure")
    for sha in w.turn()["to_check"]:
        w.check(sha)
    w.green()
    w.later(minutes=5)
    w.roll_back("shop")
    w.green()
    assert w.at("shop") == 1


def test_rollback_of_one_set_leaves_the_other_sets_of_the_wave(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}}, sets=("front", "back"))
    for position in (1, 2):
        w.ship(position, {"web": str(position)}, set_name="front")
        w.ship(position, {"db": str(position)}, set_name="back")
        w.deploy("lab")
        w.later(minutes=1)
    w.roll_back("lab", "--set", "front")
    w.green()
    assert w.at("lab", "front") == 1
    assert w.at("lab", "back") == 2
    w.ship(3, {"db": "3"}, set_name="back")
    assert w.at("lab", "back") == 3, "the hold is for the set that was rolled back"


def test_rollback_while_the_wave_is_held_keeps_the_older_hold(tmp_path: Path) -> None:
    w = twice(tmp_path)
    w.hold("shop", "an audit")
    w.roll_back("shop", reason="errors")
    w.green()
    assert w.at("shop") == 1
    assert w.wave("shop")["hold"]["reason"] == "an audit"


def test_release_right_after_a_rollback_was_asked_for_does_not_stop_it(tmp_path: Path) -> None:
    w = twice(tmp_path)
    w.roll_back("shop")
    w.release("shop")
    w.green()
    assert w.at("shop") == 1
    w.deploy("shop")
    w.later(days=1)
    w.green()
    assert w.at("shop") == 1


def test_rollback_to_before_a_set_that_is_on_auto_takes_that_one_off(tmp_path: Path) -> None:
    w = twice(tmp_path)
    w.ship(3)
    w.deploy("lab")
    assert [one["state"] for one in w.wave("shop")["sets"]][-1] == "auto"
    w.roll_back("shop")
    w.green()
    assert w.positions() == {"lab": 3, "shop": 1}


def test_rollback_twice_is_one_rollback(tmp_path: Path) -> None:
    w = twice(tmp_path)
    w.roll_back("shop")
    again = w.roll_back("shop")
    assert again.code == 0
    w.green()
    assert w.at("shop") == 1
    assert len(w.journalled("rolled back")) == 1


def test_all_sets_of_a_wave_go_back_to_what_it_had_at_a_time_in_one_step(tmp_path: Path) -> None:
    w = waves(tmp_path, sets=("front", "back", "still"))
    w.ship(1, {"www": "a"}, set_name="still")
    for position, build in ((1, "a"), (2, "b")):
        w.ship(position, {"web": build}, set_name="front")
        w.ship(position, {"db": build}, set_name="back")
        w.deploy("lab")
        then = w.now
        w.later(hours=1)
    w.ship(3, {"web": "c"}, set_name="front")
    w.ship(3, {"db": "c"}, set_name="back")
    w.roll_back("lab", "--all-sets", "--at", then.isoformat())
    before = git(w.bare, "rev-parse", "main")
    w.green()
    assert (w.at("lab", "front"), w.at("lab", "back"), w.at("lab", "still")) == (2, 2, 1)
    done = git(w.bare, "log", "--format=%s", f"{before}..main").splitlines()
    assert len(done) == 2
    assert sorted(w.refs("holds")) == [
        "refs/tidemill/holds/lab/back",
        "refs/tidemill/holds/lab/front",
    ]
    assert w.refs("inbox") == []


def test_set_that_came_later_than_the_time_is_named_where_all_were_to_go_back(
    tmp_path: Path,
) -> None:
    w = waves(tmp_path, sets=("front", "late"))
    w.ship(1, {"web": "a"}, set_name="front")
    then = w.now
    w.later(hours=1)
    w.ship(1, {"db": "a"}, set_name="late")
    w.ship(2, {"web": "b"}, set_name="front")
    error = w.roll_back("lab", "--all-sets", "--at", then.isoformat())["error"]
    assert error["what"].startswith("the set late: what lab had at ")
    assert error["remedy"].startswith("take it back with --set late: ")
    assert error["remedy"].endswith("; these can, each with --set: front")
    alone = w.roll_back("lab", "--all-sets")["error"]
    assert alone["what"] == "the set front: no older set was healthy in lab"
    assert "these can" not in alone["remedy"], "no set can go back"
    assert w.refs("inbox") == []
    assert w.at("lab", "front") == 2


def test_all_sets_without_a_time_go_to_what_was_healthy_before(tmp_path: Path) -> None:
    w = waves(tmp_path, sets=("front", "back"))
    for position, build in ((1, "a"), (2, "b")):
        w.ship(position, {"web": build}, set_name="front")
        w.deploy("lab")
    w.ship(1, {"db": "a"}, set_name="back")
    w.roll_back("lab", "--all-sets")
    w.green()
    assert (w.at("lab", "front"), w.at("lab", "back")) == (1, 1)
