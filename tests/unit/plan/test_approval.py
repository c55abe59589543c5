"""Approval: a person has to ask for that very set."""

from __future__ import annotations

from msgspec.structs import replace
from tests.unit.snapshots import (
    SHOP,
    Rollout,
    app_sha,
    introduced,
    settings,
    two_waves,
    waits_for,
)

from tidemill.facts.operation import Operation
from tidemill.plan.approval import came_at
from tidemill.plan.draft import Draft
from tidemill.plan.obstacles import MissingApproval


def test_promotion_waits_for_approval_and_says_how_it_is_given() -> None:
    decided = two_waves(approval=True).decide()
    assert ("shop", 2) not in introduced(decided)
    approve = f"tidemill promote-wave --wave shop --set app --sha {app_sha(2)} --repo URL"
    assert approve in waits_for(decided)


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


def test_approval_is_waited_for_since_the_last_source_has_soaked() -> None:
    rollout = Rollout(
        settings(
            lab={"targets": ["lab-1"]},
            den={"targets": ["den-1"], "after": []},
            shop={**SHOP, "after": ["lab", "den"], "soak": "5m", "approval": True},
        )
    )
    rollout.landing("lab", 2, landed=60, deployed=40)
    rollout.landing("den", 2, landed=60, deployed=30)
    (line,) = [line for line in rollout.decide().waiting if line.about.wave == "shop"]
    assert [one.since for one in line.obstacles if isinstance(one, MissingApproval)] == [
        rollout.ago(25)
    ]


def test_set_came_when_it_landed_first_in_a_wave_before_or_was_asked_for() -> None:
    rollout = Rollout(
        settings(
            lab={"targets": ["lab-1"]},
            den={"targets": ["den-1"], "after": []},
            shop={**SHOP, "after": ["lab", "den"]},
        )
    )
    first = rollout.landing("lab", 2, landed=60)
    rollout.landing("den", 2, landed=50)
    operation = Operation.copying("promote", "shop", "app", "lab", first.point(), at=rollout.ago(1))
    wave = rollout.settings.wave("shop")
    assert wave is not None
    assert came_at(Draft.of(rollout.snapshot()), wave, operation) == rollout.ago(60)
    unknown = replace(operation, position=7)
    assert came_at(Draft.of(rollout.snapshot()), wave, unknown) == rollout.ago(1)
