"""What a wave takes from its approvers alone: who may not ask is told so before it is written.

What is written says by what a turn can tell whose it is: the run that wrote it, or a signature.
A person at a terminal signs without being asked to.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from tidemill.asks.ask import Ask, RollBackWave
from tidemill.asks.asker import Asker
from tidemill.errors import Refused
from tidemill.facts.records import Deployment
from tidemill.facts.requests import Fact, Hotfix, Rollback, approval
from tidemill.facts.settings import Wave
from tidemill.facts.state import State
from tidemill.facts.vouchers import NoVoucher
from tidemill.plan.approvers import FORM, guarded, is_for_reviewers, may_all, takes_it_from


def in_whose_name(ask: Ask, fact: Fact, state: State, asker: Asker) -> Fact:
    """The fact that an ask became, with what a turn can tell by who asked, where it will want to.

    It names the run that it is asked in, or the main that whoever signs it sees: it is signed then.

    Raises:
        Refused: its wave takes it from approvers alone, and this is none; or from the reviewers of
            an environment, and this is no form that they could review.
    """
    if isinstance(fact, Deployment):
        return fact
    waves = waves_of(state, fact)
    origin = asker.origin
    if waves and (why := _why_no_form(fact, waves, asker)):
        raise _refusal(_words(ask, fact, state), fact, waves, asker, why)
    if asker.signs or (waves and origin is None):
        return msgspec.structs.replace(fact, main=state.main)
    # Whoever mends settings that can't be used may want to know.
    if origin is None or not (waves or state.usable_settings is None):
        return fact
    found = may_all(waves, origin.logins)
    if isinstance(found, NoVoucher):
        raise _refusal(_words(ask, fact, state), fact, waves, asker, found.reason)
    return msgspec.structs.replace(fact, run=origin.run)


def told_as_it_counts(asker: Asker, state: State) -> Asker:
    """The same, to whom the form on GitHub is printed in place of a command that reviewers alone
    let by: in a terminal they could not."""
    settings = state.usable_settings
    if settings is None or not any(wave.environment for wave in settings.waves):
        return asker

    def instead_of(written: Callable[[tuple[str, ...]], str], words: tuple[str, ...]) -> str:
        # Of a hotfix nobody can review which images it has.
        is_theirs = is_for_reviewers(settings, words) and "--announcement" not in words
        return (asker.on_github(words) if is_theirs else None) or written(words)

    typed, both = (partial(instead_of, one) for one in (asker.typed, asker.both))
    return msgspec.structs.replace(asker, typed=typed, both=both)


def waves_of(state: State, fact: Fact) -> tuple[Wave, ...]:
    """The waves that take a fact from their approvers alone; none where the settings can't say."""
    settings = state.usable_settings
    return guarded(settings, state.holds.values(), fact) if settings else ()


def _why_no_form(fact: Fact, waves: tuple[Wave, ...], asker: Asker) -> str | None:
    """Why what is asked for does not count as what somebody has filled in on GitHub; None where it
    does, or does not have to."""
    origin, is_reviewed = asker.origin, any(wave.environment for wave in waves)
    if origin is None or asker.signs:
        return "this is no run there that they could review" if is_reviewed else None
    if origin.event != FORM:
        return f"this run was started by {origin.event}, and not by a form"
    if isinstance(fact, Hotfix):
        return "what GitHub says of a run does not say which images a hotfix has"
    if is_reviewed and origin.run.attempt > 1:
        return "this is a re-run, which approves nothing"
    return None


def _words(ask: Ask, fact: Fact, state: State) -> tuple[str, ...] | None:
    """The command that asks for the same; None where there is none."""
    if not (isinstance(ask, RollBackWave) and isinstance(fact, Rollback)):
        return approval(fact, state.holds.values())
    which = ("--all-sets",) if ask.all_sets else ("--set", fact.set)
    to = ("--at", ask.at) if ask.at else ()
    if fact.to.app_sha and not ask.all_sets:
        to = ("--to", fact.to.app_sha)
    return ("rollback-wave", "--wave", fact.wave, *which, *to, "--reason", fact.reason)


def _refusal(
    words: tuple[str, ...] | None, fact: Fact, waves: tuple[Wave, ...], asker: Asker, why: str
) -> Refused:
    command = asker.typed(words) if words else "ask again"
    on_github = None if isinstance(fact, Hotfix) or not words else asker.on_github(words)
    also = f", or without one: {on_github}" if on_github else ""
    remedy = f"let an approver do it, who has a key on main: {command}{also}"
    if any(wave.environment for wave in waves):
        each = " for each set" if words and "--all-sets" in words else ""
        remedy = on_github or f"ask{each} by Run workflow on the page Actions of cfg-app.git"
        if isinstance(fact, Hotfix):
            remedy = "take the environment out of the wave on main, and put it in again after that"
    return Refused(f"{takes_it_from(waves)}, and {why}", remedy=remedy)
