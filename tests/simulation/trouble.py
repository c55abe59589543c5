"""Steps of everything else that goes wrong: the server, the machines, the settings, auto itself."""

from __future__ import annotations

from tests.simulation import machines
from tests.simulation.announcing import announce, announcement
from tests.simulation.facts import AUTO, demand
from tests.simulation.memory import Commit
from tests.simulation.reach import SILENT, SKEW, STALE
from tests.simulation.world import ACCEPTED, World
from tidemill.clients.git.store import Update
from tidemill.facts.refs import Refs
from tidemill.facts.settings import FILE


def refuse_main(world: World) -> None:
    """A rule of the server lets only people move main; or no longer."""
    world.server.protected = not world.server.protected
    told = "only people" if world.server.protected else "turns, too,"
    world.tell(f"The server lets {told} move main.")


def stumble(world: World) -> None:
    """The server is locked for a moment."""
    world.server.locked = world.rng.randint(1, 2)
    world.tell(f"The server is locked for {world.server.locked} pushes.")
    world.do("turn")
    world.server.locked = 0


def lag(world: World) -> None:
    """Whoever lists the refs next asks a replica that has not heard of the last pushes."""
    before = dict(world.server.refs)
    announce(world)
    if world.scene.source == "refs":
        machines.check_all(world)
    world.server.lagging = before
    world.tell("The next listing is an old one.")
    done = world.do("turn")
    world.server.lagging = None
    world.rules.reach.counts[STALE] += done.refused is None


def fall_silent(world: World) -> None:
    """GitHub's API fails: who needs it writes nothing, and says so."""
    world.server.is_mute = True
    world.tell("GitHub does not answer.")
    before = dict(world.server.refs)
    done = world.do("turn")
    world.server.is_mute = False
    if done.refused is not None:
        demand(8, world.server.refs == before, "a turn that could not read GitHub wrote")
        world.rules.reach.counts[SILENT] += 1


def skew(world: World) -> None:
    """A turn goes by a clock that is wrong."""
    off = world.rng.choice((-20, -3, 3, 20))
    world.later(off)
    world.tell(f"This clock is {off} minutes off.")
    announce(world)
    machines.check_all(world)
    done = world.do("turn")
    world.later(-off)
    world.rules.reach.counts[SKEW] += bool(done.said.get("changed", done.said.get("landed")))


def slow_down(world: World) -> None:
    """Generating takes too long for a while."""
    world.server.slow = not world.server.slow
    world.tell("The machines are slow." if world.server.slow else "The machines are fast again.")


def take_long(world: World) -> None:
    """Generating takes minutes for a while, and time goes on."""
    world.lag = world.rng.choice((0, 2, 20))
    world.tell(f"To generate takes {world.lag} minutes.")


def meddle(world: World) -> None:
    """A person pushes to auto, or deletes it."""
    if world.server.refs.get(AUTO) and world.rng.random() < 0.3:
        _move_auto(world, None)
    else:
        commit_to_auto(world)


def commit_to_auto(world: World) -> None:
    """A person pushes a commit of their own to auto."""
    tip = world.server.refs.get(AUTO) or world.main
    files = {**world.server.commits[tip].files, "README.md": b"mine\n"}
    _move_auto(world, world.server.put(Commit(files, tip, "a person's own", world.now, "ada")))


def _move_auto(world: World, new: str | None) -> None:
    world.tell(f"ada pushes {new} to auto")
    before = Refs(dict(world.server.refs))
    world.server.receive("ada", before, [Update(AUTO, before.get(AUTO), new)])


def spoil_settings(world: World) -> None:
    """A person breaks `tidemill.toml`, things go on, and somebody mends it."""
    good = world.scene.settings()
    world.edit("bad settings", {**world.files, FILE: b'waves = "none"\n'})
    for _ in range(world.rng.randint(0, 3)):
        if world.rng.random() < 0.5:
            announce(world)
        else:
            world.do("turn")
    world.edit("good settings", {**world.files, FILE: good})


def flood(world: World) -> None:
    """More announcements are accepted, without a turn, than may wait."""
    name = world.rng.choice(world.scene.sets)
    for _ in range(world.rng.choice((20, 60))):
        told = announcement(world, set_name=name)
        world.do("announce", die_at=ACCEPTED, announcement=told)
