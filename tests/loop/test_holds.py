"""Holds: what they stop, what they do not, and that a release ends what was there."""

from __future__ import annotations

from pathlib import Path

from tests.loop.waves import short, waves


def test_hold_stops_promotion_and_release_resumes_it(tmp_path: Path) -> None:
    w = waves(tmp_path)
    w.hold("shop", "an audit")
    w.deployed(1, "lab")
    assert w.at("shop") is None
    assert "an audit" in w.why()
    assert w.wave("shop")["hold"]["reason"] == "an audit"
    w.release("shop", "the audit is over")
    w.green()
    assert w.at("shop") == 1
    assert w.wave("shop")["hold"] is None


def test_hold_stops_introductions_into_a_first_wave(tmp_path: Path) -> None:
    w = waves(tmp_path)
    w.hold("lab")
    assert not w.announce(1)["introduced"]
    assert not w.announce(2)["introduced"]
    w.release("lab")
    w.green()
    assert w.at("lab") == 2, "it resumes at the newest"


def test_hold_placed_while_a_promotion_is_under_test_keeps_it_from_landing(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("ship", 1))
    w.report("lab", "l1")
    tested = w.report("lab", "l2")["to_check"][0]
    w.hold("shop")
    w.check(tested)
    turn = w.turn()
    assert turn["landed"] is None
    w.green()
    assert w.at("shop") is None
    w.release("shop")
    w.green()
    assert w.at("shop") == 1


def test_hold_and_green_verdict_in_the_same_turn_and_the_hold_wins(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("ship", 1))
    w.report("lab", "l1")
    tested = w.report("lab", "l2")["to_check"][0]
    w.check(tested)
    assert w.hold("shop")["landed"] is None
    assert w.at("shop") is None


def test_what_is_above_a_held_promotion_on_auto_is_replayed_and_lands(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("ship", 1))
    w.deploy("lab")
    w.announce(2)
    turn = w.hold("shop")
    assert [one["wave"] for one in turn["replayed"]] == ["lab"]
    w.green()
    assert w.positions() == {"lab": 2, "shop": None}


def test_hold_of_one_set_leaves_the_others_alone(tmp_path: Path) -> None:
    w = waves(tmp_path, sets=("front", "back"))
    w.hold("lab", set_name="back")
    w.ship(1, {"web": "a"}, set_name="front")
    w.ship(1, {"db": "a"}, set_name="back")
    assert w.at("lab", "front") == 1
    assert w.at("lab", "back") is None
    w.release("lab", set_name="back")
    w.green()
    assert w.at("lab", "back") == 1


def test_hold_without_a_set_holds_all_and_a_release_ends_every_hold(tmp_path: Path) -> None:
    w = waves(tmp_path, sets=("front", "back"))
    w.hold("lab")
    w.hold("lab", set_name="back")
    w.ship(1, {"web": "a"}, set_name="front")
    assert w.at("lab", "front") is None
    assert len(w.wave("lab")["holds"]) == 2
    w.release("lab")
    w.green()
    assert w.at("lab", "front") == 1
    assert not w.refs("holds")


def test_release_of_one_set_keeps_the_hold_of_all(tmp_path: Path) -> None:
    w = waves(tmp_path, sets=("front", "back"))
    w.hold("lab")
    w.hold("lab", set_name="back")
    w.release("lab", set_name="back")
    w.ship(1, {"db": "a"}, set_name="back")
    assert w.at("lab", "back") is None


def test_second_hold_keeps_the_reason_and_time_of_the_first(tmp_path: Path) -> None:
    w = waves(tmp_path)
    w.hold("shop", "an audit")
    since = w.wave("shop")["hold"]["since"]
    w.later(hours=1)
    assert w.hold("shop", "another").code == 0
    assert w.wave("shop")["hold"]["reason"] == "an audit"
    assert w.wave("shop")["hold"]["since"] == since


def test_release_of_what_is_not_held_changes_nothing(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("ship", 1))
    turn = w.release("shop")
    assert turn.code == 0
    assert not turn["changed"]


def test_soak_goes_on_while_a_wave_is_held(tmp_path: Path) -> None:
    shop = {"targets": ["s1"], "soak": "1h"}
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}, "shop": shop}, first=("deployed", 1, "lab"))
    w.hold("shop")
    w.later(hours=1)
    w.green()
    assert w.at("shop") is None
    w.release("shop")
    w.green()
    assert w.at("shop") == 1


def test_after_a_release_the_newest_that_has_soaked_is_promoted(tmp_path: Path) -> None:
    w = waves(tmp_path)
    w.hold("shop")
    for position in (1, 2, 3):
        w.deployed(position, "lab")
        w.later(minutes=1)
    w.release("shop")
    w.green()
    assert w.at("shop") == 3


def test_promotion_by_hand_waits_for_the_hold_and_says_so(tmp_path: Path) -> None:
    w = waves(tmp_path)
    w.hold("shop", "an audit")
    w.deployed(1, "lab")
    turn = w.promote("shop")
    assert turn.code == 0
    assert not turn["promoted"]
    assert any(short(1) in one["what"] and "an audit" in one["for"] for one in turn["waiting"])


def test_override_passes_a_hold_once_and_the_hold_stays(tmp_path: Path) -> None:
    w = waves(tmp_path)
    w.hold("shop", "an audit")
    w.deployed(1, "lab")
    w.promote("shop", "--override", "a hotfix")
    w.green()
    assert w.at("shop") == 1
    assert w.wave("shop")["hold"]["reason"] == "an audit"
    w.deploy("shop")
    w.deployed(2, "lab")
    assert w.at("shop") == 1


def test_hold_of_a_wave_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    w = waves(tmp_path)
    turn = w.hold("nowhere")
    assert turn.code == 1
    assert turn["error"]["written"] == "nothing"
    assert not w.refs("")
