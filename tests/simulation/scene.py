"""A random cfg-app.git: its waves, targets, image sets and settings."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from tests.simulation.forms import ENVIRONMENT
from tests.simulation.metrics import COMMAND, settings_of
from tests.simulation.receiver import NAME
from tests.simulation.sources import Rollout

START = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)  # a Monday
SPRING = datetime(2026, 3, 28, 22, 0, tzinfo=UTC)  # clocks go forward in Berlin in three hours
AUTUMN = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)  # and here back
ADMITS = ("when deployed", "when soaked", "at once")
NAMES = ("staging", "internal", "beta", "prod")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Window:
    """From one day of the week to another, from one hour to another, in a zone."""

    first: int
    last: int
    start: int
    end: int
    zone: str

    def text(self) -> str:
        days, hours = (
            f"{DAYS[self.first]}-{DAYS[self.last]}",
            f"{self.start:02}:00-{self.end:02}:00",
        )
        return f"{days} {hours} {self.zone}"

    def is_open(self, now: datetime) -> bool:
        here = now.astimezone(ZoneInfo(self.zone))
        return self.first <= here.weekday() <= self.last and self.start <= here.hour < self.end


@dataclass(frozen=True)
class Wave:
    """A wave of the settings; times are in minutes. `spare` targets need not run a set."""

    name: str
    after: tuple[str, ...]
    targets: tuple[str, ...]
    admit: str
    settle: int
    soak: int
    window: Window | None
    approval: bool
    on_failure: str
    was: str | None = None
    spare: int = 0

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who alone may ask for something there; none: everybody."""
        return ("Ada", "eve") if self.soak == 10 else ()

    @property
    def environment(self) -> str | None:
        """The environment of GitHub's whose reviewers look at what goes in there."""
        return ENVIRONMENT if self.approval and not self.approvers and self.settle == 15 else None

    @property
    def is_guarded(self) -> bool:
        """Whether it takes something only from those who can prove that they may ask."""
        return bool(self.approvers or self.environment)

    def lines(self) -> list[str]:
        """Its part of `tidemill.toml`."""
        options: dict[str, object] = {
            "name": self.name,
            "after": self.after,
            "targets": self.targets,
            "admit": self.admit,
            "settle": f"{self.settle}m",
            "soak": f"{self.soak}m",
            "windows": [self.window.text()] if self.window else [],
            "approval": self.approval,
            "approvers": self.approvers,
            "on_failure": self.on_failure,
        }
        if self.environment:
            options["environment"] = self.environment
        if self.was:
            options["was"] = self.was
        if 0 < self.spare < len(self.targets):
            options["need"] = f"all but {self.spare}"
        return ["[[waves]]", *(f"{key} = {json.dumps(value)}" for key, value in options.items())]


@dataclass(frozen=True)
class Freeze:
    """Of some waves, from one time until another; `zone` is what it is written in."""

    start: datetime
    end: datetime
    zone: str
    waves: tuple[str, ...]

    def lines(self) -> list[str]:
        """Its part of `tidemill.toml`."""
        options = {
            "from": self._shown(self.start),
            "until": self._shown(self.end),
            "zone": self.zone,
            "waves": self.waves,
            "reason": "stocktaking",
        }
        return ["[[freezes]]", *(f"{key} = {json.dumps(value)}" for key, value in options.items())]

    def holds(self, wave: str, now: datetime) -> bool:
        return wave in self.waves and self.start <= now < self.end

    def is_plain(self) -> bool:
        """Whether the clocks of its zone show both of its times once only."""
        times = [when.astimezone(ZoneInfo(self.zone)) for when in (self.start, self.end)]
        return all(
            one.replace(fold=0).utcoffset() == one.replace(fold=1).utcoffset() for one in times
        )

    def _shown(self, when: datetime) -> str:
        return f"{when.astimezone(ZoneInfo(self.zone)):%Y-%m-%dT%H:%M}"


@dataclass(frozen=True)
class Scene:
    """The settings of one history, and what its targets run.

    Attributes:
        services: by image set.
        uses: by wave and target the services that it runs, None for all.
        required: the checks; empty: whatever is reported.
        has_paths: whether the settings say what a target renders from.
        source: where verdicts are: in refs, or on GitHub.
        planned: the freezes, also of waves that have gone.
        is_told: whether a receiver is told what needs a person.
        generate: the command that generates; memory does what it does without it.
        begins: when the history begins.
        verifications: what is asked about every set in every wave.
    """

    waves: tuple[Wave, ...]
    services: Mapping[str, tuple[str, ...]]
    uses: Mapping[str, Mapping[str, tuple[str, ...] | None]]
    required: tuple[str, ...]
    test: str
    retries: int
    timeout: int
    has_paths: bool
    has_entries: bool
    source: str = "refs"
    stale: str = "wait"
    planned: tuple[Freeze, ...] = ()
    is_told: bool = False
    generate: str = "generate"
    verifications: tuple[str, ...] = ()
    begins: datetime = START

    @property
    def sets(self) -> tuple[str, ...]:
        return tuple(self.services)

    @property
    def contexts(self) -> tuple[str, ...]:
        """The checks that a runner reports."""
        return self.required or ("check",)

    def wave(self, name: str) -> Wave:
        return next(wave for wave in self.waves if wave.name == name)

    @property
    def freezes(self) -> tuple[Freeze, ...]:
        """Those of waves that are there."""
        names = {wave.name for wave in self.waves}
        found = (
            replace(one, waves=tuple(name for name in one.waves if name in names))
            for one in self.planned
        )
        return tuple(one for one in found if one.waves)

    def followers(self, name: str) -> tuple[Wave, ...]:
        return tuple(wave for wave in self.waves if name in wave.after)

    def rollout(self) -> Rollout:
        """The sources that the history begins with."""
        images = "images/{wave}/{set}" if len(self.services) > 1 else "images/{wave}"
        return Rollout(self.sets, images, self.uses)

    def settings(self) -> bytes:
        """`tidemill.toml`."""
        lines = ["[checks]", f'source = "{self.source}"', f"required = {json.dumps(self.required)}"]
        lines += [f'test = "{self.test}"', f"retries = {self.retries}"]
        lines += [f'timeout = "{self.timeout}m"', "[images]"]
        lines += [f'path = "{self.rollout().images}"', 'allow = ["ghcr.io/acme/*"]']
        lines += ["[entrypoints]", f'generate = "{self.generate}"', f'stale = "{self.stale}"']
        if self.has_entries:
            lines += ['introduce = "introduce {wave} {set} {file}"', 'promote = "promote {wave}"']
        if self.has_paths:
            lines += ["[deployments]", 'path = "generated/{wave}/{target}"']
        for name in self.services:
            lines += ["[[sets]]", f'name = "{name}"', f'repository = "acme/{name}"']
        for wave in self.waves:
            lines += wave.lines()
        for freeze in self.freezes:
            lines += freeze.lines()
        for name in self.verifications:
            lines += settings_of(name)
        if self.is_told:
            lines += ["[[signals.receivers]]", f'name = "{NAME}"', 'kind = "webhook"']
        return ("\n".join(lines) + "\n").encode()


def random_scene(rng: random.Random) -> Scene:
    """Any scene; simple ones more often than others."""
    services = {
        name: tuple(f"{name}{number}" for number in range(rng.randint(1, 3)))
        for name in ("app", "lib", "db")[: rng.choice((1, 1, 2, 2, 3))]
    }
    every = [service for mine in services.values() for service in mine]
    waves: list[Wave] = []
    for name in NAMES[: rng.choice((1, 2, 2, 3, 3, 4))]:
        waves.append(_wave(rng, name, [wave.name for wave in waves]))
    uses = {wave.name: {target: _used(rng, every) for target in wave.targets} for wave in waves}
    scene = Scene(
        waves=tuple(waves),
        services=services,
        uses=uses,
        required=rng.choice(((), ("check",), ("check", "lint"))),
        test=rng.choice(("head", "head", "each")),
        retries=rng.choice((0, 0, 1, 2)),
        timeout=rng.choice((20, 60)),
        has_paths=rng.random() < 0.85,
        has_entries=rng.random() < 0.2,
        stale="regenerate" if len(every) % 2 else "wait",
        is_told=len(waves) % 2 == 0,
        begins={60: SPRING, 10: AUTUMN}.get(waves[0].soak, START),
        verifications=(COMMAND,) if waves[0].settle == 30 else (),
    )
    return running_all(scene)


def running_all(scene: Scene) -> Scene:
    """The scene with some service of each set in each wave: a set of which the files of a wave
    name nothing goes no further, and that is right."""
    uses = {}
    for wave, targets in scene.uses.items():
        mine = uses[wave] = dict(targets)
        first, some = next(iter(mine.items()))
        for services in scene.services.values():
            if some is not None and not any(
                used is None or set(used) & set(services) for used in mine.values()
            ):
                some = mine[first] = (*some, services[0])
    return replace(scene, uses=uses)


def _wave(rng: random.Random, name: str, before: list[str]) -> Wave:
    after: tuple[str, ...] = tuple(before[-1:])
    if len(before) > 1 and rng.random() < 0.4:
        after = tuple(rng.sample(before, rng.randint(1, min(len(before), 3))))
    if before and rng.random() < 0.1:
        after = ()
    is_odd = rng.random() < 0.4
    count = rng.choice((1, 1, 2, 3, 4))
    return Wave(
        name=name,
        after=after,
        targets=tuple(f"{name}-{number}" for number in range(count)),
        admit=rng.choice(ADMITS) if is_odd else ADMITS[0],
        settle=rng.choice((5, 15, 30)),
        soak=rng.choice((0, 0, 10, 60)),
        window=_window(rng) if rng.random() < 0.15 else None,
        approval=bool(after) and rng.random() < 0.15,
        on_failure="roll back" if rng.random() < 0.3 else "wait",
        spare=1 if count > 2 and rng.random() < 0.5 else 0,
    )


def _window(rng: random.Random) -> Window:
    start = rng.randint(6, 12)
    zone = "Europe/Berlin" if start % 2 else "UTC"
    return Window(0, rng.choice((4, 6)), start, start + rng.randint(3, 10), zone)


def _used(rng: random.Random, every: list[str]) -> tuple[str, ...] | None:
    if rng.random() < 0.5:
        return None
    return tuple(sorted(rng.sample(every, rng.randint(1, len(every)))))


def minutes(count: float) -> timedelta:
    """That many minutes."""
    return timedelta(minutes=count)


def changed(rng: random.Random, scene: Scene) -> Scene:
    """The scene with something else in its settings, as a person might change it."""
    return running_all(_changed(rng, scene))


def _changed(rng: random.Random, scene: Scene) -> Scene:
    index = rng.randrange(len(scene.waves))
    wave, waves = scene.waves[index], list(scene.waves)
    other = _wave(rng, wave.name, [one.name for one in scene.waves[:index]])
    match rng.choice(("times", "rules", "checks", "more", "fewer", "new wave", "no wave")):
        case "times":
            waves[index] = replace(wave, settle=other.settle, soak=other.soak, window=other.window)
        case "rules":
            approval = other.approval and bool(wave.after)
            waves[index] = replace(
                wave, admit=other.admit, approval=approval, on_failure=other.on_failure
            )
        case "checks":
            required = rng.choice(((), ("check",), ("check", "lint")))
            return replace(scene, required=required, retries=rng.choice((0, 1, 2)))
        case "more" if not wave.spare:
            return _with_target(rng, scene, wave)
        case "fewer" if len(wave.targets) > 1 and not wave.spare:
            waves[index] = replace(wave, targets=wave.targets[:-1])
        case "new wave" if len(waves) < len(NAMES):
            name = next(name for name in NAMES if name not in {one.name for one in waves})
            fresh = _wave(rng, name, [one.name for one in waves])
            every = [service for mine in scene.services.values() for service in mine]
            uses = {**scene.uses, name: {target: _used(rng, every) for target in fresh.targets}}
            return replace(scene, waves=(*waves, fresh), uses=uses)
        case "no wave" if len(waves) > 1:
            del waves[index]
            waves = [_without(one, wave) for one in waves]
        case _:
            pass
    uses = {one.name: {name: scene.uses[one.name][name] for name in one.targets} for one in waves}
    return replace(scene, waves=tuple(waves), uses=uses)


def _with_target(rng: random.Random, scene: Scene, wave: Wave) -> Scene:
    every = [service for mine in scene.services.values() for service in mine]
    numbers = (f"{wave.name}-{number}" for number in count(len(wave.targets)))
    name = next(one for one in numbers if one not in wave.targets)
    more = replace(wave, targets=(*wave.targets, name))
    uses = {**scene.uses, wave.name: {**scene.uses[wave.name], name: _used(rng, every)}}
    waves = tuple(more if one is wave else one for one in scene.waves)
    return replace(scene, waves=waves, uses=uses)


def _without(wave: Wave, gone: Wave) -> Wave:
    """A wave that came after one that is gone comes after what that one came after."""
    if gone.name not in wave.after:
        return wave
    after = [name for name in wave.after if name != gone.name]
    after += [name for name in gone.after if name not in after]
    return replace(wave, after=tuple(after), approval=wave.approval and bool(after))
