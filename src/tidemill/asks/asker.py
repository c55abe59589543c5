"""Who asks, and what an answer needs and gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

from msgspec import Struct

from tidemill.announcing.announcement import Announcement
from tidemill.announcing.by_reference import AnnouncementReference
from tidemill.asks.ask import Nothing
from tidemill.facts.image_files import ImageFiles
from tidemill.facts.operation import Operation
from tidemill.facts.records import Deployment
from tidemill.facts.requests import AnnouncementRequest, Fact, WorkflowRun


class Ended(Struct, frozen=True):
    """What would be accepted has been, and how it ended; `app_sha` is the commit it announced."""

    id: str
    how: str
    app_sha: str


# What lets an announcement in whatever came before it.
OVERRIDING = ("update-cfg-app", "--announcement", "FILE", "--override", "REASON")

Answer: TypeAlias = "Fact | Nothing | Ended"


class Origin(Struct, frozen=True):
    """The run of a workflow in which somebody asks, as GitHub has it.

    Attributes:
        logins: who started it, and who ran it again, if that is somebody else.
        event: what started it.
    """

    run: WorkflowRun
    logins: tuple[str, ...]
    event: str


class Asker(Struct, frozen=True):
    """Who asks, when, and how commands are written for them.

    Attributes:
        origin: the run in which they ask; None outside of a workflow.
        signs: whether they sign what they ask for.
        on_github: the command that does the same on GitHub; None where none does.
        typed: a command's words as they are typed in a terminal.
        both: the same, and what does it on GitHub where the repository is there.
    """

    by: str
    now: datetime
    typed: Callable[[tuple[str, ...]], str]
    both: Callable[[tuple[str, ...]], str]
    origin: Origin | None = None
    signs: bool = False
    on_github: Callable[[tuple[str, ...]], str | None] = lambda _: None

    @property
    def overriding(self) -> str:
        """The command that lets an announcement in whatever came before it."""
        return self.typed(OVERRIDING)

    @property
    def status(self) -> str:
        """The command that says what runs where, and what waits."""
        return self.typed(("status",))


class Lookup(Protocol):
    """What an answer may need of the repository beyond its state, and of app.git."""

    def announcement(self, referred: AnnouncementReference) -> Announcement:
        """The announcement that is an artifact of a run."""

    def rejected(self, request: str) -> AnnouncementRequest | None:
        """What is kept below `rejected/` of a request, where it is an announcement."""

    def image_files(self, operation: Operation) -> ImageFiles | str:
        """The image files that an operation's commit has for it; or why not, in words."""

    def oldest_on_main(self, commits: Sequence[str]) -> str | None:
        """Of several commits the oldest that is on main; None if none is."""

    def resolved(self, record: Deployment) -> Deployment:
        """A record with what its revision says of the wave's sets and the target's files."""
