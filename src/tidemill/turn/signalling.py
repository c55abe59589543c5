"""Signals on their way: sent once a turn has written that they are due, and noted when taken."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from urllib.parse import urlsplit

from msgspec import Struct

from tidemill.clients.git.store import Declined, Pushed, Store, Update
from tidemill.clients.github.api import GitHub
from tidemill.clients.http.client import Body, Call, Http, host_of
from tidemill.clients.http.proxies import is_this_machine
from tidemill.clients.http.trouble import Trouble
from tidemill.clients.machine.beside import Beside, Late
from tidemill.errors import Refused, TidemillError
from tidemill.facts.journal import Journal
from tidemill.facts.signals import Message
from tidemill.plan import messages
from tidemill.plan.messages import Origin
from tidemill.plan.signals import confirmed
from tidemill.turn.push import MOST_RACES, Clock, push
from tidemill.turn.read import read
from tidemill.turn.write import journal_commit

MOST_SECONDS = 10.0  # for all messages together: a receiver that is down must not hold up the loop
SECONDS = 5.0  # of silence
_Key = tuple[str, str, str]
_BODIES = {"slack": messages.slack, "teams": messages.teams, "webhook": messages.webhook}


class Sent(Struct, frozen=True):
    """What became of messages: those that were taken, by key, and why others were not; `untried`
    are those whose turn did not come, because of the ones before."""

    taken: frozenset[_Key] = frozenset()
    failures: tuple[str, ...] = ()
    untried: frozenset[_Key] = frozenset()


def send(
    due: Sequence[Message],
    origin: Origin,
    deliver: Callable[[Message, Origin], None],
    most_seconds: float = MOST_SECONDS,
) -> Sent:
    """Send messages, each receiver's in order and all receivers side by side.

    After the first message that a receiver does not take it gets no more of them in this turn.
    Nothing is raised: what was not taken is due again later.
    """
    until = time.monotonic() + most_seconds
    taken: dict[str, set[_Key]] = {one.receiver.name: set() for one in due}
    tried: dict[str, set[_Key]] = {one.receiver.name: set() for one in due}

    def work(name: str) -> None:
        for one in (one for one in due if one.receiver.name == name):
            # Before the look at the clock: what is none of these was surely not sent.
            tried[name].add(one.key)
            if time.monotonic() >= until:
                return
            deliver(one, origin)
            taken[name].add(one.key)

    begun = {name: Beside(partial(work, name), most_seconds) for name in taken}
    failures = []
    for name, one in begun.items():
        try:
            one.result()
            continue
        except Late:
            why = f"it took longer than {most_seconds:g} s"
        except TidemillError as error:
            why = error.what
        except Exception as error:  # the turn is done, and must not fail by what nobody thought of
            why = f"{type(error).__name__}: {error}"
        failures.append(f"{name} did not take a signal: {why}; a later turn sends it again")
    untried = frozenset(one.key for one in due).difference(*tried.values())
    return Sent(frozenset[_Key]().union(*taken.values()), tuple(failures), untried)


class Post(Struct, frozen=True):
    """How messages reach their receivers.

    Attributes:
        addresses, github: where receivers are, and where issues are opened, by their names.
    """

    addresses: Mapping[str, str]
    http: Http
    github: Mapping[str, GitHub]

    def __call__(self, one: Message, origin: Origin) -> None:
        """Deliver one; raise `TidemillError` where it was not taken, or nobody knows."""
        if one.receiver.kind == "issue":
            self.github[one.receiver.name].keep_issue(messages.issue(one, origin))
            return
        url = self.addresses[one.receiver.name]
        _check_address(url)
        document = _BODIES[one.receiver.kind](one, origin)
        post(self.http, url, document, f"{one.signal.id}.{one.state}")


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        is_fine = parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(host))
    except ValueError:
        is_fine, host = False, ""
    if not (is_fine and host and url.isascii() and url.isprintable() and " " not in url):
        raise Refused("its address is none that signals go to", remedy="let it begin with https://")


def post(http: Http, url: str, document: Mapping[str, object], key: str) -> None:
    """Post a JSON document once; no redirect is followed.

    Args:
        key: the same where the same is sent again.

    Raises:
        TidemillError: it was not taken, or nobody knows.
    """
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    call = Call("POST", url, headers, Body.of(json.dumps(document).encode()))
    try:
        with http.stream(call) as response:
            status = response.status
    except Trouble as trouble:
        raise trouble.error from None
    if not 200 <= status < 300:
        raise Refused(f"{host_of(url)} answered {status}", remedy="look at the receiver's address")


def confirm(
    store: Store,
    clock: Clock,
    taken: Collection[_Key],
    run_url: str | None = None,
    untried: Collection[_Key] = (),
) -> str | None:
    """Note in the journal which messages were taken, and which not tried: one small push, of
    nothing else.

    Returns:
        Why it could not be noted; None where it was. Then a later turn sends them again.
    """
    for races in range(1, MOST_RACES + 1):
        state = read(store)
        if not state.is_journal_sound:
            return "the journal can't be read"
        ledger = state.written.copy()
        ledger.signals = confirmed(ledger.signals, taken, untried)
        if ledger == state.written:
            return None
        record = Journal(
            at=state.written_at or clock.now,
            run_url=run_url,
            read=tuple(sorted(state.read)),
            next=state.next_due,
            ledger=ledger,
        )
        ref = state.names.journal
        match push(
            store, clock, [Update(ref, state.refs.get(ref), journal_commit(store, state, record))]
        ):
            case Pushed():
                return None
            case Declined(reason):
                return reason
            case _:
                clock.pause_after(races)
    return "the journal kept moving"
