"""The journal: one record per turn that changed something, and the ledger in it."""

from __future__ import annotations

from typing import Literal

import msgspec

from tidemill.facts.ledger import Ledger
from tidemill.words.moments import Moment


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a turn did: what, to which commit or request, where, and why.

    `id` is a request's; `sha` a commit's of cfg-app.git; `app_sha` one of app.git. `by` is who made
    the request, and who ran it again; journals of earlier releases have it not.
    """

    what: str
    id: str | None = None
    sha: str | None = None
    app_sha: str | None = None
    set: str | None = None
    wave: str | None = None
    reason: str = ""
    by: str = ""


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """`record.json` of a commit of the journal."""

    version: Literal[1] = 1
    at: Moment
    run_url: str | None = None
    entries: tuple[Entry, ...] = ()
    ledger: Ledger = msgspec.field(default_factory=Ledger)


def encode(journal: Journal) -> bytes:
    """The bytes of `record.json`."""
    return msgspec.json.format(msgspec.json.encode(journal), indent=1) + b"\n"


def decode(data: bytes) -> Journal:
    """Parse `record.json` of the journal; raises `msgspec.DecodeError` or `ValidationError`."""
    return msgspec.json.decode(data, type=Journal)
