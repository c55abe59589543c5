"""`tidemill explain`: everything about one thing: its way so far, and what it waits for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import chain

from tidemill.answers.explanation import (
    Held,
    Unlanded,
    explanation,
    has_all_told,
    needed_turns,
    only_meaning,
)
from tidemill.answers.history import History
from tidemill.answers.thing import (
    Known,
    Thing,
    asked,
    could_be_digits,
    images,
    known,
    named,
    similar,
    things,
)
from tidemill.clients.git.repository import opened
from tidemill.clients.git.store import Store
from tidemill.clients.github.connecting import Unasked, connected_to_look
from tidemill.commands import _options
from tidemill.commands._parameters import Argument, Arguments
from tidemill.commands._remedies import Remedies
from tidemill.commands._results import Explanations, Result
from tidemill.commands._writing import tell
from tidemill.errors import Refused
from tidemill.facts.requests import app_sha_of
from tidemill.facts.settings import Settings
from tidemill.facts.snapshot import Snapshot, UnreadableRef
from tidemill.facts.state import State
from tidemill.plan.status import status
from tidemill.turn.past import digests_of, read_history, unlanded_images
from tidemill.turn.read import read, snapshot
from tidemill.turn.turn import look_from
from tidemill.words.lists import listed
from tidemill.words.names import shown
from tidemill.words.nearest import did_you_mean

EXAMPLE = "tidemill explain 7d1043473d55 --repo https://github.com/acme/cfg-app"

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


def run(arguments: Arguments) -> Result:
    """Find out what is meant, and say all that Git knows of it."""
    options = _options.options(arguments)
    with opened(arguments.repo) as store:
        state = read(store)
        here = snapshot(store, state, options.now)
        settings, now = state.valid_settings, _now(store, state, here)
        text = arguments.what if named(arguments.what, now) else asked(arguments.what)
        only = only_meaning(text, now)
        past = read_history(
            store,
            state,
            partial(_has_all_told, store, settings, only) if only else None,
            is_needed=needed_turns(text, now),
        )
        all_known = known(past, now)
        meant = things(text, all_known)
        held: Held = {}
        if any(one.kind == "service" for one in meant) or not meant:
            held = _held(store, settings, past, text)
        unlanded: Unlanded = []
        if not meant:
            unlanded = unlanded_images(store, state)
            meant = _others(text, all_known, held, unlanded)
        _check_is_one(text, meant)
        forge = connected_to_look(arguments.repo, tell, settings, options.now)
        found = status(*look_from(store, here, forge))
    told = tuple(explanation(one, past, found, held, unlanded) for one in meant)
    missing = (*past.missing, *([forge.WORDS] if isinstance(forge, Unasked) else []))
    return Explanations(told, missing, Remedies.of(arguments.repo, options.now))


def _has_all_told(store: Store, settings: Settings, thing: Thing, past: History) -> bool:
    """Whether the last turns have all that is told of a thing."""
    is_service = thing.kind == "service"
    held = _held(store, settings, past, thing.name) if is_service else {}
    return has_all_told(thing, past, held)


def _now(store: Store, state: State, here: Snapshot) -> Known:
    """What there is today, and all commits of main."""
    settings = state.valid_settings
    shas = (
        app_sha_of(fact) for fact in state.inbox.values() if not isinstance(fact, UnreadableRef)
    )
    services = (files.digests for files in here.main.sets.values())
    return Known(
        app_shas=frozenset(filter(None, shas)),
        commits=frozenset(store.commits(state.main)),
        services=frozenset(chain.from_iterable(services)),
        targets=frozenset(target for wave in settings.waves for target in wave.targets),
        waves=frozenset(wave.name for wave in settings.waves),
    )


def _held(store: Store, settings: Settings, past: History, about: str) -> Held:
    flat = [stay for stays in past.present.values() for stay in stays]
    about = about.removeprefix("sha256:")
    read_ = iter(digests_of(store, settings, flat, about=about))
    return {place: [(stay, next(read_)) for stay in stays] for place, stays in past.present.items()}


def _others(text: str, all_known: Known, held: Held, unlanded: Unlanded) -> list[Thing]:
    """Services that no wave has any more, and digests."""
    every = [one for stays in held.values() for _, one in stays if one]
    if any(text in one for one in every):
        return [Thing(kind="service", name=text)]
    every += [one for _, one in unlanded]
    found = images(text, every) if could_be_digits(text) else []
    meant = [Thing(kind="image", name=one) for one in found]
    if not meant:
        raise Refused(
            f"nothing that Git knows here is called {shown(text)}",
            remedy=f"{did_you_mean(text, similar(text, all_known))}give a commit or a digest "
            "with 7 digits or more, or the name of a service, a target or a wave: "
            f"{listed(all_known.names, MOST_NAMED)}",
        )
    return meant


def _check_is_one(text: str, meant: Sequence[Thing]) -> None:
    """Digits mean one thing; a name may be that of a service and of a target."""
    if len({one.name for one in meant}) > 1:
        found = listed([f"{one.kind} {one.name}" for one in meant], MOST_NAMED)
        raise Refused(f"{shown(text)} could be {found}", remedy="give more of its digits")
