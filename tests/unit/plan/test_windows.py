"""Windows: nothing goes into a wave outside of them, but for a rollback."""

from __future__ import annotations

from datetime import datetime

import pytest
from msgspec.structs import replace
from tests.unit.sets import STOCKTAKING
from tests.unit.snapshots import LAB, NOW, SHOP, Rollout, introduced, settings, two_waves, waits_for

from tidemill.plan.draft import Draft
from tidemill.plan.obstacles import (
    ClosedWindow,
    HoldInForce,
    MissingApproval,
    Obstacle,
    RunningSoak,
)
from tidemill.plan.windows import earliest, is_shut


@pytest.mark.parametrize(
    ("windows", "opens"),
    [
        (["Mon 13:00-14:00 UTC"], "opens at 2026-01-05 13:00 UTC"),
        (
            ["Tue 13:00-14:00 UTC", "Mon 19:00-20:00 Europe/Berlin"],
            "opens at 2026-01-05 18:00 UTC",
        ),
    ],
    ids=["window", "next-of-two-windows"],
)
def test_promotion_waits_for_the_next_window(windows: list[str], opens: str) -> None:
    decided = two_waves(windows=windows).decide()
    assert ("shop", 2) not in introduced(decided)
    assert opens in waits_for(decided)


@pytest.mark.parametrize(
    "windows",
    [["Mon 12:00-13:00 UTC"], ["Tue 12:00-13:00 UTC", "Mon 12:00-12:01 UTC"]],
    ids=["window", "one-of-two-windows"],
)
def test_promotion_goes_through_an_open_window(windows: list[str]) -> None:
    assert introduced(two_waves(windows=windows).decide()) == [("shop", 2)]


def test_windows_and_holds_stop_introductions_too() -> None:
    rollout = Rollout(settings(lab={**LAB, "windows": ["Tue 12:00-13:00 UTC"]}, shop=SHOP))
    rollout.announced(1)
    assert "opens at 2026-01-06 12:00 UTC" in waits_for(rollout.decide())
    rollout.now = NOW.replace(day=6)
    assert introduced(rollout.decide()) == [("lab", 1)]
    rollout.held("lab")
    assert "lab is held by ada: freeze" in waits_for(rollout.decide())


def test_windows_and_holds_do_not_stop_a_rollback() -> None:
    rollout = two_waves(windows=["Tue 12:00-13:00 UTC"])
    rollout.landing("shop", 2)
    rollout.held("shop")
    rollout.rollback("shop", rollout.ledger.of("shop", "app").landings[0])
    assert introduced(rollout.decide()) == [("shop", 1)]


def at(time: str) -> datetime:
    return datetime.fromisoformat(f"2026-01-{time}:00+00:00")


def soak(time: str) -> RunningSoak:
    return RunningSoak(wave="lab", until=at(time))


APPROVAL = MissingApproval(wave="shop", set="app", app_sha="a")
HOLD = HoldInForce(wave="shop", set="_", by="ada", reason="lunch")


@pytest.mark.parametrize(
    ("found", "is_frozen", "time"),
    [
        ([], False, None),
        ([HOLD], False, None),
        ([RunningSoak(wave="lab")], False, None),
        ([soak("05T12:30"), RunningSoak(wave="lab")], False, None),
        ([soak("05T12:30")], False, "05T13:00"),
        ([soak("05T13:00")], False, "05T13:00"),
        ([soak("05T13:30"), APPROVAL, HOLD], False, "05T13:30"),
        ([soak("05T13:30"), soak("05T13:10")], False, "05T13:30"),
        ([soak("05T14:00")], False, "06T09:00"),
        ([soak("05T11:00")], False, "05T13:00"),
        ([ClosedWindow(wave="shop", until=at("05T13:00"))], False, "05T13:00"),
        ([soak("05T13:30")], True, "06T09:00"),
        ([soak("05T13:30"), replace(HOLD, until=at("06T09:30"))], False, "06T09:30"),
    ],
)
def test_what_waits_goes_in_at_the_earliest_when_time_has_done_its_part(
    found: list[Obstacle], is_frozen: bool, time: str | None
) -> None:
    """A person is taken to act in time; freezes and windows come after a soak as well."""
    windows = ["Mon 13:00-14:00 UTC", "Tue 09:00-10:00 UTC"]
    frozen = [{**STOCKTAKING, "waves": ["shop"]}] if is_frozen else []
    known = settings(freezes=frozen, lab=LAB, shop={**SHOP, "windows": windows})
    expected = None if time is None else at(time)
    assert earliest(known, known.waves[1], found, NOW) == expected


@pytest.mark.parametrize(
    ("held", "shut"), [((), False), (("app",), False), (("app", "lib"), True), (("_",), True)]
)
def test_wave_is_shut_where_no_set_at_all_may_go_in(held: tuple[str, ...], *, shut: bool) -> None:
    rollout = Rollout(settings(sets=("app", "lib"), lab=LAB))
    for name in held:
        rollout.held("lab", name)
    assert is_shut(Draft.of(rollout.snapshot()), rollout.settings.waves[0]) is shut
