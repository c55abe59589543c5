"""A person takes a wave back to an older set."""

from __future__ import annotations

from tidemill.announcing.order import order_of
from tidemill.asks.ask import RollBackWave
from tidemill.asks.asker import Answer, Asker
from tidemill.asks.places import by_sha, set_in, wave_named
from tidemill.errors import Refused
from tidemill.facts.ledger import Landing
from tidemill.facts.requests import Rollback
from tidemill.facts.state import State
from tidemill.plan.rollback import healthy_before


def answer(ask: RollBackWave, state: State, asker: Asker) -> Answer:
    """The rollback, from what the wave has now to the goal; raises `Refused` if there is none."""
    wave = wave_named(state, ask.wave)
    set_name = set_in(state, wave, ask.set)
    part = state.ledger.history(wave, set_name)
    if part.present is None:
        raise Refused(
            f"{wave} has no set {set_name} that a turn knows of",
            remedy="there is nothing to go back from",
        )
    return Rollback(
        accepted_at=asker.now,
        by=asker.by,
        wave=wave,
        set=set_name,
        leaves=part.present.point(),
        to=_goal(part.landings, part.present, ask.to, wave).point(),
        reason=ask.reason.strip(),
    )


def _goal(landings: list[Landing], present: Landing, sha: str | None, wave: str) -> Landing:
    if sha is None:
        goal = healthy_before(landings, order_of(present))
        if goal is None:
            raise Refused(
                f"no older set was healthy in {wave}",
                remedy="name one with --to SHA; what has no SHA a person puts back on main by hand",
            )
        return goal
    goal = by_sha(landings, sha, wave)
    if goal.content == present.content:
        raise Refused(
            f"{wave} has {sha} already",
            remedy="name an older set, or hold the wave with tidemill hold-wave",
        )
    if order_of(goal) >= order_of(present):
        raise Refused(
            f"{sha} is newer than what {wave} has",
            remedy=f"use tidemill promote-wave --wave {wave} --sha {sha}",
        )
    return goal
