"""`on_failure = "roll back"`: when a wave goes back by itself, and when it is held instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.loop.waves import Waves, built_once, short, waves

SHOP = {"targets": ["s1", "s2"], "on_failure": "roll back"}


@built_once
def careful(folder: Path, /, **more: Any) -> Waves:
    """The shop rolls back by itself; 1 is deployed everywhere."""
    w = waves(
        folder, {"lab": {"targets": ["l1"]}, "shop": {**SHOP, **more}}, first=("everywhere", 1)
    )
    w.later(hours=1)
    return w


def test_set_that_fails_before_it_was_ever_deployed_is_rolled_back(tmp_path: Path) -> None:
    w = careful(tmp_path)
    w.deployed(2, "lab")
    w.report("shop", "s1")
    turn = w.report("shop", "s2", health="Degraded")
    assert [one["app_sha"][:12] for one in turn["rolled_back"]] == [short(1)]
    w.green()
    assert w.positions() == {"lab": 2, "shop": 1}
    hold = w.wave("shop")["hold"]
    assert "s2" in hold["reason"]
    assert short(2) in hold["reason"]


def test_rolled_back_set_stays_away_until_a_person_releases_and_then_too(tmp_path: Path) -> None:
    w = careful(tmp_path)
    w.deployed(2, "lab")
    w.report("shop", "s2", health="Degraded")
    w.green()
    w.deploy("shop")
    w.later(days=1)
    w.green()
    w.release("shop")
    w.later(days=1)
    w.green()
    assert w.at("shop") == 1
    w.deployed(3, "lab")
    assert w.at("shop") == 3


def test_by_default_a_failed_set_stays_where_it_is_and_nothing_is_held(tmp_path: Path) -> None:
    w = careful(tmp_path, on_failure="wait")
    w.deployed(2, "lab")
    w.report("shop", "s2", health="Degraded")
    w.green()
    assert w.at("shop") == 2
    assert w.wave("shop")["hold"] is None


def test_set_that_fails_after_it_was_deployed_is_held_not_rolled_back(tmp_path: Path) -> None:
    w = careful(tmp_path)
    w.deployed(2, "lab")
    w.deploy("shop")
    w.later(minutes=1)
    turn = w.report("shop", "s1", health="Degraded")
    assert not turn["rolled_back"]
    w.green()
    assert w.at("shop") == 2
    assert "deployed" in w.wave("shop")["hold"]["reason"]
    assert "s1" in w.wave("shop")["hold"]["reason"]


def test_set_that_fails_while_the_wave_is_held_is_not_rolled_back(tmp_path: Path) -> None:
    w = careful(tmp_path)
    w.deployed(2, "lab")
    w.hold("shop", "an audit")
    assert not w.report("shop", "s1", health="Degraded")["rolled_back"]
    w.green()
    assert w.at("shop") == 2
    assert w.wave("shop")["hold"]["reason"] == "an audit"
    w.later(minutes=1)
    w.release("shop")
    w.green()
    assert w.at("shop") == 2, "its failure has been answered"


def test_rollback_that_fails_is_not_rolled_back_further(tmp_path: Path) -> None:
    w = careful(tmp_path)
    w.everywhere(2)
    w.roll_back("shop")
    w.green()
    w.release("shop")
    w.later(minutes=1)
    assert not w.report("shop", "s1", health="Degraded")["rolled_back"]
    w.green()
    assert w.at("shop") == 1
    assert w.wave("shop")["hold"]


def test_first_set_that_fails_has_nowhere_to_go_and_is_held(tmp_path: Path) -> None:
    w = waves(tmp_path, {"shop": SHOP}, first=("ship", 1))
    assert not w.report("shop", "s1", health="Degraded")["rolled_back"]
    w.green()
    assert w.at("shop") == 1
    assert w.wave("shop")["hold"]


def test_the_hold_for_many_long_names_is_read_again_and_ends_when_they_are_well(
    tmp_path: Path,
) -> None:
    targets = [f"{'production-' * 8}{number}" for number in range(8)]
    w = waves(tmp_path, {"shop": {**SHOP, "targets": targets}}, first=("ship", 1))
    report_at_once(w, targets, "Degraded")
    held = w.wave("shop")["hold"]
    assert f"{short(1)} failed on {targets[0]}, {targets[1]}" in held["reason"]
    assert not w.turn()["changed"], "what was written can be read"
    assert w.wave("shop")["hold"] == held
    w.later(minutes=1)
    report_at_once(w, targets, "Healthy")
    assert w.wave("shop")["hold"] is None


def report_at_once(w: Waves, targets: list[str], health: str) -> None:
    """All targets of the shop report, and then there is a turn."""
    for target in targets:
        w.run(
            *("record-deployment", "--accept-only", "--wave", "shop", "--target", target),
            *("--revision", w.ref("refs/heads/main") or "", "--phase", "Succeeded"),
            *("--health", health, "--finished-at", w.now.isoformat()),
        )
    w.turn()


def test_rollback_goes_to_the_last_set_that_was_healthy_there(tmp_path: Path) -> None:
    w = careful(tmp_path)
    w.deployed(2, "lab")
    w.later(minutes=16)
    w.deployed(3, "lab")
    assert w.at("shop") == 3, "2 was silent in the shop"
    w.report("shop", "s1", health="Degraded")
    w.green()
    assert w.at("shop") == 1


def test_set_that_fails_is_held_if_another_set_changed_since_the_wave_was_healthy(
    tmp_path: Path,
) -> None:
    w = two_sets(tmp_path)
    w.ship(2, {"web": "b"}, set_name="front")
    w.ship(2, {"db": "b"}, set_name="back")
    turn = w.report("shop", "s1", health="Degraded")
    assert not turn["rolled_back"]
    assert w.at("shop", "front") == 2
    assert w.at("shop", "back") == 2
    reasons = " ".join(hold["reason"] for hold in w.wave("shop")["holds"])
    assert "front" in reasons or "back" in reasons


def test_set_that_fails_is_rolled_back_if_the_others_have_been_healthy_since(
    tmp_path: Path,
) -> None:
    w = two_sets(tmp_path)
    w.ship(2, {"web": "b"}, set_name="front")
    w.deploy("shop")
    w.later(minutes=1)
    w.ship(2, {"db": "b"}, set_name="back")
    turn = w.report("shop", "s1", health="Degraded")
    assert [one["set"] for one in turn["rolled_back"]] == ["back"]
    w.green()
    assert w.at("shop", "front") == 2
    assert w.at("shop", "back") == 1


def test_failure_is_answered_once_and_not_again_when_the_hold_is_released(tmp_path: Path) -> None:
    w = careful(tmp_path)
    w.deployed(2, "lab")
    w.deploy("shop")
    w.report("shop", "s1", health="Degraded")
    w.release("shop")
    w.later(minutes=5)
    w.green()
    assert w.wave("shop")["hold"] is None


def test_failure_after_a_recovery_is_answered_again(tmp_path: Path) -> None:
    w = careful(tmp_path)
    w.deployed(2, "lab")
    w.deploy("shop")
    for _ in range(2):
        w.later(minutes=1)
        w.report("shop", "s1", health="Degraded")
        assert w.wave("shop")["hold"]
        w.release("shop")
        w.later(minutes=1)
        w.report("shop", "s1")


def test_set_that_had_been_deployed_there_before_it_came_again_is_held(tmp_path: Path) -> None:
    w = careful(tmp_path)
    w.everywhere(2)
    w.roll_back("shop")
    w.green()
    w.deploy("shop")
    w.release("shop")
    w.promote("shop", "--sha", short(2))
    w.green()
    assert w.at("shop") == 2
    w.later(minutes=1)
    assert not w.report("shop", "s1", health="Degraded")["rolled_back"]
    assert w.wave("shop")["hold"]


def test_target_that_never_reported_and_has_nothing_on_main_does_not_keep_a_set_from_going_back(
    tmp_path: Path,
) -> None:
    shop = {"targets": ["s1", "planned"], "on_failure": "roll back"}
    targets: dict[str, dict[str, list[str] | None]] = {"shop": {"s1": None}}
    w = waves(tmp_path, {"shop": shop}, sets=("front", "back"), targets=targets)
    w.ship(1, {"web": "a"}, set_name="front")
    w.ship(1, {"db": "a"}, set_name="back")
    w.deploy("shop")
    w.later(hours=1)
    w.ship(2, {"db": "b"}, set_name="back")
    turn = w.report("shop", "s1", health="Degraded")
    assert [one["set"] for one in turn["rolled_back"]] == ["back"]


def test_failure_in_a_wave_without_on_failure_does_not_roll_back_another(tmp_path: Path) -> None:
    w = careful(tmp_path)
    w.ship(2)
    w.report("lab", "l1", health="Degraded")
    w.green()
    assert w.positions() == {"lab": 2, "shop": 1}
    assert w.wave("shop")["hold"] is None


def test_rollback_by_itself_passes_a_closed_window(tmp_path: Path) -> None:
    w = careful(tmp_path, windows=["Mon 09:00-12:00 UTC"])
    w.deployed(2, "lab")
    assert w.at("shop") == 2
    w.later(hours=3)
    w.report("shop", "s1", health="Degraded")
    w.green()
    assert w.at("shop") == 1


def test_failure_of_a_set_that_has_been_replaced_rolls_nothing_back(tmp_path: Path) -> None:
    w = careful(tmp_path)
    w.deployed(2, "lab")
    second = w.ref("refs/heads/main")
    w.later(minutes=16)
    w.deployed(3, "lab")
    assert w.at("shop") == 3
    assert not w.report("shop", "s1", health="Degraded", revision=second)["rolled_back"]
    w.green()
    assert w.at("shop") == 3
    w.later(minutes=1)
    w.deploy("shop")
    assert w.state("shop") == "deployed"


@built_once
def two_sets(folder: Path, /) -> Waves:
    """Two sets in a shop that rolls back by itself; 1 of both is deployed."""
    shop = {"targets": ["s1"], "on_failure": "roll back"}
    w = waves(folder, {"shop": shop}, sets=("front", "back"))
    w.ship(1, {"web": "a"}, set_name="front")
    w.ship(1, {"db": "a"}, set_name="back")
    w.deploy("shop")
    w.later(hours=1)
    return w
