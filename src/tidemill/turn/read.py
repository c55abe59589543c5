"""Read: from the refs of a repository to the snapshot that a plan is made of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from msgspec import Struct

from tidemill.clients.git.store import Store
from tidemill.errors import Refused, SettingsInvalid, StateUnreadable, Unreachable
from tidemill.facts import forms, image_files, journal, settings, settings_file, trailers
from tidemill.facts.checks import CheckRecord
from tidemill.facts.decoding import IllegibleRecord, legible
from tidemill.facts.evidence import Evidence
from tidemill.facts.gates import PastSettings, has_other_gates
from tidemill.facts.journal import RECORD, Journal
from tidemill.facts.ledger import Ledger
from tidemill.facts.operation import AutoCommit
from tidemill.facts.records import Deployment
from tidemill.facts.refs import ASIDE, Folder, RefNames, Refs
from tidemill.facts.renames import Renaming, marked, renamed_record
from tidemill.facts.requests import Fact
from tidemill.facts.settings import Settings
from tidemill.facts.snapshot import LONG_AGO, Main, Snapshot, UnreadableRef, verified_commits
from tidemill.facts.state import State
from tidemill.plan.lost_journal import recalled
from tidemill.turn.lost_journal import gathered, has_left_refs, is_bereft
from tidemill.turn.targets import image_files_in, named_in, resolved, tree_ids
from tidemill.words.lists import listed
from tidemill.words.moments import is_storable
from tidemill.words.names import shown
from tidemill.words.shas import short

_T = TypeVar("_T")
_MOST_PAST = 200  # commits of main that are looked through for who changed a wave's gates
_READ = (settings.FILE, *image_files.FILES)


def read(store: Store) -> State:
    """List the refs, and fetch what a turn reads.

    Raises:
        Unreachable: the repository does not answer.
        StateUnreadable: it has lost what some of its refs point to.
        Refused: it has no main branch.
    """
    refs = store.refs()
    branch = _main_branch(refs)
    names = RefNames(settings.NAMESPACE, branch, "auto")
    main = refs.shas[names.main]
    _fetch(store, refs, names)
    main_branch, auto, namespace = settings_file.refs_in(_text(store, main) or "")
    wanted = RefNames(
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
    reader = _Reader(store, refs, names)
    known, evidence, last = _journal(store, refs, names, main, found)
    tip = refs.get(names.journal)
    return State(
        refs=refs,
        names=names,
        main=main,
        settings=found,
        journal=known,
        inbox=reader.records("inbox", forms.fact),
        checks=reader.records("checks", forms.check),
        kept_holds=reader.records("holds", forms.hold),
        kept_records=reader.records("deployed", forms.deployment),
        strays=tuple(
            reader.unreadable(ref, IllegibleRecord("no ref of that name is ours"))
            for ref in names.strays(sorted(refs.shas))
        ),
        lost_journal=reader.unreadable(names.journal, IllegibleRecord(evidence.why))
        if tip and evidence
        else None,
        evidence=evidence,
        written_at=last.at if last else None,
        read=frozenset(last.read if last else ()),
        next_due=last.next if last else None,
    )


class _Reader(Struct, frozen=True):
    """Parses what refs of the namespace hold."""

    store: Store
    refs: Refs
    names: RefNames

    def records(
        self, kind: Folder, parse: Callable[[str, bytes], _T]
    ) -> dict[str, _T | UnreadableRef]:
        """All records of a kind, by the rest of the names of their refs."""
        folder = self.names.folder(kind)
        found: dict[str, _T | UnreadableRef] = {}
        for name, sha in sorted(self.refs.below(folder).items()):
            ref = f"{folder}/{name}"
            if self.names.strays([ref]):
                continue
            one = legible(record_of(self.store, sha), partial(parse, name))
            aside = name if kind == "inbox" else None
            found[name] = (
                self.unreadable(ref, one, aside) if isinstance(one, IllegibleRecord) else one
            )
        return found

    def unreadable(self, ref: str, why: IllegibleRecord, aside: str | None = None) -> UnreadableRef:
        """A ref that can't be read."""
        sha = self.refs.shas[ref]
        return UnreadableRef(
            ref=ref,
            sha=sha,
            id=aside or _aside(ref, sha),
            reason=why.reason,
            is_newer=why.is_newer,
            at=self._date(sha) if ref.startswith(self.names.folder("holds")) else LONG_AGO,
        )

    def _date(self, sha: str) -> datetime:
        """When a commit was made; the same for ever, whatever a hand put in its place."""
        when = self.store.date(sha)
        return when if is_storable(when) else LONG_AGO


def snapshot(
    store: Store, state: State, now: datetime, extra: Mapping[str, Fact] | None = None
) -> Snapshot:
    """The snapshot of a turn.

    Args:
        extra: facts to take for accepted that are not in the inbox (a dry run's, and polled ones).
    """
    valid, unreadable = state.valid_settings, state.unreadable
    facts: dict[str, Fact] = {hold.id: hold for hold in state.holds_anew(unreadable)}
    unfit: dict[str, str] = {}
    renaming = Renaming.of(valid, state.written)
    for fact_id, fact in {**state.inbox, **(extra or {})}.items():
        if isinstance(fact, UnreadableRef):
            continue
        facts[fact_id] = fact
        if isinstance(fact, Deployment) and fact.sets is None:
            known = renamed_record(renaming, fact)
            try:
                found = resolved(store, state.main, valid, state.ledger, known)
                facts[fact_id] = marked(renaming, found)
            except Refused as error:
                unfit[fact_id] = error.what
    auto_tip = state.refs.get(state.names.auto)
    auto, foreign = _auto(store, state, auto_tip)
    unread = _unread(state, valid, auto)
    checked = [state.main, *(commit.sha for commit in auto), *([auto_tip] if auto_tip else [])]
    checked += verified_commits(valid, state.written, state.written_records)
    return Snapshot(
        now=now,
        settings=valid,
        main=_main(store, state, valid),
        auto_tip=auto_tip,
        ledger=state.written,
        inbox=facts,
        unfit=unfit,
        unreadable=unreadable,
        silenced=state.silenced,
        evidence=state.evidence,
        foreign=foreign,
        auto=auto,
        checks={} if unread else _checks(state, checked),
        holds=state.written_holds,
        records=state.written_records,
        unread=unread,
        commits={
            one: sha for one in state.inbox if (sha := state.refs.get(state.names.inbox(one)))
        },
    )


def _checks(state: State, shas: Sequence[str]) -> dict[str, CheckRecord]:
    found = {sha: state.checks.get(sha) for sha in shas}
    return {sha: record for sha, record in found.items() if isinstance(record, CheckRecord)}


def _unread(state: State, valid: Settings, auto: Sequence[AutoCommit]) -> frozenset[str]:
    """The commits that may have a verdict on GitHub: a check was asked for, or began by itself."""
    if valid.checks.source != "github":
        return frozenset()
    is_each = valid.checks.test == "each"
    begun = {*state.ledger.asked, *state.ledger.tips}
    asked = {one.sha for one in auto if is_each or one.sha in begun}
    return frozenset({state.main, *asked, *(one.sha for one in auto[-1:])})


def _main(store: Store, state: State, valid: Settings) -> Main:
    places = [(wave.name, image_set.name) for wave in valid.waves for image_set in valid.sets]
    sets = {
        place: files
        for place in places
        if (files := image_files_in(store, state.main, valid.folder(*place)))
    }
    trees = {
        (wave.name, target): tree
        for wave in valid.waves
        for target, tree in tree_ids(store, state.main, valid, wave.name).items()
    }
    known = state.ledger.named
    named = {
        wave.name: found
        for wave in valid.waves
        if (found := named_in(store, state.main, valid, wave.name, known.get(wave.name)))
    }
    keys = _keys(store, state.main, valid)
    past = _past(store, state.main, state.ledger, valid, keys)
    to_follow = frozenset(
        place
        for place in places
        if place not in sets and _are_to_follow(store, state, valid, place)
    )
    return Main(state.main, store.date(state.main), sets, trees, named, past, keys, to_follow)


def _are_to_follow(store: Store, state: State, valid: Settings, place: tuple[str, str]) -> bool:
    """Whether what a place has is in the folder of its former name, and was never in its own; a
    folder that is another place's since has that one's files."""
    present = state.ledger.present(*place)
    if present is None or present.moved or not (present.wave or present.set):
        return False
    names = present.wave or place[0], present.set or place[1]
    if valid.names(*names):
        return False
    former = valid.folder(*names)
    files = image_files_in(store, state.main, former)
    return files is not None and files.content == present.content


def _keys(store: Store, commit: str, valid: Settings) -> str:
    """What names all that is in the folder with the approvers' keys; nothing without approvers."""
    folder = valid.approvals.keys.strip("/")
    return store.objects(commit, [folder]).get(folder, "") if _has_approvers(valid) else ""


def _has_approvers(valid: Settings) -> bool:
    return any(wave.approvers for wave in valid.waves)


def _past(
    store: Store, main: str, ledger: Ledger, valid: Settings, keys: str
) -> tuple[PastSettings, ...]:
    """The settings that main had since the ledger was written, where a wave has other gates now.

    What is merged into main is its merge's doing. Settings that can't be used opened no gate, and a
    server that does not give the past away stops no turn: then nobody is named.
    """
    if not has_other_gates(ledger.gates, valid, keys):
        return ()
    has_keys = _has_approvers(valid)  # also where all of their keys are gone today
    try:
        logged = {one.sha: one for one in store.history(main, _MOST_PAST)}
        line = [logged[main]] if main in logged else []
        while line and line[-1].sha != ledger.gates_main and line[-1].parent in logged:
            line.append(logged[line[-1].parent])
        texts = store.versions([(one.sha, settings.FILE) for one in line])
        if has_keys:
            store.fetch_files({one.sha: [] for one in line})
    except Unreachable:
        return ()
    found: list[PastSettings] = []
    seen, then = b"", None
    for one, text in reversed([*zip(line, texts, strict=True)]):
        then = settings_file.usable(text) if text != seen else then
        seen = text
        own = _keys(store, one.sha, then) if has_keys and then else ""
        last = found[-1] if found else None
        if then is not None and (last is None or (last.settings, last.keys) != (then, own)):
            found.append(PastSettings(one.sha, one.author, then, own))
    return tuple(found)


def _auto(store: Store, state: State, tip: str | None) -> tuple[tuple[AutoCommit, ...], str | None]:
    """What of auto is the mill's own, and the tip if it is not.

    With the journal it is lost which commits a turn made: those that say so can be made again.
    """
    known = state.written.auto
    if tip is None:
        return (), None
    if state.evidence is not None:
        is_anew = trailers.parse(store.message(tip)) is not None
        return (), None if is_anew or store.is_ancestor(tip, state.main) else tip
    own = {commit.sha: at for at, commit in enumerate(known, start=1)}
    if tip in own:
        return tuple(known[: own[tip]]), None
    if not known and (tip in (state.main, state.ledger.green_main) or state.ledger.has_landed(tip)):
        return (), None
    kept = next((at for sha, at in reversed(own.items()) if store.is_ancestor(sha, tip)), 0)
    is_on_main = kept == 0 and store.is_ancestor(tip, state.main)
    return tuple(known[:kept]), None if is_on_main else tip


def _tips(refs: Refs, names: RefNames) -> list[str]:
    """Main and auto. Nothing of auto is read, but a push that moves it compares with its tip, and
    Git would get that one with its whole history."""
    auto = refs.get(names.auto)
    return [refs.shas[names.main], *([auto] if auto else [])]


def _facts(refs: Refs, names: RefNames) -> list[str]:
    kinds: tuple[Folder, ...] = ("inbox", "checks", "deployed", "holds")
    shas = [sha for kind in kinds for sha in refs.below(names.folder(kind)).values()]
    strays = [refs.shas[ref] for ref in names.strays(refs.shas)]
    return [*shas, *strays, *([tip] if (tip := refs.get(names.journal)) else [])]


def _fetch(store: Store, refs: Refs, names: RefNames) -> None:
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


def _lost(names: RefNames, refs: Sequence[str], error: Unreachable) -> StateUnreadable:
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
        f"the server lists {listed([*map(shown, refs)])}, but does not give what is there "
        f"({error.what})",
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
    if refs.shas:
        raise Refused(
            f"none of the {len(refs.shas)} refs that the server lists is main, or the branch that "
            "HEAD names",
            remedy="run it again; if it stays so, make the branch that the clusters deploy the "
            "repository's default branch",
        )
    raise Refused(
        "the repository is empty: it has no branch main",
        remedy="push a first commit with a tidemill.toml to it",
    )


def record_of(store: Store, sha: str) -> bytes:
    """The bytes of the record that a commit holds; empty if it holds none."""
    return store.files(sha, [RECORD]).get(RECORD, b"")


def rejected_record(store: Store, state: State, request: str) -> bytes:
    """The bytes of what is kept of a request that was rejected; empty if nothing is."""
    tip = state.refs.get(state.names.rejected(request))
    if tip is None:
        return b""
    store.fetch([], [tip])
    return record_of(store, tip)


def _journal(
    store: Store, refs: Refs, names: RefNames, main: str, found: Settings | SettingsInvalid
) -> tuple[Ledger | IllegibleRecord, Evidence | None, Journal | None]:
    """The ledger; made again where the journal is lost, and then what from; and the journal's last
    commit, where it can be read.
    """
    tip = refs.get(names.journal)
    if tip is not None:
        files = dict(store.texts(tip, [""]))
        record = files.get(RECORD, b"")
        read = legible(record, lambda _: journal.decode(files), newest=journal.VERSION)
        if isinstance(read, Journal):
            return read.ledger, None, read
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


def _aside(ref: str, sha: str) -> str:
    """What a ref is called below `rejected/`."""
    name = f"{ref} {sha}".encode(errors="surrogateescape")
    return f"{ASIDE}{hashlib.sha256(name).hexdigest()[:12]}"
