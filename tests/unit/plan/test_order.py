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
    present,
    settings,
    whats,
)

from tidemill.facts.evidence import Evidence
from tidemill.facts.snapshot import OperationFailure, WaveNaming
from tidemill.facts.staleness import Inspection
from tidemill.facts.verification import Green
from tidemill.plan.plan import plan


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
    assert ("lab", 2) not in introduced(decided), "there is nothing to commit"


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
    rollout.by_hand("shop", rollout.files_of(2))
    assert whats(rollout.decide())[:2] == ["renamed", "changed by hand"]


def test_records_count_for_what_main_has_where_the_journal_is_lost() -> None:
    """Main is looked at before a lost journal is made again: else there is nothing to blame."""
    rollout = Rollout()
    rollout.put("lab", "app", rollout.files_of(2))
    rollout.reported("lab", "lab-1", "Degraded", "Failed")
    decided = plan(replace(rollout.snapshot(), evidence=Evidence(why="it is gone")))
    assert present(decided).failed.keys() == {"lab-1"}


def test_what_turns_out_to_be_deployed_is_verified_in_the_same_turn() -> None:
    """Deployment is judged before it is decided what to ask."""
    errors = {"name": "errors", "waves": ["lab"], "url": "https://verdict.example.com"}
    rollout = Rollout(settings(lab=LAB, shop=SHOP, verifications=[errors]))
    rollout.verifications = {"errors": Green()}
    rollout.landing("shop", 1)
    rollout.landing("lab", 2, deployed=None)
    for target in LAB["targets"]:
        rollout.reported("lab", target)
    rollout.decide()
    assert [one.verification.name for one in rollout.questions] == ["errors"]


def test_what_is_not_due_once_something_has_landed_is_not_evicted_for_being_red() -> None:
    """Deployment is looked at again before anyone is evicted.

    lab-2 is new: it counts once a commit that has files of it has landed, and has not taken what
    is promoted from lab.
    """
    rollout = Rollout(settings(lab=AT_ONCE, shop=SHOP))
    rollout.landing("shop", 1)
    landing = rollout.landing("lab", 2)
    landing.taken = {"lab-1": rollout.ago(30)}
    rollout.trees["lab", "lab-2"] = None
    rollout.reported("lab", "lab-1")
    rollout.green(rollout.on_auto("lab", 3))
    rollout.red(rollout.on_auto("shop", 2))
    told = whats(rollout.decide())
    assert "taken off auto" in told
    assert "evicted" not in told


def test_what_main_has_already_ends_where_a_newer_set_could_not_be_done() -> None:
    """Requests end once more after all that can be made has been made."""
    rollout = Rollout()
    request = rollout.announced(2)
    rollout.announced(3)
    rollout.files["lab", "app"] = replace(rollout.files_of(2), source=None)
    decided = rollout.decide(lambda operation, _: OperationFailure("no such chart"))
    assert "unchanged" in whats(decided)
    assert request in decided.ended


def test_a_repository_that_adopts_tidemill_is_left_as_it_is() -> None:
    """What follows from main alone is no change: not even where a set is deployed at once."""
    rollout = Rollout(settings(lab={"targets": []}, shop=SHOP))
    for wave in ("lab", "shop"):
        rollout.put(wave, "app", rollout.files_of(2))
    decided = rollout.decide()
    assert present(decided).deployed_at
    assert not decided.is_change


def test_which_files_were_looked_at_is_remembered() -> None:
    """Else the next turn would look at them again."""
    rollout = Rollout()
    rollout.landing("lab", 1)
    known = rollout.snapshot()
    main = replace(known.main, named={"lab": WaveNaming("f" * 40, {})})
    assert plan(replace(known, main=main)).ledger.named == {"lab": "f" * 40}
