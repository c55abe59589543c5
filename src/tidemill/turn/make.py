"""Make: do one operation on one parent, and say what became of it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec.structs import replace

from tidemill.announcing.announcement import bare_form
from tidemill.announcing.order import order_of
from tidemill.clients.git.store import Committed, Store, Work
from tidemill.facts import image_files
from tidemill.facts.image_files import DIGESTS, SOURCE, TAGS, ImageFiles, Source, StandIn, source_of
from tidemill.facts.operation import AutoCommit, Operation
from tidemill.facts.ownership import Ownership, Scope
from tidemill.facts.requests import AnnouncementRequest, Hotfix
from tidemill.facts.settings import FILE, Settings
from tidemill.facts.snapshot import (
    NewCommit,
    OperationFailure,
    Outcome,
    Snapshot,
)
from tidemill.facts.staleness import FailedInspection, Inspection
from tidemill.facts.trailers import message
from tidemill.turn.copy import CopiedImages, MissingImages, copied, copied_from_main
from tidemill.turn.targets import image_files_in, in_commit
from tidemill.words.names import is_name, shown


def make(
    store: Store,
    snapshot: Snapshot,
    operation: Operation,
    parent: str,
    without: frozenset[str] = frozenset(),
) -> Outcome:
    """Do `operation` on `parent`: write its image files, generate, commit.

    Args:
        without: waves whose files it leaves alone even where they are its own wave's, too.
    """
    settings = snapshot.settings
    ownership = Ownership.of(settings)
    scope = Scope(ownership, operation.wave, without) if ownership else None
    if operation.kind == "regenerate":
        return _regenerate(store, snapshot, operation, parent, scope)
    found = _image_files(store, snapshot, operation)
    if isinstance(found, OperationFailure):
        return found
    files = image_files.parse(found.files)
    is_whole = TAGS in found.files and DIGESTS in found.files
    if files is None or not is_whole or files.content != operation.content:
        return OperationFailure(f"the images of {operation.set} that were announced are not whole")
    folder = settings.folder(operation.wave, operation.set)
    store.fetch_below(parent, [folder])
    before = image_files_in(store, parent, folder)
    gone = sorted(before.digests.keys() - files.digests.keys()) if before else []
    removes = tuple(name if is_name(name) else shown(name) for name in gone)
    operation = msgspec.structs.replace(operation, removes=removes)
    told = msgspec.structs.replace(found.operation, removes=removes)
    try:
        work = _work(settings, told, parent, found.files, files, scope)
    except ValueError as error:
        return OperationFailure(str(error))
    result = store.work(work)
    if not isinstance(result, Committed):
        return result
    has = in_commit(store, result.sha, settings, operation.wave)
    return NewCommit(
        AutoCommit(
            sha=result.sha,
            parent=parent,
            at=snapshot.now,
            operation=operation,
            digests=files.digest_id,
            targets=has.targets(operation.set),
            naming=has.naming,
            files=has.files,
        )
    )


def look_at(
    store: Store, settings: Settings, commit: str, *, is_second: bool = False
) -> Inspection | FailedInspection:
    """What `generate` makes of a commit as it is."""
    return store.look(_generation(settings, commit), is_second=is_second)


def _regenerate(
    store: Store, snapshot: Snapshot, operation: Operation, parent: str, scope: Scope | None
) -> Outcome:
    try:
        text = message(operation)
    except ValueError as error:
        return OperationFailure(str(error))
    work = replace(_generation(snapshot.settings, parent), message=text, scope=scope)
    result = store.work(work)
    if not isinstance(result, Committed):
        return result
    return NewCommit(
        AutoCommit(sha=result.sha, parent=parent, at=snapshot.now, operation=operation, digests="")
    )


def _generation(settings: Settings, commit: str) -> Work:
    """The work that changes no image files."""
    prefixes = settings.prefixes()
    return Work(
        parent=commit,
        generate=settings.entrypoints.generate,
        own=prefixes if all(prefixes) else (),
        barred=_barred(settings),
        seconds=settings.checks.timeout.total_seconds(),
        bot=settings.bot,
    )


def _barred(settings: Settings) -> tuple[str, ...]:
    """What says who may do what, and the image files of all sets in all waves."""
    places = ((wave.name, one.name) for wave in settings.waves for one in settings.sets)
    folders = sorted({settings.folder(*place) for place in places})
    return (FILE, ".github", settings.approvals.keys.strip("/"), *folders)


def _image_files(
    store: Store, snapshot: Snapshot, operation: Operation
) -> CopiedImages | OperationFailure:
    """The image files: from the announcement, or exactly as a commit of main has them.

    Where that commit is gone (main was squashed, the repository is a mirror), main's own files
    serve, if a wave has the very same images there.
    """
    request = snapshot.inbox.get(operation.request or "")
    if isinstance(request, AnnouncementRequest | Hotfix):
        announcement = request.announcement
        is_hotfix = isinstance(request, Hotfix)
        place = order_of(operation)
        source = Source(
            repository=announcement.repository,
            sha=announcement.sha,
            position=announcement.position,
            generation=announcement.generation,
            rewrites=0 if isinstance(request, Hotfix) else request.rewrites,
            introduced_at=request.accepted_at,
            hotfix=StandIn(**place._asdict()) if is_hotfix else None,
        )
        tags = announcement.tags()
        files = {
            TAGS: image_files.render(tags),
            DIGESTS: image_files.render(announcement.digests()),
            SOURCE: image_files.render(source_of(source, tags, request.content)),
        }
        return CopiedImages(files, operation)
    found = copied(store, snapshot.settings, operation)
    if isinstance(found, MissingImages):
        why = "is gone from the repository" if found.is_gone else "does not have them"
        on_main = copied_from_main(store, snapshot, operation)
        if on_main is None:
            return OperationFailure(
                f"the commit {operation.commit}, which put these images of {operation.set} in "
                f"{operation.source}, {why}, and no wave has them on main now"
            )
        found = on_main
    told = found.operation
    is_elsewhere = told is not operation and told.source != told.wave
    if told.app_sha and (told.kind == "promote" or is_elsewhere):
        landed_at = store.date(told.commit or "")
        return CopiedImages({**found.files, SOURCE: _promoted(found.files, told, landed_at)}, told)
    return found


def _promoted(files: Mapping[str, bytes], operation: Operation, landed_at: datetime) -> bytes:
    """`source.json` of a promoted set: the same origin, and where it comes from now."""
    parsed = image_files.parse(files)
    known = parsed.source if parsed else None
    tags = parsed.tags if parsed else {}
    origin = f"{operation.source}@{operation.commit}"
    if known is not None and known.hotfix is not None:
        return image_files.render(msgspec.structs.replace(known, promoted_from=origin))
    source = Source(
        repository=operation.repository or "",
        sha=operation.app_sha or "",
        **order_of(operation)._asdict(),
        introduced_at=known.introduced_at if known else landed_at,
        promoted_from=origin,
    )
    return image_files.render(source_of(source, tags, operation.content))


def _work(
    settings: Settings,
    operation: Operation,
    parent: str,
    wanted: Mapping[str, bytes],
    files: ImageFiles,
    scope: Scope | None,
) -> Work:
    entrypoints = settings.entrypoints
    is_new = operation.kind in ("introduce", "hotfix")
    entry = entrypoints.introduce if is_new else entrypoints.promote
    # A rollback's source is its own wave; {set} can't stand for two names.
    is_copy = operation.kind == "roll back" or operation.source_set is not None
    if is_copy and entrypoints.generate:
        entry = None
    values = {
        "wave": operation.wave,
        "set": operation.set,
        "source": operation.source,
        "sha": operation.commit,
    }
    for name, value in values.items():
        entry = entry.replace(f"{{{name}}}", shlex.quote(value or "")) if entry else None
    folder = settings.folder(operation.wave, operation.set)
    return replace(
        _generation(settings, parent),
        folder=folder,
        tags=wanted[TAGS],
        digests=wanted[DIGESTS],
        source=wanted.get(SOURCE),
        message=message(operation),
        entry=entry,
        bare=bare_form(files.digests, files.tags)
        if files.digests.keys() == files.tags.keys()
        else b"{}\n",
        commit=operation.commit,
        barred=tuple(one for one in _barred(settings) if one != folder),
        scope=scope,
        date=operation.at,
    )
