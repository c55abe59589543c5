"""When time alone makes something due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tidemill.plan.obstacles import (
    About,
    ClosedWindow,
    HoldInForce,
    Obstacle,
    RunningSoak,
    Wait,
)
from tidemill.plan.waking import is_awaited, is_soon, next_time

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
HOLD = HoldInForce(wave="lab", set="_", by="ada", reason="lunch")


def at(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def soak(minutes: int) -> Obstacle:
    return RunningSoak(wave="lab", until=at(minutes))


def waits(*obstacles: Obstacle, earliest: datetime | None = None) -> Wait:
    return Wait(about=About(at="for", wave="lab"), obstacles=obstacles, earliest=earliest)


@pytest.mark.parametrize(
    ("lines", "minutes"),
    [
        ([], None),
        ([waits(HOLD)], None),
        ([waits(soak(30))], 30),
        ([waits(soak(30)), waits(soak(10))], 10),
        ([waits(soak(30), ClosedWindow(wave="lab", until=at(50)))], 50),
        ([waits(soak(30), ClosedWindow(wave="lab", until=at(5)), earliest=at(90))], 90),
        ([waits(soak(30), HOLD)], None),
        ([waits(RunningSoak(wave="lab"))], None),
        ([waits(soak(-1)), waits(soak(3))], 3),
        ([waits(soak(0)), waits(soak(3))], 3),
    ],
    ids=[
        "nothing waits",
        "for a person",
        "for a soak",
        "the first of two",
        "for all that it waits for",
        "till a window is open",
        "for a soak and a person",
        "for a soak that stands still",
        "what is over has had its turn",
        "what is over right now is seen by this one",
    ],
)
def test_time_that_something_waits_for(lines: list[Wait], minutes: int | None) -> None:
    assert next_time(lines, NOW) == (None if minutes is None else at(minutes))


@pytest.mark.parametrize(("minutes", "expected"), [(None, False), (60, True), (61, False)])
def test_what_is_due_within_the_hour_does_not_wait_for_the_schedule(
    minutes: int | None, expected: bool
) -> None:
    assert is_soon(None if minutes is None else at(minutes), NOW) is expected


@pytest.mark.parametrize(
    ("began", "turn", "expected"),
    [(0, 10, True), (10, 10, True), (20, 10, False), (-100, -90, False)],
    ids=["a turn has seen it", "it began with it", "it began later", "it was far away then"],
)
def test_what_an_earlier_turn_has_seen_to_be_soon_is_awaited(
    began: int, turn: int, expected: bool
) -> None:
    line = waits(RunningSoak(wave="lab", since=at(began), until=at(30)))
    assert is_awaited([line], at(30), [at(turn)]) is expected


def test_what_began_before_no_turn_is_known_to_have_seen_is_not_awaited() -> None:
    seen = RunningSoak(wave="lab", since=at(0), until=at(30))
    later = RunningSoak(wave="lab", since=at(20), until=at(30))
    assert not is_awaited([waits(seen, later)], at(30), [at(10)]), "one of two began later"
    assert not is_awaited([waits(seen, soak(30))], at(30), [at(10)]), "who knows since when"
    assert not is_awaited([waits(seen)], at(40), [at(10)]), "that is due at another time"
    assert not is_awaited([waits(HOLD)], None, [at(10)])
    assert is_awaited([waits(later), waits(seen)], at(30), [at(-99), at(10)])
