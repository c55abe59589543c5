"""Accept: write one fact to the inbox, on a ref of its own, so that it can no longer be lost."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct, field

from tidemill.clients.git.store import Declined, Pushed, Raced, Store, Update
from tidemill.errors import Refused
from tidemill.facts.records import Deployment
from tidemill.facts.renames import marked
from tidemill.facts.requests import AnnouncementRequest, Fact
from tidemill.facts.snapshot import UnreadableRef
from tidemill.facts.state import State
from tidemill.plan.approvers import check_signature, guarded
from tidemill.plan.position import how_ended
from tidemill.turn.clear import cleared_way
from tidemill.turn.push import MOST_RACES, Clock, push, push_refused
from tidemill.turn.read import read
from tidemill.turn.vouching import keys_on
from tidemill.turn.write import fact_commit


class Accepted(Struct, frozen=True):
    """A fact is in the inbox, or has been before.

    `ended` says how it ended where it did; `extra` is what a dry run takes for accepted.
    `state` is what is known of the repository now.
    """

    id: str
    is_new: bool
    state: State
    ended: str | None = None
    extra: Mapping[str, Fact] = field(default_factory=dict)

    def written(self, since: str = "nothing") -> str:
        """What an error has to say was written, where after this it was `since`."""
        if not self.is_new or self.extra:
            return since
        accepted = f"{self.id} was accepted and waits in the inbox"
        return accepted if since == "nothing" else f"{accepted}; {since}"


def accept(
    store: Store,
    state: State,
    fact: Fact,
    clock: Clock,
    *,
    dry_run: bool = False,
) -> Accepted:
    """Write `fact` to the inbox, once; signed by this user's key if it says on which main.

    Raises:
        Refused: another request of the same id waits.
        ServerRefused: the server does not take the ref.
    """
    if state.renaming:
        fact = marked(state.renaming, fact)
    if ended := _how_ended(state, fact):
        return Accepted(fact.id, is_new=False, state=state, ended=ended)
    waiting = state.inbox.get(fact.id)
    if waiting is not None and not _is_broken(waiting) and not _is_said_anew(state, fact):
        _refuse_another(fact, waiting)
        return Accepted(fact.id, is_new=False, state=state)
    if dry_run:
        return Accepted(fact.id, is_new=True, state=state, extra={fact.id: fact})
    ref, commit = state.names.inbox(fact.id), fact_commit(store, fact)
    if getattr(fact, "main", None):
        commit = _signed(store, state, fact, commit)
    if state.names.are_in_the_way(state.refs.shas, ref):
        state, _ = cleared_way(store, state, clock)
    update = Update(ref, state.refs.get(ref), commit)
    for tries in range(MOST_RACES):
        match push(store, clock, [update]):
            case Pushed():
                return Accepted(fact.id, is_new=True, state=state.having(fact, commit))
            case Raced(_, expected, found) if expected or found:
                return accept(store, read(store), fact, clock)
            case Raced():
                clock.pause_after(tries)
            case Declined() as declined:
                raise push_refused(declined, f"the server did not take {ref}")
    raise push_refused(Declined("it kept changing"), f"the server did not take {ref}")


def _signed(store: Store, state: State, fact: Fact, commit: str) -> str:
    """The commit, signed; a wave that takes it from its approvers alone would take it."""
    made = store.signed(commit)
    settings = state.usable_settings
    if settings and (waves := guarded(settings, state.holds.values(), fact)):
        found = store.signed_by(made, keys_on(store, settings, state.main))
        check_signature(waves, found, settings.approvals.keys)
    return made


def _how_ended(state: State, fact: Fact) -> str | None:
    settings = state.usable_settings
    if settings and isinstance(fact, AnnouncementRequest):
        return how_ended(settings, state.remembered, fact.id, fact.announcement)
    return state.remembered.how_ended(fact.id)


def _is_broken(waiting: Fact | UnreadableRef) -> bool:
    """Whether it is nothing that could wait: what is accepted under its name takes its place."""
    return isinstance(waiting, UnreadableRef) and not waiting.is_newer


def _is_said_anew(state: State, fact: Fact) -> bool:
    """Whether a target says again what waits, and has said something else since: then the last
    counts."""
    if not isinstance(fact, Deployment):
        return False
    last = state.last_said(fact.wave, fact.target)
    return last is not None and last.id != fact.id and fact.finished >= last.finished


def _refuse_another(fact: Fact, waiting: Fact | UnreadableRef) -> None:
    """The same fact may have been accepted before: only when it came may differ."""
    if isinstance(waiting, UnreadableRef):
        raise Refused(
            f"{fact.id} waits already, and can't be read: {waiting.reason}",
            remedy="ask for it, or drop it, with the newer release",
        )
    if _said(waiting) != _said(fact):
        raise Refused(
            f"{fact.id} waits already, with other contents",
            remedy=f"drop it first, by tidemill drop --id {fact.id} with the same --repo, or "
            "announce another commit",
        )


def _said(fact: Fact) -> object:
    if isinstance(fact, AnnouncementRequest):
        announcement = fact.announcement
        return announcement.sha, announcement.repository, announcement.images
    if isinstance(fact, Deployment):
        return fact.id
    return msgspec.json.encode(fact)
