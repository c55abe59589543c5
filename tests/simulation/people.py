"""Steps of people: what they push to main, and what they ask of the mill."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.simulation.facts import below, trailers
from tests.simulation.sources import rollout_of
from tests.simulation.scene import changed
from tests.simulation.world import World


def note(world: World) -> None:
    """A person changes something harmless."""
    _, target = world.rng.choice(world.targets())
    notes: Mapping[str, str] = {**world.rollout.notes, target: str(world.next())}
    world.edit_rollout(f"a note for {target}", notes=notes)


def read_me(world: World) -> None:
    """A person changes what nothing is generated from."""
    files = {**world.files, "README.md": f"{world.next()}\n".encode()}
    world.edit("the README", files)


def spoil(world: World) -> None:
    """A person breaks main: what it generates is red, or it does not generate."""
    world.edit_rollout("a mistake", state=world.rng.choice(("red", "broken")))


def forget_to_generate(world: World) -> None:
    """A person changes the sources and does not generate."""
    _, target = world.rng.choice(world.targets())
    notes: Mapping[str, str] = {**world.rollout.notes, target: str(world.next())}
    world.edit_rollout("sources alone", generate=False, notes=notes)


def mend(world: World) -> None:
    """A person mends main."""
    world.edit_rollout("a mend", state="fine")


def put_back(world: World) -> None:
    """A person puts a wave's images to what an earlier commit of main had."""
    rng = world.rng
    wave, name = rng.choice(world.scene.waves).name, rng.choice(world.scene.sets)
    earlier = rng.choice(world.server.since(world.main, ""))
    folder = f"{world.rollout.folder(wave, name)}/"
    old = world.server.commits[earlier].files
    files = {path: data for path, data in world.files.items() if not path.startswith(folder)}
    files |= {path: data for path, data in old.items() if path.startswith(folder)}
    if files != world.files and rollout_of(files) == world.rollout:
        world.edit(f"{name} in {wave} as of {earlier[:7]}", files)


def write_images(world: World) -> None:
    """A person edits image files by hand, and `source.json` does not fit any more."""
    own_images(world, world.rng.choice(world.scene.waves).name, world.rng.choice(world.scene.sets))


def own_images(world: World, wave: str, name: str) -> None:
    """A person puts images of their own, which do no harm, into a wave."""
    folder = world.rollout.folder(wave, name)
    services = world.scene.services[name]
    tags = {service: f"ghcr.io/acme/{service}:by-hand" for service in services}
    digests = {service: f"ghcr.io/acme/{service}@sha256:{'0' * 64}" for service in services}
    files = dict(world.files)
    files[f"{folder}/tags.json"] = json.dumps(tags).encode()
    files[f"{folder}/digests.json"] = json.dumps(digests).encode()
    world.edit(f"own images of {name} in {wave}", files)


def change_settings(world: World) -> None:
    """A person changes the settings, and what the targets run with them."""
    world.settle_on(changed(world.rng, world.scene))


def hold(world: World) -> None:
    """A person holds a wave."""
    world.do("hold", wave=_wave(world), set_name=_set_or_all(world), reason="a freeze")


def release(world: World) -> None:
    """A person releases a wave."""
    held = sorted(below(world.server.refs, "holds"))
    wave = world.rng.choice(held).partition("/")[0] if held else _wave(world)
    world.do("release", wave=wave, set_name=_set_or_all(world), reason="go on")


def roll_back(world: World) -> None:
    """A person rolls a wave back."""
    wave, name = _wave(world), _set(world)
    had = world.rules.standing.had(wave, name)
    to = world.rng.choice(had).app_sha if had and world.rng.random() < 0.5 else None
    world.do("roll back", wave=wave, set_name=name, to=to, reason="errors")


def promote(world: World) -> None:
    """A person asks for a set in a wave: the newest that is deployed before it, or any."""
    rng = world.rng
    wave, name = _wave(world), _set(world)
    waves = [other.name for other in world.scene.waves]
    hads = [one for other in waves for one in world.rules.standing.had(other, name)]
    sha = rng.choice(hads).app_sha if hads and rng.random() < 0.5 else None
    override = "it is urgent" if rng.random() < 0.3 else None
    world.do("promote", wave=wave, set_name=name, sha=sha, override=override)


def drop(world: World) -> None:
    """A person drops something that waits."""
    waiting = sorted(world.rules.inbox())
    if waiting:
        world.do("drop", request=world.rng.choice(waiting))


def retry(world: World) -> None:
    """A person lets something try again."""
    made = [one["sha"] for mine in world.apps.values() for one in mine]
    kept = list(below(world.server.refs, "evicted").values())
    gone = [_app_sha(world, sha) for sha in kept]
    if made:
        world.do("retry", sha=world.rng.choice(gone or made) or made[0])


def _app_sha(world: World, sha: str) -> str | None:
    return trailers(world.server.commits[sha].message).get("App-SHA")


def _wave(world: World) -> str:
    return world.rng.choice(world.scene.waves).name


def _set(world: World) -> str:
    return world.rng.choice(world.scene.sets)


def _set_or_all(world: World) -> str | None:
    return None if world.rng.random() < 0.3 else _set(world)
