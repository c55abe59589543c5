"""What is deployed in a wave, what has failed there, and for how long it has soaked."""

from datetime import timedelta

import pytest
from tests.unit.snapshots import LAB, landed, present

from tidemill.cfg.records import Health, Phase


def test_set_is_deployed_when_each_target_has_been_healthy_with_it() -> None:
    rollout = landed()
    rollout.reports("lab", "lab-1", ago=5)
    one = present(rollout.turn())
    assert (one.deployed_at, set(one.taken)) == (None, {"lab-1"})
    rollout.reports("lab", "lab-2", ago=3)
    both = present(rollout.turn())
    assert both.deployed_at == both.healthy_since == rollout.ago(3)
    assert both.deployed_once


def test_targets_need_not_be_healthy_at_the_same_time() -> None:
    rollout = landed()
    rollout.reports("lab", "lab-1", ago=5)
    rollout.turn()
    rollout.reports("lab", "lab-1", "Progressing", "Running", ago=4)
    rollout.turn()
    rollout.reports("lab", "lab-2", ago=3)
    assert present(rollout.turn()).deployed_at == rollout.ago(3)


@pytest.mark.parametrize(
    ("health", "phase"),
    [
        ("Progressing", "Succeeded"),
        ("Healthy", "Running"),
        ("Suspended", "Succeeded"),
        ("Missing", "Succeeded"),
        ("Unknown", "Succeeded"),
        ("Healthy", "Terminating"),
    ],
)
def test_target_that_is_not_yet_healthy_neither_takes_nor_fails_a_set(
    health: Health, phase: Phase
) -> None:
    rollout = landed()
    rollout.reports("lab", "lab-1", health, phase)
    found = present(rollout.turn())
    assert (found.taken, found.failed) == ({}, {})


@pytest.mark.parametrize(
    ("health", "phase"), [("Degraded", "Succeeded"), ("Healthy", "Failed"), ("Missing", "Error")]
)
def test_target_fails_the_very_set_that_it_has(health: Health, phase: Phase) -> None:
    rollout = landed()
    rollout.reports("lab", "lab-1", health, phase, ago=4)
    assert present(rollout.turn()).failed == {"lab-1": rollout.ago(4)}


def test_failure_of_a_target_that_still_has_the_set_before_is_not_this_one_s() -> None:
    rollout = landed()
    rollout.reports("lab", "lab-1", "Degraded", position=1, ago=4)
    decided = rollout.turn()
    before, now = decided.ledger.of("lab", "app").had
    assert (before.failed, now.failed) == ({"lab-1": rollout.ago(4)}, {})


def test_failure_accepted_before_the_landing_is_not_this_set_s() -> None:
    rollout = landed(minutes=10)
    rollout.reports("lab", "lab-1", "Degraded", ago=11)
    assert present(rollout.turn()).failed == {}


def test_healthy_record_from_before_the_landing_counts_if_the_target_runs_the_set() -> None:
    rollout = landed(minutes=10)
    for target in LAB["targets"]:
        rollout.reported("lab", target, ago=60)
    found = present(rollout.turn())
    assert found.deployed_at == rollout.ago(10), "at the landing, not before"


def test_healthy_record_of_another_set_does_not_count() -> None:
    rollout = landed()
    for target in LAB["targets"]:
        rollout.reported("lab", target, position=1, ago=60)
    assert present(rollout.turn()).deployed_at is None


def test_only_a_later_healthy_record_of_that_target_ends_a_failure() -> None:
    rollout = landed()
    rollout.reports("lab", "lab-1", "Degraded", ago=8)
    rollout.turn()
    unsettled: list[tuple[Health, Phase]] = [("Progressing", "Succeeded"), ("Unknown", "Running")]
    for health, phase in unsettled:
        rollout.later(1)
        rollout.reports("lab", "lab-1", health, phase, ago=0)
        rollout.reports("lab", "lab-2", ago=0)
        assert set(present(rollout.turn()).failed) == {"lab-1"}
    rollout.later(1)
    rollout.reports("lab", "lab-1", ago=0)
    found = present(rollout.turn())
    assert found.failed == {}
    assert found.anew == rollout.now


def test_healthy_record_of_another_set_does_not_end_a_failure() -> None:
    rollout = landed()
    rollout.reports("lab", "lab-1", "Degraded", ago=8)
    rollout.turn()
    rollout.reports("lab", "lab-1", position=1, ago=1)
    assert set(present(rollout.turn()).failed) == {"lab-1"}


def test_after_a_failure_all_targets_count_anew() -> None:
    rollout = landed()
    rollout.reports("lab", "lab-2", ago=9)
    rollout.reports("lab", "lab-1", "Degraded", ago=8)
    rollout.turn()
    rollout.reports("lab", "lab-2", "Progressing", "Running", ago=7)
    rollout.reports("lab", "lab-1", ago=6)
    found = present(rollout.turn())
    assert (set(found.taken), found.deployed_at) == ({"lab-1"}, None)
    rollout.reports("lab", "lab-2", ago=2)
    found = present(rollout.turn())
    assert found.deployed_at == rollout.ago(2)
    assert found.soaked(rollout.now) == timedelta(minutes=2)


def test_failure_of_a_set_that_was_deployed_ends_that() -> None:
    rollout = landed(minutes=40)
    for target in LAB["targets"]:
        rollout.reports("lab", target, ago=30)
    assert present(rollout.turn()).soaked(rollout.now) == timedelta(minutes=30)
    rollout.reports("lab", "lab-1", "Degraded", ago=1)
    found = present(rollout.turn())
    assert (found.deployed_at, found.deployed_once) == (None, True)
    assert found.soaked(rollout.now) == timedelta()


def test_soak_of_an_older_set_stands_still_while_a_newer_one_fails() -> None:
    rollout = landed(minutes=40)
    rollout.reports("lab", "lab-1", "Degraded", ago=30)
    rollout.turn()
    rollout.reports("lab", "lab-1", ago=20)
    decided = rollout.turn()
    older, newer = decided.ledger.of("lab", "app").had
    assert older.soaked(rollout.now) == timedelta(minutes=110 - 30 + 20)
    assert newer.soaked(rollout.now) == timedelta()


def test_soak_depends_on_when_records_were_accepted_and_not_on_when_turns_run() -> None:
    def soaked(turns_between: bool) -> timedelta:
        rollout = landed(minutes=40)
        told: list[tuple[Health, int]] = [("Degraded", 30), ("Healthy", 20)]
        for health, minutes in told:
            rollout.reports("lab", "lab-1", health, ago=minutes)
            if turns_between:
                rollout.turn()
        rollout.reports("lab", "lab-2", ago=15)
        older, _ = rollout.turn().ledger.of("lab", "app").had
        return older.soaked(rollout.now)

    assert soaked(turns_between=True) == soaked(turns_between=False)


def test_newer_set_does_not_end_the_soak_of_an_older_one() -> None:
    rollout = landed(minutes=10)
    older, _ = rollout.turn().ledger.of("lab", "app").had
    assert older.soaked(rollout.now) == timedelta(minutes=110)


def test_commit_that_changes_no_image_does_not_reset_anything() -> None:
    rollout = landed(minutes=40)
    for target in LAB["targets"]:
        rollout.reports("lab", target, ago=30)
    rollout.turn()
    rollout.pushed("replicas")
    found = present(rollout.turn())
    assert found.soaked(rollout.now) == timedelta(minutes=30)
