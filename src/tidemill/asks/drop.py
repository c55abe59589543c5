"""A person takes back what waits, or a hotfix or a rollback that was evicted."""

from __future__ import annotations

from tidemill.asks.ask import DropRequest, Nothing
from tidemill.asks.asker import Answer, Asker
from tidemill.errors import Refused
from tidemill.facts.requests import Drop, kept_as
from tidemill.facts.snapshot import UnreadableRef
from tidemill.facts.state import State
from tidemill.words.names import shown


def answer(ask: DropRequest, state: State, asker: Asker) -> Answer:
    """The drop, unless the request has ended; raises `Refused` where there is no such request.

    What is for several waves or sets is dropped as a whole.
    """
    request = kept_as(ask.id)
    waiting = state.inbox.get(request)
    if isinstance(waiting, UnreadableRef) and waiting.is_newer:
        raise Refused(
            f"{ask.id} can't be read: {waiting.reason}",
            remedy="drop it with the newer release",
        )
    if waiting is not None or state.remembered.dismissible(request):
        return Drop(accepted_at=asker.now, by=asker.by, request=request)
    if ended := state.remembered.how_ended(request):
        return Nothing(f"{request} has ended already: {ended}")
    raise Refused(f"no request {shown(ask.id)} waits", remedy=f"see what waits: {asker.status}")
