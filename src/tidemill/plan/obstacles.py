"""Why something waits, or will never happen by itself: one class for each kind, with its words.

`kind` is what `--json` prints. The words, and the command that ends a wait, are made from the data;
nothing is ever found out from the words. Of a long list they name the first; the data has all.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal, Self

import msgspec

from tidemill.facts.holds import Hold
from tidemill.facts.ledger import Eviction
from tidemill.facts.naming import Naming
from tidemill.facts.operation import Kind, Operation
from tidemill.facts.settings import ALL_SETS
from tidemill.facts.staleness import StaleFiles
from tidemill.facts.verification import PASSING
from tidemill.words.durations import show_duration
from tidemill.words.lists import listed
from tidemill.words.moments import Moment, to_the_minute
from tidemill.words.names import one_line
from tidemill.words.shas import short

_MOST_SAID = 230  # so that the remedy fits on the line, too
_RULES_HELP = (
    "let the rules of main require the checks that run on auto, by these names, and no more, or "
    "let the app that pushes bypass them"
)
_TURN = ("reconcile-cfg-app",)
_CHECK = ("check-cfg-app", "--sha", "{sha}")
_RETRY = ("retry", "--sha", "{app_sha}", "--set", "{set}")
_PROMOTION = ("promote-wave", "--wave", "{wave}", "--set", "{set}", "--sha", "{app_sha}")


class Obstacle(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """One reason.

    Attributes:
        since: when it began to stand in the way, where that is known.
        until: when it ends by itself, where that is known.
        is_over: it never ends by itself: what it stands in the way of will not happen without a
            person.
        asks: somebody has to do something before this ends. What follows from another thing, that
            is named as well, does not count.
        says: its words, with names of fields in braces. Where it takes more, `words` makes them.
        ends_by: the command that ends it, likewise.
    """

    since: Moment | None = None
    until: Moment | None = None
    is_over: ClassVar[bool] = False
    asks: ClassVar[bool] = False
    says: ClassVar[str]
    ends_by: ClassVar[tuple[str, ...]] = ()

    def needs_a_person(self) -> bool:
        """Whether somebody has to do something before this ends."""
        return self.asks

    def for_what_came(self, when: datetime | None) -> Self:
        """The same, of something that came at `when`: before that it stood in nobody's way."""
        if when is None or (self.since is not None and self.since >= when):
            return self
        return msgspec.structs.replace(self, since=when)

    def command(self) -> tuple[str, ...] | None:
        """What ends it, as words without `--repo`; None where time alone does, or nobody knows."""
        data = msgspec.structs.asdict(self)
        is_open = any(f"{{{name}}}" in self.ends_by for name in data if data[name] is None)
        return tuple(one.format(**data) for one in self.ends_by if not is_open) or None

    def words(self, now: datetime | None = None) -> str:
        """What it is, for people; with `now`, also how long it still takes."""
        data = msgspec.structs.asdict(self)
        return self.says.format(**{name: _said(name, value) for name, value in data.items()})


class _Over(Obstacle, frozen=True, kw_only=True):
    is_over: ClassVar[bool] = True


# What the settings or the request say.


class NoSuchPlace(_Over, frozen=True, kw_only=True, tag="no such place"):
    """The settings no longer name its wave or its set."""

    says = "the settings no longer name its wave or its set"


class EndedRequest(_Over, frozen=True, kw_only=True, tag="request ended"):
    """What asked for it has ended: the announcement, the promotion, the rollback or the hotfix."""

    what: Literal["announcement", "request", "rollback", "hotfix"]

    def words(self, now: datetime | None = None) -> str:
        return (
            "it has ended" if self.what in ("rollback", "hotfix") else f"its {self.what} has ended"
        )


class OtherSource(_Over, frozen=True, kw_only=True, tag="other source"):
    """The wave takes its sets from other waves, and no announcements; none: it is the reverse."""

    wave: str
    sources: tuple[str, ...] = ()

    def words(self, now: datetime | None = None) -> str:
        if not self.sources:
            return f"{self.wave} comes after no wave"
        return f"{self.wave} now takes its sets from {listed(self.sources)}"


class NewerSet(_Over, frozen=True, kw_only=True, tag="has newer"):
    """The wave has had this set or a newer one."""

    wave: str
    says = "the wave has had it or a newer one"


class Nowhere(Obstacle, frozen=True, kw_only=True, tag="nowhere"):
    """No wave that the turns know of has had the set."""

    says = "a wave to take it from: none is known to have had it"


# What a wave does not let in now.


class HoldInForce(Obstacle, frozen=True, kw_only=True, tag="hold"):
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

    def needs_a_person(self) -> bool:
        return self.until is None

    def command(self) -> tuple[str, ...]:
        only = () if self.set == ALL_SETS else ("--set", self.set)
        return ("release-wave", "--wave", self.wave, *only, "--reason", "it may go on")

    def words(self, now: datetime | None = None) -> str:
        when = f" until {_clock(self.until)}" if self.until else ""
        return f"{self.wave} is held by {self.by or 'someone'}{when}: {self.reason}"


class FreezeInForce(Obstacle, frozen=True, kw_only=True, tag="freeze"):
    """The settings freeze the wave until `until`."""

    wave: str
    reason: str
    says = "{wave} is frozen until {until}: {reason}"


class ClosedWindow(Obstacle, frozen=True, kw_only=True, tag="window"):
    """No window of the wave is open; the next one opens at `until`."""

    wave: str
    says = "the window of {wave} opens at {until}"


class MissingApproval(Obstacle, frozen=True, kw_only=True, tag="approval"):
    """A person has to approve this set for the wave."""

    wave: str
    set: str
    app_sha: str
    approvers: tuple[str, ...] = ()
    environment: str | None = None

    asks = True
    ends_by = _PROMOTION

    def command(self) -> tuple[str, ...] | None:
        return super().command() if self.environment is None else None  # nobody's terminal can

    def form(self) -> tuple[str, ...] | None:
        """The command that ends it, and counts only as a form on GitHub."""
        return super().command() if self.environment is not None else None

    def words(self, now: datetime | None = None) -> str:
        if self.environment is not None:
            where = f"reviewed in the environment {self.environment}"
            return f"approval for {self.wave} on GitHub, {where}"
        by = f" by {' or '.join(self.approvers)}" if self.approvers else ""
        return f"approval for {self.wave}{by}"


class MissingReview(Obstacle, frozen=True, kw_only=True, tag="review"):
    """A reviewer of an environment of GitHub's has to let the run go on that asked for it."""

    wave: str
    environment: str
    run: int
    url: str

    asks = True
    says = "a reviewer of the environment {environment} on GitHub: {url}"


class UnknownAsker(Obstacle, frozen=True, kw_only=True, tag="unknown asker"):
    """A wave takes it from its approvers alone, and who asked can't be found out here."""

    wave: str
    reason: str
    remedy: str

    asks = True
    ends_by = _TURN
    says = "proof that an approver of {wave} asked: {reason}; {remedy}"


class SetOnAuto(Obstacle, frozen=True, kw_only=True, tag="on auto"):
    """Another set is on auto for the wave."""

    wave: str
    app_sha: str | None

    def words(self, now: datetime | None = None) -> str:
        return f"{short(self.app_sha, 'a set')} is on auto for {self.wave}"


class SetInFlight(Obstacle, frozen=True, kw_only=True, tag="in flight"):
    """The wave's present set is not deployed on `targets` yet. The next one waits until `until`."""

    wave: str
    app_sha: str | None
    targets: tuple[str, ...]

    def words(self, now: datetime | None = None) -> str:
        late = f"no healthy report yet from {listed(self.targets) or 'any target'}"
        what = f"{short(self.app_sha)} is in flight in {self.wave}: {late}"
        return f"{what}; the next one waits until {_clock(self.until)}" if self.until else what


class SoakForFollower(Obstacle, frozen=True, kw_only=True, tag="in flight until soaked"):
    """The wave's present set soaks for a wave that follows, and `admit` is "when soaked"."""

    wave: str
    app_sha: str | None
    follower: str

    def words(self, now: datetime | None = None) -> str:
        left = _left(self.until, now)
        return f"{short(self.app_sha)} soaks in {self.wave} for {self.follower}{left}"


class StaleMain(Obstacle, frozen=True, kw_only=True, tag="stale main"):
    """Files of the wave on main are not what main generates, and a set would carry that along.

    `generate` is the command; `was_red`: the commit that regenerated them was red twice.
    """

    wave: str
    generate: str
    stale: StaleFiles
    was_red: bool = False

    asks = True
    ends_by = ("check-cfg-app", "--sha", "{stale.until}")

    def words(self, now: datetime | None = None) -> str:
        stale, generate = self.stale, f"`{one_line(self.generate)}`"
        if stale.unstable:
            return (
                f"a commit on main that makes {generate} deterministic: two runs on the same files "
                f"differ, first in {stale.unstable}"
            )
        red = "; their regeneration was red twice" if self.was_red else ""
        return (
            f"a commit on main with what it generates for {self.wave}: since {stale.since} these "
            f"files are not that: {stale.named}{red}; run {generate} and commit what it changes"
        )


class RegenerationFirst(Obstacle, frozen=True, kw_only=True, tag="regeneration"):
    """Such files are regenerated first, by a commit about `wave`; `named` are the files."""

    wave: str
    after: str
    named: str = ""
    says = "the regeneration of {wave} after {after}, which lands first ({named})"


class NothingStale(_Over, frozen=True, kw_only=True, tag="not stale"):
    """A regeneration is not wanted: main is what it generates for the wave, or has changed."""

    wave: str
    says = "main is what it generates for {wave}, or has changed"


# What the waves before say of the set.


class SetNotThere(Obstacle, frozen=True, kw_only=True, tag="not there"):
    """A wave that it has to come from has not had it; `because` says why, where that is known."""

    wave: str
    because: tuple[Obstacle, ...] = ()

    def command(self) -> tuple[str, ...] | None:
        return next(filter(None, (one.command() for one in self.because)), None)

    def words(self, now: datetime | None = None) -> str:
        why = f": {', '.join(one.words(now) for one in self.because)}" if self.because else ""
        return f"{self.wave} has not had it{why}"


class RollbackUnderWay(_Over, frozen=True, kw_only=True, tag="rolling back"):
    """A wave is being rolled back from it."""

    wave: str
    says = "{wave} is being rolled back from it"


class PastRollback(_Over, frozen=True, kw_only=True, tag="rolled back"):
    """A wave was rolled back from it, and it does not come back by itself."""

    wave: str
    set: str
    app_sha: str
    says = "it was rolled back in {wave}, and does not come back by itself"

    asks = True
    ends_by = _PROMOTION


class ReplacedByHotfix(_Over, frozen=True, kw_only=True, tag="hotfix"):
    """A hotfix is in its place in a wave; it does not come back by itself."""

    wave: str
    set: str
    app_sha: str
    hotfix: str
    says = "the hotfix {hotfix} replaced it in {wave}"

    ends_by = _PROMOTION


class OtherSetThere(_Over, frozen=True, kw_only=True, tag="another set"):
    """A hotfix was made to replace another set than the wave has now: it is made again."""

    wave: str
    says = "{wave} has another set than the one that it was to replace"


class HotfixThere(Obstacle, frozen=True, kw_only=True, tag="hotfix there"):
    """A wave has a hotfix, until a newer set than all that it has had replaces it.

    `next` is the newest that could do so now, by its SHA, None where there is none; `is_held`:
    a hold keeps it out, which is for all sets where `is_held_whole`.
    """

    wave: str
    set: str
    next: str | None = None
    is_held: bool = False
    is_held_whole: bool = False

    def needs_a_person(self) -> bool:
        return self.is_held

    def command(self) -> tuple[str, ...] | None:
        only = () if self.is_held_whole else ("--set", self.set)
        words = ("release-wave", "--wave", self.wave, *only)
        return (*words, "--reason", "a newer set has the fix") if self.is_held else None

    def words(self, now: datetime | None = None) -> str:
        what = f"a newer set than all that {self.wave} has had, to replace this hotfix"
        if self.next:
            when = ", once the wave is released" if self.is_held else ""
            return f"{what}: the next one is {short(self.next)}{when}"
        return f"{what}: there is none yet" + (", and the wave is held" if self.is_held else "")


class FailureThere(Obstacle, frozen=True, kw_only=True, tag="failed"):
    """It failed on targets of a wave, and they have not recovered; `back_to` is the older set that
    a rollback goes to, None where there is none."""

    wave: str
    set: str
    targets: tuple[str, ...]
    back_to: str | None = None

    asks = True
    says = "it failed on {targets} in {wave}"

    def command(self) -> tuple[str, ...] | None:
        return _rollback(self.wave, self.set, self.targets) if self.back_to else None


class DegradedTargets(Obstacle, frozen=True, kw_only=True, tag="degraded"):
    """Targets of a wave are Degraded; the first of them counts as failed at `fails_at`."""

    wave: str
    targets: tuple[str, ...]
    fails_at: Moment
    says = "{wave} is Degraded on {targets}: it counts as failed at {fails_at}, if it stays so"


class ReplacedFailure(_Over, frozen=True, kw_only=True, tag="replaced while failed"):
    """It was replaced in a wave while it was failed."""

    wave: str
    says = "it was replaced in {wave} while it was failed"

    asks = True


class MissingDeployment(Obstacle, frozen=True, kw_only=True, tag="not deployed"):
    """Targets of a wave have not reported it healthy yet; so many of them need not (`spare`)."""

    wave: str
    targets: tuple[str, ...]
    spare: int = 0

    def words(self, now: datetime | None = None) -> str:
        if not self.targets:
            return _nobody(self.wave)
        missing = _missing(self.targets, self.spare)
        if not self.spare:
            return f"a healthy report from {missing} in {self.wave}"
        return f"healthy reports from enough targets of {self.wave}: {missing}"


class SetNotInFiles(Obstacle, frozen=True, kw_only=True, tag="not in the files"):
    """The files of a wave's targets name none of its images, or others; `commit` put it there."""

    wave: str
    commit: str
    naming: Naming

    asks = True
    ends_by = ("check-cfg-app", "--sha", "{commit}")

    def words(self, now: datetime | None = None) -> str:
        return (
            f"it is not in the files of {self.wave}: {self.naming.words}; mend on main what "
            "generates them, so that they name what the image files say"
        )


class RunningSoak(Obstacle, frozen=True, kw_only=True, tag="soak"):
    """It soaks in a wave until `until`."""

    wave: str

    def words(self, now: datetime | None = None) -> str:
        return f"it soaks in {self.wave}{_left(self.until, now)}"


class PausedSoak(Obstacle, frozen=True, kw_only=True, tag="soak stands still"):
    """Its soak in a wave stands still while targets fail, or verifications are red."""

    wave: str
    targets: tuple[str, ...] = ()
    verifications: tuple[str, ...] = ()

    def words(self, now: datetime | None = None) -> str:
        why = f"{listed(self.targets)} {'fails' if len(self.targets) == 1 else 'fail'}"
        if not self.targets:
            why = f"{_verifications(self.verifications, '')} red"
        return f"its soak in {self.wave} stands still while {why}"


class FailedVerification(Obstacle, frozen=True, kw_only=True, tag="verification failed"):
    """Verifications in a wave are red with it, and have not been green since; `said` is what one
    of them said. `back_to` is the older set that a rollback goes to, None where there is none."""

    wave: str
    set: str
    names: tuple[str, ...]
    said: str = ""
    back_to: str | None = None

    asks = True

    def command(self) -> tuple[str, ...] | None:
        return _rollback(self.wave, self.set, self.names) if self.back_to else None

    def words(self, now: datetime | None = None) -> str:
        why = f" ({self.said})" if self.said else ""
        which = _verifications(self.names, ", which")
        return f"{which} red in {self.wave}{why}: a green answer, or a newer set"


class MissingVerification(Obstacle, frozen=True, kw_only=True, tag="verification"):
    """Verifications in a wave have not been green since it had soaked there. Each turn asks them
    again. Where the last answer of one was lost, `lost` is the kind, and `why` has the words."""

    wave: str
    names: tuple[str, ...]
    lost: str = ""
    why: str = ""
    ends_by = _TURN

    def needs_a_person(self) -> bool:
        return bool(self.lost) and self.lost not in PASSING  # what passes by itself is asked again

    def words(self, now: datetime | None = None) -> str:
        what = f"a green answer in {self.wave} from {listed(self.names)}"
        if not self.lost:
            return what
        last = f"the last one was lost ({self.lost}{f': {self.why}' if self.why else ''})"
        return f"{what}: {last}, and the next turn asks again"


# How it ended.


class PastEviction(_Over, frozen=True, kw_only=True, tag="evicted"):
    """Its commit was evicted; `said` is the end of what the check said. `did` is what the commit
    did, in `wave` with `set`; `request` asked for that."""

    app_sha: str | None
    reason: str = ""
    said: str = ""
    commit: str | None = None
    did: Kind | None = None
    wave: str = ""
    set: str = ""
    request: str = ""

    @classmethod
    def of(cls, eviction: Eviction, app_sha: str | None) -> PastEviction:
        """What an eviction says of a set."""
        return cls(
            app_sha=app_sha,
            reason=eviction.reason,
            said=eviction.said,
            commit=eviction.commit,
            since=eviction.at,
            did=gone.kind if (gone := eviction.operation) else None,
            wave=gone.wave if gone else "",
            set=gone.set if gone else "",
            request=(gone.request or "") if gone else "",
        )

    asks = True

    def command(self) -> tuple[str, ...] | None:
        match self.did:
            case "roll back" if self.app_sha:
                place = ("rollback-wave", "--wave", self.wave, "--set", self.set)
                return (*place, "--to", self.app_sha, "--reason", "it was evicted")
            case "roll back" | "hotfix":
                # No SHA names where it went, or its announcement is nowhere any more.
                return ("drop", "--id", self.request) if self.request else None
            case _ if self.app_sha:
                which = ("--set", self.set) if self.set else ()
                where = ("--wave", self.wave) if self.did == "promote" else ()
                return ("retry", "--sha", self.app_sha, *which, *where)
            case _:
                return None

    def words(self, now: datetime | None = None) -> str:
        why = f": {self.reason}" if self.reason else ""
        said = f"; the check said: {self.said}" if self.said else ""
        again = "; ask for it again with its announcement, or drop it" * (self.did == "hotfix")
        what = {"hotfix": "the hotfix", "roll back": "the rollback"}.get(self.did or "", "it")
        return f"{what} was evicted{why}{said}{again}"


class PastEnding(_Over, frozen=True, kw_only=True, tag="ended"):
    """Its announcement was rejected, dropped or superseded."""

    set: str
    app_sha: str
    how: str
    reason: str = ""

    def needs_a_person(self) -> bool:
        return self.how != "superseded"

    ends_by = _RETRY

    def words(self, now: datetime | None = None) -> str:
        return f"its announcement was {self.how}" + (f": {self.reason}" if self.reason else "")


class EarlierAnnouncement(_Over, frozen=True, kw_only=True, tag="came before"):
    """It was announced before the wave came first, and `because` of something it is not introduced
    by itself."""

    wave: str
    set: str
    app_sha: str
    because: tuple[Obstacle, ...] = ()

    asks = True
    ends_by = _RETRY

    def words(self, now: datetime | None = None) -> str:
        why = "".join(f", and {one.words(now)}" for one in self.because)
        return f"it was announced before {self.wave} came first{why}"


# What a commit waits for.


class NextTurn(Obstacle, frozen=True, kw_only=True, tag="next turn"):
    """Nothing but a turn; `lands` is the commit that it will land."""

    lands: str | None = None
    ends_by = _TURN

    def words(self, now: datetime | None = None) -> str:
        return "the next turn" + (f", which lands {self.lands}" if self.lands else "")


class NewerOnAuto(Obstacle, frozen=True, kw_only=True, tag="goes first"):
    """A newer announcement of the set is on auto; the older of the two ends when it lands."""

    app_sha: str | None
    says = "{app_sha}, which goes first: the older of the two ends when the newer lands"


class _MissingVerdict(Obstacle, frozen=True, kw_only=True):
    sha: str | None

    ends_by = _CHECK

    @property
    def _check(self) -> str:
        return f"the check of {self.sha or 'its commit'}"


class MissingCheck(_MissingVerdict, frozen=True, kw_only=True, tag="check"):
    """The check of a commit has not answered; `missing` names required checks that said nothing."""

    missing: tuple[str, ...] = ()
    is_asked_for: bool = False

    def words(self, now: datetime | None = None) -> str:
        names = f" ({listed(self.missing)})" if self.missing else ""
        return f"{self._check}{names}" + (", which was asked for" if self.is_asked_for else "")


class RedCheck(_MissingVerdict, frozen=True, kw_only=True, tag="red check"):
    """The check of a commit is red, and is repeated before anyone is evicted."""

    said: str = ""

    def words(self, now: datetime | None = None) -> str:
        why = f"; it said: {self.said}" if self.said else ""
        return f"{self._check} to be repeated: it is red{why}"


class LostCheck(_MissingVerdict, frozen=True, kw_only=True, tag="lost check"):
    """The check of a commit was cancelled or timed out, and is asked for again."""

    def words(self, now: datetime | None = None) -> str:
        return f"{self._check}: it was cancelled or timed out, and is asked for again"


class ServerRefusal(Obstacle, frozen=True, kw_only=True, tag="refused by the server"):
    """The server does not let main move to a commit; `is_rule`: a rule of GitHub's says so."""

    sha: str
    reason: str
    is_rule: bool = False

    asks = True
    ends_by = _TURN

    def words(self, now: datetime | None = None) -> str:
        said = self.reason
        said = said if len(said) <= _MOST_SAID else f"{said[: _MOST_SAID - 1]}…"
        why = f"the server to let it land: {said}"
        return f"{why}; {_RULES_HELP}" if self.is_rule else why


class RedMain(Obstacle, frozen=True, kw_only=True, tag="red main"):
    """Main's own check is red; nobody is evicted meanwhile."""

    sha: str
    last_green: str | None = None

    asks = True
    ends_by = _CHECK

    def words(self, now: datetime | None = None) -> str:
        last = f"; the last main known green is {self.last_green}" if self.last_green else ""
        return f"a commit that mends it: its check is red{last}; nobody is evicted meanwhile"


class BrokenMain(Obstacle, frozen=True, kw_only=True, tag="main does not generate"):
    """`generate` fails on a commit as it is; `is_main`: on main."""

    sha: str
    reason: str
    is_main: bool

    asks = True
    ends_by = _CHECK

    def words(self, now: datetime | None = None) -> str:
        whose = "main" if self.is_main else short(self.sha)
        return f"a commit on main that mends it: {whose} does not generate: {self.reason}"


class TimeLimit(Obstacle, frozen=True, kw_only=True, tag="time limit"):
    """An entry point took too long; another turn tries again."""

    reason: str
    ends_by = _TURN
    says = "another turn: {reason}"


class Starvation(Obstacle, frozen=True, kw_only=True, tag="starves"):
    """Main moved `times` times before a check of auto could answer."""

    times: int
    says = "a while without pushes to main: it moved {times} times before a check could answer"


class FailingTargets(Obstacle, frozen=True, kw_only=True, tag="failing targets"):
    """The wave's present set failed on targets: a healthy report or a newer set ends that, or a
    rollback to `back_to`, where there is one."""

    wave: str
    set: str
    targets: tuple[str, ...]
    back_to: str | None = None

    asks = True
    says = "{targets}, which failed: a healthy report, or a newer set"

    def command(self) -> tuple[str, ...] | None:
        return _rollback(self.wave, self.set, self.targets) if self.back_to else None


class MissingReport(Obstacle, frozen=True, kw_only=True, tag="no report"):
    """Targets have not reported the wave's present set healthy; so many need not (`spare`)."""

    wave: str
    targets: tuple[str, ...]
    spare: int = 0

    def words(self, now: datetime | None = None) -> str:
        if not self.targets:
            return _nobody(self.wave)
        return f"a healthy report from {_missing(self.targets, self.spare)}"


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
        is_for_reviewers: the command that ends it counts only as a form on GitHub.
    """

    about: About
    obstacles: tuple[Obstacle, ...]
    id: str | None = None
    earliest: datetime | None = None
    is_for_reviewers: bool = False

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


def _said(name: str, value: Any) -> Any:
    """The value of a field, as it stands in a sentence."""
    match value:
        case datetime():
            return _clock(value)
        case tuple():
            return listed([*map(str, value)])
        case _:
            return short(value) if name in ("app_sha", "hotfix") else value


def _clock(when: datetime | None) -> str:
    return to_the_minute(when) if when else "no time that is known"


def _left(until: datetime | None, now: datetime | None) -> str:
    if until is None:
        return ""
    left = f", {show_duration(until - now)} to go" if now else ""
    return f" until {_clock(until)}{left}"


def _nobody(wave: str) -> str:
    return f"a target of {wave} that counts: each of them is ignored"


def _missing(targets: tuple[str, ...], spare: int) -> str:
    """Those that are missing, of which so many are not needed."""
    named = listed(targets)
    return f"{len(targets) - spare} more of {named}" if spare else named


def _verifications(names: tuple[str, ...], which: str) -> str:
    if len(names) == 1:
        return f"the verification {names[0]}{which} is"
    return f"the verifications {listed(names)}{which} are"


def _rollback(wave: str, set_name: str, failed: tuple[str, ...]) -> tuple[str, ...]:
    why = one_line(f"it failed on {listed(failed)}")  # what a command takes as a reason
    return ("rollback-wave", "--wave", wave, "--set", set_name, "--reason", why)
