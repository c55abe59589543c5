"""The snapshot: everything that a turn decides on, read at one moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from tidemill.facts.checks import CheckRecord
from tidemill.facts.evidence import Evidence
from tidemill.facts.gates import PastSettings
from tidemill.facts.holds import Hold
from tidemill.facts.image_files import ImageFiles
from tidemill.facts.ledger import Ledger
from tidemill.facts.naming import Naming
from tidemill.facts.operation import AutoCommit
from tidemill.facts.records import Deployment
from tidemill.facts.requests import Fact
from tidemill.facts.settings import Settings
from tidemill.facts.signals import NOBODY, Reach
from tidemill.facts.staleness import FailedInspection, Inspection
from tidemill.facts.verification import Answer, Question
from tidemill.facts.vouchers import Voucher
from tidemill.words.moments import FIRST_YEAR
from tidemill.words.names import shown

LONG_AGO = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
TIDEMILL = "tidemill"  # who does what no person asked for


class WaveNaming(Struct, frozen=True):
    """What a wave's files do not name, by set; `files` identifies what was looked at. `users` are
    the targets that render a service of a set, where that is known.
    """

    files: str
    naming: Mapping[str, Naming]
    users: Mapping[str, Collection[str]] = field(default_factory=dict)


class Main(Struct, frozen=True):
    """The tip of main: its image files by wave and set, its targets' trees by wave and target.

    `named`: of the waves whose files are not those that the ledger knows of. `past`: where a wave
    has other gates than the ledger knows, the settings that main had since, the oldest first.
    `keys` names what is in the folder with the approvers' keys. `to_follow`: by wave and set, where
    the files of what the ledger knows are still under the name from before.
    """

    sha: str
    date: datetime
    sets: Mapping[tuple[str, str], ImageFiles] = field(default_factory=dict)
    trees: Mapping[tuple[str, str], str | None] = field(default_factory=dict)
    named: Mapping[str, WaveNaming] = field(default_factory=dict)
    past: tuple[PastSettings, ...] = ()
    keys: str = ""
    to_follow: frozenset[tuple[str, str]] = frozenset()


class NewCommit(Struct, frozen=True):
    """The operation was done: this is its commit."""

    commit: AutoCommit


class OperationFailure(Struct, frozen=True):
    """The operation can't be done: an entry point failed, and main is not to blame."""

    reason: str


class BrokenParent(Struct, frozen=True):
    """The operation can't be done because its parent does not generate."""

    parent: str
    reason: str


class Timeout(Struct, frozen=True):
    """An entry point took too long; that says nothing about the operation."""

    reason: str


Outcome: TypeAlias = NewCommit | OperationFailure | BrokenParent | Timeout


class UnreadableRef(Struct, frozen=True):
    """A ref of the namespace that can't be read, whoever put it there.

    Attributes:
        id: what it is called below `rejected/` once it is set aside.
        sha: what it points to.
        is_newer: a newer release wrote it: it stays where it is, and waits.
        at: when what it points to was made, as far as that can be told.
    """

    ref: str
    sha: str
    id: str
    reason: str
    is_newer: bool = False
    at: datetime = LONG_AGO

    @property
    def said(self) -> str:
        """What is wrong, for the journal."""
        return f"{shown(self.ref)} can't be read: {self.reason}"


class Snapshot(Struct, frozen=True):
    """What a turn knows.

    Attributes:
        auto_tip: what auto points to, None if there is no such branch.
        inbox: requests and records by id.
        unfit: those of them that can't be carried out, whatever else is so, and why.
        silenced: the targets, by wave, whose latest record a newer release wrote.
        foreign: the tip of auto, where no turn made it.
        outcomes: what became of operations that were tried, by operation id and parent.
        looks: what each run of `generate` on a main as it is said, by commit.
        unread: commits of which something may have been reported that was not read yet.
        required: the checks that rules require, once that is known; none: the settings say.
        evidence: what the ledger was made from, where the journal is lost.
        reach: the receivers of signals that whoever takes this turn can send to.
        answers: what was answered to the verifications that were asked.
        commits: by the id of what is in the inbox the commit that holds it; a fact that a dry run
            takes for accepted has none.
        vouchers: what stands for who asked, by request, as far as that was looked for.
    """

    now: datetime
    settings: Settings
    main: Main
    auto_tip: str | None
    ledger: Ledger
    inbox: Mapping[str, Fact] = field(default_factory=dict)
    unfit: Mapping[str, str] = field(default_factory=dict)
    unreadable: tuple[UnreadableRef, ...] = ()
    silenced: frozenset[tuple[str, str]] = frozenset()
    foreign: str | None = None
    auto: tuple[AutoCommit, ...] = ()
    checks: Mapping[str, CheckRecord] = field(default_factory=dict)
    holds: Mapping[tuple[str, str], Hold] = field(default_factory=dict)
    records: Mapping[tuple[str, str], Deployment] = field(default_factory=dict)
    outcomes: Mapping[tuple[str, str], Outcome] = field(default_factory=dict)
    looks: Mapping[str, tuple[Inspection | FailedInspection, ...]] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()
    required: tuple[str, ...] = ()
    evidence: Evidence | None = None
    reach: Reach = NOBODY
    answers: Mapping[Question, Answer] = field(default_factory=dict)
    commits: Mapping[str, str] = field(default_factory=dict)
    vouchers: Mapping[str, Voucher] = field(default_factory=dict)

    def knowing(self, operation_id: str, parent: str, outcome: Outcome) -> Snapshot:
        """This snapshot, and what became of one operation on one parent."""
        return replace(self, outcomes={**self.outcomes, (operation_id, parent): outcome})

    def having_looked(self, commit: str, look: Inspection | FailedInspection) -> Snapshot:
        """This snapshot, and what one more run of `generate` on a commit said."""
        return replace(self, looks={**self.looks, commit: (*self.looks.get(commit, ()), look)})

    def having_asked(self, answers: Mapping[Question, Answer]) -> Snapshot:
        """This snapshot, and what was answered to more verifications."""
        return replace(self, answers={**self.answers, **answers})

    def having_vouched(self, request: str, voucher: Voucher) -> Snapshot:
        """This snapshot, and what stands for who asked for something."""
        return replace(self, vouchers={**self.vouchers, request: voucher})

    def without(self, ids: Collection[str]) -> Snapshot:
        """This snapshot, without some of what is in the inbox."""
        return replace(
            self,
            inbox={name: fact for name, fact in self.inbox.items() if name not in ids},
            unfit={name: why for name, why in self.unfit.items() if name not in ids},
            unreadable=tuple(one for one in self.unreadable if one.id not in ids),
        )

    def having_read(self, record: CheckRecord, required: tuple[str, ...]) -> Snapshot:
        """This snapshot, and what was reported of one commit that was unread."""
        checks = {**self.checks, record.sha: record}
        return replace(self, checks=checks, unread=self.unread - {record.sha}, required=required)


def verified_commits(
    settings: Settings, ledger: Ledger, records: Mapping[tuple[str, str], Deployment]
) -> frozenset[str]:
    """The commits at which a verification may look for a status: the revisions that targets have
    deployed, and those that put there what waves have."""
    asked = [one for one in settings.verifications if one.status is not None]

    def is_looked_at(wave: str) -> bool:
        return any(not one.waves or wave in one.waves for one in asked)

    deployed = {one.revision for (wave, _), one in records.items() if is_looked_at(wave)}
    parts = [sets.values() for wave, sets in ledger.sets.items() if is_looked_at(wave)]
    presents = (part.present for part in chain.from_iterable(parts))
    return frozenset(deployed | {one.commit for one in presents if one is not None})
