"""Silent targets: which ones a set waits for."""

from datetime import timedelta

import msgspec
import pytest
from tests.unit.snapshots import LAB, NOW, SHOP, Rollout, landed, present, settings, whats

from tidemill.facts.need import ALL, Need
from tidemill.plan.silent_targets import Reporters


def test_target_that_runs_nothing_of_the_set_blocks_nobody() -> None:
    rollout = Rollout(silent={"lab-2"})
    rollout.landing("shop", 1)
    rollout.landing("lab", 2, landed=10, deployed=None)
    rollout.reports("lab", "lab-1", ago=5)
    assert present(rollout.turn()).deployed_at == rollout.ago(5)


def test_failure_on_a_target_that_runs_nothing_of_the_set_is_not_its_own() -> None:
    rollout = Rollout(silent={"lab-2"})
    rollout.landing("shop", 1)
    rollout.landing("lab", 2, landed=30, deployed=20)
    rollout.reports("lab", "lab-2", "Degraded", ago=5)
    found = present(rollout.turn())
    assert found.failed == {}
    assert found.soaked(rollout.now) == timedelta(minutes=20)


def test_target_whose_files_did_not_change_need_not_report_again() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1, landed=60, content="the same image")
    for target in LAB["targets"]:
        rollout.reported("lab", target, ago=50)
    rollout.landing("lab", 2, landed=10, deployed=None, content="the same image")
    assert present(rollout.turn()).deployed_at == rollout.ago(10)


def test_target_that_never_reported_and_has_no_files_blocks_nobody() -> None:
    rollout = landed()
    rollout.trees["lab", "lab-2"] = None
    rollout.reports("lab", "lab-1", ago=5)
    assert present(rollout.turn()).deployed_at == rollout.ago(5)


def test_first_set_of_a_wave_is_not_deployed_before_a_target_reports_it() -> None:
    rollout = Rollout()
    for target in LAB["targets"]:
        rollout.trees["lab", target] = None
    rollout.green(rollout.on_auto("lab", 1))
    decided = rollout.decide()
    assert decided.landed
    assert present(decided).deployed_at is None
    assert whats(decided) == ["landed"]


def test_target_that_reported_blocks_even_if_its_files_are_gone() -> None:
    rollout = landed()
    rollout.reported("lab", "lab-2", position=1, ago=50)
    rollout.trees["lab", "lab-2"] = None
    rollout.reports("lab", "lab-1", ago=5)
    assert present(rollout.turn()).deployed_at is None


def test_without_a_path_every_target_must_report() -> None:
    rollout = landed()
    no_path = msgspec.structs.replace(rollout.settings.deployments, path=())
    rollout.settings = msgspec.structs.replace(rollout.settings, deployments=no_path)
    rollout.trees["lab", "lab-2"] = None
    rollout.reports("lab", "lab-1", ago=5)
    assert present(rollout.turn()).deployed_at is None


def test_target_that_leaves_the_settings_blocks_nobody() -> None:
    rollout = landed()
    rollout.reports("lab", "lab-1", ago=5)
    rollout.turn()
    rollout.settings = settings(lab={"targets": ["lab-1"]}, shop=SHOP)
    assert present(rollout.turn()).deployed_at is not None


def test_target_that_is_new_in_the_settings_has_to_take_the_set_too() -> None:
    rollout = landed(minutes=40)
    for target in LAB["targets"]:
        rollout.reports("lab", target, ago=30)
    rollout.turn()
    rollout.settings = settings(lab={"targets": ["lab-1", "lab-2", "lab-3"]}, shop=SHOP)
    rollout.trees["lab", "lab-3"] = "new"
    assert present(rollout.turn()).deployed_at is None
    rollout.reports("lab", "lab-3", ago=2)
    assert present(rollout.turn()).deployed_at == rollout.ago(2)


@pytest.mark.parametrize("turns", [0, 1])
def test_target_that_appears_has_to_take_what_is_deployed(turns: int) -> None:
    """Also where a turn has taken note of who had to report before."""
    rollout = Rollout(settings(lab={"targets": ["lab-1", "lab-2", "lab-3"]}, shop=SHOP))
    rollout.landing("shop", 1)
    rollout.landing("lab", 2, landed=20, deployed=10)
    for landing in rollout.ledger.of("lab", "app").landings:
        landing.taken = {one: rollout.ago(10) for one in ("lab-1", "lab-2")}
    rollout.trees["lab", "lab-3"] = None
    for _ in range(turns):
        assert present(rollout.turn()).deployed_at == rollout.ago(10)
    rollout.trees["lab", "lab-3"] = "there now"
    assert present(rollout.turn()).deployed_at is None
    rollout.trees["lab", "lab-3"] = None
    assert present(rollout.turn()).deployed_at == rollout.ago(10)
    rollout.reports("lab", "lab-3", "Progressing", "Running", ago=1)
    assert present(rollout.turn()).deployed_at is None


def test_other_targets_and_another_need_are_told_apart() -> None:
    names = ("a", "b")
    needs = (ALL, Need("all but 1"), Need("80%"))
    found = {Reporters(names, frozenset(names), need).id for need in needs}
    found.add(Reporters(("a",), frozenset("a")).id)
    assert len(found) == 4


@pytest.mark.parametrize(
    ("taken", "tolerated", "missing"),
    [("ab", "", ()), ("ab", "b", ("b",)), ("a", "", ("b",)), ("a", "b", ("b",)), ("abc", "", ())],
)
def test_target_that_has_taken_a_set_and_fails_with_it_since_has_to_take_it_again(
    taken: str, tolerated: str, missing: tuple[str, ...]
) -> None:
    landing = Rollout().landing("lab", 1)
    landing.taken, landing.tolerated = (dict.fromkeys(one, NOW) for one in (taken, tolerated))
    names = ("a", "b")
    assert Reporters(names, frozenset(names), Need("all but 1")).missing(landing) == missing


@pytest.mark.parametrize(("need", "ago"), [("all", 3), ("all but 1", 5), ("all but 2", 9)], ids=str)
def test_set_is_deployed_since_as_many_as_are_needed_have_taken_it(need: str, ago: float) -> None:
    rollout = Rollout()
    landing = rollout.landing("lab", 1)
    landing.taken = {"a": rollout.ago(3), "b": rollout.ago(9), "c": rollout.ago(5)}
    names = ("a", "b", "c")
    reporters = Reporters(names, frozenset(names), ALL if need == "all" else Need(need))
    assert reporters.since(landing) == rollout.ago(ago)
