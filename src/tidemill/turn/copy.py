"""Copy: the image files that an operation is about, as a commit of cfg-app.git has them.

What counts is the images themselves: waves and folders may have had other names in that commit.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from tidemill.clients.git.store import Store
from tidemill.facts import image_files, settings_file
from tidemill.facts.operation import Operation
from tidemill.facts.settings import FILE, Settings
from tidemill.facts.snapshot import Snapshot


class CopiedImages(Struct, frozen=True):
    """Image files' bytes by name; the operation has the commit and wave that they are really of."""

    files: dict[str, bytes]
    operation: Operation


class MissingImages(Struct, frozen=True):
    """The commit is gone, or it does not have these images."""

    is_gone: bool


def copied(store: Store, settings: Settings, operation: Operation) -> CopiedImages | MissingImages:
    """What the operation's commit has for it."""
    commit, wave = operation.commit or "", operation.source or operation.wave
    today = settings.folder(wave, operation.set)
    if not store.exists(commit, [FILE, today]):
        return MissingImages(is_gone=True)
    then = settings_of(store, commit) or settings
    others = [
        then.folder(one.name, image_set.name) for one in then.waves for image_set in then.sets
    ]
    for folders in ([then.folder(wave, operation.set)], [today, *others]):
        if not store.exists(commit, folders):
            return MissingImages(is_gone=True)
        for folder in folders:
            found = store.files(commit, image_files.paths_in(folder))
            files = {path.rpartition("/")[2]: data for path, data in found.items()}
            parsed = image_files.parse(files)
            if parsed is not None and parsed.content == operation.content:
                return CopiedImages(files, operation)
    return MissingImages(is_gone=False)


def copied_from_main(store: Store, snapshot: Snapshot, operation: Operation) -> CopiedImages | None:
    """What main itself has for it: the files of a wave that has the very same images now."""
    for wave in _nearest(snapshot.settings, operation):
        on_main = snapshot.main.sets.get((wave, operation.set))
        if on_main is not None and on_main.content == operation.content:
            here = msgspec.structs.replace(operation, source=wave, commit=snapshot.main.sha)
            found = copied(store, snapshot.settings, here)
            if isinstance(found, CopiedImages):
                return found
    return None


def _nearest(settings: Settings, operation: Operation) -> Iterator[str]:
    """All waves, the one that it copies from first."""
    if operation.source:
        yield operation.source
    yield from (wave.name for wave in settings.waves if wave.name != operation.source)


def settings_of(store: Store, commit: str) -> Settings | None:
    """The settings of an earlier commit of main, where image files may have been elsewhere."""
    return settings_file.usable(store.files(commit, [FILE]).get(FILE, b""))
