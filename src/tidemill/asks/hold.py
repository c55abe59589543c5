"""A person holds a wave or all of them, or releases it."""

from __future__ import annotations

from tidemill.asks.ask import HoldWave, Nothing, ReleaseWave
from tidemill.asks.asker import Answer, Asker
from tidemill.asks.places import set_named, wave_named
from tidemill.errors import Refused
from tidemill.facts.holds import each_hold
from tidemill.facts.requests import HoldRequest, Release
from tidemill.facts.settings import ALL_SETS, ALL_WAVES
from tidemill.facts.state import State
from tidemill.words.moments import parse_moment


def answer(ask: HoldWave | ReleaseWave, state: State, asker: Asker) -> Answer:
    """The hold; or the release of the holds that are there now.

    Raises:
        Refused: there is no such wave or set, or the time is over.
    """
    match ask:
        case HoldWave():
            until = parse_moment(ask.until, "--until") if ask.until is not None else None
            if until is not None and until <= asker.now:
                raise Refused(
                    f"the hold would have ended before it began: {ask.until} is over",
                    remedy="name a time to come with --until, or none",
                )
            return HoldRequest(
                accepted_at=asker.now,
                by=asker.by,
                wave=ALL_WAVES if ask.wave == ALL_WAVES else wave_named(state, ask.wave),
                set=set_named(state, ask.set) or ALL_SETS,
                reason=ask.reason.strip(),
                until=until,
            )
        case ReleaseWave():
            return _release(ask, state, asker)


def _release(ask: ReleaseWave, state: State, asker: Asker) -> Release | Nothing:
    """Of all waves those holds end that were placed on all at once: what else is held has reasons
    of its own."""
    if ask.wave == ALL_WAVES:
        wave, whose, only = ALL_WAVES, "all waves", set_named(state, ask.set)
        holds = [hold for hold in each_hold(state.holds.values()) if hold.everywhere]
    else:
        wave, only = _held(state, ask.wave, ask.set)
        whose = wave
        holds = [hold for hold in each_hold(state.holds.values()) if hold.wave == wave]
    ends = [hold.id for hold in holds if only in (None, hold.set)]
    if not ends:
        return Nothing(f"there is no hold of {whose}" + (f" for {only}" if only else ""))
    return Release(
        accepted_at=asker.now,
        by=asker.by,
        wave=wave,
        ends=tuple(sorted(ends)),
        reason=ask.reason.strip(),
    )


def _held(state: State, wave: str, set_name: str | None) -> tuple[str, str | None]:
    """The wave and set that are meant: what is held, even if the settings no longer name it."""
    if wave not in {held for held, _ in state.holds}:
        wave = wave_named(state, wave)
    if set_name is None or (wave, set_name) in state.holds:
        return wave, set_name
    return wave, set_named(state, set_name)
