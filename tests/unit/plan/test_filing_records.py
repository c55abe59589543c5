"""Step 1, deployment records: which are kept, and in which order they count."""

import msgspec
import pytest
from tests.unit.snapshots import Rollout, present, whats

from tidemill.plan.status import status


def test_record_is_filed_and_said() -> None:
    rollout = Rollout()
    rollout.landing("lab", 1, landed=10, deployed=None)
    request = rollout.reports("lab", "lab-1", "Progressing", "Running")
    decided = rollout.decide()
    assert [(one.target, one.health) for one in decided.filed] == [("lab-1", "Progressing")]
    assert decided.ended == (request,)
    assert decided.entries[0].reason == f"lab-1: Running, Progressing at {rollout.main[:12]}"


def test_record_that_repeats_the_latest_is_not_kept() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1)
    rollout.reported("lab", "lab-1")
    request = rollout.reports("lab", "lab-1")
    decided = rollout.decide()
    assert decided.filed == ()
    assert decided.ended == (request,)
    assert decided.entries == ()


def test_record_that_is_older_than_the_latest_is_out_of_date() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1, landed=30, deployed=20)
    rollout.reported("lab", "lab-1", ago=5)
    request = rollout.reports("lab", "lab-1", "Degraded", finished_at=rollout.ago(6))
    decided = rollout.decide()
    assert decided.filed == ()
    assert decided.ended == (request,)
    assert whats(decided) == ["out of date"]
    assert not present(decided).failed


def test_records_are_taken_in_by_when_the_target_finished() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1, landed=30, deployed=None)
    rollout.reports("lab", "lab-1", "Healthy", finished_at=rollout.ago(2), ago=1)
    rollout.reports("lab", "lab-1", "Degraded", finished_at=rollout.ago(9), ago=0)
    decided = rollout.decide()
    assert [one.health for one in decided.filed] == ["Degraded", "Healthy"]
    assert not present(decided).failed


def test_same_record_may_count_again_later() -> None:
    rollout = Rollout()
    rollout.landing("lab", 1, landed=30, deployed=None)
    request = rollout.reports("lab", "lab-1")
    assert rollout.decide().ledger.how_ended(request) is None


@pytest.mark.parametrize(("wave", "target"), [("lab", "north"), ("moon", "lab-1")])
def test_record_of_a_target_that_is_not_in_the_settings_is_rejected(wave: str, target: str) -> None:
    rollout = Rollout()
    record = rollout.record("lab", "lab-1")
    request = rollout.asked(msgspec.structs.replace(record, wave=wave, target=target))
    assert f"no target {target} in a wave {wave}" in rollout.decide().rejected[request]


@pytest.mark.parametrize("minutes", [6, 20 * 60, 30 * 24 * 60], ids=["6m", "20h", "a-month"])
@pytest.mark.parametrize("is_filed", [False, True], ids=["waits", "filed-by-an-older-release"])
def test_report_of_a_clock_that_is_ahead_silences_no_later_one(
    minutes: int, is_filed: bool
) -> None:
    rollout = Rollout()
    rollout.landing("lab", 1, landed=130, deployed=None)
    tell = rollout.reported if is_filed else rollout.reports
    tell("lab", "lab-1", ago=100, finished_at=rollout.ago(100 - minutes))
    rollout.turn()
    rollout.reports("lab", "lab-1", "Degraded", ago=80)
    decided = rollout.turn()
    assert [one.health for one in decided.filed] == ["Degraded"]
    assert present(decided).failed == {"lab-1": rollout.ago(80)}


@pytest.mark.parametrize(
    ("ahead", "last"), [(4, "Healthy"), (6, "Degraded")], ids=["plausible", "wrong"]
)
def test_times_that_a_clock_may_well_show_order_records(ahead: int, last: str) -> None:
    rollout = Rollout()
    rollout.landing("lab", 1, landed=130, deployed=None)
    rollout.reports("lab", "lab-1", "Healthy", ago=10, finished_at=rollout.ago(10 - ahead))
    rollout.reports("lab", "lab-1", "Degraded", ago=8, finished_at=rollout.ago(9))
    decided = rollout.decide()
    assert decided.records["lab", "lab-1"].health == last


def test_clock_that_is_ahead_is_said_once() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1, landed=130, deployed=None)
    said = []
    for ago in (100, 90, 80):
        rollout.reports("lab", "lab-1", ago=ago, finished_at=rollout.ago(ago - 20 * 60))
        decided = rollout.turn()
        said += [one.reason for one in decided.entries if one.what == "clock ahead"]
        [target] = [
            one
            for one in status(rollout.snapshot(), rollout.decide()).waves[0].targets
            if one.name == "lab-1"
        ]
        assert target.clock_ahead == "20h"
    assert said == ["the clock of lab-1 is 20h ahead: its reports count as of when they came"]
    rollout.reports("lab", "lab-1", ago=70)
    rollout.turn()
    targets = status(rollout.snapshot(), rollout.decide()).waves[0].targets
    assert [one.clock_ahead for one in targets] == [None, None]
