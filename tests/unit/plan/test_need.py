"""`need` and `ignored`: how many targets have to run a set, and which do not count."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.unit.sets import NOW, SHOP, settings
from tests.unit.snapshots import Rollout, introduced, present, waits_for

from tidemill.errors import SettingsInvalid
from tidemill.facts.need import Need
from tidemill.plan.plan import Plan
from tidemill.plan.status import SetStatus, TargetStatus, status

FIVE = {"targets": ["a", "b", "c", "d", "e"]}
IGNORED = {"until": "2026-01-06T13:00+01:00", "reason": "the site moves"}
DOWN = {"name": "e", "ignored": IGNORED}


def rollout(need: str = "all", targets: tuple[dict[str, Any], ...] = (), **lab: Any) -> Rollout:
    """2 landed ten minutes ago in lab, which has five targets; shop comes after it."""
    made = Rollout(
        settings(targets=targets, lab={**FIVE, "need": need, **lab}, shop={**SHOP, "soak": "1h"})
    )
    made.landing("shop", 1)
    made.landing("lab", 1, landed=120, deployed=110)
    made.landing("lab", 2, landed=10, deployed=None)
    return made


def healthy(made: Rollout, targets: str, ago: float = 5) -> None:
    """Targets report what main has healthy, one minute after the other."""
    for number, target in enumerate(targets):
        made.reports("lab", target, ago=ago - number)


def shown(made: Rollout, decided: Plan) -> tuple[SetStatus, dict[str, TargetStatus]]:
    """What status says of lab."""
    lab = status(made.snapshot(), decided).waves[0]
    return lab.sets[0], {one.name: one for one in lab.targets}


@pytest.mark.parametrize(
    ("need", "count", "needed"),
    [
        ("all", 5, 5),
        ("all but 1", 5, 4),
        ("all but 4", 5, 1),
        ("all but 9", 5, 1),
        ("all but 1", 0, 0),
        ("80%", 5, 4),
        ("81%", 5, 5),
        ("1%", 5, 1),
        ("100%", 5, 5),
        ("50%", 0, 0),
        ("100%", 200, 200),
        ("50%", 200, 100),
        ("51%", 200, 102),
    ],
)
def test_need_is_a_number_of_targets_and_at_least_one(need: str, count: int, needed: int) -> None:
    assert Need(need).of(count) == needed


@pytest.mark.parametrize(
    ("lab", "targets", "reason"),
    [
        ({"need": "most"}, (), "'most' is no number of targets"),
        ({"need": "0%"}, (), "'0%' is no number of targets"),
        ({"need": "101%"}, (), "'101%' is no number of targets"),
        ({"need": "all but 5"}, (), "'all but 5' of 5 targets is none"),
        ({"need": 3}, (), "expected a need written as text"),
        ({}, ({"name": "x"},), "no wave lists a target 'x'"),
        ({}, ({"name": "a", "wave": "shop"},), "no wave lists a target 'a'"),
        ({}, ({"name": "a", "wave": "moon"},), "there is no wave 'moon'"),
        ({}, ({**DOWN, "ignored": {"reason": "x"}},), "missing required field `until`"),
        ({}, ({**DOWN, "ignored": {**IGNORED, "reason": " "}},), "needs a reason"),
        (
            {},
            ({**DOWN, "ignored": {**IGNORED, "until": "2026-01-06T12:00"}},),
            "does not say its time zone",
        ),
    ],
)
def test_settings_that_can_not_be_meant_are_refused(
    lab: dict[str, Any], targets: tuple[dict[str, Any], ...], reason: str
) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        rollout(targets=targets, **lab)
    assert reason in str(caught.value)


def test_a_set_is_deployed_once_as_many_as_the_wave_needs_have_taken_it() -> None:
    made = rollout("all but 1")
    healthy(made, "abc")
    decided = made.turn()
    assert present(decided).deployed_at is None
    assert "a healthy report from 1 more of d, e" in waits_for(decided)
    assert "healthy reports from enough targets of lab: 1 more of d, e" in waits_for(decided)
    made.later(3)
    made.reports("lab", "d", ago=2)
    decided = made.turn()
    assert present(decided).deployed_at == made.ago(2)
    told, _ = shown(made, decided)
    assert (told.state, told.without) == ("deployed", ("e",))


def test_who_comes_later_changes_nothing_and_is_not_named_any_more() -> None:
    made = rollout("all but 1")
    healthy(made, "abcd")
    made.turn()
    made.reports("lab", "e", ago=0)
    decided = made.turn()
    assert present(decided).deployed_at == made.ago(2)
    assert shown(made, decided)[0].without == ()


def test_a_set_has_failed_when_more_fail_than_the_wave_does_without() -> None:
    made = rollout("all but 1")
    healthy(made, "abcd")
    made.turn()
    made.later(5)
    made.reports("lab", "a", "Degraded", ago=2)
    decided = made.turn()
    assert (dict(present(decided).failed), [*present(decided).tolerated]) == ({}, ["a"])
    assert present(decided).soaked(made.now) == timedelta(minutes=7)
    assert shown(made, decided)[0].without == ("a", "e")
    made.reports("lab", "b", "Degraded", ago=1)
    decided = made.turn()
    assert present(decided).failed.keys() == {"a", "b"}
    assert present(decided).deployed_at is None


def test_a_failed_set_of_which_enough_recover_counts_anew() -> None:
    made = rollout("all but 1")
    healthy(made, "abcd")
    for target in "ab":
        made.reports("lab", target, "Degraded", ago=1)
    made.turn()
    made.later(5)
    made.reports("lab", "b", ago=2)
    decided = made.turn()
    assert (dict(present(decided).failed), [*present(decided).tolerated]) == ({}, ["a"])
    assert present(decided).deployed_at is None, "e has never taken it, nor has a again"
    made.reports("lab", "e", ago=0)
    assert present(made.turn()).deployed_at == made.now


def test_soak_goes_on_while_the_wave_does_without_those_that_fail() -> None:
    made = rollout("80%")
    healthy(made, "abcde")
    made.turn()
    made.reports("lab", "c", "Degraded", "Failed", ago=0)
    made.turn()
    made.later(70)
    assert introduced(made.decide()) == [("shop", 2)]


def test_settings_that_need_more_than_there_was_take_what_is_deployed_back() -> None:
    made = rollout("all but 1")
    healthy(made, "abcd")
    made.turn()
    made.settings = settings(lab=FIVE, shop=SHOP)
    assert present(made.turn()).deployed_at is None


def test_degraded_targets_that_a_wave_does_without_stop_nothing() -> None:
    made = rollout("all but 1", failed_after="1h")
    healthy(made, "abcd")
    made.turn()
    made.reports("lab", "a", "Degraded", ago=0)
    assert "is Degraded on" not in waits_for(made.turn())


# A target that is known to be down


def test_a_target_that_is_ignored_blocks_nobody_until_its_time_is_over() -> None:
    made = rollout(targets=(DOWN,))
    healthy(made, "abcd")
    decided = made.turn()
    assert present(decided).deployed_at == made.ago(2)
    told, targets = shown(made, decided)
    assert told.without == ("e",)
    assert targets["e"].ignored is not None
    assert targets["e"].ignored.reason == "the site moves"
    assert targets["a"].ignored is None
    made.now = NOW.replace(day=7)
    decided = made.turn()
    assert present(decided).deployed_at is None
    assert "a healthy report from e" in waits_for(decided)


def test_what_an_ignored_target_says_is_kept_and_nobody_s_fault() -> None:
    made = rollout(targets=(DOWN,))
    healthy(made, "abcd")
    made.reports("lab", "e", "Degraded", ago=1)
    decided = made.turn()
    assert present(decided).failed == {}
    assert decided.records["lab", "e"].health == "Degraded"
    assert present(decided).deployed_at is not None


def test_a_failure_on_a_target_that_is_ignored_from_now_on_is_forgotten() -> None:
    made = rollout()
    healthy(made, "abcd")
    made.reports("lab", "e", "Degraded", ago=1)
    assert present(made.turn()).failed.keys() == {"e"}
    made.settings = settings(targets=(DOWN,), lab=FIVE, shop=SHOP)
    found = present(made.turn())
    assert (found.failed, found.tolerated) == ({}, {})


def test_where_each_target_is_ignored_nothing_new_is_deployed_and_what_was_stays_so() -> None:
    all_down = tuple({**DOWN, "name": name} for name in "abcde")
    made = rollout()
    healthy(made, "abcde")
    before = present(made.turn()).deployed_at
    made.settings = rollout(targets=all_down).settings
    assert present(made.turn()).deployed_at == before is not None

    made.landing("lab", 3, deployed=None)
    decided = made.turn()
    assert present(decided).deployed_at is None
    assert "a target of lab that counts: each of them is ignored" in waits_for(decided)
    assert not introduced(decided)
    made.now = NOW.replace(day=7)
    assert "a healthy report from a, b, c, d, e" in waits_for(made.turn())


def test_ignored_targets_and_need_are_counted_together() -> None:
    """Four count, and three of them are enough."""
    made = rollout("all but 1", targets=(DOWN,))
    healthy(made, "abc")
    assert present(made.turn()).deployed_at == made.ago(3)


def test_a_target_is_ignored_in_the_wave_that_is_named() -> None:
    both = ({**DOWN, "wave": "lab"},)
    found = settings(targets=both, lab=FIVE, shop={"targets": ["e"]})
    when = datetime(2026, 1, 5, tzinfo=NOW.tzinfo)
    assert found.ignored("lab", "e", when)
    assert not found.ignored("shop", "e", when)
    assert not found.ignored("lab", "a", when)
