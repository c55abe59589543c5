"""What a turn needs of a Git repository, as an interface.

`tidemill.clients.git.repository` is it on real Git; the simulation has one in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

from msgspec import Struct, field

from tidemill.facts.ownership import Scope
from tidemill.facts.refs import Refs
from tidemill.facts.settings import Bot
from tidemill.facts.snapshot import BrokenParent, OperationFailure, Timeout
from tidemill.facts.staleness import FailedInspection, Inspection
from tidemill.facts.vouchers import NoVoucher, SignatureVoucher, UnknownVoucher

ALL_COMMITS = 2**31 - 1
"""More than any history has, and the most that Git takes."""


class Update(Struct, frozen=True):
    """One ref's change: from `old` (None: it must not exist) to `new` (None: it goes)."""

    ref: str
    old: str | None
    new: str | None


class Pushed(Struct, frozen=True):
    """All updates are on the server."""


class Raced(Struct, frozen=True):
    """Some ref was not what it was expected to be; nothing was written."""

    ref: str
    expected: str | None
    found: str | None


class Declined(Struct, frozen=True):
    """Every ref was as expected, and still the server said no; nothing was written.

    Attributes:
        remedy: what to do, where it was no rule of the server that refused it.
    """

    reason: str
    remedy: str = ""


PushResult: TypeAlias = Pushed | Raced | Declined


class Work(Struct, frozen=True):
    """An operation as work to do in a checkout of `parent`.

    Attributes:
        folder: the folder of the image files of the wave and set; "" where none are written.
        tags, digests, source: the bytes that the image files must have at the end; without
            `source` there is no such file.
        entry: the repository's own command for it, None for writing the files.
        bare: the images as the reference architecture writes them, for `{file}`.
        commit: a commit whose image files `entry` may want to read.
        generate: the command that generates, None if nothing is generated.
        own: the folders that a change may be in; none: all but `barred`.
        barred: files and folders that must not change.
        scope: which of the files that did change are committed, the others stay as they were; None
            for all of them.
        date: of the commit, unless the parent's is later; None for the parent's.
        seconds: the time limit of each command.
    """

    parent: str
    folder: str = ""
    tags: bytes = b""
    digests: bytes = b""
    source: bytes | None = None
    message: str = ""
    entry: str | None = None
    bare: bytes = b"{}\n"
    commit: str | None = None
    generate: str | None = None
    own: tuple[str, ...] = ()
    barred: tuple[str, ...] = ()
    scope: Scope | None = None
    date: datetime | None = None
    seconds: float = 3600.0
    bot: Bot = field(default_factory=Bot)


class Committed(Struct, frozen=True):
    """The work is done; `sha` is its commit."""

    sha: str


WorkResult: TypeAlias = Committed | OperationFailure | BrokenParent | Timeout


class Logged(Struct, frozen=True):
    """A commit of a history: its committer date, and its whole message.

    `parent` is the first one, where it is known; `author` who says to have made it.
    """

    sha: str
    date: datetime
    message: str
    parent: str | None = None
    author: str = ""


Wanted: TypeAlias = Callable[[Callable[[], datetime], str], bool]
"""Whether a commit is wanted, by its date, where that is asked for, and the first line of its
message."""


class Store(Protocol):
    """A Git repository somewhere else."""

    def refs(self) -> Refs:
        """List all refs."""

    def fetch(self, tips: Sequence[str], facts: Iterable[str], names: Sequence[str] = ()) -> None:
        """Get what the methods below read: the trees of `tips` and of each commit of `facts`; of
        the files of the first tip those whose last name is in `names`, of `facts` all."""

    def fetch_below(self, commit: str, paths: Sequence[str]) -> None:
        """Get a commit's trees and the files at or below `paths`."""

    def fetch_files(self, places: Mapping[str, Sequence[str]]) -> None:
        """The same for many commits at once: each with its paths."""

    def message(self, commit: str) -> str:
        """A commit's message; nothing for what is no commit."""

    def history(self, commit: str, most: int) -> list[Logged]:
        """The last `most` commits that lead to a commit and itself, each after its parents; no
        trees and no files are got."""

    def differing(self, before: str, after: str) -> dict[str, tuple[str | None, str | None]]:
        """The paths at which the files of two commits, whose trees are here, differ; in order, with
        Git's modes of both, None where there is no file."""

    def commits(self, tip: str) -> list[str]:
        """The commits that lead to one, and itself, each after its parents."""

    def count_since(self, tip: str, when: datetime, most: int = ALL_COMMITS) -> int:
        """How many of them were made at a time or later; at most `most`.

        They are counted back from the tip: one that is older than that may hide those before it.
        """

    def records(
        self, tip: str, name: str, most: int = ALL_COMMITS, is_wanted: Wanted | None = None
    ) -> tuple[Iterator[tuple[str, bytes]], bool]:
        """The file `name` of the last `most` commits that lead to `tip`, the oldest first, with its
        SHA, and no bytes where it has none; and whether the first one has no parent at all.

        Of those behind the first one `is_wanted` may leave some out, and these are not read.
        """

    def versions(self, places: Sequence[tuple[str, str]]) -> list[bytes]:
        """The bytes of the file at each commit and path; none where there is none."""

    def date(self, commit: str) -> datetime:
        """A commit's committer date."""

    def files(self, commit: str, paths: Sequence[str]) -> dict[str, bytes]:
        """Of `paths` those that are files in a commit, with their bytes."""

    def objects(self, commit: str, paths: Sequence[str]) -> dict[str, str]:
        """Of `paths` those that exist in a commit, with the names of their objects."""

    def texts(self, commit: str, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """The files of a commit at or below `paths`, and their bytes; "" is above all files."""

    def is_ancestor(self, ancestor: str, commit: str) -> bool:
        """Whether `commit`, which exists, is `ancestor` or descends from it."""

    def exists(self, commit: str, paths: Sequence[str] = (), *, again: bool = True) -> bool:
        """Whether the repository has a commit; if so, it and the files below `paths` are here.

        Args:
            again: whether to ask more than once before it counts as gone.
        """

    def write(
        self, files: Mapping[str, bytes], parent: str | None, message: str, date: datetime
    ) -> str:
        """Make a commit whose tree holds `files` and nothing else, and return its SHA.

        What `parent` holds as well is not stored again.
        """

    def signed(self, commit: str) -> str:
        """Make the same commit anew, signed by this user's key, as Git is configured to; its SHA.

        Raises:
            Refused: Git can't sign here.
        """

    def signed_by(
        self, commit: str, keys: Mapping[str, bytes]
    ) -> SignatureVoucher | NoVoucher | UnknownVoucher:
        """Whose signature a commit has.

        Args:
            keys: the public keys that count: the files that main has, by name.
        """

    def work(self, work: Work) -> WorkResult:
        """Do an operation in a checkout, and commit it."""

    def look(self, work: Work, *, is_second: bool = False) -> Inspection | FailedInspection:
        """Run `generate` in a checkout of a commit as it is, and say what it changes there.

        Args:
            is_second: it is done to see whether the same is made once more.
        """

    def ask(self, commit: str, command: str, seconds: float) -> str:
        """The end of what a command of the repository's own prints, run in a checkout of a commit.

        Raises:
            EntryPointFailed, NotEnclosed, TimeLimit: as any entry point.
        """

    def push(self, updates: Sequence[Update]) -> PushResult:
        """Write all updates or none."""
