"""Signalling: what a turn has to tell people goes out once all of the turn is written."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tidemill.clients.git.store import Store
from tidemill.clients.github import place
from tidemill.clients.machine import environment, person
from tidemill.commands._remedies import Remedies
from tidemill.errors import TidemillError
from tidemill.facts.settings import Settings
from tidemill.facts.signals import Message, Reach, parse_addresses
from tidemill.plan.messages import Origin
from tidemill.turn.outcome import Wrote
from tidemill.turn.push import Clock
from tidemill.turn.turn import Turn

if TYPE_CHECKING:
    from tidemill.turn.signalling import Post

ADDRESSES = "TIDEMILL_SIGNALS"
# What was taken on longer ago may be another run's by now (`Delivery.free_at`).
MOST_SECONDS = 15 * 60


@dataclass
class Signalling:
    """The signals of one turn, from before it begins.

    Attributes:
        unsent: why messages could not be sent, in words. It never makes a command fail.
    """

    store: Store
    url: str
    clock: Clock
    say: Callable[[str], None]
    unsent: tuple[str, ...] = ()
    _sender: str = field(default_factory=lambda: secrets.token_hex(8), init=False)
    _begun: float = field(default_factory=time.monotonic, init=False)
    _addresses: dict[str, str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._addresses, wrong = parse_addresses(environment.variable(ADDRESSES) or "")
        self.unsent = tuple(wrong)

    def reach(self, settings: Settings) -> Reach:
        """The receivers that can be sent to from here."""
        names = frozenset(
            one.name
            for one in settings.signals.receivers
            if (self._token(one.name) if one.kind == "issue" else one.name in self._addresses)
        )
        return Reach(names, self._sender)

    def after(self, done: Turn) -> None:
        """Send what a turn has taken on, and note what was taken."""
        due = done.plan.messages
        if not due or not isinstance(done.outcome, Wrote):
            return
        if time.monotonic() - self._begun > MOST_SECONDS:
            self.unsent += ("the turn took so long that its signals are left to a later one",)
            return
        from tidemill.turn.signalling import confirm, send  # which few turns need

        origin = Origin(Remedies.of(self.url, self.clock.now).repo, person.run_url())
        sent = send(due, origin, self._post(due))
        self.unsent += sent.failures
        if not (sent.taken or sent.untried):
            return
        if sent.taken:
            self.say(f"signals sent: {len(sent.taken)}")
        try:
            run = person.run_url()
            failure = confirm(self.store, self.clock, sent.taken, run, sent.untried)
        except TidemillError as error:
            failure = error.what
        if failure:
            again = "a later turn sends them again, with the same ids"
            self.unsent += (f"what became of signals could not be noted: {failure}; {again}",)

    def _post(self, due: Sequence[Message]) -> Post:
        from tidemill.clients.github.api import GitHub
        from tidemill.clients.http.client import Http
        from tidemill.turn.signalling import SECONDS, Post

        github, where = {}, place.of_url(self.url)
        for name in {one.receiver.name for one in due if one.receiver.kind == "issue"}:
            token = self._token(name)
            if where is not None and token is not None:
                github[name] = GitHub(where, token, seconds=SECONDS)
        return Post(self._addresses, Http(seconds=SECONDS), github)

    def _token(self, name: str) -> str | None:
        """The token that opens issues: the receiver's own one, or the one of this run."""
        usual = place.token_for(self.url)
        return self._addresses.get(name, usual) if place.of_url(self.url) and usual else None
