"""Freezes: for a time nothing goes into a wave, but for a rollback and what a person overrides."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.sets import CHRISTMAS, LAB, SHOP, STOCKTAKING, settings
from tests.unit.snapshots import Rollout, introduced, landed, two_waves, waits_for

from tidemill.facts.settings import Settings
from tidemill.plan.obstacles import FreezeInForce


def with_freezes(*freezes: Mapping[str, object], **shop: object) -> Settings:
    """The usual two waves, and freezes."""
    return settings(freezes=freezes, lab=LAB, shop={**SHOP, **shop})


def test_a_frozen_wave_takes_no_promotion_until_the_freeze_is_over() -> None:
    rollout = two_waves()
    rollout.settings = with_freezes(STOCKTAKING)
    decided = rollout.decide()
    assert introduced(decided) == []
    assert "shop is frozen until 2026-01-05 23:00 UTC: stocktaking" in waits_for(decided)
    (line,) = (one for one in decided.waiting if one.about.wave == "shop")
    (freeze,) = (one for one in line.obstacles if isinstance(one, FreezeInForce))
    assert (freeze.since, freeze.until) == (rollout.ago(30), rollout.ago(-660)), "once it was ready"
    rollout.later(660)
    assert introduced(rollout.decide()) == [("shop", 2)]


def test_a_frozen_wave_takes_no_announcement() -> None:
    rollout = Rollout(with_freezes(STOCKTAKING))
    rollout.announced(1)
    decided = rollout.decide()
    assert introduced(decided) == []
    assert "lab is frozen until" in waits_for(decided)


@pytest.mark.parametrize(
    ("announced", "held", "frozen"), [(90, 9, 60), (30, 9, 30), (5, 5, 5)], ids=str
)
def test_a_set_waits_for_a_hold_or_a_freeze_since_both_it_and_that_are_there(
    announced: int, held: int, frozen: int
) -> None:
    rollout = Rollout(with_freezes(STOCKTAKING))
    hold = rollout.held("lab")
    assert hold.since == rollout.ago(9)
    rollout.announced(1, ago=announced)
    (line,) = (one for one in rollout.decide().waiting if one.about.wave == "lab")
    assert [one.since for one in line.obstacles] == [rollout.ago(held), rollout.ago(frozen)]


def test_a_set_that_soaks_in_a_freeze_waits_for_it_since_it_is_in_the_wave_before() -> None:
    rollout = two_waves()
    rollout.settings = with_freezes(STOCKTAKING, soak="12h")
    (line,) = (one for one in rollout.decide().waiting if one.about.wave == "shop")
    landed = rollout.ledger.of("lab", "app").landings[-1].landed_at
    (freeze,) = (one for one in line.obstacles if isinstance(one, FreezeInForce))
    assert freeze.since == max(landed, rollout.ago(60))


@pytest.mark.parametrize(
    "freeze", [{**STOCKTAKING, "waves": ["lab"]}, CHRISTMAS], ids=["another-wave", "another-time"]
)
def test_a_freeze_of_another_wave_or_time_keeps_nothing_out(freeze: Mapping[str, object]) -> None:
    rollout = two_waves()
    rollout.settings = with_freezes(freeze)
    assert introduced(rollout.decide()) == [("shop", 2)]


def test_a_rollback_passes_a_freeze() -> None:
    rollout = two_waves()
    rollout.settings = with_freezes(STOCKTAKING)
    rollout.landing("shop", 2)
    rollout.rollback("shop", rollout.ledger.of("shop", "app").landings[0])
    assert introduced(rollout.decide()) == [("shop", 1)]


def test_what_a_person_overrides_passes_a_freeze() -> None:
    rollout = two_waves()
    rollout.settings = with_freezes(STOCKTAKING)
    rollout.promotion("shop", 2, override="it is urgent")
    assert introduced(rollout.decide()) == [("shop", 2)]


def test_what_is_under_test_when_a_freeze_begins_does_not_land() -> None:
    rollout = two_waves()
    rollout.green(rollout.on_auto("shop", 2))
    rollout.settings = with_freezes(STOCKTAKING)
    decided = rollout.decide()
    assert decided.landed is None
    assert introduced(decided) == []


def test_a_failure_in_a_freeze_is_rolled_back_by_itself() -> None:
    rollout = Rollout(with_freezes(STOCKTAKING, on_failure="roll back"))
    rollout.landing("shop", 1, landed=200, deployed=190)
    rollout.landing("shop", 2, landed=60, deployed=None)
    rollout.ledger.well_with["shop"] = {"app": rollout.ledger.of("shop", "app").landings[0].content}
    rollout.reports("shop", "north", "Degraded")
    assert introduced(rollout.decide()) == [("shop", 1)]


def test_the_earliest_time_is_in_a_window_and_in_no_freeze() -> None:
    """The window opens in a freeze, and again only after the next one."""
    long = {**STOCKTAKING, "from": "2026-01-06T09:00", "until": "2026-01-08T00:00"}
    rollout = two_waves()
    rollout.settings = with_freezes(STOCKTAKING, long, windows=["Tue,Fri 12:00-13:00 UTC"])
    (line,) = (one for one in rollout.decide().waiting if one.about.wave == "shop")
    assert line.earliest == rollout.now + timedelta(days=4)


def test_a_set_that_soaks_in_a_freeze_goes_on_when_both_are_over() -> None:
    rollout = landed()
    rollout.landing("lab", 2, landed=60, deployed=30)
    rollout.settings = settings(
        lab=LAB, shop={**SHOP, "soak": "1h"}, freezes=[{**STOCKTAKING, "until": "2026-01-05T13:10"}]
    )
    (line,) = (one for one in rollout.decide().waiting if one.about.wave == "shop")
    assert {one.__struct_config__.tag for one in line.obstacles} == {"soak", "freeze"}
    assert line.earliest == rollout.ago(-30)


@pytest.mark.parametrize(
    ("start", "end", "is_frozen"),
    [
        ("2026-01-05T13:00", "2026-01-05T13:01", True),
        ("2026-01-05T12:59", "2026-01-05T13:00", False),
        ("2026-01-05T13:01", "2026-01-05T13:02", False),
        ("2026-01-05T12:59", "2026-01-05T13:01", True),
    ],
    ids=["begins-now", "ends-now", "begins-soon", "is-on"],
)
def test_a_freeze_begins_with_its_first_minute_and_is_over_at_its_end(
    start: str, end: str, *, is_frozen: bool
) -> None:
    """It is 13:00 in Berlin."""
    rollout = two_waves()
    rollout.settings = with_freezes({**STOCKTAKING, "from": start, "until": end})
    assert introduced(rollout.decide()) == ([] if is_frozen else [("shop", 2)])


@pytest.mark.parametrize(
    ("start", "hours"),
    [("2026-01-06T00:00", 35), ("2026-01-06T00:01", 11)],
    ids=["joined", "apart"],
)
def test_freezes_that_follow_each_other_are_one(start: str, hours: int) -> None:
    rollout = two_waves()
    later = {**STOCKTAKING, "from": start, "until": "2026-01-07T00:00"}
    rollout.settings = with_freezes(STOCKTAKING, later)
    (line,) = (one for one in rollout.decide().waiting if one.about.wave == "shop")
    assert line.earliest == rollout.now + timedelta(hours=hours)


def test_many_freezes_that_follow_each_other_are_one_too() -> None:
    rollout = two_waves()
    first = datetime(2026, 1, 5, 12, tzinfo=UTC)
    days = [f"{first + timedelta(days=day):%Y-%m-%dT%H:%M}" for day in range(1201)]
    freezes = [
        {**STOCKTAKING, "zone": "UTC", "from": start, "until": end}
        for start, end in itertools.pairwise(days)
    ]
    rollout.settings = with_freezes(*reversed(freezes))
    (line,) = (one for one in rollout.decide().waiting if one.about.wave == "shop")
    assert line.earliest == rollout.now + timedelta(days=1200)


def test_a_freeze_within_a_longer_one_ends_nothing() -> None:
    rollout = two_waves()
    long = {**STOCKTAKING, "until": "2026-01-09T00:00"}
    short = {**STOCKTAKING, "from": "2026-01-06T00:00", "until": "2026-01-07T00:00"}
    rollout.settings = with_freezes(short, STOCKTAKING, long)
    (line,) = (one for one in rollout.decide().waiting if one.about.wave == "shop")
    assert line.earliest == rollout.now + timedelta(hours=83)


def told(rollout: Rollout) -> list[tuple[str | None, str, str]]:
    """What the next turn says of freezes: in which wave, what, and why."""
    entries = rollout.turn().entries
    return [(one.wave, one.what, one.reason) for one in entries if "fr" in one.what]


def test_the_journal_says_once_that_a_freeze_begins_and_that_it_is_over() -> None:
    rollout = Rollout(with_freezes({**STOCKTAKING, "waves": ["shop"]}))
    rollout.landing("shop", 1)
    rollout.later(-70)
    assert told(rollout) == []
    rollout.later(70)
    assert told(rollout) == [("shop", "frozen", "stocktaking (until 2026-01-05T23:00Z)")]
    rollout.later(659)
    assert not rollout.decide().is_change
    rollout.later(1)
    why = "it was until 2026-01-05T23:00Z (frozen: stocktaking)"
    assert told(rollout) == [("shop", "freeze over", why)]
    rollout.later(1)
    assert not rollout.decide().is_change


def test_a_freeze_that_the_settings_take_back_is_over_and_one_that_they_prolong_is_not() -> None:
    rollout = Rollout(with_freezes({**STOCKTAKING, "waves": ["shop"]}))
    rollout.landing("shop", 1)
    rollout.turn()
    longer = {**STOCKTAKING, "until": "2026-01-07T00:00", "waves": ["shop"]}
    rollout.settings = with_freezes(longer)
    assert told(rollout) == [("shop", "frozen", "stocktaking (until 2026-01-06T23:00Z)")]
    rollout.settings = with_freezes()
    why = "tidemill.toml was changed (frozen: stocktaking)"
    assert told(rollout) == [("shop", "freeze over", why)]


def test_a_freeze_that_the_settings_take_back_is_over_also_where_another_one_goes_on() -> None:
    rollout = Rollout(with_freezes(STOCKTAKING, {**STOCKTAKING, "reason": "inventory"}))
    rollout.landing("shop", 1)
    rollout.turn()
    rollout.settings = with_freezes({**STOCKTAKING, "reason": "inventory"})
    why = "tidemill.toml was changed (frozen: stocktaking)"
    assert told(rollout) == [(wave, "freeze over", why) for wave in ("lab", "shop")]


def test_a_frozen_wave_is_frozen_under_another_name_too_without_another_word() -> None:
    rollout = Rollout(with_freezes({**STOCKTAKING, "waves": ["shop"]}))
    rollout.landing("shop", 1)
    rollout.turn()
    rollout.settings = settings(
        freezes=[{**STOCKTAKING, "waves": ["store"]}], lab=LAB, store={**SHOP, "was": "shop"}
    )
    assert told(rollout) == []
    assert [*rollout.ledger.frozen] == ["store"]
