"""Accept: write one fact to the inbox, on a ref of its own, so that it can no longer be lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from tidemill.cfg import requests
from tidemill.cfg.records import Deployment
from tidemill.cfg.requests import Announced, Fact
from tidemill.cfg.snapshot import Unreadable
from tidemill.errors import Refused, ServerRefused
from tidemill.mill.reading import RECORD, Reading
from tidemill.mill.store import Declined, Pushed, Raced, Update
from tidemill.mill.turn import MOST_RACES, Clock, pause_after
from tidemill.mill.writing import fact_commit


@dataclass(frozen=True)
class Accepted:
    """A fact is in the inbox, or has been before.

    `ended` says how it ended where it did; `extra` is what a dry run takes for accepted.
    """

    id: str
    is_new: bool
    ended: str | None = None
    extra: Mapping[str, Fact] = field(default_factory=dict)

    def written(self) -> str:
        """What an error after this has to say was written."""
        return f"{self.id} is accepted" if self.is_new else "nothing"


def accept(reading: Reading, fact: Fact, clock: Clock, *, dry_run: bool = False) -> Accepted:
    """Write `fact` to the inbox, once.

    Raises:
        Refused: another request of the same id waits.
        ServerRefused: the server does not take the ref.
    """
    if ended := reading.ledger.how_ended(fact.id):
        return Accepted(fact.id, is_new=False, ended=ended)
    waiting = reading.inbox().get(fact.id)
    if waiting is not None:
        return _again(fact, waiting)
    if dry_run:
        return Accepted(fact.id, is_new=True, extra={fact.id: fact})
    update = Update(reading.names.inbox(fact.id), None, fact_commit(reading.store, fact))
    reason = ""
    for tries in range(MOST_RACES):
        match reading.store.push([update]):
            case Pushed():
                return Accepted(fact.id, is_new=True)
            case Raced(_, _, str(found)):
                reading.store.fetch(None, [found], [RECORD])
                return _again(fact, requests.decode(reading.store.files(found, [RECORD])[RECORD]))
            case Declined(words):
                reason = words
            case Raced():
                reason = "it changed under this push"
        clock.pause(pause_after(tries))
    raise ServerRefused(
        f"the server did not take {update.ref}: {reason}",
        remedy="let this account write to the refs of the namespace, and send it again",
    )


def _again(fact: Fact, waiting: Fact | Unreadable) -> Accepted:
    """The same fact has been accepted before; only when it came may differ."""
    same = not isinstance(waiting, Unreadable) and _said(waiting) == _said(fact)
    if not same:
        raise Refused(
            f"{fact.id} waits already, with other contents",
            remedy="drop it first (`tidemill drop`), or announce another commit",
        )
    return Accepted(fact.id, is_new=False)


def _said(fact: Fact) -> object:
    if isinstance(fact, Announced):
        announcement = fact.announcement
        return announcement.sha, announcement.repository, announcement.images
    if isinstance(fact, Deployment):
        return fact.id
    return msgspec.json.encode(fact)
