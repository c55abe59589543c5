"""Why the steps of `plan()` come in that order: a test fails where one is moved or left out."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace
from tests.unit.snapshots import (
    AT_ONCE,
    LAB,
    SHOP,
    Rollout,
    introduced,
    settings,
    whats,
)

from tidemill.facts.staleness import Inspection


def test_what_lands_and_runs_already_goes_on_in_the_same_turn() -> None:
    """Targets may have what lands before it does: deployment is looked at again after landing."""
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1)
    rollout.green(rollout.on_auto("lab", 2))
    for target in ("lab-1", "lab-2"):
        rollout.reported("lab", target, position=2)
    assert introduced(rollout.decide()) == [("shop", 2)]


def test_what_main_turns_out_to_have_already_ends_in_the_same_turn() -> None:
    """An announcement of what main has makes no commit; requests end once more after that."""
    rollout = Rollout()
    request = rollout.announced(2)
    rollout.files["lab", "app"] = replace(rollout.files_of(2), source=None)
    decided = rollout.decide()
    assert "unchanged" in whats(decided)
    assert decided.ended == (request,)


def test_a_promotion_that_was_asked_for_and_lands_is_not_said_to_wait() -> None:
    """Requests end after landing, before it is said what the next sets wait for."""
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, "soak": "5h"}))
    rollout.landing("shop", 1, landed=200, deployed=190)
    rollout.landing("lab", 2, landed=60, deployed=30)
    request = rollout.promotion("shop", 2, override="now")
    rollout.green(rollout.on_auto("shop", 2, request=request, override="now"))
    decided = rollout.decide()
    assert decided.landed
    assert decided.ended == (request,)
    assert request not in [line.id for line in decided.waiting]


def test_a_failure_that_lies_in_the_inbox_keeps_its_set_from_landing_elsewhere() -> None:
    """Records are filed, and deployment is judged by them, before anything lands."""
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 2)
    rollout.green(rollout.on_auto("shop", 2))
    rollout.reports("lab", "lab-1", "Degraded", "Failed")
    decided = rollout.decide()
    assert decided.landed is None
    assert "taken off auto" in whats(decided)


def test_a_hold_by_failure_is_there_before_anything_lands() -> None:
    """`on_failure` is answered before landing: no newer set lands in a wave that goes back."""
    rollout = Rollout(settings(lab={**AT_ONCE, "on_failure": "roll back"}, shop=SHOP))
    rollout.landing("shop", 1)
    rollout.landing("lab", 1, landed=120, deployed=110)
    rollout.landing("lab", 2, deployed=None)
    rollout.green(rollout.on_auto("lab", 3))
    rollout.reports("lab", "lab-1", "Degraded", "Failed")
    decided = rollout.decide()
    assert decided.landed is None
    assert ("lab", "app") in decided.holds
    assert introduced(decided) == [("lab", 1)]


def test_a_rollback_says_what_it_takes_off_auto() -> None:
    """What is not due any more goes first, and with a word; then rollbacks go beneath the rest."""
    rollout = Rollout(settings(lab=AT_ONCE, shop=SHOP))
    rollout.landing("shop", 1)
    old = rollout.landing("lab", 1, landed=120)
    rollout.landing("lab", 2)
    rollout.on_auto("lab", 3)
    rollout.rollback("lab", old)
    decided = rollout.decide()
    assert introduced(decided) == [("lab", 1)]
    assert "taken off auto" in whats(decided)


def test_a_rollback_goes_beneath_what_is_generated_anew() -> None:
    """A regeneration may be red, and a rollback must not wait for it."""
    found = settings(lab=AT_ONCE, shop=SHOP)
    entrypoints = msgspec.structs.replace(found.entrypoints, generate="make", stale="regenerate")
    rollout = Rollout(msgspec.structs.replace(found, entrypoints=entrypoints))
    rollout.generates = (Inspection({"generated/shop/north/a.yaml": "1"}, (), "ada"),)
    rollout.landing("shop", 1)
    old = rollout.landing("lab", 1, landed=120)
    rollout.landing("lab", 2)
    rollout.rollback("lab", old)
    kinds = [commit.operation.kind for commit in rollout.turn().auto]
    assert kinds == ["roll back", "regenerate"]


def test_the_ledger_that_is_written_is_no_longer_than_it_may_be() -> None:
    """It is cut after the last step that adds to it."""
    rollout = Rollout()
    for position in range(1, 120):
        rollout.landing("lab", position, landed=10_000 - position, deployed=9_000 - position)
    rollout.landing("shop", 119)
    rollout.announced(120)
    landings = rollout.decide().ledger.of("lab", "app").landings
    assert len(landings) < 60


def test_a_change_of_names_is_told_first() -> None:
    rollout = Rollout()
    rollout.landing("lab", 1)
    rollout.landing("shop", 1)
    rollout.turn()
    rollout.settings = settings(bench={**LAB, "was": "lab"}, shop=SHOP)
    rollout.files["bench", "app"] = rollout.files.pop(("lab", "app"))
    rollout.pushed("lab is called bench")
    assert whats(rollout.decide())[0] == "renamed"
