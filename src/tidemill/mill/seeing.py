"""What a target has at a commit: its files, the sets of its wave, and whether it uses them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from tidemill.app import reference
from tidemill.app.reference import Reference
from tidemill.cfg import images
from tidemill.cfg.images import ImageFiles
from tidemill.cfg.ledger import Ledger
from tidemill.cfg.operation import Files
from tidemill.cfg.records import Deployment, Seen
from tidemill.cfg.renaming import called_then
from tidemill.cfg.settings import FILE, Settings, Wave
from tidemill.clients.store import Store
from tidemill.errors import Refused
from tidemill.mill.copying import settings_of


def tree_ids(store: Store, commit: str, settings: Settings, wave: str) -> dict[str, str | None]:
    """For each target of a wave the identity of all it renders from, None if nothing is there."""
    found = settings.wave(wave)
    paths = {target: settings.paths(wave, target) for target in (found.targets if found else ())}
    objects = store.objects(commit, [path for mine in paths.values() for path in mine])
    return {target: _identity(objects, mine) for target, mine in paths.items()}


def target_files(
    store: Store, commit: str, settings: Settings, wave: str, files: ImageFiles
) -> dict[str, Files]:
    """What each target of a wave has in a commit that is here with all its files."""
    trees = tree_ids(store, commit, settings, wave)
    users = using(store, commit, settings, wave, list(trees), files)
    return {target: Files(tree, target in users) for target, tree in trees.items()}


def using(
    store: Store,
    commit: str,
    settings: Settings,
    wave: str,
    targets: Sequence[str],
    files: ImageFiles,
) -> set[str]:
    """The targets that render a service of the set: their files name one of its images.

    Where no target's files name an image of any set of the wave, files do not tell, and every
    target counts.
    """
    paths = {target: settings.paths(wave, target) for target in targets}
    below = [path for mine in paths.values() for path in mine]
    if named := store.mentions(commit, below, _all_words(files)):
        return {
            target for target, mine in paths.items() if any(_is_below(name, mine) for name in named)
        }
    folders = [settings.folder(wave, one.name) for one in settings.sets]
    store.fetch_below(commit, folders)
    others = [image_files(store, commit, folder) for folder in folders]
    words = [word for other in others if other for word in _all_words(other)]
    return set() if store.mentions(commit, below, words) else set(targets)


def image_files(store: Store, commit: str, folder: str) -> ImageFiles | None:
    """The image files in a folder of a commit, parsed."""
    found = store.files(commit, [f"{folder}/{name}" for name in images.FILES])
    return images.parse({path.rpartition("/")[2]: data for path, data in found.items()})


def _all_words(files: ImageFiles) -> list[str]:
    return sorted({word for digest in files.digests.values() for word in _words(digest)})


def resolved(
    store: Store, main: str, settings: Settings, ledger: Ledger, record: Deployment
) -> Deployment:
    """A record with what its revision says of the wave's sets and the target's files.

    The commits that the ledger names have landed; any other is looked for in main's history.

    Raises:
        Refused: the wave or the target does not exist, or the revision is not on main.
    """
    wave = settings.wave(record.wave)
    if wave is None or record.target not in wave.targets:
        raise Refused(
            f"the settings name no target {record.target} in a wave {record.wave}",
            remedy="report for a target that [[waves]] in tidemill.toml lists",
        )
    if not (ledger.has_landed(record.revision) or store.is_ancestor(record.revision, main)):
        raise Refused(
            f"the revision {record.revision} is not on main",
            remedy="report the commit of main that the target has synced",
        )
    then = _as_then(store, settings, ledger, record, wave)
    if then is None:
        raise Refused(
            f"the revision {record.revision} is gone from the repository",
            remedy="report a commit that main has: sync the target, then report again",
        )
    seen = {}
    for name, folder in then.folders.items():
        files = image_files(store, record.revision, folder)
        if files is not None:
            seen[name] = Seen(
                app_sha=files.app_sha,
                position=files.position,
                content=files.content,
                digests=files.digest_id,
                uses=record.target
                in using(store, record.revision, then.settings, then.wave, wave.targets, files),
                images_fit=all(_fits(reference.running(image), files) for image in record.images),
            )
    paths = then.settings.paths(then.wave, record.target)
    tree = _identity(store.objects(record.revision, paths), paths)
    return msgspec.structs.replace(record, sets=seen, tree=tree)


@dataclass(frozen=True)
class _Then:
    """What a commit calls a wave, and by today's name of each set where its image files are."""

    settings: Settings
    wave: str
    folders: Mapping[str, str]


def _as_then(
    store: Store, settings: Settings, ledger: Ledger, record: Deployment, wave: Wave
) -> _Then | None:
    """A wave and its sets at a record's revision, with all that is read of them fetched.

    None if the commit is gone.
    """
    now = _Then(
        settings,
        wave.name,
        {one.name: settings.folder(wave.name, one.name) for one in settings.sets},
    )
    if not store.exists(record.revision, [FILE, *_below(now, wave)]):
        return None
    found = settings_of(store, record.revision)
    if found is None:
        return now
    name = called_then(wave.name, settings.waves, found.waves, ledger.wave_names)
    sets = {
        one.name: called_then(one.name, settings.sets, found.sets, ledger.set_names)
        for one in settings.sets
    }
    then = _Then(found, name, {one: found.folder(name, old) for one, old in sets.items()})
    if then.wave != now.wave or _below(then, wave) != _below(now, wave):
        store.fetch_below(record.revision, _below(then, wave))
    return then


def _below(then: _Then, wave: Wave) -> list[str]:
    paths = [path for target in wave.targets for path in then.settings.paths(then.wave, target)]
    return [*then.folders.values(), *paths]


def _identity(objects: Mapping[str, str], paths: Sequence[str]) -> str | None:
    found = [f"{path} {objects[path]}" for path in paths if path in objects]
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:40] if found else None


def _words(digest: str) -> list[str]:
    parsed = _parsed(digest)
    return [parsed.repository, parsed.digest or digest] if parsed else [digest]


def _is_below(name: str, paths: Sequence[str]) -> bool:
    return any(name == path or name.startswith(f"{path}/") for path in paths)


def _fits(running: Reference, files: ImageFiles) -> bool:
    """Whether a running image, if it is from a repository of the set, is the set's own."""
    for service, digest in files.digests.items():
        mine = _parsed(digest)
        if mine is not None and mine.repository == running.repository:
            if running.digest is None:
                return files.tags.get(service) == f"{running.repository}:{running.tag}"
            return running.digest == mine.digest
    return True


def _parsed(digest: str) -> Reference | None:
    """A digest of an image file; None for what a person made of it."""
    try:
        return reference.by_digest(digest)
    except Refused:
        return None
