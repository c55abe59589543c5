"""What commands return: one frozen type for each kind of command, and nothing found out from words.

The words (`_text`), `--json` (`_json`), and in a workflow the summary, annotations and outputs
(`tidemill.action`) are renderings of these values.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

from tidemill.errors import EntryPointFailed
from tidemill.words.shas import short

if TYPE_CHECKING:  # a command imports what it works with, and no other's
    from tidemill.adopting.proposal import Change, Proposal
    from tidemill.announcing.announcement import Announcement
    from tidemill.announcing.by_reference import AnnouncementReference
    from tidemill.answers.difference import FileChange, SetDifference
    from tidemill.answers.explanation import Explanation
    from tidemill.answers.question import Line, RunningThen, ServiceStay
    from tidemill.building.job_matrix import Job
    from tidemill.building.pinning import Pin
    from tidemill.building.shipping import BuiltImage
    from tidemill.checkup.finding import Finding
    from tidemill.commands._remedies import Remedies
    from tidemill.facts.checks import RunState
    from tidemill.facts.journal import Entry
    from tidemill.facts.schedules import Schedule
    from tidemill.images.comparison.difference import Comparison
    from tidemill.plan.obstacles import Wait
    from tidemill.plan.status import Status
    from tidemill.turn.check import CommitVerdict
    from tidemill.turn.outcome import TurnOutcome
    from tidemill.turn.statuses import StatusChanges
    from tidemill.turn.verdicts import VerdictNote


class _Result:
    @property
    def exit_code(self) -> int:
        """0: done, or there was nothing to do; 1: it did what it could, and the answer is no."""
        match self:
            case RequestAndTurn(turn=turn) | Reconciliation(turn):
                return int(turn.is_main_kept)
            case LoopDone(turn=turn, checks=checks):
                return int(turn.is_main_kept or bool(checks.exit_code))
            case CommitChecks(fails=fails):
                return int(fails and bool(self.not_green))
            case Build():
                return int(bool(self.differing))
            case ImagesCompared(comparison):
                return int(comparison.is_different)
            case Diagnosis():
                return int(self.stops)
            case _:
                return 0


# For cfg-app.git.


class Request(Struct, frozen=True):
    """What became of what was to be accepted.

    Attributes:
        kind: `nothing` where there was nothing to accept, and so no id.
        how: of one that has ended, how; of nothing, why.
        is_dry_run: it would be accepted, and was not.
        is_there: every wave that comes first has what was announced.
        way_in: the command that lets in what has ended, or what this drops.
    """

    kind: Literal["accepted", "waits", "ended", "nothing"]
    id: str = ""
    how: str = ""
    is_dry_run: bool = False
    is_there: bool = True
    way_in: str | None = None

    @property
    def is_new(self) -> bool:
        return self.kind == "accepted"


class TurnTaken(Struct, frozen=True):
    """What a turn decided, and what became of it; of one that was lost only what waits.

    Attributes:
        entries: what the journal has of it.
        more: whether something is left to the next run: a check that is not claimed, or what may
            not be done here.
        is_main_kept: whether a rule of GitHub's lets nothing land, until a person changes that.
        next_due: when time alone makes something due.
        wake: whether that is within the hour, and no turn before this one knew.
        unread: why reports of targets could not be read or used; the turn went on without them.
        unsent: why signals could not be sent; a later turn sends them.
        page: the folder that the page was written to, if it was.
        unwritten: why the page could not be written.
        approvals: what each wave would get that waits for an approval.
        environment: the environment on GitHub whose reviewers have to look at what this run asks.
    """

    outcome: TurnOutcome
    changed: bool
    landed: str | None
    entries: tuple[Entry, ...]
    to_check: tuple[str, ...]
    waiting: tuple[Wait, ...]
    more: bool
    remedies: Remedies
    is_main_kept: bool = False
    next_due: datetime | None = None
    wake: bool = False
    unread: tuple[str, ...] = ()
    unsent: tuple[str, ...] = ()
    page: str | None = None
    unwritten: tuple[str, ...] = ()
    approvals: tuple[SetDifference, ...] = ()
    environment: str | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What went wrong, and did not keep it from its work."""
        return (*self.unread, *self.unsent, *self.unwritten)

    def done(self, what: str) -> tuple[Entry, ...]:
        """All of one kind that it did, as the journal calls it."""
        return tuple(one for one in self.entries if one.what == what)


class Acceptance(_Result, Struct, frozen=True):
    """What was accepted, with the turn left to others (`--accept-only`)."""

    request: Request


class RequestAndTurn(_Result, Struct, frozen=True):
    """What was accepted, and the turn after it.

    Attributes:
        change: of a promotion that was tried without writing anything, what it changes.
    """

    request: Request
    turn: TurnTaken
    change: Difference | None = None


class Reconciliation(_Result, Struct, frozen=True):
    """A turn, and the statuses that were set before it."""

    turn: TurnTaken
    settled: StatusChanges


class EventRequest(_Result, Struct, frozen=True):
    """What an event of GitHub brought; `is_foreign` where it is none of Tidemill's."""

    event: str
    request: Request
    is_foreign: bool = False


class EventOutlook(_Result, Struct, frozen=True):
    """What an event brought, and what a turn would do now; it was not done.

    Attributes:
        turn: only what waits is in it.
        is_due: whether a turn has something to do, or something wants a check.
        operations: whether that may take entry points other than the check.
        checks: whether something wants a check.
        branches: whether main or auto moves, or may move once an entry point has run.
    """

    came: EventRequest
    turn: TurnTaken
    is_due: bool
    operations: bool
    checks: bool
    branches: bool


class LoopDone(_Result, Struct, frozen=True):
    """What an event brought, all turns as one, and what was checked between them."""

    event: EventRequest | None
    turn: TurnTaken
    checks: CommitChecks


class StatusReport(_Result, Struct, frozen=True):
    """What runs where, and what waits for what.

    Attributes:
        schedule: which alone does a turn for what time makes due; None if something else does, too.
    """

    status: Status
    remedies: Remedies
    schedule: Schedule | None = None

    def next_turn(self, line: Wait) -> datetime | None:
        """When the turn is that something goes on in, if time alone ends its wait."""
        from tidemill.plan.waking import over_at

        over = over_at(line)
        return self.schedule.next_turn(over) if self.schedule and over else None


class PageWritten(_Result, Struct, frozen=True):
    """The site was written to the folder `out`: how many files and bytes it has."""

    out: str
    files: int
    size: int
    changed: bool


class HistoryReport(_Result, Struct, frozen=True):
    """What happened, in order; or what ran at one time; or the images that a service had.

    Attributes:
        earlier: how many older lines are left out; None where that is some, and nobody counted.
        missing: what can't be told, in sentences.
        at: the time that was asked about.
    """

    lines: tuple[Line, ...] = ()
    running: RunningThen | None = None
    services: tuple[ServiceStay, ...] | None = None
    earlier: int | None = 0
    missing: tuple[str, ...] = ()
    at: datetime | None = None


class Explanations(_Result, Struct, frozen=True):
    """What somebody asked about; a service and a target may have the same name."""

    things: tuple[Explanation, ...]
    missing: tuple[str, ...]
    remedies: Remedies


class AppCommit(Struct, frozen=True):
    """A commit of app.git, as its author wrote it."""

    sha: str
    author: str
    subject: str


class Difference(_Result, Struct, frozen=True):
    """What a wave would get, by image set.

    Attributes:
        against: the wave that it is compared with, or that a promotion takes the set from; empty
            where it is the operation of a dry run.
        url: the address of the server that compares commits of app.git, without a slash at the
            end; None where that is not known.
        come: the commits of app.git that would come, the newest first; None where no checkout was
            named to look in.
        gone: those that would go: of what is not built on what is there, such as a hotfix.
        files: what a promotion changes in cfg-app.git; None where none was tried.
    """

    sets: tuple[SetDifference, ...]
    against: str = ""
    url: str | None = None
    come: tuple[AppCommit, ...] | None = None
    gone: tuple[AppCommit, ...] = ()
    files: tuple[FileChange, ...] | None = None


class RecordedCheck(_Result, Struct, frozen=True):
    """What a check says of a commit, and whether it was written."""

    context: str
    state: RunState
    note: VerdictNote
    at: datetime


class CheckoutCheck(_Result, Struct, frozen=True):
    """A checkout that is fit to land: what was looked at, and what a person should know."""

    checked: tuple[str, ...]
    warnings: tuple[str, ...]


class CommitChecks(_Result, Struct, frozen=True):
    """The verdicts on several commits.

    Attributes:
        fails: whether the command ends with 1 where one is not green.
    """

    verdicts: tuple[CommitVerdict, ...]
    fails: bool = True

    @property
    def not_green(self) -> tuple[CommitVerdict, ...]:
        return tuple(one for one in self.verdicts if one.state != "success")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is not wrong with them, and a person should know."""
        return tuple(f"{short(one.sha)}: {text}" for one in self.verdicts for text in one.warnings)


class SetupDone(_Result, Struct, frozen=True):
    """A workflow's setup has run; `ended` are the processes that it left running."""

    ended: tuple[str, ...]


class SetupFailed(EntryPointFailed):
    """The setup failed. A later step may ask whether something of it is left: see `result`."""

    def __init__(self, code: int, result: SetupDone) -> None:
        left = f"; these it left running, and they were ended: {', '.join(result.ended)}"
        super().__init__(
            f"the setup ended with code {code}",
            written=f"whatever the setup did before it failed{left if result.ended else ''}",
            remedy="see above what it said, and mend it, or the input setup of the workflow",
        )
        self.result = result


# For both.


class Mended(Struct, frozen=True):
    """A file that was changed, and how."""

    path: str
    diff: str


class Diagnosis(_Result, Struct, frozen=True):
    """What doctor found, problems first, and what it mended before that.

    Attributes:
        of: `cfg-app.git`, `app.git`, or empty where the settings do not say.
        top: the root of the checkout, where commands run as printed; empty where this runs there.
    """

    of: str
    findings: tuple[Finding, ...]
    mended: tuple[Mended, ...] = ()
    top: str = ""

    @property
    def stops(self) -> bool:
        return any(one.stops_the_loop for one in self.findings)

    def count(self, state: str) -> int:
        return sum(one.state == state for one in self.findings)


# For app.git.


class Build(_Result, Struct, frozen=True):
    """Images that were built."""

    images: tuple[BuiltImage, ...]

    @property
    def changed(self) -> bool:
        return any(one.changed for one in self.images)

    @property
    def differing(self) -> tuple[BuiltImage, ...]:
        """Those whose second build is another image."""
        return tuple(
            one for one in self.images if one.comparison and not one.comparison.is_identical
        )

    @property
    def is_verified(self) -> bool | None:
        """Whether both builds of every image are the same; None where there was one alone."""
        if any(one.comparison is None for one in self.images):
            return None
        return not self.differing


class ImagesCompared(_Result, Struct, frozen=True):
    """What differs between two images; `limit` differences at most are for people."""

    comparison: Comparison
    limit: int


class ImagesPinned(_Result, Struct, frozen=True):
    """The images that were given a digest, each in a file."""

    pins: tuple[Pin, ...]


class ImagePlan(_Result, Struct, frozen=True):
    """The jobs that build all services."""

    jobs: tuple[Job, ...]


class RecordFiles(_Result, Struct, frozen=True):
    """The files that were written; or, where none was named, the one text there was to write."""

    files: tuple[str, ...]
    text: str | None = None


class Announcements(_Result, Struct, frozen=True):
    """What was announced to the repository `to`, or would have been: whole, or by reference."""

    to: str
    sent: tuple[Announcement | AnnouncementReference, ...]
    is_dry_run: bool


# For a repository that is to become one of the two.


class Adoption(_Result, Struct, frozen=True):
    """What is proposed for a repository, what that changes in it, and whether it was written."""

    proposal: Proposal
    changes: tuple[Change, ...]
    is_written: bool


Result: TypeAlias = (
    Acceptance
    | RequestAndTurn
    | Reconciliation
    | EventRequest
    | EventOutlook
    | LoopDone
    | StatusReport
    | PageWritten
    | HistoryReport
    | Explanations
    | Difference
    | RecordedCheck
    | CheckoutCheck
    | CommitChecks
    | SetupDone
    | Diagnosis
    | Build
    | ImagesCompared
    | ImagesPinned
    | ImagePlan
    | RecordFiles
    | Announcements
    | Adoption
)
