"""Waves are renamed, swapped and split: by people, and in what the rules have noted by name."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.simulation.machines import sync_and_report
from tests.simulation.reach import TARGET
from tests.simulation.scene import Scene, Wave, running_all
from tests.simulation.sources import digests_of
from tests.simulation.standing import NOTHING, Renamed, Standing
from tests.simulation.world import World

SAID = 0.8  # how often a person says with `was` what a wave was
NEW = ("live", "edge", "east", "west", "north", "south")


@dataclass(frozen=True)
class Change:
    """What becomes of names: by each of today the former one, where it is another.

    `is_said`: the settings say it with `was`.
    """

    scene: Scene
    former: Mapping[str, str]
    is_said: bool

    def heirs(self, old: str) -> list[str]:
        """What a wave is called afterwards."""
        new = [name for name, former in self.former.items() if former == old]
        taken = old in self.former or new
        return new if taken else [old]


def rename(world: World) -> None:
    """A person gives waves other names, and moves their files along.

    Not twice before a turn has seen it, for what a name was is said of the main before; nor in
    the very words that stand there already.
    """
    change = _changed(world.rng, world.scene)
    says = {(wave.name, wave.was) for wave in world.scene.waves}
    again = {(wave.name, wave.was) for wave in change.scene.waves if wave.name in change.former}
    if not world.rules.is_seen or (change.is_said and says & again):
        return
    world.rules.is_seen = False
    gone = tuple(f"images/{old}/" for old in change.former.values())
    files = {path: data for path, data in world.files.items() if not path.startswith(gone)}
    files |= _moved(world.files, change)
    if change.is_said:
        _carry_over(world, change)
    else:
        world.rules.appeared |= {
            (new, set_name)
            for new, old in change.former.items()
            for set_name in world.scene.sets
            if (one := world.rules.presents.get((old, set_name)))
            and one.files != NOTHING
            and one is world.rules.standing.present((old, set_name), world.main)
            and digests_of(world.files, world.rollout.folder(old, set_name))
        }
    for place in list(world.synced):
        if place[0] in {*change.former, *change.former.values()}:
            del world.synced[place]
    world.settle_on(change.scene, files)
    if change.is_said:
        world.rules.standing.renamed[-1].commit = world.main


def rename_target(world: World) -> None:
    """A person gives a target another name: nothing says which one it had, so it reports anew."""
    rng, scene = world.rng, world.scene
    wave = rng.choice(scene.waves)
    old, new = rng.choice(wave.targets), f"{wave.name}-{world.next()}"
    if new in wave.targets:
        return
    names = {one: new if one == old else one for one in wave.targets}
    other = replace(wave, targets=tuple(names.values()))
    uses = {name: scene.uses[wave.name][one] for one, name in names.items()}
    world.synced.pop((wave.name, old), None)
    world.ill.discard((wave.name, old))
    waves = tuple(other if one is wave else one for one in scene.waves)
    world.settle_on(replace(scene, waves=waves, uses={**scene.uses, wave.name: uses}))
    sync_and_report(world)
    standing = world.rules.standing
    there = [standing.present((wave.name, name), world.main) for name in scene.sets]
    runs = any(one and standing.deployed_at(one) for one in there)
    world.rules.reach.counts[TARGET] += runs and new in standing.latest.get(wave.name, {})


def _moved(files: Mapping[str, bytes], change: Change) -> dict[str, bytes]:
    return {
        path.replace(f"images/{old}/", f"images/{new}/", 1): data
        for new, old in change.former.items()
        for path, data in files.items()
        if path.startswith(f"images/{old}/")
    }


def _changed(rng: random.Random, scene: Scene) -> Change:
    fresh = [name for name in NEW if name not in {wave.name for wave in scene.waves}]
    wave = rng.choice(scene.waves)
    is_said = rng.random() < SAID
    kind = rng.choice(("rename", "swap", "split") if len(fresh) > 1 else ("swap",))
    if kind == "swap" and len(scene.waves) == 1:
        return Change(scene, {}, is_said)
    former = {fresh[0]: wave.name} if fresh else {}
    parts = {wave.name: [(name, wave.targets) for name in fresh[:1]]}
    if kind == "swap" and len(scene.waves) > 1:
        one, two = rng.sample(scene.waves, 2)
        former, is_said = {one.name: two.name, two.name: one.name}, True
        parts = {one.name: [(two.name, one.targets)], two.name: [(one.name, two.targets)]}
    elif kind == "split" and len(wave.targets) > 1:
        former, is_said = {fresh[0]: wave.name, fresh[1]: wave.name}, True
        halves = wave.targets[:1], wave.targets[1:]
        parts = {wave.name: list(zip(fresh, halves, strict=False))}
    waves: list[Wave] = []
    uses: dict[str, Any] = {}
    for one in scene.waves:
        after = [new for old in one.after for new, _ in parts.get(old, [(old, ())])]
        for name, targets in parts.get(one.name, [(one.name, one.targets)]):
            was = former.get(name) if is_said else None
            was = was or (one.was if name == one.name else None)
            waves.append(replace(one, name=name, after=tuple(after), targets=targets, was=was))
            uses[name] = {target: scene.uses[one.name][target] for target in targets}
    scene = running_all(replace(scene, waves=tuple(waves), uses=uses))
    return Change(scene, former, is_said)


def _carry_over(world: World, change: Change) -> None:
    """What is known by the old names is known by the new ones."""
    rules, standing = world.rules, world.rules.standing
    standing.renamed.append(Renamed(world.main, change.former))
    _in_account(standing, change)
    rules.presents = {
        (new, place[1]): standing.present((new, place[1]), world.main) or landing
        for place, landing in rules.presents.items()
        for new in change.heirs(place[0])
    }
    rules.approved |= {
        (new, set_name, sha) for wave, set_name, sha in rules.approved for new in change.heirs(wave)
    }
    rules.auto.evicted = {
        (one[0], new, *one[2:]) for one in rules.auto.evicted for new in change.heirs(one[1] or "")
    }
    rules.changes.append(change.heirs)
    world.ill = {(new, name) for wave, name in world.ill for new in change.heirs(wave)}


def _in_account(standing: Standing, change: Change) -> None:
    standing.reds = {
        (new, *key[1:]): list(spells)
        for key, spells in standing.reds.items()
        for new in change.heirs(key[0])
    }
    standing.greens = {
        (new, *key[1:]): list(times)
        for key, times in standing.greens.items()
        for new in change.heirs(key[0])
    }
    standing.called_well = {
        (new, *one[1:]) for one in standing.called_well for new in change.heirs(one[0])
    }
    landings = {
        place: had for place, had in standing.landings.items() if _is_gone(place[0], change)
    }
    filed, latest = standing.filed, standing.latest
    standing.filed = {name: all_of for name, all_of in filed.items() if _is_gone(name, change)}
    standing.latest = {name: all_of for name, all_of in latest.items() if _is_gone(name, change)}
    for wave in change.scene.waves:
        old = change.former.get(wave.name, wave.name)
        mine = [one["target"] in wave.targets for one in filed.get(old, [])]
        records = [one for one, is_mine in zip(filed.get(old, []), mine, strict=True) if is_mine]
        # What a wave that is gone had under this name is this one's past as well.
        before = standing.filed.get(wave.name, [])
        standing.filed[wave.name] = [*before, *({**one, "wave": wave.name} for one in records)]
        own = standing.latest.get(wave.name, {})
        reported = _all_in(latest.get(old, {}), wave.name)
        mine_now = {target: one for target, one in reported.items() if target in wave.targets}
        standing.latest[wave.name] = own | mine_now
        for (name, set_name), had in standing.landings.items():
            if name == old:
                landings[wave.name, set_name] = [
                    *landings.get((wave.name, set_name), ()),
                    *(
                        replace(
                            one,
                            wave=wave.name,
                            first=len(before) + sum(mine[: one.first]),
                            latest=own | _all_in(one.latest, wave.name),
                        )
                        for one in had
                    ),
                ]
    standing.landings = landings


def _is_gone(name: str, change: Change) -> bool:
    """Whether no wave was called so any more before the names changed."""
    is_kept = name in {wave.name for wave in change.scene.waves} - change.former.keys()
    return not is_kept and name not in change.former.values()


def _all_in(latest: Mapping[str, dict[str, Any]], wave: str) -> dict[str, dict[str, Any]]:
    """The last records by target, as those of another wave."""
    return {target: {**one, "wave": wave} for target, one in latest.items()}
