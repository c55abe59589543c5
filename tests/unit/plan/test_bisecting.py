"""Bisecting: which checks are read and asked for; one culprit among many costs about log2 runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from math import log2

import msgspec
import pytest
from msgspec.structs import replace
from tests.unit.sets import SHOP, settings, sha
from tests.unit.snapshots import LAB, Maker, Rollout, for_, stack, waits_for

from tidemill.facts.checks import CheckRecord, Run, RunState
from tidemill.facts.ledger import Ledger, Refusal, Suspect
from tidemill.facts.settings import Settings
from tidemill.facts.snapshot import Snapshot
from tidemill.plan import bisecting
from tidemill.plan.draft import Draft
from tidemill.plan.plan import Plan, plan
from tidemill.plan.regeneration import InspectionTodo

MOST_ROUNDS = 100


def found(rollout: Rollout, culprits: set[int], retries: int = 0) -> tuple[int, list[Plan]]:
    """How many checks run until nothing is to check any more; commits with a culprit beneath
    or in them are red."""
    runs, turns = 0, []
    for _ in range(MOST_ROUNDS):
        turns.append(rollout.turn())
        if not turns[-1].to_check and not turns[-1].is_change:
            return runs, turns
        for asked in turns[-1].to_check:
            at = next((at for at, one in enumerate(rollout.auto) if one.sha == asked), -1)
            beneath = {one.operation.position for one in rollout.auto[: at + 1]}
            rollout.check(asked, "failure" if beneath & culprits else "success")
            runs += 1
    raise AssertionError("it does not come to rest")


@pytest.mark.parametrize("culprit", range(16))
def test_one_culprit_among_sixteen_costs_about_log2_runs_and_no_innocent_goes(culprit: int) -> None:
    rollout, _ = stack(16)
    runs, turns = found(rollout, {2 + culprit})
    evicted = [sha for turn in turns for sha in turn.evicted]
    assert len(evicted) == 1
    landing = {one.position for one in rollout.ledger.of("lab", "app").landings}
    assert landing == {1, *range(2, 18)} - {2 + culprit}
    assert runs <= log2(16) + 4


@pytest.mark.parametrize(
    "culprits", [{2, 3}, {2, 9}, {8, 9}, {2, 17}, {5, 9, 13}], ids=lambda one: str(sorted(one))
)
def test_several_culprits_go_one_by_one(culprits: set[int]) -> None:
    rollout, _ = stack(16)
    runs, _ = found(rollout, culprits)
    landing = {one.position for one in rollout.ledger.of("lab", "app").landings}
    assert landing == {1, *range(2, 18)} - culprits
    assert runs <= (log2(16) + 3) * len(culprits) + 2


def test_with_retries_a_culprit_costs_two_runs_more() -> None:
    rollout, _ = stack(8, "retries = 1")
    runs, turns = found(rollout, {5})
    assert [len(turn.evicted) for turn in turns].count(1) == 1
    assert runs <= log2(8) + 6


def test_head_of_auto_is_asked_for() -> None:
    rollout, commits = stack()
    assert rollout.decide().to_check == (commits[2],)


def test_with_each_every_commit_is_asked_for() -> None:
    rollout, commits = stack(checks='retries = 0\ntest = "each"')
    assert set(rollout.decide().to_check) == set(commits)


def test_with_nothing_on_auto_nothing_is_asked_for() -> None:
    assert Rollout().decide().to_check == ()


def test_check_that_is_claimed_is_not_asked_for_until_the_claim_expires() -> None:
    rollout, commits = stack()
    rollout.check(commits[2], "pending", ago=59)
    assert rollout.decide().to_check == ()
    rollout.later(1)
    assert rollout.decide().to_check == (commits[2],)


def test_while_one_check_of_a_bisection_runs_no_second_one_is_asked_for() -> None:
    rollout, commits = stack(6)
    rollout.green(rollout.main)
    rollout.red(commits[-1])
    (middle,) = rollout.decide().to_check
    (other,) = {commits[1], commits[2]} - {middle}
    rollout.check(other, "pending")
    assert rollout.decide().to_check == ()


def test_culprit_is_looked_for_above_the_highest_green_commit() -> None:
    rollout, commits = stack(6)
    rollout.green(rollout.main, commits[3])
    rollout.ledger.auto = list(rollout.auto)
    rollout.red(commits[5])
    assert rollout.decide(without_landing=True).to_check == (commits[4],)


def test_red_main_is_asked_for_before_auto_s_tip() -> None:
    rollout, commits = stack()
    rollout.check(rollout.main, "failure", ago=61)
    assert rollout.decide().to_check == (rollout.main, commits[2])


def test_with_each_the_tip_comes_first_and_then_the_others_from_below() -> None:
    rollout, commits = stack(checks='retries = 0\ntest = "each"')
    assert rollout.decide().to_check == (commits[2], commits[0], commits[1])


REQUIRED = ("check",)


@dataclass
class OnGitHub(Rollout):
    """A cfg-app.git whose verdicts are on GitHub; `read` is what was read of them, in order."""

    read: list[str] = field(default_factory=list)
    answers: int = 0

    def check(self, commit: str, *states: RunState, ago: float = 1) -> None:
        """The check answers: what it said before can't be read any more."""
        for state in states:
            self.answers += 1
            run = Run(context="check", run=f"s{self.answers}", state=state, at=self.ago(ago))
            self.checks[commit] = CheckRecord(sha=commit, runs=(run,))

    def snapshot(self) -> Snapshot:
        each = self.settings.checks.test == "each"
        begun = {*self.ledger.asked, *self.ledger.tips}
        asked = {one.sha for one in self.auto if each or one.sha in begun}
        unread = frozenset({self.main, *asked, *(one.sha for one in self.auto[-1:])})
        return replace(super().snapshot(), checks={}, unread=unread)

    def asks(self, *, claim: bool = True, maker: Maker | None = None) -> Plan:
        """What a turn decides, having read what it has to."""
        known = self.snapshot()
        self.read = []
        while True:
            decided = plan(known, claim=claim)
            if decided.to_read:
                commit = decided.to_read[0]
                self.read.append(commit)
                record = self.checks.get(commit, CheckRecord(sha=commit))
                known = known.having_read(record, REQUIRED)
            elif isinstance(decided.todo, InspectionTodo):
                known = known.having_looked(decided.todo.commit, self.look(decided.todo.commit))
            elif decided.todo is not None:
                known = decided.todo.tried(known, partial(self.attempt, maker))
            else:
                return decided

    def goes_on(self, *, claim: bool = True) -> Plan:
        """A turn: decide, and carry it out."""
        return self.carry_out(self.asks(claim=claim))


def on_github(checks: str = "retries = 0", **lab: object) -> Settings:
    found = settings(lab={**LAB, **lab}, shop=SHOP, checks=checks)
    return msgspec.structs.replace(
        found, checks=msgspec.structs.replace(found.checks, source="github")
    )


def tower(size: int, checks: str = "retries = 0") -> tuple[OnGitHub, list[str]]:
    """Positions 2 and up on auto for lab, one upon the other; a turn has asked for the tip."""
    rollout = OnGitHub(on_github(checks, admit="at once"))
    rollout.landing("shop", 1)
    rollout.landing("lab", 1)
    rollout.ledger.green_main = rollout.main
    commits = [rollout.on_auto("lab", 2 + at) for at in range(size)]
    rollout.goes_on()
    return rollout, commits


def test_asked_for_check_is_claimed_in_the_same_write() -> None:
    rollout = OnGitHub(on_github())
    rollout.announced(1)
    decided = rollout.goes_on()
    (tip,) = decided.to_check
    assert decided.is_change
    assert rollout.ledger.asked[tip].at == rollout.now
    again = rollout.goes_on()
    assert (again.to_check, again.is_change) == ((), False)
    assert "which was asked for" in waits_for(again)
    assert [line.since for line in again.waiting if tip in for_(line)] == [rollout.now]


def test_what_auto_has_pointed_to_is_read_before_its_check_is_asked_for() -> None:
    """Its check began by itself when it was pushed: nobody had to claim it."""
    rollout = OnGitHub(on_github(admit="at once"))
    rollout.landing("shop", 1)
    rollout.landing("lab", 1)
    for position in (2, 3, 4):
        rollout.announced(position)
        rollout.check(rollout.goes_on(claim=False).auto[-1].sha, "failure")
    tips = [one.sha for one in rollout.auto]
    assert rollout.ledger.tips == tips
    decided = rollout.asks(claim=False)
    assert decided.to_check == (rollout.main,)
    assert {*rollout.read} >= {rollout.main, tips[0]}
    rollout.check(rollout.main, "success")
    rollout.goes_on()
    assert rollout.ledger.tips == [rollout.auto[-1].sha], "the others are on auto no more"


def test_claim_is_over_after_the_timeout_and_the_check_is_lost_and_asked_for_again() -> None:
    rollout, (tip,) = tower(1)
    rollout.later(59)
    assert not rollout.asks().is_change
    rollout.later(1)
    decided = rollout.goes_on()
    assert decided.to_check == (tip,)
    assert "asked for again" in waits_for(decided)
    assert not rollout.asks().is_change


@pytest.mark.parametrize("state", ["cancelled", "pending"])
def test_check_that_is_lost_is_asked_for_again_every_timeout(state: RunState) -> None:
    rollout, (tip,) = tower(1)
    rollout.check(tip, state, ago=0)
    for _ in range(2):
        rollout.later(59)
        assert rollout.asks().to_check == ()
        rollout.later(1)
        assert rollout.goes_on().to_check == (tip,)


def test_answer_ends_the_claim_and_the_commit_lands() -> None:
    rollout, (tip,) = tower(1)
    rollout.green(tip)
    decided = rollout.goes_on()
    assert decided.landed == tip
    assert rollout.ledger.green_main == tip


def test_late_answer_counts_all_the_same() -> None:
    rollout, (tip,) = tower(1)
    rollout.later(300)
    rollout.green(tip)
    assert rollout.goes_on().landed == tip


def test_partial_answer_does_not_end_the_claim() -> None:
    """One of two required checks has answered: the other one is on its way."""
    rollout, (tip,) = tower(1)
    known = rollout.snapshot()
    run = Run(context="lint", run="s1", state="success", at=rollout.now)
    known = known.having_read(CheckRecord(sha=tip, runs=(run,)), ("check", "lint"))
    assert plan(known).to_check == ()


def test_claims_go_with_their_commits_and_that_alone_is_not_worth_a_write() -> None:
    rollout, (tip,) = tower(1)
    rollout.green(tip)
    rollout.goes_on()
    assert set(rollout.ledger.asked) == {tip}, "main now"
    rollout.pushed("a person's commit")
    rollout.ledger.green_main = rollout.main
    assert not rollout.asks().is_change
    rollout.hold("shop")
    rollout.goes_on()
    assert rollout.ledger.asked == {}


def test_plan_that_claims_nothing_says_what_is_wanted() -> None:
    rollout = OnGitHub(on_github())
    rollout.announced(1)
    decided = rollout.goes_on(claim=False)
    assert (len(decided.to_check), decided.more) == (1, True)
    assert rollout.ledger.asked == {}
    again = rollout.asks(claim=False)
    assert (again.is_change, again.more) == (False, True)
    asked = rollout.goes_on()
    assert (asked.more, len(asked.to_check)) == (False, 1)
    assert not rollout.asks(claim=False).more


def test_claims_are_written_only_where_verdicts_come_from_github() -> None:
    rollout, _ = tower(1)
    assert rollout.ledger.asked
    refs = msgspec.structs.replace(rollout.settings.checks, source="refs")
    rollout.settings = msgspec.structs.replace(rollout.settings, checks=refs)
    decided = plan(replace(rollout.snapshot(), unread=frozenset()))
    assert decided.ledger.asked == {}
    assert len(decided.to_check) == 1, "a claim on GitHub is none on refs"


def test_ledger_without_claims_can_be_read() -> None:
    assert msgspec.json.decode(b'{"sets": {}}', type=Ledger).asked == {}


def test_with_nothing_on_auto_and_main_known_green_nothing_is_read() -> None:
    rollout = OnGitHub(on_github())
    rollout.ledger.green_main = rollout.main
    assert not rollout.asks().is_change
    assert rollout.read == []


def test_main_that_is_not_known_green_is_read_and_then_remembered() -> None:
    rollout = OnGitHub(on_github())
    rollout.green(rollout.main)
    rollout.goes_on()
    assert rollout.read == [rollout.main]
    rollout.asks()
    assert rollout.read == []


def test_green_tip_is_all_that_is_read() -> None:
    rollout, commits = tower(4)
    rollout.green(commits[-1])
    assert rollout.asks().landed == commits[-1]
    assert rollout.read == [commits[-1]]


def test_promoting_reads_nothing_where_auto_is_empty_and_main_is_green() -> None:
    rollout = OnGitHub(on_github())
    rollout.landing("shop", 1)
    rollout.landing("lab", 2, deployed=30)
    rollout.ledger.green_main = rollout.main
    decided = rollout.asks()
    assert [entry.what for entry in decided.entries] == ["promoted"]
    assert rollout.read == []


def test_commit_whose_check_was_never_asked_for_is_not_read() -> None:
    rollout, commits = tower(4)
    rollout.asks()
    assert rollout.read == [commits[-1]]


def test_commits_that_were_asked_for_are_read_from_the_newest_until_one_is_green() -> None:
    rollout, commits = tower(4)
    rollout.ledger.asked = dict.fromkeys(commits, rollout.ledger.asked[commits[-1]])
    rollout.green(commits[1])
    assert rollout.asks().landed == commits[1]
    assert rollout.read == [commits[3], commits[2], commits[1]]


def test_main_is_read_where_something_on_auto_is_red() -> None:
    rollout, commits = tower(1)
    rollout.red(commits[0])
    rollout.green(rollout.main)
    assert rollout.asks().evicted == (commits[0],)
    assert rollout.read == [commits[0], rollout.main]


def test_each_commit_is_read_where_each_is_tested() -> None:
    rollout, commits = tower(3, 'retries = 0\ntest = "each"')
    rollout.goes_on()
    assert set(rollout.ledger.asked) == set(commits)
    rollout.green(commits[0])
    rollout.check(commits[2], "failure")
    assert rollout.asks().landed == commits[0]
    assert set(rollout.read) >= set(commits)


def culprit_found(rollout: OnGitHub, bad: set[int]) -> int:
    """Answer every check until nothing is asked for; returns how many ran."""
    runs = 0
    for _ in range(60):
        decided = rollout.goes_on()
        if not decided.to_check:
            return runs
        for commit in decided.to_check:
            at = next((at for at, one in enumerate(rollout.auto) if one.sha == commit), -1)
            positions = {one.operation.position for one in rollout.auto[: at + 1]}
            rollout.check(commit, "failure" if positions & bad else "success")
            runs += 1
    raise AssertionError("it does not come to rest")


@pytest.mark.parametrize("culprit", [2, 5, 9])
def test_one_culprit_is_found_and_goes_alone(culprit: int) -> None:
    rollout, commits = tower(8)
    rollout.check(commits[-1], "failure")
    runs = culprit_found(rollout, {culprit})
    landing = {one.position for one in rollout.ledger.of("lab", "app").landings}
    assert landing == {1, *range(2, 10)} - {culprit}
    assert runs <= 8


@pytest.mark.parametrize("retries", [1, 2])
def test_retries_ask_the_parent_again_and_then_the_commit(retries: int) -> None:
    rollout, (commit,) = tower(1, f"retries = {retries}")
    rollout.green(rollout.main)
    rollout.red(commit)
    parent = rollout.main
    for _ in range(retries):
        for asked, state in ((parent, "success"), (commit, "failure")):
            assert rollout.goes_on().to_check == (asked,)
            assert not rollout.asks().is_change, "it is claimed"
            rollout.check(asked, "success" if state == "success" else "failure")
    assert rollout.goes_on().evicted == (commit,)


def test_repetition_that_is_on_its_way_does_not_begin_the_judging_anew() -> None:
    """While a check is repeated, the red that it gave before can't be read."""
    rollout, (commit,) = tower(1, "retries = 1")
    rollout.green(rollout.main)
    rollout.red(commit)
    rollout.goes_on()
    rollout.green(rollout.main)
    assert rollout.goes_on().to_check == (commit,)
    for state in ("pending", "cancelled"):
        rollout.check(commit, state)
        assert not rollout.asks().is_change
    rollout.red(commit)
    assert rollout.goes_on().evicted == (commit,)


def test_commit_that_turns_green_when_repeated_lands_and_is_no_suspect() -> None:
    rollout, (commit,) = tower(1, "retries = 1")
    rollout.green(rollout.main)
    rollout.red(commit)
    rollout.goes_on()
    rollout.green(rollout.main)
    rollout.goes_on()
    rollout.green(commit)
    decided = rollout.goes_on()
    assert decided.landed == commit
    assert decided.ledger.suspect is None


def test_red_main_is_asked_for_again_every_timeout_and_evicts_nobody() -> None:
    rollout, (commit,) = tower(1)
    rollout.red(rollout.main, commit)
    assert rollout.goes_on().evicted == ()
    rollout.later(60)
    assert rollout.goes_on().to_check == (rollout.main,)
    assert not rollout.asks().is_change
    rollout.red(rollout.main)
    assert not rollout.asks().to_check
    rollout.later(60)
    assert rollout.goes_on().to_check == (rollout.main,)
    assert rollout.main in waits_for(rollout.asks())


def test_landing_that_a_rule_refuses_names_the_remedy() -> None:
    rollout, (commit,) = tower(1)
    rollout.green(commit)
    known = rollout.snapshot().having_read(rollout.checks[commit], REQUIRED)
    reason = "GH013: Repository rule violations found for refs/heads/main"
    decided = plan(known, refused=Refusal(sha=commit, reason=reason, since=rollout.now))
    assert decided.landed is None
    assert "let the app that pushes bypass them" in waits_for(decided)


@pytest.mark.parametrize(
    ("of", "runs", "wanted"),
    [(None, None, None), ("other", None, None), ("red", None, "main"), ("red", ("1",), "red")],
    ids=["nobody", "another", "its-parent-first", "then-itself"],
)
def test_suspect_s_parent_is_asked_again_and_then_the_suspect(
    of: str | None, runs: tuple[str, ...] | None, wanted: str | None
) -> None:
    rollout = Rollout()
    red = sha("red")
    rollout.green(rollout.main)
    rollout.red(red)
    names = {"red": red, "other": sha("other"), "main": rollout.main}
    if of:
        rollout.ledger.suspect = Suspect(
            sha=names[of], parent=rollout.main, parent_runs=(), runs=runs
        )
    found = bisecting._find_culprit(Draft.of(rollout.snapshot()), [rollout.main, red])
    assert found == ([names[wanted]] if wanted else [])


@pytest.mark.parametrize(
    ("main", "auto", "suspect", "wanted"),
    [
        ("+", "p! p!", None, []),
        ("+", "p! p!", 0, [0]),
        ("+", "p. p. p! p!", None, [1]),
        ("+", "r! p!", 0, [0]),
        (".", "p! p!", None, [-1]),
        (".", "r! p!", None, []),
        (".", "p. r! p!", None, [0]),
        ("!", "p. p! p!", None, []),
        ("!", "r. p. p!", None, [0]),
        ("!", "r. p. r. p. p. p!", None, [1]),
        ("!", "p. r. p! p!", None, [1]),
    ],
)  # fmt: skip
def test_beneath_a_red_commit_the_middle_of_what_is_not_known_is_asked_for(
    main: str, auto: str, suspect: int | None, wanted: list[int]
) -> None:
    """`p` promotes, `r` regenerates; green `+`, red `!` and unknown `.`; -1 is main itself."""
    rollout = Rollout()
    words = auto.split()
    kinds = {"p": "promote", "r": "regenerate"}
    states: dict[str, tuple[RunState, ...]] = {"+": ("success",), "!": ("failure",), ".": ()}
    commits = [rollout.on_auto("lab", at, kind=kinds[one[0]]) for at, one in enumerate(words, 1)]
    rollout.check(rollout.main, *states[main])
    for commit, word in zip(commits, words, strict=True):
        rollout.check(commit, *states[word[1]])
    if suspect is not None:
        rollout.ledger.suspect = Suspect(
            sha=commits[suspect], parent=rollout.main, parent_runs=(), runs=("run-1",)
        )
    found = bisecting.choose_checks(Draft.of(rollout.snapshot()), rollout.auto)
    assert found == [commits[at] if at >= 0 else rollout.main for at in wanted]
