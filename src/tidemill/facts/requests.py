"""Requests: facts that were accepted and wait in the inbox to be acted on.

Each kind is one struct; `kind` tells them apart in `record.json`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import Annotated, Literal, TypeAlias

import msgspec

from tidemill.announcing.announcement import Announcement, checked
from tidemill.announcing.order import Generation, Order, Rewrites, as_before
from tidemill.errors import Refused
from tidemill.facts.holds import Hold, each_hold
from tidemill.facts.image_files import content_id
from tidemill.facts.records import Deployment
from tidemill.facts.settings import ALL_SETS
from tidemill.words.fields import Name, Position, PositionOrZero, Repository, Sha
from tidemill.words.json_types import in_lines
from tidemill.words.moments import Moment, is_storable
from tidemill.words.names import (
    LOGIN,
    NAME,
    checked_line,
)
from tidemill.words.references import running

_COPY = "+"  # which stands in the name of no ref of ours
# The id of an announcement: its set, where it is in app.git, and why it was let in, if so.
_ANNOUNCED = re.compile(
    r"announcement-(?P<set>.+)-(?P<what>(?:[0-9]+\.)?[0-9]+-[0-9a-f]{12}(?:-[0-9a-f]{8})?)"
)

WaveOrAll: TypeAlias = Annotated[str, msgspec.Meta(pattern=rf"\A(?:\*|{NAME.pattern})\Z")]
SetOrAll: TypeAlias = Annotated[str, msgspec.Meta(pattern=rf"\A(?:_|{NAME.pattern})\Z")]
Sender: TypeAlias = Annotated[str, msgspec.Meta(pattern=rf"\A(?:{LOGIN.pattern})?\Z")]


class WorkflowRun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run of a workflow on GitHub, and which attempt at it."""

    id: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
    attempt: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)] = 1


class _Request(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    omit_defaults=True,
):
    """What all requests have.

    Attributes:
        named: which names it is by, where it came between a change of names and the next turn.
        run: the run that wrote it, and `main` the commit of main that whoever signed it saw: of
            what a wave takes from its approvers alone, so that a turn can tell whose it is.
    """

    version: Literal[1] = 1
    accepted_at: Moment
    by: str = ""
    named: str | None = None
    run: WorkflowRun | None = None
    main: Sha | None = None

    @property
    def id(self) -> str:
        """Its name in the inbox: kind and a digest of all its fields."""
        return f"{self.__struct_config__.tag}-{digest(self)}"


class AnnouncementRequest(_Request, frozen=True, tag="announcement", dict=True):
    """An announcement; `retry` where a person asks again for one that had ended.

    Attributes:
        sender: the account that sent the event; empty where it is not known, None where no event
            brought it: who writes to Git needs no leave to announce.
        rewrites: how often positions of its generation had gone back by an override when it was
            accepted; its own override is counted, if it does that.
    """

    announcement: Announcement
    sender: Sender | None = None
    override: str | None = None
    retry: bool = False
    rewrites: Rewrites = 0

    @cached_property
    def order(self) -> Order:
        """Where it is in the history of app.git."""
        return Order(self.announcement.generation, self.rewrites, self.announcement.position)

    @cached_property
    def content(self) -> str:
        """Identity of the tags and digests that the wave will have."""
        return content_id(self.announcement.tags(), self.announcement.digests())

    @property
    def id(self) -> str:
        """The announcement's own id; a retry is another request, and so is an override."""
        if self.retry:
            return f"retry-{digest(self)}"
        if self.override:
            why = hashlib.sha256(self.override.encode()).hexdigest()[:8]
            return f"{self.announcement.id}-{why}"
        return self.announcement.id


class Promotion(_Request, frozen=True, tag="promotion"):
    """A person asks for, and approves, one set in one wave."""

    wave: Name
    set: Name
    app_sha: Sha
    position: Position
    override: str | None = None
    generation: Generation = 1
    rewrites: Rewrites = 0


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A set in a wave: `commit` is the commit of main that put it there.

    `wave` and `set` are what that commit calls them, where they had other names then. A hotfix has
    the position of the set that it replaced.
    """

    app_sha: Sha | None
    position: PositionOrZero
    content: str
    commit: Sha
    repository: Repository | None = None
    generation: Generation = 1
    rewrites: Rewrites = 0
    is_hotfix: bool | msgspec.UnsetType = msgspec.UNSET  # where it is one
    wave: Name | msgspec.UnsetType = msgspec.UNSET  # not written where unset: ids are digests
    set: Name | msgspec.UnsetType = msgspec.UNSET


class SetRollback(msgspec.Struct, frozen=True, kw_only=True):
    """From one set in a wave back to an older one of the same image set."""

    set: Name
    leaves: Point
    to: Point


class Rollback(_Request, frozen=True, tag="rollback"):
    """A person takes a wave from one set back to an older one; `others` are of other image sets,
    which go back with it."""

    wave: Name
    set: Name
    leaves: Point
    to: Point
    reason: str
    others: tuple[SetRollback, ...] = ()

    @property
    def parts(self) -> tuple[SetRollback, ...]:
        """All that goes back, by image set."""
        return (SetRollback(set=self.set, leaves=self.leaves, to=self.to), *self.others)


class Hotfix(_Request, frozen=True, tag="hotfix", dict=True):
    """A person puts a set straight into one wave, whatever its branch and position."""

    wave: Name
    announcement: Announcement
    override: str

    @property
    def set(self) -> str:
        """The image set."""
        return self.announcement.set

    @cached_property
    def content(self) -> str:
        """Identity of the tags and digests that the wave will have."""
        return content_id(self.announcement.tags(), self.announcement.digests())


class HoldRequest(_Request, frozen=True, tag="hold"):
    """Nothing goes into the wave until it is released, or `until` it is over.

    `set` is `_` for all sets, `wave` is `*` for all waves.
    """

    wave: WaveOrAll
    set: SetOrAll
    reason: str
    until: Moment | None = None


class Release(_Request, frozen=True, tag="release"):
    """Ends the holds that it names by id; `wave` is `*` where these are of all waves."""

    wave: WaveOrAll
    ends: tuple[str, ...]
    reason: str


class Drop(_Request, frozen=True, tag="drop"):
    """A person takes a waiting request back."""

    request: str


class Retry(_Request, frozen=True, tag="retry-promotion"):
    """A person lets a promotion that was evicted happen again."""

    wave: Name
    set: Name
    app_sha: Sha


Request: TypeAlias = (
    AnnouncementRequest | Promotion | Rollback | Hotfix | HoldRequest | Release | Drop | Retry
)
Fact: TypeAlias = Request | Deployment


def app_sha_of(fact: Fact) -> str | None:
    """The commit of app.git that a fact is about; None where it is about none, or several."""
    match fact:
        case AnnouncementRequest() | Hotfix():
            return fact.announcement.sha
        case Promotion() | Retry():
            return fact.app_sha
        case _:
            return None


def approval(fact: Fact, holds: Iterable[Hold]) -> tuple[str, ...] | None:
    """The command that says the same, where a fact lets something go that would not go by itself.

    `holds` are those in force: which set a release is of is known by the holds that it ends.
    Everything else is no approval: what was announced or reported is true however often it is
    said, and a hold, a rollback or a drop lets nothing in.
    """
    match fact:
        case Promotion():
            place = ("--wave", fact.wave, "--set", fact.set, "--sha", fact.app_sha)
            return ("promote-wave", *place, *_overridden(fact.override))
        case Release():
            sets = {one.set for one in each_hold(holds) if one.id in fact.ends}
            only = ("--set", *sets) if len(sets) == 1 and ALL_SETS not in sets else ()
            return ("release-wave", "--wave", fact.wave, *only, "--reason", fact.reason)
        case Hotfix():
            what = ("--wave", fact.wave, "--announcement", "FILE")
            return ("promote-wave", *what, "--override", fact.override)
        case Retry():
            return ("retry", "--sha", fact.app_sha, "--set", fact.set, "--wave", fact.wave)
        case AnnouncementRequest(retry=True):
            which = ("--sha", fact.announcement.sha, "--set", fact.announcement.set)
            return ("retry", *which, *_overridden(fact.override))
        case AnnouncementRequest(override=str()):
            return ("update-cfg-app", "--announcement", "FILE", *_overridden(fact.override))
        case _:
            return None


def _overridden(why: str | None) -> tuple[str, ...]:
    return ("--override", why) if why else ()


def announced_as(request: str, set_name: str) -> str:
    """The id of an announcement as if its set were called `set_name`; any other id as it is."""
    match = _ANNOUNCED.fullmatch(request)
    return f"announcement-{set_name}-{match['what']}" if match else request


def announced_set(request: str) -> str | None:
    """The set of an announcement, by its id; None for any other request."""
    match = _ANNOUNCED.fullmatch(request)
    return match["set"] if match else None


def copy_of(request: str, number: int) -> str:
    """What a request is called where it is there several times, each for another wave or set, since
    names have changed: the first one is itself, and no other one has a ref."""
    return f"{request}{_COPY}{number}" if number else request


def kept_as(request: str) -> str:
    """The id of the ref that a request, or what it is a copy of, is kept in."""
    return request.partition(_COPY)[0]


def digest(fact: msgspec.Struct) -> str:
    """A digest of all fields, short enough for the name of a ref."""
    return hashlib.sha256(msgspec.json.encode(as_before(fact), order="sorted")).hexdigest()[:20]


def encode(fact: Fact) -> bytes:
    """The bytes of `record.json`."""
    return in_lines(fact)


def decode(data: bytes) -> Fact:
    """Parse and check `record.json` of the inbox.

    Whoever may write refs may have written it, so it is as untrusted as an event. What its types
    can't say is checked here.

    Raises:
        msgspec.DecodeError: it is no request of this version.
        Refused: a value in it is not what it may be.
    """
    fact: Fact = msgspec.json.decode(data, type=Fact)
    _check_time(fact.accepted_at, "it was accepted")
    for name in ("reason", "override", "by"):
        if value := getattr(fact, name, None):
            checked_line(value, name)
    match fact:
        case AnnouncementRequest() | Hotfix():
            checked(fact.announcement)
        case Deployment():
            _check_time(fact.finished_at, "its sync finished")
            for image in fact.images:
                running(image)
        case HoldRequest(until=datetime() as until):
            _check_time(until, "it ends")
        case _:
            pass
    return fact


def _check_time(when: datetime, what: str) -> None:
    if not is_storable(when):
        raise Refused(f"{what} at no time that Git can store", remedy="send it again")
