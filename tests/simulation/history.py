"""A history: a random scene, random steps, and the rules after each of them."""

from __future__ import annotations

import random

from tests.simulation.actors import stage
from tests.simulation.facts import Broken
from tests.simulation.resting import comes_to_rest, ends_well, survives_a_crash
from tests.simulation.scene import random_scene
from tests.simulation.steps import mixture
from tests.simulation.world import World

LENGTH = 40


class Failed(AssertionError):
    """A history in which a rule was broken: its seed and its story."""


def play(seed: int, length: int = LENGTH) -> World:
    """Live through the history of a seed."""
    rng = random.Random(seed)
    world = World.of(random_scene(rng), rng)
    world.flaky = rng.choice((0, 0, 0.1, 0.3))
    world.natures = rng.choice(((1, 0, 0, 0, 0), (80, 8, 3, 5, 4), (50, 20, 5, 20, 5)))
    try:
        with stage():
            steps = mixture(rng)
            for _ in range(length):
                step = rng.choices(list(steps), list(steps.values()))[0]
                step(world)
                if rng.random() < 0.15:
                    comes_to_rest(world)
                if rng.random() < 0.15:
                    survives_a_crash(world)
            ends_well(world)
    except Exception as error:
        story = "\n".join(world.story)
        scene = world.scene.settings().decode()
        raise Failed(f"seed {seed}: {error}\n\n{scene}\n{story}\n\nseed {seed}: {error!r}") from error
    return world


__all__ = ["Broken", "Failed", "play"]
