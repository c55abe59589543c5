"""Is an operation due? Holds, windows, sources, soak and approval, each with its reason."""

from typing import Any

import pytest
from tests.unit.snapshots import (
    LAB,
    NOW,
    SHOP,
    Rollout,
    app_sha,
    images,
    introduced,
    settings,
    sha,
    waits_for,
)


def two_waves(**shop: Any) -> Rollout:
    """Position 2 is deployed in lab since half an hour; shop has 1."""
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, **shop}))
    rollout.landing("shop", 1, landed=200, deployed=190)
    rollout.landing("lab", 1, landed=240, deployed=230)
    rollout.landing("lab", 2, landed=60, deployed=30)
    return rollout


def test_set_that_is_deployed_in_the_wave_before_is_promoted() -> None:
    assert introduced(two_waves().decide()) == [("shop", 2)]


def not_deployed(rollout: Rollout) -> None:
    landing = rollout.ledger.of("lab", "app").landings[-1]
    landing.taken, landing.deployed_at, landing.deployed_once, landing.healthy_since = (
        {},
        None,
        False,
        None,
    )


def failed(rollout: Rollout) -> None:
    not_deployed(rollout)
    rollout.ledger.of("lab", "app").landings[-1].failed = {"lab-2": rollout.ago(3)}


def buried(rollout: Rollout) -> None:
    rollout.ledger.of("lab", "app").landings[-1].buried = True


def rolled_back(rollout: Rollout) -> None:
    rollout.ledger.of("lab", "app").landings[-1].rolled_back = True


def held(rollout: Rollout) -> None:
    rollout.held("shop")


def set_held(rollout: Rollout) -> None:
    rollout.held("shop", "app")


def source_held(rollout: Rollout) -> None:
    rollout.held("lab")


def other_set_held(rollout: Rollout) -> None:
    rollout.held("shop", "batch")


def nothing_more(_: Rollout) -> None:
    pass


@pytest.mark.parametrize(
    ("shop", "change", "reason"),
    [
        ({}, not_deployed, "not healthy yet on lab-1, lab-2"),
        ({}, failed, "failed"),
        ({}, held, "shop is held by ada: freeze"),
        ({}, set_held, "shop is held by ada: freeze"),
        ({"soak": "31m"}, nothing_more, "it soaks in lab until 2026-01-05 12:01 UTC, 1m to go"),
        ({"soak": "2h"}, nothing_more, "it soaks in lab until 2026-01-05 13:30 UTC, 1h 30m to go"),
        ({"windows": ["Mon 13:00-14:00 UTC"]}, nothing_more, "opens at 2026-01-05 13:00 UTC"),
        (
            {"windows": ["Tue 13:00-14:00 UTC", "Mon 19:00-20:00 Europe/Berlin"]},
            nothing_more,
            "opens at 2026-01-05 18:00 UTC",
        ),
        (
            {"approval": True},
            nothing_more,
            f"tidemill promote-wave --wave shop --set app --sha {app_sha(2)} --repo URL",
        ),
    ],
    ids=[
        "not-deployed",
        "failed",
        "held",
        "set-held",
        "soaks",
        "soaks-for-hours",
        "window",
        "next-of-two-windows",
        "approval",
    ],
)
def test_promotion_that_is_not_due_says_why(shop: dict[str, Any], change: Any, reason: str) -> None:
    rollout = two_waves(**shop)
    change(rollout)
    decided = rollout.decide()
    assert ("shop", 2) not in introduced(decided)
    assert reason in waits_for(decided)


@pytest.mark.parametrize("change", [rolled_back, buried])
def test_set_that_can_never_be_promoted_by_itself_is_not(change: Any) -> None:
    rollout = two_waves()
    change(rollout)
    assert introduced(rollout.decide()) == []


@pytest.mark.parametrize(
    ("shop", "change"),
    [
        ({"soak": "30m"}, nothing_more),
        ({"windows": ["Mon 12:00-13:00 UTC"]}, nothing_more),
        ({"windows": ["Tue 12:00-13:00 UTC", "Mon 12:00-12:01 UTC"]}, nothing_more),
        ({}, source_held),
        ({}, other_set_held),
    ],
    ids=["soaked", "window", "one-of-two-windows", "hold-on-the-source", "hold-on-another-set"],
)
def test_promotion_that_is_due_is_made(shop: dict[str, Any], change: Any) -> None:
    rollout = two_waves(**shop)
    change(rollout)
    assert introduced(rollout.decide()) == [("shop", 2)]


def test_approval_is_for_one_set_and_waits_for_it() -> None:
    rollout = two_waves(approval=True, soak="1h")
    approval = rollout.promotion("shop", 2)
    early = rollout.turn()
    assert introduced(early) == []
    assert "it soaks in lab until 2026-01-05 12:30 UTC, 30m to go" in waits_for(early)
    assert approval in rollout.inbox
    rollout.landing("lab", 3, landed=200, deployed=190)
    rollout.later(30)
    decided = rollout.turn()
    assert introduced(decided) == [("shop", 2)], "3 is newer, and not approved"
    assert decided.auto[0].operation.request == approval


@pytest.mark.parametrize("change", [held, failed, not_deployed, rolled_back, buried, nothing_more])
def test_override_passes_over_everything_and_is_journalled(change: Any) -> None:
    rollout = two_waves(soak="9h", windows=["Tue 13:00-14:00 UTC"], approval=True)
    change(rollout)
    rollout.promotion("shop", 2, override="the fix must go out")
    decided = rollout.decide()
    assert introduced(decided) == [("shop", 2)]
    assert ("overridden", "the fix must go out") in [
        (entry.what, entry.reason) for entry in decided.entries
    ]


def test_override_passes_over_admission() -> None:
    rollout = two_waves()
    rollout.ledger.of("shop", "app").landings.clear()
    rollout.landing("shop", 1, landed=1, deployed=None)
    assert introduced(rollout.decide()) == []
    rollout.promotion("shop", 2, override="now")
    assert introduced(rollout.decide()) == [("shop", 2)]


@pytest.mark.parametrize("override", [None, "now"])
def test_older_set_than_the_present_one_is_never_promoted(override: str | None) -> None:
    rollout = two_waves()
    rollout.landing("shop", 2)
    request = rollout.promotion("shop", 1, override=override)
    decided = rollout.decide()
    assert introduced(decided) == []
    assert request in decided.ended
    assert decided.ledger.how_ended(request) == "superseded"


def test_by_hand_a_set_goes_where_it_has_been_before() -> None:
    """After a rollback and its release the wave takes only newer ones by itself."""
    rollout = two_waves()
    rollout.landing("shop", 2, landed=100, rolled_back=True)
    rollout.landing("shop", 1, landed=90, how="roll back")
    assert introduced(rollout.decide()) == []
    rollout.promotion("shop", 2)
    assert introduced(rollout.decide()) == [("shop", 2)]


def test_by_hand_another_commit_of_the_same_position_is_promoted() -> None:
    """The branch was rewritten, and lab took the other commit by an override."""
    rollout = two_waves()
    rollout.landing("shop", 2)
    other = rollout.landing("lab", 2, content="rewritten")
    other.app_sha = sha("rewritten")
    assert introduced(rollout.decide()) == [], "not newer: not by itself"
    rollout.promotion("shop", 2, app_sha=other.app_sha)
    assert introduced(rollout.decide()) == [("shop", 2)]


def test_promotion_by_hand_waits_for_its_source_too() -> None:
    rollout = two_waves()
    not_deployed(rollout)
    rollout.promotion("shop", 2)
    decided = rollout.decide()
    assert introduced(decided) == []
    assert "not healthy yet on lab-1, lab-2 in lab" in waits_for(decided)


def test_set_that_the_source_has_never_had_waits() -> None:
    rollout = two_waves()
    rollout.promotion("shop", 7)
    assert introduced(rollout.decide()) == [("shop", 2)]


@pytest.mark.parametrize(
    ("east", "west", "expected"),
    [(30, 30, [("shop", 2)]), (30, None, []), (None, 30, []), (30, 5, [])],
    ids=["both", "one-is-not-deployed", "the-other-is-not", "one-still-soaks"],
)
def test_wave_after_several_takes_what_was_deployed_in_each(
    east: int | None, west: int | None, expected: list[tuple[str, int]]
) -> None:
    rollout = Rollout(
        settings(
            east={"targets": ["e"]},
            west={"targets": ["w"], "after": []},
            shop={**SHOP, "after": ["east", "west"], "soak": "10m"},
        )
    )
    rollout.landing("shop", 1)
    rollout.landing("east", 2, deployed=east)
    rollout.landing("west", 2, deployed=west)
    assert introduced(rollout.decide()) == expected


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


def test_image_that_a_person_put_under_a_known_source_is_not_promoted_as_that_set() -> None:
    rollout = two_waves(soak="40m")
    rollout.by_hand("lab", images(2, content="never deployed"))
    for target in LAB["targets"]:
        rollout.reports("lab", target)
    rollout.turn()
    rollout.later(60)
    assert introduced(rollout.turn()) == []
