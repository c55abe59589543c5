"""A question about the past, and the lines that answer it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import merge

import msgspec
from msgspec import Struct

from tidemill.answers.history import HOW, LANDINGS, MADE, Event, History, Place, Stay
from tidemill.answers.older import report
from tidemill.facts.journal import FAILING, NO_FAILURE, NOTHING, kinds
from tidemill.facts.settings import ALL_SETS

# What a turn did on auto, or took note of, is no answer to what ran: it shows when it lands.
_UNTOLD = frozenset(
    {
        *MADE,
        "regenerated",
        "replayed",
        "taken off auto",
        "unchanged",
        "promoted already",
        "already held",
        "under way already",
        "released already",
        "ended already",
        "out of date",
        "clock ahead",
        "landed together",
    }
)
# A turn with nothing but these has no line, unless a target's reports are asked for; and one with
# nothing but those puts no set anywhere.
_SILENT = frozenset({NOTHING, NO_FAILURE})
_MOVES_NOTHING = frozenset({*_SILENT, "reported", "deployed"})
_SKEW = timedelta(days=1)  # by which clocks of machines that did turns may differ
_NO_REPORT = frozenset({NOTHING, "deployed", "landed together", *MADE, *LANDINGS})
_ENDS_NOTHING = frozenset({*_MOVES_NOTHING, *MADE})


class Question(Struct, frozen=True):
    """What somebody wants to know; what is None does not matter.

    Attributes:
        wave, set: as they are called today.
        since: what happened at or after it.
    """

    wave: str | None = None
    set: str | None = None
    target: str | None = None
    since: datetime | None = None


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happened.

    Attributes:
        what: landed, evicted, rejected, held, released, overridden, failed, reported, … as the
            journal calls it; what a target reports of a failure is `failed`.
        how: of what landed, introduced, promoted, rolled back, by hand or removed by hand.
        until: of what landed, when something else took its place; None while it is there.
        by: who decided; empty where a rule of the settings did. Of what was evicted, rejected,
            dropped or superseded who had asked for it.
        turn: the commit of the journal that says so, None where only a ledger does.
    """

    at: datetime
    what: str
    wave: str | None = None
    set: str | None = None
    target: str | None = None
    app_sha: str | None = None
    sha: str | None = None
    how: str = ""
    until: datetime | None = None
    by: str = ""
    reason: str = ""
    override: bool = False
    id: str | None = None
    run_url: str | None = None
    turn: str | None = None


def has_line(_: object, first_line: str) -> bool:
    """Whether a turn may have a line in the answer, where the question is about no target.

    Args:
        first_line: of the message of its commit in the journal.
    """
    return not kinds(first_line) <= _SILENT


def moves_a_set(_: object, first_line: str) -> bool:
    """Whether a turn may have changed what a wave has."""
    return not kinds(first_line) <= _MOVES_NOTHING


def ends_a_stay(_: object, first_line: str) -> bool:
    """Whether a turn may have put something else where a set was, or changed what that is called.

    Where only this is read of a time, how sets came in that time is not told.
    """
    return not kinds(first_line) <= _ENDS_NOTHING


def has_report(_: object, first_line: str) -> bool:
    """Whether targets may have reported something in a turn."""
    return not kinds(first_line) <= _NO_REPORT


def lines(history: History, question: Question) -> list[Line]:
    """All that happened that the question is about, in order."""
    waves, sets = _names(history, question)
    found = [
        line
        for line in _all(history, question)
        if (question.since is None or line.at >= question.since)
        and (waves is None or line.wave in waves)
        and (sets is None or line.set in sets or (line.target and question.target))
    ]
    return in_order(found)


def in_order(found: Sequence[Line]) -> list[Line]:
    """Lines in the order of the journal, whatever the clocks of machines said that wrote it; among
    them by time those that only a ledger tells of."""
    untold = sorted((one for one in found if one.turn is None), key=lambda line: line.at)
    told = (one for one in found if one.turn is not None)
    return [*merge(untold, told, key=lambda line: line.at)]


def has_newest(history: History, question: Question, count: int) -> bool:
    """Whether so many lines are in the last turns that no turn before them can have a newer one."""
    if not history.turns:
        return False
    later = msgspec.structs.replace(question, since=history.turns[0].at + _SKEW)
    return count <= len(lines(history, later))


def has_newest_stays(history: History, stays: Sequence[ServiceStay], count: int) -> bool:
    """The same of the stays of a service, as far as they are told, which begin in these turns."""
    newest = newest_stays(stays, count)
    return count <= len(newest) and all(has_none_before(history, one.since) for one in newest)


def newest_stays(stays: Sequence[ServiceStay], count: int) -> list[ServiceStay]:
    """The newest ones of stays of a service, and all that last."""
    begin = max(len(stays) - count, 0)
    return [one for one in stays[:begin] if one.until is None] + [*stays[begin:]]


def has_none_before(history: History, since: datetime) -> bool:
    """Whether no turn before the first of these can have been at or after a time."""
    return bool(history.turns) and history.turns[0].at + _SKEW < since


def latest_begin(since: datetime) -> datetime:
    """When the first of some turns has to have been before, so that this is so."""
    return since - _SKEW


def _names(history: History, question: Question) -> tuple[set[str] | None, set[str] | None]:
    """What the wave and the set are and were called."""
    sets = None
    if question.set:
        held = [stays for (_, name), stays in history.stays.items() if name == question.set]
        sets = {question.set, ALL_SETS, *(stay.set for stays in held for stay in stays)}
    return waves_called(history, question.wave), sets


def waves_called(history: History, wave: str | None) -> set[str] | None:
    """What a wave is and was called; None for all waves."""
    if wave is None:
        return None
    held = [stays for (name, _), stays in history.stays.items() if name == wave]
    return {wave, *(stay.wave for stays in held for stay in stays)}


def _all(history: History, question: Question) -> Iterator[Line]:
    """The landings that only a ledger tells of, then what turns did."""
    stays: dict[tuple[str, str, str], Stay] = {}
    for held in history.stays.values():
        for stay in held:
            known = stays.get((stay.commit, stay.wave, stay.set))
            if known is None or stay.outlasts(known):
                stays[stay.commit, stay.wave, stay.set] = stay
    if question.target is None:
        yield from (landed(stay) for stay in stays.values() if stay.turn is None)
    for event in history.events():
        entry = event.entry
        if entry.what == "reported":
            if (line := _report(event, question.target)) is not None:
                yield line
        elif question.target is None and entry.what not in _UNTOLD:
            if entry.what not in LANDINGS:
                yield line_of(event)
            elif entry.sha is not None:  # else it is about a request that landed with others
                of = stays.get((entry.sha, entry.wave or "", entry.set or ""))
                yield line_of(event) if of is None else landed(of)


def landed(stay: Stay, place: Place | None = None) -> Line:
    """The line about a landing; with `place`, by other names than those of then."""
    wave, name = place or (stay.wave, stay.set)
    return Line(
        at=stay.since,
        what="landed",
        wave=wave,
        set=name,
        app_sha=stay.app_sha,
        sha=stay.commit,
        how=HOW.get(stay.how, stay.how),
        until=stay.until,
        by=stay.by,
        reason=stay.reason,
        override=stay.is_override,
        id=stay.request,
        run_url=stay.run_url,
        turn=stay.turn,
    )


def _report(event: Event, target: str | None) -> Line | None:
    """What the target reported; of all targets, without one, what is a failure."""
    found = report(event.entry)
    if found is None or (target is not None and found[0] != target):
        return None
    return line_of(event) if target is not None or _is_failure(*found) else None


def _is_failure(_: str, phase: str, health: str) -> bool:
    return phase in FAILING or health in FAILING


def line_of(event: Event) -> Line:
    """The line about anything that a turn did."""
    entry = event.entry
    line = Line(
        at=event.at,
        what=entry.what,
        wave=entry.wave,
        set=entry.set,
        app_sha=entry.app_sha,
        sha=entry.sha,
        by=entry.by,
        reason=entry.reason,
        id=entry.id,
        run_url=event.run_url,
        turn=event.turn.sha,
    )
    found = report(entry) if entry.what == "reported" else None
    if found is None:
        return line
    target, phase, health = found
    return msgspec.structs.replace(
        line,
        what="failed" if _is_failure(*found) else "reported",
        target=target,
        reason=f"{phase}, {health}",
    )


# What ran at one time


class TargetThen(msgspec.Struct, frozen=True, kw_only=True):
    """What a target had reported last by a time, and which sets its revision had."""

    wave: str
    target: str
    at: datetime
    revision: str
    phase: str
    health: str
    app_shas: Mapping[str, str | None] = {}


class RunningThen(Struct, frozen=True):
    """What waves had, and what targets had reported last, at a time."""

    at: datetime
    landings: tuple[Line, ...]
    targets: tuple[TargetThen, ...]


def has_all_that_ran(
    history: History,
    question: Question,
    at: datetime,
    listed: Collection[tuple[str, str]],
    order: Mapping[str, int],
) -> bool:
    """Whether the last turns tell all that ran at a time, so that none before them is needed.

    Args:
        listed: waves and targets that may have reported something by then.
        order: by commit of main its place in main's history.
    """
    if not has_none_before(history, at) or history.renamings:
        return False
    # How a set came is told by the turns up to its landing.
    untold = (None, history.turns[0].sha)
    if any(one.turn in untold for one in history.at(at, question.wave, question.set).values()):
        return False
    told = {
        (event.entry.wave, found[0]): event.entry.sha
        for event in history.events()
        if event.at <= at and (found := report(event.entry))
    }
    # A ledger has not all landings before those that a wave had then; a target may lag behind. Nor
    # does it say since when a wave or a set has had its name.
    begins: dict[str | None, int] = {}
    for (wave, name), stays in history.present.items():
        for stay in stays:
            if stay.turn is None:
                if (stay.wave, stay.set) != (wave, name):
                    return False
                begins[wave] = max(begins.get(wave, 0), order.get(stay.commit, 0))
    if any(order.get(sha or "", len(order)) < begins.get(of, 0) for (of, _), sha in told.items()):
        return False
    return all(
        one in told
        for one in listed
        if question.wave in (None, one[0]) and question.target in (None, one[1])
    )


def running(
    history: History,
    question: Question,
    at: datetime,
    order: Mapping[str, int],
    listed: Collection[tuple[str, str]] = (),
) -> RunningThen:
    """What ran at a time; what waves had of sets, only where the question is about no target.

    Args:
        order: by commit of main its place in main's history.
        listed: the waves and targets that there are.
    """
    landings: list[Line] = []
    if question.target is None:
        found = history.at(at, question.wave, question.set)
        landings = [landed(stay, place) for place, stay in sorted(found.items())]
    waves = waves_called(history, question.wave)
    targets = [
        one
        for one in targets_at(history, Revisions(history, order), at, listed)
        if (waves is None or one.wave in waves) and question.target in (None, one.target)
    ]
    return RunningThen(at, tuple(landings), tuple(targets))


class Revisions:
    """Which sets each commit of main had.

    Args:
        order: by commit of main its place in main's history.
    """

    def __init__(self, history: History, order: Mapping[str, int]) -> None:
        self._history, self._order = history, order
        self._landings: dict[Place, list[tuple[int, Stay]]] = {}
        for place, stays in history.present.items():
            known = [(at, stay) for stay in stays if (at := order.get(stay.commit)) is not None]
            self._landings[place] = sorted(known, key=lambda one: one[0])

    def sets(self, wave: str, revision: str, when: datetime) -> dict[str, str | None]:
        """The commit of app.git of each set that a wave had at a commit of main.

        Args:
            wave: as it was called at the time `when`, and so are the sets.
        """
        at = self._order.get(revision)
        if at is None:
            return {}
        found = {}
        for place, landings in self._landings.items():
            if before := bisect_right(landings, at, key=lambda one: one[0]):
                stay = landings[before - 1][1]
                for wave_then, name in self._history.names(stay, place, when):
                    if wave_then == wave:
                        found[name] = stay.app_sha
        return found


def targets_at(
    history: History,
    revisions: Revisions,
    when: datetime,
    listed: Collection[tuple[str, str]] = (),
) -> list[TargetThen]:
    """What each target had reported last by a time, by the names of that time.

    Args:
        listed: the waves and targets that there are: of several heirs of a wave, a target is in
            those that list it, or in which it has reported something.
    """
    latest: dict[tuple[str, str], tuple[Event, int]] = {}
    turns, renamings = [one.turn for one in history.renamings], 0
    for event in history.events():
        if event.turn.sha in turns[renamings : renamings + 1]:
            renamings += 1
        if event.at <= when and (found := report(event.entry)):
            latest[event.entry.wave or "", found[0]] = event, renamings
    now: dict[tuple[str, str], Event] = {}
    places = {*listed, *latest}
    for (wave, target), (event, before) in latest.items():
        heirs = {heir for heir, _ in history.called((wave, ""), before, when)}
        for then in {heir for heir in heirs if (heir, target) in places} or heirs:
            known = now.get((then, target))
            if known is None or known.at <= event.at:
                now[then, target] = event
    events = sorted(now.items(), key=lambda one: one[0])
    return [_then(revisions, wave, event, when) for (wave, _), event in events]


def _then(revisions: Revisions, wave: str, event: Event, when: datetime) -> TargetThen:
    entry = event.entry
    target, phase, health = report(entry) or ("", "", "")
    return TargetThen(
        wave=wave,
        target=target,
        at=event.at,
        revision=entry.sha or "",
        phase=phase,
        health=health,
        app_shas=revisions.sets(wave, entry.sha or "", when),
    )


# Services


class ServiceStay(msgspec.Struct, frozen=True, kw_only=True):
    """One image of one service in one wave, from when to when.

    Attributes:
        image: its reference by digest; None where the wave had no image of the service.
        app_sha: the commit of app.git whose landing brought it.
    """

    wave: str
    set: str
    service: str
    image: str | None
    since: datetime
    until: datetime | None
    app_sha: str | None
    commit: str
    how: str = ""
    by: str = ""
    run_url: str | None = None


def by_time(places: Iterable[Sequence[ServiceStay]]) -> list[ServiceStay]:
    """The stays in several places, those in each of them in the order that they have."""
    return [*merge(*places, key=lambda one: one.since)]


def service_stays(
    place: Place, service: str, stays: Sequence[tuple[Stay, Mapping[str, str] | None]]
) -> list[ServiceStay]:
    """How long a wave had each image of a service: landings that left it as it was are one stay.

    Args:
        stays: of one place, in order, each with its digests by service; None where they can't be
            read, and then nothing is said of that time.
    """
    found: list[ServiceStay] = []
    last = None
    for stay, digests in stays:
        if digests is None:
            continue
        image, begin = digests.get(service), max(last or stay.since, stay.since)
        last = stay.since
        if found and found[-1].image == image and found[-1].until == begin:
            found[-1] = msgspec.structs.replace(found[-1], until=stay.until)
        elif image is not None or found:
            found.append(
                ServiceStay(
                    wave=place[0],
                    set=place[1],
                    service=service,
                    image=image,
                    since=stay.since,
                    until=stay.until,
                    app_sha=stay.app_sha,
                    commit=stay.commit,
                    how=HOW.get(stay.how, stay.how),
                    by=stay.by,
                    run_url=stay.run_url,
                )
            )
    return found
