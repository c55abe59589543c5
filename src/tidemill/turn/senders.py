"""Senders: where many send something at the same time, one turn does for all of them.

Each has written its request to the inbox, and would then do a turn. All but one of these lose the
race, read again, and find that little is left to do. So whoever sees that other senders are about
to turn waits until a turn has read its own request. The journal says which ones a turn has read. If
nobody turns, for the other ones have died, that costs a few seconds.
"""

from __future__ import annotations

import random
from collections.abc import Set
from datetime import datetime
from functools import partial

import msgspec

from tidemill.clients.git.store import Store
from tidemill.facts.decoding import legible
from tidemill.facts.state import State
from tidemill.plan.plan import plan
from tidemill.turn.push import Clock
from tidemill.turn.read import read, rejected_record, snapshot

CROWD = 3  # so many others are a crowd, of which more will come
PATIENCE = 4.0  # seconds
GATHERING = 1.2  # seconds that others have to join before the first turns
_LOOKS = 0.2, 0.4  # seconds between two looks at the refs
MOST_LOOKS = 20  # so that it ends, however short the pauses are


class _Rejected(msgspec.Struct):
    reason: str = "it was rejected"


def is_left_to_another(state: State, own: str | None, now: datetime) -> bool:
    """Whether somebody else has sent something lately, and so looks after that what is due.

    Args:
        own: the id of what this sender has sent.
    """
    return bool(state.came_lately(now) - {own})


def awaited(store: Store, state: State, request: str, clock: Clock) -> State:
    """What is known once the sender of `request` is to go on.

    That is at once, if nobody else seems to be about to turn; else once a turn has read `request`,
    or it is this sender's turn, or the others have had their time.
    """
    if not _is_to_wait(store, state, request, clock.now):
        return state
    waited = 0.0
    for _ in range(MOST_LOOKS):
        if waited >= PATIENCE:
            break
        pause = random.uniform(*_LOOKS)  # noqa: S311 - it spreads senders, it guards nothing
        clock.pause(pause)
        waited += pause
        refs = store.refs()
        if refs.get(state.names.journal) != state.refs.get(state.names.journal):
            state = read(store)
            if has_been_read(state, request):
                return state
        inbox = refs.below(state.names.folder("inbox")).keys()
        if waited >= GATHERING and is_next(state, request, inbox, clock.now):
            break
    return read(store)


def has_been_read(state: State, request: str) -> bool:
    """Whether a turn has read a request: it has ended, or the journal names it."""
    return request in state.read or request not in state.inbox


def why_refused(store: Store, state: State, request: str) -> str | None:
    """Why a request can't be carried out, if that is how a turn has ended it."""
    match state.remembered.how_ended(request):
        case "rejected":
            kept = rejected_record(store, state, request)
            found = legible(kept, partial(msgspec.json.decode, type=_Rejected))
            return found.reason if kept else "it was rejected"
        case "evicted":
            gone = [one for one in state.remembered.evictions if one.commit is None]
            mine = [one for one in gone if one.operation and one.operation.request == request]
            return mine[-1].reason if mine else None
        case _:
            return None


def is_next(state: State, request: str, inbox: Set[str], now: datetime) -> bool:
    """Whether it is a sender's turn: its request is the first of those that no turn has read.

    Args:
        inbox: what waits by now; `state` may be older.
    """
    old = state.inbox.keys() - state.came_lately(now)
    return request <= min(inbox - old - state.read, default=request)


def _is_to_wait(store: Store, state: State, request: str, now: datetime) -> bool:
    """Whether something is to be done that others do, or that can be done for many at once."""
    others = state.came_lately(now) - {request}
    is_crowd = len(others) >= CROWD
    if is_crowd:
        return _is_due(store, state, now)
    return bool(others - state.read) and _is_due(store, state.without(request), now)


def _is_due(store: Store, state: State, now: datetime) -> bool:
    due = plan(snapshot(store, state, now))
    return bool(due.to_vouch or due.to_read or due.todo or due.is_change)
