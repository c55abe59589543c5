"""The ledger: what a later turn needs and can't read from the tips of refs.

The journal's record carries it forward. It is small: what no decision can need any more goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from msgspec.structs import replace as changed

from tidemill.announcing.order import Order, age, order_of
from tidemill.facts.checks import CheckClaim
from tidemill.facts.freezes import KnownFreeze
from tidemill.facts.gates import Gates
from tidemill.facts.naming import Naming
from tidemill.facts.operation import AutoCommit, Files, Operation
from tidemill.facts.requests import Point, announced_as
from tidemill.facts.settings import Settings
from tidemill.facts.signals import Signal
from tidemill.facts.staleness import Finding
from tidemill.facts.verification import Standing
from tidemill.facts.vouchers import COUNTS_FOR, Asked
from tidemill.words.lists import listed
from tidemill.words.moments import Moment

KEPT_SETS = 50
MOST_SOAKING = 500
KEPT_ENDED = 500
KEPT_REFS = 50
KEPT_ENDINGS = 10
MOST_KEPT_OUT = 500

How = Literal["introduce", "promote", "roll back", "hotfix", "by hand"]


# There are thousands, and none can be part of a circle: the garbage collector need not look.
class Landing(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """One set that a wave has had, from when it landed.

    Its mappings are values, which copies of a ledger share: each is replaced, and never changed.

    Attributes:
        commit: the commit of main that put it there.
        targets: what each target had in that commit.
        taken: when each target was healthy with it, once it was.
        failed: the targets that failed with it and have not recovered, and since when.
        tolerated: the targets that failed with it, where they are so few that the wave does without
            them (`need`), and since when.
        degraded: the targets that are Degraded with it and don't count as failed yet (the wave's
            `failed_after`), and since when.
        refuted: the verifications that were red with it and have not been green since, and since
            when.
        verified: by verification for how long it had soaked when that was last green, as far as
            anything needs to know.
        verified_once: whether all verifications were ever green for as long as they are asked.
        deployed_at: since when it has been deployed, None while it is not.
        deployed_once: whether it ever was.
        healthy: for how long it has soaked, up to `healthy_since`.
        healthy_since: since when soak runs, None while it stands still.
        anew: since when all targets count anew, after a failure.
        rolled_back: whether the wave was taken back from it.
        buried: whether it was replaced while failed.
        held: whether its failure has already been answered with a hold or a rollback.
        wave, set: what its commit calls them, where a wave or a set had another name then;
            `moved` once main has its files under today's.
        naming: what the wave's files do not name of it, None if nothing is known to be missing.
        is_hotfix: a person put it there past all waves before. Its place in the history of app.git
            is that of the set that it replaced, so that nothing is newer or older because of it;
            and it goes nowhere else.
    """

    app_sha: str | None
    position: int
    content: str
    digests: str
    commit: str
    landed_at: Moment
    how: How
    repository: str | None = None
    generation: int = 1
    rewrites: int = 0
    targets: Mapping[str, Files] = {}
    taken: Mapping[str, Moment] = {}
    failed: Mapping[str, Moment] = {}
    tolerated: Mapping[str, Moment] = {}
    degraded: Mapping[str, Moment] = {}
    refuted: Mapping[str, Moment] = {}
    verified: Mapping[str, timedelta] = {}
    verified_once: bool = False
    deployed_at: Moment | None = None
    deployed_once: bool = False
    healthy: timedelta = timedelta()
    healthy_since: Moment | None = None
    anew: Moment | None = None
    rolled_back: bool = False
    buried: bool = False
    held: bool = False
    wave: str = ""
    set: str = ""
    moved: bool = False
    naming: Naming | None = None
    is_hotfix: bool = False

    @classmethod
    def of(
        cls,
        operation: Operation,
        commit: str,
        digests: str,
        landed_at: datetime,
        targets: Mapping[str, Files],
    ) -> Landing:
        """The landing of a commit of ours, with what its targets have in it."""
        if operation.kind == "regenerate":
            raise ValueError("a regeneration puts no set anywhere")
        return cls(
            app_sha=operation.app_sha,
            content=operation.content,
            digests=digests,
            commit=commit,
            landed_at=landed_at,
            how=operation.kind,
            repository=operation.repository,
            **order_of(operation)._asdict(),
            targets=targets,
            is_hotfix=operation.is_hotfix,
        )

    @property
    def begun_at(self) -> datetime:
        """Since when targets count: from the landing, or anew after a failure."""
        return max(self.landed_at, self.anew or self.landed_at)

    @property
    def is_misnamed(self) -> bool:
        """Whether the wave's files name none of its images, or others."""
        return self.naming is not None and self.naming.is_wrong

    @property
    def is_known(self) -> bool:
        """Whether it came from an announcement."""
        return self.app_sha is not None

    @property
    def own_position(self) -> int | None:
        """Its position; None of a hotfix, which has another one's, and of what nobody announced."""
        return self.position if self.is_known and not self.is_hotfix else None

    @property
    def soaks(self) -> bool:
        """Whether it is deployed and its clock runs, with nothing known to speak against it."""
        return (
            self.healthy_since is not None
            and self.deployed_at is not None
            and self.naming is None
            and not (self.failed or self.refuted or self.degraded)
        )

    @property
    def is_bad(self) -> bool:
        """Whether it failed here, or was rolled back: it goes nowhere by itself."""
        return self.has_failed or self.buried or self.rolled_back

    @property
    def has_failed(self) -> bool:
        """Whether it has failed, on targets or by a verification, and that has not passed."""
        return bool(self.failed or self.refuted)

    @property
    def failed_since(self) -> datetime | None:
        """Since when."""
        return min((*self.failed.values(), *self.refuted.values()), default=None)

    @property
    def failures(self) -> str:
        """On what, in words: the first of them, where they are many."""
        return listed(
            (*sorted(self.failed), *(f"the verification {one}" for one in sorted(self.refuted)))
        )

    def is_set(self, order: Order, app_sha: str | None) -> bool:
        """Whether it is that very announcement."""
        return app_sha is not None and self.app_sha == app_sha and age(self) == order

    def end_deployment(self) -> None:
        """It is not deployed any more; soak begins anew when it is again."""
        self.deployed_at, self.healthy, self.healthy_since = None, timedelta(), None
        self.verified = {}

    def soaked(self, now: datetime) -> timedelta:
        """For how long it has soaked by `now`."""
        running = max(now - self.healthy_since, timedelta()) if self.healthy_since else timedelta()
        return self.healthy + running

    def point(self) -> Point:
        """Where a rollback goes, or what it leaves."""
        return Point(
            app_sha=self.app_sha,
            content=self.content,
            commit=self.commit,
            repository=self.repository,
            wave=self.wave or msgspec.UNSET,
            set=self.set or msgspec.UNSET,
            is_hotfix=self.is_hotfix or msgspec.UNSET,
            **order_of(self)._asdict(),
        )


class Eviction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A commit that was taken off auto for good; `commit` is None where none was ever made.

    `said` is the end of what its check said. `dismissed`: a person knows, and wants it no more.
    """

    commit: str | None
    at: Moment
    reason: str
    operation: Operation | None = None
    retried: bool = False
    said: str = ""
    dismissed: bool = False


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """The red commit that is being judged again, and which runs had answered before each step,
    sorted: the same ledger is the same bytes."""

    sha: str
    parent: str
    parent_runs: tuple[str, ...]
    runs: tuple[str, ...] | None = None
    round: int = 0


class OpenRollback(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rollback that has begun: its hold is placed, its commit has not landed."""

    wave: str
    set: str
    leaves: Point
    to: Point
    reason: str
    at: Moment
    request: str | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The server did not let main move to `sha`."""

    sha: str
    reason: str
    since: Moment


class BadEnding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An announcement that ended badly: evicted, rejected or dropped; why, and when."""

    app_sha: str
    position: int
    how: str
    at: Moment
    reason: str = ""
    generation: int = 1
    rewrites: int = 0


class RequestEnding(msgspec.Struct, frozen=True, kw_only=True):
    """How a request ended."""

    id: str
    how: str


class Names(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of the names of waves, or of sets.

    Attributes:
        was: by name, what the settings say that it was, and what has been carried over.
        now: by a name that the settings do not have, the names that took its past over.
        known: the names that the settings had when the ledger was last written.
        is_lost: the journal was: nobody knows whether holds and records have been carried over.
    """

    was: dict[str, tuple[str, ...]] = {}
    now: dict[str, tuple[str, ...]] = {}
    known: tuple[str, ...] = ()
    is_lost: bool = False


class SetLedger(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is known of one image set in one wave; `landings` are in order.

    `generation`, `rewrites` and `highest`, a position, are those of the newest it has had: no
    landing is newer. `answers` are those of verifications whose last answer was not green; like a
    landing's mappings, it is replaced, and never changed.
    """

    landings: list[Landing] = msgspec.field(name="had", default_factory=list)
    highest: int = 0
    generation: int = 1
    rewrites: int = 0
    oldest_next: bool = False
    answers: Mapping[str, Standing] = {}

    @property
    def newest(self) -> Order:
        """Where the newest set that the wave has had is in the history of app.git."""
        return Order(self.generation, self.rewrites, self.highest)

    def raise_to(self, order: Order) -> None:
        """Take note that the wave has a set of that place."""
        self.generation, self.rewrites, self.highest = max(self.newest, order)

    @property
    def present(self) -> Landing | None:
        """The set that the wave has now."""
        return self.landings[-1] if self.landings else None

    def landings_of(self, order: Order, app_sha: str | None) -> list[Landing]:
        """Those of one announcement: each time that the wave got it."""
        if app_sha is None:
            return []
        found = [one for one in self.landings if one.app_sha == app_sha]  # there may be hundreds
        return [one for one in found if age(one) == order]

    @property
    def unbroken(self) -> list[Landing]:
        """The last ones, between which none was let go: what the wave had at a time is one of
        these, or not known."""
        return self.landings[-KEPT_SETS:]

    def put(self, landing: Landing) -> None:
        """Put one on top: what it replaces may be buried, what it goes behind is rolled back."""
        if self.present is not None and self.present.has_failed:
            self.present.buried = True
        if self.present is not None and self.present.is_hotfix and landing.how == "roll back":
            self.present.rolled_back = True
        self.roll_back_to(order_of(landing))
        self.landings.append(landing)
        self.raise_to(order_of(landing))

    def roll_back_to(self, order: Order) -> None:
        """All that is newer was rolled back."""
        for newer in self.landings:
            newer.rolled_back = newer.rolled_back or age(newer) > order

    def copy(self) -> SetLedger:
        """One to change, each of its landings, too."""
        return changed(self, landings=[changed(landing) for landing in self.landings])


class Ledger(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Everything that is carried forward, by wave and set where it belongs to one.

    Attributes:
        auto: auto's commits as the last turn left them, the oldest first.
        well_with: by wave the contents by set with which it was last healthy as a whole.
        failing: by wave the targets that failed, since when, until they are healthy again.
        ended: the last requests that ended.
        moved: how often auto was replayed because main moved, since something landed.
        rejected: ids of the refs below `rejected/`, oldest first.
        refused: why the server refuses the landing that is due, if it does.
        asked: the checks that turns asked for, by commit of auto or main's tip; only where verdicts
            come from GitHub: elsewhere the check's runner claims it.
        tips: commits of auto that it has pointed to, where verdicts come from GitHub: their checks
            may have begun by themselves.
        endings: by set the last announcements that ended badly.
        wave_names, set_names: what was renamed.
        meant: by the id of what waited when names changed the wave, where it names one, and the set
            that it is about since.
        named: by wave, which files were last looked at to see what they name.
        reporters: by wave, which targets had to report when it was last worked out what is
            deployed there: all of them have taken what is.
        finding: what is known of what main generates.
        hotfixes: ids of the requests of hotfixes that have begun: their holds are placed.
        signals: what has to be told to people, or was and is not over.
        spent: what approvers have asked for that has ended lately: by what it was known by, when
            they asked, so that nobody says it once more for them.
        gates: by wave what it asked before anything goes in or on, as of the main `gates_main`.
        frozen: by wave the freezes that were in force.
    """

    sets: dict[str, dict[str, SetLedger]] = {}
    auto: list[AutoCommit] = []
    well_with: dict[str, dict[str, str]] = {}
    failing: dict[str, dict[str, Moment]] = {}
    ended: list[RequestEnding] = []
    evictions: list[Eviction] = []
    rejected: list[str] = []
    suspect: Suspect | None = None
    rollbacks: list[OpenRollback] = []
    moved: int = 0
    moved_since: Moment | None = None
    green_main: str | None = None
    refused: Refusal | None = None
    asked: dict[str, CheckClaim] = {}
    tips: list[str] = []
    endings: dict[str, list[BadEnding]] = {}
    wave_names: Names = Names()
    set_names: Names = Names()
    meant: dict[str, tuple[str | None, str]] = {}
    named: dict[str, str] = {}
    reporters: dict[str, str] = {}
    finding: Finding | None = None
    hotfixes: list[str] = []
    signals: list[Signal] = []
    spent: dict[str, Moment] = {}
    gates: dict[str, Gates] = {}
    gates_main: str | None = None
    frozen: dict[str, tuple[KnownFreeze, ...]] = {}

    def of(self, wave: str, set_name: str) -> SetLedger:
        """The part for one set in one wave, to change; made if it is not there."""
        return self.sets.setdefault(wave, {}).setdefault(set_name, SetLedger())

    def history(self, wave: str, set_name: str) -> SetLedger:
        """The part for one set in one wave, to read; one that is empty if it is not there."""
        return self.sets.get(wave, {}).get(set_name) or SetLedger()

    def present(self, wave: str, set_name: str) -> Landing | None:
        """The set that a wave has now."""
        return self.history(wave, set_name).present

    def landings(self, set_name: str) -> Iterator[tuple[str, Landing]]:
        """All landings of a set, each with its wave."""
        for wave, sets in self.sets.items():
            if set_name in sets:
                yield from ((wave, landing) for landing in sets[set_name].landings)

    def last(self, wave: str, set_name: str, order: Order) -> Landing | None:
        """The last time that a wave had the set of a place in the history of app.git, hotfixes in
        that place left aside."""
        part = self.history(wave, set_name)
        landings = reversed(part.landings) if order <= part.newest else ()
        return next((one for one in landings if age(one) == order and not one.is_hotfix), None)

    def newest(self, set_name: str) -> Order:
        """Where the newest set that any wave has had is in the history of app.git."""
        parts = (sets[set_name] for sets in self.sets.values() if set_name in sets)
        return max((part.newest for part in parts), default=Order())

    def has_landed(self, sha: str) -> bool:
        """Whether a commit is known to be on main; many that are not known may be, too."""
        parts = (part for sets in self.sets.values() for part in sets.values())
        return any(landing.commit == sha for part in parts for landing in part.landings)

    def spend(self, asked: Asked, now: datetime) -> None:
        """What an approver asked for has ended: the same words do not count again."""
        lately = {key: at for key, at in self.spent.items() if now - at <= COUNTS_FOR}
        self.spent = {**lately, asked.key: asked.at}

    def how_ended(self, request: str) -> str | None:
        """How a request ended, None if it did not or that was long ago."""
        return next((one.how for one in reversed(self.ended) if one.id == request), None)

    def forget_ending(self, set_name: str, order: Order, app_sha: str | None) -> None:
        """A set is somewhere after all: that an announcement of it ended badly says no more."""
        endings = self.endings.get(set_name, [])
        left = [one for one in endings if (order_of(one), one.app_sha) != (order, app_sha)]
        if left != endings:
            self.endings[set_name] = left

    def last_rejected(self, set_name: str) -> BadEnding | None:
        """The last announcement of a set that was rejected, if one of the last ones was."""
        endings = reversed(self.endings.get(set_name, []))
        return next((one for one in endings if one.how == "rejected"), None)

    def evicted(self, operation: Operation) -> Eviction | None:
        """The eviction that keeps `operation` from being done again by itself."""
        for eviction in reversed(self.evictions):
            gone = eviction.operation
            if gone is None or eviction.retried or not gone.is_same_set(operation):
                continue
            is_other = operation.request and not _is_same(operation.request, gone.request)
            was = (order_of(gone), gone.app_sha, gone.kind)
            is_it = was == (order_of(operation), operation.app_sha, operation.kind)
            if is_it and not is_other:
                return eviction
        return None

    def dismissible(self, request: str) -> list[int]:
        """The places of the evictions of a hotfix, or of a rollback's sets, but for those that
        somebody has dismissed."""
        return [
            at
            for at, eviction in enumerate(self.evictions)
            if (gone := eviction.operation) is not None
            and (gone.request == request and gone.kind in ("hotfix", "roll back"))
            and not eviction.dismissed
        ]

    def is_replaced(self, eviction: Eviction, gone: Operation) -> bool:
        """Whether something has landed since in the place of what was evicted: of a set that is
        introduced or promoted one that is no older, of all else anything."""
        is_ordered = gone.kind in ("introduce", "promote")
        return any(
            landing.landed_at > eviction.at
            and (not is_ordered or order_of(landing) >= order_of(gone))
            for landing in self.history(gone.wave, gone.set).landings
        )

    def evicted_from(self, wave: str, set_name: str, request: str) -> bool:
        """Whether what a request asked for was evicted in a wave; another first wave may go on."""
        return any(
            gone is not None
            and (gone.wave, gone.set) == (wave, set_name)
            and _is_same(request, gone.request)
            for gone in (eviction.operation for eviction in self.evictions)
        )

    def was_taken_off(self, regeneration: Operation) -> bool:
        """Whether the regeneration of a wave on that very main was evicted."""
        wanted = (regeneration.wave, regeneration.commit)
        gone = [one.operation for one in self.evictions if one.operation]
        return any(one.is_regeneration and (one.wave, one.commit) == wanted for one in gone)

    def trim(self, settings: Settings) -> None:
        """Forget the landings and the evictions that no later turn needs.

        Those of a wave stay that are newer than the least of what the following waves have had.
        """
        for wave in settings.waves:
            followers = settings.followers(wave.name)
            for name, part in self.sets.get(wave.name, {}).items():
                above = [self.history(follower.name, name).newest for follower in followers]
                part.landings = trimmed(part, min(above, default=None))
        recent, older = self.evictions[-KEPT_REFS:], self.evictions[:-KEPT_REFS]
        needed = [one for one in older if self._keeps_out(one)]
        self.evictions = [*needed[-MOST_KEPT_OUT:], *recent]

    def _keeps_out(self, eviction: Eviction) -> bool:
        """Whether a set would come again by itself, were it not known that it was evicted."""
        gone = eviction.operation
        if gone is None or eviction.retried or gone.kind not in ("introduce", "promote"):
            return False
        return order_of(gone) > self.history(gone.wave, gone.set).newest

    def copy(self) -> Ledger:
        """One to work on: all that can be changed is its own, values are shared."""
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        own: dict[str, Any] = {
            name: copy(one) for name, one in values if isinstance(one, list | dict)
        }
        own["sets"] = {
            wave: {name: part.copy() for name, part in sets.items()}
            for wave, sets in self.sets.items()
        }
        for name in ("well_with", "failing", "endings"):
            own[name] = {key: copy(one) for key, one in own[name].items()}
        return changed(self, **own)


def _is_same(request: str, other: str | None) -> bool:
    """Whether two requests about one set are the same; its name may have changed between them."""
    return other is not None and announced_as(request, "") == announced_as(other, "")


def trimmed(part: SetLedger, wanted_above: Order | None) -> list[Landing]:
    """Of the landings of a set in a wave, those that a later turn may need.

    The last 50, and before them every one that may still be promoted: newer than `wanted_above`
    (None where nothing follows). Of more than 500 of these every second one goes.
    """
    recent, older = part.landings[-KEPT_SETS:], part.landings[:-KEPT_SETS]
    if wanted_above is None:
        return recent
    soaking = [
        one for one in older if order_of(one) > wanted_above and not (one.rolled_back or one.buried)
    ]
    return (soaking[::2] if len(soaking) > MOST_SOAKING else soaking) + recent
