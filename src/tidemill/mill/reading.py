"""Read: from the refs of a repository to the snapshot that a plan is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TypeVar

import msgspec

from tidemill.app.names import is_storable, shown
from tidemill.app.unreadable import UNREADABLE
from tidemill.cfg import images, requests, settings, settings_file
from tidemill.cfg.checks import CheckRecord
from tidemill.cfg.journal import Journal
from tidemill.cfg.ledger import Ledger
from tidemill.cfg.operation import AutoCommit
from tidemill.cfg.records import Deployment
from tidemill.cfg.renaming import (
    Renaming,
    marked,
    renamed_holds,
    renamed_ledger,
    renamed_record,
    renamed_records,
)
from tidemill.cfg.requests import Fact
from tidemill.cfg.settings import Settings
from tidemill.cfg.snapshot import Held, Main, Snapshot, Unreadable
from tidemill.clients.store import Refs, Store
from tidemill.errors import Refused, SettingsInvalid, StateUnreadable
from tidemill.mill.refs import Folder, Names
from tidemill.mill.seeing import image_files, named_in, resolved, tree_ids

RECORD = "record.json"
_T = TypeVar("_T")
_READ = (settings.FILE, *images.FILES)


@dataclass(frozen=True)
class Reading:
    """What was read at one moment.

    `settings` is the error where the settings on main can't be used: a fact can be accepted
    all the same, a turn can't be done. `ledger`, `holds()` and `deployed()` are by today's names,
    where the settings have others than what is `written`; `written_at` is the journal's time.
    """

    store: Store
    refs: Refs
    names: Names
    main: str
    settings: Settings | SettingsInvalid
    written: Ledger
    written_at: datetime | None = None

    @property
    def renaming(self) -> Renaming | None:
        """What has become of names, None where the settings can't tell."""
        if isinstance(self.settings, SettingsInvalid):
            return None
        return Renaming.of(self.settings, self.written)

    @cached_property
    def ledger(self) -> Ledger:
        """What is known, by today's names."""
        renaming = self.renaming
        return renamed_ledger(renaming, self.written) if renaming else self.written

    def valid_settings(self) -> Settings:
        """The settings, or the error raised."""
        if isinstance(self.settings, SettingsInvalid):
            raise self.settings
        return self.settings

    def inbox(self) -> dict[str, Fact | Unreadable]:
        """All requests and records that wait."""
        found: dict[str, Fact | Unreadable] = {}
        for fact_id, sha in sorted(self.refs.below(self.names.folder("inbox")).items()):
            try:
                found[fact_id] = requests.decode(record_of(self.store, sha))
                if found[fact_id].id != fact_id:
                    raise Refused(f"it is not {fact_id}", remedy="")
            except UNREADABLE as error:
                reason = f"not a request of this version: {shown(str(error))}"
                found[fact_id] = Unreadable(fact_id, reason)
            except Refused as error:
                found[fact_id] = Unreadable(
                    fact_id, f"not a request that can be used: {error.what}"
                )
        return found

    def newest(self) -> datetime | None:
        """The newest time in the journal and the inbox; None if there is none."""
        facts = (fact for fact in self.inbox().values() if not isinstance(fact, Unreadable))
        times = [fact.accepted_at for fact in facts]
        return max([*times, *([self.written_at] if self.written_at else [])], default=None)

    def holds(self) -> dict[tuple[str, str], Held]:
        """All holds by wave and set."""
        renaming, found = self.renaming, self.written_holds()
        return renamed_holds(renaming, found)[0] if renaming and renaming.is_due else found

    def written_holds(self) -> dict[tuple[str, str], Held]:
        """All holds by wave and set, as their refs name them."""
        found, folder = {}, self.names.folder("holds")
        for place, sha in self.refs.below(folder).items():
            wave, _, set_name = place.partition("/")
            found[wave, set_name] = decoded(self.store, f"{folder}/{place}", sha, Held)
        return found

    def waves_meant(self, name: str) -> tuple[str, ...]:
        """Which waves are meant by a name that one may have had before."""
        return self.renaming.waves.meant(name, is_of_today=True) if self.renaming else (name,)

    def sets_meant(self, name: str) -> tuple[str, ...]:
        """Which sets are meant by a name that one may have had before."""
        return self.renaming.sets.meant(name, is_of_today=True) if self.renaming else (name,)

    def image_files(self, wave: str, set_name: str) -> images.ImageFiles | None:
        """The image files of a set in a wave on main."""
        return image_files(self.store, self.main, self.valid_settings().folder(wave, set_name))

    def check(self, sha: str) -> CheckRecord | None:
        """What was reported for a commit. What can't be read is no verdict: others write there."""
        tip = self.refs.get(self.names.check(sha))
        if tip is None:
            return None
        try:
            record = msgspec.json.decode(record_of(self.store, tip), type=CheckRecord)
            return record if all(is_storable(run.at) for run in record.runs) else None
        except UNREADABLE:
            return None

    def deployed(self) -> dict[tuple[str, str], Deployment]:
        """The latest record of each target, by wave and target."""
        renaming, found = self.renaming, self.written_records()
        return renamed_records(renaming, found)[0] if renaming and renaming.is_due else found

    def written_records(self) -> dict[tuple[str, str], Deployment]:
        """The latest record of each target, by wave and target, as their refs name them."""
        found, folder = {}, self.names.folder("deployed")
        for place, sha in self.refs.below(folder).items():
            wave, _, target = place.partition("/")
            found[wave, target] = decoded(self.store, f"{folder}/{place}", sha, Deployment)
        return found


def read(store: Store) -> Reading:
    """List the refs, and fetch what a turn reads.

    Raises:
        Unreachable: the repository does not answer.
        Refused: it has no main branch.
    """
    refs = store.refs()
    branch = _main_branch(refs)
    names = Names(settings.NAMESPACE, branch, "auto")
    main = refs.shas[names.main]
    store.fetch(_tips(refs, names), _facts(refs, names), _READ)
    main_branch, auto, namespace = settings_file.refs_in(_text(store, main) or "")
    wanted = Names(
        namespace, main_branch if f"refs/heads/{main_branch}" in refs.shas else branch, auto
    )
    if wanted != names:
        names, main = wanted, refs.shas[wanted.main]
        store.fetch(_tips(refs, names), _facts(refs, names), _READ)
    found = _settings(store, main)
    if isinstance(found, Settings) and found.main != names.main_branch:
        found = settings_file.invalid(main[:12], None, f"it names the branch {found.main} as main")
    tip = refs.get(names.journal)
    if tip is None:
        return Reading(store, refs, names, main, found, Ledger())
    journal = decoded(store, names.journal, tip, Journal)
    return Reading(store, refs, names, main, found, journal.ledger, journal.at)


def snapshot(reading: Reading, now: datetime, extra: Mapping[str, Fact] | None = None) -> Snapshot:
    """The snapshot of a turn.

    Args:
        extra: facts to take for accepted that are not (a dry run's).
    """
    store, valid = reading.store, reading.valid_settings()
    facts: dict[str, Fact] = {}
    unreadable = []
    renaming = Renaming.of(valid, reading.written)
    for fact_id, fact in {**reading.inbox(), **(extra or {})}.items():
        match fact:
            case Unreadable():
                unreadable.append(fact)
            case Deployment(sets=None):
                known = renamed_record(renaming, fact)
                try:
                    found = resolved(store, reading.main, valid, reading.ledger, known)
                    facts[fact_id] = marked(renaming, found)
                except Refused as error:
                    unreadable.append(Unreadable(fact_id, error.what))
            case _:
                facts[fact_id] = fact
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
        unreadable=tuple(unreadable),
        foreign=foreign,
        auto=auto,
        checks={} if unread else _checks(reading, checked),
        holds=reading.written_holds(),
        records=reading.written_records(),
        unread=unread,
    )


def _checks(reading: Reading, shas: Sequence[str]) -> dict[str, CheckRecord]:
    return {sha: record for sha in shas if (record := reading.check(sha))}


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
    sets = {place: files for place in places if (files := reading.image_files(*place))}
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
    if tip is None:
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
    return [*shas, *([tip] if (tip := refs.get(names.journal)) else [])]


def _settings(store: Store, main: str) -> Settings | SettingsInvalid:
    text = _text(store, main)
    if text is None:
        return settings_file.invalid(main[:12], None, "the file is not there, or not UTF-8")
    try:
        return settings_file.parse(text, commit=main[:12])
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


def decoded(store: Store, ref: str, sha: str, kind: type[_T]) -> _T:
    """The record that a ref holds.

    Raises:
        StateUnreadable: it holds none of this release's.
    """
    try:
        return msgspec.json.decode(record_of(store, sha), type=kind)
    except UNREADABLE as error:
        raise StateUnreadable(
            f"{ref} holds no record that this release can read: {shown(str(error))}",
            remedy="use the release that wrote it; if nobody's did, put the ref back or delete it",
        ) from None
