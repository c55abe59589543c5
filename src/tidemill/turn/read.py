"""Read: from the refs of a repository to the snapshot that a plan is made of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TypeVar

from tidemill.clients.git.store import Refs, Store
from tidemill.errors import Refused, SettingsInvalid, StateUnreadable, Unreachable
from tidemill.facts import forms, image_files, journal, settings, settings_file
from tidemill.facts.checks import CheckRecord
from tidemill.facts.decoding import IllegibleRecord, legible
from tidemill.facts.evidence import Evidence
from tidemill.facts.holds import Hold
from tidemill.facts.journal import Journal
from tidemill.facts.ledger import Ledger
from tidemill.facts.operation import AutoCommit
from tidemill.facts.records import Deployment
from tidemill.facts.requests import Fact, HoldRequest
from tidemill.facts.settings import Settings
from tidemill.facts.snapshot import Main, Snapshot, UnreadableRef
from tidemill.plan.draft import TIDEMILL
from tidemill.plan.lost_journal import recalled
from tidemill.plan.renames import (
    Renaming,
    marked,
    renamed_holds,
    renamed_ledger,
    renamed_record,
    renamed_records,
)
from tidemill.turn.lost_journal import gathered, has_left_refs, is_bereft
from tidemill.turn.refs import ASIDE, Folder, Names
from tidemill.turn.targets import image_files_in, named_in, resolved, tree_ids
from tidemill.words.moments import FIRST_YEAR, is_storable
from tidemill.words.names import shown
from tidemill.words.shas import short

RECORD = "record.json"
_T = TypeVar("_T")
_READ = (settings.FILE, *image_files.FILES)
MOST_NAMED = 5


@dataclass(frozen=True)
class Reading:
    """What was read at one moment.

    `evidence` is what the ledger was made from, where the journal is lost.
    `settings` is the error where the settings on main can't be used, `journal` says so where a
    newer release wrote it: a fact can be accepted all the same, a turn can't be done. `ledger`,
    `holds()` and `deployed()` are by today's names, where the settings have others than what is
    `written`; `written_at` is the journal's time.
    """

    store: Store
    refs: Refs
    names: Names
    main: str
    settings: Settings | SettingsInvalid
    journal: Ledger | IllegibleRecord
    evidence: Evidence | None = None
    written_at: datetime | None = None

    @property
    def renaming(self) -> Renaming | None:
        """What has become of names, None where the settings or the journal can't tell."""
        if isinstance(self.settings, SettingsInvalid) or isinstance(self.journal, IllegibleRecord):
            return None
        return Renaming.of(self.settings, self.journal)

    @cached_property
    def ledger(self) -> Ledger:
        """What is known, by today's names; raises as `written` does."""
        renaming = self.renaming
        return renamed_ledger(renaming, self.written) if renaming else self.written

    def valid_settings(self) -> Settings:
        """The settings, or the error raised."""
        if isinstance(self.settings, SettingsInvalid):
            raise self.settings
        return self.settings

    @property
    def written(self) -> Ledger:
        """The ledger, by the names that it was written with.

        Raises:
            StateUnreadable: a newer release wrote the journal.
        """
        if isinstance(self.journal, IllegibleRecord):
            raise StateUnreadable(
                f"{self.names.journal} can't be read: {self.journal.reason}",
                remedy="use the newer release; if none wrote it, delete that ref, and the next "
                "turn makes it again from what else is there",
            )
        return self.journal

    @property
    def is_journal_sound(self) -> bool:
        """Whether there is a journal to write on."""
        is_known = isinstance(self.journal, Ledger) and self.evidence is None
        return is_known and self.refs.get(self.names.journal) is not None

    @property
    def remembered(self) -> Ledger:
        """The ledger; an empty one where it can't be read, for a fact is accepted all the same."""
        return Ledger() if isinstance(self.journal, IllegibleRecord) else self.ledger

    def check_usable(self) -> None:
        """Raise what keeps a turn from being done: the settings, or a newer release's journal."""
        self.valid_settings()
        self.written  # noqa: B018 - raises

    def inbox(self) -> dict[str, Fact | UnreadableRef]:
        """All requests and records that wait."""
        return self._records("inbox", forms.fact)

    def newest(self) -> datetime | None:
        """The newest time in the journal and the inbox; None if there is none."""
        facts = (fact for fact in self.inbox().values() if not isinstance(fact, UnreadableRef))
        times = [fact.accepted_at for fact in facts]
        return max([*times, *([self.written_at] if self.written_at else [])], default=None)

    def holds(self) -> dict[tuple[str, str], Hold]:
        """All holds by wave and set; those that can't be read hold, too."""
        renaming, found = self.renaming, self.written_holds()
        for fact in self.holds_anew(self.unreadable()):
            hold = Hold(
                id=fact.id,
                wave=fact.wave,
                set=fact.set,
                reason=fact.reason,
                by=fact.by,
                since=fact.accepted_at,
            )
            found.setdefault((fact.wave, fact.set), hold)
        return renamed_holds(renaming, found)[0] if renaming and renaming.is_due else found

    def written_holds(self) -> dict[tuple[str, str], Hold]:
        """All holds as their refs name them, but for those that have to be placed anew."""
        found = {}
        for name, held in self._records("holds", forms.hold).items():
            if isinstance(held, Hold):
                found[held.wave, held.set] = held
            elif held.is_newer:
                wave, _, set_name = name.partition("/")
                found[wave, set_name] = Hold(
                    id=f"hold-{short(held.sha)}",
                    wave=wave,
                    set=set_name,
                    reason=f"what holds it can't be read: {held.reason}",
                    by=TIDEMILL,
                    since=self._date(held.sha),
                )
        return found

    def holds_anew(self, broken: Sequence[UnreadableRef]) -> list[HoldRequest]:
        """For each hold that can't be read a request to hold: who knows what it was for."""
        folder = f"{self.names.folder('holds')}/"
        return [
            HoldRequest(
                accepted_at=self._date(one.sha),
                by=TIDEMILL,
                wave=place[0],
                set=place[1],
                reason=f"{shown(one.ref)} can't be read, and may have been a hold: {one.reason}",
            )
            for one in broken
            if one.ref.startswith(folder) and not one.is_newer
            if (place := forms.held_place(one.ref[len(folder) :])) is not None
        ]

    def waves_meant(self, name: str) -> tuple[str, ...]:
        """Which waves are meant by a name that one may have had before."""
        return self.renaming.waves.meant(name, is_of_today=True) if self.renaming else (name,)

    def sets_meant(self, name: str) -> tuple[str, ...]:
        """Which sets are meant by a name that one may have had before."""
        return self.renaming.sets.meant(name, is_of_today=True) if self.renaming else (name,)

    def image_files_in(self, wave: str, set_name: str) -> image_files.ImageFiles | None:
        """The image files of a set in a wave on main."""
        return image_files_in(self.store, self.main, self.valid_settings().folder(wave, set_name))

    def check(self, sha: str) -> CheckRecord | UnreadableRef | None:
        """What was reported for a commit."""
        tip = self.refs.get(self.names.check(sha))
        return None if tip is None else self._record("checks", sha, tip, forms.check)

    def deployed(self) -> dict[tuple[str, str], Deployment]:
        """The latest record of each target, by wave and target."""
        renaming, found = self.renaming, self.written_records()
        return renamed_records(renaming, found)[0] if renaming and renaming.is_due else found

    def written_records(self) -> dict[tuple[str, str], Deployment]:
        """The latest record of each target, by wave and target, as their refs name them."""
        found = self._records("deployed", forms.deployment).values()
        return {(one.wave, one.target): one for one in found if isinstance(one, Deployment)}

    def silenced(self) -> frozenset[tuple[str, str]]:
        """Wave and target of each latest record that a newer release wrote."""
        found = self._records("deployed", forms.deployment).items()
        parts = [name.partition("/") for name, one in found if _is_newer(one)]
        return frozenset((wave, target) for wave, _, target in parts)

    def unreadable(self) -> tuple[UnreadableRef, ...]:
        """Every ref of the namespace that a turn would read, and can't."""
        auto = self.refs.get(self.names.auto)
        judged = {self.main, *(one.sha for one in self.remembered.auto), *([auto] if auto else [])}
        found = [
            self.lost_journal(),
            *self.strays(),
            *self.inbox().values(),
            *self._records("holds", forms.hold).values(),
            *self._records("deployed", forms.deployment).values(),
            *(self.check(sha) for sha in sorted(judged)),
        ]
        return tuple(one for one in found if isinstance(one, UnreadableRef))

    def lost_journal(self) -> UnreadableRef | None:
        """The journal, where it is there, and is none."""
        ref = self.names.journal
        tip = self.refs.get(ref)
        if tip is None or self.evidence is None:
            return None
        return UnreadableRef(ref=ref, sha=tip, id=_aside(ref, tip), reason=self.evidence.why)

    def strays(self) -> list[UnreadableRef]:
        """The refs that are where none can be, in the way of others."""
        return [
            UnreadableRef(
                ref=ref, sha=sha, id=_aside(ref, sha), reason="no ref of that name is ours"
            )
            for ref in self.names.strays(sorted(self.refs.shas))
            for sha in [self.refs.shas[ref]]
        ]

    def _records(
        self, kind: Folder, parse: Callable[[str, bytes], _T]
    ) -> dict[str, _T | UnreadableRef]:
        """All records of a kind, by the rest of the names of their refs."""
        folder = self.names.folder(kind)
        return {
            name: self._record(kind, name, sha, parse)
            for name, sha in sorted(self.refs.below(folder).items())
            if not self.names.strays([f"{folder}/{name}"])
        }

    def _record(
        self, kind: Folder, name: str, sha: str, parse: Callable[[str, bytes], _T]
    ) -> _T | UnreadableRef:
        found = legible(record_of(self.store, sha), partial(parse, name))
        if not isinstance(found, IllegibleRecord):
            return found
        ref = f"{self.names.folder(kind)}/{name}"
        aside = name if kind == "inbox" else _aside(ref, sha)
        return UnreadableRef(
            ref=ref, sha=sha, id=aside, reason=found.reason, is_newer=found.is_newer
        )

    def _date(self, sha: str) -> datetime:
        """When a commit was made; the same for ever, whatever a hand put in its place."""
        when = self.store.date(sha)
        return when if is_storable(when) else datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)


def read(store: Store) -> Reading:
    """List the refs, and fetch what a turn reads.

    Raises:
        Unreachable: the repository does not answer.
        StateUnreadable: it has lost what some of its refs point to.
        Refused: it has no main branch.
    """
    refs = store.refs()
    branch = _main_branch(refs)
    names = Names(settings.NAMESPACE, branch, "auto")
    main = refs.shas[names.main]
    _fetch(store, refs, names)
    main_branch, auto, namespace = settings_file.refs_in(_text(store, main) or "")
    wanted = Names(
        namespace, main_branch if f"refs/heads/{main_branch}" in refs.shas else branch, auto
    )
    if wanted != names:
        names, main = wanted, refs.shas[wanted.main]
        _fetch(store, refs, names)
    found = _settings(store, main)
    if isinstance(found, Settings) and found.main != names.main_branch:
        found = settings_file.invalid(
            short(main), None, f"it names the branch {found.main} as main"
        )
    return Reading(store, refs, names, main, found, *_journal(store, refs, names, main, found))


def snapshot(reading: Reading, now: datetime, extra: Mapping[str, Fact] | None = None) -> Snapshot:
    """The snapshot of a turn.

    Args:
        extra: facts to take for accepted that are not (a dry run's).
    """
    store, valid = reading.store, reading.valid_settings()
    unreadable = reading.unreadable()
    facts: dict[str, Fact] = {hold.id: hold for hold in reading.holds_anew(unreadable)}
    unfit: dict[str, str] = {}
    renaming = Renaming.of(valid, reading.written)
    for fact_id, fact in {**reading.inbox(), **(extra or {})}.items():
        if isinstance(fact, UnreadableRef):
            continue
        facts[fact_id] = fact
        if isinstance(fact, Deployment) and fact.sets is None:
            known = renamed_record(renaming, fact)
            try:
                found = resolved(store, reading.main, valid, reading.ledger, known)
                facts[fact_id] = marked(renaming, found)
            except Refused as error:
                unfit[fact_id] = error.what
    auto_tip = reading.refs.get(reading.names.auto)
    auto, foreign = _auto(reading, auto_tip)
    unread = _unread(reading, valid, auto)
    checked = [reading.main, *(commit.sha for commit in auto), *([auto_tip] if auto_tip else [])]
    return Snapshot(
        now=now,
        settings=valid,
        main=_main(reading, valid),
        auto_tip=auto_tip,
        ledger=reading.written,
        inbox=facts,
        unfit=unfit,
        unreadable=unreadable,
        silenced=reading.silenced(),
        evidence=reading.evidence,
        foreign=foreign,
        auto=auto,
        checks={} if unread else _checks(reading, checked),
        holds=reading.written_holds(),
        records=reading.written_records(),
        unread=unread,
    )


def _checks(reading: Reading, shas: Sequence[str]) -> dict[str, CheckRecord]:
    found = {sha: reading.check(sha) for sha in shas}
    return {sha: record for sha, record in found.items() if isinstance(record, CheckRecord)}


def _unread(reading: Reading, valid: Settings, auto: Sequence[AutoCommit]) -> frozenset[str]:
    """The commits that may have a verdict on GitHub: a check was asked for, or began by itself."""
    if valid.checks.source != "github":
        return frozenset()
    is_each = valid.checks.test == "each"
    asked = {one.sha for one in auto if is_each or one.sha in reading.ledger.asked}
    return frozenset({reading.main, *asked, *(one.sha for one in auto[-1:])})


def _main(reading: Reading, valid: Settings) -> Main:
    store = reading.store
    places = [(wave.name, image_set.name) for wave in valid.waves for image_set in valid.sets]
    sets = {place: files for place in places if (files := reading.image_files_in(*place))}
    trees = {
        (wave.name, target): tree
        for wave in valid.waves
        for target, tree in tree_ids(store, reading.main, valid, wave.name).items()
    }
    known = reading.ledger.named
    named = {
        wave.name: found
        for wave in valid.waves
        if (found := named_in(store, reading.main, valid, wave.name, known.get(wave.name)))
    }
    return Main(reading.main, store.date(reading.main), sets, trees, named)


def _auto(reading: Reading, tip: str | None) -> tuple[tuple[AutoCommit, ...], str | None]:
    """What of auto is the mill's own, and the tip if it is not."""
    known = reading.written.auto
    if tip is None or reading.evidence is not None:
        return (), None
    own = {commit.sha: at for at, commit in enumerate(known, start=1)}
    if tip in own:
        return tuple(known[: own[tip]]), None
    if not known and (
        tip in (reading.main, reading.ledger.green_main) or reading.ledger.has_landed(tip)
    ):
        return (), None
    kept = next((at for sha, at in reversed(own.items()) if reading.store.is_ancestor(sha, tip)), 0)
    is_on_main = kept == 0 and reading.store.is_ancestor(tip, reading.main)
    return tuple(known[:kept]), None if is_on_main else tip


def _tips(refs: Refs, names: Names) -> list[str]:
    """Main and auto. Nothing of auto is read, but a push that moves it compares with its tip, and
    Git would get that one with its whole history."""
    auto = refs.get(names.auto)
    return [refs.shas[names.main], *([auto] if auto else [])]


def _facts(refs: Refs, names: Names) -> list[str]:
    kinds: tuple[Folder, ...] = ("inbox", "checks", "deployed", "holds")
    shas = [sha for kind in kinds for sha in refs.below(names.folder(kind)).values()]
    strays = [refs.shas[ref] for ref in names.strays(refs.shas)]
    return [*shas, *strays, *([tip] if (tip := refs.get(names.journal)) else [])]


def _fetch(store: Store, refs: Refs, names: Names) -> None:
    """Get what a turn reads; where the server lists what it then does not give, say which refs.

    Nobody but a person can know whether it has lost these objects, or is out of order for a while:
    so nothing is set aside, and no journal is made again.
    """
    tips, facts = _tips(refs, names), _facts(refs, names)
    try:
        store.fetch(tips, facts, _READ)
    except Unreachable as error:
        store.fetch(tips[:1], [], _READ)  # where main can't be had, no ref is to blame
        below = f"{names.namespace}/"
        wanted = {ref for ref, sha in refs.shas.items() if sha in facts and ref.startswith(below)}
        lost = _not_given(store, sorted(wanted | ({names.auto} & refs.shas.keys())), refs)
        if lost:
            raise _lost(names, lost, error) from None
        store.fetch(tips, facts, _READ)


def _not_given(store: Store, wanted: Sequence[str], refs: Refs) -> list[str]:
    """Of some refs those whose objects the server does not give."""
    try:
        store.fetch([], [refs.shas[ref] for ref in wanted])
    except Unreachable:
        if len(wanted) == 1:
            return list(wanted)
        half = len(wanted) // 2
        return [
            *_not_given(store, wanted[:half], refs),
            *_not_given(store, wanted[half:], refs),
        ]
    return []


def _lost(names: Names, refs: Sequence[str], error: Unreachable) -> StateUnreadable:
    more = f" and {len(refs) - MOST_NAMED} more" if len(refs) > MOST_NAMED else ""
    named = ", ".join(shown(ref) for ref in refs[:MOST_NAMED])
    after = {
        what: None
        for ref in refs
        for start, what in (
            (names.folder("holds"), "hold the wave again"),
            (names.folder("inbox"), "ask again for what was asked"),
            (names.folder("deployed"), "let the target report again"),
        )
        if ref.startswith(f"{start}/")
    }
    then = f", then {' and '.join(after)}" if after else ""
    return StateUnreadable(
        f"the server lists {named}{more}, but does not give what is there ({error.what})",
        remedy="run it again; if that does not help, push what is lost from a clone that has it, "
        f"or delete it: git push URL :{refs[0]}{then}",
    )


def _settings(store: Store, main: str) -> Settings | SettingsInvalid:
    text = _text(store, main)
    if text is None:
        return settings_file.invalid(short(main), None, "the file is not there, or not UTF-8")
    try:
        return settings_file.parse(text, commit=short(main))
    except SettingsInvalid as error:
        return error


def _text(store: Store, main: str) -> str | None:
    try:
        return store.files(main, [settings.FILE])[settings.FILE].decode()
    except (KeyError, UnicodeDecodeError):
        return None


def _main_branch(refs: Refs) -> str:
    for branch in (refs.head, "main", "master"):
        if branch and f"refs/heads/{branch}" in refs.shas:
            return branch
    raise Refused(
        "the repository has no branch main", remedy="push a first commit with a tidemill.toml to it"
    )


def record_of(store: Store, sha: str) -> bytes:
    """The bytes of the record that a commit holds; empty if it holds none."""
    return store.files(sha, [RECORD]).get(RECORD, b"")


def _journal(
    store: Store, refs: Refs, names: Names, main: str, found: Settings | SettingsInvalid
) -> tuple[Ledger | IllegibleRecord, Evidence | None, datetime | None]:
    """The ledger; made again where the journal is lost, and then what from; and its time."""
    tip = refs.get(names.journal)
    if tip is not None:
        read = legible(record_of(store, tip), journal.decode)
        if isinstance(read, Journal):
            return read.ledger, None, read.at
        if read.is_newer or isinstance(found, SettingsInvalid):
            return read, None, None
        why = read.reason
    else:
        adopted = Ledger(rejected=sorted(refs.below(names.folder("rejected"))))
        if isinstance(found, SettingsInvalid) or not is_bereft(store, refs, names, main, found):
            return adopted, None, None
        why = "it is not there any more"
    evidence = gathered(store, refs, names, main, found, why)
    if tip is None and not (evidence.landed or has_left_refs(refs, names)):
        return adopted, None, None
    return recalled(evidence), evidence, None


def _is_newer(found: object) -> bool:
    return isinstance(found, UnreadableRef) and found.is_newer


def _aside(ref: str, sha: str) -> str:
    """What a ref is called below `rejected/`."""
    name = f"{ref} {sha}".encode(errors="surrogateescape")
    return f"{ASIDE}{hashlib.sha256(name).hexdigest()[:12]}"
