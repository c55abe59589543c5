"""Verification: when it is asked, and what follows from each kind of answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.snapshots import (
    LAB,
    SHOP,
    Rollout,
    app_sha,
    introduced,
    present,
    settings,
    sha,
    waits_for,
    whats,
)

from tidemill.facts.signals import Reach, Receiver, SignalSettings
from tidemill.facts.verification import Green, Lost, NotAsked, Red
from tidemill.plan.signals import confirmed

ERRORS = {"name": "errors", "waves": ["lab"], "url": "https://verdict.example.com"}
GREEN, RED, LOST = Green("0.1"), Red("0.5 is more than 0.2"), Lost("timeout", "30 s")


def soaking(soak: str = "30m", deployed: float = 30, **lab: Any) -> Rollout:
    """Position 2 is deployed in lab; shop has 1, and takes 2 when it has soaked."""
    rollout = Rollout(
        settings(lab={**LAB, **lab}, shop={**SHOP, "soak": soak}, verifications=[ERRORS])
    )
    rollout.landing("shop", 1, landed=200, deployed=190)
    rollout.landing("lab", 1, landed=240, deployed=230)
    rollout.landing("lab", 2, landed=deployed + 5, deployed=deployed)
    for target in LAB["targets"]:
        rollout.reported("lab", target, ago=deployed)
    rollout.verifications = {"errors": GREEN}
    return rollout


def test_a_set_is_promoted_once_the_answer_after_its_soak_is_green() -> None:
    decided = soaking().decide()
    assert introduced(decided) == [("shop", 2)]
    assert present(decided).verified == {"errors": timedelta(minutes=30)}


def test_a_good_answer_from_before_the_end_of_the_soak_is_not_enough() -> None:
    rollout = soaking(deployed=10)
    assert rollout.turn().auto == ()
    rollout.later(20)
    rollout.verifications = {"errors": LOST}
    decided = rollout.turn()
    assert introduced(decided) == []
    assert "a green answer in lab from errors" in waits_for(decided)


@pytest.mark.parametrize("soak", ["0m", "30m"])
@pytest.mark.parametrize(
    "kind", ["timeout", "unreachable", "server error", "not a number", "empty"]
)
def test_a_lost_answer_is_named_with_its_kind_and_fails_nothing(kind: Any, soak: str) -> None:
    rollout = soaking(soak)
    rollout.verifications = {"errors": Lost(kind, "why it is so")}
    decided = rollout.turn()
    landing = present(decided)
    assert introduced(decided) == []
    assert landing.deployed_at is not None
    assert not landing.has_failed
    assert f"the last one was lost ({kind}: why it is so)" in waits_for(decided)
    assert "answer lost" in whats(decided)


def test_what_was_lost_is_asked_again_and_goes_on_where_it_stood() -> None:
    rollout = soaking()
    rollout.verifications = {"errors": LOST}
    rollout.turn()
    rollout.verifications = {"errors": GREEN}
    decided = rollout.turn()
    assert introduced(decided) == [("shop", 2)]
    assert decided.ledger.of("lab", "app").answers == {}
    assert "verified" in whats(decided)


def test_the_same_answer_twice_is_written_once() -> None:
    for answer in (LOST, RED, GREEN):
        rollout = soaking(deployed=10)
        rollout.verifications = {"errors": answer}
        assert rollout.turn().is_change
        rollout.later(5)
        assert not rollout.turn().is_change, answer


def test_a_red_answer_is_a_failure_of_the_set_that_the_wave_has() -> None:
    rollout = soaking()
    rollout.verifications = {"errors": RED}
    decided = rollout.turn()
    landing = present(decided)
    assert introduced(decided) == []
    assert landing.has_failed
    assert landing.deployed_at is None
    assert "the verification errors, which is red in lab (0.5 is more than 0.2)" in waits_for(
        decided
    )
    assert "rollback-wave --wave lab" in waits_for(decided)
    assert [one.reason for one in decided.entries if one.what == "refuted"] == [
        "the verification errors is red: 0.5 is more than 0.2"
    ]


def test_an_answer_that_stays_lost_is_not_told_again_beside_what_is_new() -> None:
    rollout = soaking()
    rollout.verifications = {"errors": LOST}
    assert whats(rollout.turn()).count("answer lost") == 1
    rollout.hold("shop")
    told = whats(rollout.turn())
    assert "held" in told
    assert "answer lost" not in told


def test_a_lost_answer_ends_no_failure() -> None:
    rollout = soaking()
    rollout.verifications = {"errors": RED}
    rollout.turn()
    rollout.verifications = {"errors": LOST}
    decided = rollout.turn()
    assert present(decided).has_failed
    assert "which is red in lab" in waits_for(decided)


def test_green_ends_a_failure_and_all_targets_count_anew() -> None:
    rollout = soaking()
    rollout.verifications = {"errors": RED}
    rollout.turn()
    rollout.later(10)
    rollout.verifications = {"errors": GREEN}
    decided = rollout.turn()
    landing = present(decided)
    assert (landing.has_failed, landing.deployed_at) == (False, rollout.now)
    assert introduced(decided) == []
    rollout.later(29)
    assert introduced(rollout.turn()) == []
    rollout.later(1)
    assert introduced(rollout.turn()) == [("shop", 2)]


def test_a_metric_that_flaps_lets_nothing_through() -> None:
    rollout = soaking()
    for number in range(40):
        rollout.verifications = {"errors": (RED, GREEN, LOST)[number % 3]}
        assert introduced(rollout.turn()) == []
        rollout.later(10)


def test_a_failed_verification_can_not_be_one_of_the_targets_that_a_wave_does_without() -> None:
    rollout = soaking(need="all but 1")
    rollout.verifications = {"errors": RED}
    assert present(rollout.turn()).has_failed


@pytest.mark.parametrize("answer", [RED, LOST, GREEN])
def test_what_is_not_deployed_yet_is_not_asked_about(answer: Any) -> None:
    rollout = soaking()
    rollout.landing("lab", 3, landed=2, deployed=None)
    rollout.verifications = {"errors": answer}
    rollout.turn()
    assert rollout.questions == []


@pytest.mark.parametrize("answer", [RED, LOST])
def test_what_a_person_has_taken_out_of_a_wave_is_not_asked_about(answer: Any) -> None:
    rollout = soaking()
    rollout.verifications = {"errors": answer}
    rollout.turn()
    rollout.by_hand("lab", None)
    for target in LAB["targets"]:
        rollout.trees["lab", target] = f"{target}'s"
        rollout.reports("lab", target, tree=f"{target}'s", sets={})
    rollout.questions.clear()
    decided = rollout.turn()
    assert rollout.ledger.of("lab", "app").answers == {}
    assert not present(decided).has_failed
    assert rollout.questions == []


def test_the_set_before_soaks_on_while_the_newer_one_is_found_well() -> None:
    rollout = soaking(deployed=20)
    rollout.landing("lab", 3, landed=10, deployed=5)
    for target in LAB["targets"]:
        rollout.reported("lab", target, ago=5)
    rollout.turn()
    rollout.later(10)
    assert introduced(rollout.turn()) == [("shop", 2)]
    assert {one.app_sha for one in rollout.questions} == {app_sha(3)}


def test_the_soak_of_the_set_before_stands_still_while_the_newer_one_is_red() -> None:
    rollout = soaking(deployed=20)
    rollout.landing("lab", 3, landed=10, deployed=5)
    for target in LAB["targets"]:
        rollout.reported("lab", target, ago=5)
    rollout.verifications = {"errors": RED}
    rollout.turn()
    rollout.later(60)
    decided = rollout.turn()
    assert introduced(decided) == []
    rollout.promotion("shop", 2)
    paused = "its soak in lab stands still while the verification errors is red"
    assert paused in waits_for(rollout.decide())
    rollout.inbox.clear()
    rollout.verifications = {"errors": GREEN}
    rollout.turn()
    rollout.later(10)
    assert introduced(rollout.turn()) == [("shop", 2)]


def test_red_after_its_soak_keeps_a_set_out_that_still_waits_for_approval() -> None:
    rollout = soaking()
    rollout.settings = settings(
        lab=LAB, shop={**SHOP, "soak": "30m", "approval": True}, verifications=[ERRORS]
    )
    assert "approval for shop" in waits_for(rollout.turn())
    rollout.verifications = {"errors": RED}
    assert "which is red in lab" in waits_for(rollout.turn())


def test_nothing_is_asked_once_every_wave_that_follows_has_the_set() -> None:
    rollout = soaking()
    rollout.turn()
    rollout.landing("shop", 2, landed=5, deployed=2)
    rollout.auto, rollout.auto_tip = [], None
    rollout.turn()
    rollout.questions.clear()
    assert not rollout.turn().is_change
    assert rollout.questions == []


def test_a_last_wave_is_asked_for_as_long_as_the_verification_says() -> None:
    last = {**ERRORS, "waves": ["shop"], "for": "1h"}
    rollout = Rollout(settings(shop=SHOP, verifications=[last]))
    rollout.landing("shop", 1, landed=65, deployed=50)
    for target in SHOP["targets"]:
        rollout.reported("shop", target, ago=50)
    rollout.verifications = {"errors": GREEN}
    rollout.turn()
    rollout.later(10)
    assert present(rollout.turn(), "shop").verified == {"errors": timedelta(hours=1)}
    assert len(rollout.questions) == 2
    rollout.turn()
    assert len(rollout.questions) == 2


def test_a_question_that_could_not_be_asked_here_is_left_to_another_turn() -> None:
    rollout = soaking()
    rollout.verifications = {"errors": NotAsked()}
    rollout.turn()
    decided = rollout.turn()
    assert not decided.is_change
    assert introduced(decided) == []


def test_every_verification_has_to_be_green() -> None:
    rollout = soaking()
    rollout.settings = settings(
        lab=LAB,
        shop={**SHOP, "soak": "30m"},
        verifications=[ERRORS, {**ERRORS, "name": "latency"}],
    )
    rollout.verifications = {"errors": GREEN, "latency": LOST}
    assert introduced(rollout.turn()) == []
    rollout.verifications["latency"] = RED
    assert present(rollout.turn()).refuted.keys() == {"latency"}
    rollout.verifications = {"errors": RED, "latency": GREEN}
    assert present(rollout.turn()).refuted.keys() == {"errors"}


def test_what_the_settings_ask_no_more_fails_nothing_any_more() -> None:
    rollout = soaking()
    rollout.verifications = {"errors": RED}
    rollout.turn()
    rollout.settings = settings(lab=LAB, shop={**SHOP, "soak": "30m"})
    landing = present(rollout.turn())
    assert (landing.has_failed, landing.deployed_at) == (False, rollout.now)


def test_what_the_settings_ask_no_more_is_forgotten_and_the_rest_is_not() -> None:
    rollout = soaking()
    latency = {**ERRORS, "name": "latency"}
    both, one = (
        settings(lab=LAB, shop={**SHOP, "soak": "30m"}, verifications=asked)
        for asked in ([ERRORS, latency], [latency])
    )
    rollout.settings = both
    rollout.verifications = {"errors": GREEN, "latency": GREEN}
    assert present(rollout.turn()).verified.keys() == {"errors", "latency"}
    rollout.verifications = {"errors": LOST, "latency": LOST}
    assert rollout.turn().ledger.of("lab", "app").answers.keys() == {"errors", "latency"}
    rollout.settings = one
    decided = rollout.turn()
    assert present(decided).verified.keys() == {"latency"}
    assert decided.ledger.of("lab", "app").answers.keys() == {"latency"}


def test_other_image_sets_are_not_asked_about_and_do_not_wait() -> None:
    rollout = Rollout(
        settings(
            sets=("app", "lib"), lab=LAB, shop=SHOP, verifications=[{**ERRORS, "sets": ["app"]}]
        )
    )
    for name in ("app", "lib"):
        rollout.landing("shop", 1, name, landed=200, deployed=190)
        rollout.landing("lab", 2, name, landed=60, deployed=30)
    rollout.verifications = {"errors": RED}
    decided = rollout.turn()
    assert [(one.operation.wave, one.operation.set) for one in decided.auto] == [("shop", "lib")]
    assert {one.set for one in rollout.questions} == {"app"}


def test_the_question_names_the_revisions_that_targets_run() -> None:
    rollout = soaking()
    rollout.turn()
    [asked] = set(rollout.questions)
    assert asked.revisions == (rollout.main,)


# What a failure leads to


def rolled_back(**changes: Any) -> Rollout:
    rollout = soaking(on_failure="roll back")
    landing = rollout.ledger.of("lab", "app").landings[-1]
    for key, value in changes.items():
        setattr(landing, key, value)
    rollout.verifications = {"errors": RED}
    return rollout


def test_a_set_that_was_never_verified_to_the_end_is_rolled_back_by_itself() -> None:
    decided = rolled_back().turn()
    assert introduced(decided) == [("lab", 1)]
    assert decided.auto[0].operation.kind == "roll back"
    assert "failed on the verification errors" in decided.holds["lab", "app"].reason


def test_a_set_that_was_verified_before_is_held_and_not_rolled_back() -> None:
    rollout = rolled_back(verified_once=True)
    decided = rollout.turn()
    assert introduced(decided) == []
    assert "it had been verified there before" in decided.holds["lab", "app"].reason
    rollout.verifications = {"errors": LOST}
    assert ("lab", "app") in rollout.turn().holds
    rollout.verifications = {"errors": GREEN}
    decided = rollout.turn()
    assert decided.holds == {}
    [released] = [one for one in decided.entries if one.what == "released"]
    assert "green again in errors, with the set that failed" in released.reason


def test_no_change_of_the_settings_ends_a_hold_for_a_verification() -> None:
    rollout = rolled_back(verified_once=True)
    rollout.turn()
    rollout.settings = settings(lab={**LAB, "on_failure": "roll back"}, shop=SHOP)
    assert ("lab", "app") in rollout.turn().holds


def test_with_wait_nothing_happens_but_that_it_is_not_promoted() -> None:
    rollout = soaking()
    rollout.verifications = {"errors": RED}
    decided = rollout.turn()
    assert (introduced(decided), decided.holds) == ([], {})


def test_a_set_that_was_replaced_while_it_was_red_is_never_promoted_by_itself() -> None:
    rollout = soaking()
    rollout.verifications = {"errors": RED}
    rollout.announced(3)
    rollout.green(rollout.turn().auto[0].sha)
    rollout.turn()
    assert rollout.ledger.of("lab", "app").landings[-2].buried


def test_a_person_may_override_what_is_not_verified() -> None:
    rollout = soaking()
    rollout.verifications = {"errors": LOST}
    rollout.promotion("shop", 2, override="the metrics are down")
    assert introduced(rollout.turn()) == [("shop", 2)]


def test_a_lost_answer_is_not_over_because_a_newer_set_is_being_deployed() -> None:
    rollout = Rollout(settings(shop=SHOP, verifications=[{**ERRORS, "waves": ["shop"]}]))
    receiver = Receiver(name="ops", kind="webhook")
    rollout.settings = replace(rollout.settings, signals=SignalSettings(receivers=(receiver,)))
    rollout.reach = Reach(frozenset({"ops"}))
    rollout.landing("shop", 1)
    rollout.verifications = {"errors": Lost("refused", "there is no such metric")}
    [message] = rollout.turn().messages
    rollout.ledger.signals = confirmed(rollout.ledger.signals, {message.key})
    rollout.landing("shop", 2, landed=0, deployed=None)
    assert rollout.turn().messages == ()
    for target in SHOP["targets"]:
        rollout.reports("shop", target)
    rollout.verifications = {"errors": GREEN}
    assert [one.state for one in rollout.turn().messages] == ["over"]


@pytest.mark.parametrize(
    ("changes", "is_asked"),
    [
        ({}, True),
        ({"is_hotfix": True}, False),
        ({"rolled_back": True}, False),
        ({"app_sha": None}, False),
        ({"verified": {}}, True),
        ({"verified": {}, "is_hotfix": True}, True),
    ],
    ids=["it-goes-on", "hotfix", "rolled-back", "unknown", "not-verified-yet", "hotfix-as-well"],
)
def test_a_set_that_goes_nowhere_else_is_asked_about_until_it_was_green_once(
    changes: dict[str, Any], *, is_asked: bool
) -> None:
    rollout = soaking()
    landing = rollout.ledger.of("lab", "app").landings[-1]
    landing.verified = {"errors": timedelta(minutes=30)}
    for name, value in changes.items():
        setattr(landing, name, value)
    rollout.decide()
    assert bool(rollout.questions) is is_asked


# What is told, and what is noted


def told_of(rollout: Rollout, what: str) -> list[str]:
    """What the next turn tells, of one kind."""
    return [one.reason for one in rollout.turn().entries if one.what == what]


def test_an_answer_that_stays_is_not_told_again_beside_what_is_new() -> None:
    rollout = soaking(deployed=10)
    rollout.verifications = {"errors": RED}
    assert told_of(rollout, "refuted") == [f"the verification errors is red: {RED.said}"]
    rollout.later(5)
    rollout.hold("shop")
    assert told_of(rollout, "refuted") == []


def test_a_green_answer_is_told_where_it_was_not_green() -> None:
    green = f"the verification errors is green: {GREEN.said}"
    rollout = soaking(deployed=10)
    assert green not in told_of(rollout, "verified")
    rollout.later(5)
    rollout.verifications = {"errors": LOST}
    assert told_of(rollout, "answer lost") == ["the verification errors: timeout: 30 s"]
    rollout.later(5)
    rollout.verifications = {"errors": GREEN}
    assert told_of(rollout, "verified") == [green]


@pytest.mark.parametrize(
    ("older", "is_marked"),
    [
        ({}, True),
        ({"deployed_at": None, "taken": {}}, False),
        ({"rolled_back": True}, False),
        ({"buried": True}, False),
    ],
    ids=str,
)
def test_of_sets_before_those_are_found_well_that_soak_on(
    older: dict[str, Any], *, is_marked: bool
) -> None:
    rollout = soaking()
    first = rollout.ledger.of("lab", "app").landings[0]
    for key, value in {"healthy": timedelta(hours=2), **older}.items():
        setattr(first, key, value)
    rollout.turn()
    marked = rollout.ledger.of("lab", "app").landings[0].verified
    assert marked == ({"errors": timedelta(minutes=30)} if is_marked else {})


def test_an_answer_while_soak_stands_still_finds_nothing_well() -> None:
    rollout = soaking("20m", failed_after="1h")
    rollout.reports("lab", "lab-1", "Degraded")
    landing = present(rollout.turn())
    assert len(rollout.questions) == 1
    assert landing.deployed_at is not None
    assert (landing.healthy_since, landing.verified) == (None, {})


def test_a_set_is_verified_once_all_have_been_green_after_the_longest_time() -> None:
    """Each wave that follows has a soak of its own, and a verification a time."""
    more = {"name": "more", "waves": ["lab"], "url": "https://more.example.com"}
    rollout = Rollout(
        settings(
            lab=LAB,
            shop={**SHOP, "soak": "10m"},
            mall={"targets": ["m"], "after": ["lab"], "soak": "30m"},
            verifications=[{**ERRORS, "for": "20m"}, more],
        )
    )
    for wave in ("shop", "mall"):
        rollout.landing(wave, 1, landed=200, deployed=190)
    rollout.landing("lab", 2, landed=15, deployed=10)
    for target in LAB["targets"]:
        rollout.reported("lab", target, ago=10)
    rollout.verifications = {"errors": GREEN, "more": GREEN}
    seen = []
    for minutes, lost in ((10, False), (10, True), (10, True), (0, False), (10, False)):
        rollout.verifications["more"] = LOST if lost else GREEN
        said = [one for one in told_of(rollout, "verified") if "its verifications" in one]
        landing = rollout.ledger.present("lab", "app")
        assert landing is not None
        seen.append((landing.verified_once, len(said)))
        rollout.later(minutes)
    assert seen == [(False, 0), (False, 0), (False, 0), (True, 1), (True, 0)]


def test_a_set_beneath_a_hotfix_is_verified_once_it_has_soaked() -> None:
    rollout = soaking(deployed=10)
    rollout.turn()
    rollout.hotfix("lab", 2)
    rollout.green(rollout.turn().auto[0].sha)
    assert rollout.turn().landed
    rollout.later(1)
    for target in LAB["targets"]:
        rollout.reports("lab", target, ago=0)
    rollout.turn()
    rollout.later(60)
    assert introduced(rollout.turn()) == [("shop", 2)]


def test_a_set_beneath_one_whose_rollback_was_evicted_is_verified_once_it_has_soaked() -> None:
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, "soak": "2h"}, verifications=[ERRORS]))
    rollout.landing("shop", 1, landed=400, deployed=390)
    older = rollout.landing("lab", 2, landed=70, deployed=60)
    rollout.landing("lab", 3, landed=20, deployed=10)
    for target in LAB["targets"]:
        rollout.reported("lab", target, ago=10)
    rollout.verifications = {"errors": GREEN}
    rollout.turn()
    rollout.rollback("lab", older)
    back = rollout.turn().auto[0].sha
    rollout.green(rollout.main)
    rollout.red(back)
    rollout.later(1)
    assert rollout.turn().evicted == (back,)
    rollout.later(120)
    assert introduced(rollout.turn()) == [("shop", 2)]


def test_nothing_is_asked_about_a_set_that_the_settings_do_not_name() -> None:
    rollout = soaking()
    rollout.ledger.sets["lab"]["old"] = rollout.ledger.of("lab", "app").copy()
    rollout.turn()
    assert {one.set for one in rollout.questions} == {"app"}


def test_a_status_is_looked_for_at_the_landing_where_no_target_has_to_say_what_it_runs() -> None:
    e2e = {"name": "e2e", "waves": ["lab"], "status": "e2e"}
    rollout = Rollout(settings(lab=LAB, shop=SHOP, verifications=[e2e]))
    rollout.landing("lab", 1, landed=240, deployed=230)
    for target in LAB["targets"]:
        rollout.reported("lab", target, ago=230)
    same = rollout.ledger.of("lab", "app").landings[-1].targets
    two = rollout.landing("lab", 2, landed=60, deployed=None, targets=same, taken={})
    rollout.verifications = {"e2e": GREEN}
    decided = rollout.turn()
    assert present(decided).deployed_at
    assert rollout.questions[-1].revisions == (two.commit,)
    rollout.reports("lab", "lab-1", revision=sha("of a target"), ago=0)
    rollout.turn()
    assert rollout.questions[-1].revisions == (sha("of a target"),)
