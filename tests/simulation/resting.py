"""Rules about the whole: it comes to rest, and a crash changes nothing but the time."""

from __future__ import annotations

from tests.simulation.actors import do
from tests.simulation.facts import demand
from tests.simulation.world import World


def comes_to_rest(world: World) -> None:
    """Rule 7: two turns after the last event, a turn writes nothing."""
    server = world.server.copy()
    for _ in range(2):
        do(server, world.now, "turn", {})
    before = dict(server.refs)
    deed = do(server, world.now, "turn", {})
    if before != server.refs:
        moved = {ref for ref in before.keys() | server.refs.keys() if before.get(ref) != server.refs.get(ref)}
        demand(7, False, f"a third turn still writes {sorted(moved)}: {deed}")
