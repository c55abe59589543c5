"""Rules about the whole: it comes to rest, a crash changes nothing but the time, it goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.simulation import machines
from tests.simulation.actors import do
from tests.simulation.announcing import announcement
from tests.simulation.facts import below, demand
from tests.simulation.memory import Server
from tests.simulation.world import World, dying, ledger_of

ROUNDS = 40


def comes_to_rest(world: World) -> None:
    """Rule 7: two turns after the last event, a turn writes nothing."""
    server = world.server.copy()
    for _ in range(2):
        do(server, world.now, "turn", {})
    before = dict(server.refs)
    deed = do(server, world.now, "turn", {})
    moved = {
        ref for ref in before.keys() | server.refs.keys() if before.get(ref) != server.refs.get(ref)
    }
    demand(7, not moved, f"a third turn still writes {sorted(moved)}: {deed}")


def survives_a_crash(world: World) -> None:
    """Rule 8: whatever the client has sent when it dies, the next turn gets to the same end."""
    whole, broken = world.server.copy(), world.server.copy()
    deed = do(whole, world.now, "turn", {})
    if not deed.said.get("changed"):
        return
    do(broken, world.now, "turn", {}, dying(world.rng.randrange(2)))
    do(broken, world.now, "turn", {})
    one, other = _state(whole), _state(broken)
    differ = [ref for ref in one.keys() | other.keys() if one.get(ref) != other.get(ref)]
    demand(8, not differ, f"after a crash {sorted(differ)} are not what they are without")


def ends_well(world: World) -> None:
    """Rule 10: once all is well, each wave gets the next set within a bounded time."""
    world.tell("From now on all is well.")
    world.server.slow = False
    world.server.declines = lambda _: None
    world.outbox.clear()
    world.edit_rollout("a mend", state="fine", notes={})
    world.synced.clear()
    goals = {}
    for name in world.scene.sets:
        world.natures = (1, 0, 0, 0, 0)
        told = announcement(world, kind="fresh", set_name=name)
        goals[name] = world.apps[name][-1]["sha"]
        world.do("announce", announcement=told)
    for _ in range(ROUNDS):
        if not (late := list(_late(world, goals))):
            return
        _one_round(world)
    demand(10, False, f"after {ROUNDS} good rounds still not there: {late}; {world.waiting}")


def _one_round(world: World) -> None:
    machines.check_all(world)
    world.do("turn")
    machines.sync_and_report(world)
    for wave in sorted({place.partition("/")[0] for place in below(world.server.refs, "holds")}):
        world.do("release", wave=wave, set_name=None, reason="go on")
    for line in world.waiting:
        if "approval: " in line["for"]:
            given = dict(re.findall(r"--(\w+) (\S+)", line["for"]))
            world.do("promote", wave=given["wave"], set_name=given["set"], sha=given["sha"])
    if not world.wanted:
        world.later(max(100, *(wave.soak for wave in world.scene.waves)))


def _late(world: World, goals: Mapping[str, str]) -> Iterator[str]:
    for wave in world.scene.waves:
        for name, sha in goals.items():
            had = world.rules.standing.had(wave.name, name)
            if not had or had[-1].app_sha != sha:
                yield f"{name} in {wave.name}"


def _state(server: Server) -> dict[str, Any]:
    """All refs; of the journal only what it carries forward."""
    refs: dict[str, Any] = dict(server.refs)
    refs["refs/tidemill/journal"] = ledger_of(server)
    return refs
