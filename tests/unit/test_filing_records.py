"""Step 1, deployment records: which are kept, and in which order they count."""

import msgspec
import pytest
from tests.unit.snapshots import Rollout, present, whats


def test_record_is_filed_and_said() -> None:
    rollout = Rollout()
    rollout.had("lab", 1, landed=10, deployed=None)
    request = rollout.reports("lab", "lab-1", "Progressing", "Running")
    decided = rollout.decide()
    assert [(one.target, one.health) for one in decided.filed] == [("lab-1", "Progressing")]
    assert decided.ended == (request,)
    assert decided.entries[0].reason == f"lab-1: Running, Progressing at {rollout.main[:12]}"


def test_record_that_repeats_the_latest_is_not_kept() -> None:
    rollout = Rollout()
    rollout.had("shop", 1)
    rollout.had("lab", 1)
    rollout.reported("lab", "lab-1")
    request = rollout.reports("lab", "lab-1")
    decided = rollout.decide()
    assert decided.filed == ()
    assert decided.ended == (request,)
    assert decided.entries == ()


def test_record_that_is_older_than_the_latest_is_out_of_date() -> None:
    rollout = Rollout()
    rollout.had("shop", 1)
    rollout.had("lab", 1, landed=30, deployed=20)
    rollout.reported("lab", "lab-1", ago=5)
    request = rollout.reports("lab", "lab-1", "Degraded", finished_at=rollout.ago(6))
    decided = rollout.decide()
    assert decided.filed == ()
    assert decided.ended == (request,)
    assert whats(decided) == ["out of date"]
    assert not present(decided).failed


def test_records_are_taken_in_by_when_the_target_finished() -> None:
    rollout = Rollout()
    rollout.had("shop", 1)
    rollout.had("lab", 1, landed=30, deployed=None)
    rollout.reports("lab", "lab-1", "Healthy", finished_at=rollout.ago(2), ago=1)
    rollout.reports("lab", "lab-1", "Degraded", finished_at=rollout.ago(9), ago=0)
    decided = rollout.decide()
    assert [one.health for one in decided.filed] == ["Degraded", "Healthy"]
    assert not present(decided).failed


def test_same_record_may_count_again_later() -> None:
    rollout = Rollout()
    rollout.had("lab", 1, landed=30, deployed=None)
    request = rollout.reports("lab", "lab-1")
    assert rollout.decide().ledger.how_ended(request) is None


@pytest.mark.parametrize(("wave", "target"), [("lab", "north"), ("moon", "lab-1")])
def test_record_of_a_target_that_is_not_in_the_settings_is_rejected(wave: str, target: str) -> None:
    rollout = Rollout()
    record = rollout.record("lab", "lab-1")
    request = rollout.asked(msgspec.structs.replace(record, wave=wave, target=target))
    assert f"no target {target} in a wave {wave}" in rollout.decide().rejected[request]


def test_record_of_a_clock_that_is_days_ahead_is_rejected_and_silences_nobody() -> None:
    rollout = Rollout()
    rollout.had("lab", 1, landed=30, deployed=None)
    ahead = rollout.reports("lab", "lab-1", finished_at=rollout.ago(-25 * 60))
    decided = rollout.turn()
    assert decided.rejected == {ahead: "it finished more than a day from now"}
    rollout.reports("lab", "lab-1", "Degraded", ago=0)
    assert [one.health for one in rollout.turn().filed] == ["Degraded"]
