"""The state of cfg-app.git at one moment: every ref of the namespace, parsed. Values, no store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from tidemill.errors import SettingsInvalid, StateUnreadable
from tidemill.facts import forms
from tidemill.facts.checks import CheckRecord
from tidemill.facts.decoding import IllegibleRecord
from tidemill.facts.evidence import Evidence
from tidemill.facts.holds import Hold
from tidemill.facts.ledger import Ledger
from tidemill.facts.records import Deployment
from tidemill.facts.refs import RefNames, Refs
from tidemill.facts.renames import Renaming, renamed_holds, renamed_ledger, renamed_records
from tidemill.facts.requests import AnnouncementRequest, Fact, HoldRequest
from tidemill.facts.settings import Settings
from tidemill.facts.snapshot import TIDEMILL, UnreadableRef
from tidemill.words.names import shown
from tidemill.words.shas import short

LATELY = timedelta(seconds=15)


class State(Struct, frozen=True, dict=True):
    """What was read at one moment.

    `ledger`, `holds` and `deployed` are by today's names, where the settings have others than what
    is `written`.

    Attributes:
        settings: the error where those on main can't be used.
        journal: says so where a newer release wrote it: a fact can be accepted all the same, a turn
            can't be done.
        inbox, checks: by the names of their refs.
        kept_holds, kept_records: by the names of their refs, `WAVE/SET` and `WAVE/TARGET`.
        strays: the refs that are where none can be, in the way of others.
        evidence: what the ledger was made from, where the journal is lost.
        written_at: the journal's time.
        read: the requests in the inbox that the journal's last turn is known to have read.
        next_due: when time alone makes something due, as that turn knew it.
    """

    refs: Refs
    names: RefNames
    main: str
    settings: Settings | SettingsInvalid
    journal: Ledger | IllegibleRecord
    inbox: Mapping[str, Fact | UnreadableRef]
    checks: Mapping[str, CheckRecord | UnreadableRef]
    kept_holds: Mapping[str, Hold | UnreadableRef]
    kept_records: Mapping[str, Deployment | UnreadableRef]
    strays: tuple[UnreadableRef, ...] = ()
    lost_journal: UnreadableRef | None = None
    evidence: Evidence | None = None
    written_at: datetime | None = None
    read: frozenset[str] = frozenset()
    next_due: datetime | None = None

    @cached_property
    def renaming(self) -> Renaming | None:
        """What has become of names, None where the settings or the journal can't tell."""
        settings = self.usable_settings
        if settings is None or isinstance(self.journal, IllegibleRecord):
            return None
        return Renaming.of(settings, self.journal)

    @cached_property
    def ledger(self) -> Ledger:
        """What is known, by today's names; raises as `written` does."""
        settings = self.usable_settings
        return renamed_ledger(settings, self.written) if settings else self.written

    @property
    def usable_settings(self) -> Settings | None:
        """The settings; None where those on main can't be used."""
        return None if isinstance(self.settings, SettingsInvalid) else self.settings

    @property
    def valid_settings(self) -> Settings:
        """The settings, or the error raised."""
        if isinstance(self.settings, SettingsInvalid):
            raise self.settings
        return self.settings

    @property
    def written(self) -> Ledger:
        """The ledger, by the names that it was written with.

        Raises:
            StateUnreadable: a newer release wrote the journal.
        """
        if isinstance(self.journal, IllegibleRecord):
            raise StateUnreadable(
                f"{self.names.journal} can't be read: {self.journal.reason}",
                remedy="use the newer release; if none wrote it, delete that ref, and the next "
                "turn makes it again from what else is there",
            )
        return self.journal

    @property
    def is_journal_sound(self) -> bool:
        """Whether there is a journal to write on."""
        is_known = isinstance(self.journal, Ledger) and self.evidence is None
        return is_known and self.refs.get(self.names.journal) is not None

    @property
    def remembered(self) -> Ledger:
        """The ledger; an empty one where it can't be read, for a fact is accepted all the same."""
        return Ledger() if isinstance(self.journal, IllegibleRecord) else self.ledger

    def check_usable(self) -> None:
        """Raise what keeps a turn from being done: the settings, or a newer release's journal."""
        self.valid_settings  # noqa: B018 - raises
        self.written  # noqa: B018 - raises

    def having(self, fact: Fact, commit: str) -> State:
        """The same, with one fact more in the inbox."""
        refs = self.refs.with_ref(self.names.inbox(fact.id), commit)
        return replace(self, refs=refs, inbox={**self.inbox, fact.id: fact})

    def without(self, request: str) -> State:
        """The same, with one fact less in the inbox."""
        inbox = {name: fact for name, fact in self.inbox.items() if name != request}
        return replace(self, inbox=inbox)

    def came_lately(self, now: datetime) -> frozenset[str]:
        """The ids of what came into the inbox so shortly before `now` that whoever sent it may be
        about to turn."""
        return frozenset(
            name
            for name, fact in self.inbox.items()
            if not isinstance(fact, UnreadableRef) and abs(now - fact.accepted_at) < LATELY
        )

    def announced_before(self, now: datetime) -> list[datetime]:
        """When each announcement that waits came, and a turn with it; those apart that came so
        lately that their turn may not be over."""
        return [
            fact.accepted_at
            for fact in self.inbox.values()
            if isinstance(fact, AnnouncementRequest) and now - fact.accepted_at >= LATELY
        ]

    @property
    def newest(self) -> datetime | None:
        """The newest time in the journal and the inbox; None if there is none."""
        facts = [fact for fact in self.inbox.values() if not isinstance(fact, UnreadableRef)]
        times = [*(fact.accepted_at for fact in facts), self.written_at]
        return max((when for when in times if when), default=None)

    @cached_property
    def holds(self) -> Mapping[tuple[str, str], Hold]:
        """All holds by wave and set; those that can't be read hold, too."""
        found = self.written_holds
        for fact in self.holds_anew(self.unreadable):
            hold = Hold(
                id=fact.id,
                wave=fact.wave,
                set=fact.set,
                reason=fact.reason,
                by=fact.by,
                since=fact.accepted_at,
            )
            found.setdefault((fact.wave, fact.set), hold)
        renaming = self.renaming
        return renamed_holds(renaming, found)[0] if renaming and renaming.is_due else found

    @property
    def written_holds(self) -> dict[tuple[str, str], Hold]:
        """All holds as their refs name them, but for those that have to be placed anew."""
        found = {}
        for name, held in self.kept_holds.items():
            if isinstance(held, Hold):
                found[held.wave, held.set] = held
            elif held.is_newer:
                wave, _, set_name = name.partition("/")
                found[wave, set_name] = Hold(
                    id=f"hold-{short(held.sha)}",
                    wave=wave,
                    set=set_name,
                    reason=f"what holds it can't be read: {held.reason}",
                    by=TIDEMILL,
                    since=held.at,
                )
        return found

    def holds_anew(self, broken: Iterable[UnreadableRef]) -> list[HoldRequest]:
        """For each hold that can't be read a request to hold: who knows what it was for."""
        folder = f"{self.names.folder('holds')}/"
        return [
            HoldRequest(
                accepted_at=one.at,
                by=TIDEMILL,
                wave=place[0],
                set=place[1],
                reason=f"{shown(one.ref)} can't be read, and may have been a hold: {one.reason}",
            )
            for one in broken
            if one.ref.startswith(folder) and not one.is_newer
            if (place := forms.held_place(one.ref[len(folder) :])) is not None
        ]

    def waves_meant(self, name: str) -> tuple[str, ...]:
        """Which waves are meant by a name that one may have had before."""
        return self.renaming.waves.meant(name, is_of_today=True) if self.renaming else (name,)

    def sets_meant(self, name: str) -> tuple[str, ...]:
        """Which sets are meant by a name that one may have had before."""
        return self.renaming.sets.meant(name, is_of_today=True) if self.renaming else (name,)

    @cached_property
    def deployed(self) -> Mapping[tuple[str, str], Deployment]:
        """The latest record of each target, by wave and target."""
        renaming, found = self.renaming, self.written_records
        return renamed_records(renaming, found)[0] if renaming and renaming.is_due else found

    @property
    def written_records(self) -> dict[tuple[str, str], Deployment]:
        """The latest record of each target, by wave and target, as their refs name them."""
        found = self.kept_records.values()
        return {(one.wave, one.target): one for one in found if isinstance(one, Deployment)}

    def last_said(self, wave: str, target: str) -> Deployment | None:
        """The last that a target has reported, also where it is not filed yet; None if nothing."""
        place = (wave, target)
        waiting = (one for one in self.inbox.values() if isinstance(one, Deployment))
        mine = [one for one in waiting if (one.wave, one.target) == place]
        last = max(mine, key=lambda one: (one.finished, one.accepted_at), default=None)
        filed = self.deployed.get(place)
        return filed if last is None or (filed and filed.finished > last.finished) else last

    @property
    def silenced(self) -> frozenset[tuple[str, str]]:
        """Wave and target of each latest record that a newer release wrote."""
        parts = [
            name.partition("/")
            for name, one in self.kept_records.items()
            if isinstance(one, UnreadableRef) and one.is_newer
        ]
        return frozenset((wave, target) for wave, _, target in parts)

    @property
    def judged(self) -> Sequence[str]:
        """The commits whose checks a turn reads: main, auto's tip and auto's own commits."""
        auto = self.refs.get(self.names.auto)
        return sorted(
            {self.main, *(one.sha for one in self.remembered.auto), *filter(None, [auto])}
        )

    @cached_property
    def unreadable(self) -> tuple[UnreadableRef, ...]:
        """Every ref of the namespace that a turn would read, and can't."""
        found = [
            self.lost_journal,
            *self.strays,
            *self.inbox.values(),
            *self.kept_holds.values(),
            *self.kept_records.values(),
            *(self.checks.get(sha) for sha in self.judged),
        ]
        return tuple(one for one in found if isinstance(one, UnreadableRef))
