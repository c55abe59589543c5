"""A history: a random scene, random steps, and the rules after each of them."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tests.simulation.actors import stage
from tests.simulation.ending import ends_well
from tests.simulation.resting import comes_to_rest, survives_a_crash
from tests.simulation.scene import random_scene
from tests.simulation.steps import Step, mixture
from tests.simulation.themes import NO_THEME, theme_of
from tests.simulation.world import World

LENGTH = 25
OFTEN = 0.08
NATURES = ((1, 0, 0, 0, 0), (80, 8, 3, 5, 4), (50, 20, 5, 20, 5))


class Failed(AssertionError):
    """A history in which a rule was broken: its seed, its settings and its story.

    Attributes:
        kept: the places of the steps that were lived through; None for all.
    """

    def __init__(
        self,
        seed: int,
        world: World,
        error: BaseException,
        how: str = "",
        kept: Sequence[int] | None = None,
    ) -> None:
        scene, story = world.scene.settings().decode(), "\n".join(world.story)
        steps = "" if kept is None else f" --steps '{','.join(map(str, kept))}'"
        super().__init__(
            f"seed {seed}: {error!r}\n\n{scene}\n{story}\n\nseed {seed}: {error!r}\n"
            f"To see it again: python -m tests.simulation --seed {seed} {how}{steps}"
        )
        self.error = error

    @property
    def rule(self) -> str:
        """What was broken: the number of the rule, or the kind of the error."""
        found = re.match(r"rule \d+", str(self.error))
        return found[0] if found else type(self.error).__name__


@dataclass(frozen=True)
class Moment:
    """One step of a history; what it leaves to chance follows from `chance` alone, so that it is
    the same whatever came before it."""

    step: Step
    chance: int
    rests: bool
    crashes: bool


def play(
    seed: int,
    length: int = LENGTH,
    natures: tuple[int, ...] | None = None,
    source: str = "refs",
    often: Mapping[Step, float] | None = None,
    kept: Sequence[int] | None = None,
) -> World:
    """Live through the history of a seed; raise `Failed` where a rule is broken.

    Where neither `natures` nor `often` is given, the seed has a theme.

    Args:
        natures: how often images are well, red, unbuildable, sick, quarrelsome; left to chance.
        source: where verdicts are, `refs` or `github`.
        often: steps that come more often than they would, and how often.
        kept: the places of the steps to live through; None for all.
    """
    rng = random.Random(seed)
    theme = NO_THEME if often is not None or natures is not None else theme_of(seed)
    world = World.of(theme.bent(replace(random_scene(rng), source=source)), rng)
    world.flaky = rng.choice((0, 0, 0.1, 0.3))
    world.lazy = rng.choice((0, 0.3, 0.6))
    world.natures = natures or theme.natures or rng.choice(NATURES)
    to_come = moments(rng, length, often or theme.often)
    try:
        with stage(seed):
            for place in range(length) if kept is None else kept:
                _live(world, to_come[place])
            rng.seed(seed)
            ends_well(world)
    except Exception as error:
        raise Failed(seed, world, error, f"--length {length} --source {source}", kept) from error
    return world


def judge(seed: int, length: int = LENGTH, source: str = "refs") -> World:
    """The same; a history in which a rule is broken is told without the steps that it does not
    take to break it."""
    try:
        return play(seed, length, source=source)
    except Failed as found:
        failed, kept = found, list(range(length))
    size = length
    while size:
        for start in range(0, len(kept), size):
            fewer = [*kept[:start], *kept[start + size :]]
            try:
                play(seed, length, source=source, kept=fewer)
            except Failed as found:
                if found.rule == failed.rule:
                    failed, kept = found, fewer
                    break
        else:
            size //= 2
    raise failed


def moments(rng: random.Random, length: int, often: Mapping[Step, float]) -> list[Moment]:
    """The steps of a history."""
    steps = {**mixture(rng), **often}
    chosen = rng.choices(list(steps), list(steps.values()), k=length)
    return [
        Moment(step, rng.getrandbits(32), rng.random() < OFTEN, rng.random() < OFTEN)
        for step in chosen
    ]


def _live(world: World, moment: Moment) -> None:
    world.rng.seed(moment.chance)
    moment.step(world)
    if moment.rests:
        comes_to_rest(world)
    if moment.crashes:
        survives_a_crash(world)
