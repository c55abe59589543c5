"""Of senders that send at the same time one turns: which one, and who leaves a turn out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.simulation.announcing import announcement
from tests.simulation.facts import AUTO
from tests.simulation.memory import Client, Server
from tests.simulation.small_worlds import one_on_auto
from tests.simulation.world import ACCEPTED, World
from tests.unit.turn.states import decided

from tidemill.clients.git.store import Update
from tidemill.facts.ledger import Eviction, Ledger, RequestEnding
from tidemill.facts.operation import Operation
from tidemill.facts.refs import RefNames, Refs
from tidemill.facts.requests import HoldRequest
from tidemill.facts.settings import Settings
from tidemill.facts.state import LATELY, State
from tidemill.plan.regeneration import InspectionTodo
from tidemill.turn import senders
from tidemill.turn.push import Clock
from tidemill.turn.read import read
from tidemill.turn.senders import (
    CROWD,
    GATHERING,
    MOST_LOOKS,
    PATIENCE,
    awaited,
    has_been_read,
    is_left_to_another,
    is_next,
    why_refused,
)
from tidemill.turn.turn import turn
from tidemill.turn.write import fact_commit

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
OLD = NOW - 2 * LATELY


def state(*lately: str, old: tuple[str, ...] = (), read: tuple[str, ...] = ()) -> State:
    """What is known where some requests came lately, others earlier, and a turn has read some."""

    def request(accepted_at: datetime) -> HoldRequest:
        return HoldRequest(accepted_at=accepted_at, wave="lab", set="_", reason="freeze")

    return State(
        refs=Refs({}),
        names=RefNames("refs/tidemill", "main", "auto"),
        main="a" * 40,
        settings=Settings(waves=()),
        journal=Ledger(),
        inbox={**dict.fromkeys(lately, request(NOW)), **dict.fromkeys(old, request(OLD))},
        checks={},
        kept_holds={},
        kept_records={},
        read=frozenset(read),
    )


@pytest.mark.parametrize(
    ("known", "inbox", "expected"),
    [
        (state("b"), {"b"}, True),
        (state("a", "b"), {"a", "b"}, False),
        (state("b", "c"), {"b", "c"}, True),
        (state("a", "b", read=("a",)), {"a", "b"}, True),
        (state("b", old=("a",)), {"a", "b"}, True),
        (state("a", "b"), {"b"}, True),
        (state("b"), {"a", "b"}, False),
        (state("b"), set(), True),
    ],
    ids=[
        "alone",
        "another-is-first",
        "first",
        "a-turn-has-read-the-other",
        "the-other-came-long-ago",
        "the-other-has-ended",
        "the-other-came-since",
        "its-own-has-ended",
    ],
)
def test_one_sender_is_next(known: State, inbox: set[str], expected: bool) -> None:
    assert is_next(known, "b", inbox, NOW) is expected


def test_of_all_senders_that_know_the_same_one_is_next() -> None:
    names = [f"announcement-app-{number}" for number in range(1, 17)]
    known = state(*names)
    assert sum(is_next(known, name, set(names), NOW) for name in names) == 1


@pytest.mark.parametrize(
    ("known", "expected"),
    [(state("b"), False), (state("b", read=("b",)), True), (state("a"), True)],
    ids=["it-waits", "the-journal-names-it", "it-has-ended"],
)
def test_request_has_been_read_where_the_journal_says_so_or_it_has_ended(
    known: State, expected: bool
) -> None:
    assert has_been_read(known, "b") is expected


def test_what_comes_from_a_clock_that_is_ahead_came_lately_too() -> None:
    ahead = NOW - timedelta(seconds=5)
    assert state("b").came_lately(ahead) == {"b"}
    assert state("b").came_lately(NOW + LATELY) == set()


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (state("own"), False),
        (state("own", "other"), True),
        (state("other"), True),
        (state("own", old=("other",)), False),
        (state(), False),
    ],
    ids=["alone", "with-another", "its-own-has-ended", "the-other-came-long-ago", "nothing-waits"],
)
def test_what_another_sender_has_seen_is_left_to_it(known: State, expected: bool) -> None:
    assert is_left_to_another(known, "own", NOW) is expected


# Waiting, on Git in memory


class Repository(Client):
    """A repository in which something happens between two looks of a sender's."""

    def __init__(self, server: Server, then: Callable[[int], None] = lambda _: None) -> None:
        super().__init__(server, "tidemill ask", self._look)
        self.then, self.looks = then, 0

    def _look(self, what: str) -> None:
        if what == "list":
            self.then(self.looks)
            self.looks += 1


def ask(world: World, reason: str, *, wave: str = "staging") -> str:
    """Somebody has just asked for a hold; the request's id."""
    asked = HoldRequest(accepted_at=world.now, wave=wave, set="_", reason=reason)
    store = Client(world.server, "ada")
    store.push([Update(f"refs/tidemill/inbox/{asked.id}", None, fact_commit(store, asked))])
    return asked.id


def waits(world: World, own: str, then: Callable[[int], None] = lambda _: None) -> list[float]:
    """How long a sender has paused, before it went on."""
    store, pauses = Repository(world.server), list[float]()
    known = read(store)
    store.then, store.looks = then, 0
    awaited(store, known, own, Clock(world.now, pause=pauses.append))
    return pauses


def test_sender_that_is_alone_waits_for_nobody(world: World) -> None:
    assert waits(world, ask(world, "a")) == []


def test_first_of_several_senders_waits_until_they_have_gathered(world: World) -> None:
    own = min(ask(world, reason) for reason in "ab")
    pauses = waits(world, own)
    assert GATHERING <= sum(pauses) < GATHERING + 0.4
    assert all(0.2 <= one <= 0.4 for one in pauses)


def test_later_sender_waits_until_it_is_its_turn_or_its_patience_ends(world: World) -> None:
    own = max(ask(world, reason) for reason in "ab")
    assert PATIENCE <= sum(waits(world, own)) < PATIENCE + 0.4


def test_later_sender_turns_once_those_before_it_are_gone(world: World) -> None:
    ids = sorted(ask(world, reason) for reason in "ab")

    def then(look: int) -> None:
        if look == 5:
            del world.server.refs[f"refs/tidemill/inbox/{ids[0]}"]

    pauses = waits(world, ids[-1], then)
    assert GATHERING <= sum(pauses) < PATIENCE
    assert len(pauses) == 6


def test_sender_goes_on_as_soon_as_a_turn_has_read_its_request(world: World) -> None:
    own = max(ask(world, reason) for reason in "ab")

    def then(look: int) -> None:
        if look == 1:
            turn(Client(world.server, "tidemill turn"), Clock(world.now))

    assert len(waits(world, own, then)) == 2


def test_sender_looks_at_most_twenty_times(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    own = max(ask(world, reason) for reason in "ab")
    monkeypatch.setattr("random.uniform", lambda *_: 0.001)
    assert len(waits(world, own)) == MOST_LOOKS == 20


@pytest.mark.parametrize(("others", "is_crowd"), [(CROWD - 1, False), (CROWD, True)])
def test_crowd_is_waited_for_even_where_a_turn_has_read_all_of_it(
    world: World, others: int, is_crowd: object
) -> None:
    """Where so many come, more will."""
    world.natures = (1, 0, 0, 0, 0)
    for _ in range(others):
        told = announcement(world, kind="fresh", set_name="app")
        world.do("announce", die_at=ACCEPTED, announcement=told)
    turn(Client(world.server, "tidemill turn"), Clock(world.now))
    known = read(Client(world.server, "look"))
    assert len(known.came_lately(world.now) & known.read) == others
    assert bool(waits(world, ask(world, "mine"))) is is_crowd


def test_three_others_are_a_crowd() -> None:
    assert CROWD == 3


@pytest.mark.parametrize(
    ("reasons", "pause", "pauses"),
    [("ab", 0.5, 8), ("a", 0.4, 3)],
    ids=["a later sender's patience", "the first one's"],
)
def test_time_that_is_just_over_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch, reasons: str, pause: float, pauses: int
) -> None:
    ids = sorted(ask(world, reason) for reason in "ab")
    monkeypatch.setattr("random.uniform", lambda *_: pause)
    monkeypatch.setattr(senders, "GATHERING", pause * 3)
    assert len(waits(world, ids[-1] if reasons == "ab" else ids[0])) == pauses


def test_others_that_a_turn_has_read_are_not_waited_for(world: World) -> None:
    """Even where something else has become due since."""
    one_on_auto(world)
    world.do("check", sha=world.server.refs[AUTO], context="check", state="success", run="1")
    known = read(Client(world.server, "look"))
    assert known.came_lately(world.now) <= known.read
    assert waits(world, ask(world, "mine")) == []


def test_others_that_have_nothing_to_do_are_not_waited_for(world: World) -> None:
    """Nobody turns for what waits for something else."""
    world.natures = (1, 0, 0, 0, 0)
    world.do("announce", announcement=announcement(world, kind="fresh", set_name="app"))
    known = read(Client(world.server, "look"))
    others = known.came_lately(world.now)
    assert others
    store = Client(world.server, "look")
    store.refs()
    state = replace(known, read=frozenset())
    pauses: list[float] = []
    own = ask(world, "mine")
    later = replace(read(store), read=state.read)
    assert awaited(store, later, own, Clock(world.now, pause=pauses.append)) is later
    assert pauses == []


@pytest.mark.parametrize(
    ("due", "is_due"),
    [
        ({}, False),
        ({"to_vouch": ("x",)}, True),
        ({"to_read": ("x",)}, True),
        ({"todo": InspectionTodo("a" * 40)}, True),
        ({"is_change": True}, True),
    ],
    ids=str,
)
def test_others_are_waited_for_where_anything_is_due(
    world: World, monkeypatch: pytest.MonkeyPatch, due: Mapping[str, Any], *, is_due: bool
) -> None:
    nothing = decided(is_change=False, todo=None, to_read=(), to_vouch=())
    ids = sorted(ask(world, reason) for reason in "ab")
    monkeypatch.setattr(senders, "plan", lambda _: replace(nothing, **due))
    assert bool(waits(world, ids[-1])) is is_due


@pytest.mark.parametrize(
    ("endings", "expected"),
    [
        ({}, None),
        ({"ended": [RequestEnding(id="x", how="landed")]}, None),
        ({"ended": [RequestEnding(id="x", how="rejected")]}, "it was rejected"),
    ],
    ids=["it-waits", "it-landed", "what-was-rejected-is-not-kept"],
)
def test_request_that_was_not_rejected_has_no_reason(
    endings: dict[str, Any], expected: str | None
) -> None:
    known = replace(state("x"), journal=Ledger(**endings))
    assert why_refused(Client(Server(), "look"), known, "x") == expected


def test_request_that_was_rejected_says_why(world: World) -> None:
    asked = ask(world, "x", wave="moon")
    turn(Client(world.server, "tidemill turn"), Clock(world.now))
    store = Client(world.server, "look")
    assert "moon" in (why_refused(store, read(store), asked) or "")


def test_promotion_that_could_not_be_made_says_why() -> None:
    def gone(request: str, reason: str, commit: str | None = None) -> Eviction:
        operation = Operation(
            kind="promote", wave="shop", set="app", app_sha="a" * 40, position=1,
            repository="acme/app", content="c", request=request,
        )  # fmt: skip
        return Eviction(commit=commit, at=NOW, reason=reason, operation=operation)

    evictions = [
        gone("x", "the first time"),
        gone("x", "the last time"),
        gone("x", "its check is red", commit="b" * 40),
        gone("other", "another"),
        Eviction(commit=None, at=NOW, reason="nobody asked"),
    ]
    ledger = Ledger(evictions=evictions, ended=[RequestEnding(id="x", how="evicted")])
    store = Client(Server(), "look")
    assert why_refused(store, replace(state(), journal=ledger), "x") == "the last time"
    none = replace(ledger, evictions=evictions[2:])
    assert why_refused(store, replace(state(), journal=none), "x") is None
