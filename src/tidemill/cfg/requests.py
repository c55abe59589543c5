"""Requests: facts that were accepted and wait in the inbox to be acted on.

Each kind is one struct; `kind` tells them apart in `record.json`.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from tidemill.app.announcement import Announcement, checked
from tidemill.app.names import checked_line, checked_name, checked_sha, is_storable
from tidemill.app.reference import running
from tidemill.cfg.records import Deployment
from tidemill.errors import Refused

ALL_SETS = "_"


class _Request(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    omit_defaults=True,
):
    version: Literal[1] = 1
    accepted_at: datetime
    by: str = ""

    @property
    def id(self) -> str:
        """Its name in the inbox: kind and a digest of all its fields."""
        return f"{self.__struct_config__.tag}-{digest(self)}"


class Announced(_Request, frozen=True, tag="announcement"):
    """An announcement; `retry` where a person asks again for one that had ended."""

    announcement: Announcement
    override: str | None = None
    retry: bool = False

    @property
    def id(self) -> str:
        """The announcement's own id; a retry is another request."""
        return f"retry-{digest(self)}" if self.retry else self.announcement.id


class Promotion(_Request, frozen=True, tag="promotion"):
    """A person asks for, and approves, one set in one wave."""

    wave: str
    set: str
    app_sha: str
    position: int
    override: str | None = None


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A set in a wave: `commit` is the commit of main that put it there."""

    app_sha: str | None
    position: int
    content: str
    commit: str
    repository: str | None = None


class Rollback(_Request, frozen=True, tag="rollback"):
    """A person takes a wave from one set back to an older one."""

    wave: str
    set: str
    leaves: Point
    to: Point
    reason: str


class Hold(_Request, frozen=True, tag="hold"):
    """Nothing goes into the wave until it is released; `set` is `_` for all sets."""

    wave: str
    set: str
    reason: str


class Release(_Request, frozen=True, tag="release"):
    """Ends the holds that it names by id."""

    wave: str
    ends: tuple[str, ...]
    reason: str


class Drop(_Request, frozen=True, tag="drop"):
    """A person takes a waiting request back."""

    request: str


class Retry(_Request, frozen=True, tag="retry-promotion"):
    """A person lets a promotion that was evicted happen again."""

    wave: str
    set: str
    app_sha: str


Request: TypeAlias = Announced | Promotion | Rollback | Hold | Release | Drop | Retry
Fact: TypeAlias = Request | Deployment


def digest(fact: msgspec.Struct) -> str:
    """A digest of all fields, short enough for the name of a ref."""
    return hashlib.sha256(msgspec.json.encode(fact, order="sorted")).hexdigest()[:20]


def encode(fact: Fact) -> bytes:
    """The bytes of `record.json`."""
    return msgspec.json.format(msgspec.json.encode(fact), indent=1) + b"\n"


def decode(data: bytes) -> Fact:
    """Parse and check `record.json` of the inbox.

    Whoever may write refs may have written it, so it is as untrusted as an event.

    Raises:
        msgspec.DecodeError: it is no request of this version.
        Refused: a value in it is not what it may be.
    """
    fact: Fact = msgspec.json.decode(data, type=Fact)
    if not is_storable(fact.accepted_at):
        raise Refused("it was accepted at no time that Git can store", remedy="send it again")
    if isinstance(fact, Announced):
        checked(fact.announcement)
    elif isinstance(fact, Deployment):
        checked_sha(fact.revision)
        for image in fact.images:
            running(image)
    for name in ("wave", "set", "target"):
        value = getattr(fact, name, None)
        if value is not None and value != ALL_SETS:
            checked_name(value, name)
    for name in ("reason", "override", "by"):
        if value := getattr(fact, name, None):
            checked_line(value, name)
    if isinstance(fact, Promotion | Retry):
        checked_sha(fact.app_sha)
    return fact
