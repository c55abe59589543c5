"""What a target has at a commit: its files, the sets of its wave, and what is named of these."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from tidemill.clients.git.store import Store
from tidemill.errors import Refused
from tidemill.facts import image_files, naming
from tidemill.facts.image_files import ImageFiles
from tidemill.facts.ledger import Ledger
from tidemill.facts.naming import ImageIndex, Naming, SetUsage, files_id
from tidemill.facts.operation import Files
from tidemill.facts.records import Deployment, ReportedSet
from tidemill.facts.renames import called_then
from tidemill.facts.settings import FILE, Settings, Wave, no_such_target
from tidemill.facts.snapshot import WaveNaming
from tidemill.turn.copy import settings_of
from tidemill.words import references
from tidemill.words.nearest import did_you_mean


def tree_ids(store: Store, commit: str, settings: Settings, wave: str) -> dict[str, str | None]:
    """For each target of a wave the identity of all it renders from, None if nothing is there."""
    found = settings.wave(wave)
    paths = {target: settings.paths(wave, target) for target in (found.targets if found else ())}
    objects = store.objects(commit, [path for mine in paths.values() for path in mine])
    return {target: _identity(objects, mine) for target, mine in paths.items()}


def looked_at(
    store: Store, commit: str, settings: Settings, wave: str, sets: Mapping[str, ImageFiles]
) -> dict[str, SetUsage]:
    """What the files of a wave's targets name of each set that the wave has in a commit."""
    found = settings.wave(wave)
    targets = found.targets if found else ()
    store.fetch_below(commit, [one for name in targets for one in settings.paths(wave, name)])
    return naming.look(settings, wave, targets, sets, lambda paths: store.texts(commit, paths))


def sets_of(store: Store, commit: str, settings: Settings, wave: str) -> dict[str, ImageFiles]:
    """The image files of the sets that a wave has in a commit, by set."""
    folders = {one.name: settings.folder(wave, one.name) for one in settings.sets}
    store.fetch_below(commit, list(folders.values()))
    found = {name: image_files_in(store, commit, folder) for name, folder in folders.items()}
    return {name: files for name, files in found.items() if files is not None}


class InCommit(Struct, frozen=True):
    """What a wave has in a commit.

    Attributes:
        trees: by target the identity of all it renders from, None if nothing is there.
        judged: by set what the files name of it.
        files: identifies what was looked at; "" where the settings do not say what renders.
    """

    trees: Mapping[str, str | None]
    judged: Mapping[str, SetUsage]
    files: str

    def targets(self, set_name: str) -> dict[str, Files]:
        """What each target has of a set."""
        users = self.judged[set_name].users if set_name in self.judged else frozenset(self.trees)
        return {target: Files(tree, target in users) for target, tree in self.trees.items()}

    @property
    def naming(self) -> dict[str, Naming]:
        """By set, what the files do not name."""
        return {name: one.naming for name, one in self.judged.items() if one.naming}


def in_commit(store: Store, commit: str, settings: Settings, wave: str) -> InCommit:
    """What a wave has in a commit."""
    sets, trees = sets_of(store, commit, settings, wave), tree_ids(store, commit, settings, wave)
    files = files_id(trees, sets) if settings.templates() else ""
    return InCommit(trees, looked_at(store, commit, settings, wave, sets), files)


def named_in(
    store: Store, commit: str, settings: Settings, wave: str, known: str | None
) -> WaveNaming | None:
    """What a wave's files do not name in a commit; None where that is `known`, or can't be."""
    sets, trees = sets_of(store, commit, settings, wave), tree_ids(store, commit, settings, wave)
    files = files_id(trees, sets)
    if not settings.templates() or not sets or files == known:
        return None
    judged = looked_at(store, commit, settings, wave, sets)
    return WaveNaming(
        files,
        {name: one.naming for name, one in judged.items() if one.naming},
        {name: one.users for name, one in judged.items()},
    )


def image_files_in(store: Store, commit: str, folder: str) -> ImageFiles | None:
    """The image files in a folder of a commit, parsed."""
    found = store.files(commit, image_files.paths_in(folder))
    return image_files.parse({path.rpartition("/")[2]: data for path, data in found.items()})


def resolved(
    store: Store, main: str, settings: Settings, ledger: Ledger, record: Deployment
) -> Deployment:
    """A record with what its revision says of the wave's sets and the target's files.

    The commits that the ledger names have landed; any other is looked for in main's history.

    Raises:
        Refused: the wave or the target does not exist, or the revision is not on main.
    """
    wave = settings.listing(record.wave, record.target)
    if wave is None:
        there = settings.wave(record.wave)
        waves = [one.name for one in settings.waves]
        meant = (
            did_you_mean(record.target, there.targets)
            if there
            else did_you_mean(record.wave, waves)
        )
        raise Refused(
            no_such_target(record.wave, record.target),
            remedy=f"{meant}report for a target that [[waves]] in tidemill.toml lists",
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
    sets = {
        name: files
        for name, folder in then.folders.items()
        if (files := image_files_in(store, record.revision, folder)) is not None
    }
    allowed, running = ImageIndex(sets), [references.running(image) for image in record.images]
    judged = naming.look(
        then.settings,
        then.wave,
        wave.targets,
        sets,
        lambda paths: store.texts(record.revision, paths),
    )
    seen = {
        name: ReportedSet(
            app_sha=files.app_sha,
            position=files.position,
            content=files.content,
            digests=files.digest_id,
            uses=record.target in judged[name].users,
            images_fit=all(allowed.allows(image, of=name) for image in running),
            is_named=judged[name].is_named_by(record.target),
        )
        for name, files in sets.items()
    }
    paths = then.settings.paths(then.wave, record.target)
    tree = _identity(store.objects(record.revision, paths), paths)
    return msgspec.structs.replace(record, sets=seen, tree=tree)


class _PastNames(Struct, frozen=True):
    """What a commit calls a wave, and by today's name of each set where its image files are."""

    settings: Settings
    wave: str
    folders: Mapping[str, str]


def _as_then(
    store: Store, settings: Settings, ledger: Ledger, record: Deployment, wave: Wave
) -> _PastNames | None:
    """A wave and its sets at a record's revision, with all that is read of them fetched.

    None if the commit is gone.
    """
    now = _PastNames(
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
    then = _PastNames(found, name, {one: found.folder(name, old) for one, old in sets.items()})
    if then.wave != now.wave or _below(then, wave) != _below(now, wave):
        store.fetch_below(record.revision, _below(then, wave))
    return then


def _below(then: _PastNames, wave: Wave) -> list[str]:
    paths = [path for target in wave.targets for path in then.settings.paths(then.wave, target)]
    return [*then.folders.values(), *paths]


def _identity(objects: Mapping[str, str], paths: Sequence[str]) -> str | None:
    found = [f"{path} {objects[path]}" for path in paths if path in objects]
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:40] if found else None
