"""Read the past: from the journal's commits to the history that they tell."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec

from tidemill.answers.history import History, Stay, Told, history
from tidemill.answers.question import latest_begin
from tidemill.clients.git.store import ALL_COMMITS, Store, Wanted
from tidemill.facts import journal, settings_file
from tidemill.facts.decoding import is_bounded
from tidemill.facts.image_files import DIGESTS
from tidemill.facts.journal import RECORD, Journal
from tidemill.facts.ledger import Ledger
from tidemill.facts.requests import AnnouncementRequest, Hotfix
from tidemill.facts.settings import FILE, Settings
from tidemill.facts.state import State
from tidemill.turn.lookup import rejected_announcement
from tidemill.words.moments import is_storable
from tidemill.words.unreadable import UNREADABLE

# Turns. Each part is read anew, which is simpler over a network; so there are few of them.
_PARTS = (512, 4096)
_LEEWAY = timedelta(days=2)  # clocks of machines that did turns differ; a day is allowed for


def read_history(
    store: Store,
    state: State,
    is_enough: Callable[[History], bool] | None = None,
    *,
    least: int = 0,
    is_needed: Wanted | None = None,
    about: datetime | None = None,
) -> History:
    """The history that a repository's journal tells, by the names of today.

    Args:
        is_enough: whether a history of the last turns answers what is asked, so that those before
            need not be read; the whole is read without it, and where no part is enough.
        is_needed: which turns are told, by the time of each and the first line of its message;
            the first turn is told in any case.
        about: a time before which turns are needed to answer. Where the last ones are not enough,
            those that are needed since then, and some before it, may be.
        least: how many turns are to be told in any case, if there are so many.

    Raises:
        Unreachable: the journal can't be read.
    """
    with _without_collecting():
        return _read_history(store, state, is_enough, least, is_needed, about)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Python looks again and again for what can be thrown away, and of all that is read here
    nothing can."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read_history(
    store: Store,
    state: State,
    is_enough: Callable[[History], bool] | None,
    least: int,
    is_needed: Wanted | None,
    about: datetime | None,
) -> History:
    tip = state.refs.get(state.names.journal)
    last = state.journal if isinstance(state.journal, Ledger) else None
    if tip is None:
        return history([], None, None)
    last = last if state.evidence is None else None
    for most in _PARTS if is_enough else ():
        # Turns that are all newer than what is asked about can't be enough: they are not read.
        is_later = about and store.count_since(tip, latest_begin(about), most) == most
        if most >= least and not is_later:
            found = _read(store, tip, last, most)
            if not found.is_part or (is_enough and is_enough(found)):
                return found
    if is_enough and about is not None:
        most = store.count_since(tip, about - _LEEWAY) + _PARTS[-1]
        found = _read(store, tip, last, most, is_needed)
        if not found.is_part or is_enough(found):
            return found
    return _read(store, tip, last, ALL_COMMITS, is_needed)


def _read(
    store: Store, tip: str, last: Ledger | None, most: int, is_needed: Wanted | None = None
) -> History:
    """What the last `most` turns tell, or those of them that are needed."""
    records, is_whole = store.records(tip, RECORD, most, is_needed)
    turns, unread, begun = [], 0, ""
    for sha, data in records:
        begun = begun or sha
        try:
            turn = Told(sha, journal.decode_turn(data))
        except UNREADABLE:
            unread += 1
            continue
        if is_storable(turn.at):
            turns.append(turn)
        else:  # a hand wrote it
            unread += 1
    found = history(turns, _ledger(store, begun), last)
    is_cut = most < ALL_COMMITS if is_needed else len(turns) + unread == most
    is_part = is_cut and not is_whole
    missing = [*found.missing]
    if not is_whole and not is_part:
        missing.append(
            "This copy of the repository is shallow: turns before its first one are not in it. "
            "git clone --mirror without --depth gets all of them."
        )
    if unread:
        missing.append(f"{unread} of the journal's commits can't be read as the record of a turn.")
    return msgspec.structs.replace(found, missing=tuple(missing), is_part=is_part)


def digests_of(
    store: Store, settings: Settings, stays: Sequence[Stay], *, about: str = ""
) -> list[Mapping[str, str] | None]:
    """The references by digest that each stay's commit has, by service; None where it has none.

    The folder is the one that the settings name today, or else those of that commit; with the names
    of then.

    Args:
        about: digits of a digest, or a service; what nowhere has it may count as having no images.
    """
    found = _digests(store, [(stay, settings) for stay in stays], about)
    found = [{} if stay.is_empty else one for stay, one in zip(stays, found, strict=True)]
    lost = [at for at, one in enumerate(found) if one is None]
    files = store.versions([(stays[at].commit, FILE) for at in lost])
    then = {data: settings_file.usable(data) for data in {*files}}
    again = [(at, known) for at, data in zip(lost, files, strict=True) if (known := then[data])]
    mended = _digests(store, [(stays[at], known) for at, known in again], about)
    for (at, _), one in zip(again, mended, strict=True):
        found[at] = one
    return found


def unlanded_images(store: Store, state: State) -> list[tuple[str, Mapping[str, str]]]:
    """Commits of app.git that wait, or were evicted, rejected or dropped, with their images.

    Of those that have ended it is the newest ones that Git still has.

    Returns:
        the SHA of app.git, and the references by digest by service.
    """
    ended = (rejected_announcement(store, state, one) for one in state.written.rejected)
    found: list[tuple[str, Mapping[str, str]]] = [
        (fact.announcement.sha, fact.announcement.digests())
        for fact in [*state.inbox.values(), *ended]
        if isinstance(fact, AnnouncementRequest | Hotfix)
    ]
    evicted = [
        Stay(wave=of.wave, set=of.set, commit=one.commit, app_sha=of.app_sha, since=one.at)
        for one in state.written.evictions
        if one.commit and (of := one.operation)
    ]
    images = digests_of(store, state.valid_settings, evicted)
    return found + [
        (stay.app_sha, one)
        for stay, one in zip(evicted, images, strict=True)
        if stay.app_sha and one is not None
    ]


def _digests(
    store: Store, places: Sequence[tuple[Stay, Settings]], about: str
) -> list[Mapping[str, str] | None]:
    files = [
        (stay.commit, f"{settings.folder(stay.wave, stay.set)}/{DIGESTS}")
        for stay, settings in places
    ]
    found = store.versions(files)
    mappings = {data: _mapping(data, about.encode(errors="surrogateescape")) for data in {*found}}
    return [mappings[data] for data in found]


def _ledger(store: Store, commit: str) -> Ledger | None:
    store.fetch_below(commit, [""])
    try:
        found: Journal = journal.decode(dict(store.texts(commit, [""])))
    except UNREADABLE:
        return None
    return found.ledger if is_bounded(found.ledger) else None


def _mapping(data: bytes, about: bytes) -> Mapping[str, str] | None:
    if data and about not in data and b"\\" not in data:
        return {}  # most of a long history: to parse it takes longer than all else
    try:
        return msgspec.json.decode(data, type=dict[str, str])
    except UNREADABLE:
        return None
