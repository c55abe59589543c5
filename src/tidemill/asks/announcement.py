"""An announcement: what a turn would reject is refused before it is written."""

from __future__ import annotations

from tidemill.announcing.announcement import Announcement
from tidemill.announcing.by_reference import AnnouncementReference
from tidemill.asks.ask import Announce, BareAnnouncement
from tidemill.asks.asker import Answer, Asker, Ended, Lookup
from tidemill.asks.places import by_todays_name, rewrites, set_of, waiting
from tidemill.errors import Refused
from tidemill.facts.requests import AnnouncementRequest
from tidemill.facts.settings import ONLY_SET
from tidemill.facts.state import State
from tidemill.plan.position import how_ended, why_not_theirs, why_unwelcome


def answer(ask: Announce, state: State, asker: Asker, look: Lookup) -> Answer:
    """The announcement as a request; or how the same one has ended, where its artifact may be gone.

    Raises:
        Refused: the settings or the history do not let it in.
    """
    settings = state.usable_settings
    match ask.announcement:
        case BareAnnouncement() as bare:
            announcement = _of_bare(bare, state)
        case AnnouncementReference() as referred:
            meant = by_todays_name(state, referred)
            if ask.override is None and (known := _known(state, meant)):
                return known
            if settings and (reason := why_not_theirs(settings, meant, ask.sender)):
                raise _unwelcome(reason, asker)
            announcement = look.announcement(referred)
        case Announcement() as announcement:
            pass
    announcement = by_todays_name(state, announcement)
    announced = AnnouncementRequest(
        accepted_at=asker.now,
        by=asker.by,
        announcement=announcement,
        sender=ask.sender,
        override=ask.override,
        rewrites=rewrites(state, announcement, overridden=ask.override is not None),
    )
    if settings and (
        reason := why_unwelcome(settings, state.remembered, announced, waiting(state).values())
    ):
        raise _unwelcome(reason, asker)
    return announced


def _known(state: State, referred: AnnouncementReference) -> AnnouncementRequest | Ended | None:
    """The same announcement, where it was accepted before."""
    how = state.remembered.how_ended(referred.id)
    if how and (settings := state.usable_settings):
        how = how_ended(settings, state.remembered, referred.id, referred)
    if how:
        return Ended(referred.id, how, referred.sha)
    there = state.inbox.get(referred.id)
    if isinstance(there, AnnouncementRequest) and there.announcement.sha == referred.sha:
        return there
    return None


def _of_bare(bare: BareAnnouncement, state: State) -> Announcement:
    sha, repository, position = bare.sha, bare.repository, bare.position
    if sha is None or repository is None or position is None:
        given = {"--app-sha": sha, "--app-repository": repository, "--position": position}
        missing = ", ".join(option for option, value in given.items() if value is None)
        raise Refused("this announcement is in the bare form", remedy=f"add {missing}")
    return bare.form.of(
        set_name=set_of(state, bare.set) if state.usable_settings else bare.set or ONLY_SET,
        repository=repository,
        sha=sha,
        position=position,
        generation=1 if bare.generation is None else bare.generation,
    )


def _unwelcome(reason: str, asker: Asker) -> Refused:
    return Refused(
        reason,
        remedy="announce what [[sets]] and [images] of tidemill.toml allow, each commit once; "
        "where these are wrong, mend them on main, and announce again: in app.git, run the job "
        f"announce again; where the reason names an override: {asker.overriding}",
    )
