"""A person asks for, and approves, one set in one wave."""

from __future__ import annotations

from tidemill.announcing.order import order_of
from tidemill.asks.ask import Nothing, PromoteWave
from tidemill.asks.asker import Answer, Asker
from tidemill.asks.places import by_sha, set_of, wave_of
from tidemill.errors import Refused
from tidemill.facts.ledger import Landing
from tidemill.facts.requests import Promotion
from tidemill.facts.settings import Wave
from tidemill.facts.state import State
from tidemill.words.shas import short


def answer(ask: PromoteWave, state: State, asker: Asker) -> Answer:
    """The promotion, unless the wave has the set.

    Raises:
        Refused: there is no such set to promote, it would go back, or an approval names none.
    """
    wave = wave_of(state, ask.wave)
    set_name = set_of(state, ask.set)
    landing = _chosen(state, wave, set_name, ask, asker)
    if ask.sha is None and (wave.approval or wave.approvers):
        raise _needs_a_name(asker, wave.name, set_name, landing.app_sha or "", ask.override)
    present = state.ledger.present(wave.name, set_name)
    if present and present.content == landing.content:
        return Nothing(f"{wave.name} has {short(landing.app_sha)} already")
    if present and present.is_known and order_of(present) > order_of(landing):
        had = state.ledger.history(wave.name, set_name).landings
        is_back = any(one.app_sha == landing.app_sha for one in had)
        to = ("--to", landing.app_sha or "") if is_back else ()
        place = ("--wave", wave.name, "--set", set_name)
        back = ("rollback-wave", *place, *to, "--reason", "REASON")
        raise Refused(
            f"{wave.name} has {short(present.app_sha)}, which is newer than "
            f"{short(landing.app_sha)}",
            remedy=f"to go back: {asker.typed(back)}",
        )
    return Promotion(
        accepted_at=asker.now,
        by=asker.by,
        wave=wave.name,
        set=set_name,
        app_sha=landing.app_sha or "",
        **order_of(landing)._asdict(),
        override=ask.override.strip() if ask.override else None,
    )


def _needs_a_name(
    asker: Asker, wave: str, set_name: str, sha: str, override: str | None
) -> Refused:
    """An approval is of one set: what is the newest now may be another one in a minute."""
    why = ("--override", override) if override else ()
    words = ("promote-wave", "--wave", wave, "--set", set_name, "--sha", sha, *why)
    return Refused(
        f"{wave} needs an approval, which names its set: nothing was approved",
        remedy=f"look at {short(sha)}, then: {asker.both(words)}",
    )


def _refuse_hotfix(state: State, wave: Wave, set_name: str, sha: str, asker: Asker) -> None:
    """A hotfix is for one wave: what it is built from may lack what the next wave has."""
    named = (
        (other, one)
        for other, sets in state.ledger.sets.items()
        for one in (sets[set_name].landings if set_name in sets else ())
        if one.is_hotfix and (one.app_sha or "").startswith(sha)
    )
    for other, one in named:
        words = ("--wave", wave.name, "--announcement", "FILE", "--override", "REASON")
        raise Refused(
            f"{short(one.app_sha)} is a hotfix in {other}, and a hotfix is never promoted",
            remedy=f"put it into {wave.name} as well: {asker.typed(('promote-wave', *words))}",
        )


def _chosen(state: State, wave: Wave, set_name: str, ask: PromoteWave, asker: Asker) -> Landing:
    """The set that is meant; by default the newest that is deployed in the waves before.

    A wave that comes after none takes back what it has had itself.
    """
    if not (wave.sources or ask.sha or ask.override is not None):
        raise Refused(
            f"{wave.name} comes after no wave: its sets are announced",
            remedy="announce the set; what the wave has had comes back with --sha",
        )
    names = (
        [one.name for one in state.valid_settings.waves]
        if ask.override is not None
        else wave.sources or (wave.name,)
    )
    landings = [
        landing
        for name in names
        for landing in state.ledger.history(name, set_name).landings
        if landing.is_known and not landing.is_hotfix
    ]
    if ask.sha:
        if not any((one.app_sha or "").startswith(ask.sha) for one in landings):
            _refuse_hotfix(state, wave, set_name, ask.sha, asker)
        return by_sha(landings, ask.sha, " or ".join(names), asker)
    fit = [landing for landing in landings if not landing.is_bad]
    best = [landing for landing in fit if landing.deployed_at] or fit
    if not best:
        raise Refused(
            f"there is no set to promote into {wave.name}",
            remedy="wait until one is deployed, or name one with --sha",
        )
    return max(best, key=order_of)
