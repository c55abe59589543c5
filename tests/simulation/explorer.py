"""Small worlds, explored to the end: every order in which a few actors can meet, and every crash.

An actor does its deeds one after the other; a deed is a command, or a push of a person. A command
meets the server when it lists refs and when it pushes. Between these, anyone else may act. What a
command does is the same whenever it sees the same: for each it is run once, on a server of its own
that shows it no more than this. So a state is known by what is on the server, and by what each
command on its way has seen of it. The explorer visits each state once. It judges every push by the
rules of the simulation, and each end by whether the repository comes to rest there, and whether
what comes next gets through.
"""

from __future__ import annotations

import io
import pickle
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import FunctionType
from typing import Any
from unittest.mock import patch

from tests.simulation import actors
from tests.simulation.acting import Acting
from tests.simulation.ending import ends_well
from tests.simulation.memory import Commit, Server
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
    found, scripts = Explored(), _Scripts()
    with actors.stage(), _looking_twice():
        first = World.of(small.scene, random.Random(0))
        small.before(first)
        kept = _Kept(first)
        known: set[object] = set()
        ends: set[object] = set()
        to_do: list[tuple[Move, ...]] = [()]
        while to_do:
            played = _Played(small, kept.again(), scripts, found.guarded)
            try:
                played.visit(to_do.pop(), known, to_do, ends)
            except Exception as error:
                raise Failed(small, played.told, error) from error
        scripts.end()
        found.states, found.ends = len(known), len(ends)
    return found


Listing = frozenset[tuple[str, str]]
"""All refs with their SHAs, as a command sees them."""


@dataclass(frozen=True)
class _Step:
    """What a command does from one look at the server until the next.

    Attributes:
        made: the commits that it makes.
        push: what it pushes, as `Server.receive` takes it.
        stands_at: what it does to the server next, None once it has ended.
        deed: what became of it, once it has ended.
    """

    made: Sequence[Commit]
    push: tuple[str, Refs, Sequence[Update]] | None
    stands_at: str | None
    deed: actors.Deed | None


@dataclass
class _OwnServer(Server):
    """The server of one command, which shows it what it is to see, and keeps what it does."""

    made: list[Commit] = field(default_factory=list)
    pushed: tuple[str, Refs, Sequence[Update]] | None = None

    def put(self, commit: Commit) -> str:
        self.made.append(commit)
        return super().put(commit)

    def receive(self, by: str, seen: Refs, updates: Sequence[Update]) -> PushResult:
        self.pushed = by, seen, updates
        return super().receive(by, seen, updates)


class _Alone:
    """A command on its way, on a server of its own."""

    def __init__(self, command: Command, now: datetime) -> None:
        self._server = _OwnServer(time=lambda: now)
        self._acting = Acting(self._server, now, *command)

    def step(self, seen: Listing, commits: Mapping[str, Commit], *, dies: bool = False) -> _Step:
        """Do what it stands at, where it sees this, and what follows until its next look."""
        server, acting = self._server, self._acting
        server.refs, server.made, server.pushed = dict(seen), [], None
        server.commits.update(commits)
        acting.go()
        if acting.stands_at == "pushed":
            acting.go(dies=dies)
        return _Step(server.made, server.pushed, acting.stands_at, acting.deed)

    def end(self) -> None:
        self._acting.go(dies=True)


class _Scripts:
    """What commands do, by all that they have seen so far."""

    def __init__(self) -> None:
        self._known: dict[object, _Step] = {}
        self._alone: dict[object, _Alone] = {}

    def step(self, command: Command, world: World, seen: tuple[Listing, ...], dies: bool) -> _Step:
        """What a command does that has seen this, the last of it now."""
        who = repr(command), world.now
        key = who, seen, dies
        if key not in self._known:
            commits = world.server.commits
            alone = self._alone.pop((who, seen[:-1]), None)
            if alone is None:
                alone = _Alone(command, world.now)
                for earlier in seen[:-1]:
                    alone.step(earlier, commits)
            self._known[key] = step = alone.step(seen[-1], commits, dies=dies)
            if step.stands_at:
                self._alone[who, seen] = alone
        return self._known[key]

    def end(self) -> None:
        """End what is on its way still."""
        for one in self._alone.values():
            one.end()


@dataclass
class _Played:
    """One way through a small world.

    Attributes:
        guarded: see `Explored`.
        told: what happened, a line a step.
        done: how many deeds of each actor have begun; acting: its command that is on its way, and
            what that does next; seen: what that has met on the server.
    """

    small: SmallWorld
    world: World
    scripts: _Scripts
    guarded: Counter[str]
    told: list[str] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    acting: list[tuple[Command, str] | None] = field(default_factory=list)
    seen: list[tuple[Listing, ...]] = field(default_factory=list)
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

    def _moves(self) -> Iterator[Move]:
        for actor, deeds in enumerate(self.small.actors):
            one = self.acting[actor]
            if one is not None or self.done[actor] < len(deeds):
                yield Move(actor)
            if one is not None and one[1] == "push" and self.crashes < self.small.crashes:
                yield Move(actor, dies=True)

    def _move(self, move: Move) -> None:
        actor = move.actor
        one = self.acting[actor]
        if one is None:
            deed = self.small.actors[actor][self.done[actor]]
            self.done[actor] += 1
            asked = deed(self.world)
            if asked is None:
                self.told.append(f"{actor}: {self.world.story[-1]}")
                return
            self.world.rules.asked(*asked)
            one = asked, "list"
            self.told.append(f"{actor}: begins {asked[0]}")
        command, stands_at = one
        self.told.append(f"{actor}: {stands_at}{', and dies' if move.dies else ''}")
        self.seen[actor] = seen = (*self.seen[actor], self._refs())
        step = self.scripts.step(command, self.world, seen, move.dies)
        for commit in step.made:
            self.world.server.put(commit)
        if step.push:
            self._push(*step.push)
        self.crashes += move.dies
        self.acting[actor] = (command, step.stands_at) if step.stands_at else None
        if step.deed is not None:
            self.seen[actor] = ()
            self.told.append(f"{actor}: {step.deed}")

    def _push(self, by: str, seen: Refs, updates: Sequence[Update]) -> None:
        """Push; and count it, if the leases of one kind of ref alone refuse it."""
        there = self.world.server.refs.get
        stale = {
            kind_of(one.ref)
            for one in updates
            if there(one.ref) != one.old and not (one.new and there(one.ref) == one.new)
        }
        outcome = self.world.server.receive(by, seen, updates)
        if isinstance(outcome, Raced) and len(stale) == 1:
            self.guarded.update(stale)

    def _refs(self) -> Listing:
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


class _Kept:
    """A world, to have again as often as one likes. What never changes is shared."""

    def __init__(self, world: World) -> None:
        written = io.BytesIO()
        self._shared: list[Any] = []
        pickler = pickle.Pickler(written)
        pickler.persistent_id = self._place  # type: ignore[method-assign]
        server = world.server
        server.watchers.clear()
        pickler.dump(world)
        self._bytes = written.getvalue()

    def again(self) -> World:
        """The world, on a server of its own."""
        unpickler = pickle.Unpickler(io.BytesIO(self._bytes))
        unpickler.persistent_load = self._shared.__getitem__  # type: ignore[method-assign]
        world: World = unpickler.load()
        world.server.watchers.append(lambda push: world.rules.pushed(push, world.now))
        world.server.time = lambda: world.now
        return world

    def _place(self, one: Any) -> int | None:
        if not isinstance(one, Commit | FunctionType):
            return None
        self._shared.append(one)
        return len(self._shared) - 1


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
