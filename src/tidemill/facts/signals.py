"""Signals: who is told what needs a person (`[signals]`), and what Git remembers of that."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from tidemill.words.durations import Duration
from tidemill.words.moments import Moment

SignalKind = Literal[
    "approval", "held", "evicted", "rejected", "failed", "main", "reports", "stuck", "other"
]
ReceiverKind = Literal["slack", "teams", "webhook", "issue"]
MOST_TRIES = 7
_FIRST_PAUSE = timedelta(minutes=20)
_GRACE = timedelta(minutes=1)


class Receiver(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Somebody who is told. The address is no setting: it is a secret, found by `name`.

    Attributes:
        name: what it is called; its address is found by that name in `TIDEMILL_SIGNALS`.
        kind: how it is told; `"issue"`: by issues in cfg-app.git.
        only: the kinds of signals that it gets (default: all).
    """

    name: str
    kind: ReceiverKind
    only: tuple[SignalKind, ...] = ()

    def wants(self, kind: str) -> bool:
        """Whether it is told of signals of a kind."""
        return not self.only or kind in self.only


class SignalSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who is told; and after what time something that waits for no person is stuck.

    Attributes:
        receivers: who is told what needs a person. See docs/jobs/get-told.md.
        stuck_after: after what time something that waits for a check, a verification, `auto` or an
            entry point counts as stuck.
    """

    receivers: tuple[Receiver, ...] = ()
    stuck_after: Duration = Duration(days=1)


class Delivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far one receiver has been told of a signal's beginning, or of its end.

    Attributes:
        tries: how often some run was to send it; the last one since `at`, and which one that is.
        is_done: it was taken.
    """

    tries: int = 0
    at: Moment | None = None
    by: str = ""
    is_done: bool = False

    @property
    def free_at(self) -> datetime | None:
        """When another run may send it, because the one that was to has died or failed; None: now.

        It is later after each try. The end of a signal waits a moment for its beginning.
        """
        if self.at is None:
            return None
        return self.at + (_FIRST_PAUSE * 2 ** (self.tries - 1) if self.tries else _GRACE)


class Signal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that needs a person, from when a turn first saw it until it is over.

    Its words are kept, so that what is sent again is the same.

    Attributes:
        cause: what tells it from all that is so at the same time.
        what: what it is about; `reasons` say more; `command` is without `--repo`.
        has_end: whether it is told, too, that it is over.
        over: since when it is over.
        deliveries: by receiver.
    """

    id: str
    kind: SignalKind
    cause: tuple[str, ...]
    since: Moment
    what: str
    reasons: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    wave: str | None = None
    set: str | None = None
    app_sha: str | None = None
    has_end: bool = True
    over: Moment | None = None
    deliveries: dict[str, Delivery] = {}


class Reach(msgspec.Struct, frozen=True):
    """Which receivers a run can send to.

    Attributes:
        sender: tells the run from every other: two that decide the same at the same time must not
            write the same, or each would take the other's push for its own, and both would send.
    """

    receivers: frozenset[str] = frozenset()
    sender: str = ""


NOBODY = Reach()


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A signal's beginning or end, on its way to one receiver."""

    signal: Signal
    receiver: Receiver

    @property
    def state(self) -> Literal["open", "over"]:
        """Which of the two it says."""
        return "open" if self.signal.over is None else "over"

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from every other message, and is the same where it is sent again."""
        return self.signal.id, self.state, self.receiver.name


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """An issue as it is to be.

    Attributes:
        marker: a part of the body by which it is found again, whoever changed its title; it stands
            in no other issue's.
        since: it was not opened before.
    """

    title: str
    body: str
    marker: str
    since: datetime
    is_closed: bool


def parse_addresses(text: str) -> tuple[dict[str, str], list[str]]:
    """Where receivers are, by their names, from lines of `name=address`; and what is wrong, in
    words that show nothing of an address."""
    found, wrong = {}, []
    for number, line in enumerate(text.splitlines(), start=1):
        name, is_pair, address = (part.strip() for part in line.partition("="))
        if not name or name.startswith("#"):
            continue
        if not is_pair:
            wrong.append(f"line {number} of the receivers' addresses is not name=address")
        elif address:  # a secret that is not set is empty
            found[name] = address
    return found, wrong
