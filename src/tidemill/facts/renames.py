"""Names change: waves and sets that are renamed, split, merged or swapped keep their past.

`was` in the settings says it. At the first main that has it, what the ledger, holds and records
say of the old name is said of the new one from then on: of all names at the same time, so that
swaps and chains work, and once, so that `was` may stay in the file. Two heirs both inherit. What
comes in under a name that is gone counts for its heirs, until a wave or set has that name itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from itertools import chain, product
from typing import TypeVar

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace as changed

from tidemill.announcing.order import order_of
from tidemill.facts.holds import Hold, each_hold, stacked
from tidemill.facts.journal import Entry
from tidemill.facts.ledger import (
    Eviction,
    Landing,
    Ledger,
    Names,
    OpenRollback,
    RequestEnding,
    SetLedger,
)
from tidemill.facts.operation import AutoCommit, Operation
from tidemill.facts.records import Deployment
from tidemill.facts.requests import (
    AnnouncementRequest,
    Drop,
    Fact,
    HoldRequest,
    Hotfix,
    Point,
    Promotion,
    Release,
    Retry,
    Rollback,
    announced_as,
    announced_set,
    copy_of,
)
from tidemill.facts.settings import ImageSet, Settings, Wave
from tidemill.facts.snapshot import Snapshot
from tidemill.words.names import MAX_LINE

_Operated = TypeVar("_Operated", AutoCommit, Eviction)
Place = tuple[str, str]
"""A wave and a set, or a wave and a target."""


class NameHistory(Struct, frozen=True, dict=True):
    """The names of one kind, waves or sets, and the past of each.

    `_` for all sets is no name, so nothing becomes of it: each question about it answers `_`.

    Attributes:
        past: by each name of the settings those of the ledger whose past it has.
        names: what the ledger is to remember.
        is_due: whether a name is to take over a past that it does not have yet.
    """

    past: Mapping[str, tuple[str, ...]]
    names: Names
    is_due: bool

    def heirs(self, old: str) -> tuple[str, ...]:
        """What a name of the ledger is called today; itself where nobody took its past over."""
        return self._heirs.get(old, (old,))

    @cached_property
    def _heirs(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for name, past in self.past.items():
            for old in dict.fromkeys(past):
                found[old] = (*found.get(old, ()), name)
        return found

    def sources(self, name: str) -> tuple[str, ...]:
        """The names of the ledger whose past a name has."""
        return self.past.get(name, (name,))

    def meant(self, name: str, *, is_of_today: bool) -> tuple[str, ...]:
        """Which names of today are meant by one that came in.

        Args:
            is_of_today: it is known to be by the names of today's settings.
        """
        heirs = self.heirs(name)
        if not is_of_today and heirs != (name,):
            return heirs
        known = () if name in self.past else self.names.now.get(name, ())
        return tuple(one for one in known if one in self.past) or (name,)


def _history(named: Sequence[Wave | ImageSet], known: Names) -> NameHistory:
    gone = set(known.known) - {one.name for one in named}

    def takes_over(one: Wave | ImageSet) -> Iterator[str]:
        said = known.was.get(one.name, ())
        for old in dict.fromkeys(one.formers):
            if old not in said or (one.formers != said and old in gone):
                yield old

    takes = {one.name: tuple(takes_over(one)) for one in named}
    taken = set(chain.from_iterable(takes.values()))
    past = {
        name: (*olds, *(() if olds and name in taken and not known.is_lost else (name,)))
        for name, olds in takes.items()
    }

    def heirs(old: str) -> tuple[str, ...]:
        return tuple(name for name, olds in past.items() if old in olds)

    now: dict[str, tuple[str, ...]] = {}
    for old in sorted({*taken, *known.now} - past.keys()):
        later = chain.from_iterable(heirs(one) for one in known.now.get(old, ()))
        now[old] = heirs(old) or tuple(dict.fromkeys(later)) or known.now.get(old, ())
    was = {one.name: one.formers for one in named if one.formers}
    return NameHistory(past, changed(known, was=was, now=now, is_lost=False), is_due=bool(taken))


class Renaming(Struct, frozen=True, dict=True):
    """From the names of the ledger to those of the settings."""

    settings: Settings
    waves: NameHistory
    sets: NameHistory

    @classmethod
    def of(cls, settings: Settings, ledger: Ledger) -> Renaming:
        """What has become of the names that a ledger knows.

        Where its journal was lost this is for refs, which may have been renamed already.
        """
        return cls(
            settings,
            _history(settings.waves, ledger.wave_names),
            _history(settings.sets, ledger.set_names),
        )

    @property
    def is_due(self) -> bool:
        """Whether something is called differently in the ledger."""
        return self.waves.is_due or self.sets.is_due

    @cached_property
    def mark(self) -> str:
        """Tells one state of the names in the settings from another."""
        return mark_of(self.settings)

    def heirs(self, place: Place) -> Iterator[Place]:
        """What a wave and a set of the ledger are called today."""
        return product(self.waves.heirs(place[0]), self.sets.heirs(place[1]))

    def sources(self, place: Place) -> Iterator[Place]:
        """The waves and sets of the ledger whose past one of today has."""
        return product(self.waves.sources(place[0]), self.sets.sources(place[1]))

    def listing(self, waves: Sequence[str], target: str) -> tuple[str, ...]:
        """Of some waves those that list a target; the first one where none does."""
        found = [wave for wave in self.settings.waves if wave.name in waves]
        return tuple(one.name for one in found if target in one.targets) or tuple(waves[:1])


def mark_of(settings: Settings) -> str:
    """Tells one state of the names in settings from another: what they say that names were."""
    said = [
        sorted((one.name, one.formers) for one in named if one.formers)
        for named in (settings.waves, settings.sets)
    ]
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:12]


class RenamedSnapshot(Struct, frozen=True):
    """A snapshot by today's names.

    Attributes:
        is_due: whether holds or records are to be kept under other names from now on, or a name
            is gone or there again.
        moved: by a wave and target of today, where its records are kept under another wave.
        entries: what the journal is to say.
    """

    snapshot: Snapshot
    is_due: bool
    moved: Mapping[Place, Place] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()


def renamed(snapshot: Snapshot) -> RenamedSnapshot:
    """Say of today's names what the snapshot says of earlier ones."""
    renaming = Renaming.of(snapshot.settings, snapshot.ledger)
    contents = {place: files.content for place, files in snapshot.main.sets.items()}
    ledger = renamed_ledger(snapshot.settings, snapshot.ledger, contents)
    ended = {one.id for one in snapshot.ledger.ended}
    if not renaming.is_due:
        inbox = renamed_inbox(renaming, _as_meant(snapshot, renaming.mark), {}, ended)
        entries = tuple(_departures(renaming, snapshot.ledger))
        today = changed(snapshot, ledger=ledger, inbox=inbox)
        return RenamedSnapshot(today, bool(entries), entries=entries)
    holds, copies = renamed_holds(renaming, snapshot.holds)
    records, moved = renamed_records(renaming, snapshot.records)
    inbox = renamed_inbox(renaming, _as_meant(snapshot, None), copies, ended)
    today = changed(
        snapshot,
        ledger=changed(ledger, meant=_meant_since(snapshot.inbox, inbox)),
        inbox=inbox,
        auto=tuple(one for commit in snapshot.auto for one in _operated(renaming, commit)),
        holds=holds,
        records=records,
    )
    departures = tuple(_departures(renaming, snapshot.ledger))
    is_due = (holds, records) != (dict(snapshot.holds), dict(snapshot.records)) or bool(departures)
    entries = (*_entries(renaming, snapshot, today), *departures)
    return RenamedSnapshot(today, is_due, moved, entries)


def _entries(renaming: Renaming, before: Snapshot, after: Snapshot) -> Iterator[Entry]:
    for what, one in (("wave", renaming.waves), ("set", renaming.sets)):
        for name, olds in one.past.items():
            others = tuple(old for old in olds if old != name)
            is_shared = name in olds and len(one.heirs(name)) > 1
            if others or is_shared:
                reason = f"the {what} {name} was {' and '.join(others)}"
                if not others:
                    reason = f"the {what} {name} keeps its past, which another {what} has now, too"
                was = (*others, *([name] if is_shared else []))
                yield _entry("renamed", what, name, reason, was)
    for place, hold in before.holds.items():
        if hold.instead_of and not any(hold.id == one.id for one in after.holds.values()):
            wave, set_name = next(renaming.heirs(place))
            reason = f"it has the past of {' and '.join(dict.fromkeys(hold.instead_of))} now"
            yield Entry(what="released", id=hold.id, wave=wave, set=set_name, reason=reason)


def _departures(renaming: Renaming, ledger: Ledger) -> Iterator[Entry]:
    """Which waves and sets the settings no longer name, without an heir, or name again."""
    kinds = ("wave", renaming.waves, ledger.wave_names), ("set", renaming.sets, ledger.set_names)
    had = {"wave": {*ledger.sets}, "set": {name for sets in ledger.sets.values() for name in sets}}
    for what, one, before in kinds:
        for name in before.known:
            if name not in one.past and not one.names.now.get(name):
                reason = f"tidemill.toml names no {what} {name} any more"
                yield _entry("removed", what, name, reason)
        for name, olds in one.past.items():
            if before.known and name in had[what] - {*before.known} and olds == (name,):
                reason = f"tidemill.toml names the {what} {name} again"
                yield _entry("named again", what, name, reason)


def _entry(said: str, what: str, name: str, reason: str, was: tuple[str, ...] = ()) -> Entry:
    """What the journal says of a wave's or a set's name."""
    wave, set_name = (name, None) if what == "wave" else (None, name)
    return Entry(what=said, wave=wave, set=set_name, reason=reason, was=was)


# The ledger


def renamed_ledger(
    settings: Settings, ledger: Ledger, contents: Mapping[Place, str] | None = None
) -> Ledger:
    """The ledger by today's names. Also where the journal was lost it is known which names it has:
    it was made again from commits, which nobody renames.

    Args:
        contents: what main has by wave and set of today, where that is known.
    """
    said = [changed(one, is_lost=False) for one in (ledger.wave_names, ledger.set_names)]
    renaming = Renaming.of(settings, changed(ledger, wave_names=said[0], set_names=said[1]))
    names = renaming.waves.names, renaming.sets.names
    if not renaming.is_due:
        return changed(ledger, wave_names=names[0], set_names=names[1])
    parts = {
        (wave, name): part for wave, sets in ledger.sets.items() for name, part in sets.items()
    }
    sets: dict[str, dict[str, SetLedger]] = {}
    for wave, name in dict.fromkeys(heir for place in parts for heir in renaming.heirs(place)):
        mine = [(place, parts[place]) for place in renaming.sources((wave, name)) if place in parts]
        present = (contents or {}).get((wave, name))
        sets.setdefault(wave, {})[name] = _joined((wave, name), mine, present)
    return changed(
        ledger,
        sets=sets,
        auto=[one for commit in ledger.auto for one in _operated(renaming, commit)],
        well_with=_well_with(renaming, ledger.well_with),
        failing=_failing(renaming, ledger),
        ended=[one for ended in ledger.ended for one in _endeds(renaming, ended)],
        evictions=[one for eviction in ledger.evictions for one in _operated(renaming, eviction)],
        endings={
            heir: [
                one for old in renaming.sets.sources(heir) for one in ledger.endings.get(old, [])
            ]
            for name in ledger.endings
            for heir in renaming.sets.heirs(name)
        },
        rollbacks=[one for back in ledger.rollbacks for one in _backs(renaming, back)],
        reporters={},
        named={},
        gates={
            heir: gates.renamed(renaming.waves.heirs)
            for wave, gates in ledger.gates.items()
            for heir in renaming.waves.heirs(wave)
        },
        frozen={
            heir: known
            for wave, known in ledger.frozen.items()
            for heir in renaming.waves.heirs(wave)
        },
        wave_names=names[0],
        set_names=names[1],
    )


def note_names(ledger: Ledger, settings: Settings, inbox: Container[str]) -> None:
    """Remember which names the settings have, and what is meant by what still waits; that alone is
    not worth a write."""
    ledger.meant = {one: place for one, place in ledger.meant.items() if one in inbox}
    waves = tuple(wave.name for wave in settings.waves)
    ledger.wave_names = changed(ledger.wave_names, known=waves)
    ledger.set_names = changed(ledger.set_names, known=tuple(one.name for one in settings.sets))


def _joined(place: Place, parts: list[tuple[Place, SetLedger]], content: str | None) -> SetLedger:
    """One past of several: what main has is present, and whoever was rolled back anywhere is."""
    found = [(origin, part) for origin, part in parts if part.landings] or parts
    base = next(
        (one for one in found if one[1].present and one[1].present.content == content), found[0]
    )
    landings = [_then(landing, base[0], place) for landing in base[1].landings]
    if others := [(origin, part) for origin, part in found if part is not base[1]]:
        past = [
            _then(landing, origin, place) for origin, part in others for landing in part.landings
        ]
        bad = {
            (order_of(landing), landing.app_sha)
            for landing in (*past, *landings)
            if landing.rolled_back
        }
        landings = [
            *sorted([*past, *landings[:-1]], key=lambda landing: landing.landed_at),
            *landings[-1:],
        ]
        landings = [
            changed(
                landing,
                rolled_back=landing.rolled_back or (order_of(landing), landing.app_sha) in bad,
            )
            for landing in landings
        ]
    joined = SetLedger(
        landings=landings,
        oldest_next=any(part.oldest_next for _, part in parts),
        answers=dict(base[1].answers),
    )
    joined.raise_to(max(part.newest for _, part in parts))
    return joined


def _then(landing: Landing, origin: Place, place: Place) -> Landing:
    wave, set_name = _called(origin, place)
    is_moved = landing.moved and origin == place
    return changed(landing, wave=landing.wave or wave, set=landing.set or set_name, moved=is_moved)


def _called(origin: Place, place: Place) -> Place:
    """What a commit calls a wave and a set, where it is something else than today."""
    wave, set_name = (old if old != new else "" for old, new in zip(origin, place, strict=True))
    return wave, set_name


def _point(point: Point, origin: Place, place: Place) -> Point:
    wave, set_name = _called(origin, place)
    return changed(
        point, wave=point.wave or wave or msgspec.UNSET, set=point.set or set_name or msgspec.UNSET
    )


def _operation(operation: Operation, place: Place) -> Operation:
    wave, set_name = place
    then = operation.source_set or (operation.set if operation.set != set_name else None)
    return changed(operation, wave=wave, set=set_name, source_set=then)


def _operated(renaming: Renaming, one: _Operated) -> Iterator[_Operated]:
    """A commit of auto, or an eviction, with its operation by today's names. The folder and the
    message of a commit change: on main, which has moved, it is done again anyway."""
    operation = one.operation
    if operation is None:
        yield one
        return
    for place in renaming.heirs((operation.wave, operation.set)):
        yield changed(one, operation=_operation(operation, place))


def _endeds(renaming: Renaming, ended: RequestEnding) -> Iterator[RequestEnding]:
    """An announcement's id has the name of its set: it has ended for whoever has that past."""
    set_name = announced_set(ended.id)
    if set_name is None:
        yield ended
    else:
        for heir in renaming.sets.heirs(set_name):
            yield changed(ended, id=announced_as(ended.id, heir))


def _backs(renaming: Renaming, back: OpenRollback) -> Iterator[OpenRollback]:
    origin = (back.wave, back.set)
    for place in renaming.heirs(origin):
        yield changed(
            back,
            wave=place[0],
            set=place[1],
            leaves=_point(back.leaves, origin, place),
            to=_point(back.to, origin, place),
        )


def _well_with(
    renaming: Renaming, well_with: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for wave, contents in well_with.items():
        for set_name, content in contents.items():
            for heir, name in renaming.heirs((wave, set_name)):
                found.setdefault(heir, {}).setdefault(name, content)
    return found


def _failing(renaming: Renaming, ledger: Ledger) -> dict[str, dict[str, datetime]]:
    found: dict[str, dict[str, datetime]] = {}
    for wave, targets in ledger.failing.items():
        for target, since in targets.items():
            for heir in renaming.listing(renaming.waves.heirs(wave), target):
                mine = found.setdefault(heir, {})
                mine[target] = min(since, mine.get(target, since))
    return found


# Holds and records


def _renamed_hold(hold: Hold, wave: str, set_name: str, suffix: str) -> Hold:
    beneath = _renamed_hold(hold.beneath, wave, set_name, suffix) if hold.beneath else None
    return changed(hold, id=_copied(hold.id, suffix), wave=wave, set=set_name, beneath=beneath)


def _copied(hold_id: str, suffix: str) -> str:
    """The id of a hold that is there for another place as well: never longer than can be read."""
    found = hold_id + suffix
    if len(found) <= MAX_LINE:
        return found
    return f"{found[: MAX_LINE - 21]}-{hashlib.sha256(found.encode()).hexdigest()[:20]}"


def renamed_holds(
    renaming: Renaming, holds: Mapping[Place, Hold]
) -> tuple[dict[Place, Hold], dict[str, list[str]]]:
    """The holds by today's names; and by the id of one that has become another, what it became.

    Several in one place are all there, as where a person places one above another. One that was
    placed because of a name that was gone goes where that name's past is there now.
    """
    found: dict[Place, Hold] = {}
    copies: dict[str, list[str]] = {}
    for place, hold in sorted(holds.items(), key=lambda one: (one[1].since, one[0])):
        heirs = list(renaming.heirs(place))
        for heir in heirs:
            wave, set_name = heir
            if hold.instead_of != place and hold.instead_of in list(renaming.sources(heir)):
                continue
            suffix = "" if len(heirs) == 1 else f"-{wave}-{set_name}"
            for one in each_hold([hold]):
                copies.setdefault(one.id, []).append(_copied(one.id, suffix))
            mine = _renamed_hold(hold, wave, set_name, suffix)
            if both := stacked(each_hold([*([found[heir]] if heir in found else []), mine])):
                found[heir] = both
    return found, copies


def renamed_records(
    renaming: Renaming, records: Mapping[Place, Deployment]
) -> tuple[dict[Place, Deployment], dict[Place, Place]]:
    """The records by today's names, the latest of each target; and where those were before that
    have to be written anew. Once it is known what was, a record is read by the names in it."""
    found: dict[Place, Deployment] = {}
    origins: dict[Place, Place] = {}
    for (wave, target), record in sorted(records.items(), key=lambda one: one[1].finished):
        for heir in renaming.listing(renaming.waves.heirs(wave), target):
            found[heir, target] = _record(renaming, record, heir, is_of_today=False)
            origins[heir, target] = (wave, target)
    return found, {
        place: origin
        for place, origin in origins.items()
        if place != origin or found[place].sets != records[origin].sets
    }


def _record(renaming: Renaming, record: Deployment, wave: str, *, is_of_today: bool) -> Deployment:
    sets = record.sets and {
        heir: seen
        for name, seen in record.sets.items()
        for heir in ((name,) if is_of_today else renaming.sets.heirs(name))
    }
    return changed(record, wave=wave, sets=sets, named=None)


def called_then(
    name: str, now: Sequence[Wave | ImageSet], then: Sequence[Wave | ImageSet], names: Names
) -> str:
    """What an earlier commit of main calls a wave or a set of today.

    Args:
        now: the waves, or the sets, of today's settings; then: those of that commit's.
        names: what the ledger remembers of their names.
    """
    formers = next((one.formers for one in now if one.name == name), ())
    known = {one.name: one.formers for one in then}
    if known.get(name) == formers:
        return name
    olds = [old for old, heirs in names.now.items() if name in heirs]
    return next((one for one in (*formers, name, *reversed(olds)) if one in known), name)


# What comes in


def marked(renaming: Renaming, fact: Fact) -> Fact:
    """A fact by today's names, where no turn has taken note of them yet, so that it knows."""
    return changed(fact, named=renaming.mark) if renaming.is_due else fact


def renamed_inbox(
    renaming: Renaming,
    inbox: Mapping[str, Fact],
    copies: Mapping[str, Sequence[str]],
    ended: Container[str] = (),
) -> dict[str, Fact]:
    """What waits, by today's names.

    What is for several heirs is there several times, under ids of its own; the first one has the
    ref. An announcement or a promotion is for one: with several it is left as it is.

    Args:
        copies: what has become of holds, by the ids that a release may name.
        ended: requests that have: of several, each may have before the others. Where all have, it
            was put there once more, and the first one has to end again.
    """
    found: dict[str, Fact] = {}
    for fact_id, fact in inbox.items():
        meant = {
            copy_of(fact_id, number): one
            for number, one in enumerate(_meant(renaming, fact, copies))
        }
        left = {name: one for name, one in meant.items() if name not in ended}
        found |= left or {name: one for name, one in meant.items() if name == fact_id}
    return found


def _as_meant(snapshot: Snapshot, named: str | None) -> dict[str, Fact]:
    """What waits, by the names of the ledger also where it came before these: a name that it says
    may be another one's since.

    Args:
        named: which names those of the ledger are, where they are today's.
    """
    found = dict(snapshot.inbox)
    for fact_id, (wave, set_name) in snapshot.ledger.meant.items():
        match found.get(fact_id):
            case AnnouncementRequest() as fact:
                told = changed(fact.announcement, set=set_name)
                found[fact_id] = changed(fact, announcement=told, named=named)
            case Hotfix() as fact if wave:
                told = changed(fact.announcement, set=set_name)
                found[fact_id] = changed(fact, wave=wave, announcement=told, named=named)
            case Promotion() as fact if wave:
                found[fact_id] = changed(fact, wave=wave, set=set_name, named=named)
            case _:
                pass
    return found


def _meant_since(
    inbox: Mapping[str, Fact], today: Mapping[str, Fact]
) -> dict[str, tuple[str | None, str]]:
    """What is about another place than it says, of all that may wait for long."""
    places = {one: _place(fact) for one, fact in today.items() if one in inbox}
    return {one: place for one, place in places.items() if place and place != _place(inbox[one])}


def _place(fact: Fact) -> tuple[str | None, str] | None:
    match fact:
        case AnnouncementRequest():
            return None, fact.announcement.set
        case Hotfix() | Promotion():
            return fact.wave, fact.set
        case _:
            return None


def _meant(renaming: Renaming, fact: Fact, copies: Mapping[str, Sequence[str]]) -> Iterator[Fact]:
    is_of_today = fact.named == renaming.mark
    match fact:
        case AnnouncementRequest():
            names = renaming.sets.meant(fact.announcement.set, is_of_today=is_of_today)
            if len(names) == 1 and names[0] != fact.announcement.set:
                fact = changed(fact, announcement=changed(fact.announcement, set=names[0]))
            yield fact
        case Deployment():
            yield renamed_record(renaming, fact)
        case Hotfix():
            waves = renaming.waves.meant(fact.wave, is_of_today=is_of_today)
            names = renaming.sets.meant(fact.set, is_of_today=is_of_today)
            if len(waves) == len(names) == 1:
                announcement = changed(fact.announcement, set=names[0])
                fact = changed(fact, wave=waves[0], announcement=announcement)
            yield fact
        case Release():
            ends = chain.from_iterable(copies.get(one, (one,)) for one in fact.ends)
            yield changed(fact, ends=tuple(dict.fromkeys(ends)))
        case Promotion() | Rollback() | HoldRequest() | Retry():
            yield from _placed(renaming, fact, is_of_today=is_of_today)
        case Drop():
            yield fact


def renamed_record(renaming: Renaming, record: Deployment) -> Deployment:
    """A record that came in, by today's names: of several heirs the one that lists the target."""
    is_of_today = record.named == renaming.mark
    meant = renaming.waves.meant(record.wave, is_of_today=is_of_today)
    waves = renaming.listing(meant, record.target)
    if len(waves) != 1:
        return record
    return _record(renaming, record, waves[0], is_of_today=is_of_today)


def _placed(
    renaming: Renaming, fact: Promotion | Rollback | HoldRequest | Retry, *, is_of_today: bool
) -> Iterator[Fact]:
    origin = (fact.wave, fact.set)
    sets = renaming.sets.meant(fact.set, is_of_today=is_of_today)
    places = list(product(renaming.waves.meant(fact.wave, is_of_today=is_of_today), sets))
    if isinstance(fact, Promotion) and len(places) > 1:
        yield fact
        return
    for place in places:
        one = changed(fact, wave=place[0], set=place[1])
        if isinstance(one, Rollback):
            leaves, to = (_point(point, origin, place) for point in (one.leaves, one.to))
            others = [
                changed(
                    part,
                    set=name,
                    leaves=_point(part.leaves, (fact.wave, part.set), (one.wave, name)),
                    to=_point(part.to, (fact.wave, part.set), (one.wave, name)),
                )
                for part in one.others
                for name in renaming.sets.meant(part.set, is_of_today=is_of_today)
            ]
            one = changed(one, leaves=leaves, to=to, others=tuple(others))
        yield one
