"""Soak: its clock runs from when a set was deployed, and stands still while targets fail."""

from datetime import timedelta

import pytest
from tests.unit.snapshots import LAB, introduced, landed, present, two_waves, waits_for

from tidemill.facts.records import Health
from tidemill.facts.verification import Standing
from tidemill.plan.draft import Draft
from tidemill.plan.obstacles import SoakForFollower
from tidemill.plan.soak import run_clock, soaks, soaks_for_others


@pytest.mark.parametrize("is_calm", [False, True], ids=["first turn", "turn after a calm one"])
def test_soak_of_an_older_set_stands_still_while_a_newer_one_fails(*, is_calm: bool) -> None:
    rollout = landed(minutes=40)
    if is_calm:
        rollout.turn()
    rollout.reports("lab", "lab-1", "Degraded", ago=30)
    rollout.turn()
    rollout.reports("lab", "lab-1", ago=20)
    decided = rollout.turn()
    older, newer = decided.ledger.of("lab", "app").landings
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
        older, _ = rollout.turn().ledger.of("lab", "app").landings
        return older.soaked(rollout.now)

    assert soaked(turns_between=True) == soaked(turns_between=False)


def test_newer_set_does_not_end_the_soak_of_an_older_one() -> None:
    rollout = landed(minutes=10)
    older, _ = rollout.turn().ledger.of("lab", "app").landings
    assert older.soaked(rollout.now) == timedelta(minutes=110)


def test_commit_that_changes_no_image_does_not_reset_anything() -> None:
    rollout = landed(minutes=40)
    for target in LAB["targets"]:
        rollout.reports("lab", target, ago=30)
    rollout.turn()
    rollout.pushed("replicas")
    found = present(rollout.turn())
    assert found.soaked(rollout.now) == timedelta(minutes=30)


@pytest.mark.parametrize(
    ("soak", "left"),
    [("31m", "12:01 UTC, 1m to go"), ("2h", "13:30 UTC, 1h 30m to go")],
    ids=["soaks", "soaks-for-hours"],
)
def test_promotion_waits_until_its_set_has_soaked(soak: str, left: str) -> None:
    decided = two_waves(soak=soak).decide()
    assert ("shop", 2) not in introduced(decided)
    assert f"it soaks in lab until 2026-01-05 {left}" in waits_for(decided)


def test_set_that_has_soaked_is_promoted() -> None:
    assert introduced(two_waves(soak="30m").decide()) == [("shop", 2)]


def test_clock_does_not_run_before_the_set_was_deployed() -> None:
    rollout = landed()
    landing = rollout.ledger.of("lab", "app").landings[-1]
    landing.deployed_at = rollout.ago(5)
    run_clock(landing, rollout.ago(9), is_failing=False)
    assert landing.healthy_since == rollout.ago(5)


@pytest.mark.parametrize(
    ("soak", "runs", "until"),
    [("30m", True, None), ("31m", True, -1), ("31m", False, 0)],
    ids=["it-has-soaked", "it-soaks", "it-stands-still"],
)
def test_set_soaks_for_a_wave_that_follows(soak: str, runs: bool, until: int | None) -> None:
    rollout = two_waves(soak=soak)
    draft = Draft.of(rollout.snapshot())
    landing = draft.ledger.of("lab", "app").landings[-1]
    if not runs:
        landing.healthy, landing.healthy_since = timedelta(minutes=30), None
    found = soaks_for_others(draft, rollout.settings.waves[0], landing)
    if until is None:
        assert found is None
        return
    assert isinstance(found, SoakForFollower)
    assert (found.follower, found.since) == ("shop", rollout.ago(30))
    assert found.until == (rollout.ago(until) if until else None)


@pytest.mark.parametrize(
    ("runs", "failing", "red", "expected"),
    [
        (True, False, False, "RunningSoak"),
        (True, True, False, "RunningSoak"),
        (True, False, True, "RunningSoak"),
        (False, False, False, "RunningSoak"),
        (False, True, False, "PausedSoak lab-1"),
        (False, False, True, "PausedSoak smoke"),
        (False, True, True, "PausedSoak lab-1"),
    ],
)
def test_soak_says_what_it_stands_still_for(
    *, runs: bool, failing: bool, red: bool, expected: str
) -> None:
    rollout = two_waves(soak="3h")
    landing = rollout.ledger.of("lab", "app").landings[-1]
    if not runs:
        landing.healthy_since = None
    if failing:
        rollout.reported("lab", "lab-1", "Degraded")
        rollout.ledger.failing = {"lab": {"lab-1": rollout.ago(1)}}
    rollout.ledger.of("lab", "app").answers = {
        "calm": Standing(),
        **({"smoke": Standing(red=rollout.ago(1))} if red else {}),
    }
    lab, shop = rollout.settings.waves
    found = soaks(Draft.of(rollout.snapshot()), lab, shop, "app", landing)
    told = (getattr(found, "targets", ()), getattr(found, "verifications", ()))
    assert " ".join([type(found).__name__, *told[0], *told[1]]) == expected


@pytest.mark.parametrize(("seconds", "is_over"), [(0, True), (1, False)])
def test_soak_is_over_to_the_second(seconds: int, *, is_over: bool) -> None:
    rollout = two_waves(soak=f"{30 * 60 + seconds}s")
    landing = rollout.ledger.of("lab", "app").landings[-1]
    lab, shop = rollout.settings.waves
    draft = Draft.of(rollout.snapshot())
    assert (soaks(draft, lab, shop, "app", landing) is None) is is_over
    assert (soaks_for_others(draft, lab, landing) is None) is is_over
