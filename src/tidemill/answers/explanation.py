"""Everything that is known of one thing: its way so far, where it is, and what it waits for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from tidemill.answers.history import History, Place, Stay
from tidemill.answers.question import (
    Line,
    Question,
    ServiceStay,
    has_line,
    lines,
    moves_a_set,
    service_stays,
)
from tidemill.answers.thing import Known, Thing, could_be_digits, way
from tidemill.plan.obstacles import Wait
from tidemill.plan.status import Status, TargetStatus

MOST_LINES = 20

Held: TypeAlias = Mapping[Place, Sequence[tuple[Stay, Mapping[str, str] | None]]]
"""By place its stays, each with its references by service; None where they can't be read."""

Unlanded: TypeAlias = Sequence[tuple[str, Mapping[str, str]]]
"""Commits of app.git that no wave has had, each with its references by service."""


class Explanation(Struct, frozen=True):
    """All that is known of one thing.

    Attributes:
        lines: its way so far, in order.
        services: of a service or an image, where it was, from when to when.
        targets: with their waves, those that run it, or that it is.
        waiting: what waits of it, or for it.
    """

    thing: Thing
    lines: tuple[Line, ...]
    services: tuple[ServiceStay, ...]
    targets: tuple[tuple[str, TargetStatus], ...]
    waiting: tuple[Wait, ...]


def explanation(
    thing: Thing, past: History, now: Status, held: Held, unlanded: Unlanded
) -> Explanation:
    """What is known of a thing.

    Args:
        held: of all stays, where it is a service or an image.
        unlanded: where it is an image.
    """
    name, shas = thing.name, {thing.name}
    told: list[Line] = []
    services: list[ServiceStay] = []
    match thing.kind:
        case "app commit" | "cfg-app commit":
            told = way(past, name)
        case "target":
            told = lines(past, Question(target=name))[-MOST_LINES:]
        case "wave":
            told = lines(past, Question(wave=name))[-MOST_LINES:]
        case "service":
            for place, stays in held.items():
                services += service_stays(place, name, stays)
        case "image":
            services = list(_stays_of_image(name, held))
            stays_ = [(stay.app_sha, one) for of in held.values() for stay, one in of if one]
            shas |= _with_image(name, stays_)
            others = sorted(_with_image(name, unlanded) - shas)
            shas.update(others)
            told = [line for sha in others for line in way(past, sha)]
    return Explanation(
        thing=thing,
        lines=tuple(told),
        services=tuple(sorted(services, key=lambda one: one.since)),
        targets=tuple(
            (wave.name, target)
            for wave in now.waves
            for target in wave.targets
            if _concerns_target(thing, wave.name, target.name, shas & {*target.runs.values()})
        ),
        waiting=tuple(line for line in now.waiting if _concerns(thing, shas, line)),
    )


def _stays_of_image(digest: str, held: Held) -> Iterable[ServiceStay]:
    for place, stays in held.items():
        names = {key for _, one in stays if one for key, image in one.items() if digest in image}
        for service in sorted(names):
            found = service_stays(place, service, stays)
            yield from (one for one in found if one.image and one.image.endswith(digest))


def _with_image(digest: str, held: Iterable[tuple[str | None, Mapping[str, str]]]) -> set[str]:
    """The commits of app.git whose sets have an image."""
    return {
        sha for sha, images in held if sha and any(one.endswith(digest) for one in images.values())
    }


def _concerns_target(thing: Thing, wave: str, target: str, runs: Collection[str]) -> bool:
    match thing.kind:
        case "target":
            return target == thing.name
        case "wave":
            return wave == thing.name
        case _:
            return bool(runs)


def _concerns(thing: Thing, shas: Collection[str], line: Wait) -> bool:
    """Whether something that waits is, or waits for, the thing."""
    about = line.about
    if about.app_sha in shas or thing.name in (about.sha, about.wave):
        return True
    targets = {one for each in line.obstacles for one in getattr(each, "targets", ())}
    return thing.kind == "target" and thing.name in targets


def newest_lines(text: str, now: Known) -> Question | None:
    """The question whose newest lines alone are told of what a text means; None if more is."""
    match [kind for kind in ("targets", "services", "waves") if text in getattr(now, kind)]:
        case ["targets"]:
            return Question(target=text)
        case ["waves"]:
            return Question(wave=text)
        case _:
            return None


def needed_turns(text: str, now: Known) -> Callable[[datetime, str], bool] | None:
    """Which turns have to be read for what a text means; all, if it is None.

    Args:
        now: what there is today, and the commits of main.
    """
    if text in now.targets:
        return None
    if could_be_digits(text):
        # What targets report without a failure is about commits of main, and of nothing else.
        return None if any(sha.startswith(text) for sha in now.commits) else has_line
    if text in now.services:
        return moves_a_set
    return has_line if text in now.waves else None
