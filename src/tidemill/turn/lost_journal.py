"""Gather what is left of a journal that is lost: the only time that history is walked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec
from msgspec.structs import replace

from tidemill.clients.git.store import Logged, Store
from tidemill.facts import trailers
from tidemill.facts.evidence import EvictedCommit, Evidence, MainCommit
from tidemill.facts.image_files import ImageFiles
from tidemill.facts.ledger import KEPT_REFS, KEPT_SETS, MOST_KEPT_OUT
from tidemill.facts.operation import Operation
from tidemill.facts.refs import ASIDE, Folder, RefNames, Refs
from tidemill.facts.renames import mark_of
from tidemill.facts.settings import FILE, Settings
from tidemill.turn.copy import settings_of
from tidemill.turn.targets import image_files_in, in_commit, sets_of

MOST_COMMITS = 10_000
_Place = tuple[str, str]


def is_bereft(store: Store, refs: Refs, names: RefNames, main: str, settings: Settings) -> bool:
    """Whether there must have been a journal: turns have left something, and no journal is there.

    A repository that adopts Tidemill has nothing of that, and pays for nothing.
    """
    places = [(wave.name, one.name) for wave in settings.waves for one in settings.sets]
    files = [image_files_in(store, main, settings.folder(*place)) for place in places]
    return (
        has_left_refs(refs, names)
        or any(one is not None and one.source is not None for one in files)
        or trailers.parse(store.message(main)) is not None
    )


def has_left_refs(refs: Refs, names: RefNames) -> bool:
    """Whether a turn has left refs that only come with a journal."""
    strays = set(names.strays(refs.shas))
    kinds: tuple[Folder, ...] = ("deployed", "holds", "evicted", "rejected")
    return any(
        f"{names.folder(kind)}/{name}" not in strays and not name.startswith(ASIDE)
        for kind in kinds
        for name in refs.below(names.folder(kind))
    )


def gathered(
    store: Store, refs: Refs, names: RefNames, main: str, settings: Settings, why: str
) -> Evidence:
    """What main's automatic commits and the refs of the namespace say."""
    shas = list(refs.below(names.folder("evicted")).values())
    store.fetch([main, *shas], [])
    shas = sorted(shas, key=store.date)[-(KEPT_REFS + MOST_KEPT_OUT) :]
    gone = {sha: trailers.parse(store.message(sha)) for sha in shas}
    made = {
        one.sha: (one, operation)
        for one in store.history(main, MOST_COMMITS)
        if (operation := trailers.parse(one.message)) is not None
    }
    kept = _last_of_each_place(made)
    wanted = {sha: operation for sha, (_, operation) in kept.items()}
    wanted |= {sha: operation for sha, operation in gone.items() if operation}
    store.fetch_files({sha: [FILE] for sha in wanted})
    then = {sha: settings_of(store, sha) for sha in wanted}
    folders = {
        sha: (then[sha] or settings).folder(operation.wave, operation.set)
        for sha, operation in wanted.items()
    }
    store.fetch_files({sha: [folder] for sha, folder in folders.items()})
    found = [_landed(store, folders[sha], then[sha], *one) for sha, one in kept.items()]
    landed = [one for one in found if one is not None]
    return Evidence(
        why=why,
        landed=_with_contents(store, _with_targets(store, settings, landed)),
        evicted=[
            _gone(store, folders.get(sha), then.get(sha), sha, one) for sha, one in gone.items()
        ],
        rejected=sorted(refs.below(names.folder("rejected")))[-KEPT_REFS:],
        waiting=frozenset(refs.below(names.folder("inbox"))),
    )


def _last_of_each_place(
    made: Mapping[str, tuple[Logged, Operation]],
) -> dict[str, tuple[Logged, Operation]]:
    places: dict[_Place, list[str]] = {}
    for sha, (_, operation) in made.items():
        places.setdefault((operation.wave, operation.set), []).append(sha)
    kept = {sha for shas in places.values() for sha in shas[-KEPT_SETS:]}
    return {sha: one for sha, one in made.items() if sha in kept}


def _landed(
    store: Store, folder: str, then: Settings | None, logged: Logged, operation: Operation
) -> MainCommit | None:
    """A commit as it says it is; None if its files say something else."""
    files = image_files_in(store, logged.sha, folder)
    if files is None or (files.app_sha, files.position) != (
        operation.app_sha,
        operation.position,
    ):
        return None
    known = _completed(operation, files)
    return MainCommit(logged.sha, logged.date, known, files.digest_id, settings=then)


def _completed(operation: Operation, files: ImageFiles) -> Operation:
    """With what the image files say, and no trailer."""
    return msgspec.structs.replace(
        operation,
        content=files.content,
        rewrites=files.order.rewrites,
        is_hotfix=files.source is not None and files.source.hotfix is not None,
    )


def _gone(
    store: Store, folder: str | None, then: Settings | None, sha: str, operation: Operation | None
) -> EvictedCommit:
    if operation is not None and folder is not None:
        files = image_files_in(store, sha, folder)
        operation = _completed(operation, files) if files else operation
    return EvictedCommit(sha, store.date(sha), operation, then)


def _with_targets(
    store: Store, settings: Settings, landed: Sequence[MainCommit]
) -> list[MainCommit]:
    """With what the targets had, in the last commit of each wave and set by the names of its time.

    Args:
        settings: those of today, for commits without usable ones.
    """

    def place(one: MainCommit) -> tuple[str, str, str]:
        return one.operation.wave, one.operation.set, mark_of(one.settings or settings)

    last = {place(one): one for one in landed}
    found = []
    for one in landed:
        then = one.settings or settings
        wave, set_name, _ = place(one)
        if last[place(one)] is one and then.wave(wave) is not None:
            targets = in_commit(store, one.sha, then, wave).targets(set_name)
            found.append(replace(one, targets=targets))
        else:
            found.append(one)
    return found


def _with_contents(store: Store, landed: Sequence[MainCommit]) -> list[MainCommit]:
    """With all that main had, where names have changed since the commit before."""
    found = list(landed)
    for at, (before, one) in enumerate(pairwise(landed), start=1):
        then = one.settings
        if then and not (before.settings and mark_of(before.settings) == mark_of(then)):
            contents = {
                (wave.name, name): files.content
                for wave in then.waves
                for name, files in sets_of(store, one.sha, then, wave.name).items()
            }
            found[at] = replace(one, contents=contents)
    return found
