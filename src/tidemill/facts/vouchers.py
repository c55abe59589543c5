"""Vouchers: what stands for who asked for something, beside what the request itself says.

Whoever may write refs can put a request into the inbox, in anybody's name. Where a wave takes
something from its approvers alone, a voucher has to say whose it is: a signature by a key that main
has for a login, or what GitHub says of the run that wrote it. Where a wave names an environment, it
is what the environment's reviewers said of that run.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

from msgspec import Struct, field

COUNTS_FOR = timedelta(days=30)  # for so long what an approver has asked for counts


class Asked(Struct, frozen=True):
    """An approver has asked for something.

    Attributes:
        key: what that is known by, so that it counts once: the run, or the signed request.
    """

    by: str
    key: str
    at: datetime


class Members(Struct, frozen=True):
    """Who is in which team: by team and login; what could not be found out is not there.

    Attributes:
        why: why something could not be found out, and `remedy` what to do about it.
    """

    known: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    why: str = ""
    remedy: str = ""


class SignatureVoucher(Struct, frozen=True):
    """It has a good signature, by a key that main has for these logins: mostly for one."""

    logins: tuple[str, ...]
    members: Members = Members()


class Review(Struct, frozen=True):
    """What a reviewer said of a run that waits for an environment of GitHub's."""

    environment: str
    by: str
    is_approved: bool


class Environment(Struct, frozen=True):
    """An environment of GitHub's, and what its rules ask of a job that names it.

    Attributes:
        has_reviewers: whether such a job waits until one of them lets it go on.
        may_review_own: whether whoever started the run may be that one.
        may_bypass: whether administrators may let it go on past the rules.
    """

    has_reviewers: bool = False
    may_review_own: bool = False
    may_bypass: bool = False


class RunVoucher(Struct, frozen=True):
    """What GitHub says of the run that the request names.

    Attributes:
        actors: who started it, and who ran it again, if that is somebody else.
        event, branch: what started it, and of which branch its workflow is.
        title: what it is called, which says what was filled in.
        at: when it was started.
        url: its page; `is_over`: whether it has ended.
        reviews: what reviewers said of it, where a wave names an environment.
        environments: those that waves name and nobody has reviewed it for; None: there is none.
    """

    actors: tuple[str, ...]
    event: str
    branch: str
    title: str
    at: datetime
    members: Members = Members()
    url: str = ""
    is_over: bool = False
    reviews: tuple[Review, ...] = ()
    environments: Mapping[str, Environment | None] = field(default_factory=dict)


class NoVoucher(Struct, frozen=True):
    """Nothing says that an approver has asked, or something that is wrong; `reason` says what."""

    reason: str


class UnknownVoucher(Struct, frozen=True):
    """Whether an approver has asked can't be found out here, or not now."""

    reason: str
    remedy: str


class OwnVoucher(Struct, frozen=True):
    """It is in no ref: a dry run takes it for accepted, and knows who asked."""


Voucher: TypeAlias = SignatureVoucher | RunVoucher | NoVoucher | UnknownVoucher | OwnVoucher
