"""`tidemill explain`: everything about one thing: its way so far, and what it waits for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from tidemill.answers.history import History, Place, Stay
from tidemill.answers.question import Question, ServiceStay, lines, service_stays
from tidemill.answers.thing import (
    Known,
    Thing,
    asked,
    could_be_digits,
    images,
    known,
    similar,
    things,
    way,
)
from tidemill.clients.git.repository import opened
from tidemill.clients.git.store import Store
from tidemill.clients.github.connecting import connected
from tidemill.commands import _options
from tidemill.commands._parameters import Argument, Arguments
from tidemill.commands._remedies import Remedies
from tidemill.commands._results import Explanation, Explanations, Result
from tidemill.commands._writing import tell
from tidemill.errors import Refused
from tidemill.facts.requests import app_sha_of
from tidemill.facts.settings import Settings
from tidemill.facts.snapshot import UnreadableRef
from tidemill.plan.obstacles import Wait
from tidemill.plan.status import Status, status
from tidemill.turn.past import digests_of, read_history, unlanded_images
from tidemill.turn.read import read
from tidemill.turn.turn import look
from tidemill.words.lists import listed
from tidemill.words.names import shown
from tidemill.words.nearest import did_you_mean

EXAMPLE = "tidemill explain 7d1043473d55 --repo https://github.com/acme/cfg-app"

MOST_REPORTS = 20
MOST_NAMED = 10

PARAMETERS = (
    Argument(
        ["what"],
        metavar="WHAT",
        help="a commit of app.git or of cfg-app.git, or a digest, 7 digits or more; or the name of "
        "a service, a target or a wave",
    ),
    _options.Repository(takes_origin=True),
    _options.NOW,
    _options.JSON,
)

_Digests = Mapping[Place, Sequence[tuple[Stay, Mapping[str, str] | None]]]
_Unlanded = Sequence[tuple[str, Mapping[str, str]]]  # commits of app.git with their images


def run(arguments: Arguments) -> Result:
    """Find out what is meant, and say all that Git knows of it."""
    options = _options.options(arguments)
    text = asked(arguments.what)
    with opened(arguments.repo) as store:
        state = read(store)
        past = read_history(store, state)
        found = status(*look(store, state, options.now, connected(arguments.repo, tell)))
        settings = state.valid_settings
        newest = _digests(store, settings, past, newest=True)
        services = {name for held in newest.values() for _, one in held if one for name in one}
        all_known = known(past, services, store.commits(state.main))
        asked_for = {
            sha
            for fact in state.inbox.values()
            if not isinstance(fact, UnreadableRef) and (sha := app_sha_of(fact))
        }
        listed = {target for wave in settings.waves for target in wave.targets}
        all_known = Known(
            app_shas=all_known.app_shas | asked_for,
            commits=all_known.commits,
            services=all_known.services,
            targets=all_known.targets | listed,
            waves=all_known.waves | {wave.name for wave in settings.waves},
        )
        meant = things(text, all_known)
        digests: _Digests = {}
        if any(one.kind == "service" for one in meant) or not meant:
            digests = _digests(store, settings, past)
        unlanded: _Unlanded = []
        if not meant:
            unlanded = unlanded_images(store, state)
            meant = _others(text, all_known, digests, unlanded)
    _check_is_one(text, meant)
    told = tuple(_explained(one, past, found, digests, unlanded) for one in meant)
    return Explanations(told, past.missing, Remedies.of(arguments.repo, options.now))


def _digests(store: Store, settings: Settings, past: History, *, newest: bool = False) -> _Digests:
    """By place, each stay with its references by service; of the newest stays alone, or of all."""
    held = {place: stays[-1:] if newest else stays for place, stays in past.present.items()}
    flat = [stay for stays in held.values() for stay in stays]
    read_ = iter(digests_of(store, settings, flat))
    return {place: [(stay, next(read_)) for stay in stays] for place, stays in held.items()}


def _others(text: str, all_known: Known, digests: _Digests, unlanded: _Unlanded) -> list[Thing]:
    """Digests, and services that no wave has any more."""
    every = [one for held in digests.values() for _, one in held if one]
    if could_be_digits(text):
        every += [one for _, one in unlanded]
        meant = [Thing(kind="image", name=one) for one in images(text, every)]
    else:
        gone = {name for one in every for name in one}
        meant = [Thing(kind="service", name=text)] if text in gone else []
    if not meant:
        raise Refused(
            f"nothing that Git knows here is called {shown(text)}",
            remedy=f"{did_you_mean(text, similar(text, all_known))}give a commit or a digest "
            "with 7 digits or more, or the name of a service, a target or a wave",
        )
    return meant


def _check_is_one(text: str, meant: Sequence[Thing]) -> None:
    """Digits mean one thing; a name may be that of a service and of a target."""
    if len({one.name for one in meant}) > 1:
        named = listed([f"{one.kind} {one.name}" for one in meant], MOST_NAMED)
        raise Refused(f"{shown(text)} could be {named}", remedy="give more of its digits")


def _explained(
    thing: Thing, past: History, found: Status, digests: _Digests, unlanded: _Unlanded
) -> Explanation:
    name = thing.name
    shas = {name}
    match thing.kind:
        case "app commit" | "cfg-app commit":
            told = way(past, thing)
        case "target":
            told = lines(past, Question(target=name))[-MOST_REPORTS:]
        case "wave":
            told = lines(past, Question(wave=name))[-MOST_REPORTS:]
        case _:
            told = []
    services: list[ServiceStay] = []
    if thing.kind == "service":
        for place, held in digests.items():
            services += service_stays(place, name, held)
    elif thing.kind == "image":
        for place, held in digests.items():
            names = {key for _, one in held if one for key, image in one.items() if name in image}
            for service in sorted(names):
                stays = service_stays(place, service, held)
                services += [one for one in stays if one.image and one.image.endswith(name)]
        landed = [(stay.app_sha, one) for held in digests.values() for stay, one in held if one]
        shas |= _with_image(name, landed)
        others = sorted(_with_image(name, unlanded) - shas)
        shas.update(others)
        told = [line for sha in others for line in way(past, Thing(kind="app commit", name=sha))]
    return Explanation(
        thing=thing,
        lines=tuple(told),
        services=tuple(sorted(services, key=lambda one: one.since)),
        targets=tuple(
            (wave.name, target)
            for wave in found.waves
            for target in wave.targets
            if _concerns_target(thing, wave.name, target.name, shas & {*target.runs.values()})
        ),
        waiting=tuple(line for line in found.waiting if _concerns(thing, shas, line)),
    )


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
