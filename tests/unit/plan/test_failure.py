"""Failure: who fails with a set, for how long a target may be Degraded, and what ends it."""

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.snapshots import (
    LAB,
    SHOP,
    Rollout,
    introduced,
    landed,
    present,
    settings,
    waits_for,
)

from tidemill.facts.records import Health, Phase
from tidemill.plan.draft import Draft
from tidemill.plan.failure import blame, count_anew, degraded_there, failed_there
from tidemill.plan.obstacles import DegradedTargets, FailedVerification, FailureThere
from tidemill.plan.silent_targets import Reporters


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
    before, now = decided.ledger.of("lab", "app").landings
    assert (before.failed, now.failed) == ({"lab-1": rollout.ago(4)}, {})


@pytest.mark.parametrize(("ago", "is_its_fault"), [(11, False), (10, True), (9, True)])
def test_failure_accepted_before_the_landing_is_not_this_set_s(
    ago: float, *, is_its_fault: bool
) -> None:
    rollout = landed(minutes=10)
    rollout.reports("lab", "lab-1", "Degraded", ago=ago)
    assert present(rollout.turn()).failed == ({"lab-1": rollout.ago(ago)} if is_its_fault else {})


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


def patient(minutes: float = 60, **shop: Any) -> Rollout:
    """As `landed`, but a target of lab has to stay Degraded for 5 minutes before it counts."""
    rollout = landed(minutes)
    rollout.settings = settings(
        lab={**LAB, "failed_after": "5m"}, shop={**SHOP, "soak": "1h", **shop}
    )
    return rollout


def test_target_that_stays_degraded_counts_as_failed_when_the_time_is_over() -> None:
    rollout = patient()
    rollout.reports("lab", "lab-1", "Degraded", ago=4)
    assert present(rollout.turn()).failed == {}
    rollout.later(1)
    decided = rollout.turn()
    assert present(decided).failed == {"lab-1": rollout.now}, "no event was needed"
    assert decided.is_change


def test_target_that_says_again_that_it_is_degraded_has_been_so_since_it_said_so_first() -> None:
    rollout = patient()
    for ago in (4, 2):
        rollout.reports("lab", "lab-1", "Degraded", ago=ago)
    assert present(rollout.turn()).degraded == {"lab-1": rollout.ago(4)}


def test_target_that_is_healthy_in_time_never_failed() -> None:
    rollout = patient()
    for target in LAB["targets"]:
        rollout.reports("lab", target, ago=30)
    rollout.reports("lab", "lab-1", "Degraded", ago=20)
    rollout.reports("lab", "lab-1", ago=16)
    found = present(rollout.turn())
    assert (found.failed, found.degraded, found.anew) == ({}, {}, None)
    assert found.soaked(rollout.now) == timedelta(minutes=30 - 4), "soak stood still meanwhile"


def test_what_a_target_was_in_the_end_does_not_depend_on_when_turns_run() -> None:
    def found(turns_between: bool) -> tuple[object, ...]:
        rollout = patient()
        told: list[tuple[Health, int]] = [("Healthy", 30), ("Degraded", 20), ("Healthy", 13)]
        for health, minutes in told:
            rollout.reports("lab", "lab-1", health, ago=minutes)
            if turns_between:
                rollout.turn()
        rollout.reports("lab", "lab-2", ago=12)
        one = present(rollout.turn())
        return one.anew, one.failed, one.deployed_at, one.soaked(rollout.now)

    assert found(turns_between=True) == found(turns_between=False)


@pytest.mark.parametrize(("health", "phase"), [("Degraded", "Failed"), ("Healthy", "Error")])
def test_sync_that_failed_has_failed_at_once(health: Health, phase: Phase) -> None:
    rollout = patient()
    rollout.reports("lab", "lab-1", health, phase, ago=1)
    assert present(rollout.turn()).failed == {"lab-1": rollout.ago(1)}


@pytest.mark.parametrize(
    ("between", "position"),
    [("Progressing", None), ("Degraded", 1)],
    ids=["it-moves", "it-left-the-set"],
)
def test_target_that_does_not_stay_degraded_with_the_set_starts_anew(
    between: Health, position: int | None
) -> None:
    rollout = patient()
    rollout.reports("lab", "lab-1", "Degraded", ago=6)
    rollout.reports("lab", "lab-1", between, ago=4, position=position)
    assert present(rollout.turn()).failed == {}
    rollout.reports("lab", "lab-1", "Degraded", ago=0)
    assert present(rollout.turn()).degraded == {"lab-1": rollout.now}


def test_nothing_is_promoted_while_it_is_open_whether_a_target_fails() -> None:
    rollout = patient(soak="0m")
    for target in LAB["targets"]:
        rollout.reports("lab", target, ago=30)
    rollout.reports("lab", "lab-1", "Degraded", ago=2)
    decided = rollout.turn()
    assert introduced(decided) == []
    assert "lab is Degraded on lab-1: it counts as failed at 2026-01-05 12:03" in waits_for(decided)
    rollout.later(1)
    rollout.reports("lab", "lab-1", ago=0)
    assert introduced(rollout.turn()) == [("shop", 2)]


def test_of_several_degraded_targets_the_first_says_when_the_set_would_fail() -> None:
    rollout = Rollout(settings(lab={**LAB, "failed_after": "10m"}, shop=SHOP))
    rollout.landing("shop", 1)
    rollout.landing("lab", 1, landed=90, deployed=80)
    landing = rollout.landing("lab", 2, landed=60, deployed=30)
    landing.degraded = {"lab-1": rollout.ago(2), "lab-2": rollout.ago(6)}
    found = degraded_there(Draft.of(rollout.snapshot()), rollout.settings.waves[0], "app")
    assert found == DegradedTargets(
        wave="lab",
        targets=("lab-1", "lab-2"),
        since=rollout.ago(6),
        fails_at=rollout.ago(-4),
    )


@pytest.mark.parametrize("kept", ["failed", "tolerated"])
def test_target_that_has_failed_already_is_not_waited_for_when_it_is_degraded(kept: str) -> None:
    rollout = patient()
    landing = rollout.ledger.of("lab", "app").landings[-1]
    setattr(landing, kept, {"lab-1": rollout.ago(9)})
    record = rollout.record("lab", "lab-1", "Degraded")
    draft = Draft.of(rollout.snapshot())
    wave = rollout.settings.waves[0]
    mine = draft.ledger.of("lab", "app").landings[-1]
    blame(mine, wave, "app", record, Reporters.of(draft, wave))
    assert (mine.degraded, getattr(mine, kept)) == ({}, {"lab-1": rollout.ago(9)})


@pytest.mark.parametrize(
    ("held", "refuted", "expected"), [(True, 0, False), (True, 1, True), (False, 1, False)]
)
def test_next_failure_gets_an_answer_of_its_own_once_all_has_passed(
    held: bool, refuted: int, expected: bool
) -> None:
    rollout = landed()
    landing = rollout.ledger.of("lab", "app").landings[-1]
    landing.taken, landing.held = {"lab-1": rollout.ago(5)}, held
    landing.refuted = {"errors": rollout.ago(3)} if refuted else {}
    count_anew(landing, rollout.now)
    assert (landing.taken, landing.anew, landing.held) == ({}, rollout.now, expected)


def test_failure_of_several_is_told_since_the_first() -> None:
    rollout = landed()
    landing = rollout.ledger.of("lab", "app").landings[-1]
    since = {"b": rollout.ago(9), "a": rollout.ago(3)}
    draft = Draft.of(rollout.snapshot())
    landing.refuted = since
    told = failed_there(draft, "lab", "app", landing)
    assert isinstance(told, FailedVerification)
    assert (told.names, told.since, told.said) == (("a", "b"), rollout.ago(9), "")
    landing.failed = since
    found = failed_there(draft, "lab", "app", landing)
    assert isinstance(found, FailureThere)
    assert (found.targets, found.since) == (("a", "b"), rollout.ago(9))
