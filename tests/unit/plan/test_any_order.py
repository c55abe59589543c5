"""Order does not matter: the same facts, however they are mixed, lead to the same landed content.

What comes is mixed at random: with each other, with turns, with the answers of checks and with the
reports of targets, which overtake one another and come twice. The sets that each wave has when
nothing happens any more are not left to chance. Where order matters, docs/how-it-decides.md says
so, and a test here shows it. To try more orders: ORDERS=5000, with make unit ARGS="-k order".
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.snapshots import LAB, SHOP, Rollout, settings

from tidemill.facts.operation import Operation
from tidemill.facts.records import Deployment
from tidemill.facts.requests import Release
from tidemill.facts.settings import Settings
from tidemill.facts.snapshot import OperationFailure
from tidemill.plan.plan import Plan

FACTS, BATCH, ORDERS = int(os.environ.get("ORDERS", "60")), 20, 3
LONG = 90  # minutes: longer than anything settles or soaks
MOST_ROUNDS = 100
Deed = Callable[[Rollout], object]
"""Something comes: it is accepted."""
Place = tuple[str, str]
"""A wave and a set."""
Version = tuple[str, int]
"""A set and a position."""


@dataclass
class Telling:
    """What comes, in one order.

    Attributes:
        red: what a check does not let pass, by the waves where it is so; broken: what does not
            generate; quarrel: what is red where all of it is together.
        ill: the positions at which targets are ill before they are healthy.
        asked: the commits whose check was asked for.
        synced: by wave and target the main that it has; late: reports that are under way.
    """

    settings: Settings
    rng: random.Random
    red: Mapping[Version, Collection[str]]
    broken: Collection[Version] = ()
    ill: Collection[int] = ()
    asked: tuple[str, ...] = ()
    synced: dict[tuple[str, str], str] = field(default_factory=dict)
    late: list[Deployment] = field(default_factory=list)
    quarrel: Collection[Version] = ()

    def __post_init__(self) -> None:
        self.rollout = Rollout(self.settings)

    def tell(self, *comes: list[Deed]) -> None:
        """Let everything come, in an order left to chance; each list keeps its own."""
        while comes := tuple(one for one in comes if one):
            if self.rng.random() < 0.4:
                self.rng.choice(comes).pop(0)(self.rollout)
            else:
                self.rng.choice((self.turn, self.answer, self.sync, self.report))()
        self.rest()

    def rest(self) -> None:
        """Go on until nothing happens any more, however long one waits."""
        calm = 0
        for _ in range(MOST_ROUNDS):
            self.answer()
            self.sync(1)
            self.report()
            calm = 0 if self.turn().is_change or self.asked or self.late else calm + 1
            if calm > 1:
                return
            if calm:
                self.rollout.later(LONG)
        raise AssertionError(f"it never comes to rest: {self.has()}")

    def has(self) -> dict[Place, int]:
        """The position of each set that a wave has."""
        return {place: one.position for place, one in self.rollout.files.items()}

    def turn(self) -> Plan:
        done = self.rollout.turn(self._made)
        self.asked = done.to_check
        return done

    def answer(self) -> None:
        """The checks that were asked for answer, and truly."""
        for commit in self.asked:
            self.rollout.check(commit, "failure" if self._is_red(commit) else "success", ago=0)
        self.asked = ()

    def sync(self, share: float = 0.7) -> None:
        """Targets take what main has, or a share of them; their reports are under way."""
        self.rollout.later(1)
        for wave in self.settings.waves:
            for target in wave.targets:
                is_new = self.synced.get((wave.name, target)) != self.rollout.main
                if is_new and self.rng.random() < share:
                    self.synced[wave.name, target] = self.rollout.main
                    self.late.append(self.rollout.record(wave.name, target, ago=0))
                    if any(one in self.ill for one in self.has().values()):
                        ill = self.rollout.record(wave.name, target, "Degraded", ago=0.5)
                        self.late.append(ill)

    def report(self) -> None:
        """Reports come in any order, and one of them twice now and then."""
        self.rng.shuffle(self.late)
        come = self.late[: self.rng.randint(0, len(self.late))]
        for one in come:
            self.rollout.later(0.1)
            self.rollout.asked(replace(one, accepted_at=self.rollout.now))
        again = come[:1] if self.rng.random() < 0.2 else []
        self.late = [*self.late[len(come) :], *again]

    def _is_red(self, commit: str) -> bool:
        """Whether anything in the tree of a commit is red."""
        shas = [one.sha for one in self.rollout.auto]
        upto = shas.index(commit) + 1 if commit in shas else 0
        steps = [one.operation for one in self.rollout.auto[:upto]]
        tree = self.has() | {(step.wave, step.set): step.position for step in steps}
        there = {(name, position) for (_, name), position in tree.items()}
        return bool(self.quarrel and there.issuperset(self.quarrel)) or any(
            wave in self.red.get((name, position), ()) for (wave, name), position in tree.items()
        )

    def _made(self, operation: Operation, _: str) -> OperationFailure | None:
        is_broken = (operation.set, operation.position) in self.broken
        return OperationFailure("it does not generate") if is_broken else None


def announce(position: int, set_name: str) -> Deed:
    return lambda rollout: rollout.announced(position, set_name, ago=0)


def approve(wave: str, position: int, set_name: str) -> Deed:
    return lambda rollout: rollout.promotion(wave, position, set_name, accepted_at=rollout.now)


def hold_and_release(wave: str, set_name: str) -> list[Deed]:
    ids: list[str] = []

    def release(rollout: Rollout) -> None:
        now, ends = rollout.now, tuple(ids)
        rollout.asked(Release(accepted_at=now, wave=wave, ends=ends, reason="go on"))

    return [lambda rollout: ids.append(rollout.hold(wave, set_name, ago=0)), release]


def some_settings(rng: random.Random) -> Settings:
    """One to three waves, in a row or side by side, each with rules of its own."""
    sets = ("app", "lib")[: rng.choice((1, 1, 2))]
    waves: dict[str, Any] = {}
    for name in ("lab", "shop", "world")[: rng.randint(1, 3)]:
        waves[name] = {
            "targets": [f"{name}-{number}" for number in range(rng.randint(1, 2))],
            "admit": rng.choice(("when deployed", "when soaked", "at once")),
            "soak": rng.choice(("0m", "0m", "30m")),
            "approval": bool(waves) and rng.random() < 0.3,
        }
        if rng.random() < 0.2:
            waves[name] |= {"after": [], "approval": False}
    checks = f'retries = {rng.choice((0, 1))}\ntest = "{rng.choice(("head", "each"))}"'
    return settings(sets=sets, checks=checks, **waves)


@dataclass
class Facts:
    """What is announced at random, and what it holds.

    Attributes:
        made: the positions of each set; good: those of them that nothing is wrong with.
        red, broken: what a check does not let pass, by the waves where it is so; and what does not
            generate.
    """

    rng: random.Random
    settings: Settings
    red: dict[Version, Collection[str]] = field(default_factory=dict)
    broken: set[Version] = field(default_factory=set)

    def __post_init__(self) -> None:
        rng, sets = self.rng, self.settings.sets
        self.made = {one.name: rng.sample(range(1, 20), rng.randint(1, 6)) for one in sets}
        self.good = {name: list(ones) for name, ones in self.made.items()}

    def spoil(self, waves: Collection[str], broken: float = 0.1) -> None:
        """Some of it is red in these waves, and a share does not generate."""
        for name, ones in self.made.items():
            for one in ones:
                match self.rng.random():
                    case chance if chance < 0.25:
                        self.red[name, one] = waves
                    case chance if chance < 0.25 + broken:
                        self.broken.add((name, one))
                    case _:
                        continue
                self.good[name].remove(one)

    def newest(self) -> dict[Place, int]:
        """What each wave is to end with."""
        newest = {name: max(ones) for name, ones in self.good.items() if ones}
        return {
            (wave.name, name): one for wave in self.settings.waves for name, one in newest.items()
        }

    def comes(self) -> list[list[Deed]]:
        """Announcements, some of them twice, the approvals that they take, and maybe a hold."""
        rng, waves = self.rng, self.settings.waves
        found = [[announce(one, name)] for name, ones in self.made.items() for one in ones]
        found += rng.sample(found, rng.randint(0, len(found)))
        asks = {wave.name for wave in waves if wave.approval}
        found += [
            [approve(wave, one, name)]
            for (wave, name), one in self.newest().items()
            if wave in asks
        ]
        if rng.random() < 0.5:
            found.append(hold_and_release(rng.choice(waves).name, rng.choice(("_", *self.made))))
        return found

    def told(self, seed: str, comes: list[list[Deed]]) -> Telling:
        """It comes in one order."""
        ill = self.rng.sample(range(1, 20), 5)
        telling = Telling(self.settings, random.Random(seed), self.red, self.broken, ill)
        telling.tell(*map(list, comes))
        return telling


@pytest.mark.parametrize("first", range(0, FACTS, BATCH))
def test_whatever_the_order_all_waves_end_with_the_newest_set_that_is_fine(first: int) -> None:
    for seed in range(first, first + BATCH):
        facts = Facts(rng := random.Random(seed), some_settings(rng))
        facts.spoil([wave.name for wave in facts.settings.waves])
        comes, expected = facts.comes(), facts.newest()
        for order in range(ORDERS):
            has = facts.told(f"{seed} {order}", comes).has()
            assert has == expected, f"facts {seed}, order {order}: {has} instead of {expected}"


def test_of_what_is_red_in_a_later_wave_alone_the_next_set_makes_all_orders_equal_again() -> None:
    """A later wave gets what the earlier ones had: an older set that they passed over is not there
    to be promoted."""
    kept = set()
    for seed in range(BATCH):
        facts = Facts(random.Random(seed), settings(lab=LAB, shop=SHOP))
        facts.spoil(["shop"], broken=0)
        comes = [[announce(one, "app")] for one in facts.made["app"]]
        for order in range(ORDERS):
            telling = facts.told(f"{seed} {order}", comes)
            has = telling.has()
            assert has["lab", "app"] == max(facts.made["app"])
            assert has.get(("shop", "app")) in {None, *facts.good["app"]}
            kept.add((seed, has.get(("shop", "app"))))
            telling.tell([announce(20, "app")])
            assert telling.has() == {("lab", "app"): 20, ("shop", "app"): 20}
    assert len(kept) > BATCH, "it was the same in every order"


def test_of_two_sets_that_are_red_together_one_stays_whichever_came_first() -> None:
    found = set()
    for order in range(10 * ORDERS):
        telling = Telling(settings(sets=("app", "lib"), lab=LAB), random.Random(order), {})
        telling.quarrel = {("app", 2), ("lib", 2)}
        telling.tell(*([announce(one, name)] for name in ("app", "lib") for one in (1, 2)))
        has = telling.has()
        found.add((has["lab", "app"], has["lab", "lib"]))
    assert found == {(1, 2), (2, 1)}


@pytest.mark.parametrize("turns_between", [False, True])
def test_a_wave_rolls_back_by_itself_for_a_failure_that_a_turn_saw(turns_between: bool) -> None:
    rollout = Rollout(settings(lab={**LAB, "on_failure": "roll back"}))
    rollout.landing("lab", 1, landed=120, deployed=110)
    rollout.landing("lab", 2, landed=10, deployed=None)
    rollout.reports("lab", "lab-1", "Degraded", ago=2)
    if turns_between:
        rollout.turn()
    rollout.reports("lab", "lab-1", ago=1)
    rolls_back = [one.operation.kind for one in rollout.turn().auto] == ["roll back"]
    assert rolls_back == turns_between
