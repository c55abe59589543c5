"""The files of one commit of cfg-app.git, in a folder of this run, to be checked there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from tidemill.clients.git import mirror
from tidemill.clients.git.filters import UNCHANGED, Filters, without_filters
from tidemill.clients.git.git import LOCAL_SECONDS, Git, GitError, configured, line, names
from tidemill.clients.git.mirror import Tree, object_folders
from tidemill.clients.git.objects import parents_in
from tidemill.clients.git.remote import refuse_sha_256
from tidemill.clients.git.repository import Repository
from tidemill.clients.machine.entrypoints import run_entry_point
from tidemill.errors import Refused, Unreachable
from tidemill.facts.image_files import FILES
from tidemill.words.names import one_line, shown, shown_path

_OWN_ATTRIBUTES = {"GIT_ATTR_NOSYSTEM": "1"}


class Checkout:
    """The files, and what a command changes in them.

    Args:
        bare: Git in a bare repository that has, or borrows, the objects.
        tree: where the files are, as its index has them.
        commit: what they are of, None if of none yet.
        before: a file's bytes in the commit before, None if it is not there.
        is_commit: whether they are all that is in the commit; else that is found out.
        written: the tree that they would be committed as; by default what is there.
        filters: what Git changes in them, beside line ends.
    """

    def __init__(
        self,
        bare: Git,
        tree: Tree,
        commit: str | None,
        before: Callable[[str], bytes | None] = lambda _: None,
        *,
        is_commit: bool = False,
        written: str | None = None,
        filters: Filters | None = None,
    ) -> None:
        self.filters = filters or Filters(bare)
        self.before = before
        self._bare = bare
        self._tree = tree
        self._commit = commit
        self._before = self._written()
        self._committed = written or self._before
        self._is_commit = is_commit or (
            commit is not None and self._committed == bare.line("rev-parse", f"{commit}^{{tree}}")
        )
        tree.give_git(bare, commit)

    def stand_on_another_commit(self) -> None:
        """Let the commands find these files in another commit than they are of."""
        self._tree.give_git(self._bare, self._commit, is_other=True)

    def read(self, name: str) -> bytes | None:
        """A file's bytes, None if it is not there."""
        path = Path(os.path.realpath(self._tree.folder / name))
        is_inside = path.is_relative_to(os.path.realpath(self._tree.folder))
        return path.read_bytes() if is_inside and path.is_file() else None

    def image_files(self, folder: str) -> dict[str, bytes]:
        found = {name: self.read(f"{folder}/{name}") for name in FILES}
        return {name: data for name, data in found.items() if data is not None}

    def write(self, name: str, data: bytes) -> None:
        """Put a file there, whatever is there; nothing becomes of the commit."""
        path = self._tree.folder / name
        if not path.parent.resolve().is_relative_to(self._tree.folder.resolve()):
            raise Refused(f"{shown(name)} leads out of the checkout", remedy="let it be a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(data)

    def texts(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """The files at or below some paths, as they were last looked at, and their bytes."""
        listed = self._bare(
            "--literal-pathspecs", "ls-files", "-z", "--", *paths, env=self._tree.env
        )
        for name in names(listed):
            if (data := self.read(name)) is not None:
                yield name, data

    def run(self, command: str, seconds: float) -> None:
        """Run an entry point in it; raises what `run_entry_point` raises."""
        run_entry_point(
            command,
            folder=self._tree.folder,
            home=_home(self._tree),
            seconds=seconds,
            objects=object_folders(self._bare.folder / "objects"),
        )

    def changed(self) -> dict[str, str]:
        """The files that are not as they were at first, each with what it is now."""
        parts = names(self._bare("diff-tree", "-r", "-z", self._before, self._written()))
        return {
            path: " ".join((mode, sha))
            for about, path in zip(parts[::2], parts[1::2], strict=False)
            for _, mode, _, sha, _ in [about.split(" ")]
            if not self._is_cleaned(path)
        }

    def _is_cleaned(self, path: str) -> bool:
        """Whether a filter makes of a file what is committed."""
        data = self.read(path) if path in self.filters.by_path else None
        sha = self.filters.cleaned(path, data) if data is not None else None
        if sha is None:
            return False
        code, committed, _ = self._bare.attempt("rev-parse", f"{self._committed}:{path}")
        return code == 0 and line(committed) == sha

    def parent(self) -> str | None:
        """The first parent of the commit that these files were, at first; None if they were none's,
        or there is no parent."""
        if self._commit is None or not self._is_commit:
            return None
        return next(iter(parents_in(self._bare.blob(self._commit, "commit"))), None)

    def changed_since(self, parent: str) -> list[str]:
        """The files that the commit changed, of whose parent the trees are here."""
        options = ("-r", "-z", "--name-only")
        return names(self._bare("diff-tree", *options, parent, self._commit or self._before))

    def _written(self) -> str:
        self._tree.stage(self._bare, LOCAL_SECONDS)
        return self._bare.line("write-tree", "--missing-ok", env=self._tree.env)


class Source(Protocol):
    """What is to be checked: it can be checked out again and again, each time in an empty folder.

    Raises, from every method:
        Refused: it is none, or there is no such commit.
        FilterFailed: a filter that is configured does not work here.
        Unreachable: the repository can't be read.
    """

    def files(self, scratch: Path) -> Checkout:
        """The files."""

    def commit(self, sha: str, scratch: Path) -> Checkout:
        """A commit of the same repository."""


class Local(Struct, frozen=True):
    """A checkout on this machine, or a folder in one."""

    folder: Path

    def files(self, scratch: Path) -> Checkout:
        """A copy: the files that are or would be committed, as they would be, checked out by the
        repository's own attributes.

        Line ends in the checkout may be others, as its owner's Git is configured. What goes through
        a filter is copied as it is there: the owner has the filter, or else nobody here has.
        """
        if not self.folder.is_dir():
            raise self._is_none("there is no such folder")
        code, top, said = Git(self.folder).attempt("rev-parse", "--show-toplevel")
        if code != 0:
            raise self._is_none(" ".join(said.split()))
        source = Git(Path(line(top)))
        bare, tree = _borrowing(source, scratch), _empty(scratch)
        written, filters = _as_committed(source, bare, tree, scratch)
        code, head, _ = source.attempt("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        commit = line(head) if code == 0 else None

        def before(name: str) -> bytes | None:
            """As HEAD has it, if that is another; else as HEAD's parent has it."""
            now = tree.folder / name
            mine = now.read_bytes() if now.is_file() else None
            for commit in ("HEAD", "HEAD^"):
                code, data, _ = source.attempt("cat-file", "blob", f"{commit}:{name}")
                if code == 0 and data != mine:
                    return data
            return mine

        return Checkout(bare, tree, commit, before, written=written, filters=filters)

    def commit(self, sha: str, scratch: Path) -> Checkout:
        bare, tree = _borrowing(Git(self.folder), scratch), _empty(scratch)
        try:
            bare(tree.option, "read-tree", "--reset", "-u", sha, env=tree.env)
        except GitError:
            raise Refused(
                f"there is no commit {shown(sha)} in this checkout", remedy="fetch it"
            ) from None
        return Checkout(bare, tree, sha, is_commit=True)

    def _is_none(self, why: str) -> Refused:
        return Refused(
            f"{str(self.folder)!r} is not a checkout that Git can read: {one_line(why)}",
            remedy="give the folder of a checkout of cfg-app.git, and mend what Git says of it",
        )


class Remote(Struct, frozen=True):
    """A commit of a repository somewhere else, by its full SHA."""

    repository: Repository
    sha: str

    def files(self, scratch: Path) -> Checkout:
        return self.commit(self.sha, scratch)

    def commit(self, sha: str, scratch: Path) -> Checkout:
        repository = self.repository
        if not repository.exists(sha):
            raise Refused(
                f"there is no commit {shown(sha)}", remedy="give one that the repository has"
            )
        tree = _empty(scratch)
        try:
            repository.check_out(sha, tree)
        except Unreachable as error:
            repository.git("read-tree", "--reset", sha, env=tree.env)
            filters = Filters.of(repository.git, repository.git, tree)
            if filters.by_path:
                raise filters.failed(error.what) from None
            raise

        def before(name: str) -> bytes | None:
            parents = repository.parents(sha)
            if not parents or not repository.exists(parents[0], [name]):
                return None
            return repository.files(parents[0], [name]).get(name)

        filters = Filters.of(repository.git, repository.git, tree)
        return Checkout(repository.git, tree, sha, before, is_commit=True, filters=filters)


def _borrowing(source: Git, scratch: Path) -> Git:
    """A bare repository that has the objects of a checkout on this machine."""
    bare = mirror.made(scratch / "mirror.git")
    where = ("rev-parse", "--path-format=absolute", "--git-path")
    objects, shallow = (Path(source.line(*where, name)) for name in ("objects", "shallow"))
    mirror.borrow(bare, objects, shallow)
    no_filters = configured(without_filters(source))
    return Git(bare, {"GIT_DIR": str(bare), **_OWN_ATTRIBUTES, **no_filters})


def _as_committed(source: Git, bare: Git, tree: Tree, scratch: Path) -> tuple[str, Filters]:
    """Check out what would be committed if all files of a checkout were, now: as which tree.

    Git says what that is, by its owner's configuration, in another index and with another place for
    new objects: nothing changes in the checkout.
    """
    index = scratch / "theirs"
    theirs = Path(source.line("rev-parse", "--path-format=absolute", "--git-path", "index"))
    if theirs.exists():
        shutil.copy2(theirs, index)  # its time says which files may have changed since
    env = {
        "GIT_INDEX_FILE": str(index),
        "GIT_OBJECT_DIRECTORY": str(bare.folder / "objects"),
        **configured(UNCHANGED),
    }
    _, tracked, _ = source.attempt("ls-files", "-z", "--stage", env=env)
    code, _, said = source.attempt("add", "-A", env=env)
    if code != 0:
        failed = GitError(("add",), code, said)
        filters = Filters.of(source, source, Tree(source.folder, index))
        raise filters.failed(failed.said) if filters.by_path else failed
    _take_back(source, tracked, env)
    written = source.line("write-tree", "--missing-ok", env=env)
    refuse_sha_256(written, shown_path(source.folder))
    bare(tree.option, "read-tree", "--reset", "-u", written, env=tree.env)
    filters = Filters.of(source, bare, tree)
    for name in filters.by_path:
        here, copy = source.folder / name, tree.folder / name
        if all(one.is_file() and not one.is_symlink() for one in (here, copy)):
            shutil.copyfile(here, copy)
    return written, filters


def _take_back(source: Git, tracked: bytes, env: Mapping[str, str]) -> None:
    """Let those files be as they were of which nobody changed the content.

    That is what Git would check out, even if it would now put it otherwise into a commit, by
    attributes or filters that only this owner has.

    Args:
        tracked: the entries of the index before; `env` has the one with all that is there now.
    """
    now = _entries(source("ls-files", "-z", "--stage", env=env))
    for path, (_, sha) in _entries(tracked).items():
        mode, new = now.get(path, ("", sha))
        file = source.folder / path
        if new == sha or file.is_symlink() or not file.is_file():
            continue
        code, out, _ = source.attempt("cat-file", "--filters", f"--path={path}", sha, env=env)
        if code == 0 and out == file.read_bytes():
            entry = f"{mode} {sha} 0\t{path}\0".encode(errors="surrogateescape")
            source("update-index", "-z", "--index-info", data=entry, env=env)


def _entries(staged: bytes) -> dict[str, tuple[str, str]]:
    """An index: by path mode and blob, but for those that a merge left open."""
    found = {}
    for entry in names(staged):
        about, _, path = entry.partition("\t")
        mode, sha, stage = about.split(" ")
        if stage == "0":
            found[path] = mode, sha
    return found


def _empty(scratch: Path) -> Tree:
    tree = Tree(scratch / "checkout", scratch / "index")
    tree.folder.mkdir()
    _home(tree).mkdir()
    return tree


def _home(tree: Tree) -> Path:
    """The home of the commands that run in a work tree."""
    return tree.folder.with_name("home")
