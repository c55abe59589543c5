"""What a wave takes from its approvers alone: who may not ask is told so before it is written.

What is written says by what a turn can tell whose it is: the run that wrote it, or a signature.
A person at a terminal signs without being asked to.
"""

from __future__ import annotations

import msgspec

from tidemill.asks.asker import Asker, Origin
from tidemill.errors import Refused
from tidemill.facts.records import Deployment
from tidemill.facts.requests import Fact, Hotfix, Rollback, approval
from tidemill.facts.settings import Settings, Wave
from tidemill.facts.state import State
from tidemill.plan.approvers import FORM, NotAllowed, guarded, may_all


def in_whose_name(fact: Fact, state: State, asker: Asker) -> Fact:
    """The fact, with what a turn can tell by who asked, where it will want to.

    It names the run that it is asked in, or the main that whoever signs it sees: it is signed then.

    Raises:
        Refused: its wave takes it from approvers alone, and this is none.
    """
    if isinstance(fact, Deployment):
        return fact
    waves = waves_of(state, fact)
    is_unknown = not isinstance(state.settings, Settings)  # whoever mends them may want to know
    origin = asker.origin
    if asker.signs or (waves and origin is None):
        return msgspec.structs.replace(fact, main=state.main)
    if origin is None or not (waves or is_unknown):
        return fact
    if waves and (why := _why_not(fact, waves, origin)):
        raise _refusal(fact, waves, asker, why)
    return msgspec.structs.replace(fact, run=origin.run)


def waves_of(state: State, fact: Fact) -> tuple[Wave, ...]:
    """The waves that take a fact from their approvers alone; none where the settings can't say."""
    if not isinstance(state.settings, Settings):
        return ()
    return guarded(state.settings, state.holds.values(), fact)


def _why_not(fact: Fact, waves: tuple[Wave, ...], origin: Origin) -> str | None:
    """Why what a run brings does not count."""
    if origin.event != FORM:
        return f"this run was started by {origin.event}, and not by a form"
    if isinstance(fact, Hotfix):
        return "what GitHub says of a run does not say which images a hotfix has"
    found = may_all(waves, origin.logins)
    return found.reason if isinstance(found, NotAllowed) else None


def _refusal(fact: Fact, waves: tuple[Wave, ...], asker: Asker, why: str) -> Refused:
    names = " and ".join(wave.name for wave in waves)
    words = approval(fact)
    if isinstance(fact, Rollback):
        to = ("--to", fact.to.app_sha) if fact.to.app_sha else ()
        place = ("--wave", fact.wave, "--set", fact.set)
        words = ("rollback-wave", *place, *to, "--reason", fact.reason)
    command = asker.typed(words) if words else "ask again"
    on_github = None if isinstance(fact, Hotfix) or not words else asker.on_github(words)
    also = f", or without one: {on_github}" if on_github else ""
    return Refused(
        f"{names} takes this from its approvers alone, and {why}",
        remedy=f"let an approver do it, who has a key on main: {command}{also}",
    )
