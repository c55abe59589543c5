"""Everything that is known of one thing: its way so far, where it is, and what it waits for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from tidemill.answers.history import History, Place, Stay
from tidemill.answers.question import (
    Line,
    Question,
    ServiceStay,
    by_time,
    has_line,
    has_newest,
    has_newest_stays,
    lines,
    moves_a_set,
    newest_stays,
    service_stays,
)
from tidemill.answers.thing import Known, Thing, could_be_digits, named, way
from tidemill.plan.obstacles import Wait
from tidemill.plan.status import Status, TargetStatus

MOST_LINES = 20  # of what a name means: it may have been there for all time

Held: TypeAlias = Mapping[Place, Sequence[tuple[Stay, Mapping[str, str] | None]]]
"""By place its stays, each with its references by service; None where they can't be read."""

Unlanded: TypeAlias = Sequence[tuple[str, Mapping[str, str]]]
"""Commits of app.git that no wave has had, each with its references by service."""


class Explanation(Struct, frozen=True):
    """All that is known of one thing.

    Attributes:
        lines: its way so far, in order.
        services: of a service or an image, where it was, from when to when.
        earlier: how many lines or stays of a service come before these; None if they were not
            read, and so not counted.
        targets: with their waves, those that run it, or that it is.
        waiting: what waits of it, or for it.
    """

    thing: Thing
    lines: tuple[Line, ...]
    services: tuple[ServiceStay, ...]
    targets: tuple[tuple[str, TargetStatus], ...]
    waiting: tuple[Wait, ...]
    earlier: int | None = 0


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
    count = 0
    match thing.kind:
        case "app commit" | "cfg-app commit":
            told = way(past, name)
        case "target" | "wave":
            every = lines(past, _about(thing))
            told, count = every[-MOST_LINES:], len(every)
        case "service":
            all_stays = _stays_of_service(name, held)
            services, count = newest_stays(all_stays, MOST_LINES), len(all_stays)
        case "image":
            services = sorted(_stays_of_image(name, held), key=lambda one: one.since)
            stays_ = [(stay.app_sha, one) for of in held.values() for stay, one in of if one]
            shas |= _with_image(name, stays_)
            others = sorted(_with_image(name, unlanded) - shas)
            shas.update(others)
            told = [line for sha in others for line in way(past, sha)]
    return Explanation(
        thing=thing,
        lines=tuple(told),
        services=tuple(services),
        targets=tuple(
            (wave.name, target)
            for wave in now.waves
            for target in wave.targets
            if _concerns_target(thing, wave.name, target.name, shas & {*target.runs.values()})
        ),
        waiting=tuple(line for line in now.waiting if _concerns(thing, shas, line)),
        earlier=None if past.is_part else max(count - len(told) - len(services), 0),
    )


def _about(thing: Thing) -> Question:
    """The question whose lines are told of a target or a wave."""
    name = thing.name
    return Question(target=name) if thing.kind == "target" else Question(wave=name)


def _stays_of_service(name: str, held: Held) -> list[ServiceStay]:
    return by_time(service_stays(place, name, stays) for place, stays in held.items())


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


def only_meaning(text: str, now: Known) -> Thing | None:
    """What a name means of which the newest lines alone are told; None if more is."""
    found = named(text, now)
    return found[0] if len(found) == 1 else None


def has_all_told(thing: Thing, past: History, held: Held) -> bool:
    """Whether the last turns have all that is told of a target, a wave or a service.

    Args:
        held: of all stays, where it is a service.
    """
    if thing.kind == "service":
        return has_newest_stays(past, _stays_of_service(thing.name, held), MOST_LINES)
    return has_newest(past, _about(thing), MOST_LINES)


def needed_turns(text: str, now: Known) -> Callable[[object, str], bool] | None:
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
