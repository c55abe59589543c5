"""What several renderings of a result say, in words."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tidemill.commands._results import Request, TurnTaken
from tidemill.turn.outcome import (
    LeftToAnother,
    LeftToNextRun,
    LostTo,
    NothingDue,
    WouldWrite,
    Wrote,
)
from tidemill.words.moments import to_the_second
from tidemill.words.shas import short

if TYPE_CHECKING:
    from tidemill.commands._remedies import Remedies
    from tidemill.facts.journal import Entry
    from tidemill.plan.obstacles import Wait


def time_text(when: datetime | None) -> str | None:
    """A time as ISO 8601 in UTC, to the second."""
    return to_the_second(when) if when else None


def state(request: Request) -> str:
    """What became of what was to be accepted; why there is nothing, where it is that."""
    match request.kind:
        case "nothing":
            return request.how
        case "ended":
            is_there = request.how == "landed" and request.is_there
            return "already there" if is_there else f"has ended already: {request.how}"
        case "accepted":
            return "would be accepted" if request.is_dry_run else "accepted"
        case "waits":
            return "waits already"


def said(request: Request) -> str:
    """The same, of what it is said."""
    return f"{request.id}: {state(request)}" if request.id else state(request)


def way_in(request: Request) -> str | None:
    """How to let it in again."""
    return f"to let it in again: {request.way_in}" if request.way_in else None


def waits_for(line: Wait, remedies: Remedies) -> str:
    """What waits, and all that it waits for."""
    from tidemill.plan.wording import subject  # which most commands have no need of

    return f"{subject(line.about)} waits: {remedies.reasons(line)}"


def outcome(turn: TurnTaken) -> str:
    """What became of a turn, as a title of what it did."""
    match turn.outcome:
        case LostTo(ref):
            return f"Other turns kept moving {ref}: nothing was written here, they go on."
        case LeftToAnother():
            return "Another turn has read it, and did what was due."
        case LeftToNextRun("branches"):
            return "main or auto has to move, and here neither may: the next run goes on."
        case LeftToNextRun():
            return "An entry point has to run, and here none may: the next run goes on."
        case NothingDue():
            return "Nothing is due yet." if turn.waiting else "Nothing to do."
        case Wrote() | WouldWrite() if not turn.entries:
            return "Took note; nothing moved."
        case Wrote():
            return "Done:"
        case WouldWrite():
            return "This would be done:"


def place(entry: Entry) -> tuple[str, str]:
    """The set and the wave that something was done to, as far as they are known."""
    from tidemill.facts.settings import ALL_SETS

    return "all sets" if entry.set == ALL_SETS else entry.set or "", entry.wave or ""


def about(entry: Entry) -> str:
    """What something was done to."""
    which, wave = place(entry)
    what = " ".join(filter(None, (short(entry.app_sha or entry.sha, ""), which)))
    return f"{what} in {wave}" if what and wave else what or wave or entry.id or ""
