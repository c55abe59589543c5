"""Eviction: who is red, who is to blame, and what becomes of the culprit."""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.snapshots import (
    LAB,
    SHOP,
    Rollout,
    app_sha,
    introduced,
    settings,
    sha,
    stack,
    waits_for,
)

from tidemill.announcing.order import order_of
from tidemill.facts.checks import CheckRecord, Run, RunState
from tidemill.facts.ledger import Eviction, Suspect
from tidemill.facts.operation import Kind, Operation
from tidemill.plan import eviction
from tidemill.plan.draft import Draft
from tidemill.plan.eviction import is_missed


def test_lost_check_is_asked_for_again_and_evicts_nobody() -> None:
    rollout, commits = stack()
    rollout.green(rollout.main)
    rollout.check(commits[2], "cancelled")
    decided = rollout.decide()
    assert decided.to_check == (commits[2],)
    assert decided.evicted == ()
    assert "it was cancelled or timed out, and is asked for again" in waits_for(decided)


JUDGED = [
    # main, then the three commits; who is evicted, and what is asked for
    ("?", "???", None, {2}),
    ("+", "-??", 0, {2}),
    ("?", "-??", None, {-1, 2}),
    ("+", "--?", 0, {2}),
    ("+", "?-?", None, {0, 2}),
    ("+", "?--", None, {0}),
    ("+", "??-", None, {1}),
    ("+", "+--", 1, set()),
    ("+", "++-", 2, set()),
    ("+", "+?-", None, {1}),
    ("?", "??-", None, {0}),
    ("-", "-??", None, {2}),
    ("-", "---", None, set()),
    ("-", "??-", None, set()),
]


@pytest.mark.parametrize(
    ("main", "auto", "culprit", "asked"), JUDGED, ids=[f"{row[0]}:{row[1]}" for row in JUDGED]
)
def test_first_commit_that_is_red_on_a_green_parent_is_evicted_and_no_other(
    main: str, auto: str, culprit: int | None, asked: set[int]
) -> None:
    rollout, commits = stack()
    for commit, sign in zip([rollout.main, *commits], main + auto, strict=True):
        if sign != "?":
            rollout.check(commit, "success" if sign == "+" else "failure")
    decided = rollout.decide()
    assert decided.evicted == (() if culprit is None else (commits[culprit],))
    if culprit is None:
        names = {-1: rollout.main, **dict(enumerate(commits))}
        assert set(decided.to_check) == {names[at] for at in asked}
    else:
        rewritten = {commit.sha for commit in decided.auto} - set(commits)
        assert len(rewritten) == 2 - culprit, "those above it are done again on its parent"


def test_innocent_commits_survive_and_are_done_again() -> None:
    rollout, commits = stack()
    rollout.green(rollout.main)
    rollout.red(commits[0])
    decided = rollout.turn()
    assert introduced(decided) == [("lab", 3), ("lab", 4)]
    assert decided.to_check == (decided.auto[-1].sha,)
    assert rollout.ledger.how_ended(stacked_request(2)) == "evicted"


def stacked_request(position: int) -> str:
    rollout = Rollout()
    return rollout.announced(position)


def test_evicted_set_is_not_introduced_again_by_itself() -> None:
    rollout, commits = stack(1)
    rollout.green(rollout.main)
    rollout.red(commits[0])
    assert rollout.turn().evicted == (commits[0],)
    rollout.announced(2)
    assert introduced(rollout.turn()) == []


def test_nobody_is_evicted_while_main_is_red_and_status_names_main_and_the_last_green() -> None:
    rollout, commits = stack()
    rollout.ledger.green_main = sha("the last green one")
    rollout.red(rollout.main, *commits)
    decided = rollout.decide()
    assert decided.evicted == ()
    assert rollout.main in waits_for(decided)
    assert sha("the last green one") in waits_for(decided)
    assert "nobody is evicted meanwhile" in waits_for(decided)


def test_red_main_is_asked_for_again_every_timeout() -> None:
    rollout, commits = stack()
    rollout.red(rollout.main, *commits)
    rollout.later(58)
    assert rollout.main not in rollout.decide().to_check
    rollout.later(1)
    assert rollout.main in rollout.decide().to_check
    rollout.check(rollout.main, "pending", ago=0)
    assert rollout.main not in rollout.decide().to_check


def judged(checks: str) -> tuple[Rollout, str]:
    """One commit on auto, red on a green main."""
    rollout, commits = stack(1, checks)
    rollout.green(rollout.main)
    rollout.red(commits[0])
    return rollout, commits[0]


def test_without_retries_one_red_on_a_green_parent_is_enough() -> None:
    rollout, commit = judged("retries = 0")
    assert rollout.turn().evicted == (commit,)


@pytest.mark.parametrize("retries", [1, 2, 3])
def test_each_retry_asks_the_parent_again_and_then_the_commit(retries: int) -> None:
    rollout, commit = judged(f"retries = {retries}")
    parent = rollout.main
    for _ in range(retries):
        for asked, sign in ((parent, "success"), (commit, "failure")):
            decided = rollout.turn()
            assert decided.evicted == ()
            assert decided.to_check == (asked,)
            rollout.check(asked, "success" if sign == "success" else "failure")
    assert rollout.turn().evicted == (commit,)


def test_commit_that_is_green_the_second_time_lands() -> None:
    rollout, commit = judged("retries = 1")
    rollout.turn()
    rollout.green(rollout.main)
    rollout.turn()
    rollout.green(commit)
    decided = rollout.turn()
    assert decided.landed == commit
    assert decided.ledger.suspect is None


def test_parent_that_is_red_the_second_time_clears_the_commit() -> None:
    rollout, _ = judged("retries = 1")
    rollout.turn()
    rollout.red(rollout.main)
    decided = rollout.turn()
    assert decided.evicted == ()
    assert "nobody is evicted meanwhile" in waits_for(decided)


def test_same_verdict_delivered_twice_is_one_verdict() -> None:
    rollout, commit = judged("retries = 1")
    before = dict(rollout.checks)
    rollout.turn()
    rollout.checks = before
    for _ in range(3):
        decided = rollout.turn()
        assert not decided.is_change
        assert decided.evicted == ()
        assert decided.to_check == (rollout.main,)
    assert commit


def test_answer_to_the_wrong_question_does_not_condemn() -> None:
    """The commit is red again before its parent was green again."""
    rollout, commit = judged("retries = 1")
    rollout.turn()
    rollout.red(commit)
    assert rollout.turn().evicted == ()
    rollout.green(rollout.main)
    assert rollout.turn().evicted == ()
    rollout.red(commit)
    assert rollout.turn().evicted == (commit,)


def test_judging_begins_anew_when_main_moved() -> None:
    rollout, _ = judged("retries = 1")
    rollout.turn()
    rollout.green(rollout.main)
    rollout.turn()
    rollout.pushed()
    rollout.turn()
    rollout.green(rollout.main)
    again = rollout.auto[0].sha
    rollout.red(again)
    assert rollout.turn().evicted == ()


def test_commit_of_a_promotion_is_evicted_like_any_other_and_not_made_again() -> None:
    rollout = Rollout()
    rollout.landing("lab", 2)
    commit = rollout.on_auto("shop", 2)
    rollout.green(rollout.main)
    rollout.red(commit)
    decided = rollout.turn()
    assert decided.evicted == (commit,)
    assert introduced(rollout.turn()) == []


def test_evicted_rollback_ends_and_its_hold_stays() -> None:
    rollout = Rollout()
    old = rollout.landing("lab", 1, landed=120)
    rollout.landing("shop", 1)
    rollout.landing("lab", 2)
    request = rollout.rollback("lab", old)
    rollout.turn()
    rollout.green(rollout.main)
    rollout.red(rollout.auto[0].sha)
    decided = rollout.turn()
    assert len(decided.evicted) == 1
    assert decided.ledger.how_ended(request) == "evicted"
    told = [(one.what, one.wave) for one in decided.entries if one.id == request]
    assert told == [("evicted", "lab")], "it is one set: there is nothing to say as a whole"
    assert set(decided.holds) == {("lab", "app")}
    assert rollout.turn().auto == ()


def test_fifty_evicted_are_kept_and_before_them_what_would_come_again_otherwise() -> None:
    rollout, _ = stack(1)
    for position in range(100, 160):
        rollout.announced(position)
        rollout.turn()
        rollout.green(rollout.main)
        rollout.red(*[commit.sha for commit in rollout.auto])
        rollout.turn()
    assert len(rollout.ledger.evictions) == 60
    rollout.announced(200)
    rollout.turn()
    rollout.green(*[commit.sha for commit in rollout.auto])
    assert rollout.turn().landed
    assert len(rollout.ledger.evictions) == 50


def evicted(kind: Kind, ago: float = 10, **given: Any) -> Eviction:
    """Position 2 was evicted from shop."""
    gone = Operation(
        kind=kind, wave="shop", set="app", app_sha=app_sha(2), position=2,
        repository="acme/app", content="2",
    )  # fmt: skip
    rollout = Rollout()
    return Eviction(commit=sha(kind), at=rollout.ago(ago), reason="red", operation=gone, **given)


@pytest.mark.parametrize(
    ("kind", "landed", "is_still"),
    [
        ("promote", (), True),
        ("promote", ((2, 5),), False),
        ("promote", ((3, 5),), False),
        ("promote", ((1, 5),), True),
        ("promote", ((2, 10),), True),
        ("hotfix", (), True),
        ("hotfix", ((1, 5),), False),
        ("hotfix", ((1, 10),), True),
        ("roll back", ((1, 5),), False),
        ("regenerate", (), False),
    ],
)
def test_what_was_evicted_is_missed_until_something_takes_its_place(
    kind: Kind, landed: tuple[tuple[int, float], ...], *, is_still: bool
) -> None:
    rollout = Rollout()
    gone = evicted(kind)
    rollout.ledger.evictions = [gone]
    for position, ago in landed:
        rollout.landing("shop", position, landed=ago, deployed=None)
    assert gone.operation is not None
    assert is_missed(Draft.of(rollout.snapshot()), gone, gone.operation) is is_still


@pytest.mark.parametrize("kind", ["promote", "hotfix", "roll back"])
def test_what_was_evicted_is_missed_no_more_where_somebody_has_seen_to_it(kind: Kind) -> None:
    def missed(rollout: Rollout, gone: Eviction) -> bool:
        assert gone.operation is not None
        return is_missed(Draft.of(rollout.snapshot()), gone, gone.operation)

    for given in ({"retried": True}, {"dismissed": True}):
        gone, rollout = evicted(kind, **given), Rollout()
        rollout.ledger.evictions = [gone]
        assert not missed(rollout, gone)
    gone, rollout = evicted(kind), Rollout(settings(lab=LAB))
    rollout.ledger.evictions = [gone]
    assert not missed(rollout, gone), "its wave is gone"
    rollout = Rollout()
    other = evicted("roll back", 5)
    assert other.operation is not None
    elsewhere = replace(other, operation=replace(other.operation, wave="lab"))
    rollout.ledger.evictions = [gone, elsewhere, evicted("promote", 4)]
    assert missed(rollout, gone)
    rollout.ledger.evictions = [gone, other]
    assert missed(rollout, gone) is (kind == "promote"), "of what people ask for the last counts"
    rollout.ledger.evictions = [gone]
    rollout.on_auto("shop", 1, kind=kind)
    assert missed(rollout, gone) is (kind == "promote")


@pytest.mark.parametrize(
    ("beneath", "suspect", "kept"),
    [
        ("success", None, ("check/1",)),
        ("success", ("red", ("check/0",)), None),
        ("success", ("red", ("check/1",)), ("check/1",)),
        ("success", ("red", ("lint/0",)), ("lint/0",)),
        ("success", ("red", None), ("check/1",)),
        ("success", ("other", ("check/0",)), ("check/1",)),
        ("pending", ("red", ("check/0",)), ("check/0",)),
    ],
    ids=["first", "again", "same", "another-check", "unknown", "another", "beneath-may-be-it"],
)
def test_regeneration_goes_once_the_same_check_was_red_twice(
    beneath: RunState, suspect: tuple[str, tuple[str, ...] | None] | None, kept: object
) -> None:
    """`kept`: what the ledger remembers of it; None where it is evicted."""
    rollout = Rollout()
    rollout.check(rollout.on_auto("shop", 1), beneath)
    red = rollout.on_auto("shop", 2, kind="regenerate")
    run = Run(context="check", run="1", state="failure", at=rollout.ago(1))
    rollout.checks[red] = CheckRecord(sha=red, runs=(run,))
    if suspect is not None:
        which = red if suspect[0] == "red" else sha("other")
        rollout.ledger.suspect = Suspect(sha=which, parent="", parent_runs=(), runs=suspect[1])
    draft = Draft.of(rollout.snapshot())
    first, culprit = rollout.auto
    eviction._judge_regeneration(draft, culprit, [first])
    found = draft.ledger.suspect
    assert draft.evicted == ([red] if kept is None else [])
    assert (found.runs if found else None) == kept


@pytest.mark.parametrize(
    ("kind", "given", "is_kept"),
    [
        ("introduce", {}, True),
        ("promote", {}, True),
        ("promote", {"retried": True}, False),
        ("roll back", {}, False),
        ("hotfix", {}, False),
    ],
)
def test_of_what_was_evicted_before_the_last_fifty_what_keeps_a_set_out_is_kept(
    kind: Kind, given: dict[str, Any], *, is_kept: bool
) -> None:
    rollout = Rollout()
    others = [replace(evicted("roll back"), commit=sha(number)) for number in range(50)]
    nobodys = replace(others[0], operation=None)
    rollout.ledger.evictions = [nobodys, evicted(kind, **given), *others]
    rollout.ledger.trim(rollout.settings)
    assert (len(rollout.ledger.evictions) == 51) is is_kept


def test_of_what_the_wave_has_had_since_no_eviction_before_the_last_fifty_is_kept() -> None:
    rollout = Rollout()
    one = evicted("promote")
    rollout.ledger.evictions = [one, *[replace(one, operation=None)] * 50]
    gone = one.operation
    assert gone is not None
    rollout.ledger.of(gone.wave, gone.set).raise_to(order_of(gone))
    rollout.ledger.trim(rollout.settings)
    assert len(rollout.ledger.evictions) == 50


def test_no_more_than_five_hundred_are_kept_besides() -> None:
    rollout = Rollout()
    rollout.ledger.evictions = [evicted("promote")] * 600
    rollout.ledger.trim(rollout.settings)
    assert len(rollout.ledger.evictions) == 550


def test_what_was_evicted_does_not_come_again_because_others_were() -> None:
    lab = {**LAB, "admit": "at once"}
    rollout = Rollout(settings(sets=("app", "noise"), lab=lab, shop=SHOP))
    for wave in ("shop", "lab"):
        rollout.landing(wave, 1, landed=240, deployed=230)
    rollout.landing("lab", 2, landed=60, deployed=30)
    for target in LAB["targets"]:
        rollout.reported("lab", target, ago=30)
    red = rollout.turn().auto[0].sha
    rollout.green(rollout.main)
    rollout.red(red)
    assert rollout.turn().evicted == (red,)
    for position in range(50):
        rollout.announced(2 + position, "noise", ago=0)
        rollout.red(rollout.turn().auto[-1].sha)
        rollout.turn()
    assert ("shop", 2) not in introduced(rollout.turn())


def test_introduction_that_somebody_asks_for_again_is_missed_no_more() -> None:
    """The request that was evicted asks for nothing again, where another first wave lacks it."""
    east = {"targets": ["e"], "admit": "at once"}
    rollout = Rollout(settings(east=east, west={**east, "targets": ["w"], "after": []}))
    for wave in ("east", "west"):
        rollout.landing(wave, 1)
    rollout.held("west")
    request = rollout.announced(2)
    rollout.green(rollout.main)
    rollout.red(rollout.turn().auto[0].sha)
    rollout.turn()
    [gone] = rollout.ledger.evictions
    assert gone.operation is not None
    draft = Draft.of(rollout.snapshot())
    assert request in draft.inbox
    assert is_missed(draft, gone, gone.operation)
    rollout.asked(replace(rollout.inbox[request], retry=True, by="ada"))
    assert not is_missed(Draft.of(rollout.snapshot()), gone, gone.operation)
