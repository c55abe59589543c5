"""What may happen next in a history."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from tests.simulation import damage, machines, names, people, requests, trouble
from tests.simulation.announcing import announce, announcement, burst, change_services
from tests.simulation.world import World

AT_ONCE = ("announce", "announce", "turn", "turn", "check", "report", "hold")
Step = Callable[[World], None]


def turn(world: World) -> None:
    """Something turns the mill."""
    world.do("turn")


def wait(world: World) -> None:
    """Time passes."""
    world.later(world.rng.choice((1, 5, 10, 30, 90, 600)))


def at_once(world: World) -> None:
    """Several act at the same time."""
    acts: list[tuple[str, Mapping[str, Any]]] = []
    for _ in range(world.rng.randint(2, 4)):
        command = world.rng.choice(AT_ONCE)
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


STEPS: Mapping[Step, float] = {
    announce: 20,
    turn: 10,
    at_once: 6,
    die: 4,
    wait: 10,
    burst: 2,
    change_services: 0.7,
    machines.check: 15,
    machines.check_all: 20,
    machines.run_well: 20,
    machines.sync: 10,
    machines.sync_and_report: 15,
    machines.deliver: 15,
    machines.waver: 3,
    machines.hurry: 1,
    machines.flap: 4,
    machines.spoil_on_its_way: 0.5,
    people.note: 4,
    people.read_me: 2,
    people.spoil: 2,
    people.forget_to_generate: 1,
    people.pin: 0.5,
    people.mend: 4,
    people.merge: 1,
    people.move_back: 0.5,
    people.put_back: 2,
    people.write_images: 1,
    requests.hold: 2,
    requests.release: 4,
    requests.hotfix: 2,
    people.freeze: 1,
    people.freeze_meanwhile: 0.5,
    people.change_settings: 1,
    requests.roll_back: 4,
    requests.promote: 5,
    requests.drop: 2,
    requests.impostor: 1,
    requests.run_again: 1,
    requests.review: 2,
    requests.retry: 4,
    trouble.refuse_main: 1,
    trouble.stumble: 1,
    trouble.slow_down: 1,
    trouble.take_long: 1,
    trouble.meddle: 1,
    trouble.skew: 0.5,
    trouble.spoil_settings: 1,
    trouble.flood: 0.3,
    names.rename: 0.7,
    names.rename_target: 0.5,
    damage.forge: 1,
    damage.forge_request: 1,
    damage.replay: 1,
    damage.lose_journal: 0.5,
    damage.announce_far_ahead: 0.5,
}
