"""What is left of a journal that is lost: what automatic commits say, and refs that were kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tidemill.facts.operation import Files, Operation


@dataclass(frozen=True)
class MainCommit:
    """An automatic commit of main, with its operation's content, and what its targets had."""

    sha: str
    at: datetime
    operation: Operation
    digests: str
    targets: Mapping[str, Files] = field(default_factory=dict)


@dataclass(frozen=True)
class EvictedCommit:
    """A commit below `evicted/`; the operation is None where no turn made it."""

    sha: str
    at: datetime
    operation: Operation | None


@dataclass(frozen=True)
class Evidence:
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
