"""What is asked for, as values: the same one from an event, from a form and from a command line.

Forms are checked here, once; what a value means is found out when it is answered (`answer.py`).
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import force_setattr

from tidemill.announcing.announcement import Announcement
from tidemill.announcing.by_reference import AnnouncementReference
from tidemill.announcing.forms import Bare
from tidemill.errors import Refused
from tidemill.facts.records import Health, Phase
from tidemill.facts.settings import ALL_WAVES
from tidemill.words import references
from tidemill.words.moments import parse_moment
from tidemill.words.names import (
    SHA,
    checked_line,
    checked_login,
    checked_name,
    checked_sha,
    checked_short_sha,
    shown,
)
from tidemill.words.unreadable import UNREADABLE

# GitHub sends at most 25 MiB.
MAX_BYTES = 32 << 20
# Each may have to be looked for in the history of main.
MOST_REVISIONS = 20
FROM_GITHUB = "it is GitHub that sends this event: run this in the workflow that it starts"
_T = TypeVar("_T")


class Nothing(Struct, frozen=True):
    """There is nothing to accept; `why` says so to people.

    `is_foreign`: the event is none of Tidemill's, which a person may want to know.
    """

    why: str
    is_foreign: bool = False


class BareAnnouncement(Struct, frozen=True):
    """Images alone, and what the sender says beside them of their commit."""

    form: Bare
    set: str | None = None
    sha: str | None = None
    repository: str | None = None
    position: int | None = None
    generation: int | None = None


class Announce(Struct, frozen=True):
    """Let an image set in.

    Attributes:
        sender: the account that sent the event; empty where it is not known, None without an event.
        override: why it is let in although the history says no.
    """

    announcement: Announcement | AnnouncementReference | BareAnnouncement
    sender: str | None = None
    override: str | None = None

    def __post_init__(self) -> None:
        _check_lines(override=self.override)
        if self.sender:
            checked_login(self.sender)


class ReportDeployment(Struct, frozen=True):
    """A target reports what it has synced, and how that went.

    Attributes:
        revisions: several for an Application of several sources; those that are no commits go.
        if_listed: nothing is asked for where the settings list no such target.
    """

    wave: str
    target: str
    revisions: tuple[str, ...]
    phase: Phase
    health: Health
    finished_at: datetime
    images: tuple[str, ...] = ()
    if_listed: bool = False

    def __post_init__(self) -> None:
        checked_name(self.wave, "wave")
        checked_name(self.target, "target")
        force_setattr(self, "revisions", _commits(self.revisions))
        for image in self.images:
            references.running(image)


class PromoteWave(Struct, frozen=True):
    """Promote a set into a wave; without `sha` the newest that is deployed in the waves before."""

    wave: str
    set: str | None = None
    sha: str | None = None
    override: str | None = None

    def __post_init__(self) -> None:
        _check_place(self.wave, self.set, self.sha)
        _check_lines(override=self.override)


class PutHotfix(Struct, frozen=True):
    """Put a set straight into one wave, whatever its branch and position; `override` says why."""

    wave: str
    announcement: Announcement | AnnouncementReference
    override: str

    def __post_init__(self) -> None:
        checked_name(self.wave, "wave")
        _check_lines(override=self.override)


class RollBackWave(Struct, frozen=True):
    """Take a wave back: to the set of commit `to`, to what it had `at` a time (ISO 8601 with its
    offset), or else to the newest older set that was healthy there.

    `all_sets`: each of its image sets that had another one then.
    """

    wave: str
    reason: str
    set: str | None = None
    to: str | None = None
    at: str | None = None
    all_sets: bool = False

    def __post_init__(self) -> None:
        _check_place(self.wave, self.set, self.to)
        _check_lines(reason=self.reason)
        if self.at is not None:
            parse_moment(self.at, "--at")
        if self.to is not None and self.at is not None:
            raise Refused(
                "a commit (--to) and a time (--at) are both given", remedy="give one of them"
            )
        if self.all_sets and (self.set or self.to):
            raise Refused(
                "--all-sets is given, and --set or --to, which are about one set",
                remedy="leave --set and --to out; for all sets, name a time with --at",
            )


class _Gate(Struct, frozen=True):
    wave: str
    reason: str
    set: str | None = None

    def __post_init__(self) -> None:
        if self.wave != ALL_WAVES:
            checked_name(self.wave, "wave")
        if self.set:
            checked_name(self.set, "set")
        _check_lines(reason=self.reason)


class HoldWave(_Gate, frozen=True):
    """Let nothing into a wave, or into any for `*`; without `set` of all sets.

    `until` is when the hold ends by itself: ISO 8601 with its offset.
    """

    until: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.until is not None:
            parse_moment(self.until, "--until")


class ReleaseWave(_Gate, frozen=True):
    """End the holds of a wave, or for `*` those that were placed on all waves at once; without
    `set` all of them."""


class DropRequest(Struct, frozen=True):
    """Take back a request that waits, by its id."""

    id: str


class RetrySet(Struct, frozen=True):
    """Let a set try again that was evicted, rejected or dropped, or that a first wave lacks.

    `set` and `wave` say which, where several sets or waves had that commit.
    """

    sha: str
    override: str | None = None
    set: str | None = None
    wave: str | None = None

    def __post_init__(self) -> None:
        checked_short_sha(self.sha, "set")
        if self.set:
            checked_name(self.set, "set")
        if self.wave:
            checked_name(self.wave, "wave")
        _check_lines(override=self.override)


Ask: TypeAlias = (
    Announce
    | ReportDeployment
    | PromoteWave
    | PutHotfix
    | RollBackWave
    | HoldWave
    | ReleaseWave
    | DropRequest
    | RetrySet
)


def read(data: bytes | msgspec.Raw, shape: type[_T], what: str, remedy: str) -> _T:
    """Decode JSON to `shape`, which has the fields that are read; raise `Refused` if it is not."""
    if len(bytes(data)) > MAX_BYTES:
        raise Refused(f"{what} may not have {len(bytes(data))} bytes", remedy=remedy)
    try:
        return msgspec.json.decode(data, type=shape)
    except UNREADABLE as error:
        raise Refused(f"this is not {what}: {shown(str(error))}", remedy=remedy) from None


def _check_place(wave: str, set_name: str | None, sha: str | None = None) -> None:
    checked_name(wave, "wave")
    if set_name:
        checked_name(set_name, "set")
    if sha is not None:
        checked_short_sha(sha, "set")


def _check_lines(**given: str | None) -> None:
    for name, text in given.items():
        if text is not None:
            checked_line(text, f"--{name}")


def _commits(revisions: tuple[str, ...]) -> tuple[str, ...]:
    """The revisions that are commits, each once; there is at least one."""
    if len(revisions) == 1:
        return (checked_sha(revisions[0], "commit of cfg-app.git"),)
    found = tuple(dict.fromkeys(one for one in revisions if SHA.fullmatch(one)))
    if len(found) > MOST_REVISIONS:
        raise Refused(
            f"{len(found)} revisions are more than an Application has",
            remedy=f"report at most {MOST_REVISIONS}",
        )
    if not found:
        raise Refused(
            f"of the revisions {', '.join(map(shown, revisions[:3]))} none is a full SHA",
            remedy="report the commit of main that the target has synced",
        )
    return found
