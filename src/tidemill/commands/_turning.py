"""The turns of one command: what they read of GitHub besides, and whom they tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TypedDict, Unpack

from msgspec.structs import replace

from tidemill.answers.difference import awaiting_approval
from tidemill.clients.git.store import Store
from tidemill.clients.github.connecting import connected
from tidemill.clients.machine import person
from tidemill.commands._options import Options
from tidemill.commands._polling import Polling
from tidemill.commands._remedies import Remedies
from tidemill.commands._results import TurnTaken
from tidemill.commands._signalling import Signalling
from tidemill.commands._writing import tell, teller
from tidemill.facts.requests import Fact
from tidemill.facts.snapshot import Snapshot
from tidemill.facts.state import State
from tidemill.plan.approvers import environment_of
from tidemill.plan.plan import Plan
from tidemill.plan.waits import is_by_rule
from tidemill.plan.waking import is_awaited, is_soon, next_time
from tidemill.turn.outcome import (
    LeftToAnother,
    LeftToNextRun,
    LostTo,
    TurnOutcome,
    WouldWrite,
    Wrote,
)
from tidemill.turn.push import Clock
from tidemill.turn.turn import Turn, turn

_FRESH = timedelta(minutes=5)  # so long, what was read of polled deployments is not read again


class _Given(TypedDict, total=False):
    """See `tidemill.turn.turn.turn`."""

    state: State | None
    extra: Mapping[str, Fact]
    request: str | None
    claim: bool
    may_try: bool
    may_move: bool


class Turning:
    """Takes turns in a repository that is open.

    Attributes:
        unread: why reports could not be read in the last turn; unsent: why signals could not be
            sent in any of them.
    """

    def __init__(self, store: Store, url: str, options: Options) -> None:
        self.github = connected(url, tell)
        self.remedies = Remedies.of(url, options.now)
        self.say = teller(as_json=options.json)
        self.unread: tuple[str, ...] = ()
        self.unsent: tuple[str, ...] = ()
        self._store, self._url, self._options = store, url, options
        self._polling: Polling | None = None

    def turn(self, clock: Clock, **given: Unpack[_Given]) -> Turn:
        """Do one, and send the signals that it has taken on."""
        if self._polling is None or clock.now - self._polling.now > _FRESH:
            self._polling = Polling(self._store, self._url, clock.now)
        signalling = Signalling(self._store, self._url, clock, self.say)
        done = turn(
            self._store,
            clock,
            run_url=person.run_url(),
            dry_run=self._options.dry_run,
            say=self.say,
            forge=self.github,
            reported=self._polling,
            reach=signalling.reach,
            **given,
        )
        signalling.after(done)
        self.unread, self.unsent = self._polling.unread, self.unsent + signalling.unsent
        return done

    def taken(self, done: Turn) -> TurnTaken:
        """What a command returns of a turn that it did."""
        found = turn_taken(
            done.plan, done.outcome, self.remedies, done.refused, done.state, done.snapshot
        )
        return replace(found, unread=self.unread, unsent=self.unsent)


def turn_taken(
    plan: Plan,
    outcome: TurnOutcome,
    remedies: Remedies,
    refused: str | None = None,
    before: State | None = None,
    known: Snapshot | None = None,
) -> TurnTaken:
    """What a command returns of a turn.

    Args:
        known: the snapshot that it was made of, for what waits for an approval.
        before: the state that it was made of, which says what the turn before it knew. A schedule's
            turn does not rely on that: a workflow that was to be enabled may not have been.
    """
    next_due = next_time(plan.waiting, remedies.now)
    was_known = bool(before and before.written_at and is_soon(before.next_due, before.written_at))
    if before and not was_known:
        turns = before.announced_before(remedies.now)
        was_known = is_awaited(plan.waiting, next_due, turns)
    is_lost = isinstance(outcome, LostTo | LeftToAnother | LeftToNextRun)
    return TurnTaken(
        outcome=outcome,
        changed=isinstance(outcome, Wrote | WouldWrite),
        landed=None if is_lost else plan.landed,
        entries=() if is_lost else plan.entries,
        to_check=() if is_lost else plan.to_check,
        waiting=plan.waiting,
        more=plan.more or isinstance(outcome, LeftToNextRun),
        remedies=remedies,
        is_main_kept=refused is not None and is_by_rule(refused),
        next_due=next_due,
        wake=is_soon(next_due, remedies.now) and (person.is_scheduled() or not was_known),
        approvals=tuple(awaiting_approval(known, plan.waiting)) if known else (),
        environment=environment_of(plan.waiting, run[0]) if (run := person.run()) else None,
    )


def together(turns: Sequence[TurnTaken]) -> TurnTaken:
    """Several turns, one after the other, as one: all that they did, and what waits after them."""
    last = turns[-1]
    return replace(
        last,
        outcome=next((one.outcome for one in turns if one.changed), last.outcome),
        changed=any(one.changed for one in turns),
        landed=next((one.landed for one in reversed(turns) if one.landed), None),
        entries=tuple(entry for one in turns for entry in one.entries),
        is_main_kept=any(one.is_main_kept for one in turns),
        wake=is_soon(last.next_due, last.remedies.now) and any(one.wake for one in turns),
        unread=tuple(dict.fromkeys(why for one in turns for why in one.unread)),
        unsent=tuple(dict.fromkeys(why for one in turns for why in one.unsent)),
    )
