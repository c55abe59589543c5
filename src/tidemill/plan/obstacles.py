"""Why something waits, or will never happen by itself: values, one struct for each kind.

`kind` is what `--json` prints; the words, and the command that ends a wait, are made from these
values in `tidemill.plan.wording`, and nothing is ever found out from the words.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal, TypeAlias

import msgspec

from tidemill.facts.holds import Hold
from tidemill.facts.ledger import Eviction
from tidemill.facts.naming import Naming
from tidemill.facts.operation import Operation
from tidemill.facts.staleness import StaleFiles
from tidemill.words.moments import Moment


class _Obstacle(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """One reason.

    Attributes:
        since: when it began, where that is known.
        until: when it ends by itself, where that is known.
        is_over: it never ends by itself: what it stands in the way of will not happen without a
            person.
    """

    since: Moment | None = None
    until: Moment | None = None
    is_over: ClassVar[bool] = False


class _Over(_Obstacle, frozen=True, kw_only=True):
    is_over: ClassVar[bool] = True


# What the settings or the request say.


class NoSuchPlace(_Over, frozen=True, kw_only=True, tag="no such place"):
    """The settings no longer name its wave or its set."""


class EndedRequest(_Over, frozen=True, kw_only=True, tag="request ended"):
    """What asked for it has ended: the announcement, the promotion, the rollback or the hotfix."""

    what: Literal["announcement", "request", "rollback", "hotfix"]


class OtherSource(_Over, frozen=True, kw_only=True, tag="other source"):
    """The wave takes its sets from other waves, and no announcements; none: it is the reverse."""

    wave: str
    sources: tuple[str, ...] = ()


class NewerSet(_Over, frozen=True, kw_only=True, tag="has newer"):
    """The wave has had this set or a newer one."""

    wave: str


class Nowhere(_Obstacle, frozen=True, kw_only=True, tag="nowhere"):
    """No wave that the turns know of has had the set."""


# What a wave does not let in now.


class HoldInForce(_Obstacle, frozen=True, kw_only=True, tag="hold"):
    """A hold is on the wave; `set` is `_` where it is for all sets."""

    wave: str
    set: str
    by: str
    reason: str

    @classmethod
    def of(cls, hold: Hold, wave: str) -> HoldInForce:
        """What a hold keeps out of a wave."""
        return cls(
            wave=wave,
            set=hold.set,
            by=hold.by,
            reason=hold.reason,
            since=hold.since,
            until=hold.until,
        )


class FreezeInForce(_Obstacle, frozen=True, kw_only=True, tag="freeze"):
    """The settings freeze the wave until `until`."""

    wave: str
    reason: str


class ClosedWindow(_Obstacle, frozen=True, kw_only=True, tag="window"):
    """No window of the wave is open; the next one opens at `until`."""

    wave: str


class MissingApproval(_Obstacle, frozen=True, kw_only=True, tag="approval"):
    """A person has to approve this set for the wave."""

    wave: str
    set: str
    app_sha: str
    approvers: tuple[str, ...] = ()
    environment: str | None = None


class MissingReview(_Obstacle, frozen=True, kw_only=True, tag="review"):
    """A reviewer of an environment of GitHub's has to let the run go on that asked for it."""

    wave: str
    environment: str
    run: int
    url: str


class UnknownAsker(_Obstacle, frozen=True, kw_only=True, tag="unknown asker"):
    """A wave takes it from its approvers alone, and who asked can't be found out here."""

    wave: str
    reason: str
    remedy: str


class SetOnAuto(_Obstacle, frozen=True, kw_only=True, tag="on auto"):
    """Another set is on auto for the wave."""

    wave: str
    app_sha: str | None


class SetInFlight(_Obstacle, frozen=True, kw_only=True, tag="in flight"):
    """The wave's present set is not deployed on `targets` yet; it counts as silent at `until`."""

    wave: str
    app_sha: str | None
    targets: tuple[str, ...]


class SoakForFollower(_Obstacle, frozen=True, kw_only=True, tag="in flight until soaked"):
    """The wave's present set soaks for a wave that follows, and `admit` is "when soaked"."""

    wave: str
    app_sha: str | None
    follower: str


class StaleMain(_Obstacle, frozen=True, kw_only=True, tag="stale main"):
    """Files of the wave on main are not what main generates, and a set would carry that along.

    `generate` is the command; `was_red`: the commit that regenerated them was red twice.
    """

    wave: str
    generate: str
    stale: StaleFiles
    was_red: bool = False


class RegenerationFirst(_Obstacle, frozen=True, kw_only=True, tag="regeneration"):
    """Such files are regenerated first, by a commit about `wave`; `named` are the files."""

    wave: str
    after: str
    named: str = ""


class NothingStale(_Over, frozen=True, kw_only=True, tag="not stale"):
    """A regeneration is not wanted: main is what it generates for the wave, or has changed."""

    wave: str


# What the waves before say of the set.


class SetNotThere(_Obstacle, frozen=True, kw_only=True, tag="not there"):
    """A wave that it has to come from has not had it; `because` says why, where that is known."""

    wave: str
    because: tuple[Obstacle, ...] = ()


class RollbackUnderWay(_Over, frozen=True, kw_only=True, tag="rolling back"):
    """A wave is being rolled back from it."""

    wave: str


class PastRollback(_Over, frozen=True, kw_only=True, tag="rolled back"):
    """A wave was rolled back from it, and it does not come back by itself."""

    wave: str
    set: str
    app_sha: str


class ReplacedByHotfix(_Over, frozen=True, kw_only=True, tag="hotfix"):
    """A hotfix is in its place in a wave; it does not come back by itself."""

    wave: str
    set: str
    app_sha: str
    hotfix: str


class OtherSetThere(_Over, frozen=True, kw_only=True, tag="another set"):
    """A hotfix was made to replace another set than the wave has now: it is made again."""

    wave: str


class HotfixThere(_Obstacle, frozen=True, kw_only=True, tag="hotfix there"):
    """A wave has a hotfix, until a newer set than all that it has had replaces it.

    `next` is the newest that could do so now, by its SHA, None where there is none; `is_held`:
    a hold keeps it out.
    """

    wave: str
    set: str
    next: str | None = None
    is_held: bool = False


class FailureThere(_Obstacle, frozen=True, kw_only=True, tag="failed"):
    """It failed on targets of a wave, and they have not recovered; `back_to` is the older set that
    a rollback goes to, None where there is none."""

    wave: str
    set: str
    targets: tuple[str, ...]
    back_to: str | None = None


class DegradedTargets(_Obstacle, frozen=True, kw_only=True, tag="degraded"):
    """Targets of a wave are Degraded; the first of them counts as failed at `fails_at`."""

    wave: str
    targets: tuple[str, ...]
    fails_at: Moment


class ReplacedFailure(_Over, frozen=True, kw_only=True, tag="replaced while failed"):
    """It was replaced in a wave while it was failed."""

    wave: str


class MissingDeployment(_Obstacle, frozen=True, kw_only=True, tag="not deployed"):
    """Targets of a wave have not reported it healthy yet; so many of them need not (`spare`)."""

    wave: str
    targets: tuple[str, ...]
    spare: int = 0


class SetNotInFiles(_Obstacle, frozen=True, kw_only=True, tag="not in the files"):
    """The files of a wave's targets name none of its images, or others; `commit` put it there."""

    wave: str
    commit: str
    naming: Naming


class RunningSoak(_Obstacle, frozen=True, kw_only=True, tag="soak"):
    """It soaks in a wave until `until`."""

    wave: str


class PausedSoak(_Obstacle, frozen=True, kw_only=True, tag="soak stands still"):
    """Its soak in a wave stands still while targets fail, or verifications are red."""

    wave: str
    targets: tuple[str, ...] = ()
    verifications: tuple[str, ...] = ()


class FailedVerification(_Obstacle, frozen=True, kw_only=True, tag="verification failed"):
    """Verifications in a wave are red with it, and have not been green since; `said` is what one
    of them said. `back_to` is the older set that a rollback goes to, None where there is none."""

    wave: str
    set: str
    names: tuple[str, ...]
    said: str = ""
    back_to: str | None = None


class MissingVerification(_Obstacle, frozen=True, kw_only=True, tag="verification"):
    """Verifications in a wave have not been green since it had soaked there. Each turn asks them
    again. Where the last answer of one was lost, `lost` is the kind, and `why` has the words."""

    wave: str
    names: tuple[str, ...]
    lost: str = ""
    why: str = ""


# How it ended.


class PastEviction(_Over, frozen=True, kw_only=True, tag="evicted"):
    """Its commit was evicted; `said` is the end of what the check said."""

    app_sha: str | None
    reason: str = ""
    said: str = ""
    commit: str | None = None

    @classmethod
    def of(cls, eviction: Eviction, app_sha: str | None) -> PastEviction:
        """What an eviction says of a set."""
        return cls(
            app_sha=app_sha,
            reason=eviction.reason,
            said=eviction.said,
            commit=eviction.commit,
            since=eviction.at,
        )


class PastEnding(_Over, frozen=True, kw_only=True, tag="ended"):
    """Its announcement was rejected, dropped or superseded."""

    app_sha: str
    how: str
    reason: str = ""


class EarlierAnnouncement(_Over, frozen=True, kw_only=True, tag="came before"):
    """It was announced before the wave came first, and `because` of something it is not introduced
    by itself."""

    wave: str
    app_sha: str
    because: tuple[Obstacle, ...] = ()


# What a commit waits for.


class NextTurn(_Obstacle, frozen=True, kw_only=True, tag="next turn"):
    """Nothing but a turn; `lands` is the commit that it will land."""

    lands: str | None = None


class NewerOnAuto(_Obstacle, frozen=True, kw_only=True, tag="goes first"):
    """A newer announcement of the set is on auto; the older of the two ends when it lands."""

    app_sha: str | None


class MissingCheck(_Obstacle, frozen=True, kw_only=True, tag="check"):
    """The check of a commit has not answered; `missing` names required checks that said nothing."""

    sha: str | None
    missing: tuple[str, ...] = ()
    is_asked_for: bool = False


class RedCheck(_Obstacle, frozen=True, kw_only=True, tag="red check"):
    """The check of a commit is red, and is repeated before anyone is evicted."""

    sha: str | None
    said: str = ""


class LostCheck(_Obstacle, frozen=True, kw_only=True, tag="lost check"):
    """The check of a commit was cancelled or timed out, and is asked for again."""

    sha: str | None


class ServerRefusal(_Obstacle, frozen=True, kw_only=True, tag="refused by the server"):
    """The server does not let main move to a commit; `is_rule`: a rule of GitHub's says so."""

    sha: str
    reason: str
    is_rule: bool = False


class RedMain(_Obstacle, frozen=True, kw_only=True, tag="red main"):
    """Main's own check is red; nobody is evicted meanwhile."""

    sha: str
    last_green: str | None = None


class BrokenMain(_Obstacle, frozen=True, kw_only=True, tag="main does not generate"):
    """`generate` fails on a commit as it is; `is_main`: on main."""

    sha: str
    reason: str
    is_main: bool


class TimeLimit(_Obstacle, frozen=True, kw_only=True, tag="time limit"):
    """An entry point took too long; another turn tries again."""

    reason: str


class Starvation(_Obstacle, frozen=True, kw_only=True, tag="starves"):
    """Main moved `times` times before a check of auto could answer."""

    times: int


class FailingTargets(_Obstacle, frozen=True, kw_only=True, tag="failing targets"):
    """The wave's present set failed on targets: a healthy report or a newer set ends that, or a
    rollback to `back_to`, where there is one."""

    wave: str
    set: str
    targets: tuple[str, ...]
    back_to: str | None = None


class MissingReport(_Obstacle, frozen=True, kw_only=True, tag="no report"):
    """Targets have not reported the wave's present set healthy; so many need not (`spare`)."""

    wave: str
    targets: tuple[str, ...]
    spare: int = 0


Obstacle: TypeAlias = (
    NoSuchPlace
    | EndedRequest
    | OtherSource
    | NewerSet
    | Nowhere
    | HoldInForce
    | FreezeInForce
    | ClosedWindow
    | MissingApproval
    | MissingReview
    | UnknownAsker
    | StaleMain
    | RegenerationFirst
    | NothingStale
    | SetOnAuto
    | SetInFlight
    | SoakForFollower
    | SetNotThere
    | RollbackUnderWay
    | PastRollback
    | ReplacedByHotfix
    | OtherSetThere
    | HotfixThere
    | FailureThere
    | DegradedTargets
    | ReplacedFailure
    | MissingDeployment
    | SetNotInFiles
    | RunningSoak
    | PausedSoak
    | FailedVerification
    | MissingVerification
    | PastEviction
    | PastEnding
    | EarlierAnnouncement
    | NextTurn
    | NewerOnAuto
    | MissingCheck
    | RedCheck
    | LostCheck
    | ServerRefusal
    | RedMain
    | BrokenMain
    | TimeLimit
    | Starvation
    | FailingTargets
    | MissingReport
)


class About(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What waits.

    Attributes:
        at: `main` at `sha`; `auto` as a whole; a set: announced and on no wave's way yet, on its
            way into a wave, on auto for it, or in it; or what somebody asked for in a wave.
    """

    at: Literal["main", "auto", "announced", "for", "on auto", "in", "asked"]
    sha: str | None = None
    app_sha: str | None = None
    set: str | None = None
    wave: str | None = None

    @classmethod
    def of(cls, operation: Operation, at: Literal["for", "on auto"] = "for") -> About:
        """What an operation is about."""
        return cls(at=at, app_sha=operation.app_sha, set=operation.set, wave=operation.wave)


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """Something that waits, and all that it waits for; `id` if that is a request.

    Attributes:
        earliest: when it could go, if all that takes a person is done by then.
    """

    about: About
    obstacles: tuple[Obstacle, ...]
    id: str | None = None
    earliest: datetime | None = None

    def without(self, gone: frozenset[str]) -> Wait:
        """The same, naming none of the commits that are nowhere."""
        found = tuple(_without(one, gone) for one in self.obstacles)
        return msgspec.structs.replace(self, obstacles=found)

    @property
    def since(self) -> datetime | None:
        """Since when it waits, as far as is known."""
        return next((one.since for one in self.obstacles if one.since), None)


def _without(one: Obstacle, gone: frozenset[str]) -> Obstacle:
    match one:
        case MissingCheck(sha=sha) | RedCheck(sha=sha) | LostCheck(sha=sha) if sha in gone:
            return msgspec.structs.replace(one, sha=None)
        case NextTurn(lands=sha) if sha in gone:
            return msgspec.structs.replace(one, lands=None)
        case _:
            return one
