"""Signals on their way: to which addresses they go, and how it is noted that they were taken."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from tests.simulation.actors import stage
from tests.simulation.facts import JOURNAL
from tests.simulation.memory import Client, Server
from tests.simulation.receiver import NAME
from tests.simulation.scene import START
from tests.simulation.small_worlds import SCENE
from tests.simulation.world import ACCEPTED, World

from tidemill.clients.git.store import Declined, PushResult, Raced, Update
from tidemill.clients.github.api import GitHub
from tidemill.clients.http.client import Call, Http
from tidemill.clients.http.trouble import Trouble
from tidemill.errors import Refused
from tidemill.facts.journal import decode
from tidemill.facts.signals import Issue, Message, Reach, Receiver, Signal
from tidemill.plan.messages import Origin
from tidemill.turn import signalling
from tidemill.turn.push import MOST_RACES, Clock
from tidemill.turn.read import read
from tidemill.turn.signalling import Post, Sent, confirm, send
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


# Sending


def message(receiver: str, number: int = 1, kind: Any = "webhook") -> Message:
    signal = Signal(
        id=f"s-{number}", kind="main", cause=(f"{number}",), since=START, what="main is red"
    )
    return Message(signal=signal, receiver=Receiver(name=receiver, kind=kind))


def told(due: Sequence[Message], deliver: Callable[[Message], None], seconds: float = 60) -> Sent:
    return send(due, Origin("acme/cfg-app"), lambda one, _: deliver(one), seconds)


def test_each_receiver_is_told_its_own_and_in_order() -> None:
    got: dict[str, list[str]] = {"a": [], "b": []}
    due = [message("a", 1), message("b", 1), message("a", 2), message("b", 3)]
    sent = told(due, lambda one: got[one.receiver.name].append(one.signal.id))
    assert got == {"a": ["s-1", "s-2"], "b": ["s-1", "s-3"]}
    assert sent == Sent(frozenset(one.key for one in due))
    assert told([], lambda _: None) == Sent()


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (Refused("it answered 500", remedy="wait"), "it answered 500"),
        (ValueError("odd"), "ValueError: odd"),
    ],
)
def test_receiver_that_does_not_take_one_gets_no_more_and_others_do(
    error: Exception, why: str
) -> None:
    got: list[tuple[str, str]] = []

    def deliver(one: Message) -> None:
        if one.key[0] == "s-2" and one.receiver.name == "a":
            raise error
        got.append((one.receiver.name, one.signal.id))

    due = [message(name, number) for number in (1, 2, 3) for name in "ab"]
    sent = told(due, deliver)
    assert sorted(got) == [("a", "s-1"), ("b", "s-1"), ("b", "s-2"), ("b", "s-3")]
    assert {(key[2], key[0]) for key in sent.taken} == set(got)
    assert {(key[2], key[0]) for key in sent.untried} == {("a", "s-3")}
    assert sent.failures == (f"a did not take a signal: {why}; a later turn sends it again",)


def test_nothing_is_sent_when_the_time_is_over() -> None:
    got: list[str] = []
    due = [message("a", number) for number in (1, 2, 3)]
    sent = told(due, lambda one: got.append(one.signal.id), seconds=0)
    assert (got, sent.taken) == ([], frozenset())
    assert sent.untried >= {one.key for one in due[1:]}  # the first, too, where none got so far


class Answer:
    """What a receiver answers."""

    def __init__(self, status: int) -> None:
        self.status = status


class Wire:
    """An Http that answers with a status, or can't."""

    def __init__(self, said: int | Trouble = 200) -> None:
        self.said = said
        self.calls: list[Call] = []

    @contextmanager
    def stream(self, call: Call) -> Iterator[Answer]:
        self.calls.append(call)
        if isinstance(self.said, Trouble):
            raise self.said
        yield Answer(self.said)


class Issues:
    """Keeps what is to be an issue."""

    def __init__(self) -> None:
        self.kept: list[Issue] = []

    def keep_issue(self, issue: Issue) -> None:
        self.kept.append(issue)


URL = "https://hooks.example.com/x"


def posting(wire: Wire, issues: Issues | None = None, url: str = URL) -> Post:
    return Post({"a": url}, cast(Http, wire), {"a": cast(GitHub, issues)})


@pytest.mark.parametrize("kind", ["webhook", "slack", "teams"])
def test_message_is_posted_once_with_what_tells_it_from_others(kind: str) -> None:
    wire = Wire()
    posting(wire)(message("a", kind=kind), Origin("acme/cfg-app"))
    [call] = wire.calls
    assert (call.method, call.url) == ("POST", URL)
    assert call.headers["Idempotency-Key"] == "s-1.open"
    assert call.body is not None
    assert "main is red" in b"".join(call.body.pieces()).decode()


def test_issue_is_kept_and_nothing_posted() -> None:
    wire, issues = Wire(), Issues()
    posting(wire, issues)(message("a", kind="issue"), Origin("acme/cfg-app"))
    assert wire.calls == []
    assert len(issues.kept) == 1


def test_address_that_is_none_is_sent_nothing() -> None:
    wire = Wire()
    with pytest.raises(Refused, match="none that signals go to"):
        posting(wire, url="http://hooks.example.com/x")(message("a"), Origin("acme/cfg-app"))
    assert wire.calls == []


@pytest.mark.parametrize(
    ("status", "is_taken"), [(199, False), (200, True), (299, True), (300, False), (500, False)]
)
def test_message_is_taken_where_the_answer_says_so(status: int, *, is_taken: bool) -> None:
    expected = nullcontext() if is_taken else pytest.raises(Refused, match=f"answered {status}")
    with expected:
        posting(Wire(status))(message("a"), Origin("acme/cfg-app"))


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
