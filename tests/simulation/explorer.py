"""Small worlds, explored to the end: every order in which a few actors can meet, and every crash.

An actor does its deeds one after the other; a deed is a command, or a push of a person. A command
meets the server when it lists refs and when it pushes. Between these, anyone else may act. What a
command does is the same whenever it sees the same, so a state is known by what is on the server,
and by what each command on its way has seen of it. The explorer visits each state once. It judges
every push by the rules of the simulation, and each end by whether the repository comes to rest
there, and whether what comes next gets through.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from tests.simulation.acting import Acting
from tests.simulation.actors import stage
from tests.simulation.ending import ends_well
from tests.simulation.memory import Server
from tests.simulation.resting import comes_to_rest
from tests.simulation.scene import Scene
from tests.simulation.world import World
from tidemill.clients.git.store import PushResult, Raced, Update
from tidemill.facts.refs import Refs

Command = tuple[str, Mapping[str, Any]]
Deed = Callable[[World], Command | None]
"""What is to be run, by how the world is then; None where a person has just pushed."""


@dataclass(frozen=True)
class SmallWorld:
    """Where an exploration begins, and who acts.

    Attributes:
        name: what happens in it, as a sentence.
        scene: its settings.
        before: makes what has happened already.
        actors: the deeds of each.
        crashes: how many commands may die after a push, before they know of its answer.
    """

    name: str
    scene: Scene
    before: Callable[[World], None]
    actors: Sequence[Sequence[Deed]]
    crashes: int = 1

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Move:
    """One step of one actor; `dies` if its command dies once the server has answered."""

    actor: int
    dies: bool = False


@dataclass
class Explored:
    """How many states were visited, and how many ends.

    Attributes:
        guarded: how many pushes the leases of one kind of ref refused, and no other lease would
            have: without them each would have been taken.
    """

    states: int = 0
    ends: int = 0
    guarded: Counter[str] = field(default_factory=Counter)


class Failed(AssertionError):
    """A rule is broken: in which world, and after which steps."""

    def __init__(self, small: SmallWorld, steps: Sequence[str], error: BaseException) -> None:
        told = "\n".join(steps)
        super().__init__(f"{small.name}: {error!r}\n\n{small.scene.settings().decode()}\n{told}")
        self.error = error


def explore(small: SmallWorld) -> Explored:
    """Visit every state of a small world.

    Raises:
        Failed: a rule is broken in one of them.
    """
    found = Explored()
    with stage(), _looking_twice(), _watching_leases(found.guarded):
        first = World.of(small.scene, random.Random(0))
        small.before(first)
        known: set[object] = set()
        ends: set[object] = set()
        to_do: list[tuple[Move, ...]] = [()]
        while to_do:
            played = _Played(small, _copied(first), [])
            try:
                played.visit(to_do.pop(), known, to_do, ends)
            except Exception as error:
                raise Failed(small, played.told, error) from error
        found.states, found.ends = len(known), len(ends)
    return found


@dataclass
class _Played:
    """One way through a small world.

    Attributes:
        told: what happened, a line a step.
        done: how many deeds of each actor have begun; acting: its command that is on its way; seen:
            what that has met on the server.
    """

    small: SmallWorld
    world: World
    told: list[str]
    done: list[int] = field(default_factory=list)
    acting: list[Acting | None] = field(default_factory=list)
    seen: list[tuple[object, ...]] = field(default_factory=list)
    crashes: int = 0

    def __post_init__(self) -> None:
        count = len(self.small.actors)
        self.done, self.acting, self.seen = [0] * count, [None] * count, [()] * count

    def visit(
        self,
        way: tuple[Move, ...],
        known: set[object],
        to_do: list[tuple[Move, ...]],
        ends: set[object],
    ) -> None:
        """Go a way, and on to an end, or to where another way has been; note the turnings left."""
        for move in way:
            self._move(move)
        while (state := self._state()) not in known:
            known.add(state)
            moves = list(self._moves())
            if not moves:
                self._judge_end(ends)
                return
            to_do += [(*way, other) for other in moves[1:]]
            way = (*way, moves[0])
            self._move(moves[0])
        for one in self.acting:
            if one and one.stands_at:
                one.go(dies=True)

    def _moves(self) -> Iterator[Move]:
        for actor, deeds in enumerate(self.small.actors):
            one = self.acting[actor]
            if one is not None or self.done[actor] < len(deeds):
                yield Move(actor)
            if one is not None and one.stands_at == "push" and self.crashes < self.small.crashes:
                yield Move(actor, dies=True)

    def _move(self, move: Move) -> None:
        actor = move.actor
        one = self.acting[actor]
        if one is None:
            deed = self.small.actors[actor][self.done[actor]]
            self.done[actor] += 1
            command = deed(self.world)
            if command is None:
                self.told.append(f"{actor}: {self.world.story[-1]}")
                return
            self.world.rules.asked(*command)
            one = Acting(self.world.server, self.world.now, *command)
            self.told.append(f"{actor}: begins {command[0]}")
        self.seen[actor] = (*self.seen[actor], self._refs())
        self.told.append(f"{actor}: {one.stands_at}{', and dies' if move.dies else ''}")
        one.go()
        if one.stands_at == "pushed":
            one.go(dies=move.dies)
        self.crashes += move.dies
        self.acting[actor] = one if one.stands_at else None
        if one.deed is not None:
            self.seen[actor] = ()
            self.told.append(f"{actor}: {one.deed}")

    def _refs(self) -> object:
        return frozenset(self.world.server.refs.items())

    def _state(self) -> object:
        return self._refs(), tuple(self.done), tuple(self.seen), self.crashes

    def _judge_end(self, ends: set[object]) -> None:
        """Each end once, however it was come to."""
        if (end := self._refs()) in ends:
            return
        ends.add(end)
        comes_to_rest(self.world)
        ends_well(self.world)


def _copied(first: World) -> World:
    """The world again, on a server of its own. What never changes is shared."""
    server = first.server
    watchers, server.watchers = server.watchers, []
    world = copy.deepcopy(first, {id(one): one for one in server.commits.values()})
    server.watchers = watchers
    world.server.watchers.append(lambda push: world.rules.pushed(push, world.now))
    return world


@contextmanager
def _watching_leases(guarded: Counter[str]) -> Iterator[None]:
    """Count the pushes that were refused by the leases of one kind of ref alone."""
    sound = Server.receive

    def receive(self: Server, by: str, seen: Refs, updates: Sequence[Update]) -> PushResult:
        there = self.refs.get
        stale = {
            kind_of(one.ref)
            for one in updates
            if there(one.ref) != one.old and not (one.new and there(one.ref) == one.new)
        }
        outcome = sound(self, by, seen, updates)
        if isinstance(outcome, Raced) and len(stale) == 1 and by.startswith("tidemill"):
            guarded.update(stale)
        return outcome

    with patch.object(Server, "receive", receive):
        yield


def kind_of(ref: str) -> str:
    """What a ref is: main, auto, the journal, or one in a folder of the namespace."""
    return ref.removeprefix("refs/tidemill/").removeprefix("refs/heads/").partition("/")[0]


@contextmanager
def _looking_twice() -> Iterator[None]:
    """Senders that wait for one another look twice; how long they wait is not what is explored."""

    class Even:
        uniform = staticmethod(lambda least, most: 4.0)

    with patch("tidemill.turn.senders.random", Even):
        yield
