"""A history: a random scene, random steps, and the rules after each of them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

from tests.simulation.actors import stage
from tests.simulation.ending import ends_well
from tests.simulation.resting import comes_to_rest, survives_a_crash
from tests.simulation.scene import random_scene
from tests.simulation.steps import Step, mixture
from tests.simulation.world import World

LENGTH = 25
OFTEN = 0.08
NATURES = ((1, 0, 0, 0, 0), (80, 8, 3, 5, 4), (50, 20, 5, 20, 5))


class Failed(AssertionError):
    """A history in which a rule was broken: its seed, its settings and its story."""

    def __init__(self, seed: int, world: World, error: BaseException, how: str = "") -> None:
        scene, story = world.scene.settings().decode(), "\n".join(world.story)
        super().__init__(
            f"seed {seed}: {error!r}\n\n{scene}\n{story}\n\nseed {seed}: {error!r}\n"
            f"To see it again: python -m tests.simulation --seed {seed} {how}"
        )
        self.error = error


def play(
    seed: int,
    length: int = LENGTH,
    natures: tuple[int, ...] | None = None,
    source: str = "refs",
    often: Mapping[Step, float] | None = None,
) -> World:
    """Live through the history of a seed; raise `Failed` where a rule is broken.

    Args:
        natures: how often images are well, red, unbuildable, sick, quarrelsome; left to chance.
        source: where verdicts are, `refs` or `github`.
        often: steps that come more often than they would, and how often.
    """
    rng = random.Random(seed)
    world = World.of(replace(random_scene(rng), source=source), rng)
    world.flaky = rng.choice((0, 0, 0.1, 0.3))
    world.lazy = rng.choice((0, 0.3, 0.6))
    world.natures = natures or rng.choice(NATURES)
    try:
        with stage():
            _live(world, length, often or {})
    except Exception as error:
        raise Failed(seed, world, error, f"--source {source}") from error
    return world


def _live(world: World, length: int, often: Mapping[Step, float]) -> None:
    rng, steps = world.rng, {**mixture(world.rng), **often}
    for _ in range(length):
        step = rng.choices(list(steps), list(steps.values()))[0]
        step(world)
        if rng.random() < OFTEN:
            comes_to_rest(world)
        if rng.random() < OFTEN:
            survives_a_crash(world)
    ends_well(world)
