"""Windows: nothing goes into a wave outside of them, but for a rollback."""

from __future__ import annotations

import pytest
from tests.unit.snapshots import LAB, NOW, SHOP, Rollout, introduced, settings, two_waves, waits_for


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
