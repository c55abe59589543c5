"""What became of what a turn decided."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct


class Wrote(Struct, frozen=True):
    """What was decided is on the server."""


class WouldWrite(Struct, frozen=True):
    """A dry run: what was decided would be written."""


class NothingDue(Struct, frozen=True):
    """There was nothing to write."""


class LostTo(Struct, frozen=True):
    """Other turns kept moving `ref`: nothing was written here, and they go on.

    What was decided is of the past: the commits in it are nowhere.
    """

    ref: str


class LeftToAnother(Struct, frozen=True):
    """Another turn has read the request that this turn was for: nothing was written here.

    What was decided is what waits now.

    Attributes:
        reason: why the request can't be carried out, where that turn found so.
    """

    reason: str | None = None


class LeftToNextRun(Struct, frozen=True):
    """Something would have to be done that may not be done here: nothing was written here.

    What was decided is not complete.

    Attributes:
        lacks: what a turn would need to go on.
    """

    lacks: Literal["entry points", "branches"] = "entry points"


TurnOutcome: TypeAlias = Wrote | WouldWrite | NothingDue | LostTo | LeftToAnother | LeftToNextRun
