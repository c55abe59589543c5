"""The history: what turns did, in order, and the sets that each wave had because of it.

A turn's record says what was done, and the first commit of the journal has a ledger with what was
there before any turn. So both together are complete, whatever the ledger of today has forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from heapq import merge
from typing import TypeAlias

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace as changed

from tidemill.answers.older import names_before
from tidemill.facts.journal import Entry, TurnRecord
from tidemill.facts.ledger import Landing, Ledger
from tidemill.facts.settings import ALL_SETS
from tidemill.words.moments import to_the_minute

Place: TypeAlias = tuple[str, str]
"""A wave and an image set."""

_Operation: TypeAlias = tuple[str | None, ...]  # wave, set, app SHA and request
_BY_HAND = "by hand"
_REMOVED = "removed by hand"
# How a set came, as the ledger has it and as people say it; and so the journal says that a commit
# for it was put on auto.
HOW = {
    "introduce": "introduced",
    "promote": "promoted",
    "roll back": "rolled back",
    "hotfix": "hotfixed",
    _BY_HAND: "by hand",
    _REMOVED: "removed by hand",
}
MADE = {what: how for how, what in HOW.items() if how not in (_BY_HAND, _REMOVED)}
# What puts a set there, as the journal has it.
LANDINGS = frozenset({"landed", "changed by hand", _REMOVED, "found"})
_NAMES = frozenset({"renamed", "removed", "named again"})
_TELLS = frozenset({*MADE, *LANDINGS, "overridden", "unchanged"})


class Told(msgspec.Struct, frozen=True, gc=False):
    """One turn as the journal has it: the SHA of the journal's commit, and its record."""

    sha: str
    record: TurnRecord

    @property
    def at(self) -> datetime:
        return self.record.at


class Event(msgspec.Struct, frozen=True, gc=False):
    """One thing that one turn did."""

    turn: Told
    entry: Entry

    @property
    def at(self) -> datetime:
        return self.turn.record.at

    @property
    def run_url(self) -> str | None:
        return self.turn.record.run_url


class Stay(msgspec.Struct, frozen=True, kw_only=True):
    """One set in one wave, from when main had it there until something else took its place.

    Attributes:
        wave, set: what they were called then; the folder of the image files is named by these.
        commit: the commit of main that put the set there; where a person did that, the one at
            which a turn found it.
        app_sha: the commit of app.git; None for a set that no announcement brought.
        since, until: when it landed, and when the next one did; None while it is still there.
        how: introduce, promote, roll back, by hand or removed by hand; empty where the journal
            does not say.
        by: who asked for it; empty where a rule of the settings did it.
        reason: why, as the journal says it; with an override, a person's words.
        request: the id of the request that asked for it.
        is_override: whether it went past what would have forbidden it, because a person said so.
        run_url: the run whose turn landed it.
        turn: the commit of the journal that says so; None where only a ledger does.
        landing: what the newest ledger knows besides: deployed since, soak, failures. None where
            it has forgotten the landing.
        renamings: how often names had changed by then.
    """

    wave: str
    set: str
    commit: str
    app_sha: str | None
    since: datetime
    until: datetime | None = None
    how: str = ""
    by: str = ""
    reason: str = ""
    request: str | None = None
    is_override: bool = False
    run_url: str | None = None
    turn: str | None = None
    landing: Landing | None = None
    renamings: int = 0

    def covers(self, when: datetime) -> bool:
        return self.since <= when and (self.until is None or when < self.until)

    @property
    def is_empty(self) -> bool:
        """Whether the wave had no image files of the set then, for somebody took them away."""
        return self.how == _REMOVED

    def outlasts(self, other: Stay) -> bool:
        """Whether it was there for longer: what was renamed later stays on under another name."""
        return other.until is not None and (self.until is None or self.until > other.until)


class Renaming(msgspec.Struct, frozen=True):
    """Names that changed in one turn: by the new one those of before, of waves and of sets; and
    those that went without an heir."""

    turn: str
    at: datetime
    waves: Mapping[str, tuple[str, ...]]
    sets: Mapping[str, tuple[str, ...]]
    gone_waves: frozenset[str] = frozenset()
    gone_sets: frozenset[str] = frozenset()

    def without(self, waves: Collection[str], sets: Collection[str]) -> Renaming:
        """The same as if these waves and sets, which are there again, had not gone."""
        gone = self.gone_waves.difference(waves), self.gone_sets.difference(sets)
        return changed(self, gone_waves=gone[0], gone_sets=gone[1])

    def ends(self, place: Place) -> bool:
        """Whether a place went without an heir."""
        return place[0] in self.gone_waves or place[1] in self.gone_sets

    def heirs(self, place: Place) -> list[Place]:
        """What a place was called afterwards: the same, if it was not renamed; nothing, if it went
        without an heir."""
        wave, name = place
        if self.ends(place):
            return []
        waves = [now for now, was in self.waves.items() if wave in was] or [wave]
        sets = [now for now, was in self.sets.items() if name in was] or [name]
        return [(wave_now, name_now) for wave_now in waves for name_now in sets]


class History(Struct, frozen=True):
    """All turns, the oldest first, and the stays of each place that there is or was.

    Attributes:
        stays: by wave and set as they are called today, the oldest first. A place that took over
            the past of another one begins with that one's, which keeps it as well.
        left: the names of places that were given up when others took over their past.
        renamings: the oldest first.
        missing: what cannot be told because nothing that is left in Git says it, in sentences.
        is_part: whether there were turns before the first of these, which have not been read.
    """

    turns: Sequence[Told] = ()
    stays: Mapping[Place, Sequence[Stay]] = field(default_factory=dict)
    left: frozenset[Place] = frozenset()
    renamings: tuple[Renaming, ...] = ()
    missing: tuple[str, ...] = ()
    is_part: bool = False

    def events(self) -> Iterator[Event]:
        return (Event(turn, entry) for turn in self.turns for entry in turn.record.entries)

    @property
    def present(self) -> dict[Place, Sequence[Stay]]:
        """The stays by place, without the places whose past others have now: each stay once."""
        return {place: stays for place, stays in self.stays.items() if place not in self.left}

    @property
    def tells_what_is_there(self) -> bool:
        """Whether it has the turn of each landing that has not been replaced."""
        newest = (stays[-1] for stays in self.present.values())
        return all(stay.turn is not None for stay in newest if stay.until is None)

    def at(
        self, when: datetime, wave: str | None = None, name: str | None = None
    ) -> dict[Place, Stay]:
        """What each place had at a time, by the names of that time; if it had anything.

        Args:
            wave, name: only the places that are called so today; all, if None.
        """
        found: dict[Place, Stay] = {}
        for place, stays in self.stays.items():
            if wave not in (None, place[0]) or name not in (None, place[1]):
                continue
            stay = next((one for one in reversed(stays) if one.covers(when)), None)
            if stay is None or stay.is_empty:
                continue
            for then in self.names(stay, place, when):
                # What was renamed later ends there under its old name alone.
                if then not in found or stay.outlasts(found[then]):
                    found[then] = stay
        return found

    def names(self, stay: Stay, place: Place, when: datetime) -> set[Place]:
        """What the place of a stay was called at a time; of several heirs the place itself."""
        names = self.called((stay.wave, stay.set), stay.renamings, when)
        return {place} if place in names else names

    def called(self, place: Place, renamings: int, when: datetime) -> set[Place]:
        """What the place that had a name after so many renamings was called at a time."""
        names = {place}
        for one in self.renamings[renamings:]:
            if one.at <= when:
                names = {heir for name in names for heir in one.heirs(name)}
        return names


def history(turns: Iterable[Told], first: Ledger | None, last: Ledger | None) -> History:
    """The history that a journal tells.

    Args:
        turns: one for each commit of the journal, the oldest first.
        first: the ledger of the first of these commits, None where it can't be read. With it the
            turns before that one are not needed: what they left is in it.
        last: the ledger of the last one, None where it can't be read.
    """
    told = tuple(turns)
    tale = _Tale()
    for number, turn in enumerate(told):
        tale.rename(turn)  # all else that a turn says is by the new names, its ledger as well
        if number == 0 and first is not None:
            tale.begin(turn, first)
        tale.take(turn)
    if last is not None:
        tale.complete(last)
    return History(
        turns=told,
        stays=tale.stays(),
        left=frozenset(tale.left),
        renamings=tuple(tale.renamings),
        missing=tuple(_missing(told, first)),
    )


class _Tale:
    """The stays, as far as they have been told."""

    def __init__(self) -> None:
        self._stays: dict[Place, list[Stay]] = {}
        self.left: set[Place] = set()
        self._made: dict[_Operation, str] = {}
        self._overridden: set[_Operation] = set()
        self.renamings: list[Renaming] = []

    def begin(self, turn: Told, ledger: Ledger) -> None:
        """What was there when the first turn ended, and that turn did not do itself; and what was
        on auto then, and may land."""
        for commit in ledger.auto:
            of = commit.operation
            key = (of.wave, of.set, of.app_sha, of.request)
            if of.kind in HOW:
                self._made[key] = of.kind
            if of.override:
                self._overridden.add(key)
        own = {entry.sha for entry in turn.record.entries if entry.what == "landed"}
        for wave, sets in ledger.sets.items():
            for name, part in sets.items():
                for one in part.landings:
                    if one.commit not in own:
                        self._put((wave, name), self._of_ledger(wave, name, one))
        waves, names = ledger.wave_names.known, ledger.set_names.known
        for (wave, name), stays in self._stays.items():
            if waves and (wave not in waves or name not in names):
                _close(stays, turn.at)

    def take(self, turn: Told) -> None:
        """What one turn more did, but for names that it changed."""
        for entry in turn.record.entries:
            if entry.what not in _TELLS:
                continue
            key = (entry.wave, entry.set, entry.app_sha, entry.id)
            match entry.what:
                case what if what in LANDINGS:
                    if entry.sha and entry.wave and entry.set not in (None, ALL_SETS):
                        self._land(turn, entry, key)
                case what if what in MADE:
                    self._made[key] = MADE[what]
                case "overridden":
                    self._overridden.add(key)
                case _:
                    self._adopt(entry)

    def complete(self, ledger: Ledger) -> None:
        """What the newest ledger knows of stays, and those that no turn told of."""
        for wave, sets in ledger.sets.items():
            for name, part in sets.items():
                stays = self._stays.setdefault((wave, name), [])
                at = {one.commit: index for index, one in enumerate(stays)}
                untold = []
                for one in part.landings:
                    known = at.get(one.commit)
                    if known is None:
                        untold.append(self._of_ledger(wave, name, one))
                    else:
                        how = _how(one) if one.how == _BY_HAND else stays[known].how or one.how
                        stays[known] = changed(stays[known], how=how, landing=one)
                stays[:] = merge(untold, stays, key=_since)

    def stays(self) -> dict[Place, tuple[Stay, ...]]:
        """The stays by place, each until the next one."""
        return {
            place: tuple(
                changed(one, until=one.until or _until(one, following))
                for one, following in zip(stays, [*stays[1:], None], strict=True)
            )
            for place, stays in self._stays.items()
            if stays
        }

    def _put(self, place: Place, stay: Stay) -> None:
        if place in self.left:  # another place has this name now
            self.left.discard(place)
            self._stays[place] = []
        self._stays.setdefault(place, []).append(stay)

    def _land(self, turn: Told, entry: Entry, key: _Operation) -> None:
        wave, name = entry.wave or "", entry.set or ""
        found = _REMOVED if entry.what == _REMOVED else _BY_HAND
        known = self._stays.get((wave, name), [])
        if entry.what != "landed" and known and known[-1].commit == entry.sha:
            # Its ledger says already since when.
            known[-1] = changed(
                known[-1], reason=entry.reason, run_url=turn.record.run_url, turn=turn.sha
            )
            return
        stay = Stay(
            wave=wave,
            set=name,
            commit=entry.sha or "",
            app_sha=entry.app_sha,
            since=turn.at,
            how=self._made.get(key, "") if entry.what == "landed" else found,
            by=entry.by,
            reason=entry.reason,
            request=entry.id,
            is_override=key in self._overridden,
            run_url=turn.record.run_url,
            turn=turn.sha,
            renamings=len(self.renamings),
        )
        self._put((wave, name), stay)

    def _adopt(self, entry: Entry) -> None:
        """A wave had the very tags and digests already: now one knows whose they are."""
        stays = self._stays.get((entry.wave or "", entry.set or ""))
        if stays:
            stays[-1] = changed(stays[-1], app_sha=entry.app_sha)

    def _of_ledger(self, wave: str, name: str, landing: Landing) -> Stay:
        """A landing by its names of then: it has those where they are others now."""
        is_renamed = bool(landing.wave or landing.set)
        before = sum(one.at < landing.landed_at for one in self.renamings)
        return Stay(
            wave=landing.wave or wave,
            set=landing.set or name,
            commit=landing.commit,
            app_sha=landing.app_sha,
            since=landing.landed_at,
            how=_how(landing),
            landing=landing,
            renamings=before if is_renamed else len(self.renamings),
        )

    def _ended(self) -> set[Place]:
        """The places that have gone without an heir, by now."""
        return {place for place in self._stays if any(one.ends(place) for one in self.renamings)}

    def rename(self, turn: Told) -> None:
        """Names change all at once; the new ones have the past of the old ones."""
        entries = [entry for entry in turn.record.entries if entry.what in _NAMES]
        if not entries:
            return
        named = [entry for entry in entries if entry.what == "renamed"]
        gone = [entry for entry in entries if entry.what == "removed"]
        renaming = Renaming(
            turn.sha,
            turn.at,
            {one.wave: names_before(one) for one in named if one.wave},
            {one.set: names_before(one) for one in named if one.set},
            frozenset(one.wave for one in gone if one.wave),
            frozenset(one.set for one in gone if one.set),
        )
        again = [entry for entry in entries if entry.what == "named again"]
        # What went is there again, too, under the name of an heir that comes later.
        waves = {one.wave or "" for one in again}.union(*renaming.waves.values())
        sets = {one.set or "" for one in again}.union(*renaming.sets.values())
        ended = self._ended()
        self.renamings = [one.without(waves, sets) for one in self.renamings]
        back = ended - self._ended()
        self.renamings.append(renaming)
        heirs: dict[Place, list[list[Stay]]] = {}
        for place, stays in self._stays.items():
            if place in self.left:
                continue
            if place in back:
                stays[-1:] = [changed(one, until=None) for one in stays[-1:]]
            found = renaming.heirs(place)
            for heir in found:
                heirs.setdefault(heir, []).append([*stays])
            if place not in found:
                _close(stays, turn.at)
                if found:
                    self.left.add(place)
        self._made = {
            key: how for old, how in self._made.items() for key in _renamed(renaming, old)
        }
        self._overridden = {key for old in self._overridden for key in _renamed(renaming, old)}
        for place, parts in heirs.items():
            self._stays[place] = [*merge(*parts, key=_since)]
            self.left.discard(place)


def _since(stay: Stay) -> datetime:
    return stay.since


def _until(stay: Stay, following: Stay | None) -> datetime | None:
    """When the next one took its place. The journal says which one that is, also where the clock of
    the machine that wrote it was behind."""
    return max(stay.since, following.since) if following else None


def _close(stays: list[Stay], at: datetime) -> None:
    """Nothing is there any more, if anything was."""
    stays[-1:] = [changed(one, until=one.until or at) for one in stays[-1:]]


def _renamed(renaming: Renaming, operation: _Operation) -> Iterator[_Operation]:
    """What lands under another name than it was made for."""
    wave, name, *others = operation
    for place in renaming.heirs((wave or "", name or "")):
        yield (*place, *others)


def _how(landing: Landing) -> str:
    """How it came. What has no image files was taken away, even if the journal does not say so."""
    return landing.how if landing.content or landing.how != _BY_HAND else _REMOVED


def _missing(turns: Sequence[Told], first: Ledger | None) -> Iterator[str]:
    if not turns:
        yield (
            "There is no journal here: no turn has written anything yet, or this copy of the "
            "repository was made without refs/tidemill, as a plain git clone is. "
            "git clone --mirror gets all of it."
        )
        return
    if first is None:
        yield (
            "The ledger of the first turn can't be read: what waves had before the first landing "
            "that the journal tells of is not known."
        )
    if any(entry.what == "made again" for entry in turns[0].record.entries):
        when = to_the_minute(turns[0].at)
        yield (
            f"The journal was lost and made again at {when}: what turns did before is not known, "
            "but for the landings that main still shows."
        )
