"""Admission: a wave takes the next set when its present one has settled.

It has when it is deployed there, or has failed there, or when it is silent: neither of these
`settle` after it landed. With `admit = "when soaked"` a deployed set has settled only when it has
soaked for every wave that follows; "at once" takes sets as they come.
"""

from __future__ import annotations

from tidemill.facts.settings import Wave
from tidemill.plan.draft import Draft
from tidemill.plan.obstacles import Obstacle, SetInFlight, SetOnAuto
from tidemill.plan.silent_targets import missing
from tidemill.plan.soak import soaks_for_others


def not_admitted(draft: Draft, wave: Wave, set_name: str) -> Obstacle | None:
    """Why the wave can't take another set yet: one is in flight."""
    if wave.admit == "at once":
        return None
    if under_test := draft.on_auto(wave.name, set_name):
        return SetOnAuto(wave=wave.name, app_sha=under_test[-1].app_sha)
    landing = draft.ledger.present(wave.name, set_name)
    if landing is None or not landing.is_known or landing.has_failed or landing.buried:
        return None
    if wave.admit == "when deployed" and landing.deployed_once:
        return None
    if landing.deployed_at is not None:
        return soaks_for_others(draft, wave, landing) if wave.admit == "when soaked" else None
    until = landing.landed_at + wave.settle
    if draft.now >= until:
        return None
    return SetInFlight(
        wave=wave.name,
        app_sha=landing.app_sha,
        targets=missing(draft, wave, landing),
        since=landing.landed_at,
        until=until,
    )
