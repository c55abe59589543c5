"""What is left of a journal that is lost: what automatic commits say, and refs that were kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct, field

from tidemill.facts.operation import Files, Operation
from tidemill.facts.settings import Settings


class MainCommit(Struct, frozen=True):
    """An automatic commit of main, with its operation's content, and what its targets had.

    Attributes:
        settings: the commit's own, by whose names the operation is; None if it has no usable ones.
        contents: what main had there by wave and set of these settings, where they give waves or
            sets other names than those of the commit before.
    """

    sha: str
    at: datetime
    operation: Operation
    digests: str
    targets: Mapping[str, Files] = field(default_factory=dict)
    settings: Settings | None = None
    contents: Mapping[tuple[str, str], str] = field(default_factory=dict)


class EvictedCommit(Struct, frozen=True):
    """A commit below `evicted/`; the operation is None where no turn made it."""

    sha: str
    at: datetime
    operation: Operation | None
    settings: Settings | None = None


class Evidence(Struct, frozen=True):
    """What is left of a lost journal.

    Attributes:
        why: what became of the journal.
        landed: main's automatic commits, the oldest first.
        rejected: ids below `rejected/`.
        waiting: ids in the inbox: they have not ended.
    """

    why: str
    landed: Sequence[MainCommit] = ()
    evicted: Sequence[EvictedCommit] = ()
    rejected: Sequence[str] = ()
    waiting: frozenset[str] = frozenset()
