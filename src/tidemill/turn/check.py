"""Check: is a commit of cfg-app.git, or a checkout, fit to land?"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from tidemill.clients.git.checkout import Checkout, Remote, Source
from tidemill.clients.git.filters import remedy_of
from tidemill.clients.git.git import GitError
from tidemill.clients.git.repository import Repository
from tidemill.clients.github.api import StatusState
from tidemill.clients.machine.entrypoints import in_words
from tidemill.errors import (
    EntryPointFailed,
    FilterFailed,
    Refused,
    SettingsInvalid,
    TidemillError,
    Unreachable,
)
from tidemill.facts import image_files, naming, settings, settings_file
from tidemill.facts.name_changes import folders_to_move, warnings_of
from tidemill.facts.ownership import Ownership, found_stale, waves_of
from tidemill.facts.settings import Settings, Wave
from tidemill.words.lists import listed
from tidemill.words.names import one_line, shown
from tidemill.words.shas import short

MOST_NAMED = 10


class StaleFiles(EntryPointFailed):
    """What is committed is not what the sources generate."""


class CommitVerdict(Struct, frozen=True):
    """What is known of a commit: `success`, `failure`, or `error` where nothing is; and why.

    `warnings` are what is not wrong, and a person should know.
    """

    sha: str
    state: StatusState
    reason: str
    warnings: tuple[str, ...] = ()


def judged(
    repository: Repository, sha: str, place: Path, say: Callable[[str], None]
) -> CommitVerdict:
    """Check a commit of a repository somewhere else, in an empty folder.

    Red is what the commit did wrong; all else that goes wrong says nothing of it.
    """
    try:
        check = Check(Remote(repository, sha), place, short(sha), say)
    except (TidemillError, OSError) as error:
        return CommitVerdict(sha, "error", one_line(str(error)))

    def known(state: StatusState, reason: str) -> CommitVerdict:
        return CommitVerdict(sha, state, one_line(reason), tuple(check.warnings))

    try:
        return known("success", ", ".join(check.run()))
    except StaleFiles as error:
        return known("failure", f"{error.what}; {error.remedy}")
    except (EntryPointFailed, Refused, SettingsInvalid) as error:
        return known("failure", error.what)
    except FilterFailed as error:
        return known("error", f"{error.what}; {error.remedy}")
    except (TidemillError, OSError) as error:
        return CommitVerdict(sha, "error", one_line(str(error)))


class Check:
    """The check of one checkout.

    Args:
        source: where it comes from; others of it may be needed.
        place: an empty folder for them.
        what: how to call it in an error.

    Attributes:
        warnings: what is not wrong, and a person should know, as far as it was looked at.
    """

    def __init__(self, source: Source, place: Path, what: str, say: Callable[[str], None]) -> None:
        self._source, self._place, self._what, self._say = source, place, what, say
        self._checkout = source.files(empty_folder(place, "files"))
        self.warnings: list[str] = []

    def run(self) -> tuple[str, ...]:
        """What was looked at; what is wrong is raised.

        Where a filter is not here, what is wrong may be wrong for want of it.
        """
        filters = self._checkout.filters.missing
        missing = [
            f"{shown(path)} goes through the filter {shown(name)}, which is not configured here"
            for name, path in filters.items()
        ]
        try:
            done = self._looked_at()
        except (EntryPointFailed, Refused, SettingsInvalid) as error:
            if not missing:
                raise
            raise FilterFailed(
                f"nothing is known of {self._what}: {'; '.join(missing)}; without it: {error.what}",
                remedy=remedy_of(next(iter(filters))),
            ) from None
        self.warnings += missing
        return tuple(done)

    def _looked_at(self) -> list[str]:
        checkout, valid = self._checkout, _settings(self._checkout, self._what)
        self.warnings += _other_names(checkout, valid)
        done = [settings.FILE, *_image_files(checkout, valid)]
        seconds = valid.checks.timeout.total_seconds()
        for name, command in (
            ("generate", valid.entrypoints.generate),
            ("check", valid.entrypoints.check),
        ):
            if command is not None:
                self._say(f"{name}: {in_words(command)}")
                checkout.run(command, seconds)
                done.append(command)
            if name == "generate" and (made := checkout.changed()):
                self.warnings += self._stale(valid, command or name, made)
            if name == "generate":
                self.warnings += _what_is_named(checkout, valid)
        return done

    def _stale(self, valid: Settings, command: str, made: Mapping[str, str]) -> list[str]:
        """Judge files that `generate` changed: the warnings; what is wrong is raised.

        Args:
            made: by path what it made of each.
        """
        seconds = valid.checks.timeout.total_seconds()
        again = self._source.files(empty_folder(self._place, "again"))
        again.stand_on_another_commit()
        again.run(command, seconds)
        if differing := _differing(made, again.changed()):
            raise StaleFiles(
                f"{in_words(command)} is not deterministic: two runs on the same files differ, "
                f"first in {shown(differing[0])}",
                remedy="let it make the same of the same files: without the time, chance, an order "
                "that nothing fixes, the folder it runs in, or the commit it runs on",
            )
        mend = f"run {in_words(command)} and commit what it changes"
        parent, ownership = self._checkout.parent(), Ownership.of(valid)
        if parent is None or ownership is None:
            raise _not_generated(made, mend)
        try:
            before = self._source.commit(parent, empty_folder(self._place, "parent"))
        except (Refused, Unreachable):
            raise _not_generated(
                made,
                f"{mend}; where it is an automatic commit, check it out with its parent "
                "(fetch-depth: 2), so that what a person left undone before it is no fault of its "
                "own",
            ) from None
        waves = waves_of(valid, ownership, self._checkout.changed_since(parent))
        if not waves:
            raise _not_generated(made, mend)
        with suppress(EntryPointFailed):  # then nothing of it is known to be stale
            before.run(command, seconds)
        was = before.changed()
        found = found_stale(ownership, waves, made, was)
        if own := {path: what for path, what in made.items() if path not in found}:
            new = [path for path in own if path not in was and not ownership.owners(path) & waves]
            if new:
                mend = (
                    f"let {in_words(command)} make the files of a wave from images of that wave "
                    f"alone: with those of {', '.join(sorted(waves))} it makes other files of "
                    "others"
                )
            raise _not_generated(own, mend)
        return [
            "these files of other waves are not what the sources generate, nor are they in the "
            f"parent: {_named(sorted(found))}; {mend}"
        ]


def empty_folder(place: Path, name: str) -> Path:
    """A new folder in another one."""
    folder = place / name
    folder.mkdir()
    return folder


def _settings(checkout: Checkout, what: str) -> Settings:
    data = checkout.read(settings.FILE)
    if data is None:
        raise SettingsInvalid(
            f"there is no {settings.FILE}", remedy="add one at the root of the repository"
        )
    try:
        return settings_file.parse(data.decode(), commit=what)
    except SettingsInvalid as error:
        raise SettingsInvalid(error.what, remedy=f"mend {settings.FILE} before it lands") from None
    except UnicodeDecodeError:
        raise SettingsInvalid(f"{settings.FILE} is not UTF-8", remedy="save it as UTF-8") from None


def _other_names(checkout: Checkout, valid: Settings) -> list[str]:
    """What follows from waves and sets that have other names than in the commit before."""
    data = checkout.before(settings.FILE)
    before = settings_file.usable(data) if data is not None else valid
    if before is None:
        return []
    found = warnings_of(before, valid)
    for old, new in folders_to_move(before, valid):
        if checkout.image_files(old) and not checkout.image_files(new):
            found.append(f"the image files are still in {old}: {_move(old, new)} moves them")
    return found


def _move(old: str, new: str) -> str:
    """The command that moves a folder; Git makes none that it is to go into."""
    above = posixpath.dirname(new)
    make = [] if above == posixpath.dirname(old) else [shlex.join(["mkdir", "-p", above])]
    return " && ".join([*make, shlex.join(["git", "mv", old, new])])


def _image_files(checkout: Checkout, valid: Settings) -> list[str]:
    """The folders whose image files were looked at; refuses files that are broken."""
    looked_at = []
    for wave in valid.waves:
        for image_set in valid.sets:
            folder = valid.folder(wave.name, image_set.name)
            found = checkout.image_files(folder)
            parsed = image_files.parse(found)
            if parsed is None:
                continue
            looked_at.append(folder)
            if parsed.tags.keys() != parsed.digests.keys() or not parsed.tags:
                raise Refused(
                    f"{folder}: tags.json and digests.json do not name the same services",
                    remedy="write both whole, from one announcement",
                )
            if image_files.SOURCE in found and parsed.source is None:
                raise Refused(
                    f"{folder}/source.json is not valid, or not of these tags and digests",
                    remedy="take all three files from one commit, or remove it",
                )
    return looked_at


def _what_is_named(checkout: Checkout, valid: Settings) -> list[str]:
    """What the files that targets render from do not name: the warnings; what is wrong is raised.

    Where a commit is about some waves, what is wrong in others is no fault of its own.
    """
    found = [one for wave in valid.waves for one in _misnamed(checkout, valid, wave)]
    about = _about(checkout, valid) if any(one.is_wrong for one in found) else frozenset()
    wrong = [one for one in found if one.is_wrong and (not about or one.wave in about)]
    if wrong:
        what = listed([one.what for one in wrong], MOST_NAMED, "; ")
        raise Refused(what, remedy=wrong[0].remedy)
    return [one_line(f"{one.what}; {one.remedy}") for one in found]


class _Misnamed(Struct, frozen=True):
    """Something in a wave that is not as its image files say."""

    wave: str
    what: str
    remedy: str
    is_wrong: bool = True


def _misnamed(checkout: Checkout, valid: Settings, wave: Wave) -> Iterator[_Misnamed]:
    sets = {
        one.name: files
        for one in valid.sets
        if (files := image_files.parse(checkout.image_files(valid.folder(wave.name, one.name))))
    }
    for service, names in naming.named_twice(sets):
        what = f"{wave.name}: the sets {' and '.join(names)} both name the service {service}"
        yield _Misnamed(wave.name, what, "let each service be of one set")
    for name, one in naming.look(valid, wave.name, wave.targets, sets, checkout.texts).items():
        if one.naming is not None:
            yield _Misnamed(
                wave.name,
                f"{wave.name}, set {name}: {one.naming.words}",
                f"let them name what {valid.folder(wave.name, name)}/digests.json says, and let "
                "[deployments] path list all that a target renders from",
                one.naming.is_wrong,
            )


def _about(checkout: Checkout, valid: Settings) -> frozenset[str]:
    """The waves that the commit is about; none where it is about all, or nobody knows."""
    parent, ownership = checkout.parent(), Ownership.of(valid)
    if parent is None:
        return frozenset()
    if ownership is None:
        return frozenset(
            wave.name
            for wave in valid.waves
            for one in valid.sets
            for path in image_files.paths_in(valid.folder(wave.name, one.name))
            if checkout.read(path) != checkout.before(path)
        )
    try:
        return waves_of(valid, ownership, checkout.changed_since(parent))
    except GitError:  # a shallow checkout does not have the parent
        return frozenset()


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    return sorted(path for path in {*one, *other} if one.get(path) != other.get(path))


def _not_generated(stale: Mapping[str, str], remedy: str) -> StaleFiles:
    what = f"these files are not what the sources generate: {_named(sorted(stale))}"
    return StaleFiles(what, remedy=remedy)


def _named(paths: Sequence[str]) -> str:
    return listed([*map(shown, paths)], MOST_NAMED)
