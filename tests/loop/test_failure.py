"""A failure: whose fault it is, what it stops, and what ends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loop.waves import Waves, built_once, waves

ONE = {"lab": {"targets": ["l1"]}, "shop": {"targets": ["s1"]}}
TWO = {"lab": {"targets": ["l1", "l2"]}, "shop": {"targets": ["s1"]}}


@pytest.mark.parametrize(
    ("phase", "health"),
    [
        ("Failed", "Healthy"),
        ("Error", "Unknown"),
        ("Succeeded", "Degraded"),
        ("Running", "Degraded"),
    ],
)
def test_failed_set_is_not_promoted_and_status_says_where(
    tmp_path: Path, phase: str, health: str
) -> None:
    w = waves(tmp_path, ONE, first=("ship", 1))
    w.report("lab", "l1", phase, health)
    w.green()
    assert w.state("lab") == "failed"
    assert w.at("shop") is None
    assert "l1" in w.why()
    assert "fail" in w.why()


def test_failed_target_that_is_healthy_again_ends_the_failure(tmp_path: Path) -> None:
    w = waves(tmp_path, ONE, first=("ship", 1))
    w.report("lab", "l1", health="Degraded")
    w.later(minutes=5)
    w.report("lab", "l1")
    w.green()
    assert w.state("lab") == "deployed"
    assert w.at("shop") == 1


def test_after_a_failure_every_target_counts_anew(tmp_path: Path) -> None:
    w = waves(tmp_path, TWO, first=("ship", 1))
    w.report("lab", "l1")
    w.later(minutes=1)
    w.report("lab", "l1", health="Progressing")
    w.report("lab", "l2", health="Degraded")
    w.later(minutes=1)
    w.report("lab", "l2")
    w.green()
    assert w.at("shop") is None, "l1 was healthy before the failure, and is not now"
    assert "l1" in w.why()
    w.later(minutes=1)
    w.report("lab", "l1")
    w.green()
    assert w.at("shop") == 1


def test_target_that_stayed_healthy_through_the_failure_need_not_report_again(
    tmp_path: Path,
) -> None:
    w = waves(tmp_path, TWO, first=("ship", 1))
    w.report("lab", "l1")
    w.report("lab", "l2", health="Degraded")
    w.later(minutes=1)
    w.report("lab", "l2")
    w.green()
    assert w.at("shop") == 1


def test_healthy_report_of_another_target_does_not_end_a_failure(tmp_path: Path) -> None:
    w = waves(tmp_path, TWO, first=("ship", 1))
    w.report("lab", "l1", health="Degraded")
    w.later(minutes=1)
    w.report("lab", "l2")
    w.green()
    assert w.state("lab") == "failed"
    assert w.at("shop") is None


def test_progressing_does_not_end_a_failure(tmp_path: Path) -> None:
    w = waves(tmp_path, ONE, first=("ship", 1))
    w.report("lab", "l1", health="Degraded")
    w.later(minutes=1)
    w.report("lab", "l1", health="Progressing")
    assert w.state("lab") == "failed"


def test_two_failed_targets_must_both_be_healthy_again(tmp_path: Path) -> None:
    w = waves(tmp_path, TWO, first=("ship", 1))
    for target in ("l1", "l2"):
        w.report("lab", target, health="Degraded")
    w.later(minutes=1)
    w.report("lab", "l1")
    assert w.state("lab") == "failed"
    w.later(minutes=1)
    w.report("lab", "l2")
    w.green()
    assert w.at("shop") == 1


def test_target_that_fails_on_its_old_revision_does_not_fail_the_new_set(tmp_path: Path) -> None:
    w = waves(tmp_path, TWO, first=("everywhere", 1))
    old = w.ref("refs/heads/main")
    w.later(minutes=1)
    w.ship(2)
    w.later(minutes=1)
    w.report("lab", "l1", health="Degraded", revision=old)
    assert w.state("lab") == "in flight"
    w.later(minutes=1)
    w.deploy("lab")
    w.green()
    assert w.at("shop") == 2


def test_set_that_was_replaced_while_failed_is_never_promoted(tmp_path: Path) -> None:
    w = waves(tmp_path, ONE, first=("ship", 1))
    first = w.ref("refs/heads/main")
    w.report("lab", "l1", health="Degraded")
    w.later(minutes=1)
    w.ship(2)
    assert w.at("lab") == 2, "a failed set has settled"
    w.report("lab", "l1", revision=first)
    w.green()
    assert w.at("shop") is None
    w.later(minutes=1)
    w.report("lab", "l1", health="Degraded")
    w.later(days=1)
    w.green()
    assert w.at("shop") is None, "neither 1, which was replaced, nor 2, which has failed"


def test_set_that_recovered_before_it_was_replaced_is_promoted(tmp_path: Path) -> None:
    shop = {"targets": ["s1"], "soak": "1h"}
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}, "shop": shop}, first=("ship", 1))
    w.report("lab", "l1", health="Degraded")
    w.later(minutes=1)
    w.report("lab", "l1")
    w.later(minutes=1)
    w.ship(2)
    w.later(minutes=61)
    w.green()
    assert w.at("shop") == 1


def test_deployed_set_that_fails_later_is_not_promoted_while_it_fails(tmp_path: Path) -> None:
    w = waves(
        tmp_path,
        {"lab": {"targets": ["l1"]}, "shop": {"targets": ["s1"], "soak": "1h"}},
        first=("ship", 1),
    )
    w.report("lab", "l1")
    w.later(minutes=59)
    w.report("lab", "l1", health="Degraded")
    w.later(minutes=2)
    w.green()
    assert w.at("shop") is None
    w.report("lab", "l1")
    w.later(minutes=59)
    w.green()
    assert w.at("shop") is None, "it counts anew"
    w.later(minutes=2)
    w.green()
    assert w.at("shop") == 1


def test_failure_of_a_target_that_runs_nothing_of_a_set_is_not_its_failure(tmp_path: Path) -> None:
    w = two_sets(tmp_path)
    w.ship(1, {"web": "a"}, set_name="front")
    w.ship(1, {"db": "a"}, set_name="back")
    w.report("lab", "l-back", health="Degraded")
    w.report("lab", "l-front")
    w.green()
    assert w.state("lab", "back") == "failed"
    assert w.state("lab", "front") == "deployed"
    assert w.at("shop", "front") == 1
    assert w.at("shop", "back") is None


def test_failure_of_a_target_that_runs_both_sets_stops_both(tmp_path: Path) -> None:
    w = two_sets(tmp_path, shared=True)
    w.ship(1, {"web": "a"}, set_name="front")
    w.ship(1, {"db": "a"}, set_name="back")
    w.report("lab", "l-both", health="Degraded")
    w.later(days=1)
    w.green()
    assert w.at("shop", "front") is None
    assert w.at("shop", "back") is None


def test_source_that_fails_while_a_promotion_is_under_test_keeps_it_from_landing(
    tmp_path: Path,
) -> None:
    w = waves(tmp_path, ONE, first=("ship", 1))
    tested = w.report("lab", "l1")["to_check"][0]
    w.check(tested)
    w.later(minutes=1)
    assert w.report("lab", "l1", health="Degraded")["landed"] is None
    w.green()
    assert w.at("shop") is None
    w.later(minutes=1)
    w.report("lab", "l1")
    w.green()
    assert w.at("shop") == 1


def test_failed_target_that_is_removed_from_the_settings_blocks_nobody(tmp_path: Path) -> None:
    w = waves(tmp_path, TWO, first=("ship", 1))
    w.report("lab", "l1")
    w.report("lab", "l2", health="Degraded")
    assert w.state("lab") == "failed"
    del w.targets["lab"]["l2"]
    w.change_settings('targets = ["l1", "l2"]', 'targets = ["l1"]')
    w.green()
    assert w.state("lab") == "deployed", "l2 can never report again"
    assert w.at("shop") == 1


def test_failure_of_a_removed_target_does_not_stop_soak(tmp_path: Path) -> None:
    shop = {"targets": ["s1"], "soak": "1h"}
    lab = {"targets": ["l1", "l2"], "admit": "when deployed"}
    w = waves(tmp_path, {"lab": lab, "shop": shop}, first=("ship", 1))
    w.deploy("lab")
    w.later(minutes=10)
    w.ship(2)
    w.report("lab", "l2", health="Degraded")
    w.later(minutes=10)
    del w.targets["lab"]["l2"]
    w.change_settings('targets = ["l1", "l2"]', 'targets = ["l1"]')
    w.turn()
    w.later(minutes=51)
    w.green()
    assert w.at("shop") == 1


@built_once
def two_sets(folder: Path, /, *, shared: bool = False) -> Waves:
    """Two image sets; in the first wave on targets of their own, or on one together."""
    apart: dict[str, list[str] | None] = {"l-front": ["web"], "l-back": ["db"]}
    lab: dict[str, list[str] | None] = {"l-both": None} if shared else apart
    options = {"lab": {"targets": list(lab)}, "shop": {"targets": ["s1"]}}
    return waves(
        folder, options, sets=("front", "back"), targets={"lab": lab, "shop": {"s1": None}}
    )
