"""What GitHub reports of a commit, as a verdict on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from tidemill.facts.checks import Verdict, verdict
from tidemill.facts.github_checks import (
    ACTIONS,
    CheckRun,
    CommitStatus,
    Reports,
    RequiredCheck,
    record,
)

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
BEGUN = NOW - timedelta(minutes=30)
SHA = "7d1043473d55bfa90e8530d35801d4e381bc69f0"
HOUR = timedelta(hours=1)
SLUGS = {1: "one", 2: "two", ACTIONS: "github-actions"}


def reports(*words: str) -> Reports:
    """Each is like `status build success 7 @1 -5`: what, its name, its state, its id, and perhaps
    the app that said so and how many minutes ago; a state of a check run is one of its conclusions,
    or `queued` or `in_progress`."""
    statuses, runs = [], []
    for one in words:
        kind, name, state, number, *more = one.split()
        app = next((int(word[1:]) for word in more if word.startswith("@")), None)
        at = NOW - timedelta(minutes=next((int(w[1:]) for w in more if w.startswith("-")), 1))
        slug = SLUGS[app] if app else None
        if kind == "status":
            statuses.append(CommitStatus(int(number), name, state, at, app, slug))
        else:
            done = state not in ("queued", "in_progress")
            runs.append(
                CheckRun(
                    id=int(number),
                    name=name,
                    status="completed" if done else state,
                    conclusion=state if done else None,
                    at=None if state == "queued" else at,
                    app=app or ACTIONS,
                    slug=SLUGS[app or ACTIONS],
                )
            )
    return Reports(tuple(statuses), tuple(runs))


def judged(*words: str, required: tuple[RequiredCheck, ...] = (RequiredCheck("build"),)) -> Verdict:
    found = record(SHA, required, reports(*words), BEGUN)
    assert found.sha == SHA
    return verdict(found, tuple(one.name for one in required), HOUR, NOW)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("status build success 1", "green"),
        ("status build failure 1", "red"),
        ("status build pending 1", "pending"),
        ("status build pending 1 -60", "lost"),
        ("status build error 1", "lost"),
        ("status build nonsense 1", "lost"),
        ("run build success 1", "green"),
        ("run build neutral 1", "green"),
        ("run build skipped 1", "green"),
        ("run build failure 1", "red"),
        ("run build action_required 1", "pending"),
        ("run build cancelled 1", "lost"),
        ("run build timed_out 1", "lost"),
        ("run build stale 1", "lost"),
        ("run build startup_failure 1", "lost"),
        ("run build nonsense 1", "lost"),
        ("run build in_progress 1", "pending"),
        ("run build in_progress 1 -60", "lost"),
        ("run build queued 1", "pending"),
        ("status other success 1", "missing"),
        ("run other success 1", "missing"),
    ],
)
def test_each_report_is_a_verdict_and_only_failure_is_red(said: str, state: str) -> None:
    assert judged(said).state == state


def test_with_no_report_nothing_has_passed() -> None:
    assert judged().state == "missing"
    both = (RequiredCheck("build"), RequiredCheck("lint"))
    assert judged("status build success 1", required=both).state == "missing"
    assert judged("status build success 1", required=both).missing == ("lint",)


def test_check_run_that_never_begins_is_lost_in_time() -> None:
    found = record(SHA, (RequiredCheck("build"),), reports("run build queued 1"), NOW - HOUR)
    assert verdict(found, ("build",), HOUR, NOW).state == "lost"


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (("status build failure 1", "status build success 2"), "green"),
        (("status build success 2", "status build failure 1"), "green"),
        (("status build success 1 -9", "status build failure 2 -9"), "red"),
        (("status build failure 2 -5", "status build success 1 -4"), "green"),
        (("status build success 1", "status build pending 2"), "pending"),
        (("run build failure 1", "run build success 2"), "green"),
        (("run build success 2", "run build failure 1"), "green"),
        (("run build failure 1", "run build in_progress 2"), "pending"),
        (("run build success 1", "run build cancelled 2"), "lost"),
        (("run build success 2", "run build cancelled 1"), "green"),
    ],
    ids=str,
)
def test_of_one_name_the_latest_report_counts(said: tuple[str, ...], state: str) -> None:
    assert judged(*said).state == state


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (("status build success 1", "run build success 2"), "green"),
        (("status build success 1", "run build failure 2"), "red"),
        (("status build failure 1", "run build success 2"), "red"),
        (("status build pending 1", "run build success 2"), "pending"),
        (("status build error 1", "run build in_progress 2"), "lost"),
        (("status build error 1", "run build failure 2"), "red"),
        (("run build success 1 @1", "run build failure 2 @2"), "red"),
        (("run build failure 1 @1", "run build success 2 @2"), "red"),
    ],
    ids=str,
)
def test_name_that_several_use_passes_where_all_of_them_do(
    said: tuple[str, ...], state: str
) -> None:
    assert judged(*said).state == state


def test_name_is_the_same_in_any_case() -> None:
    assert judged("status Build success 1").state == "green"


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (("run build success 1 @1",), "green"),
        (("run build success 1 @2",), "missing"),
        (("run build failure 2 @2", "run build success 1 @1"), "green"),
        (("run build success 2 @2", "run build failure 1 @1"), "red"),
        (("status build success 1 @1",), "green"),
        (("status build success 1 @2",), "missing"),
        (("status build success 1",), "missing"),
        (("status build success 2", "status build failure 1 @1"), "red"),
        (("status build failure 2", "status build success 1 @1"), "green"),
    ],
    ids=str,
)
def test_check_of_an_app_is_what_that_app_said(said: tuple[str, ...], state: str) -> None:
    assert judged(*said, required=(RequiredCheck("build", 1),)).state == state


def test_app_of_a_status_is_known_by_its_name_too() -> None:
    """Where a picture does not tell: workflows' app on github.com, and apps with a check run."""
    actions = (RequiredCheck("build", ACTIONS),)
    by_name = Reports((CommitStatus(1, "build", "success", NOW, None, "github-actions"),))
    assert record(SHA, actions, by_name, BEGUN).runs[0].state == "success"
    other = Reports(
        (CommitStatus(1, "build", "success", NOW, None, "two"),),
        reports("run x success 3 @2").check_runs,
    )
    assert record(SHA, (RequiredCheck("build", 2),), other, BEGUN).runs[0].state == "success"
    assert record(SHA, (RequiredCheck("build", 1),), other, BEGUN).runs == ()


def test_one_name_may_be_required_of_an_app_and_of_anybody() -> None:
    required = (RequiredCheck("build", 1), RequiredCheck("build", 2), RequiredCheck("build"))
    found = record(SHA, required, reports("run build success 1 @1"), BEGUN)
    assert [run.context for run in found.runs] == ["build (app 1)", "build"]
    assert judged("run build success 1 @1", required=required).state == "missing"


def test_repeated_run_is_another_answer_and_the_same_report_twice_is_not() -> None:
    once = judged("status build failure 1", "run build failure 2")
    assert once.finished == judged("run build failure 2", "status build failure 1").finished
    for again in ("status build failure 3", "run build failure 3"):
        assert judged("status build failure 1", "run build failure 2", again).finished.isdisjoint(
            once.finished
        )


def test_report_twice_required_counts_once() -> None:
    required = (RequiredCheck("build"), RequiredCheck("build"))
    assert len(record(SHA, required, reports("status build success 1"), BEGUN).runs) == 1


def test_app_without_a_slug_vouches_for_no_status_without_one() -> None:
    run = CheckRun(
        id=1, name="lint", status="completed", conclusion="success", app=5, slug="", at=NOW
    )
    status = CommitStatus(2, "build", "success", NOW)
    found = record(SHA, (RequiredCheck("build", 5),), Reports((status,), (run,)), BEGUN)
    assert found.runs == ()
    named = record(
        SHA,
        (RequiredCheck("build", 5),),
        Reports((replace(status, slug="ci"),), (replace(run, slug="ci"),)),
        BEGUN,
    )
    assert [one.state for one in named.runs] == ["success"]


def test_status_of_the_actions_is_of_the_app_that_github_runs_them_by() -> None:
    status = CommitStatus(2, "build", "success", NOW, slug="github-actions")
    for app, count in ((15368, 1), (15369, 0)):
        found = record(SHA, (RequiredCheck("build", app),), Reports((status,), ()), BEGUN)
        assert len(found.runs) == count


def test_of_several_reports_the_latest_says_when_and_those_that_failed_say_why() -> None:
    early, late = NOW - timedelta(minutes=9), NOW - timedelta(minutes=2)
    found = Reports(
        (CommitStatus(1, "build", "success", late, said="fine"),),
        (
            CheckRun(2, "build", "completed", "failure", early, ACTIONS, said="no such file"),
            CheckRun(3, "build", "completed", "success", early, 1, said="well"),
        ),
    )
    (run,) = record(SHA, (RequiredCheck("build"),), found, BEGUN).runs
    assert (run.run, run.state, run.at) == ("s1+c2+c3", "failure", late)
    assert run.said == "no such file"
