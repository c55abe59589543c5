"""What became of what a turn decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True)
class Wrote:
    """What was decided is on the server."""


@dataclass(frozen=True)
class WouldWrite:
    """A dry run: what was decided would be written."""


@dataclass(frozen=True)
class NothingDue:
    """There was nothing to write."""


@dataclass(frozen=True)
class LostTo:
    """Other turns kept moving `ref`: nothing was written here, and they go on.

    What was decided is of the past: the commits in it are nowhere.
    """

    ref: str


@dataclass(frozen=True)
class LeftToAnother:
    """Another turn has read the request that this turn was for: nothing was written here.

    What was decided is what waits now.

    Attributes:
        reason: why the request can't be carried out, where that turn found so.
    """

    reason: str | None = None


@dataclass(frozen=True)
class LeftToNextRun:
    """Something would have to be done that may not be done here: nothing was written here.

    What was decided is not complete.

    Attributes:
        lacks: what a turn would need to go on.
    """

    lacks: Literal["entry points", "branches"] = "entry points"


TurnOutcome: TypeAlias = Wrote | WouldWrite | NothingDue | LostTo | LeftToAnother | LeftToNextRun
