"""Whoever writes a ref writes it as it was read: where it has moved since, nothing is written.

Each command runs alone first. Then it runs again for each ref that it wrote, and somebody else
moves that ref just after the command has read what it decides on.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.simulation import actors
from tests.simulation.actors import do, stage
from tests.simulation.explorer import Command
from tests.simulation.facts import JOURNAL
from tests.simulation.memory import Client, Commit, Killed, Server
from tests.simulation.scene import START
from tests.simulation.small_worlds import HOLD, SCENE, SMALL_WORLDS, one_on_auto, turn
from tests.simulation.world import World
from tidemill.clients.git.store import Pushed, PushResult, Raced, Update

STRAYS = ("refs/tidemill/rejected", "refs/tidemill/inbox", "refs/tidemill/journal/mine")


@dataclass
class Meddler:
    """Moves a ref once, when all was read for that time, and ends the command where it reads again.

    Attributes:
        pushes: what the command pushed, after how many readings, and what became of it.
    """

    ref: str = ""
    after: int = 0
    readings: int = 0
    pushes: list[tuple[int, Sequence[Update], PushResult]] = field(default_factory=list)

    def has_read(self, server: Server) -> None:
        self.readings += 1
        if self.ref and self.readings == self.after:
            server.refs[self.ref] = server.put(Commit({}, None, "mine", START, "ada"))
        elif self.ref and self.readings > self.after:
            raise Killed

    def answers(self) -> list[PushResult]:
        """What the command was told where it pushed the ref, knowing what was before it moved."""
        return [
            outcome
            for readings, updates, outcome in self.pushes
            if readings == self.after and self.ref in [one.ref for one in updates]
        ]


def run(world: World, command: Command, meddler: Meddler) -> None:
    """A command, on a server of its own, while somebody meddles."""

    class Watched(Client):
        def fetch(self, *given: Any) -> None:
            super().fetch(*given)
            meddler.has_read(self.server)

        def push(self, updates: Sequence[Update]) -> PushResult:
            outcome = super().push(updates)
            meddler.pushes.append((meddler.readings, updates, outcome))
            return outcome

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(actors, "Client", Watched)
        do(world.server.copy(), world.now, *command)


def commands() -> Iterator[tuple[World, Command]]:
    """Every command of the small worlds, and a turn that finds what is in its way."""
    for small in SMALL_WORLDS:
        world = World.of(small.scene, random.Random(0))
        small.before(world)
        for deeds in small.actors:
            if command := deeds[0](world):
                yield world, command
    for stray in STRAYS:
        world = World.of(SCENE, random.Random(0))
        one_on_auto(world)
        for ref in [
            ref for ref in world.server.refs if ref.startswith(stray.removesuffix("/mine"))
        ]:
            del world.server.refs[ref]
        world.server.refs[stray] = world.main
        yield world, turn(world)


def lose(world: World, command: Command) -> Iterator[Sequence[str]]:
    """The refs of each push of a command, which all were moved, one at a time, and were not
    written then."""
    alone = Meddler()
    run(world, command, alone)
    for readings, updates, outcome in alone.pushes:
        assert isinstance(outcome, Pushed)
        for one in updates:
            meddler = Meddler(one.ref, readings)
            run(world, command, meddler)
            told = f"{command} and {one.ref}: {meddler.answers()}"
            assert meddler.answers(), told
            assert all(isinstance(answer, Raced) for answer in meddler.answers()), told
        yield [one.ref for one in updates]


def test_a_ref_that_has_moved_since_it_was_read_is_not_written() -> None:
    with stage():
        pushes = [refs for world, command in commands() for refs in lose(world, command)]
    tried = {"/".join(ref.split("/")[1:3]) for refs in pushes for ref in refs}
    assert tried == {
        "heads/main",
        "heads/auto",
        "tidemill/journal",
        *(f"tidemill/{name}" for name in ("inbox", "checks", "deployed", "holds")),
        *(f"tidemill/{name}" for name in ("evicted", "rejected")),
    }


def test_that_signals_were_taken_is_not_noted_on_a_journal_that_has_moved() -> None:
    world = World.of(replace(SCENE, is_told=True), random.Random(0))
    world.server.receiver.is_well = True
    command = HOLD(world)
    assert command is not None
    with stage():
        *_, done, note = lose(world, command)
    assert len(done) > 1
    assert note == [JOURNAL]
