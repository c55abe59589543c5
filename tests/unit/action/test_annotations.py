"""What of a result goes on top of a run's page, and what does not."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec
import pytest
from tests.unit.results import (
    ACCEPTED,
    announced,
    kept_main,
    reconciled,
    taken,
    unnamed,
)
from tests.unit.snapshots import LAB, NOW, Rollout, settings, sha, stack

from tidemill.action.annotations import errors, notices, warnings
from tidemill.commands._results import (
    Acceptance,
    CheckoutCheck,
    CommitChecks,
    EventOutlook,
    EventRequest,
    LoopDone,
    Reconciliation,
    RecordedCheck,
    Request,
    Result,
)
from tidemill.facts.snapshot import BrokenParent
from tidemill.facts.staleness import Inspection
from tidemill.turn.check import CommitVerdict
from tidemill.turn.outcome import TurnOutcome, WouldWrite
from tidemill.turn.statuses import StatusChanges
from tidemill.turn.verdicts import VerdictNote

RED, GREEN = sha("red"), sha("green")


def evicted(outcome: TurnOutcome | None = None) -> Reconciliation:
    rollout, commits = stack(1)
    rollout.green(rollout.main)
    rollout.red(commits[0])
    return reconciled(rollout, outcome)


def rejected() -> Reconciliation:
    rollout = Rollout()
    rollout.hold("moon")
    return reconciled(rollout)


def held() -> Reconciliation:
    rollout = Rollout()
    rollout.hold("lab")
    return reconciled(rollout)


def red_main() -> Reconciliation:
    rollout, _ = stack(1)
    rollout.red(rollout.main)
    return reconciled(rollout)


def broken_main(why: str = "rollout.json is broken") -> Reconciliation:
    rollout = Rollout()
    rollout.announced(1)
    decided = rollout.decide(lambda _, parent: BrokenParent(parent, why))
    return Reconciliation(taken(decided), StatusChanges())


def stale_main() -> Reconciliation:
    found = settings(lab=LAB)
    generate = msgspec.structs.replace(found.entrypoints, generate="make", stale="wait")
    rollout = Rollout(msgspec.structs.replace(found, entrypoints=generate))
    rollout.generates = (Inspection({"generated/lab/lab-1/a.yaml": "1"}, ("",), "ada"),)
    rollout.landing("lab", 1)
    rollout.announced(2)
    return reconciled(rollout)


def landed_unnamed() -> Reconciliation:
    return reconciled(unnamed())


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (evicted, "app in lab was evicted: "),
        (rejected, "moon was rejected: the settings name no wave moon"),
        (held, "all sets in lab is held: freeze"),
        (red_main, " waits: a commit that mends it"),
        (broken_main, "main does not generate"),
        (stale_main, "what it generates"),
        (
            landed_unnamed,
            "app in lab is not in the files as it should be: no file names any of its",
        ),
    ],
)
def test_what_needs_a_person_is_a_warning(make: Callable[[], Reconciliation], found: str) -> None:
    result = make()
    assert any(found in text for text in warnings(result)), warnings(result)
    assert errors("reconcile-cfg-app", result) == []
    assert notices(result) == []


def test_a_turn_that_needs_nobody_warns_of_nothing() -> None:
    result = announced()
    assert (errors("x", result), warnings(result), notices(result)) == ([], [], [])


def test_main_that_a_rule_keeps_is_an_error_and_once_is_enough() -> None:
    result = kept_main("GH013: Repository rule violations found")
    (error,) = errors("reconcile-cfg-app", result)
    assert error.startswith("main at ")
    assert "GH013" in error
    assert warnings(result) == []


def test_main_that_the_server_keeps_for_now_is_a_warning() -> None:
    result = kept_main("cannot lock ref")
    assert errors("reconcile-cfg-app", result) == []
    (warning,) = warnings(result)
    assert "cannot lock ref" in warning


def test_commits_that_are_not_green_are_errors_and_what_is_to_be_known_warnings() -> None:
    checks = CommitChecks(
        (
            CommitVerdict(RED, "failure", "stale"),
            CommitVerdict(GREEN, "success", "tidemill.toml", ("no file names job",)),
        )
    )
    assert errors("check-cfg-app", checks) == [f"{RED} is failure: stale"]
    assert warnings(checks) == [f"{GREEN[:12]}: no file names job"]
    assert errors("check-cfg-app", CommitChecks(checks.verdicts[1:])) == []
    assert warnings(CheckoutCheck(("tidemill.toml",), ("no file names job",))) == [
        "no file names job"
    ]
    left_to_the_loop = CommitChecks(checks.verdicts, fails=False)
    assert errors("check-cfg-app", left_to_the_loop) == []
    assert f"{RED} is failure: stale" in warnings(left_to_the_loop)


@pytest.mark.parametrize("fails", [True, False])
def test_commit_that_is_not_green_fails_a_loop_where_that_is_wanted(fails: bool) -> None:
    checks = CommitChecks((CommitVerdict(RED, "failure", "stale"),), fails)
    done = LoopDone(None, evicted().turn, checks)
    assert done.exit_code == int(fails)
    assert errors("loop", done) == ([f"{RED} is failure: stale"] if fails else [])
    assert any("was evicted" in one for one in warnings(done))


def test_a_check_that_said_nothing_is_warned_of_once_in_a_loop() -> None:
    lost = CommitVerdict(RED, "error", "no user of its own")
    done = LoopDone(None, reconciled(Rollout()).turn, CommitChecks((lost, lost), fails=False))
    assert warnings(done) == [f"{RED} is error: no user of its own"]


def test_outlook_warns_only_where_no_turn_follows_that_does() -> None:
    came = EventRequest("push", Request("nothing", how="a push only starts a turn"))
    turn = red_main().turn
    assert (
        warnings(
            EventOutlook(came, turn, is_due=True, operations=True, checks=False, branches=True)
        )
        == []
    )
    assert (
        warnings(
            EventOutlook(came, turn, is_due=False, operations=False, checks=False, branches=False)
        )
        != []
    )


@pytest.mark.parametrize(
    ("result", "found"),
    [
        (Acceptance(Request("waits", "a-1")), ["a-1: waits already"]),
        (Acceptance(Request("nothing", how="lab has it already")), ["lab has it already"]),
        (Acceptance(ACCEPTED), []),
        (EventRequest("push", Request("nothing", how="a push only starts a turn")), []),
        (EventRequest("push", Request("nothing", how="x is not an event"), is_foreign=True),
         ["x is not an event"]),
        (EventRequest("repository_dispatch", ACCEPTED), []),
        (EventRequest("repository_dispatch", Request("ended", "a-1", "evicted", way_in="retry")),
         ["to let it in again: retry"]),
        (RecordedCheck("check", "success", VerdictNote(RED, changed=False, why="said"), NOW),
         ["said"]),
        (RecordedCheck("check", "success", VerdictNote(RED, changed=True, why="written"), NOW), []),
    ],
)  # fmt: skip
def test_why_nothing_was_done_is_a_notice(result: Result, found: list[str]) -> None:
    assert notices(result) == found


def test_what_a_dry_run_would_evict_needs_nobody_yet() -> None:
    assert warnings(evicted())
    assert warnings(evicted(WouldWrite())) == []


def test_however_long_a_reason_is_the_command_that_helps_follows_it() -> None:
    (found,) = warnings(broken_main("broken; " * 100))
    assert re.search(r"To go on: tidemill check-cfg-app --sha \w{40} --repo \S+$", found)
