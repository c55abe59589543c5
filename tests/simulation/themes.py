"""Kinds of histories: each is bent towards one of the things that have to be reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from tests.simulation import announcing, damage, machines, names, people, requests, trouble
from tests.simulation.metrics import COMMAND, PROMETHEUS
from tests.simulation.reach import REACHED
from tests.simulation.scene import Scene
from tests.simulation.steps import Step, turn
from tests.simulation.world import World

WELL, RED, SICK = (1, 0, 0, 0, 0), (50, 50, 0, 0, 0), (75, 0, 0, 25, 0)


@dataclass(frozen=True)
class Theme:
    """How a kind of history is bent.

    Attributes:
        often: steps that come more often than they would, and how often.
        natures: how often images are well, red, unbuildable, sick, quarrelsome; None is left to
            chance.
        bent: the scene, as it takes to get there.
    """

    often: Mapping[Step, float]
    natures: tuple[int, ...] | None = WELL
    bent: Callable[[Scene], Scene] = lambda scene: scene


def _ship(world: World) -> None:
    """A set with new images is announced, and goes as far as it may."""
    world.do("announce", announcement=announcing.announcement(world, kind="fresh"))
    machines.run_well(world)


def _rolls_back(scene: Scene) -> Scene:
    wave = replace(scene.waves[0], on_failure="roll back", spare=0, window=None, approval=False)
    name, services = next(iter(scene.services.items()))
    uses = {wave.name: dict.fromkeys(wave.targets)}
    return replace(scene, waves=(wave,), uses=uses, services={name: services[:1]})


def _guards(scene: Scene) -> Scene:
    """Each wave has approvers: what soaks for ten minutes has."""
    return replace(scene, waves=tuple(replace(one, soak=10) for one in scene.waves))


def _lets_review(scene: Scene) -> Scene:
    """Reviewers of an environment look at what goes into each wave that comes after another."""
    waves = tuple(
        replace(one, approval=True, soak=0, settle=15) if one.after else one for one in scene.waves
    )
    return replace(scene, waves=waves)


def _asks(scene: Scene) -> Scene:
    return replace(scene, verifications=(COMMAND, PROMETHEUS))


def _rolls_back_on_red(scene: Scene) -> Scene:
    return _asks(_rolls_back(scene))


NO_THEME = Theme({}, None)
_ON: Mapping[Step, float] = {machines.run_well: 80, machines.check_all: 60, turn: 30}
# In the order of REACHED.
THEMES = (
    Theme({_ship: 150, requests.retry: 150}, RED),
    Theme({_ship: 150, requests.release: 60}, SICK, _rolls_back),
    Theme({**_ON, requests.roll_back: 60}),
    Theme({**_ON, requests.promote: 60}),
    Theme({**_ON, requests.hotfix: 30}),
    Theme({**_ON, names.rename: 60}),
    Theme({trouble.flood: 60, turn: 30}),
    Theme(_ON, RED),
    Theme({announcing.announce: 80, machines.check_all: 30}),
    Theme({**_ON, machines.flap: 60}, bent=_asks),
    Theme({_ship: 150, machines.flap: 60, requests.release: 60}, bent=_rolls_back_on_red),
    Theme({**_ON, machines.flap: 10}, bent=_asks),
    Theme({**_ON, machines.flap: 60}, bent=_asks),
    Theme({**_ON, machines.flap: 60}, bent=_asks),
    Theme({**_ON, damage.forge_request: 40}, bent=_guards),
    Theme({**_ON, damage.replay: 60, requests.promote: 60, requests.roll_back: 20}, bent=_guards),
    Theme({**_ON, _ship: 40, requests.hotfix: 100}),
    Theme({**_ON, requests.hold: 60}),
    Theme({**_ON, trouble.refuse_main: 30}),
    Theme(
        {**_ON, people.forget_to_generate: 60},
        bent=lambda scene: replace(scene, stale="regenerate"),
    ),
    Theme({**_ON, requests.promote: 60, requests.review: 60}, bent=_lets_review),
    Theme({**_ON, requests.promote: 60, requests.review: 30}, bent=_lets_review),
    Theme(
        {**_ON, requests.promote: 30, requests.run_again: 30, damage.forge_request: 60},
        bent=_guards,
    ),
)


def theme_of(seed: int) -> Theme:
    """The theme of a seed's history; every second one has none."""
    return THEMES[seed // 2 % len(THEMES)] if seed % 2 else NO_THEME


def seeds_for(name: str, most: int) -> Iterator[int]:
    """The first seeds of the histories that are to reach something."""
    first = 2 * list(REACHED).index(name) + 1
    return iter(range(first, first + 2 * len(THEMES) * most, 2 * len(THEMES)))
