"""Obstacles: each has its words, and says whether somebody has to do something."""

from __future__ import annotations

from datetime import timedelta
from string import Formatter
from typing import Any

import msgspec
import pytest
from tests.unit.sets import NOW

from tidemill.facts.staleness import StaleFiles
from tidemill.plan import obstacles
from tidemill.plan.obstacles import (
    About,
    EndedRequest,
    HoldInForce,
    HotfixThere,
    MissingVerification,
    Obstacle,
    PastEnding,
    PastEviction,
    RunningSoak,
    Wait,
)
from tidemill.words.names import checked_line

HOLD: dict[str, Any] = {"wave": "lab", "set": "app", "reason": "x", "by": "ada", "since": NOW}


@pytest.mark.parametrize(
    ("obstacle", "expected"),
    [
        (HoldInForce(**HOLD), True),
        (HoldInForce(**HOLD, until=NOW), False),
        (HotfixThere(wave="lab", set="app", is_held=True), True),
        (HotfixThere(wave="lab", set="app"), False),
        (PastEnding(set="app", app_sha="a", how="rejected"), True),
        (PastEnding(set="app", app_sha="a", how="superseded"), False),
        (MissingVerification(wave="lab", names=("errors",)), False),
        (MissingVerification(wave="lab", names=("errors",), lost="timeout"), False),
        (MissingVerification(wave="lab", names=("errors",), lost="bad query"), True),
        (RunningSoak(wave="lab", since=NOW, until=NOW), False),
    ],
    ids=[
        "hold",
        "hold-that-ends-by-itself",
        "hotfix-whose-successor-is-held",
        "hotfix",
        "rejected",
        "superseded",
        "verification-that-is-not-green-yet",
        "verification-that-passes-by-itself",
        "verification-that-nobody-can-answer",
        "soak",
    ],
)
def test_somebody_is_needed_only_where_nothing_ends_it_by_itself(
    obstacle: Obstacle, expected: bool
) -> None:
    assert obstacle.needs_a_person() is expected


def test_each_kind_has_words_of_its_own_and_they_name_its_data() -> None:
    found = (one for one in vars(obstacles).values() if isinstance(one, type))
    every = [one for one in found if issubclass(one, Obstacle)]
    kinds = [one for one in every if one.__struct_config__.tag != one.__name__]
    assert len(kinds) > 40
    for kind in kinds:
        assert ("says" in vars(kind)) != ("words" in vars(kind)), kind
        for text in (*kind.ends_by, getattr(kind, "says", "")):
            names = {name.partition(".")[0] for _, name, _, _ in Formatter().parse(text) if name}
            assert names <= {*kind.__struct_fields__}, kind


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("announcement", "its announcement has ended"),
        ("request", "its request has ended"),
        ("rollback", "it has ended"),
        ("hotfix", "it has ended"),
    ],
)
def test_what_a_person_asked_for_ends_itself_and_other_things_end_with_their_request(
    what: Any, words: str
) -> None:
    assert EndedRequest(what=what).words() == words


def test_an_evicted_rollback_is_asked_for_again_only_where_it_is_known_where_it_went() -> None:
    gone = PastEviction(app_sha="a1", did="roll back", wave="lab", set="app")
    command = gone.command() or ()
    assert command[:7] == ("rollback-wave", "--wave", "lab", "--set", "app", "--to", "a1")
    assert msgspec.structs.replace(gone, app_sha=None).command() is None


def kinds(quality: str) -> set[str]:
    """The kinds of which something is so, as they are called in JSON."""
    found = [one for one in vars(obstacles).values() if isinstance(one, type)]
    every = [one for one in found if issubclass(one, Obstacle)]
    return {
        str(one.__struct_config__.tag)
        for one in every
        if one.__struct_config__.tag != one.__name__ and getattr(one, quality)
    }


def test_some_kinds_end_only_by_what_a_person_does() -> None:
    assert kinds("asks") == {
        *("approval", "review", "unknown asker", "stale main", "rolled back", "failed"),
        *("replaced while failed", "not in the files", "verification failed", "evicted"),
        *("came before", "refused by the server", "red main", "main does not generate"),
        "failing targets",
    }


def test_some_kinds_never_end_by_themselves() -> None:
    assert kinds("is_over") == {
        *("no such place", "request ended", "other source", "has newer", "not stale"),
        *("rolling back", "rolled back", "hotfix", "another set", "replaced while failed"),
        *("evicted", "ended", "came before"),
    }


SHA, APP = "c" * 40, "7d1043473d55bfa90e8530d35801d4e381bc69f0"
LATER = NOW + timedelta(minutes=90)
STALE = StaleFiles(owners=("lab",), files=("a", "b"), count=2, made="x", until=SHA, by="ada")
SAID: list[tuple[Obstacle, str]] = [
    (HoldInForce(**HOLD), "lab is held by ada: x"),
    (HoldInForce(**{**HOLD, "by": ""}), "lab is held by someone: x"),
    (HoldInForce(**HOLD, until=LATER), "lab is held by ada until 2026-01-05 13:30 UTC: x"),
    (obstacles.OtherSource(wave="lab"), "lab comes after no wave"),
    (
        obstacles.OtherSource(wave="lab", sources=("a", "b")),
        "lab now takes its sets from a, b",
    ),
    (
        obstacles.FreezeInForce(wave="lab", reason="moving", until=LATER),
        "lab is frozen until 2026-01-05 13:30 UTC: moving",
    ),
    (
        obstacles.MissingApproval(wave="lab", set="app", app_sha=APP, approvers=("ada", "bob")),
        "approval for lab by ada or bob",
    ),
    (
        obstacles.MissingApproval(wave="lab", set="app", app_sha=APP, environment="live"),
        "approval for lab on GitHub, reviewed in the environment live",
    ),
    (
        obstacles.SetInFlight(wave="lab", app_sha=APP, targets=("a", "b"), until=LATER),
        "7d1043473d55 is in flight in lab: no healthy report yet from a, b; the next one waits "
        "until 2026-01-05 13:30 UTC",
    ),
    (
        obstacles.SetInFlight(wave="lab", app_sha=APP, targets=()),
        "7d1043473d55 is in flight in lab: no healthy report yet from any target",
    ),
    (
        obstacles.SoakForFollower(wave="lab", app_sha=APP, follower="shop", until=LATER),
        "7d1043473d55 soaks in lab for shop until 2026-01-05 13:30 UTC, 1h 30m to go",
    ),
    (
        obstacles.SoakForFollower(wave="lab", app_sha=APP, follower="shop"),
        "7d1043473d55 soaks in lab for shop",
    ),
    (
        RunningSoak(wave="lab", until=LATER),
        "it soaks in lab until 2026-01-05 13:30 UTC, 1h 30m to go",
    ),
    (
        obstacles.StaleMain(wave="lab", generate="make it", stale=STALE),
        "a commit on main with what it generates for lab: since cccccccccccc by ada, or a commit "
        "before it these files are not that: a, b; run `make it` and commit what it changes",
    ),
    (
        obstacles.StaleMain(wave="lab", generate="make it", stale=STALE, was_red=True),
        "a commit on main with what it generates for lab: since cccccccccccc by ada, or a commit "
        "before it these files are not that: a, b; their regeneration was red twice; run `make it` "
        "and commit what it changes",
    ),
    (
        obstacles.StaleMain(
            wave="lab", generate="make it", stale=msgspec.structs.replace(STALE, unstable="z")
        ),
        "a commit on main that makes `make it` deterministic: two runs on the same files differ, "
        "first in z",
    ),
    (
        obstacles.MissingDeployment(wave="lab", targets=()),
        "a target of lab that counts: each of them is ignored",
    ),
    (
        obstacles.MissingDeployment(wave="lab", targets=("a", "b")),
        "a healthy report from a, b in lab",
    ),
    (
        obstacles.MissingDeployment(wave="lab", targets=("a", "b", "c"), spare=1),
        "healthy reports from enough targets of lab: 2 more of a, b, c",
    ),
    (
        obstacles.MissingReport(wave="lab", targets=()),
        "a target of lab that counts: each of them is ignored",
    ),
    (obstacles.MissingReport(wave="lab", targets=("a", "b")), "a healthy report from a, b"),
    (
        obstacles.MissingReport(wave="lab", targets=("a", "b"), spare=1),
        "a healthy report from 1 more of a, b",
    ),
    (
        obstacles.PausedSoak(wave="lab", targets=("a", "b")),
        "its soak in lab stands still while a, b fail",
    ),
    (
        obstacles.PausedSoak(wave="lab", verifications=("errors",)),
        "its soak in lab stands still while the verification errors is red",
    ),
    (
        obstacles.PausedSoak(wave="lab", verifications=("errors", "smoke")),
        "its soak in lab stands still while the verifications errors, smoke are red",
    ),
    (
        obstacles.FailedVerification(wave="lab", set="app", names=("errors",), said="3 is more"),
        "the verification errors, which is red in lab (3 is more): a green answer, or a newer set",
    ),
    (
        obstacles.FailedVerification(wave="lab", set="app", names=("a", "b")),
        "the verifications a, b, which are red in lab: a green answer, or a newer set",
    ),
    (MissingVerification(wave="lab", names=("a", "b")), "a green answer in lab from a, b"),
    (
        MissingVerification(wave="lab", names=("a",), lost="timeout", why="30s"),
        "a green answer in lab from a: the last one was lost (timeout: 30s), and the next turn "
        "asks again",
    ),
    (
        MissingVerification(wave="lab", names=("a",), lost="timeout"),
        "a green answer in lab from a: the last one was lost (timeout), and the next turn asks "
        "again",
    ),
    (
        obstacles.ReplacedByHotfix(wave="lab", set="app", app_sha=SHA, hotfix=APP),
        "the hotfix 7d1043473d55 replaced it in lab",
    ),
    (PastEviction(app_sha=APP), "it was evicted"),
    (
        PastEviction(app_sha=APP, reason="red", said="no", did="promote"),
        "it was evicted: red; the check said: no",
    ),
    (
        PastEviction(app_sha=APP, did="hotfix"),
        "the hotfix was evicted; ask for it again with its announcement, or drop it",
    ),
    (PastEviction(app_sha=APP, did="roll back"), "the rollback was evicted"),
    (PastEnding(set="app", app_sha=APP, how="dropped"), "its announcement was dropped"),
    (
        PastEnding(set="app", app_sha=APP, how="rejected", reason="bad"),
        "its announcement was rejected: bad",
    ),
    (obstacles.NextTurn(), "the next turn"),
    (obstacles.NextTurn(lands=SHA), f"the next turn, which lands {SHA}"),
    (obstacles.MissingCheck(sha=None), "the check of its commit"),
    (
        obstacles.MissingCheck(sha=SHA, missing=("a", "b"), is_asked_for=True),
        f"the check of {SHA} (a, b), which was asked for",
    ),
    (obstacles.MissingCheck(sha=SHA), f"the check of {SHA}"),
    (
        obstacles.RedCheck(sha=SHA, said="no"),
        f"the check of {SHA} to be repeated: it is red; it said: no",
    ),
    (obstacles.ServerRefusal(sha=SHA, reason="x" * 230), f"the server to let it land: {'x' * 230}"),
    (
        obstacles.ServerRefusal(sha=SHA, reason="x" * 231),
        f"the server to let it land: {'x' * 229}…",
    ),
]


@pytest.mark.parametrize(
    ("obstacle", "words"), SAID, ids=lambda one: one[:40] if isinstance(one, str) else ""
)
def test_obstacle_is_said_in_these_words(obstacle: Obstacle, words: str) -> None:
    assert obstacle.words(NOW) == words


MANY = tuple(f"target-{number}" for number in range(300))
LONG: dict[Any, dict[str, Any]] = {
    obstacles.SetInFlight: {"wave": "lab", "app_sha": APP, "targets": MANY},
    obstacles.FailureThere: {"wave": "lab", "set": "app", "targets": MANY},
    obstacles.DegradedTargets: {"wave": "lab", "targets": MANY, "fails_at": NOW},
    obstacles.MissingDeployment: {"wave": "lab", "targets": MANY},
    obstacles.PausedSoak: {"wave": "lab", "targets": MANY},
    obstacles.FailingTargets: {"wave": "lab", "set": "app", "targets": MANY},
    obstacles.MissingReport: {"wave": "lab", "targets": MANY},
}


@pytest.mark.parametrize("kind", LONG, ids=lambda kind: kind.__name__)
def test_words_name_the_first_of_many_targets_and_say_how_many_more_there_are(kind: Any) -> None:
    found = kind(**LONG[kind])
    assert "target-0, target-1, target-2, target-3, target-4 and 295 more" in found.words(NOW)
    assert len(msgspec.to_builtins(found)["targets"]) == 300, "the data has all"
    if "spare" in kind.__struct_fields__:
        spare = kind(**LONG[kind], spare=60).words(NOW)
        assert "240 more of target-0, target-1, target-2, target-3, target-4 and 295 more" in spare


def test_every_kind_that_names_targets_is_among_those_with_many() -> None:
    found = [one for one in vars(obstacles).values() if isinstance(one, type)]
    assert {one for one in found if "targets" in getattr(one, "__struct_fields__", ())} == {*LONG}


def test_rule_of_github_is_told_from_any_other_refusal() -> None:
    said = obstacles.ServerRefusal(sha=SHA, reason="no", is_rule=True).words()
    assert said.startswith("the server to let it land: no; let the rules of main require")


@pytest.mark.parametrize(
    ("obstacle", "command"),
    [
        (HoldInForce(**HOLD), ("release-wave", "--wave", "lab", "--set", "app")),
        (HoldInForce(**{**HOLD, "set": "_"}), ("release-wave", "--wave", "lab", "--reason")),
        (
            obstacles.MissingApproval(wave="lab", set="app", app_sha=APP),
            ("promote-wave", "--wave", "lab", "--set", "app", "--sha", APP),
        ),
        (obstacles.MissingApproval(wave="lab", set="app", app_sha=APP, environment="x"), None),
        (obstacles.MissingCheck(sha=SHA), ("check-cfg-app", "--sha", SHA)),
        (obstacles.MissingCheck(sha=None), None),
        (obstacles.NextTurn(), ("reconcile-cfg-app",)),
        (RunningSoak(wave="lab"), None),
        (
            obstacles.FailingTargets(wave="lab", set="app", targets=("a", "b"), back_to="x"),
            ("rollback-wave", "--wave", "lab", "--set", "app", "--reason", "it failed on a, b"),
        ),
        (obstacles.FailingTargets(wave="lab", set="app", targets=("a", "b")), None),
        (PastEviction(app_sha=APP), ("retry", "--sha", APP)),
        (
            PastEviction(app_sha=APP, did="introduce", wave="lab", set="app"),
            ("retry", "--sha", APP, "--set", "app"),
        ),
        (
            PastEviction(app_sha=APP, did="promote", wave="lab", set="app"),
            ("retry", "--sha", APP, "--set", "app", "--wave", "lab"),
        ),
        (PastEviction(app_sha=None, did="promote", wave="lab", set="app"), None),
        (
            PastEnding(set="app", app_sha=APP, how="dropped"),
            ("retry", "--sha", APP, "--set", "app"),
        ),
        (PastEviction(app_sha=APP, did="hotfix"), None),
    ],
    ids=str,
)
def test_obstacle_says_which_command_ends_it(
    obstacle: Obstacle, command: tuple[str, ...] | None
) -> None:
    found = obstacle.command()
    assert (found and found[: len(command or ())]) == command


@pytest.mark.parametrize("kind", [obstacles.FailureThere, obstacles.FailingTargets])
def test_the_reason_in_a_command_is_one_that_the_command_takes(kind: Any) -> None:
    targets = tuple(f"{'production-' * 8}{number}" for number in range(300))
    command = kind(wave="lab", set="app", targets=targets, back_to=APP).command()
    assert checked_line(command[-1], "--reason").startswith(f"it failed on {targets[0]}, ")
    few = kind(wave="lab", set="app", targets=tuple("abcdefg"), back_to=APP).command()
    assert few[-1] == "it failed on a, b, c, d, e and 2 more"


def test_approval_by_a_review_is_a_form_and_no_other_is() -> None:
    place: dict[str, Any] = {"wave": "lab", "set": "app", "app_sha": APP}
    assert obstacles.MissingApproval(**place).form() is None
    form = obstacles.MissingApproval(**place, environment="live").form() or ()
    assert form[0] == "promote-wave"


@pytest.mark.parametrize(
    ("since", "came", "expected"),
    [
        (None, None, None),
        (NOW, None, NOW),
        (None, NOW, NOW),
        (NOW, LATER, LATER),
        (LATER, NOW, LATER),
        (NOW, NOW, NOW),
    ],
)
def test_what_came_is_in_the_way_of_something_since_both_are_there(
    since: Any, came: Any, expected: Any
) -> None:
    assert RunningSoak(wave="lab", since=since).for_what_came(came).since == expected


def test_line_names_none_of_the_commits_that_are_nowhere() -> None:
    gone, there = "a" * 40, "b" * 40
    found = Wait(
        about=About(at="auto"),
        obstacles=tuple(
            one
            for sha in (gone, there)
            for one in (
                obstacles.MissingCheck(sha=sha),
                obstacles.RedCheck(sha=sha),
                obstacles.LostCheck(sha=sha),
                obstacles.NextTurn(lands=sha),
            )
        ),
    ).without(frozenset({gone}))
    named = [getattr(one, "sha", None) or getattr(one, "lands", None) for one in found.obstacles]
    assert named == [None] * 4 + [there] * 4


def test_line_waits_since_the_first_of_its_obstacles_that_says_so() -> None:
    def since(*times: Any) -> Any:
        found = tuple(RunningSoak(wave="lab", since=one) for one in times)
        return Wait(about=About(at="auto"), obstacles=found).since

    assert since(None, LATER, NOW) == LATER
    assert since(None) is None
