"""Steps of people: what they push to main, and what they ask of the mill."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from tests.simulation import machines
from tests.simulation.announcing import announcement
from tests.simulation.memory import Commit
from tests.simulation.reach import BACK, MERGE, SEVERAL
from tests.simulation.scene import Freeze, changed, minutes
from tests.simulation.sources import Image, rollout_of
from tests.simulation.world import ACCEPTED, World
from tidemill.facts.settings import FILE


def note(world: World) -> None:
    """A person changes something harmless."""
    _, target = world.rng.choice(world.targets())
    notes: Mapping[str, str] = {**world.rollout.notes, target: str(world.next())}
    world.edit_rollout(f"a note for {target}", notes=notes)


def read_me(world: World) -> None:
    """A person changes what nothing is generated from."""
    files = {**world.files, "README.md": f"{world.next()}\n".encode()}
    world.edit("the README", files)


def push_several(world: World) -> None:
    """A person pushes several commits at once: main never had those below the last one."""
    with world.one_push():
        for _ in range(world.rng.randint(1, 3)):
            world.rng.choice((note, read_me, mend))(world)
        world.rng.choice((note, put_back))(world)
    world.rules.reach.counts[SEVERAL] += 1


def merge(world: World) -> None:
    """A person merges a branch into main, or what they pulled of main into their branch."""
    server, main = world.server, world.main
    base = world.rng.choice(server.since(main, "")[-4:])
    page = {f"docs/{world.next()}.md": b"a page\n"}
    own = Commit({**server.commits[base].files, **page}, base, "a page", world.now, "ada")
    parents = world.rng.choice(((main, server.put(own)), (server.put(own), main)))
    merged = Commit({**world.files, **page}, parents[0], "a merge", world.now, "ada", parents[1])
    world.push(server.put(merged), f"a merge of {parents[1][:7]} into {parents[0][:7]}")
    world.rules.reach.counts[MERGE] += 1


def move_back(world: World) -> None:
    """A person takes main back by force to where it was, and all targets follow."""
    server, main = world.server, world.main
    earlier = [sha for sha in server.since(main, "")[-4:-1] if _has_settings_of(world, sha)]
    if not earlier:
        return
    world.push(world.rng.choice(earlier), "by force")
    for place, sha in list(world.synced.items()):
        if not server.descends(world.main, sha):
            del world.synced[place]
    lost = server.since(main, world.main)
    world.rules.reach.counts[BACK] += any(
        "Autocommit-" in server.commits[one].message for one in lost
    )


def _has_settings_of(world: World, sha: str) -> bool:
    files = world.server.commits[sha].files
    return files[FILE] == world.files[FILE] and rollout_of(files).uses == world.rollout.uses


def spoil(world: World) -> None:
    """A person breaks main: what it generates is red, or it does not generate."""
    world.edit_rollout("a mistake", state=world.rng.choice(("red", "broken")))


def forget_to_generate(world: World) -> None:
    """A person changes the sources and does not generate."""
    _, target = world.rng.choice(world.targets())
    notes: Mapping[str, str] = {**world.rollout.notes, target: str(world.next())}
    world.edit_rollout("sources alone", generate=False, notes=notes)


def pin(world: World) -> None:
    """A person makes the files of a wave name an image of their own; no check of theirs minds."""
    wave, name = world.rng.choice(world.scene.waves).name, world.rng.choice(world.scene.sets)
    pins = {**world.rollout.pins, wave: world.scene.services[name]}
    world.edit_rollout(f"{name} in {wave} pinned", pins=pins)


def mend(world: World) -> None:
    """A person mends main."""
    world.edit_rollout("a mend", state="fine", pins={})


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
    digests = {service: Image(service, "by hand").digest for service in services}
    files = dict(world.files)
    files[f"{folder}/tags.json"] = json.dumps(tags).encode()
    files[f"{folder}/digests.json"] = json.dumps(digests).encode()
    world.edit(f"own images of {name} in {wave}", files)


def freeze(world: World) -> None:
    """A person plans a freeze: it has begun, or begins soon."""
    rng, scene = world.rng, world.scene
    start = world.now.replace(second=0, microsecond=0) + minutes(rng.choice((-30, 3, 20)))
    names = [wave.name for wave in scene.waves]
    waves = names if rng.random() < 0.4 else rng.sample(names, 1)
    planned = Freeze(
        start=start,
        end=start + minutes(rng.choice((32, 90, 600))),
        zone=rng.choice(("UTC", "Europe/Berlin", "Asia/Kolkata")),
        waves=tuple(waves),
    )
    if not planned.is_plain():
        planned = replace(planned, zone="UTC")
    world.settle_on(replace(scene, planned=(*scene.planned[-2:], planned)))


def freeze_meanwhile(world: World) -> None:
    """A freeze begins while a turn that has something to land still makes another commit."""
    one, other = (world.rng.choice(world.scene.sets) for _ in range(2))
    world.lag = 0
    world.do("announce", announcement=announcement(world, kind="fresh", set_name=one))
    start = world.now.replace(second=0, microsecond=0) + minutes(3)
    names = tuple(wave.name for wave in world.scene.waves)
    planned = Freeze(start, start + minutes(60), "UTC", names)
    world.settle_on(replace(world.scene, planned=(*world.scene.planned[-2:], planned)))
    world.do("turn")
    machines.check_all(world)
    told = announcement(world, kind="fresh", set_name=other)
    world.do("announce", die_at=ACCEPTED, announcement=told)
    world.lag = 5
    world.do("turn")
    world.lag = 0


def change_settings(world: World) -> None:
    """A person changes the settings, and what the targets run with them."""
    world.settle_on(changed(world.rng, world.scene))
