"""A target's report becomes a deployment record, with what its revision says of the wave's sets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from tidemill.asks.ask import Nothing, ReportDeployment
from tidemill.asks.asker import Lookup
from tidemill.errors import Refused
from tidemill.facts.records import Deployment
from tidemill.facts.settings import no_such_target
from tidemill.facts.state import State


def answer(
    ask: ReportDeployment, state: State, now: datetime, look: Lookup
) -> Deployment | Nothing:
    """The record, unless the target has said so already.

    Raises:
        Refused: there is no such target, or the revision is not on main.
    """
    settings = state.usable_settings
    record = Deployment(
        accepted_at=now,
        wave=_by_todays_name(state, ask),
        target=ask.target,
        revision=ask.revisions[0],
        phase=ask.phase,
        health=ask.health,
        finished_at=ask.finished_at,
        images=tuple(sorted(set(ask.images))),
    )
    if ask.if_listed and settings and settings.listing(record.wave, record.target) is None:
        return Nothing(no_such_target(record.wave, record.target))
    meant = msgspec.structs.replace(record, revision=_on_main(look, ask.revisions))
    last = state.last_said(record.wave, record.target)
    if last is not None and last.id == meant.id and last.id not in state.inbox:
        return Nothing(f"{record.target} has said so already")
    return look.resolved(meant) if settings else meant


def _by_todays_name(state: State, ask: ReportDeployment) -> str:
    """What its wave is called today: of several heirs the one that lists the target."""
    if state.renaming is None:
        return ask.wave
    waves = state.renaming.listing(state.waves_meant(ask.wave), ask.target)
    return waves[0] if len(waves) == 1 else ask.wave


def _on_main(look: Lookup, revisions: Sequence[str]) -> str:
    """The revision that is a commit of main; of several the oldest, which all of it has reached."""
    if len(revisions) == 1:
        return revisions[0]
    if found := look.oldest_on_main(revisions):
        return found
    raise Refused(
        f"none of the revisions {', '.join(revisions[:3])} is on main",
        remedy="report the commit of main that the target has synced",
    )
