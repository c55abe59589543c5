"""What the pages show, as values: made of a snapshot, its plan and its history alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from tidemill.announcing.announcement import Announcement
from tidemill.answers.difference import sets_on_main
from tidemill.answers.history import History, Stay
from tidemill.facts.holds import Hold, each_hold
from tidemill.facts.image_files import ImageFiles
from tidemill.facts.ledger import Eviction, Landing
from tidemill.facts.operation import Operation
from tidemill.facts.records import Deployment
from tidemill.facts.requests import AnnouncementRequest
from tidemill.facts.settings import Wave
from tidemill.facts.snapshot import Snapshot
from tidemill.plan.obstacles import About, HoldInForce, Wait
from tidemill.plan.plan import Plan
from tidemill.plan.status import Status, TargetStatus, WaveStatus, state_of, status
from tidemill.plan.wording import reasons, subject
from tidemill.words.moments import to_the_minute

MOST_EVICTIONS = 20
MOST_STAYS = 100  # of one set in one wave, the newest
MOST_SETS = 300  # pages of sets, those that are somewhere now first


class Place(Struct, frozen=True):
    """Where the repository is.

    Attributes:
        name: what people call it, like `acme/cfg-app`.
        repo: what `--repo` takes, without credentials.
        web: its page on GitHub, None elsewhere.
        server: the GitHub server that it is on, None elsewhere.
    """

    name: str
    repo: str
    web: str | None = None
    server: str | None = None

    def commit(self, sha: str | None) -> str | None:
        """The address of a commit of cfg-app.git."""
        return f"{self.web}/commit/{sha}" if self.web and sha else None

    def app_commit(self, repository: str | None, sha: str | None) -> str | None:
        """The address of a commit of app.git."""
        known = self.server and repository and sha
        return f"{self.server}/{repository}/commit/{sha}" if known else None


class Soak(Struct, frozen=True):
    """How far a set has soaked in a wave for one that follows."""

    follower: str
    soaked: timedelta
    needed: timedelta
    is_running: bool


class StayView(Struct, frozen=True):
    """A stay by the names of today; `state` is its state now, or how it ended if it was replaced.

    What `stay.landing` knows is as new as the page, also where no turn has written it yet.
    """

    stay: Stay
    state: str
    soaks: tuple[Soak, ...] = ()

    @property
    def deployed_at(self) -> datetime | None:
        """Since when it has been deployed; None where it is not, or nobody knows."""
        return self.stay.landing.deployed_at if self.stay.landing else None


class Line(Struct, frozen=True):
    """Something that waits, in words.

    Attributes:
        about: what it is about: the set, its commit and the wave, where it is about such.
        kinds: what sort of reasons these are.
        command: what ends the wait; empty where time alone does.
    """

    what: str
    reasons: tuple[str, ...]
    kinds: tuple[str, ...]
    command: str
    since: datetime | None
    needs_a_person: bool
    set: str | None = None
    app_sha: str | None = None
    wave: str | None = None


class TargetView(Struct, frozen=True):
    """A target; `record` is its latest, None if it has sent none."""

    wave: str
    status: TargetStatus
    record: Deployment | None

    @property
    def name(self) -> str:
        return self.status.name


class WaveView(Struct, frozen=True):
    """A wave; `stays` begin with the newest."""

    wave: Wave
    status: WaveStatus
    stays: tuple[StayView, ...]
    targets: tuple[TargetView, ...]

    @property
    def name(self) -> str:
        return self.wave.name


class SetView(Struct, frozen=True):
    """One announced set, wherever it is or was; `images` where it is on main now."""

    set: str
    app_sha: str
    position: int | None
    repository: str | None
    stays: tuple[StayView, ...] = ()
    lines: tuple[Line, ...] = ()
    evictions: tuple[Eviction, ...] = ()
    images: ImageFiles | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.set, self.app_sha


class Board(Struct, frozen=True):
    """All that the pages show.

    Attributes:
        gone: the holds of waves and sets that the settings do not name, each with the command that
            ends it.
        services: by service the waves that have it, each with the set that it is of there, and
            that set's images.
        missing: what of the past nobody can tell any more, in sentences.
        unasked: what of the present is not known, since nobody was asked.
    """

    place: Place
    now: datetime
    status: Status
    waves: tuple[WaveView, ...]
    lines: tuple[Line, ...]
    evictions: tuple[Eviction, ...]
    sets: tuple[SetView, ...]
    services: Mapping[str, Sequence[tuple[str, str, ImageFiles]]]
    gone: Sequence[tuple[Hold, str]] = ()
    missing: tuple[str, ...] = ()
    unasked: str = ""

    @property
    def stays(self) -> list[StayView]:
        """What landed in any wave, the newest first."""
        found = [stay for wave in self.waves for stay in wave.stays]
        return sorted(found, key=lambda one: _age(one.stay), reverse=True)


_T = TypeVar("_T")


def board(
    snapshot: Snapshot,
    plan: Plan,
    told: History,
    place: Place,
    ending: Callable[[Wait], str],
    unasked: str = "",
) -> Board:
    """What there is to show.

    Args:
        plan: of this snapshot; and `told` is what its journal tells.
        ending: the command that ends a wait, as it is typed; empty where none does.
    """
    found, on_main = status(snapshot, plan), sets_on_main(snapshot)
    waves = tuple(
        WaveView(
            wave=wave,
            status=one,
            stays=tuple(_stays(snapshot, plan, told, wave)),
            targets=tuple(
                TargetView(wave.name, target, plan.records.get((wave.name, target.name)))
                for target in one.targets
            ),
        )
        for wave, one in zip(snapshot.settings.waves, found.waves, strict=True)
    )
    lines = tuple(_line(one, ending(one), snapshot.now) for one in plan.waiting)
    evictions = tuple(reversed(plan.ledger.evictions))
    gone = tuple((one, ending(_released(one))) for one in each_hold(found.gone_holds))
    return Board(
        place=place,
        now=snapshot.now,
        status=found,
        waves=waves,
        lines=lines,
        evictions=evictions[:MOST_EVICTIONS],
        sets=tuple(_sets(snapshot, on_main, waves, lines, evictions)),
        services=_services(snapshot, on_main),
        gone=gone,
        missing=(*told.missing, *_unread(told)),
        unasked=unasked,
    )


def _unread(told: History) -> Iterator[str]:
    if told.is_part:
        yield (
            f"Who asked for what landed before {to_the_minute(told.turns[0].at)}, and why, is not "
            "on this page: tidemill history says it."
        )


def _line(wait: Wait, command: str, now: datetime) -> Line:
    return Line(
        what=subject(wait.about),
        reasons=tuple(reasons(wait, now)),
        kinds=tuple(one.__struct_config__.tag for one in wait.obstacles),  # type: ignore[misc]
        command=command,
        since=wait.since,
        needs_a_person=any(one.needs_a_person() for one in wait.obstacles),
        set=wait.about.set,
        app_sha=wait.about.app_sha,
        wave=wait.about.wave,
    )


def _stays(snapshot: Snapshot, plan: Plan, told: History, wave: Wave) -> Iterator[StayView]:
    found: list[StayView] = []
    followers = snapshot.settings.followers(wave.name)
    for image_set in snapshot.settings.sets:
        stays = told.stays.get((wave.name, image_set.name), ())[-MOST_STAYS:]
        present = plan.ledger.present(wave.name, image_set.name)
        for then, after in zip_longest(stays, stays[1:]):
            stay = replace(then, wave=wave.name, set=image_set.name)
            # The plan has filed what came since the journal was last written.
            if present is not None and present.commit == stay.commit and not stay.until:
                state = state_of(wave, present, snapshot.now)
                soaks = tuple(_soaks(followers, present, snapshot.now))
                found.append(StayView(replace(stay, landing=present), state, soaks))
            else:
                found.append(StayView(stay, _ended(stay.landing, after)))
    yield from sorted(found, key=lambda one: _age(one.stay), reverse=True)


def _age(stay: Stay) -> tuple[datetime, str, str]:
    """What orders stays, the oldest first."""
    return stay.since, stay.wave, stay.set


def _ended(landing: Landing | None, after: Stay | None) -> str:
    """How a stay ended, as far as that is known."""
    if (landing and landing.rolled_back) or (after and after.how == "roll back"):
        return "rolled back"
    if landing and (landing.has_failed or landing.buried):
        return "failed"
    return "passed over" if landing and not landing.deployed_once else "replaced"


def _soaks(followers: Sequence[Wave], landing: Landing, now: datetime) -> Iterator[Soak]:
    for follower in followers:
        if follower.soak and landing.deployed_at is not None:
            yield Soak(
                follower=follower.name,
                soaked=min(landing.soaked(now), follower.soak),
                needed=follower.soak,
                is_running=landing.healthy_since is not None,
            )


def _released(hold: Hold) -> Wait:
    """What waits for the release of a hold."""
    about = About(at="asked", wave=hold.wave)
    return Wait(about=about, obstacles=(HoldInForce.of(hold, hold.wave),))


def _services(
    snapshot: Snapshot, on_main: Mapping[tuple[str, str], ImageFiles]
) -> dict[str, list[tuple[str, str, ImageFiles]]]:
    found: dict[str, list[tuple[str, str, ImageFiles]]] = {}
    for wave in snapshot.settings.waves:
        for image_set in snapshot.settings.sets:
            if files := on_main.get((wave.name, image_set.name)):
                for service in files.digests:
                    found.setdefault(service, []).append((wave.name, image_set.name, files))
    return {service: found[service] for service in sorted(found)}


def _sets(
    snapshot: Snapshot,
    on_main: Mapping[tuple[str, str], ImageFiles],
    waves: Sequence[WaveView],
    lines: Sequence[Line],
    evictions: Sequence[Eviction],
) -> Iterator[SetView]:
    """Every set that is known, what is somewhere now first, then the newest."""
    names = {one.name for one in snapshot.settings.sets}
    stays = _grouped((one.stay, one) for wave in waves for one in wave.stays)
    waiting = _grouped((one, one) for one in lines)
    evicted: dict[tuple[str, str], list[Eviction]] = {}
    for one in evictions:
        if one.operation and one.operation.app_sha:
            evicted.setdefault((one.operation.set, one.operation.app_sha), []).append(one)
    announced = {
        (fact.announcement.set, fact.announcement.sha): fact.announcement
        for fact in snapshot.inbox.values()
        if isinstance(fact, AnnouncementRequest)
    }
    images = {(name, files.app_sha): files for (_, name), files in on_main.items()}
    found = []
    for key in dict.fromkeys([*stays, *waiting, *evicted]):
        set_name, sha = key
        mine, gone = stays.get(key, []), evicted.get(key, [])
        operations = [one.operation for one in gone if one.operation]
        waits = [one for one in [announced.get(key)] if one]
        landings = [landing for one in mine if (landing := one.stay.landing)]
        known: list[Landing | Operation | Announcement] = [*landings, *operations, *waits]
        positions = (
            *(one.own_position for one in landings),
            *(one.own_position for one in operations),
            *(one.position for one in waits),
        )
        if set_name not in names:
            continue
        view = SetView(
            set=set_name,
            app_sha=sha,
            position=next(filter(None, positions), None),
            repository=known[0].repository if known else None,
            stays=tuple(mine),
            lines=tuple(waiting.get(key, [])),
            evictions=tuple(gone),
            images=images.get(key),
        )
        is_somewhere = any(one.stay.until is None for one in mine) or bool(view.lines)
        times = [*(one.stay.since for one in mine), *(one.at for one in gone)]
        age = snapshot.now - max(times, default=snapshot.now)
        found.append((not is_somewhere, age, key, view))
    yield from (view for *_, view in sorted(found, key=lambda one: one[:3])[:MOST_SETS])


def _grouped(values: Iterable[tuple[Stay | Line, _T]]) -> dict[tuple[str, str], list[_T]]:
    """Values by set and commit of app.git, those that have both."""
    found: dict[tuple[str, str], list[_T]] = {}
    for about, value in values:
        if about.set and about.app_sha:
            found.setdefault((about.set, about.app_sha), []).append(value)
    return found
