"""A checkout in which operations are done, by the repository's own commands or by ours.

The commands see a work tree with a `.git` of its own: it has the objects, and no remote. The
index that decides what is committed lies outside of it.
"""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from tidemill.clients.git.git import REMOTE_SECONDS, line
from tidemill.clients.git.mirror import Tree
from tidemill.clients.git.objects import Objects
from tidemill.clients.git.store import Committed, Work, WorkResult
from tidemill.clients.machine.entrypoints import entry_point_failed, in_words, run_entry_point
from tidemill.clients.machine.removing import open_up, remove
from tidemill.errors import EntryPointFailed, TimeLimit
from tidemill.facts.image_files import DIGESTS, FILES, SOURCE, TAGS, paths_in
from tidemill.facts.snapshot import BrokenParent, OperationFailure, Timeout
from tidemill.facts.staleness import FailedInspection
from tidemill.words.names import shown, visible
from tidemill.words.unreadable import UNREADABLE

_REPOSITORY = "160000"  # the mode of a commit of another repository
_NOTHING = "000000"  # the mode of a file that is not there
# A name or an address that no release of Git changes on its way into a commit.
_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 .@_+\[\]-]*[A-Za-z0-9_\]])?")


class _Change(NamedTuple):
    """A file as a commit has it, and as it is now: modes and names of blobs."""

    old_mode: str
    mode: str
    old_sha: str
    sha: str


class Worktree:
    """One checkout, used for one operation after another.

    Args:
        objects: the bare repository that has the objects.
        folder: where the checkout, its index and the commands' home may be put.
        reached: the environment in which Git may fetch what the repository lacks.
    """

    def __init__(
        self, objects: Objects, folder: Path, reached: Mapping[str, str] | None = None
    ) -> None:
        self._objects = objects
        self._bare = objects.git
        self._reached = reached or {}
        self._folder = folder / "work"
        self._tree = Tree(self._folder, folder / "index")
        self._homes = folder / "homes"
        self._home = self._homes
        self._is_on_twin = False
        self._folder.mkdir()
        self._homes.mkdir()

    def do(self, work: Work) -> WorkResult:
        """Do an operation and commit it; whatever a command did wrong is gone afterwards."""
        if work.entry is None and work.generate is None:
            return Committed(self._commit(work, self._objects.tree_of(work.parent)))
        self._check_out(work.parent)
        try:
            self._apply(work)
            if not work.folder and not self._changed(work.parent):
                return OperationFailure(f"{in_words(work.generate or '')} changes nothing there")
            tree = line(self._git("write-tree", "--missing-ok"))
            return Committed(self._commit(work, tree))
        except TimeLimit as error:
            return Timeout(error.what)
        except EntryPointFailed as error:
            if (why := self._on_parent(work)) is not None:
                return BrokenParent(work.parent, why)
            return OperationFailure(error.what)

    def look(self, work: Work, *, is_second: bool = False) -> dict[str, str] | FailedInspection:
        """What `generate` makes of the files that it changes in a commit as it is, by path.

        Each time in a new folder: what was generated there before must not be newer than its
        sources, for a Makefile may go by that.

        Args:
            is_second: it is done to see whether the same is made once more: in a folder of another
                name, and on another commit with the same files, than the time before.
        """
        if self._tree.index.exists():
            open_up(self._folder)
            remove(self._folder)
            self._tree.index.unlink()
            self._folder = self._folder.with_name(f"{self._folder.name}-again")
            self._folder.mkdir()
            self._tree = Tree(self._folder, self._tree.index)
        self._is_on_twin = is_second and not self._is_on_twin
        self._check_out(work.parent)
        if self._is_on_twin:
            self._tree.give_git(self._bare, work.parent, is_other=True)
        if (why := self._generate(work)) is not None:
            return FailedInspection(why)
        changed = self._changed(work.parent)
        return {path: f"{change.mode} {change.sha}" for path, change in changed.items()}

    def ask(self, commit: str, command: str, seconds: float) -> str:
        """The end of what a command prints in the files of a commit; what it changes there is gone
        afterwards."""
        self._check_out(commit)
        return self._run(command, seconds)

    def _on_parent(self, work: Work) -> str | None:
        """What `generate` says on the parent as it is; None if it succeeds."""
        if work.generate is None:
            return None
        self._check_out(work.parent)
        return self._generate(work)

    def _generate(self, work: Work) -> str | None:
        """Run `generate` on the parent as it is; why it fails, None if it succeeds."""
        try:
            self._run(work.generate or "", work.seconds)
            self._keep_own_changes(work, own_files=False)
        except (EntryPointFailed, TimeLimit) as error:
            return error.what
        return None

    def _apply(self, work: Work) -> None:
        files = _files(work)
        folder = self._folder / work.folder
        if not work.folder:
            pass
        elif work.entry is None:
            self._write(files, work.folder)
        else:
            image_file = self._home / "images.json"
            image_file.write_bytes(work.bare)
            entry = work.entry.replace("{file}", shlex.quote(str(image_file)))
            self._run(entry, work.seconds)
            for name in (TAGS, DIGESTS):
                if not _says_the_same(folder / name, files[name] or b""):
                    raise entry_point_failed(
                        work.entry, f"it did not leave the announced images in {work.folder}/{name}"
                    )
            self._write({SOURCE: work.source}, work.folder)
        if work.generate is not None and (work.entry is None or not self._generated_already(work)):
            before = _contents(folder)
            self._run(work.generate, work.seconds)
            if _contents(folder) != before:
                raise entry_point_failed(work.generate, f"it changed image files in {work.folder}")
        self._keep_own_changes(work, own_files=True)

    def _write(self, files: Mapping[str, bytes | None], folder: str) -> None:
        """Write files into a folder, in place of whatever odd thing is there."""
        place = self._folder
        for part in folder.split("/"):
            place /= part
            if place.is_symlink():
                raise EntryPointFailed(
                    f"{folder} is behind a link, which leads out of the repository, or may",
                    remedy="put a folder in place of the link",
                )
            if place.is_file():
                place.unlink()
            place.mkdir(exist_ok=True)
        for name, data in files.items():
            remove(place / name)
            if data is not None:
                (place / name).write_bytes(data)

    def _generated_already(self, work: Work) -> bool:
        """Whether the entry point changed more than the image files, so that it has generated."""
        self._stage()
        inside = f"{work.folder}/"
        return any(not path.startswith(inside) for path in self._changed(work.parent))

    def _keep_own_changes(self, work: Work, *, own_files: bool) -> None:
        """Refuse what no command may change; leave out of the index what this one is not about."""
        self._stage()
        others: dict[str, _Change] = {}
        for path, change in self._changed(work.parent).items():
            if change.mode == _REPOSITORY:
                raise entry_point_failed(
                    work.entry or work.generate or "",
                    f"it left a repository of its own in {shown(path)}",
                )
            if own_files and path in paths_in(work.folder):
                continue
            if _is_in(path, work.barred) or (work.own and not _is_in(path, work.own)):
                raise entry_point_failed(
                    work.entry or work.generate or "",
                    f"it changed {shown(path)}, which is not its own to change",
                )
            if work.scope is not None and not work.scope.has(path):
                others[path] = change
        self._put_back(others)

    def _put_back(self, changes: Mapping[str, _Change]) -> None:
        """Give the index what the parent has, in place of these changes."""
        lines = [f"{one.old_mode} {one.old_sha}\t{path}\0" for path, one in changes.items()]
        lines.sort(key=lambda line: not line.startswith(_NOTHING))  # a file may become a folder
        if lines:
            data = "".join(lines).encode(errors="surrogateescape")
            self._git("update-index", "-z", "--replace", "--index-info", data=data)

    def _commit(self, work: Work, tree: str) -> str:
        """Commit a tree with exactly the wanted image files, whatever a .gitignore says of them."""
        files = {f"{work.folder}/{name}": data for name, data in _files(work).items()}
        tree = self._objects.tree_with(tree, files)
        seconds = self._objects.seconds(work.parent)
        if work.date is not None:
            seconds = max(seconds, int(work.date.timestamp()))
        name, email = work.bot.name, work.bot.email
        if not work.bot.sign and _PLAIN.fullmatch(name) and _PLAIN.fullmatch(email):
            author = f"{name} <{email}>"
            return self._objects.commit(tree, work.parent, work.message, author, seconds)
        sign = (f"-S{work.bot.sign}",) if work.bot.sign else ()
        words = (tree, "-p", work.parent, *sign)
        return self._objects.commit_by_git(words, visible(work.message), name, email, seconds)

    def _check_out(self, commit: str) -> None:
        """Make the work tree that of a commit, with a fresh `.git` for the commands."""
        remove(self._folder / ".git")
        for left in self._homes.iterdir():
            with suppress(OSError):  # the next commands get another home, whatever is in this one
                remove(left)
        self._home = Path(tempfile.mkdtemp(dir=self._homes))
        open_up(self._folder)
        self._git("read-tree", "--reset", "-u", commit, env=self._reached)
        self._git("clean", "-ffdxq")
        self._tree.give_git(self._bare, commit)

    def _run(self, command: str, seconds: float) -> str:
        return run_entry_point(
            command,
            folder=self._folder,
            home=self._home,
            seconds=seconds,
            objects=[self._bare.folder / "objects"],
        )

    def _stage(self) -> None:
        self._tree.stage(self._bare, REMOTE_SECONDS)

    def _changed(self, commit: str) -> dict[str, _Change]:
        out = self._git("diff-index", "--cached", "--raw", "-z", "--no-renames", commit)
        parts = out.decode(errors="surrogateescape").split("\0")
        return {
            path: _Change(*about.removeprefix(":").split(" ")[:4])
            for about, path in zip(parts[::2], parts[1::2], strict=False)
        }

    def _git(
        self, *arguments: str, data: bytes = b"", env: Mapping[str, str] | None = None
    ) -> bytes:
        env = {**(env or {}), **self._tree.env}
        return self._bare(self._tree.option, *arguments, data=data, env=env, seconds=REMOTE_SECONDS)


def _files(work: Work) -> dict[str, bytes | None]:
    if not work.folder:
        return {}
    return {TAGS: work.tags, DIGESTS: work.digests, SOURCE: work.source}


def _contents(folder: Path) -> list[bytes | None]:
    found = [folder / name for name in FILES]
    is_plain = [
        file.is_file() and not file.is_symlink() and not _is_program(file) for file in found
    ]
    return [
        file.read_bytes() if plain else None for file, plain in zip(found, is_plain, strict=True)
    ]


def _is_in(path: str, places: Iterable[str]) -> bool:
    """Whether a path is one of some files, or below one of some folders."""
    return any(path == one or path.startswith(f"{one}/") for one in places)


def _is_program(file: Path) -> bool:
    return bool(file.stat().st_mode & 0o111)


def _says_the_same(file: Path, wanted: bytes) -> bool:
    """Whether a file has these bytes, or the same JSON in another form."""
    if not file.is_file():  # to read a pipe might take for ever
        return False
    try:
        found = file.read_bytes()
        return found == wanted or bool(msgspec.json.decode(found) == msgspec.json.decode(wanted))
    except (OSError, *UNREADABLE):
        return False
