"""Replay: what auto will be, as operations, and then as commits."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.snapshots import (
    AT_ONCE,
    LAB,
    SHOP,
    Rollout,
    introduced,
    never,
    settings,
    stack,
    waits_for,
    what,
    whats,
)

from tidemill.facts.operation import Operation
from tidemill.facts.snapshot import BrokenParent, NewCommit, OperationFailure, Outcome, Timeout
from tidemill.plan.plan import plan
from tidemill.plan.replay import Todo, Trial


def fails(position: int, outcome: Outcome) -> Callable[[Operation, str], Outcome | None]:
    """Entry points that fail for one position."""
    return lambda operation, _: outcome if operation.position == position else None


def test_commit_under_test_is_not_rewritten_without_a_reason() -> None:
    rollout, commits = stack()
    decided = rollout.decide(never)
    assert [commit.sha for commit in decided.auto] == commits
    assert decided.auto_tip is None
    assert not decided.is_change


def test_all_of_auto_is_done_again_when_main_moved() -> None:
    rollout, commits = stack()
    main = rollout.pushed()
    decided = rollout.decide()
    assert introduced(decided) == [("lab", 2), ("lab", 3), ("lab", 4)]
    assert [commit.parent for commit in decided.auto] == [
        main,
        *(commit.sha for commit in decided.auto[:-1]),
    ]
    assert not {commit.sha for commit in decided.auto} & set(commits)
    assert decided.auto_tip == decided.auto[-1].sha
    assert whats(decided) == ["replayed"] * 3
    assert decided.entries[0].reason == f"main moved; it was {commits[0][:12]}"


def test_only_what_is_above_a_change_is_done_again() -> None:
    rollout, commits = stack()
    rollout.green(rollout.main, commits[0])
    rollout.red(commits[1])
    decided = rollout.decide()
    assert decided.landed == commits[0]
    assert introduced(decided) == [("lab", 4)]
    assert [entry.reason for entry in decided.entries if entry.what == "replayed"] == [
        f"something beneath it changed; it was {commits[2][:12]}"
    ]


def test_main_at_a_commit_of_auto_is_no_move() -> None:
    rollout, commits = stack()
    rollout.green(commits[1])
    decided = rollout.decide(never)
    assert [commit.sha for commit in decided.auto] == commits[2:]


def test_auto_that_grows_is_no_move_of_main() -> None:
    rollout = Rollout()
    rollout.announced(1)
    assert rollout.turn().ledger.moved == 0
    rollout.pushed()
    rollout.announced(2)
    assert rollout.turn().ledger.moved == 1


def test_operations_are_tried_one_upon_the_other_up_to_the_first_that_makes_no_commit() -> None:
    rollout, _ = stack()
    main = rollout.pushed()
    todo = plan(rollout.snapshot()).todo
    trials = tuple(Trial(commit.operation) for commit in rollout.auto)
    assert todo == Todo(main, trials)
    made = NewCommit(rollout.made(trials[0].operation, main))
    failure = OperationFailure("`make introduce` failed")
    first, second = (trials[0].operation.id, main), (trials[1].operation.id, made.commit.sha)
    outcomes: dict[tuple[str, str], Outcome] = {first: made, second: failure}
    known = todo.tried(rollout.snapshot(), lambda one, at: outcomes[one.operation.id, at])
    assert known.outcomes == outcomes


def test_failing_entry_point_rejects_its_announcement_and_the_rest_goes_on() -> None:
    rollout, _ = stack()
    rollout.pushed()
    bad = rollout.auto[1].operation.request or ""
    decided = rollout.decide(fails(3, OperationFailure("`make introduce` failed")))
    assert decided.rejected == {bad: "`make introduce` failed"}
    assert introduced(decided) == [("lab", 2), ("lab", 4)]


def test_promotion_that_can_not_be_done_counts_as_evicted() -> None:
    rollout = Rollout()
    rollout.landing("lab", 2)
    decided = rollout.turn(fails(2, OperationFailure("`make promote` failed")))
    assert decided.rejected == {}
    assert [one.reason for one in decided.ledger.evictions] == ["`make promote` failed"]
    assert decided.evicted == (), "there is no commit to keep"
    assert not rollout.turn(never).is_change


def test_promotion_by_hand_that_can_not_be_done_ends() -> None:
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, "approval": True}))
    rollout.landing("lab", 2)
    request = rollout.promotion("shop", 2)
    decided = rollout.decide(fails(2, OperationFailure("`make promote` failed")))
    assert decided.ledger.how_ended(request) == "evicted"


def test_rollback_that_can_not_be_done_ends_and_its_hold_stays() -> None:
    rollout = Rollout()
    old = rollout.landing("lab", 1, landed=120)
    rollout.landing("shop", 1)
    rollout.landing("lab", 2)
    request = rollout.rollback("lab", old)
    decided = rollout.turn(fails(1, OperationFailure("it has no image files")))
    assert decided.ledger.how_ended(request) == "evicted"
    assert set(decided.holds) == {("lab", "app")}
    assert not rollout.turn(never).is_change


@pytest.mark.parametrize("size", [0, 2], ids=["nothing-on-auto", "something-on-auto"])
def test_main_that_does_not_generate_lets_all_wait_and_blames_nobody(size: int) -> None:
    rollout, commits = stack(size)
    rollout.pushed()
    if not size:
        rollout.announced(2)

    def broken(_: Operation, parent: str) -> Outcome:
        return BrokenParent(parent, "rollout.json is broken")

    decided = rollout.decide(broken)
    assert (decided.rejected, decided.evicted) == ({}, ())
    assert [commit.sha for commit in decided.auto] == commits, "nothing justifies taking it off"
    assert "main does not generate: rollout.json is broken" in waits_for(decided)
    rollout.carry_out(decided)
    rollout.pushed("mended")
    assert introduced(rollout.decide())[:1] == [("lab", 2)]


def test_time_limit_says_nothing_of_the_operation() -> None:
    rollout, _ = stack(0)
    request = rollout.announced(2)
    decided = rollout.decide(fails(2, Timeout("make took longer than 60 seconds")))
    assert decided.rejected == {}
    assert request not in decided.ended
    assert "waits for another turn: make took longer than 60 seconds" in waits_for(decided)
    assert introduced(rollout.decide()) == [("lab", 2)]


def test_auto_that_is_replayed_again_and_again_starves_and_says_so() -> None:
    rollout, _ = stack(1)
    since = rollout.now
    for _ in range(3):
        rollout.pushed()
        rollout.turn()
        rollout.later(1)
    decided = rollout.turn()
    assert "it moved 3 times before a check could answer" in waits_for(decided)
    assert [line.since for line in decided.waiting if what(line) == "auto"] == [since]
    rollout.green(rollout.auto[0].sha)
    assert "without pushes to main" not in waits_for(rollout.turn())


def test_replayed_operation_keeps_its_date_and_its_reason() -> None:
    rollout = Rollout()
    rollout.announced(2, ago=30)
    before = rollout.turn().auto[0].operation
    rollout.pushed()
    after = rollout.turn().auto[0].operation
    assert after == before
    assert after.at == rollout.ago(30)


@pytest.mark.parametrize("size", [1, 3])
def test_auto_that_has_become_empty_points_to_main(size: int) -> None:
    rollout, _ = stack(size)
    rollout.hold("lab")
    decided = rollout.decide()
    assert decided.auto == ()
    assert decided.auto_tip == rollout.main


def test_operation_that_became_a_no_op_is_dropped() -> None:
    """A person's commit brought the same set to the wave meanwhile."""
    rollout, _ = stack(1)
    rollout.by_hand("lab", rollout.files_of(2))
    decided = rollout.decide()
    assert introduced(decided) == []
    assert rollout.auto[0].operation.request in decided.ended
    assert "taken off auto" in whats(decided)


def test_operation_that_was_overtaken_is_dropped() -> None:
    rollout, _ = stack(1)
    rollout.by_hand("lab", rollout.files_of(9))
    decided = rollout.decide()
    assert introduced(decided) == []
    assert decided.ledger.how_ended(rollout.auto[0].operation.request or "") == "superseded"


def test_each_try_is_asked_for_once() -> None:
    rollout, _ = stack()
    rollout.pushed()
    asked: list[Any] = []

    def maker(operation: Operation, parent: str) -> None:
        asked.append((operation.id, parent))

    rollout.decide(maker)
    assert len(asked) == len(set(asked)) == 3


def test_what_is_behind_an_operation_that_took_too_long_waits_too_and_is_named() -> None:
    rollout = Rollout(settings(lab=LAB, den={**LAB, "after": []}))
    rollout.announced(2)
    decided = rollout.decide(lambda *_: Timeout("make took longer than 60 seconds"))
    waits = [(line.about.wave, line.obstacles[0].__struct_config__.tag) for line in decided.waiting]
    assert waits == [("lab", "time limit"), ("den", "time limit")]


@pytest.mark.parametrize("position", [2, 3, 4])
def test_time_limit_leaves_auto_as_it_was_where_main_moved(position: int) -> None:
    rollout, commits = stack(3)
    rollout.pushed("a note")
    decided = rollout.decide(fails(position, Timeout("too slow")))
    assert [one.sha for one in decided.auto] == commits
    assert decided.auto_tip is None


def test_time_limit_of_what_comes_on_top_leaves_auto_as_it_was() -> None:
    rollout, commits = stack(2)
    rollout.announced(4)
    decided = rollout.decide(fails(4, Timeout("too slow")))
    assert [one.sha for one in decided.auto] == commits
    assert decided.auto_tip is None


def test_time_limit_does_not_bring_back_what_is_evicted() -> None:
    rollout, commits = stack(3)
    rollout.green(rollout.main, commits[0])
    rollout.red(commits[1])
    decided = rollout.decide(fails(4, Timeout("too slow")), without_landing=True)
    assert decided.evicted == (commits[1],)
    assert [one.sha for one in decided.auto] == [commits[0]]


def test_time_limit_leaves_all_on_auto_but_what_has_landed() -> None:
    rollout = Rollout(settings(sets=("app", "batch"), lab=AT_ONCE))
    commits = [rollout.on_auto("lab", 1, "app"), rollout.on_auto("lab", 1, "batch")]
    commits.append(rollout.on_auto("lab", 2, "app"))
    rollout.green(commits[0])
    rollout.hold("lab", "batch")
    decided = rollout.decide(lambda *_: Timeout("too slow"))
    assert decided.landed == commits[0]
    assert [one.sha for one in decided.auto] == commits[1:]
    assert "taken off auto" not in whats(decided), "what is held stays there, for the time being"
