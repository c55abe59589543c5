"""The journal: one commit per turn that changed something, and the ledger in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal

import msgspec

from tidemill.facts import ledger_files
from tidemill.facts.ledger import Ledger
from tidemill.words.json_types import in_lines
from tidemill.words.moments import Moment
from tidemill.words.shas import short

RECORD = "record.json"
VERSION: Literal[2] = 2
FAILING = ("Failed", "Error", "Degraded")
NO_FAILURE = "reported no failure"  # what earlier releases call `reported`, as they do failures
NOTHING = "take note"
_COUNTED = re.compile(r" \d+$")


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One thing that a turn did: what, to which commit or request, where, and why.

    `id` is a request's; `sha` a commit's of cfg-app.git; `app_sha` one of app.git. `by` is who made
    the request, and who ran it again. `target`, `phase` and `health` are of what was reported;
    `was` are the names that a wave or set had before. Journals of earlier releases lack some of
    these: `tidemill.answers.older` reads them from the reason.
    """

    what: str
    id: str | None = None
    sha: str | None = None
    app_sha: str | None = None
    set: str | None = None
    wave: str | None = None
    reason: str = ""
    by: str = ""
    target: str = ""
    phase: str = ""
    health: str = ""
    was: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What the first line of the message calls it."""
        is_well = self.target and self.phase not in FAILING and self.health not in FAILING
        return NO_FAILURE if is_well else self.what


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """What one commit of the journal holds.

    `read` are the ids of the requests that came shortly before the turn, and that wait on since it
    has read them: who sent one may leave a turn of their own out. `next` is when time alone makes
    something due, where the turn knew that.
    """

    at: Moment
    run_url: str | None = None
    entries: tuple[Entry, ...] = ()
    read: tuple[str, ...] = ()
    next: Moment | None = None
    ledger: Ledger = msgspec.field(default_factory=Ledger)


class TurnRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one turn did: `record.json` of any release, but for the ledger that is in it or beside
    it. Nobody who reads what turns did has to read ledgers."""

    version: Literal[1, 2] = 1
    at: Moment
    run_url: str | None = None
    entries: tuple[Entry, ...] = ()


_TURNS: msgspec.json.Decoder[TurnRecord] = msgspec.json.Decoder(TurnRecord)


def encode(journal: Journal) -> dict[str, bytes]:
    """The files of a commit of the journal, by name."""
    turn = {"version": VERSION, **msgspec.structs.asdict(journal)}
    ledger = turn.pop("ledger")
    return {RECORD: in_lines(turn), **ledger_files.encode(ledger)}


def decode(files: Mapping[str, bytes]) -> Journal:
    """Parse the files of a commit of the journal, also one of an earlier release.

    The ledger is beside `record.json`; the first releases wrote it inside.

    Raises:
        msgspec.DecodeError: they are no journal of this release, or some of them are missing.
    """
    record = files.get(RECORD, b"")
    version, found = decode_turn(record).version, msgspec.json.decode(record, type=Journal)
    if version == 1:
        return found
    return msgspec.structs.replace(found, ledger=ledger_files.decode(files))


def decode_turn(record: bytes) -> TurnRecord:
    """Parse what one turn did, from `record.json` alone, also of an earlier release.

    Raises:
        msgspec.DecodeError: it is no record of this release.
    """
    return _TURNS.decode(record)


def message(entries: Sequence[Entry]) -> str:
    """The commit's message: one line that sums up, then a line for each entry."""
    counts: dict[str, int] = {}
    for entry in entries:
        counts[entry.kind] = counts.get(entry.kind, 0) + 1
    first = (
        ", ".join(f"{kind} {count}" if count > 1 else kind for kind, count in counts.items())
        or NOTHING
    )
    lines = []
    for entry in entries:
        about = " ".join(
            part for part in (entry.set, entry.wave, short(entry.app_sha or entry.sha, "")) if part
        )
        said = ": ".join(part for part in (f"{entry.what} {about}".strip(), entry.reason) if part)
        lines.append(f"{said} (by {entry.by})" if entry.by else said)
    return first + "\n\n" + "\n".join(lines) + "\n"


@lru_cache(maxsize=4096)
def kinds(first_line: str) -> frozenset[str]:
    """What the first line of the message sums up: an index, so that nobody has to read the records
    of turns that did nothing of interest. Who asks has to read those with a kind that they do not
    know: an earlier release, or a hand, may have written any line."""
    return frozenset(_COUNTED.sub("", kind) for kind in first_line.split(", "))
