"""An image set gets another name: all that was known by the old one is known by the new one.

Random histories are lived through, the set is renamed in what they have left, and what the mill
then knows has to be what it knew before, but for the name.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.simulation import damage
from tests.simulation.actors import do, stage
from tests.simulation.auto_rules import AutoRules
from tests.simulation.facts import AUTO, JOURNAL, MAIN, SPACE, below, trailers
from tests.simulation.history import moments
from tests.simulation.memory import Commit, Server
from tests.simulation.scene import random_scene
from tests.simulation.sources import ROLLOUT, generated, rollout_of
from tests.simulation.world import World
from tidemill.facts import journal
from tidemill.facts.settings import FILE

SEEDS = range(12)
OLD, NEW = "app", "web"
Account = Mapping[str, Any]


def lived_through(seed: int) -> World:
    """A history, at the end of which main generates and everyone may write."""
    rng = random.Random(seed)
    world = World.of(random_scene(rng), rng)
    for moment in moments(rng, 25, {}):
        world.rng.seed(moment.chance)
        moment.step(world)
    damage.repair(world)
    world.server.protected = world.server.slow = False
    world.edit_rollout("a mend", state="fine", pins={})
    return world


def rename(server: Server, *, says_was: bool) -> None:
    """A person calls the set something else, and moves its image files along."""
    main = server.refs[MAIN]
    commit = server.commits[main]
    rollout = rollout_of(commit.files)
    sets = tuple(NEW if one == OLD else one for one in rollout.sets)
    other = replace(rollout, sets=sets)
    moves = {f"{rollout.folder(wave, OLD)}/": f"{other.folder(wave, NEW)}/" for wave in other.uses}
    files = {}
    for path, data in commit.files.items():
        old = next((one for one in moves if path.startswith(one)), "")
        files[moves.get(old, "") + path.removeprefix(old)] = data
    now = f'name = "{NEW}"\n' + (f'was = "{OLD}"\n' if says_was else "")
    files[FILE] = files[FILE].replace(
        f'[[sets]]\nname = "{OLD}"\n'.encode(), f"[[sets]]\n{now}".encode()
    )
    made = generated({**files, ROLLOUT: other.render()})
    assert not isinstance(made, str)
    server.refs[MAIN] = server.put(Commit(made, main, "another name", commit.date, "ada"))


def account(server: Server, now: Any, name: str) -> Account:
    """What the mill knows when it has come to rest; the set `name` is called the set."""
    for _ in range(3):
        done = do(server, now, "turn", {})
        assert done.refused is None, done
    ledger = journal.decode(server.commits[server.refs[JOURNAL]].files).ledger
    shown = do(server, now, "status", {}).said

    def called(one: str | None) -> str | None:
        return "the set" if one == name else one

    chain = AutoRules(server).chain(server.refs.get(AUTO))
    told = [trailers(server.commits[sha].message) for sha in chain]
    return {
        "past": {
            (wave, called(one)): [
                (it.position, it.app_sha, it.how, it.rolled_back, it.buried, it.deployed_once)
                for it in part.landings
            ]
            for wave, sets in ledger.sets.items()
            for one, part in sets.items()
        },
        "order": {
            (wave, called(one)): (part.newest, part.oldest_next)
            for wave, sets in ledger.sets.items()
            for one, part in sets.items()
        },
        "state": {
            (wave.name, called(one.set)): (one.app_sha, one.position, one.state, one.without)
            for wave in shown["waves"]
            for one in wave.sets
        },
        "holds": {
            (wave.name, called(hold.set)): (hold.by, hold.reason, hold.since)
            for wave in shown["waves"]
            for hold in wave.holds
        },
        "waits": sorted(name.partition("-")[0] for name in below(server.refs, "inbox")),
        "on auto": [
            (one["Operation"], one["Target"], called(one.get("Image-Set")), one.get("App-SHA"))
            for one in told
        ],
        "evicted": len([ref for ref in server.refs if ref.startswith(f"{SPACE}/evicted/")]),
    }


def test_set_with_another_name_is_what_it_was() -> None:
    compared = 0
    for seed in SEEDS:
        with stage(seed):
            world = lived_through(seed)
            server = world.server.copy()
            before = account(server, world.now, OLD)
            rename(server, says_was=True)
            after = account(server, world.now, NEW)
        differing = [key for key in before if before[key] != after[key]]
        told = [f"{key}: {before[key]}\n  now {after[key]}" for key in differing]
        assert not differing, "\n".join([f"seed {seed}", *told])
        compared += sum(len(one) for one in before["past"].values())
    assert compared > 30, f"there was too little to compare: {compared}"


def test_set_with_another_name_that_nobody_says_is_not() -> None:
    """The comparison finds it, and each wave that had the set is held."""
    with stage():
        world = lived_through(4)
        server = world.server.copy()
        before = account(server, world.now, OLD)
        rename(server, says_was=False)
        after = account(server, world.now, NEW)
    assert before["past"] != after["past"]
    had = [wave for (wave, one), state in before["state"].items() if one == "the set" and state[0]]
    assert had
    assert {(wave, "the set") for wave in had} <= {*after["holds"]}
