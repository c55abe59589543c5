"""What may happen next in a history."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.simulation.sources import NATURES, Image, Nature, is_green
from tests.simulation.world import AUTO, World

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
    images = dict(old["images"]) if old and rng.random() < 0.7 else {}
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


def check(world: World) -> None:
    """A runner takes up one of the checks that were asked for, or any other."""
    rng = world.rng
    tip = world.server.refs.get(AUTO)
    known = [*world.wanted, *world.wanted, *world.rules.was_auto, world.main]
    sha = rng.choice(sorted(known) if rng.random() < 0.1 else list(world.wanted) or [tip or world.main])
    for context in world.scene.contexts:
        state = verdict(world, sha)
        if rng.random() < 0.1:
            world.do("check", sha=sha, context=context, state="pending", run=f"r{world.next()}")
            continue
        run = f"r{world.next()}"
        for _ in range(rng.choice((1, 1, 1, 2))):
            world.do("check", sha=sha, context=context, state=state, run=run)


def check_all(world: World) -> None:
    """All checks that were asked for answer, and truly."""
    for sha in world.wanted:
        for context in world.scene.contexts:
            state = "success" if is_green(world.server.commits[sha].files) else "failure"
            world.do("check", sha=sha, context=context, state=state, run=f"r{world.next()}")


def verdict(world: World, sha: str) -> str:
    """What a run says: mostly the truth."""
    if world.rng.random() < world.flaky:
        return world.rng.choice(("success", "failure", "cancelled"))
    return "success" if is_green(world.server.commits[sha].files) else "failure"


def turn(world: World) -> None:
    """Something turns the mill."""
    world.do("turn")


def wait(world: World) -> None:
    """Time passes."""
    world.later(world.rng.choice((1, 5, 10, 30, 90, 600)))


def note(world: World) -> None:
    """A person changes something harmless."""
    targets = [target for wave in world.scene.waves for target in wave.targets]
    target = world.rng.choice(targets)
    notes: Mapping[str, str] = {**world.rollout.notes, target: str(world.next())}
    world.edit_rollout(f"a note for {target}", notes=notes)


def spoil(world: World) -> None:
    """A person breaks main: what it generates is red, or it does not generate."""
    world.edit_rollout("a mistake", state=world.rng.choice(("red", "broken")))


def mend(world: World) -> None:
    """A person mends main."""
    world.edit_rollout("a mend", state="fine")


STEPS: Mapping[Step, int] = {
    announce: 20,
    check: 25,
    check_all: 15,
    turn: 15,
    wait: 15,
    note: 6,
    spoil: 2,
    mend: 4,
}
