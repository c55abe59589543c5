"""What may happen next in a history."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from tests.simulation import machines, people
from tests.simulation.sources import NATURES, Image, Nature
from tests.simulation.world import World

Step = Callable[[World], None]


def announce(world: World) -> None:
    """A build of app.git is announced."""
    world.do("announce", announcement=announcement(world))


def announcement(world: World, *, kind: str | None = None, set_name: str | None = None) -> str:
    """An announcement as JSON: of the newest commit, a late one, one that is known, ..."""
    rng, apps = world.rng, world.apps
    name = set_name or rng.choice(world.scene.sets)
    made = apps.setdefault(name, [])
    kind = kind or rng.choices(
        ("new", "skip", "late", "again", "same images", "other SHA", "bad"),
        (60, 10, 10, 8, 8, 2, 2),
    )[0]
    position = 1 + max((one["position"] for one in made), default=world.next() % 5)
    old = rng.choice(made) if made else None
    if kind == "again" and old:
        return json.dumps(old)
    if kind == "skip":
        position += rng.randint(1, 3)
    if kind == "late":
        gaps = set(range(1, position)) - {one["position"] for one in made}
        position = rng.choice(sorted(gaps)) if gaps else position
    if kind == "other SHA" and old:
        position = old["position"]
    images = dict(old["images"]) if old and kind != "fresh" and rng.random() < 0.7 else {}
    is_new = kind != "same images" or not images
    told = _announced(world, name, position, images, change=is_new)
    if kind == "bad":
        told.update(rng.choice(({"repository": "evil/app"}, {"position": 0}, {"sha": "$(id)"}, {"set": "x"})))
    else:
        made.append(told)
    return json.dumps(told)


def _announced(
    world: World, name: str, position: int, images: dict[str, Any], *, change: bool
) -> dict[str, Any]:
    rng, services = world.rng, world.scene.services[name]
    sha = hashlib.sha1(f"{name} {position} {world.next()}".encode()).hexdigest()
    built = [one for one in services if rng.random() < 0.6] or list(services[:1])
    for service in services:
        if service not in images or (change and service in built):
            images[service] = {"Digest": Image(service, str(world.next()), *_nature(world)).digest}
        repository = images[service]["Digest"].partition("@")[0]
        images[service] = {**images[service], "Tag": f"{repository}:{sha}"}
    return {
        "version": 1,
        "set": name,
        "repository": f"acme/{name}",
        "sha": sha,
        "position": position,
        "images": images,
    }


def _nature(world: World) -> tuple[Nature, int]:
    rng = world.rng
    nature = rng.choices(NATURES, world.natures)[0]
    return nature, rng.choice((15, rng.randrange(len(world.scene.waves))))


def turn(world: World) -> None:
    """Something turns the mill."""
    world.do("turn")


def burst(world: World) -> None:
    """A commit a minute, for a while."""
    for _ in range(world.rng.randint(3, 12)):
        announce(world)
        world.later(1)


def wait(world: World) -> None:
    """Time passes."""
    world.later(world.rng.choice((1, 5, 10, 30, 90, 600)))


def at_once(world: World) -> None:
    """Several act at the same time."""
    acts: list[tuple[str, Mapping[str, Any]]] = []
    for _ in range(world.rng.randint(2, 4)):
        command = world.rng.choice(("announce", "announce", "turn", "turn", "check", "report", "hold"))
        if command == "announce":
            acts.append((command, {"announcement": announcement(world)}))
        elif command == "check":
            acts.append((command, machines.answer(world)))
        elif command == "report" and world.outbox:
            acts.append((command, world.outbox.pop(0)))
        elif command == "hold":
            wave = world.rng.choice(world.scene.waves).name
            acts.append((command, {"wave": wave, "reason": "a freeze"}))
        else:
            acts.append(("turn", {}))
    world.together(acts)


def die(world: World) -> None:
    """Somebody's client dies on the way, before or after a push."""
    stop = world.rng.randrange(5)
    if world.rng.random() < 0.5:
        world.do("announce", die_at=stop, announcement=announcement(world))
    else:
        world.do("turn", die_at=stop)


def mixture(rng: random.Random) -> Mapping[Step, float]:
    """How likely each step is in one history: each history has some that others lack."""
    return {step: often * rng.choice((0, 0.5, 1, 2)) for step, often in STEPS.items()} | {
        announce: STEPS[announce],
        machines.run_well: STEPS[machines.run_well] * rng.choice((0.5, 1, 3)),
    }


STEPS: Mapping[Step, int] = {
    announce: 20,
    turn: 10,
    at_once: 6,
    die: 4,
    wait: 10,
    burst: 2,
    machines.check: 15,
    machines.check_all: 20,
    machines.run_well: 20,
    machines.sync: 10,
    machines.sync_and_report: 15,
    machines.deliver: 15,
    machines.waver: 3,
    people.note: 4,
    people.read_me: 2,
    people.spoil: 2,
    people.forget_to_generate: 1,
    people.mend: 4,
    people.put_back: 2,
    people.write_images: 1,
    people.hold: 2,
    people.release: 4,
    people.roll_back: 2,
    people.promote: 4,
    people.drop: 2,
    people.retry: 2,
}
