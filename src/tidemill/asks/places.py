"""From the names that somebody gave to the wave, the set and the commit that are meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from msgspec.structs import replace

from tidemill.announcing.announcement import Announcement, Head
from tidemill.asks.asker import Asker
from tidemill.errors import Refused
from tidemill.facts.ledger import Landing
from tidemill.facts.requests import AnnouncementRequest
from tidemill.facts.settings import Wave
from tidemill.facts.state import State
from tidemill.plan.position import rewrites_of
from tidemill.words.nearest import no_such

_Head = TypeVar("_Head", bound=Head)


def wave_of(state: State, name: str) -> Wave:
    """The wave of that name; raises `Refused` if there is none."""
    settings = state.valid_settings
    wave = settings.wave(_meant("wave", name, state.waves_meant(name)))
    if wave is None:
        raise no_such("wave", name, [one.name for one in settings.waves], "the waves are")
    return wave


def _meant(kind: str, name: str, meant: tuple[str, ...]) -> str:
    """What is meant by a name that a wave or set may have had before."""
    if len(meant) > 1:
        raise Refused(
            f"the {kind} {name} has become several", remedy=f"name one of {', '.join(meant)}"
        )
    return meant[0]


def wave_named(state: State, name: str) -> str:
    """The name of a wave; taken as it is where the settings can't tell, so that people can act."""
    return wave_of(state, name).name if state.usable_settings else name


def set_named(state: State, name: str | None) -> str | None:
    """The name of a set, None if none was given; taken as it is where the settings can't tell."""
    if name is None or state.usable_settings is None:
        return name
    return set_of(state, name)


def set_in(state: State, wave: str, name: str | None) -> str:
    """The set that is meant in a wave; by the ledger where the settings can't tell."""
    if state.usable_settings:
        return set_of(state, name)
    known = [one for one, part in state.ledger.sets.get(wave, {}).items() if part.landings]
    if name is None and len(known) != 1:
        raise Refused(f"{wave} does not have exactly one set", remedy="name one with --set")
    return name or known[0]


def set_of(state: State, name: str | None) -> str:
    """The set of that name, or the only one; raises `Refused` otherwise."""
    settings = state.valid_settings
    names = [one.name for one in settings.sets]
    if name is None:
        if len(settings.sets) > 1:
            known = ", ".join(names)
            raise Refused("there are several image sets", remedy=f"name one with --set: {known}")
        return settings.sets[0].name
    name = _meant("set", name, state.sets_meant(name))
    if settings.image_set(name) is None:
        raise no_such("set", name, names, "the sets are")
    return name


def by_todays_name(state: State, head: _Head) -> _Head:
    """Under what its set is called today: app.git may not know yet that the name has changed."""
    meant = state.sets_meant(head.set)
    return replace(head, set=meant[0]) if len(meant) == 1 else head


def waiting(state: State) -> dict[str, AnnouncementRequest]:
    """The announcements that wait, by their ids, each under what its set is called today."""
    meant = state.remembered.meant
    found = {}
    for request, fact in state.inbox.items():
        if isinstance(fact, AnnouncementRequest):
            _, name = meant.get(request, (None, fact.announcement.set))
            head = by_todays_name(state, replace(fact.announcement, set=name))
            found[request] = replace(fact, announcement=head)
    return found


def rewrites(state: State, announcement: Announcement, *, overridden: bool) -> int:
    """How often positions of the announcement's generation have gone back, this time included."""
    return rewrites_of(
        state.remembered, waiting(state).values(), announcement, overridden=overridden
    )


def by_sha(landings: Iterable[Landing], sha: str, where: str, asker: Asker) -> Landing:
    """The newest landing whose app SHA begins with `sha`; refuses none, and two of them."""
    found = [landing for landing in landings if landing.app_sha and landing.app_sha.startswith(sha)]
    if not found:
        raise Refused(
            f"{where} has had no set of commit {sha}",
            remedy=f"see what runs where: {asker.status}",
        )
    if len({landing.app_sha for landing in found}) > 1:
        raise Refused(f"{sha} is the beginning of several commits", remedy="give more digits")
    return found[-1]
