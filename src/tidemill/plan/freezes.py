"""Freezes: what the settings let into no wave for a time. They keep no rollback out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tidemill.facts.settings import Settings, Wave
from tidemill.plan.draft import Draft
from tidemill.plan.obstacles import FreezeInForce


def freezes_on(draft: Draft, wave: Wave) -> Iterator[FreezeInForce]:
    """The freezes that keep sets out of a wave now."""
    for one in draft.settings.freezes_of(wave.name):
        if one.begins <= draft.now < one.ends:
            yield FreezeInForce(wave=wave.name, reason=one.reason, since=one.begins, until=one.ends)


def thawed(settings: Settings, wave: Wave, when: datetime) -> datetime:
    """The first moment from `when` on in which no freeze is on a wave."""
    for one in settings.freezes_of(wave.name):
        if one.begins <= when < one.ends:
            return thawed(settings, wave, one.ends)
    return when
