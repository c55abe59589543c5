"""Admission: one set in flight, and when a wave takes the next one."""

import pytest
from tests.unit.snapshots import LAB, SHOP, Rollout, app_sha, introduced, settings, waits_for

IN_FLIGHT = [
    # admit, minutes since present landed, since it was deployed, failed, what the wave takes
    ("when deployed", 5, None, False, False),
    ("when deployed", 14, None, False, False),
    ("when deployed", 15, None, False, True),
    ("when deployed", 5, 1, False, True),
    ("when deployed", 5, None, True, True),
    ("when soaked", 5, None, False, False),
    ("when soaked", 15, None, False, True),
    ("when soaked", 5, 1, False, False),
    ("when soaked", 100, 59, False, False),
    ("when soaked", 100, 60, False, True),
    ("when soaked", 5, None, True, True),
    ("at once", 5, None, False, True),
]


@pytest.mark.parametrize(("admit", "landed", "deployed", "is_failed", "takes"), IN_FLIGHT)
def test_wave_admits_the_next_set_when_its_present_one_has_settled(
    admit: str, landed: int, deployed: int | None, is_failed: bool, takes: bool
) -> None:
    rollout = Rollout(settings(lab={**LAB, "admit": admit}, shop={**SHOP, "soak": "1h"}))
    rollout.landing("shop", 2)
    landing = rollout.landing("lab", 2, landed=landed, deployed=deployed)
    if is_failed:
        landing.failed = {"lab-1": rollout.ago(1)}
    rollout.announced(3)
    decided = rollout.decide()
    assert introduced(decided) == ([("lab", 3)] if takes else [])
    assert takes or f"{app_sha(2)[:12]} " in waits_for(decided)


@pytest.mark.parametrize(
    ("admit", "second"), [("when deployed", []), ("when soaked", []), ("at once", [("lab", 3)])]
)
def test_while_a_set_is_under_test_only_at_once_takes_another(
    admit: str, second: list[tuple[str, int]]
) -> None:
    rollout = Rollout(settings(lab={**LAB, "admit": admit}, shop=SHOP))
    rollout.landing("shop", 1)
    rollout.landing("lab", 1)
    rollout.on_auto("lab", 2)
    rollout.announced(3)
    assert introduced(rollout.decide()) == [("lab", 2), *second]


def test_set_that_was_deployed_once_has_settled_even_if_a_target_is_missing_again() -> None:
    rollout = Rollout()
    rollout.landing("shop", 2)
    rollout.landing("lab", 2, landed=5, deployed=3, taken={"lab-1": rollout.ago(3)})
    rollout.announced(3)
    assert introduced(rollout.decide()) == [("lab", 3)]


def test_each_image_set_is_in_flight_for_itself() -> None:
    rollout = Rollout(settings(sets=("app", "batch"), lab=LAB))
    rollout.landing("lab", 1, landed=5, deployed=None)
    rollout.landing("lab", 1, "batch", landed=60, deployed=50)
    rollout.announced(2)
    rollout.announced(2, "batch")
    decided = rollout.decide()
    assert [one.operation.set for one in decided.auto] == ["batch"]


def test_soak_counts_for_each_wave_that_follows() -> None:
    """`when soaked`: lab's set has to soak for shop and for the slower bank."""
    rollout = Rollout(
        settings(
            lab={**LAB, "admit": "when soaked"},
            shop={**SHOP, "soak": "10m"},
            bank={"targets": ["vault"], "after": ["lab"], "soak": "50m"},
        )
    )
    rollout.landing("shop", 2)
    rollout.landing("bank", 1)
    rollout.landing("lab", 2, deployed=30)
    rollout.announced(3)
    decided = rollout.decide()
    assert introduced(decided) == []
    assert "soaks in lab for bank until 2026-01-05 12:20 UTC, 20m to go" in waits_for(decided)
