"""Rest: what a scheduled look notes where nothing is due, so that the next one need not look.

The note is a ref beside the journal. It says what the look saw, by one digest, and until when the
time changes nothing. It decides nothing: whoever finds another digest, or no note, looks anew.

This has the standard library alone: it is read before anything is installed (`action/resting.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

NAME = "rest"
_JOURNAL = "journal"
_VERSION = 1
LONGEST = timedelta(days=1)  # then all is looked at again, whatever nobody has thought of
PASSED_ON = ("waiting", "next_due")


@dataclass(frozen=True)  # not a struct: it is read where there are no packages
class Rest:
    """What a look has found.

    Attributes:
        seen: the digest of all that it decided by, but for the time; see `digest`.
        at, until: from when to when the time changes nothing.
        found: of what it printed with `--json`, what `PASSED_ON` names. All else follows from
            nothing being due, and is believed of no note: whoever may write refs may write one.
    """

    seen: str
    at: datetime
    until: datetime
    found: Mapping[str, Any]

    def is_still_so(self, seen: str, now: datetime) -> bool:
        """Whether a look would find the same now."""
        is_within = self.at <= now < min(self.until, self.at + LONGEST)
        return seen == self.seen and is_within


def digest(refs: Mapping[str, str], head: str | None, note: str, program: str) -> str:
    """What tells all that decides from anything else: every ref but the note itself, the branch
    that HEAD names, and the program."""
    kept = sorted(f"{sha} {ref}" for ref, sha in refs.items() if ref != note)
    text = "\n".join((program, head or "", *kept))
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def only_note(refs: Mapping[str, str]) -> str | None:
    """The ref that is a note of rest; None where there is none, or where several may be one.

    The namespace is a setting on main, and not known before main is read.
    """
    beside = (ref.removesuffix(_JOURNAL) + NAME for ref in refs if ref.endswith(f"/{_JOURNAL}"))
    found = [ref for ref in beside if ref in refs]
    return found[0] if len(found) == 1 else None


def encode(rest: Rest) -> bytes:
    """The record of a note."""
    record = {
        "version": _VERSION,
        "seen": rest.seen,
        "at": rest.at.isoformat(),
        "until": rest.until.isoformat(),
        "found": rest.found,
    }
    return json.dumps(record, indent=1).encode() + b"\n"


def decode(record: bytes) -> Rest:
    """Parse it.

    Raises:
        ValueError, KeyError, TypeError: it is no note of this release.
    """
    said = json.loads(record)
    if said["version"] != _VERSION:
        raise ValueError("the note is of another release")
    at, until = (datetime.fromisoformat(said[name]) for name in ("at", "until"))
    return Rest(said["seen"], at, until, {name: said["found"][name] for name in PASSED_ON})
