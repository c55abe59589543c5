"""Accept: write one fact to the inbox, on a ref of its own, so that it can no longer be lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec

from tidemill.clients.git.store import Declined, Pushed, Raced, Update
from tidemill.errors import Refused, ServerRefused
from tidemill.facts.records import Deployment
from tidemill.facts.requests import AnnouncementRequest, Fact
from tidemill.facts.settings import Settings
from tidemill.facts.snapshot import UnreadableRef
from tidemill.plan.position import how_ended
from tidemill.plan.renames import marked
from tidemill.turn.clear import cleared_way
from tidemill.turn.push import MOST_RACES, Clock, push
from tidemill.turn.read import Reading, read
from tidemill.turn.write import fact_commit


@dataclass(frozen=True)
class Accepted:
    """A fact is in the inbox, or has been before.

    `ended` says how it ended where it did; `extra` is what a dry run takes for accepted.
    `is_there` says whether all waves that come first have it, where it has landed.
    `reading` is what is known of the repository now. `way_in` is the command that lets in what
    has ended, or what this drops.
    """

    id: str
    is_new: bool
    reading: Reading
    ended: str | None = None
    extra: Mapping[str, Fact] = field(default_factory=dict)
    way_in: str | None = None
    is_there: bool = True

    def written(self, since: str = "nothing") -> str:
        """What an error has to say was written, where after this it was `since`."""
        if not self.is_new or self.extra:
            return since
        accepted = f"{self.id} was accepted and waits in the inbox"
        return accepted if since == "nothing" else f"{accepted}; {since}"


def accept(reading: Reading, fact: Fact, clock: Clock, *, dry_run: bool = False) -> Accepted:
    """Write `fact` to the inbox, once.

    Raises:
        Refused: another request of the same id waits.
        ServerRefused: the server does not take the ref.
    """
    if reading.renaming:
        fact = marked(reading.renaming, fact)
    if ended := _how_ended(reading, fact):
        return Accepted(fact.id, is_new=False, reading=reading, ended=ended)
    waiting = reading.inbox().get(fact.id)
    if waiting is not None and not _is_broken(waiting):
        _refuse_another(fact, waiting)
        return Accepted(fact.id, is_new=False, reading=reading)
    if dry_run:
        return Accepted(fact.id, is_new=True, reading=reading, extra={fact.id: fact})
    ref, commit = reading.names.inbox(fact.id), fact_commit(reading.store, fact)
    if reading.names.are_in_the_way(reading.refs.shas, ref):
        reading, _ = cleared_way(reading, clock)
    update = Update(ref, reading.refs.get(ref), commit)
    for tries in range(MOST_RACES):
        match push(reading.store, clock, [update]):
            case Pushed():
                now = replace(reading, refs=reading.refs.with_ref(ref, commit))
                return Accepted(fact.id, is_new=True, reading=now)
            case Raced(_, expected, found) if expected or found:
                return accept(read(reading.store), fact, clock)
            case Raced():
                clock.pause_after(tries)
            case Declined(reason):
                raise _refusal(ref, reason)
    raise _refusal(ref, "it kept changing")


def _how_ended(reading: Reading, fact: Fact) -> str | None:
    if isinstance(fact, AnnouncementRequest) and isinstance(reading.settings, Settings):
        return how_ended(reading.settings, reading.remembered, fact.id, fact.announcement)
    return reading.remembered.how_ended(fact.id)


def _refusal(ref: str, reason: str) -> ServerRefused:
    return ServerRefused(
        f"the server did not take {ref}: {reason}",
        remedy="let this account write to the refs of the namespace, and send it again",
    )


def _is_broken(waiting: Fact | UnreadableRef) -> bool:
    """Whether it is nothing that could wait: what is accepted under its name takes its place."""
    return isinstance(waiting, UnreadableRef) and not waiting.is_newer


def _refuse_another(fact: Fact, waiting: Fact | UnreadableRef) -> None:
    """The same fact may have been accepted before: only when it came may differ."""
    if isinstance(waiting, UnreadableRef) or _said(waiting) != _said(fact):
        raise Refused(
            f"{fact.id} waits already, with other contents",
            remedy="drop it first (`tidemill drop`), or announce another commit",
        )


def _said(fact: Fact) -> object:
    if isinstance(fact, AnnouncementRequest):
        announcement = fact.announcement
        return announcement.sha, announcement.repository, announcement.images
    if isinstance(fact, Deployment):
        return fact.id
    return msgspec.json.encode(fact)
