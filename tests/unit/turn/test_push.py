"""Pushing: how often, after which pauses, and what is said when it is refused for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.simulation.memory import Client, Commit, Server

from tidemill.clients.git.store import Declined, Pushed, PushResult, Raced, Update
from tidemill.turn.push import MOST_DECLINED, MOST_RACES, Clock, push, push_refused

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
AUTO = "refs/heads/auto"
LOCKED = Declined("it is locked")


@pytest.mark.parametrize(
    ("locked", "is_there", "outcome", "tries"),
    [
        (0, False, Pushed, 1),
        (1, False, Pushed, 2),
        (2, False, Pushed, 3),
        (3, False, Declined, 3),
        (0, True, Raced, 1),
        (9, True, Raced, 1),
    ],
    ids=["taken", "locked", "locked twice", "locked for good", "raced", "raced and locked"],
)
def test_push_that_is_declined_is_tried_three_times_and_one_that_lost_a_race_is_not(
    locked: int, is_there: bool, outcome: type[PushResult], tries: int
) -> None:
    server = Server(locked=locked)
    new, other = (server.put(Commit({}, None, text, NOW, "ada")) for text in ("new", "other"))
    if is_there:
        server.refs[AUTO] = other
    met, pauses, said = list[str](), list[float](), list[str]()
    client, clock = Client(server, "tidemill", met.append), Clock(NOW, pause=pauses.append)
    assert isinstance(push(client, clock, [Update(AUTO, None, new)], said.append), outcome)
    assert met.count("push") == tries
    assert len(pauses) == len(said) == tries - 1
    assert all("it is locked" in one for one in said)


@pytest.mark.parametrize(("tries", "longest"), [(0, 0.05), (1, 0.1), (3, 0.4), (9, 5.0)])
def test_pauses_grow_up_to_five_seconds_and_are_left_to_chance(tries: int, longest: float) -> None:
    pauses: list[float] = []
    for _ in range(200):
        Clock(NOW, pause=pauses.append).pause_after(tries)
    assert longest / 4 <= min(pauses) < longest / 2 < max(pauses) <= longest


def test_time_to_decide_on_is_none_before_it_began() -> None:
    assert Clock(NOW).by_now() == NOW
    assert Clock(NOW, read=lambda: NOW + timedelta(hours=1)).by_now() == NOW + timedelta(hours=1)
    assert Clock(NOW, read=lambda: NOW - timedelta(hours=1)).by_now() == NOW


def test_refusal_says_what_the_server_said_and_what_to_do() -> None:
    rule = push_refused(LOCKED)
    assert rule.what == "the server refused the push: it is locked"
    assert "where it is a rule, let this account write" in (rule.remedy or "")
    unknown = push_refused(Declined("who are you?", "give it a key"))
    assert unknown.what == "the push did not get through: who are you?"
    assert unknown.remedy == "give it a key"
    assert push_refused(LOCKED, "the server did not take it").what == (
        "the server did not take it: it is locked"
    )


def test_races_are_eight_and_refusals_three() -> None:
    assert (MOST_RACES, MOST_DECLINED) == (8, 3)
