"""A person puts a set straight into one wave, past all waves before."""

from __future__ import annotations

from tidemill.announcing.by_reference import AnnouncementReference
from tidemill.asks.ask import Nothing, PutHotfix
from tidemill.asks.asker import Answer, Asker, Lookup
from tidemill.asks.places import by_todays_name, wave_of
from tidemill.errors import Refused
from tidemill.facts.requests import Hotfix
from tidemill.facts.state import State
from tidemill.plan.position import why_no_hotfix, why_not_from_there
from tidemill.words.shas import short


def answer(ask: PutHotfix, state: State, asker: Asker, look: Lookup) -> Answer:
    """The hotfix, unless the wave has these very images.

    Raises:
        Refused: there is no such wave, or the settings do not let these images in.
    """
    wave = wave_of(state, ask.wave).name
    announcement = ask.announcement
    settings = state.valid_settings
    if isinstance(announcement, AnnouncementReference):
        # Nobody's token asks another repository than the set's for anything.
        if reason := why_not_from_there(settings, by_todays_name(state, announcement)):
            raise _not_allowed(reason)
        announcement = look.announcement(announcement)
    announcement = by_todays_name(state, announcement)
    if reason := why_no_hotfix(settings, announcement):
        raise _not_allowed(reason)
    hotfix = Hotfix(
        accepted_at=asker.now,
        by=asker.by,
        wave=wave,
        announcement=announcement,
        override=ask.override.strip(),
    )
    present = state.ledger.present(wave, announcement.set)
    if present is not None and present.content == hotfix.content:
        return Nothing(f"{wave} has {short(announcement.sha)} already")
    return hotfix


def _not_allowed(reason: str) -> Refused:
    return Refused(reason, remedy="name images that [[sets]] and [images] of tidemill.toml allow")
