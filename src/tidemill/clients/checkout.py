"""The files of one commit of cfg-app.git, in a folder of this run, to be checked there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tidemill.app.names import shown
from tidemill.clients import mirror
from tidemill.clients.entrypoints import run_entry_point
from tidemill.clients.git import LOCAL_SECONDS, Git, GitError
from tidemill.clients.mirror import Tree, object_folders
from tidemill.clients.objects import parents_in
from tidemill.clients.repository import Repository
from tidemill.errors import Refused


class Checkout:
    """The files, and what a command changes in them.

    Args:
        bare: Git in a bare repository that has, or borrows, the objects.
        tree: where the files are, as its index has them.
        commit: what they are of, None if of none yet.
        home: an empty folder for the commands.
        before: a file's bytes in the commit before, None if it is not there.
        is_commit: whether they are all that is in the commit; else that is found out.
    """

    def __init__(
        self,
        bare: Git,
        tree: Tree,
        commit: str | None,
        home: Path,
        before: Callable[[str], bytes | None] = lambda _: None,
        *,
        is_commit: bool = False,
    ) -> None:
        self.before = before
        self._bare = bare
        self._tree = tree
        self._home = home
        self._commit = commit
        self._before = self._written()
        self._is_commit = is_commit or (
            commit is not None and self._before == _line(bare, "rev-parse", f"{commit}^{{tree}}")
        )
        tree.give_git(bare, commit)

    def read(self, name: str) -> bytes | None:
        """A file's bytes, None if it is not there."""
        path = Path(os.path.realpath(self._tree.folder / name))
        is_inside = path.is_relative_to(os.path.realpath(self._tree.folder))
        return path.read_bytes() if is_inside and path.is_file() else None

    def texts(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """The files at or below some paths, as they were last looked at, and their bytes."""
        listed = self._bare(
            "--literal-pathspecs", "ls-files", "-z", "--", *paths, env=self._tree.env
        )
        for name in _names(listed):
            if (data := self.read(name)) is not None:
                yield name, data

    def run(self, command: str, seconds: float) -> None:
        """Run an entry point in it; raises what `run_entry_point` raises."""
        run_entry_point(
            command,
            folder=self._tree.folder,
            home=self._home,
            seconds=seconds,
            objects=object_folders(self._bare.folder / "objects"),
        )

    def changed(self) -> dict[str, str]:
        """The files that are not as they were at first, each with what it is now."""
        listed = self._bare("diff-tree", "-r", "-z", self._before, self._written())
        parts = listed.decode(errors="surrogateescape").split("\0")
        return {
            path: " ".join((mode, sha))
            for about, path in zip(parts[::2], parts[1::2], strict=False)
            for _, mode, _, sha, _ in [about.split(" ")]
        }

    def parent(self) -> str | None:
        """The first parent of the commit that these files were, at first; None if they were none's,
        or there is no parent."""
        if self._commit is None or not self._is_commit:
            return None
        return next(iter(parents_in(self._bare.blob(self._commit, "commit"))), None)

    def changed_since(self, parent: str) -> list[str]:
        """The files that the commit changed, of whose parent the trees are here."""
        options = ("-r", "-z", "--name-only")
        return _names(self._bare("diff-tree", *options, parent, self._commit or self._before))

    def _written(self) -> str:
        """The files as a tree of Git."""
        self._tree.stage(self._bare, LOCAL_SECONDS)
        written = self._bare("write-tree", "--missing-ok", env=self._tree.env)
        return written.decode().strip()


def origin(folder: Path) -> str | None:
    """The address of the remote `origin` of the checkout that a folder is in, if there is one."""
    code, address, _ = Git(folder).attempt("remote", "get-url", "origin")
    return address.decode(errors="surrogateescape").rstrip("\n") if code == 0 else None


class Source(Protocol):
    """What is to be checked: it can be checked out again and again."""

    def files(self, scratch: Path) -> Checkout:
        """The files, in an empty folder; raises what `copied` or `fetched` raises."""
        ...

    def commit(self, sha: str, scratch: Path) -> Checkout:
        """A commit of the same repository; raises `Refused` if it is not there."""
        ...


@dataclass(frozen=True)
class Local:
    """A checkout on this machine."""

    folder: Path

    def files(self, scratch: Path) -> Checkout:
        """See `Source`."""
        return copied(self.folder, scratch)

    def commit(self, sha: str, scratch: Path) -> Checkout:
        """See `Source`."""
        bare = _borrowing(Git(self.folder), scratch)
        tree, home = _empty(scratch)
        try:
            bare(tree.option, "read-tree", "--reset", "-u", sha, env=tree.env)
        except GitError:
            raise Refused(
                f"there is no commit {shown(sha)} in this checkout", remedy="fetch it"
            ) from None
        return Checkout(bare, tree, sha, home, is_commit=True)


@dataclass(frozen=True)
class Remote:
    """A commit of a repository somewhere else."""

    repository: Repository
    sha: str

    def files(self, scratch: Path) -> Checkout:
        """See `Source`."""
        return fetched(self.repository, self.sha, scratch)

    def commit(self, sha: str, scratch: Path) -> Checkout:
        """See `Source`."""
        return fetched(self.repository, sha, scratch)


def copied(folder: Path, scratch: Path) -> Checkout:
    """A copy of a checkout on this machine: the files that are or would be committed.

    Args:
        folder: the checkout, or a folder in it.
        scratch: an empty folder for the copy.

    Raises:
        Refused: it is none.
    """
    source = Git(folder)
    if not folder.is_dir() or source.attempt("rev-parse", "--show-toplevel")[0] != 0:
        raise Refused(
            f"{str(folder)!r} is not a checkout",
            remedy="give the folder of a checkout of cfg-app.git",
        )
    top = Path(_line(source, "rev-parse", "--show-toplevel"))
    bare = _borrowing(source, scratch)
    tree, home = _empty(scratch)
    listed = Git(top)("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in _names(listed):
        if (top / name).is_symlink() or (top / name).is_file():
            (tree.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(top / name, tree.folder / name, follow_symlinks=False)
    code, head, _ = source.attempt("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    commit = head.decode().strip() if code == 0 else None

    def before(name: str) -> bytes | None:
        """As HEAD has it, if that is another; else as HEAD's parent has it."""
        now = tree.folder / name
        mine = now.read_bytes() if now.is_file() else None
        for commit in ("HEAD", "HEAD^"):
            code, data, _ = source.attempt("cat-file", "blob", f"{commit}:{name}")
            if code == 0 and data != mine:
                return data
        return mine

    return Checkout(bare, tree, commit, home, before)


def fetched(repository: Repository, commit: str, scratch: Path) -> Checkout:
    """A commit of a repository somewhere else.

    Args:
        commit: its full SHA.
        scratch: an empty folder for the files.

    Raises:
        Refused: the repository does not have it.
        Unreachable: the repository can't be read.
    """
    if not repository.exists(commit):
        raise Refused(
            f"there is no commit {shown(commit)}", remedy="give one that the repository has"
        )
    tree, home = _empty(scratch)
    repository.check_out(commit, tree)

    def before(name: str) -> bytes | None:
        parents = repository.parents(commit)
        if not parents or not repository.exists(parents[0], [name]):
            return None
        return repository.files(parents[0], [name]).get(name)

    return Checkout(repository.git, tree, commit, home, before, is_commit=True)


def _borrowing(source: Git, scratch: Path) -> Git:
    """A bare repository that has the objects of a checkout on this machine."""
    bare = mirror.made(scratch / "mirror.git")
    where = ("rev-parse", "--path-format=absolute", "--git-path")
    objects = _line(source, *where, "objects")
    (bare / "objects/info/alternates").write_text(f"{objects}\n")
    shallow = Path(_line(source, *where, "shallow"))
    if shallow.exists():
        shutil.copyfile(shallow, bare / "shallow")
    return Git(bare, {"GIT_DIR": str(bare)})


def _empty(scratch: Path) -> tuple[Tree, Path]:
    tree, home = Tree(scratch / "checkout", scratch / "index"), scratch / "home"
    tree.folder.mkdir()
    home.mkdir()
    return tree, home


def _line(git: Git, *arguments: str) -> str:
    return git(*arguments).decode(errors="surrogateescape").rstrip("\n")


def _names(out: bytes) -> list[str]:
    return [name for name in out.decode(errors="surrogateescape").split("\0") if name]
