"""Rule 10, the hard way: a commit a minute, some of them bad, slow checks and slow targets."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tests.simulation import machines, people
from tests.simulation.actors import stage
from tests.simulation.announcing import announcement
from tests.simulation.facts import below, demand
from tests.simulation.history import Failed
from tests.simulation.scene import Scene, Wave, minutes, random_scene
from tests.simulation.world import World

CHECK, DEPLOY = 3, 4  # minutes that a check takes, and a target
NATURES = ((1, 0, 0, 0, 0), (94, 3, 0, 3, 0))


@dataclass
class Rush:
    """What is under way.

    Attributes:
        checks: when each commit's check will answer.
        syncs: when each target will have taken what it has synced.
    """

    world: World
    checks: dict[str, datetime] = field(default_factory=dict)
    syncs: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def minute(self) -> None:
        """One minute of it."""
        world = self.world
        for name in world.scene.sets:
            world.do("announce", announcement=announcement(world, kind="new", set_name=name))
        self._check()
        self._deploy()
        if world.rng.random() < 0.03:
            people.note(world)
        for wave in {place.partition("/")[0] for place in below(world.server.refs, "holds")}:
            world.do("release", wave=wave, set_name=None, reason="go on")
        for line in world.waiting:
            if line["kind"] == "approval":
                world.do("promote", wave=line["wave"], set_name=line["set"], sha=line["app_sha"])
        world.now = world.now.replace(second=0) + timedelta(minutes=1)

    def _check(self) -> None:
        world = self.world
        for sha in world.wanted:
            self.checks.setdefault(sha, world.now + minutes(CHECK))
        for sha, due in list(self.checks.items()):
            if due <= world.now:
                del self.checks[sha]
                state = "success" if machines.is_fit(world, sha) else "failure"
                for context in world.scene.contexts:
                    run = f"r{world.next()}"
                    world.do("check", sha=sha, context=context, state=state, run=run)

    def _deploy(self) -> None:
        world = self.world
        for place in world.targets():
            if self.syncs.get(place, world.now) > world.now:
                continue
            if self.syncs.pop(place, None):
                world.do("report", **machines.report_of(world, *place))
            if machines.has_changed(world, *place):
                world.synced[place] = world.main
                self.syncs[place] = world.now + minutes(DEPLOY)


def rush(seed: int, most: int = 900, source: str = "refs") -> World:
    """Live through `most` minutes; raise `Failed` where a wave waits too long for its next set."""
    rng = random.Random(seed)
    scene = replace(random_scene(rng), source=source)
    scene = replace(scene, waves=tuple(replace(wave, window=None) for wave in scene.waves))
    world = World.of(scene, rng)
    world.natures = rng.choice(NATURES)
    last = max(_bound(scene, wave) for wave in scene.waves)
    try:
        with stage(seed):
            under_way = Rush(world)
            for _ in range(min(2 * last, most)):
                under_way.minute()
                _nobody_starves(world)
    except Exception as error:
        raise Failed(seed, world, error, f"--rush --source {source}") from error
    return world


def _nobody_starves(world: World) -> None:
    begun = world.server.commits[world.server.since(world.main, "")[0]].date
    for wave in world.scene.waves:
        limit = minutes(_bound(world.scene, wave))
        for name in world.scene.sets if wave.admit != "at once" else ():
            had = world.rules.standing.had(wave.name, name)
            since = had[-1].at if had else begun
            waits = world.now - since
            demand(10, waits < limit, f"{name} in {wave.name} has waited {waits}; {world.waiting}")


def _bound(scene: Scene, wave: Wave) -> int:
    """How many minutes a wave may wait for its next set."""
    soaks = [follower.soak for follower in scene.followers(wave.name)]
    checks = 12 * CHECK * (1 + scene.retries) * len(scene.sets)
    own = wave.settle + wave.soak + DEPLOY + checks + max([0, *soaks])
    return 2 * own + max([0, *(_bound(scene, scene.wave(name)) for name in wave.after)])


def landed(world: World) -> Mapping[str, int]:
    """How many sets each wave got."""
    landings = world.rules.standing.landings
    return {"/".join(place): len(found) for place, found in landings.items()}
