"""Whoever writes a ref writes it as it was read: where it has moved since, nothing is written.

Each command runs alone first. Then it runs again for each ref that it wrote, and somebody else
moves that ref just after the command has read what it decides on.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.simulation import actors
from tests.simulation.actors import do, stage
from tests.simulation.memory import Client, Commit, Killed, Server
from tests.simulation.small_worlds import SCENE, SMALL_WORLDS, one_on_auto, turn
from tests.simulation.world import START, World
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


def run(world: World, command: tuple[str, Mapping[str, Any]], meddler: Meddler) -> None:
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


def commands() -> Iterator[tuple[World, tuple[str, Mapping[str, Any]]]]:
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


def test_a_ref_that_has_moved_since_it_was_read_is_not_written() -> None:
    tried: set[str] = set()
    with stage():
        for world, command in commands():
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
                    tried.add("/".join(one.ref.split("/")[1:3]))
    assert tried == {
        "heads/main",
        "heads/auto",
        "tidemill/journal",
        *(f"tidemill/{name}" for name in ("inbox", "checks", "deployed", "holds")),
        *(f"tidemill/{name}" for name in ("evicted", "rejected")),
    }
