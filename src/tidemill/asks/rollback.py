"""A person takes a wave back to what it had before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tidemill.asks.ask import RollBackWave
from tidemill.asks.asker import Answer, Asker
from tidemill.asks.places import by_sha, set_in, wave_named
from tidemill.errors import Refused
from tidemill.facts.ledger import Landing, SetLedger
from tidemill.facts.requests import Rollback, SetRollback
from tidemill.facts.state import State
from tidemill.plan.rollback import had_at, healthy_before, is_older
from tidemill.words.lists import listed
from tidemill.words.moments import as_typed, parse_moment
from tidemill.words.names import shown
from tidemill.words.shas import short


def answer(ask: RollBackWave, state: State, asker: Asker) -> Answer:
    """The rollback, from what the wave has now to the goal; raises `Refused` if there is none."""
    wave = wave_named(state, ask.wave)
    if ask.at is not None and parse_moment(ask.at, "--at") > asker.now:
        raise Refused(f"--at {shown(ask.at)} is in the future", remedy="name a time that has been")
    if ask.all_sets:
        first, *others = _of_all_sets(ask, state, wave, asker)
    else:
        first, others = _of_set(ask, state, wave, set_in(state, wave, ask.set), asker), []
    return Rollback(
        accepted_at=asker.now,
        by=asker.by,
        wave=wave,
        set=first.set,
        leaves=first.leaves,
        to=first.to,
        reason=ask.reason.strip(),
        others=tuple(others),
    )


def _of_all_sets(ask: RollBackWave, state: State, wave: str, asker: Asker) -> list[SetRollback]:
    """Of each image set that has something to go back to; at least one."""
    parts = state.ledger.sets.get(wave, {})
    refused: dict[str, Refused] = {}
    found: list[SetRollback] = []
    for set_name in sorted(name for name, part in parts.items() if part.landings):
        try:
            found.append(_of_set(ask, state, wave, set_name, asker))
        except _HasItAlready:
            continue
        except Refused as error:
            refused[set_name] = error
    if refused and (ask.at is not None or not found):
        set_name, why = next(iter(refused.items()))
        others = f"; these can, each with --set: {listed([one.set for one in found])}"
        alone = f"take it back with --set {set_name}: {why.remedy}{others if found else ''}"
        raise Refused(f"the set {set_name}: {why.what}", remedy=alone)
    if not found:
        raise Refused(
            f"{wave} has nothing to go back from", remedy=f"see what it has: {asker.status}"
        )
    return found


def _of_set(ask: RollBackWave, state: State, wave: str, set_name: str, asker: Asker) -> SetRollback:
    part = state.ledger.history(wave, set_name)
    if part.present is None:
        raise Refused(
            f"{wave} has no set {set_name} that a turn knows of",
            remedy="there is nothing to go back from; put its image files back on main yourself",
        )
    goal = _goal(ask, part, part.present, (wave, set_name), asker)
    return SetRollback(set=set_name, leaves=part.present.point(), to=goal.point())


class _HasItAlready(Refused):
    """The wave has what it is to go back to."""


def _goal(
    ask: RollBackWave, part: SetLedger, present: Landing, place: tuple[str, str], asker: Asker
) -> Landing:
    wave, set_name = place
    if ask.to is not None:
        goal, named = by_sha(part.landings, ask.to, wave, asker), ask.to
    elif ask.at is not None:
        goal = _had_at(part.unbroken, parse_moment(ask.at, "--at"), wave, asker)
        named = short(goal.app_sha, "an unknown set")
    else:
        found = healthy_before(part.landings)
        if found is None:
            raise Refused(
                f"no older set was healthy in {wave}",
                remedy="name one with --to SHA; if it has none, put back its files on main",
            )
        return found
    if goal.content == present.content:
        hold = ("hold-wave", "--wave", wave, "--reason", "REASON")
        raise _HasItAlready(
            f"{wave} has {named} already",
            remedy=f"name an older set, or hold the wave: {asker.typed(hold)}",
        )
    if goal.is_known and not is_older(goal, present):
        which = ("--wave", wave, "--set", set_name, "--sha", goal.app_sha or "")
        promote = ("promote-wave", *which)
        raise Refused(
            f"{named} is newer than what {wave} has",
            remedy=f"promote it: {asker.typed(promote)}",
        )
    return goal


def _had_at(landings: Sequence[Landing], when: datetime, wave: str, asker: Asker) -> Landing:
    """What main had for the wave at a time."""
    found = had_at(landings, when)
    if found is None:
        oldest = landings[0]
        at = as_typed(when)
        raise Refused(
            f"what {wave} had at {at} is not known any more: the turns know it from "
            f"{as_typed(oldest.landed_at)} on, when "
            f"{short(oldest.app_sha, 'an unknown set')} landed",
            remedy="ask the journal, and name the set with --to: "
            f"{asker.typed(('history', '--wave', wave, '--at', at))}; if --to does not take it, "
            "put its files back on main yourself",
        )
    return found
