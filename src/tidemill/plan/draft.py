"""The draft of a plan: what the snapshot says, and what has been decided so far.

Each step of `plan()` takes the draft and leaves it further on. A draft lives for one call of
`plan()`; nothing in it is shared with the snapshot.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import takewhile

import msgspec
from msgspec import Struct, field

from tidemill.announcing.order import order_of
from tidemill.facts.checks import Verdict, verdict
from tidemill.facts.holds import Hold
from tidemill.facts.journal import Entry
from tidemill.facts.ledger import (
    KEPT_ENDED,
    KEPT_ENDINGS,
    KEPT_REFS,
    BadEnding,
    Eviction,
    Landing,
    Ledger,
    RequestEnding,
)
from tidemill.facts.operation import AutoCommit, Kind, Operation
from tidemill.facts.records import Deployment
from tidemill.facts.requests import AnnouncementRequest, Fact, announced_as, app_sha_of, kept_as
from tidemill.facts.settings import Settings, no_such_place
from tidemill.facts.signals import Message
from tidemill.facts.snapshot import Snapshot, UnreadableRef
from tidemill.facts.verification import Question
from tidemill.facts.vouchers import Asked
from tidemill.plan.inbox import Inbox
from tidemill.plan.obstacles import About, MissingReview, Obstacle, Wait

_TOLD = ("landed", "evicted", "unchanged")
_ENDS_BADLY = ("evicted", "rejected", "dropped")


class AutoStep(Struct):
    """An operation that belongs on auto, and its commit if there is one already."""

    operation: Operation
    commit: AutoCommit | None = None


class Draft(Struct):
    """See the module. `main` is what main will be, `trees` those of the targets there; `chain` is
    what auto will have above it. `kept_out`: the requests of which it is not known who asked;
    `overtaken`: those of rollbacks in whose place a person has changed what is there."""

    snapshot: Snapshot
    ledger: Ledger
    main: str
    inbox: Inbox
    holds: dict[tuple[str, str], Hold]
    records: dict[tuple[str, str], Deployment]
    chain: list[AutoStep] = field(default_factory=list)
    landed: str | None = None
    entries: list[Entry] = field(default_factory=list)
    waiting: dict[Wait, None] = field(default_factory=dict)  # in order, each once
    ended: list[str] = field(default_factory=list)
    filed: list[Deployment] = field(default_factory=list)
    evicted: list[str] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    aside: list[UnreadableRef] = field(default_factory=list)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    to_read: list[str] = field(default_factory=list)
    to_ask: dict[Question, None] = field(default_factory=dict)  # in order, each once
    to_vouch: list[str] = field(default_factory=list)
    asked: dict[str, Asked] = field(default_factory=dict)
    reviews: dict[tuple[str, str, str], MissingReview] = field(default_factory=dict)
    kept_out: dict[str, Fact] = field(default_factory=dict)
    overtaken: set[str] = field(default_factory=set)
    named: dict[str, str] = field(default_factory=dict)
    reporters: dict[str, str] = field(default_factory=dict)
    trees: dict[tuple[str, str], str | None] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshot: Snapshot) -> Draft:
        """A draft in which nothing has been decided."""
        return cls(
            snapshot,
            snapshot.ledger.copy(),
            snapshot.main.sha,
            Inbox(snapshot.inbox),
            dict(snapshot.holds),
            dict(snapshot.records),
            [AutoStep(commit.operation, commit) for commit in snapshot.auto],
            reporters=dict(snapshot.ledger.reporters),
            trees=dict(snapshot.main.trees),
        )

    @property
    def settings(self) -> Settings:
        """The settings on main."""
        return self.snapshot.settings

    @property
    def now(self) -> datetime:
        """The time of the turn."""
        return self.snapshot.now

    def verdict(self, sha: str) -> Verdict:
        """What the checks say of a commit, as far as that was read."""
        if sha in self.verdicts:
            return self.verdicts[sha]
        checks = self.settings.checks
        record = self.snapshot.checks.get(sha)
        required = self.snapshot.required or checks.required
        found = verdict(record, required, checks.timeout, self.now)
        asked = self.snapshot.ledger.asked.get(sha)
        if asked is not None and checks.source == "github":
            found = found.asked_for(asked, checks.timeout, self.now)
        return found

    def require_verdict(self, sha: str) -> Verdict:
        """The same; where it was not read yet, take note that it has to be."""
        if sha in self.snapshot.unread and sha not in self.to_read:
            self.to_read.append(sha)
        self.verdicts.setdefault(sha, self.verdict(sha))
        return self.verdicts[sha]

    def require_main_verdict(self) -> Verdict:
        """That of main; where it is known to have been green, that will do."""
        if self.main in self.snapshot.unread and self.main == self.ledger.green_main:
            return Verdict("green")
        return self.require_verdict(self.main)

    def told(self) -> tuple[Entry, ...]:
        """The lines of the journal, each with who asked for it."""
        asked_by = {name: getattr(fact, "by", "") for name, fact in self.snapshot.inbox.items()}
        asked_by |= {name: one.by for name, one in self.asked.items() if one.by}
        return tuple(
            msgspec.structs.replace(entry, by=entry.by or asked_by.get(entry.id or "", ""))
            for entry in self.entries
        )

    def note(
        self,
        what: str,
        operation: Operation | None = None,
        *,
        sha: str | None = None,
        reason: str = "",
    ) -> None:
        """Write a line into the journal."""
        entry = Entry(what=what, sha=sha, reason=reason)
        if operation is not None:
            entry = msgspec.structs.replace(
                entry,
                id=operation.request,
                app_sha=operation.app_sha,
                set=operation.set,
                wave=operation.wave,
            )
        self.entries.append(entry)

    def note_set(self, what: str, wave: str, name: str, landing: Landing, reason: str) -> None:
        """Write a line about a set that a wave has into the journal."""
        sha, app_sha = landing.commit, landing.app_sha
        self.entries.append(
            Entry(what=what, sha=sha, app_sha=app_sha, set=name, wave=wave, reason=reason)
        )

    def wait(
        self,
        about: About,
        *obstacles: Obstacle,
        since: datetime | None = None,
        request: str | None = None,
        earliest: datetime | None = None,
    ) -> None:
        """Say that something waits; said twice it is one line.

        Args:
            since: since when, where an obstacle does not say.
        """
        found = tuple(
            msgspec.structs.replace(one, since=since) if one.since is None else one
            for one in obstacles
        )
        self.waiting[Wait(about=about, obstacles=found, id=request, earliest=earliest)] = None

    def end(self, request: str, how: str, entry: Entry | None = None) -> None:
        """A request has ended: its ref goes, the ledger remembers how. What had begun for it does
        not go on."""
        fact = self.inbox.take(request)
        if fact is None:
            return
        backs = self.ledger.rollbacks
        self.ledger.rollbacks = [one for one in backs if one.request != request]
        self.ledger.hotfixes = [one for one in self.ledger.hotfixes if one != request]
        self.ended.append(request)
        if request in self.asked:
            self.ledger.spend(self.asked[request], self.now)
        known_as = request
        if isinstance(fact, AnnouncementRequest):
            known_as = announced_as(request, fact.announcement.set)
            if how in _ENDS_BADLY:
                self._remember_ending(fact, how, entry.reason if entry else "")
        self.ledger.ended = [*self.ledger.ended, RequestEnding(id=known_as, how=how)][-KEPT_ENDED:]
        if entry is not None:
            self.entries.append(entry)

    @property
    def gone(self) -> tuple[str, ...]:
        """The requests that have ended, each for all waves and sets that it is for."""
        left = {kept_as(one) for one in (*self.inbox.facts, *self.kept_out)}
        return tuple(one for one in dict.fromkeys(map(kept_as, self.ended)) if one not in left)

    def end_once(self, request: str, how: str, entry: Entry) -> None:
        """The same, and the journal says so if it has not said how it ended yet."""
        is_told = any(one.id == entry.id and one.what in _TOLD for one in self.entries)
        self.end(request, how, None if is_told else entry)

    def keep_out(self, request: str) -> None:
        """A request waits on, and is kept from all that follows but for who drops it."""
        if fact := self.inbox.take(request):
            self.kept_out[request] = fact

    def let_back(self, request: str) -> None:
        """What was kept out is in the inbox again, to be ended: nothing waits for it any more."""
        if fact := self.kept_out.pop(request, None):
            self.inbox.replace(request, fact)
            self.waiting = {line: None for line in self.waiting if line.id != request}
            run = fact.run.id if not isinstance(fact, Deployment) and fact.run else None
            self.reviews = {key: one for key, one in self.reviews.items() if one.run != run}

    def has_landed(self, request: str) -> bool:
        """Whether what a request asked for has just landed, beneath something newer or not."""
        return any(one.id == request and one.what == "landed" for one in self.entries)

    def keep(self, request: str, reason: str) -> None:
        """Keep a request that ends below `rejected/`, from where `tidemill retry` takes it."""
        self.rejected[kept_as(request)] = reason
        self._remember_rejected(kept_as(request))

    def _remember_rejected(self, kept: str) -> None:
        others = [one for one in self.ledger.rejected if one != kept]
        self.ledger.rejected = [*others, kept][-KEPT_REFS:]

    def _remember_ending(self, announced: AnnouncementRequest, how: str, reason: str) -> None:
        """How an announcement ended badly, so that status can say so for as long as it is true."""
        told = announced.announcement
        ending = BadEnding(
            app_sha=told.sha,
            how=how,
            at=self.now,
            reason=reason,
            **announced.order._asdict(),
        )
        endings = [*self.ledger.endings.get(told.set, []), ending]
        known = [one for one in endings if one.how != "rejected"]
        newest = [max(known, key=order_of)] if known else []
        recent = [one for one in endings[1 - KEPT_ENDINGS :] if one not in newest]
        self.ledger.endings[told.set] = [*newest, *recent]

    def reject(
        self, request: str, reason: str, *, set_name: str | None = None, wave: str | None = None
    ) -> None:
        """A request can't be carried out: it is kept below `rejected/`, with the reason."""
        self.keep(request, reason)
        fact = self.inbox.get(request)
        entry = Entry(
            what="rejected",
            id=request,
            app_sha=app_sha_of(fact) if fact is not None else None,
            set=set_name,
            wave=wave,
            reason=reason,
        )
        self.end(request, "rejected", entry)

    def reject_unless_named(self, request: str, wave: str, set_name: str) -> bool:
        """Reject a request for a wave or a set that the settings do not name, and say so."""
        if self.settings.names(wave, set_name):
            return False
        heirs = [*self.ledger.wave_names.now.get(wave, ())]
        heirs += self.ledger.set_names.now.get(set_name, ())
        now = f"; it is {' and '.join(heirs)} now: ask for each by itself" if heirs else ""
        self.reject(request, no_such_place(wave, set_name) + now, wave=wave)
        return True

    def set_aside(self, unreadable: UnreadableRef) -> None:
        """A ref that can't be read goes; what it points to is kept below `rejected/`."""
        self.aside.append(unreadable)
        self._remember_rejected(unreadable.id)
        self.entries.append(Entry(what="rejected", id=unreadable.id, reason=unreadable.said))

    def evict(self, eviction: Eviction) -> None:
        """A commit leaves auto for good, and is kept below `evicted/`."""
        self.ledger.evictions = [*self.ledger.evictions, eviction]
        if eviction.commit:
            self.evicted.append(eviction.commit)
        self.note("evicted", eviction.operation, sha=eviction.commit, reason=eviction.reason)

    def put_after(self, kinds: Collection[Kind], operations: Iterable[Operation]) -> None:
        """Put operations on auto, behind those of some kinds that it begins with."""
        at = sum(1 for _ in takewhile(lambda one: one.operation.kind in kinds, self.chain))
        self.chain[at:at] = map(AutoStep, operations)

    def on_auto(self, wave: str, set_name: str) -> list[Operation]:
        """The operations on auto for one set in one wave, the oldest first."""
        return [
            one.operation
            for one in self.chain
            if one.operation.set == set_name and one.operation.wave == wave
        ]
