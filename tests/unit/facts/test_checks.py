"""Verdicts: what the runs that were reported for one commit say."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from tidemill.facts.checks import MISSING, CheckRecord, Run, RunState, last_words, verdict

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SHA = "7d1043473d55bfa90e8530d35801d4e381bc69f0"
STATES: dict[str, RunState] = {
    "ok": "success",
    "no": "failure",
    "pending": "pending",
    "cancelled": "cancelled",
}


def record(*reports: str) -> CheckRecord:
    """Each report is like `check/1 ok 90`: context, run, state, and how many minutes ago."""
    found = CheckRecord(sha=SHA)
    for report in reports:
        name, state, *minutes = report.split()
        context, _, run = name.partition("/")
        at = NOW - timedelta(minutes=int(minutes[0]) if minutes else 1)
        found = found.reported(Run(context=context, run=run, state=STATES[state], at=at))
    return found


@pytest.mark.parametrize(
    ("reports", "state", "claimed"),
    [
        ((), "missing", False),
        (("check/1 ok",), "green", False),
        (("check/1 no",), "red", False),
        (("check/1 pending",), "pending", True),
        (("check/1 pending 59",), "pending", True),
        (("check/1 pending 60",), "lost", False),
        # One that begins only later was begun by a wrong clock: it is not waited for.
        (("check/1 pending -4",), "pending", True),
        (("check/1 pending -5",), "pending", True),
        (("check/1 pending -6",), "lost", False),
        (("check/1 pending -1440",), "lost", False),
        (("check/1 no", "check/2 pending -1440"), "red", False),
        (("check/1 cancelled",), "lost", False),
        (("check/1 pending 5", "check/1 ok"), "green", False),
        (("check/1 pending 5", "check/1 cancelled"), "lost", False),
        (("check/1 pending 90", "check/1 ok"), "green", False),
        # The latest run that answered counts, whatever came before it.
        (("check/1 ok", "check/2 no"), "red", False),
        (("check/1 no", "check/2 ok"), "green", False),
        (("check/1 no", "check/2 ok", "check/3 no"), "red", False),
        (("check/1 ok", "check/2 cancelled"), "green", False),
        (("check/1 no", "check/2 cancelled"), "red", False),
        (("check/1 no", "check/2 pending"), "red", True),
        (("check/1 ok", "check/2 pending"), "green", True),
        (("check/1 no", "check/2 pending 90"), "red", False),
        (("check/1 cancelled", "check/2 pending"), "pending", True),
        (("check/1 pending 90", "check/2 pending"), "pending", True),
        (("check/1 cancelled", "check/2 ok"), "green", False),
        # The same run again is the same verdict.
        (("check/1 ok", "check/1 ok"), "green", False),
        (("check/1 no", "check/1 no"), "red", False),
        # A report that was overtaken on its way does not undo an answer.
        (("check/1 ok", "check/1 pending"), "green", False),
        (("check/1 no", "check/1 pending"), "red", False),
        (("check/1 ok", "check/1 cancelled"), "green", False),
        (("check/1 cancelled", "check/1 ok"), "green", False),
        # Runs of several contexts.
        (("check/1 ok", "lint/1 ok"), "green", False),
        (("check/1 ok", "lint/1 no"), "red", False),
        (("check/1 ok", "lint/1 pending"), "pending", True),
        (("check/1 no", "lint/1 pending"), "red", True),
        (("check/1 ok", "lint/1 cancelled"), "lost", False),
        (("check/1 pending", "lint/1 cancelled"), "lost", True),
        (("check/1 no", "lint/1 cancelled"), "red", False),
    ],
    ids=str,
)
def test_runs_make_a_verdict(reports: tuple[str, ...], state: str, claimed: bool) -> None:
    found = verdict(record(*reports), (), HOUR, NOW)
    assert (found.state, found.claimed) == (state, claimed)
    assert found.is_known is (state in ("green", "red"))


@pytest.mark.parametrize(
    ("reports", "state"),
    [
        (("check/1 ok", "lint/1 ok"), "green"),
        (("check/1 ok", "lint/1 ok", "other/1 no"), "green"),
        (("check/1 ok", "lint/1 ok", "other/1 pending"), "green"),
        (("check/1 ok",), "missing"),
        (("check/1 no",), "red"),
        (("check/1 pending",), "pending"),
        (("check/1 cancelled",), "lost"),
        (("check/1 ok", "lint/1 pending"), "pending"),
        (("other/1 ok",), "missing"),
        (("other/1 no",), "missing"),
    ],
    ids=str,
)
def test_only_what_is_required_counts_and_all_of_it(reports: tuple[str, ...], state: str) -> None:
    assert verdict(record(*reports), ("check", "lint"), HOUR, NOW).state == state


def test_without_any_report_the_verdict_is_missing() -> None:
    assert verdict(None, (), HOUR, NOW) == MISSING
    assert verdict(CheckRecord(sha=SHA), ("check",), HOUR, NOW) == MISSING


def test_each_run_that_answered_is_one_answer() -> None:
    reports = ("check/1 no", "check/2 pending", "check/3 cancelled", "check/1 no", "lint/1 ok")
    found = verdict(record(*reports), (), HOUR, NOW)
    assert found.finished == {"check/1", "lint/1"}
    assert verdict(record(*reports), ("lint",), HOUR, NOW).finished == {"lint/1"}


def test_verdict_is_as_old_as_its_newest_report() -> None:
    found = verdict(record("check/1 no 30", "lint/1 ok 5"), (), HOUR, NOW)
    assert found.since == NOW - timedelta(minutes=5)


def test_report_that_says_nothing_new_changes_nothing() -> None:
    known = record("check/1 pending", "check/2 ok", "check/1 no")
    for report in ("check/1 no", "check/2 ok", "check/2 pending", "check/1 cancelled"):
        name, state = report.split()
        again = Run(context="check", run=name[-1], state=STATES[state], at=NOW)
        assert known.reported(again) == known


def test_run_keeps_its_place_when_it_answers() -> None:
    found = record("check/1 pending", "check/2 pending", "check/1 no", "check/2 ok")
    assert [(run.run, run.state) for run in found.runs] == [("1", "failure"), ("2", "success")]
    assert verdict(found, (), HOUR, NOW).state == "green"


@pytest.mark.parametrize("reports", list(permutations(("pending", "cancelled", "ok"))), ids=str)
def test_reports_of_one_run_may_come_in_any_order(reports: tuple[str, ...]) -> None:
    found = record(*(f"check/1 {state}" for state in reports))
    assert verdict(found, (), HOUR, NOW).state == "green"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ""),
        ("one\n\n  two   words \n", "one | two words"),
        ("\n".join("abcdef"), "b | c | d | e | f"),
        ("x" * 400, "x" * 400),
        ("y" + "x" * 400, "…" + "x" * 399),
        ("y" * 4000 + "\n" * 3200, ""),
        ("y" + "\n" * 3199, "y"),
    ],
    ids=["nothing", "two-lines", "six-lines", "400", "401", "far-from-the-end", "at-the-end"],
)
def test_last_words_of_a_check_are_five_lines_and_short(text: str, kept: str) -> None:
    assert last_words(text) == kept


def test_verdict_says_what_the_last_red_run_said_and_which_failed() -> None:
    told: list[tuple[str, RunState, str]] = [
        ("check", "failure", "first"),
        ("lint", "failure", "last"),
        ("slow", "failure", ""),
        ("more", "success", "fine"),
    ]
    found = CheckRecord(sha=SHA)
    for context, state, said in told:
        found = found.reported(Run(context=context, run="1", state=state, at=NOW, said=said))
    red = verdict(found, (), HOUR, NOW)
    assert red.said == "last"
    assert red.failed == {("check", "check/1"), ("lint", "lint/1"), ("slow", "slow/1")}
    assert verdict(found, ("more",), HOUR, NOW).said == ""
