"""Rule 10: once all is well, each wave gets the next set within a bounded time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tests.simulation import damage, machines, people, requests
from tests.simulation.announcing import announcement
from tests.simulation.facts import AUTO, below, demand
from tests.simulation.forms import ENVIRONMENT, REVIEWER, FormRun
from tests.simulation.signal_rules import all_is_told
from tests.simulation.sources import is_green
from tests.simulation.world import World
from tidemill.facts.vouchers import Review

ROUNDS = 30


@dataclass
class Rest:
    """What goes on being wrong: one set held in one wave, or one target ill that runs only it.

    `exempt` are the places, wave and set, that need not get anything because of it.
    """

    hold: tuple[str, str] | None = None
    ill: tuple[str, str] | None = None
    exempt: set[tuple[str, str]] = field(default_factory=set)

    def __str__(self) -> str:
        return f"but {self.hold} is held" if self.hold else f"but {self.ill} is ill"


def ends_well(world: World) -> None:
    """All is well from now on, or all but one thing; a new set of each kind has to get through."""
    rest = _rest(world)
    world.tell(f"From now on all is well{f', {rest}' if rest.exempt else ''}.")
    _calm_down(world, rest)
    for run in world.server.runs.values():
        _review(run, is_approved=False)
    goals = {}
    for name in world.scene.sets:
        told = announcement(world, kind="fresh", set_name=name)
        goals[name] = world.apps[name][-1]["sha"]
        world.do("announce", announcement=told)
    idle, done = 0, _done(world)
    while late := list(_late(world, goals, rest)):
        demand(10, idle < ROUNDS, f"{ROUNDS} good rounds for nothing: {late}; {world.waiting}")
        _one_round(world, rest)
        idle, done = (idle + 1 if _done(world) == done else 0), _done(world)
    _nothing_is_left(world, rest)


def _rest(world: World) -> Rest:
    """One time in three something stays wrong."""
    rng, scene = world.rng, world.scene
    name = rng.choice(scene.sets)
    wave = rng.choice(scene.waves).name
    alone = [
        (wave, target)
        for target, used in scene.uses[wave].items()
        if used is not None and set(used) <= set(scene.services[name]) and scene.has_paths
    ]
    used = {one for mine in scene.uses[wave].values() for one in mine or ()}
    if not all(used & set(services) for services in scene.services.values()):
        alone = []  # of a set that nobody runs no file may tell where it runs
    rest = Rest()
    if any(world.natures[3:]):
        return rest  # what is ill could not be replaced where it is held
    if len(scene.sets) > 1 and rng.random() < 0.3:
        rest.hold = (wave, name)
    elif len(scene.sets) > 1 and alone and rng.random() < 0.5:
        rest.ill = rng.choice(alone)
    if rest.hold or rest.ill:
        places = {wave}
        for later in scene.waves:
            if places & set(later.after):
                places.add(later.name)
        rest.exempt = {(place, name) for place in places}
    return rest


def _calm_down(world: World, rest: Rest) -> None:
    places = [(wave.name, name) for wave in world.scene.waves for name in world.scene.sets]
    world.server.slow = world.server.protected = False
    world.lag = 0
    world.outbox.clear()
    world.server.metrics.moods.clear()
    damage.repair(world)
    world.synced.clear()
    world.ill = {rest.ill} if rest.ill else set()
    world.natures = (1, 0, 0, 0, 0)
    world.edit_rollout("a mend", state="fine", notes={}, pins={})
    for wave, name in places:
        if not is_green(world.files):
            people.own_images(world, wave, name)


def _one_round(world: World, rest: Rest) -> None:
    machines.check_all(world)
    world.do("turn")
    machines.sync_and_report(world)
    for wave, name in _holds(world, rest):
        only = None if name == "_" else name
        requests.ask(world, "release", wave=wave, set_name=only, reason="go on")
    if rest.hold and "/".join(rest.hold) not in below(world.server.refs, "holds"):
        world.do("hold", wave=rest.hold[0], set_name=rest.hold[1], reason="it stays")
    for line in world.waiting:
        if line["kind"] == "approval":
            place = {"wave": line["wave"], "set_name": line["set"]}
            requests.ask(world, "promote", **place, sha=line["app_sha"])
    for run in world.server.runs.values():
        _review(run, is_approved=True)
    if not world.wanted:
        world.later(max(100, *(wave.soak for wave in world.scene.waves)))
        said = [line["earliest"] for line in world.waiting if line.get("earliest")]
        # What waits for a window alone may wait for longer than all rounds.
        world.now = max(world.now, min(map(datetime.fromisoformat, said), default=world.now))


def _review(run: FormRun, *, is_approved: bool) -> None:
    """What nobody has reviewed yet is reviewed."""
    if all(one.environment != ENVIRONMENT for one in run.reviews):
        run.reviews.append(Review(ENVIRONMENT, REVIEWER, is_approved))


def _done(world: World) -> int:
    """What has been landed, evicted or ended: it grows with every step ahead."""
    rules = world.rules
    landed = sum(len(landings) for landings in rules.standing.landings.values())
    return landed + len(rules.auto.evicted) + len(rules.endings.ended)


def _holds(world: World, rest: Rest) -> list[tuple[str, str]]:
    found = [place.split("/", 1) for place in sorted(below(world.server.refs, "holds"))]
    return [(wave, name) for wave, name in found if (wave, name) != rest.hold]


def _late(world: World, goals: Mapping[str, str], rest: Rest) -> Iterator[str]:
    for wave in world.scene.waves:
        for name, sha in goals.items():
            had = world.rules.standing.had(wave.name, name)
            there = had and had[-1].app_sha == sha
            if not there and (wave.name, name) not in rest.exempt:
                yield f"{name} in {wave.name}"


def _nothing_is_left(world: World, rest: Rest) -> None:
    """When all waves have the newest set, nothing waits, and auto has nothing more to test."""
    if rest.exempt:
        return
    refs = world.server.refs
    for _ in range(5):
        before = dict(refs)
        machines.check_all(world)
        world.do("turn")
        if refs == before:
            break  # as it would be each time
    demand(2, not world.rules.inbox(), f"these still wait: {sorted(world.rules.inbox())}")
    demand(10, refs.get(AUTO) in (None, world.main), "auto still has something to test")
    demand(10, not world.wanted, f"checks are still asked for: {world.wanted}")
    if world.scene.is_told:
        world.server.receiver.is_well = True
        for _ in range(3):  # what its last sender did not note is free after so long
            world.later(24 * 60)
            world.do("turn")
        all_is_told(world.server)
