"""What follows from a failure in a wave: nothing, a rollback, or a hold."""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.snapshots import LAB, SHOP, Rollout, app_sha, introduced, settings, waits_for

from tidemill.facts.holds import HoldCause
from tidemill.plan import on_failure
from tidemill.plan.draft import Draft

BACK = {**LAB, "on_failure": "roll back"}


def failing(**changes: Any) -> Rollout:
    """lab has had 1 and 2, both healthy; now 3 fails on its way."""
    rollout = Rollout(settings(lab=BACK, shop={**SHOP, "approval": True}))
    rollout.landing("lab", 1, landed=200, deployed=190)
    rollout.landing("lab", 2, landed=100, deployed=90)
    rollout.landing("lab", 3, landed=10, deployed=None, **changes)
    rollout.reports("lab", "lab-1", "Degraded", ago=2)
    return rollout


def test_set_that_failed_before_it_was_ever_deployed_is_rolled_back() -> None:
    rollout = failing()
    decided = rollout.decide()
    assert introduced(decided) == [("lab", 2)]
    operation = decided.auto[0].operation
    assert operation.kind == "roll back"
    assert operation.commit == rollout.ledger.of("lab", "app").landings[1].commit
    assert operation.at == rollout.ago(2)
    hold = decided.holds["lab", "app"]
    assert hold.by == "tidemill"
    assert f"{app_sha(3)[:12]} failed on lab-1" in hold.reason


@pytest.mark.parametrize("is_taken_out", [False, True])
def test_what_a_person_puts_there_meanwhile_is_not_rolled_back(*, is_taken_out: bool) -> None:
    rollout = failing()
    back = rollout.turn().auto[0]
    rollout.by_hand("lab", None if is_taken_out else replace(rollout.files_of(4), source=None))
    decided = rollout.turn()
    assert introduced(decided) == []
    assert ("taken off auto", back.operation.app_sha) in [
        (one.what, one.app_sha) for one in decided.entries
    ]
    assert "failed on lab-1" in decided.holds["lab", "app"].reason, "and nothing replaces it"


def test_with_wait_nothing_happens_but_that_it_is_not_promoted() -> None:
    rollout = failing()
    rollout.settings = settings(lab=LAB, shop=SHOP)
    decided = rollout.decide()
    assert ("lab", 2) not in introduced(decided)
    assert ("shop", 3) not in introduced(decided)
    assert decided.holds == {}
    assert "lab-1, which failed" in waits_for(decided)


def was_deployed(rollout: Rollout) -> None:
    rollout.ledger.of("lab", "app").landings[-1].deployed_once = True


def is_a_rollback(rollout: Rollout) -> None:
    rollout.ledger.of("lab", "app").landings[-1].how = "roll back"


def earlier_stay(rollout: Rollout, **changes: Any) -> None:
    """The set that fails was in the wave before, and something was so of it then alone."""
    rollout.landing("lab", 3, landed=95, deployed=None, **changes)
    landings = rollout.ledger.of("lab", "app").landings
    landings.insert(1, landings.pop())


def was_deployed_in_an_earlier_stay(rollout: Rollout) -> None:
    earlier_stay(rollout, deployed_once=True)


def was_verified_in_an_earlier_stay(rollout: Rollout) -> None:
    earlier_stay(rollout, verified_once=True)


def nothing_before(rollout: Rollout) -> None:
    del rollout.ledger.of("lab", "app").landings[:2]


def nothing_healthy_before(rollout: Rollout) -> None:
    for landing in rollout.ledger.of("lab", "app").landings[:2]:
        landing.buried = True


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (was_deployed, "it had been deployed there before"),
        (was_deployed_in_an_earlier_stay, "it had been deployed there before"),
        (was_verified_in_an_earlier_stay, "it had been verified there before"),
        (is_a_rollback, "it is a rollback itself"),
        (nothing_before, "no older set was healthy there"),
        (nothing_healthy_before, "no older set was healthy there"),
    ],
)
def test_in_all_other_cases_the_wave_is_held_and_that_is_said(change: Any, reason: str) -> None:
    rollout = failing()
    change(rollout)
    decided = rollout.decide()
    assert introduced(decided) == []
    hold = decided.holds["lab", "app"]
    assert reason in hold.reason
    assert "not rolled back by itself" in hold.reason
    assert [entry.what for entry in decided.entries].count("held") == 1


@pytest.mark.parametrize("held", ["_", "app"])
def test_wave_with_a_hold_is_left_alone(held: str) -> None:
    rollout = failing()
    hold = rollout.held("lab", held)
    decided = rollout.decide()
    assert introduced(decided) == []
    assert decided.holds == {("lab", held): hold}


def held_for_a_failure() -> Rollout:
    """3 failed on both targets, and there is nothing to go back to."""
    rollout = failing()
    nothing_before(rollout)
    rollout.reports("lab", "lab-2", "Degraded", ago=2)
    rollout.turn()
    assert set(rollout.holds) == {("lab", "app")}
    return rollout


def test_hold_for_a_failure_ends_when_every_target_is_healthy_with_the_set_that_failed() -> None:
    rollout = held_for_a_failure()
    rollout.reports("lab", "lab-1", ago=1)
    assert set(rollout.turn().holds) == {("lab", "app")}
    rollout.reports("lab", "lab-2", ago=0)
    decided = rollout.turn()
    assert decided.holds == {}
    [released] = [entry for entry in decided.entries if entry.what == "released"]
    assert (released.wave, released.set) == ("lab", "app")
    assert "healthy again on lab-1, lab-2" in released.reason


def test_set_that_fails_when_the_hold_of_one_before_ends_has_a_hold_of_its_own() -> None:
    rollout = Rollout(settings(lab=BACK, shop=SHOP))
    before, now = (rollout.landing("lab", position, deployed=None) for position in (3, 4))
    rollout.held("lab", "app", failure=HoldCause(content=before.content, targets=("lab-2",)))
    rollout.reported("lab", "lab-2", position=3)
    rollout.reports("lab", "lab-1", "Degraded")
    failure = rollout.turn().holds["lab", "app"].failure
    assert failure is not None
    assert failure.content == now.content


@pytest.mark.parametrize(
    ("change", "is_over"),
    [
        ({}, True),
        ({"wave": "moon"}, False),
        ({"content": "another"}, False),
        ({"verifications": ("smoke",)}, False),
        ({"targets": ("lab-1", "lab-9")}, False),
        ({"targets": ("lab-1", "lab-2")}, False),
    ],
    ids=["well", "wave-is-gone", "set-is-gone", "nobody-asks", "target-is-gone", "one-is-silent"],
)
def test_failure_is_over_once_all_that_failed_is_known_to_be_well(
    change: dict[str, Any], *, is_over: bool
) -> None:
    rollout = Rollout(settings(lab=BACK))
    landing = rollout.landing("lab", 3)
    rollout.ledger.of("moon", "app").landings.append(landing)
    rollout.reported("lab", "lab-1")
    told = {"content": landing.content, "targets": ("lab-1",), **change}
    wave = told.pop("wave", "lab")
    cause = HoldCause(**told)
    hold = rollout.held(wave, "app", failure=cause)
    assert on_failure._is_over(Draft.of(rollout.snapshot()), hold, cause) is is_over


def test_failure_is_not_over_while_a_stay_of_its_set_counts_as_failed() -> None:
    rollout = Rollout(settings(lab=BACK))
    rollout.landing("lab", 3, landed=90, failed={"lab-1": rollout.ago(80)})
    landing = rollout.landing("lab", 3)
    rollout.reported("lab", "lab-1")
    cause = HoldCause(content=landing.content, targets=("lab-1",))
    hold = rollout.held("lab", "app", failure=cause)
    assert not on_failure._is_over(Draft.of(rollout.snapshot()), hold, cause)


def test_hold_of_a_person_outlasts_one_for_a_failure_that_has_passed() -> None:
    rollout = failing()
    own = rollout.hold("lab", "app", until=rollout.ago(-60))
    rollout.reports("lab", "lab-2", "Degraded", ago=2)
    rollout.turn()
    assert rollout.holds["lab", "app"].failure
    for target in LAB["targets"]:
        rollout.reports("lab", target, ago=0)
    rollout.turn()
    assert rollout.holds["lab", "app"].id == own


def healthy_with_another_set(rollout: Rollout) -> None:
    for target in LAB["targets"]:
        rollout.reports("lab", target, position=2, ago=0)


def settings_forget_one_target(rollout: Rollout) -> None:
    rollout.reports("lab", "lab-1", ago=0)
    rollout.settings = settings(lab={**BACK, "targets": ["lab-1"]}, shop=SHOP)


def settings_forget_both_targets(rollout: Rollout) -> None:
    rollout.settings = settings(lab={**BACK, "targets": ["lab-9"]}, shop=SHOP)


@pytest.mark.parametrize(
    "change",
    [healthy_with_another_set, settings_forget_one_target, settings_forget_both_targets],
    ids=lambda change: change.__name__,
)
def test_hold_for_a_failure_stays_where_the_failure_has_not_passed(change: Any) -> None:
    rollout = held_for_a_failure()
    change(rollout)
    rollout.turn()
    rollout.later(60)
    assert set(rollout.turn().holds) == {("lab", "app")}


def test_hold_for_a_failure_stays_while_a_target_that_failed_syncs_again() -> None:
    rollout = held_for_a_failure()
    rollout.reports("lab", "lab-1", ago=0)
    rollout.turn()
    rollout.later(1)
    rollout.reports("lab", "lab-1", "Progressing", "Running", ago=0)
    rollout.reports("lab", "lab-2", ago=0)
    assert set(rollout.turn().holds) == {("lab", "app")}
    rollout.later(1)
    rollout.reports("lab", "lab-1", ago=0)
    assert rollout.turn().holds == {}


def test_hold_of_a_rollback_or_of_a_person_stays_when_the_failure_has_passed() -> None:
    rollout = failing()
    rollout.turn()
    rollout.reports("lab", "lab-1", ago=0)
    assert set(rollout.turn().holds) == {("lab", "app")}, "a rollback placed it"
    rollout = failing()
    nothing_before(rollout)
    rollout.hold("lab", ago=5)
    rollout.turn()
    rollout.reports("lab", "lab-1", ago=0)
    assert set(rollout.turn().holds) == {("lab", "_")}, "a person placed it"


def two_sets(batch_landed: float, healthy_ago: float | None) -> Rollout:
    rollout = Rollout(settings(sets=("app", "batch"), lab=BACK))
    rollout.landing("lab", 1, landed=200, deployed=190)
    rollout.landing("lab", 1, "batch", landed=batch_landed, deployed=batch_landed - 5)
    rollout.landing("lab", 2, landed=10, deployed=None)
    if healthy_ago is not None:
        batch = rollout.ledger.of("lab", "batch").landings[-1].content
        was_there = batch_landed > healthy_ago
        rollout.ledger.well_with["lab"] = {"batch": batch if was_there else "an older one"}
    rollout.reports("lab", "lab-1", "Degraded", ago=2)
    return rollout


@pytest.mark.parametrize(
    ("batch_landed", "healthy_ago", "goes_back"),
    [(100, 50, True), (30, 50, False), (100, None, False)],
    ids=["batch-was-there", "batch-changed-since", "never-healthy"],
)
def test_rolled_back_only_if_no_other_set_changed_since_the_wave_was_healthy(
    batch_landed: float, healthy_ago: float | None, goes_back: bool
) -> None:
    decided = two_sets(batch_landed, healthy_ago).decide()
    assert (introduced(decided) == [("lab", 1)]) is goes_back
    assert goes_back or "the set batch changed there too" in decided.holds["lab", "app"].reason


def test_failure_is_answered_once() -> None:
    rollout = failing()
    rollout.turn()
    rollout.holds.clear()
    rollout.ledger.rollbacks.clear()
    rollout.reports("lab", "lab-2", "Degraded", ago=1)
    decided = rollout.turn()
    assert decided.holds == {}
    assert "roll back" not in [one.operation.kind for one in decided.auto]


def test_set_that_recovered_and_fails_again_is_answered_again() -> None:
    rollout = failing()
    nothing_before(rollout)
    rollout.turn()
    rollout.reports("lab", "lab-1", ago=1)
    rollout.turn()
    rollout.holds.clear()
    rollout.later(5)
    rollout.reports("lab", "lab-1", "Degraded", ago=0)
    assert set(rollout.turn().holds) == {("lab", "app")}


def test_after_the_rollback_landed_the_wave_takes_only_newer_sets() -> None:
    rollout = failing()
    rollout.turn()
    rollout.green(rollout.auto[0].sha)
    rollout.announced(2)
    decided = rollout.turn()
    assert decided.landed
    rollout.holds.clear()
    assert introduced(rollout.turn()) == []
    rollout.announced(4)
    rollout.later(20)
    assert ("lab", 4) in introduced(rollout.turn())
