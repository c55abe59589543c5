"""Steps of app.git: what is announced, in which order, and what its images do."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from tests.simulation.scene import running_all
from tests.simulation.sources import NATURES, Image, Nature
from tests.simulation.world import World


def announce(world: World) -> None:
    """A build of app.git is announced."""
    world.do("announce", announcement=announcement(world))


def announcement(world: World, *, kind: str | None = None, set_name: str | None = None) -> str:
    """An announcement as JSON: of the newest commit, a late one, one that is known, ..."""
    rng, apps = world.rng, world.apps
    name = set_name or rng.choice(world.scene.sets)
    made = apps.setdefault(name, [])
    kind = (
        kind
        or rng.choices(
            ("new", "skip", "late", "again", "same images", "other SHA", "bad"),
            (60, 10, 10, 8, 8, 2, 2),
        )[0]
    )
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
    there = world.scene.services[name]
    known = {one: it for one, it in old["images"].items() if one in there} if old else {}
    images = known if kind != "fresh" and rng.random() < 0.7 else {}
    is_new = kind != "same images" or not images
    told = _announced(world, name, position, images, change=is_new)
    if kind == "bad":
        told.update(
            rng.choice(
                ({"repository": "evil/app"}, {"position": 0}, {"sha": "$(id)"}, {"set": "x"})
            )
        )
    else:
        made.append(told)
    return json.dumps(told)


def change_services(world: World) -> None:
    """app.git has a service less, or one more, which some targets run; a set is announced."""
    rng, scene = world.rng, world.scene
    name = rng.choice(scene.sets)
    mine = scene.services[name]
    uses = {wave: dict(targets) for wave, targets in scene.uses.items()}
    if len(mine) > 1 and rng.random() < 0.5:
        gone = rng.choice(mine)
        mine = tuple(one for one in mine if one != gone)
    else:
        new = f"{name}{world.next()}"
        mine = (*mine, new)
        for targets in uses.values():
            for target, used in targets.items():
                if used is not None and rng.random() < 0.5:
                    targets[target] = (*used, new)
    services = {**scene.services, name: mine}
    world.settle_on(running_all(replace(scene, services=services, uses=uses)))
    world.do("announce", announcement=announcement(world, set_name=name))


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


def built_elsewhere(world: World, name: str, position: int) -> str:
    """An announcement of a commit that is not on app.git's main branch."""
    told = _announced(world, name, position, {}, change=True)
    return json.dumps({**told, "branch": "release-1"})


def _nature(world: World) -> tuple[Nature, int]:
    rng = world.rng
    nature = rng.choices(NATURES, world.natures)[0]
    return nature, rng.choice((15, rng.randrange(len(world.scene.waves))))


def burst(world: World) -> None:
    """A commit a minute, for a while."""
    for _ in range(world.rng.randint(3, 12)):
        announce(world)
        world.later(1)
