"""Deployment: which reports count, whether a target runs a set, and when it is deployed."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.unit.snapshots import (
    LAB,
    NOW,
    SHOP,
    Rollout,
    introduced,
    landed,
    present,
    settings,
    two_waves,
    whats,
)

from tidemill.facts.naming import Naming
from tidemill.facts.operation import Files
from tidemill.facts.records import Health, Phase
from tidemill.facts.settings import Settings
from tidemill.facts.verification import Green, Red
from tidemill.plan.deployment import refresh, runs
from tidemill.plan.draft import Draft
from tidemill.plan.plan import plan
from tidemill.plan.status import status


def test_set_is_deployed_when_each_target_has_been_healthy_with_it() -> None:
    rollout = landed()
    rollout.reports("lab", "lab-1", ago=5)
    one = present(rollout.turn())
    assert (one.deployed_at, set(one.taken)) == (None, {"lab-1"})
    rollout.reports("lab", "lab-2", ago=3)
    decided = rollout.turn()
    both = present(decided)
    assert both.deployed_at == both.healthy_since == rollout.ago(3)
    (told,) = (one for one in decided.entries if one.what == "deployed")
    assert (told.wave, told.set, told.app_sha) == ("lab", "app", both.app_sha)
    assert both.deployed_once


def test_targets_need_not_be_healthy_at_the_same_time() -> None:
    rollout = landed()
    rollout.reports("lab", "lab-1", ago=5)
    rollout.turn()
    rollout.reports("lab", "lab-1", "Progressing", "Running", ago=4)
    rollout.turn()
    rollout.reports("lab", "lab-2", ago=3)
    assert present(rollout.turn()).deployed_at == rollout.ago(3)


@pytest.mark.parametrize(
    ("health", "phase"),
    [
        ("Progressing", "Succeeded"),
        ("Healthy", "Running"),
        ("Suspended", "Succeeded"),
        ("Missing", "Succeeded"),
        ("Unknown", "Succeeded"),
        ("Healthy", "Terminating"),
    ],
)
def test_target_that_is_not_yet_healthy_neither_takes_nor_fails_a_set(
    health: Health, phase: Phase
) -> None:
    rollout = landed()
    rollout.reports("lab", "lab-1", health, phase)
    found = present(rollout.turn())
    assert (found.taken, found.failed) == ({}, {})


def test_healthy_record_from_before_the_landing_counts_if_the_target_runs_the_set() -> None:
    rollout = landed(minutes=10)
    for target in LAB["targets"]:
        rollout.reported("lab", target, ago=60)
    found = present(rollout.turn())
    assert found.deployed_at == rollout.ago(10), "at the landing, not before"


def test_healthy_record_of_another_set_does_not_count() -> None:
    rollout = landed()
    for target in LAB["targets"]:
        rollout.reported("lab", target, position=1, ago=60)
    assert present(rollout.turn()).deployed_at is None


@pytest.mark.parametrize(
    ("seen", "tree", "expected"),
    [
        ({}, None, True),
        ({"digests": "other"}, None, False),
        ({"digests": "other"}, "same", True),
        ({"images_fit": False}, None, False),
        ({"images_fit": False, "digests": "other"}, "same", False),
        ({"is_named": False}, "same", False),
        (None, None, False),
        (None, "same", True),
    ],
    ids=[
        "same-digests",
        "other-digests",
        "same-files",
        "other-image-runs",
        "same-files-but-other-image-runs",
        "same-files-that-do-not-name-it",
        "no-set",
        "no-set-but-same-files",
    ],
)
def test_target_runs_a_set_by_its_digests_or_its_files_unless_its_images_deny_it(
    seen: dict[str, object] | None, tree: str | None, expected: bool
) -> None:
    rollout = landed()
    landing = rollout.ledger.of("lab", "app").landings[-1]
    record = rollout.record("lab", "lab-1")
    mine = landing.targets["lab-1"].tree
    sets = (record.sets or {}) if seen is not None else {}
    changed = {name: msgspec.structs.replace(one, **(seen or {})) for name, one in sets.items()}
    tree = mine if tree == "same" else "another tree"
    record = msgspec.structs.replace(record, sets=changed, tree=tree)
    assert runs(record, "app", "lab-1", landing) is expected


@pytest.mark.parametrize("what", ["tree", "digests"])
def test_two_things_that_nobody_knows_are_not_the_same(what: str) -> None:
    rollout = landed()
    landing = rollout.ledger.of("lab", "app").landings[-1]
    record = rollout.record("lab", "lab-1", tree=None)
    assert runs(record, "app", "lab-1", landing)
    (seen,) = (record.sets or {}).values()
    if what == "tree":
        landing.targets = {"lab-1": Files(None, uses=True)}
        seen = msgspec.structs.replace(seen, digests="other")
    else:
        landing.digests = ""
        seen = msgspec.structs.replace(seen, digests="")
    record = msgspec.structs.replace(record, sets={"app": seen})
    assert not runs(record, "app", "lab-1", landing)


def test_target_without_a_record_runs_nothing() -> None:
    rollout = landed()
    assert not runs(None, "app", "lab-1", rollout.ledger.of("lab", "app").landings[-1])


def test_wave_is_healthy_when_all_its_targets_are() -> None:
    rollout = landed()
    rollout.reports("lab", "lab-1", ago=5)
    assert "lab" not in rollout.turn().ledger.well_with
    now = {"app": rollout.ledger.of("lab", "app").landings[-1].content}
    rollout.reports("lab", "lab-2", ago=3)
    assert rollout.turn().ledger.well_with == {"lab": now}
    rollout.reports("lab", "lab-1", "Degraded", ago=2)
    assert rollout.turn().ledger.well_with == {"lab": now}


def test_wave_is_not_healthy_with_a_set_that_a_healthy_target_does_not_run_yet() -> None:
    rollout = landed()
    rollout.reported("lab", "lab-2", position=1, ago=60)
    rollout.reports("lab", "lab-1", ago=5)
    assert "lab" not in rollout.turn().ledger.well_with


@pytest.mark.parametrize("is_red", [False, True], ids=["green", "red"])
def test_wave_is_not_healthy_with_a_set_of_which_a_verification_is_red(*, is_red: bool) -> None:
    rollout = landed()
    one = rollout.ledger.of("lab", "app").landings[-1]
    one.taken = dict.fromkeys(LAB["targets"], rollout.ago(5))
    one.refuted = {"smoke": rollout.ago(2)} if is_red else {}
    smoke = {"name": "smoke", "url": "https://verdict.example.com"}
    rollout.settings = settings(lab=LAB, shop=SHOP, verifications=[smoke])
    rollout.verifications = {"smoke": Red("it smokes") if is_red else Green()}
    for target in LAB["targets"]:
        rollout.reported("lab", target, ago=5)
    rollout.reports("lab", "lab-1", ago=1)
    assert ("lab" in rollout.turn().ledger.well_with) is not is_red


def test_record_is_filed_and_said() -> None:
    rollout = Rollout()
    rollout.landing("lab", 1, landed=10, deployed=None)
    request = rollout.reports("lab", "lab-1", "Progressing", "Running")
    decided = rollout.decide()
    assert [(one.target, one.health) for one in decided.filed] == [("lab-1", "Progressing")]
    assert decided.ended == (request,)
    assert decided.entries[0].reason == f"lab-1: Running, Progressing at {rollout.main[:12]}"


def test_record_that_repeats_the_latest_is_not_kept() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1)
    rollout.reported("lab", "lab-1")
    request = rollout.reports("lab", "lab-1")
    decided = rollout.decide()
    assert decided.filed == ()
    assert decided.ended == (request,)
    assert decided.entries == ()


def test_record_that_is_older_than_the_latest_is_out_of_date() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1, landed=30, deployed=20)
    rollout.reported("lab", "lab-1", ago=5)
    request = rollout.reports("lab", "lab-1", "Degraded", finished_at=rollout.ago(6))
    decided = rollout.decide()
    assert decided.filed == ()
    assert decided.ended == (request,)
    assert whats(decided) == ["out of date"]
    assert not present(decided).failed


def test_records_are_taken_in_by_when_the_target_finished() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1, landed=30, deployed=None)
    rollout.reports("lab", "lab-1", "Healthy", finished_at=rollout.ago(2), ago=1)
    rollout.reports("lab", "lab-1", "Degraded", finished_at=rollout.ago(9), ago=0)
    decided = rollout.decide()
    assert [one.health for one in decided.filed] == ["Degraded", "Healthy"]
    assert not present(decided).failed


def test_same_record_may_count_again_later() -> None:
    rollout = Rollout()
    rollout.landing("lab", 1, landed=30, deployed=None)
    request = rollout.reports("lab", "lab-1")
    assert rollout.decide().ledger.how_ended(request) is None


@pytest.mark.parametrize(("wave", "target"), [("lab", "north"), ("moon", "lab-1")])
def test_record_of_a_target_that_is_not_in_the_settings_is_rejected(wave: str, target: str) -> None:
    rollout = Rollout()
    record = rollout.record("lab", "lab-1")
    request = rollout.asked(msgspec.structs.replace(record, wave=wave, target=target))
    assert f"no target {target} in a wave {wave}" in rollout.decide().rejected[request]


@pytest.mark.parametrize("minutes", [6, 20 * 60, 30 * 24 * 60], ids=["6m", "20h", "a-month"])
@pytest.mark.parametrize("is_filed", [False, True], ids=["waits", "filed-by-an-older-release"])
def test_report_of_a_clock_that_is_ahead_silences_no_later_one(
    minutes: int, is_filed: bool
) -> None:
    rollout = Rollout()
    rollout.landing("lab", 1, landed=130, deployed=None)
    tell = rollout.reported if is_filed else rollout.reports
    tell("lab", "lab-1", ago=100, finished_at=rollout.ago(100 - minutes))
    rollout.turn()
    rollout.reports("lab", "lab-1", "Degraded", ago=80)
    decided = rollout.turn()
    assert [one.health for one in decided.filed] == ["Degraded"]
    assert present(decided).failed == {"lab-1": rollout.ago(80)}


@pytest.mark.parametrize(
    ("ahead", "last"), [(4, "Healthy"), (6, "Degraded")], ids=["plausible", "wrong"]
)
def test_times_that_a_clock_may_well_show_order_records(ahead: int, last: str) -> None:
    rollout = Rollout()
    rollout.landing("lab", 1, landed=130, deployed=None)
    rollout.reports("lab", "lab-1", "Healthy", ago=10, finished_at=rollout.ago(10 - ahead))
    rollout.reports("lab", "lab-1", "Degraded", ago=8, finished_at=rollout.ago(9))
    decided = rollout.decide()
    assert decided.records["lab", "lab-1"].health == last


def test_clock_that_is_ahead_is_said_once() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1, landed=130, deployed=None)
    said = []
    for ago in (100, 90, 80):
        rollout.reports("lab", "lab-1", ago=ago, finished_at=rollout.ago(ago - 20 * 60))
        decided = rollout.turn()
        said += [one.reason for one in decided.entries if one.what == "clock ahead"]
        [target] = [
            one
            for one in status(rollout.snapshot(), rollout.decide()).waves[0].targets
            if one.name == "lab-1"
        ]
        assert target.clock_ahead == "20h"
    assert said == ["the clock of lab-1 is 20h ahead: its reports count as of when they came"]
    rollout.reports("lab", "lab-1", ago=70)
    rollout.turn()
    targets = status(rollout.snapshot(), rollout.decide()).waves[0].targets
    assert [one.clock_ahead for one in targets] == [None, None]


def test_report_waits_where_a_newer_release_wrote_what_its_target_said_last() -> None:
    rollout = Rollout()
    rollout.landing("lab", 1, landed=30, deployed=None)
    request = rollout.reports("lab", "lab-1")
    for silenced, is_filed in (({("lab", "lab-1")}, False), ({("lab", "lab-2")}, True)):
        known = msgspec.structs.replace(rollout.snapshot(), silenced=frozenset(silenced))
        decided = plan(known)
        assert (request in decided.ended) is bool(decided.filed) is is_filed
    rollout.settings = settings(lab={"targets": ["lab-2"]}, shop=SHOP)
    known = msgspec.structs.replace(rollout.snapshot(), silenced=frozenset({("lab", "lab-1")}))
    assert request in plan(known).rejected, "it is nobody's, whoever wrote the last"


def test_set_that_the_files_do_not_name_any_more_is_deployed_no_more() -> None:
    rollout = two_waves()
    landing = rollout.ledger.of("lab", "app").landings[-1]
    landing.naming = Naming(nothing=True)
    draft = Draft.of(rollout.snapshot())
    refresh(draft)
    found = draft.ledger.present("lab", "app")
    assert found is not None
    assert (found.taken, found.deployed_at, found.healthy_since) == ({}, None, None)


@pytest.mark.parametrize("kind", ["failed", "tolerated"])
def test_what_has_failed_is_weighed_by_what_the_settings_need_now(kind: str) -> None:
    rollout = two_waves()
    since = {"lab-1": rollout.ago(5)}
    setattr(rollout.ledger.of("lab", "app").landings[-1], kind, since)
    for need, failed in (("all", since), ("all but 1", {})):
        rollout.settings = settings(lab={**LAB, "need": need}, shop=SHOP)
        draft = Draft.of(rollout.snapshot())
        refresh(draft)
        found = draft.ledger.present("lab", "app")
        assert found is not None
        assert (found.failed, found.tolerated) == (failed, {} if failed else since)


@pytest.mark.parametrize(
    ("change", "is_well"),
    [
        ({}, True),
        ({"taken": {}}, False),
        ({"failed": {"lab-1": NOW}}, False),
        ({"naming": Naming(nothing=True)}, False),
    ],
    ids=["both", "one-is-not-there-yet", "one-failed", "one-is-not-named"],
)
def test_wave_is_well_with_its_sets_only_where_it_is_with_each(
    change: dict[str, Any], *, is_well: bool
) -> None:
    rollout = Rollout(settings(sets=("app", "batch"), lab=LAB))
    contents = {}
    for name in ("app", "batch"):
        landing = rollout.landing("lab", 1, name)
        contents[name] = landing.content
    for key, value in change.items():
        setattr(rollout.ledger.of("lab", "batch").landings[-1], key, value)
    for target in LAB["targets"]:
        rollout.reports("lab", target, sets={})
    assert rollout.turn().ledger.well_with == ({"lab": contents} if is_well else {})


def test_wave_without_targets_is_healthy_with_what_lands_there() -> None:
    rollout = Rollout(settings(lab={"targets": []}))
    two = rollout.landing("lab", 2, deployed=None)
    assert rollout.turn().ledger.well_with == {"lab": {"app": two.content}}


def test_set_that_the_settings_do_not_name_keeps_no_wave_from_being_healthy() -> None:
    rollout = Rollout(settings(sets=("app", "old"), lab=LAB))
    two = rollout.landing("lab", 2)
    rollout.landing("lab", 1, "old", landed=10, deployed=None)
    rollout.reported("lab", "lab-1")
    rollout.reported("lab", "lab-2", position=1)
    assert rollout.turn().ledger.well_with == {}
    rollout.settings = settings(sets=("app", "other"), lab=LAB)
    rollout.reports("lab", "lab-1", ago=0)
    assert rollout.turn().ledger.well_with == {"lab": {"app": two.content}}


def ignoring(*targets: str, minutes: int = 60) -> Settings:
    until = (NOW + timedelta(minutes=minutes)).isoformat()
    ignored = [{"name": one, "ignored": {"until": until, "reason": "it moves"}} for one in targets]
    return settings(lab=LAB, shop={**SHOP, "soak": "1h"}, targets=ignored)


def test_target_that_counts_again_and_still_fails_with_the_set_has_failed() -> None:
    rollout = Rollout(ignoring("lab-2"))
    rollout.landing("shop", 1, landed=200, deployed=190)
    rollout.landing("lab", 2, landed=60, deployed=50)
    rollout.reported("lab", "lab-1", ago=50)
    rollout.reports("lab", "lab-2", "Degraded", ago=1)
    assert present(rollout.turn()).failed == {}
    rollout.later(100)
    decided = rollout.turn()
    assert set(present(decided).failed) == {"lab-2"}
    assert introduced(decided) == []


def test_nothing_goes_on_from_a_wave_of_which_all_targets_are_ignored() -> None:
    rollout = Rollout(ignoring(*LAB["targets"], minutes=600))
    rollout.landing("shop", 1, landed=200, deployed=190)
    rollout.landing("lab", 2, landed=60, deployed=30)
    for target in LAB["targets"]:
        rollout.reported("lab", target, ago=30)
    rollout.later(40)
    decided = rollout.turn()
    assert introduced(decided) == []
    assert present(decided).deployed_at, "it stays so"
