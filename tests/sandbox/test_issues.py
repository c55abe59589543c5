"""The issue of a signal, on the stand-in: opened once, and closed when it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from tests.sandbox.server_world import World

from tidemill.clients.github.api import GitHub
from tidemill.clients.github.place import Place
from tidemill.errors import ServerRefused, Unreachable
from tidemill.facts import signals
from tidemill_sandbox.state.limits import Fault, FaultKind
from tidemill_sandbox.state.shapes import Issue


@pytest.fixture
def github(pushed: World) -> GitHub:
    """acme/app, as a token with issues write."""
    return client(pushed, pushed.mint("installation", issues="write"))


def client(world: World, token: str) -> GitHub:
    return GitHub(Place(world.hub.url, "acme/app", world.hub.api_url), token)


def wanted(world: World, *, is_closed: bool = False) -> signals.Issue:
    return signals.Issue(
        title="Held: shop is held",
        body=f"{'over' if is_closed else 'held'}\n<!-- mark 1 -->",
        marker="<!-- mark 1 -->",
        since=world.clock.now,
        is_closed=is_closed,
    )


def shown(world: World) -> list[tuple[int, str, str | None]]:
    return [(one.number, one.state, one.body) for one in world.hub.issues]


def test_issue_is_opened_once_however_often_it_is_asked_for(pushed: World, github: GitHub) -> None:
    one = wanted(pushed)
    for _ in range(3):
        github.keep_issue(one)
        pushed.clock.pass_(minutes=20)
    assert shown(pushed) == [(1, "open", "held\n<!-- mark 1 -->")]
    assert pushed.hub.deviations == []


def test_issue_is_closed_once_and_says_that_it_is_over(pushed: World, github: GitHub) -> None:
    opened, closed = wanted(pushed), wanted(pushed, is_closed=True)
    github.keep_issue(opened)
    for _ in range(2):
        pushed.clock.pass_(minutes=20)
        github.keep_issue(closed)
    assert shown(pushed) == [(1, "closed", "over\n<!-- mark 1 -->")]
    calls = [one.method for one in pushed.hub.calls]
    assert calls.count("PATCH") == 1
    assert pushed.hub.deviations == []


def test_issue_is_found_by_a_machine_whose_clock_is_ahead(pushed: World, github: GitHub) -> None:
    """GitHub says by its own clock when an issue was opened: before what it is about began."""
    ahead = pushed.clock.now + timedelta(minutes=5)
    opened = msgspec.structs.replace(wanted(pushed), since=ahead)
    for one in (opened, opened, msgspec.structs.replace(opened, is_closed=True)):
        github.keep_issue(one)
    assert [state for _, state, _ in shown(pushed)] == ["closed"]


@pytest.mark.parametrize("kind", ["error", "drop"])
def test_issue_is_opened_once_where_only_the_answer_is_lost(
    pushed: World, github: GitHub, kind: FaultKind
) -> None:
    lost = Fault(kind, path="/issues", method="POST", after=True)
    pushed.hub.limits.faults.append(lost)
    with pytest.raises(Unreachable):
        github.keep_issue(wanted(pushed))
    github.keep_issue(wanted(pushed))
    assert [state for _, state, _ in shown(pushed)] == ["open"]


def test_issue_is_opened_after_the_pause_that_a_limit_asks_for(
    pushed: World, github: GitHub
) -> None:
    pushed.hub.limits.faults.append(Fault("secondary", path="/issues", method="POST"))
    github.keep_issue(wanted(pushed))
    assert [state for _, state, _ in shown(pushed)] == ["open"]


def test_issue_that_two_runs_opened_at_the_same_moment_is_closed_twice(
    pushed: World, github: GitHub
) -> None:
    opened, closed = wanted(pushed), wanted(pushed, is_closed=True)
    github.keep_issue(opened)
    pushed.hub.issues.append(replace(pushed.hub.issues[0], id=9, number=2))
    github.keep_issue(closed)
    assert [state for _, state, _ in shown(pushed)] == ["closed", "closed"]


def test_issue_gets_the_title_that_somebody_gives_it(pushed: World, github: GitHub) -> None:
    github.keep_issue(wanted(pushed))
    found = pushed.call("PATCH", "/repos/acme/app/issues/1", {"title": "Held since Monday"})
    assert found.json["title"] == "Held since Monday"
    assert found.json["body"] == "held\n<!-- mark 1 -->"


def test_issue_that_was_never_opened_is_not_opened_to_be_closed(
    pushed: World, github: GitHub
) -> None:
    github.keep_issue(wanted(pushed, is_closed=True))
    assert shown(pushed) == []


def test_issue_that_a_person_closed_stays_closed(pushed: World, github: GitHub) -> None:
    one = wanted(pushed)
    github.keep_issue(one)
    pushed.hub.issues[0].state = "closed"
    github.keep_issue(one)
    assert [state for _, state, _ in shown(pushed)] == ["closed"]


def test_issue_into_which_somebody_copied_the_mark_is_left_alone(
    pushed: World, github: GitHub
) -> None:
    opened, closed = wanted(pushed), wanted(pushed, is_closed=True)
    github.keep_issue(opened)
    pushed.clock.pass_(minutes=1)
    mine, now = pushed.hub.issues[0], pushed.clock.now
    copy = replace(mine, id=9, number=2, creator="mallory", created_at=now, updated_at=now)
    pushed.hub.issues.append(copy)
    github.keep_issue(closed)
    assert [state for _, state, _ in shown(pushed)] == ["closed", "open"]


def test_issue_is_found_among_more_than_a_page_of_others(pushed: World, github: GitHub) -> None:
    one = wanted(pushed)
    now = pushed.clock.now
    pushed.hub.issues += [
        Issue(number, number, "acme/app", "another", None, "ada", now, now)
        for number in range(1, 150)
    ]
    github.keep_issue(one)
    github.keep_issue(one)
    assert len(pushed.hub.issues) == 150


def test_token_without_the_permission_is_told_which_one(pushed: World) -> None:
    pushed.repository.is_private = True
    with pytest.raises(ServerRefused) as caught:
        client(pushed, pushed.mint("workflow", contents="write")).keep_issue(wanted(pushed))
    assert "issues: read" in f"{caught.value.what} {caught.value.remedy}"
