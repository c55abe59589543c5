"""Signals on their way: to which addresses they go, and how it is noted that they were taken."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.simulation.actors import stage
from tests.simulation.facts import JOURNAL
from tests.simulation.memory import Client, Server
from tests.simulation.receiver import NAME
from tests.simulation.small_worlds import SCENE
from tests.simulation.world import ACCEPTED, World

from tidemill.clients.git.store import Declined, PushResult, Raced, Update
from tidemill.errors import Refused
from tidemill.facts.journal import decode
from tidemill.facts.signals import Message, Reach
from tidemill.turn import signalling
from tidemill.turn.push import MOST_RACES, Clock
from tidemill.turn.read import read
from tidemill.turn.signalling import confirm
from tidemill.turn.turn import turn

RUN = "https://github.com/acme/cfg-app/actions/runs/1"


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("https://hooks.example.com/services/T0/B0/x", True),
        ("http://127.0.0.1:8080/hook", True),
        ("http://localhost/hook", True),
        ("http://hooks.example.com/x", False),
        ("ftp://127.0.0.1/x", False),
        ("https:///x", False),
        ("https://", False),
        ("", False),
        ("https://hooks.example.com/ü", False),
        ("https://hooks.example.com/a b", False),
        ("https://hooks.example.com/a\x7f", False),
        ("https://[::1/x", False),
        ("file:///etc/passwd", False),
    ],
)
def test_signals_go_to_https_or_to_this_machine(address: str, is_one: object) -> None:
    with nullcontext() if is_one else pytest.raises(Refused, match="none that signals go to"):
        signalling._check_address(address)


@pytest.fixture
def world() -> Iterator[World]:
    """A wave is held, and a receiver is to be told of it."""
    with stage():
        found = World.of(replace(SCENE, is_told=True), random.Random(0))
        found.do("hold", die_at=ACCEPTED, wave="staging", set_name="app", reason="a freeze")
        found.server.watchers.clear()  # nobody judges what is noted without having been sent
        yield found


def due(world: World) -> tuple[Message, ...]:
    """What a turn is to send."""
    clock = Clock(world.now, pause=lambda _: None)
    store = Client(world.server, "tidemill turn")
    done = turn(store, clock, reach=lambda _: Reach(frozenset({NAME}), "run-9"))
    assert done.plan.messages
    return done.plan.messages


class Answering(Client):
    """A server that answers so to the first pushes."""

    def __init__(self, server: Server, answers: Sequence[PushResult] = ()) -> None:
        super().__init__(server, "tidemill note")
        self.answers = [*answers]
        self.pushes: list[Sequence[Update]] = []

    def push(self, updates: Sequence[Update]) -> PushResult:
        self.pushes.append(updates)
        return self.answers.pop(0) if self.answers else super().push(updates)


def noted(world: World, store: Client, pauses: list[float]) -> str | None:
    keys = {one.key for one in due(world)}
    world.later(5)
    return confirm(store, Clock(world.now, pause=pauses.append), keys, RUN)


def test_what_was_taken_is_noted_in_the_journal_alone_and_by_the_time_of_its_turn(
    world: World,
) -> None:
    store, pauses = Answering(world.server), list[float]()
    assert noted(world, store, pauses) is None
    [[update]] = store.pushes
    assert update.ref == JOURNAL
    record = decode(world.server.commits[update.new or ""].files)
    before = decode(world.server.commits[update.old or ""].files)
    assert (record.at, record.run_url, record.read) == (before.at, RUN, before.read)
    assert record.at == world.now - timedelta(minutes=5)
    [signal] = record.ledger.signals
    assert signal.deliveries[NAME].is_done
    assert pauses == []


def test_what_is_noted_already_is_not_noted_again(world: World) -> None:
    keys = {one.key for one in due(world)}
    store = Answering(world.server)
    clock = Clock(world.now, pause=lambda _: None)
    assert confirm(store, clock, keys) is None
    assert confirm(store, clock, keys) is None
    assert len(store.pushes) == 1


@pytest.mark.parametrize(
    ("races", "why"),
    [(1, None), (MOST_RACES - 1, None), (MOST_RACES, "the journal kept moving")],
)
def test_journal_that_moves_is_read_again_eight_times(
    world: World, races: int, why: str | None
) -> None:
    store = Answering(world.server, [Raced(JOURNAL, "a" * 40, "b" * 40)] * races)
    pauses: list[float] = []
    assert noted(world, store, pauses) == why
    assert len(pauses) == races
    assert len(store.pushes) == min(races + 1, MOST_RACES)


def test_server_that_takes_no_note_is_no_error(world: World) -> None:
    assert noted(world, Answering(world.server, [Declined("no")] * 3), []) == "no"


def test_nothing_is_noted_where_no_journal_can_be_written_on(world: World) -> None:
    keys = {one.key for one in due(world)}
    del world.server.refs[JOURNAL]
    store = Answering(world.server)
    assert not read(store).is_journal_sound
    why = confirm(store, Clock(world.now, pause=lambda _: None), keys)
    assert why == "the journal can't be read"
    assert store.pushes == []
