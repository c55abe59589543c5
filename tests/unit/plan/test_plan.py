"""`plan()` as a whole: pure, repeatable, and at rest once it has been carried out."""

import copy
from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace
from tests.unit.snapshots import LAB, NOW, SHOP, Rollout, images, settings, sha, unreadable

from tidemill.facts.evidence import Evidence
from tidemill.facts.journal import Entry
from tidemill.facts.snapshot import Snapshot
from tidemill.plan.plan import of_dry_run, plan


def nothing() -> Rollout:
    return Rollout()


def as_it_runs_by_hand() -> Rollout:
    rollout = Rollout()
    rollout.by_hand("lab", images(1))
    return rollout


def announced() -> Rollout:
    rollout = as_it_runs_by_hand()
    rollout.announced(2)
    rollout.announced(3)
    return rollout


def under_test() -> Rollout:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1)
    rollout.on_auto("lab", 2)
    return rollout


def green() -> Rollout:
    rollout = under_test()
    rollout.green(*[commit.sha for commit in rollout.auto])
    return rollout


def red() -> Rollout:
    rollout = under_test()
    rollout.green(rollout.main)
    rollout.red(*[commit.sha for commit in rollout.auto])
    return rollout


def red_on_red() -> Rollout:
    rollout = red()
    rollout.red(rollout.main)
    return rollout


def main_moved() -> Rollout:
    rollout = under_test()
    rollout.pushed()
    return rollout


def deployed() -> Rollout:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 2, landed=10, deployed=None)
    rollout.reports("lab", "lab-1")
    rollout.reports("lab", "lab-2")
    return rollout


def soaking() -> Rollout:
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, "soak": "1h"}))
    rollout.landing("shop", 1)
    rollout.landing("lab", 2, deployed=30)
    return rollout


def soaked() -> Rollout:
    rollout = soaking()
    rollout.later(30)
    return rollout


def failing() -> Rollout:
    rollout = Rollout(settings(lab={**LAB, "on_failure": "roll back"}, shop=SHOP))
    rollout.landing("lab", 1, landed=120)
    rollout.landing("lab", 2, landed=10, deployed=None)
    rollout.reports("lab", "lab-1", "Degraded")
    return rollout


def failing_without_a_way_back() -> Rollout:
    rollout = failing()
    del rollout.ledger.of("lab", "app").landings[0]
    return rollout


def rolled_back() -> Rollout:
    rollout = Rollout()
    old = rollout.landing("lab", 1, landed=120)
    rollout.landing("lab", 2)
    rollout.rollback("lab", old)
    return rollout


def held() -> Rollout:
    rollout = under_test()
    rollout.hold("lab")
    return rollout


def put_back_by_hand() -> Rollout:
    rollout = Rollout()
    rollout.landing("lab", 2)
    rollout.by_hand("lab", images(1))
    return rollout


def foreign_and_unreadable() -> Rollout:
    rollout = under_test()
    rollout.foreign = rollout.auto_tip = sha("foreign")
    rollout.unreadable = (unreadable("hold-1"),)
    return rollout


def outside_its_window() -> Rollout:
    rollout = Rollout(settings(lab={**LAB, "windows": ["Tue 09:00-10:00 UTC"]}, shop=SHOP))
    rollout.announced(1)
    return rollout


def late_announcement() -> Rollout:
    rollout = Rollout()
    rollout.landing("lab", 5)
    rollout.announced(4)
    return rollout


SCENES: list[Callable[[], Rollout]] = [
    nothing,
    as_it_runs_by_hand,
    announced,
    under_test,
    green,
    red,
    red_on_red,
    main_moved,
    deployed,
    soaking,
    soaked,
    failing,
    failing_without_a_way_back,
    rolled_back,
    held,
    put_back_by_hand,
    foreign_and_unreadable,
    outside_its_window,
    late_announcement,
]
CHANGES_NOTHING = {nothing, as_it_runs_by_hand, under_test, red_on_red, soaking, outside_its_window}


def name(scene: Callable[[], Rollout]) -> str:
    return scene.__name__


@pytest.mark.parametrize("scene", SCENES, ids=name)
def test_same_snapshot_makes_the_same_plan(scene: Callable[[], Rollout]) -> None:
    assert scene().decide() == scene().decide()


@pytest.mark.parametrize("scene", SCENES, ids=name)
def test_snapshot_is_not_touched(scene: Callable[[], Rollout]) -> None:
    snapshot = scene().snapshot()
    before = copy.deepcopy(snapshot)
    plan(snapshot)
    assert snapshot == before


@pytest.mark.parametrize("scene", SCENES, ids=name)
def test_plan_shares_nothing_with_the_snapshot_that_can_change(
    scene: Callable[[], Rollout],
) -> None:
    snapshot = scene().snapshot()
    before = copy.deepcopy(snapshot)
    decided = plan(snapshot)
    for sets in decided.ledger.sets.values():
        for part in sets.values():
            for landing in part.landings:
                landing.taken, landing.targets = {}, {}
            part.landings.clear()
    decided.ledger.evictions.clear()
    decided.ledger.auto.clear()
    assert snapshot == before


@pytest.mark.parametrize("scene", SCENES, ids=name)
def test_plan_that_was_carried_out_is_followed_by_one_that_changes_nothing(
    scene: Callable[[], Rollout],
) -> None:
    rollout = scene()
    first = rollout.turn()
    assert first.is_change is (scene not in CHANGES_NOTHING)
    second = rollout.turn()
    assert not second.is_change
    assert second.entries == ()


@pytest.mark.parametrize("scene", SCENES, ids=name)
def test_time_alone_changes_nothing_that_is_written_unless_something_became_due(
    scene: Callable[[], Rollout],
) -> None:
    rollout = scene()
    rollout.turn()
    rollout.later(1)
    assert not rollout.turn().is_change


@pytest.mark.parametrize("scene", SCENES, ids=name)
def test_who_had_to_report_before_saves_work_and_changes_nothing(
    scene: Callable[[], Rollout],
) -> None:
    rollout = scene()
    rollout.turn()
    for later in (0, 5, 600):
        rollout.later(later)
        decided = rollout.decide()
        known = rollout.ledger.reporters
        assert known.keys() == {wave.name for wave in rollout.settings.waves}
        rollout.ledger.reporters = {}
        assert rollout.decide() == decided
        rollout.ledger.reporters = known


@pytest.mark.parametrize("scene", SCENES, ids=name)
def test_without_a_landing_main_stays_and_all_else_is_done(scene: Callable[[], Rollout]) -> None:
    rollout = scene()
    decided = rollout.decide(without_landing=True)
    assert decided.landed is None
    assert decided.main == rollout.main
    assert set(decided.ended) >= set(rollout.inbox) - {
        key for key, fact in rollout.inbox.items() if "announcement" in key or "rollback" in key
    }


def test_everything_happens_in_one_plan() -> None:
    """A report arrives, a green commit lands, and what was deployed is promoted."""
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 2, landed=10, deployed=None)
    rollout.reports("lab", "lab-1")
    rollout.reports("lab", "lab-2")
    rollout.settings = settings(lab={**LAB, "admit": "at once"}, shop=SHOP)
    rollout.green(rollout.on_auto("lab", 3))
    decided = rollout.decide()
    assert decided.landed == rollout.auto[0].sha
    assert [(one.operation.wave, one.operation.position) for one in decided.auto] == [("shop", 2)]
    assert decided.to_check == (decided.auto[0].sha,)
    assert decided.auto_tip == decided.auto[0].sha
    assert decided.auto[0].parent == decided.main == decided.landed


def test_time_is_the_snapshot_s_and_no_other() -> None:
    early, late = soaking(), soaking()
    late.now = NOW + timedelta(days=400)
    assert early.decide().auto == ()
    assert [one.operation.wave for one in late.decide().auto] == ["shop"]


def journal_lost() -> tuple[Rollout, Snapshot]:
    rollout = Rollout()
    rollout.auto_tip = rollout.main
    return rollout, replace(rollout.snapshot(), evidence=Evidence(why="it is gone"))


def auto_deleted() -> tuple[Rollout, Snapshot]:
    rollout = under_test()
    rollout.turn()
    rollout.auto_tip = None
    return rollout, rollout.snapshot()


def put_aside_again() -> tuple[Rollout, Snapshot]:
    rollout = Rollout()
    rollout.unreadable = (unreadable("hold-1"),)
    rollout.turn()
    rollout.unreadable = (unreadable("hold-1"),)
    return rollout, rollout.snapshot()


def hold_over() -> tuple[Rollout, Snapshot]:
    rollout = Rollout()
    rollout.held("lab", until=rollout.now)
    return rollout, rollout.snapshot()


def wave_gone() -> tuple[Rollout, Snapshot]:
    rollout = Rollout()
    rollout.turn()
    rollout.settings = settings(lab=LAB)
    return rollout, rollout.snapshot()


@pytest.mark.parametrize(
    ("scene", "says"),
    [
        (journal_lost, "made again"),
        (auto_deleted, None),
        (put_aside_again, "rejected"),
        (hold_over, "released"),
        (wave_gone, "removed"),
    ],
)
def test_one_thing_alone_is_worth_a_write(
    scene: Callable[[], tuple[Rollout, Snapshot]], says: str | None
) -> None:
    rollout, known = scene()
    decided = plan(known)
    assert decided.is_change
    assert decided.auto_tip == (rollout.auto[0].sha if rollout.auto else None)
    assert [one.what for one in decided.entries] == ([says] if says else [])


def test_auto_points_to_main_where_the_journal_is_lost_and_nothing_belongs_there() -> None:
    rollout = Rollout()
    rollout.auto_tip = sha("what the turns had made")
    known = replace(rollout.snapshot(), evidence=Evidence(why="it is gone"))
    assert plan(known).auto_tip == rollout.main


def test_plan_that_is_only_shown_names_no_commit_that_is_nowhere() -> None:
    rollout = under_test()
    there, nowhere = rollout.auto[0].sha, sha("made, and not pushed")
    made = replace(rollout.auto[0], sha=nowhere)
    entries = tuple(Entry(what="introduced", sha=one) for one in (there, nowhere))
    decided = replace(
        rollout.decide(), auto=(rollout.auto[0], made), entries=entries, to_check=(there, nowhere)
    )
    shown = of_dry_run(decided, rollout.snapshot())
    assert [one.sha for one in shown.entries] == [there, None]
    assert shown.to_check == (there,)
    assert shown.auto == decided.auto


@pytest.mark.parametrize(
    ("scene", "moves"), [(nothing, False), (green, True), (announced, True), (held, True)]
)
def test_plan_moves_branches_where_main_or_auto_is_to_point_elsewhere(
    scene: Callable[[], Rollout], *, moves: bool
) -> None:
    assert scene().decide().moves_branches is moves
