"""A checkout of app.git on this machine: which commit it is of, and copies of it."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Collection, Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path

from msgspec import Struct

from tidemill.announcing.origin import Origin
from tidemill.clients.git.git import US, Git, GitError, by, configured, lines
from tidemill.clients.git.remote import owner_of_another, reach, refuse_sha_256, trusting
from tidemill.clients.machine import person
from tidemill.errors import Refused, TidemillError
from tidemill.words.names import checked_branch, checked_sha, is_repository, shown, shown_path
from tidemill.words.urls import host_and_path

_HEADS = "refs/heads/"
# 9 September 2001: any other time will do, but not all archives can hold one before 1980.
_OTHER_TIME = 1_000_000_000
_SECOND_DAY = 86400


class Given(Struct, frozen=True):
    """What the caller says of the commit; what it does not say is asked of Git."""

    sha: str | None = None
    branch: str | None = None
    repository: str | None = None
    position: int | None = None
    run_url: str | None = None
    generation: int = 1


class _Status(Struct, frozen=True):
    """What Git says of a checkout: its commit and its branch, empty if it has none; `error` if it
    can't be asked."""

    sha: str = ""
    branch: str = ""
    is_changed: bool = False
    error: GitError | None = None


class AppCheckout:
    """The checkout that a folder is in, as it was when it was first asked about."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._git = Git(folder)

    @property
    def is_one(self) -> bool:
        """Whether Git finds a repository with a commit there."""
        if self._top() is None:
            return False
        try:
            status = self._status
        except TidemillError:  # there is no Git on this machine
            return False
        if status.error:
            said = shown(status.error.output[:300])
            raise self._of_another_user() or Refused(
                f"Git does not read the checkout of {shown_path(self.folder)}: {said}",
                remedy="do what Git says; or give --sha and --branch",
            )
        return bool(status.sha)

    @cached_property
    def _status(self) -> _Status:
        """One call says all of it."""
        options = ("--porcelain=v2", "--branch", "--no-ahead-behind", "--untracked-files=no")
        code, out, said = self._git.attempt("status", *options)
        if code:
            return _Status(error=GitError(("status",), code, said))
        start = "# branch."
        told = lines(out.decode(errors="replace").encode())
        found = dict(
            line.removeprefix(start).split(" ", 1) for line in told if line.startswith(start)
        )
        sha, branch = found["oid"], found["head"]
        return _Status(
            "" if sha == "(initial)" else sha,
            "" if branch == "(detached)" else branch,
            any(not line.startswith("#") for line in told),
        )

    def _top(self) -> Path | None:
        """The nearest folder with a `.git`, as far as one can see without Git."""
        here = self.folder.resolve()
        return next((one for one in (here, *here.parents) if (one / ".git").exists()), None)

    def _of_another_user(self) -> Refused | None:
        """Why Git does not read a checkout, if that is whose it is."""
        top = self._top()
        owner = owner_of_another(top, top / ".git") if top else None
        if top is None or owner is None:
            return None
        return Refused(
            f"Git does not read {shown_path(top)}, because it belongs to another user (uid "
            f"{owner}; this is uid {os.geteuid()})",
            remedy=trusting(top),
        )

    def sha(self, given: Given) -> str:
        """The commit; raise `Refused` if there is none and none is given."""
        if given.sha is not None:
            return checked_sha(given.sha, "commit of app.git")
        if not self._status.sha:
            error = self._status.error
            said = f" (git says: {shown(error.output.strip())})" if error else ""
            raise self._of_another_user() or Refused(
                f"{shown_path(self.folder)} is not a checkout with a commit, so there is no SHA "
                f"to tag with{said}",
                remedy="run it in a checkout of app.git, or give --sha and --branch",
            )
        refuse_sha_256(self._status.sha, shown_path(self.folder))
        return self._status.sha

    def branch(self, given: Given) -> str:
        """The branch: the workflow's where the checkout has none; `Refused` if nobody knows."""
        if given.branch is not None:
            return checked_branch(given.branch)
        if branch := self._status.branch:
            return checked_branch(branch)
        ref = os.environ.get("GITHUB_REF", "")
        if not ref.startswith(_HEADS):
            raise Refused(
                "the checkout is of no branch, so there is no branch to tag with",
                remedy="give --branch",
            )
        return checked_branch(ref.removeprefix(_HEADS))

    def missing_submodules(self) -> list[str]:
        """The submodules below the folder that are not checked out: each is an empty folder."""
        top = self._top()
        if top is None or not (top / ".gitmodules").exists():
            return []
        try:
            _, out, _ = self._git.attempt("ls-files", "--stage", "-z")
        except TidemillError:  # there is no Git on this machine
            return []
        every = (line.partition(b"\t") for line in out.split(b"\0"))
        paths = [os.fsdecode(path) for about, _, path in every if about.startswith(b"160000 ")]
        return [path for path in paths if not (self.folder / path / ".git").exists()]

    def is_changed(self) -> bool:
        """Whether a file that Git knows has changes that are not committed."""
        if error := self._status.error:
            raise error
        return self._status.is_changed

    def first_parent(self, sha: str) -> str | None:
        """The commit before it on its branch; None if it is the first. A shallow clone will do.

        Raises:
            Refused: the checkout has no such commit.
        """
        code, out, _ = self._git.attempt("cat-file", "commit", sha)
        if code:
            raise Refused(
                f"the commit {sha} is not in {shown_path(self.folder)}, so the one before it is "
                "not known",
                remedy="run it in a checkout with that commit, or give --base",
            )
        told = lines(out.partition(b"\n\n")[0])
        return next((line[7:] for line in told if line.startswith("parent ")), None)

    def is_before(self, base: str, sha: str) -> bool:
        """Whether a commit leads to another one, as far as the checkout knows."""
        ancestor = self._git.attempt("merge-base", "--is-ancestor", base, sha)[0] == 0
        return ancestor and base != sha

    def origin(self, given: Given) -> Origin:
        """All that an announcement says of the commit.

        Raises:
            Refused: something is neither given nor to be found.
        """
        sha = self.sha(given)
        return Origin(
            repository=given.repository or self._repository(),
            branch=self.branch(given),
            sha=sha,
            position=self._position(sha) if given.position is None else given.position,
            run_url=given.run_url or person.run_url(),
            generation=given.generation,
        )

    def copy(self, to: Path, *, strange: bool, whole: bool) -> Path:
        """Copy the checkout, with its repository, and return this folder in the copy.

        Submodules come without theirs. Of files that Git does not know, empty folders stay behind.

        Args:
            strange: make it another commit with the same files, as it might be elsewhere: under
                umask 077, written in another order and at another time.
            whole: copy the files that Git ignores, too.
        """
        here = self.folder.resolve()
        if self.is_one:
            top = Path(self._git.line("rev-parse", "--show-toplevel"))
            self._clone(top, to, another=strange)
            names = _all_in(top, but={".git"})
            if not whole:  # what is no file, Git does not list
                names = chain(_known(top), (name for name in names if _is_odd(top / name)))
        else:
            top = here
            names = _all_in(top)
        for name in sorted(names, reverse=strange):
            _copy(top / name, to / name)
        if strange:
            for path in (to, *to.rglob("*")):
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode & 0o700)
                    os.utime(path, (_OTHER_TIME, _OTHER_TIME))
        return to / here.relative_to(top)

    def _clone(self, top: Path, to: Path, *, another: bool) -> None:
        """A repository in `to` with the same commits, and one more if it is to be `another`."""
        own = configured({"core.hooksPath": os.devnull, "commit.gpgSign": "false"})
        self._git("clone", "--quiet", "--shared", "--no-checkout", str(top), str(to), env=own)
        there = Git(to, by(*US, _SECOND_DAY) | own)
        there("reset", "--quiet")
        if another:
            there("commit", "--quiet", "--allow-empty", "--message", "The same files again")

    def _repository(self) -> str:
        """`owner/name`, of the workflow, or of the address that origin has."""
        if os.environ.get("GITHUB_REPOSITORY"):
            return os.environ["GITHUB_REPOSITORY"]
        host, path = host_and_path(self._git.address() or "")
        name = path if host else "/".join(path.rpartition(":")[2].split("/")[-2:])
        if not is_repository(name) or "/" not in name:
            raise Refused(
                "the checkout does not say which repository it is of",
                remedy="give --repository owner/name",
            )
        return name

    def _position(self, sha: str) -> int:
        """How many commits lead to it; a shallow clone is deepened first (design.md 7)."""
        if self._git.attempt("rev-parse", "--is-shallow-repository")[1].strip() == b"true":
            options = ("--quiet", "--unshallow", "--no-tags", "--no-recurse-submodules")
            fetch = ("fetch", *options, "origin")
            code, _, said = reach(self._git, self._git.address() or "", *fetch)
            if code:
                why = GitError(fetch, code, said).said
                raise Refused(
                    f"this clone is shallow and can't be deepened ({why}), so the commits "
                    "that lead to this one can't be counted",
                    remedy="check out with fetch-depth: 0, or give --position",
                )
        code, out, _ = self._git.attempt("rev-list", "--count", sha)
        if code:
            raise Refused(
                f"the commit {sha} is not in {shown_path(self.folder)}, so the commits that lead "
                "to it can't be counted",
                remedy="run it in a checkout with that commit, or give --position",
            )
        return int(out)


def _all_in(top: Path, but: Collection[str] = ()) -> Iterator[str]:
    """The paths of all that is below a folder, without what has one of those names."""
    for parent, folders, files in os.walk(top):
        folders[:] = [name for name in folders if name not in but]
        for name in (*folders, *files):
            if name not in but:
                yield str(Path(parent, name).relative_to(top))


def _known(top: Path) -> Iterator[str]:
    """The paths of the files that Git does not ignore, those of submodules too."""
    for name in Git(top).files():
        yield name
        if not (top / name).is_symlink() and (top / name / ".git").exists():
            yield from (str(Path(name, below)) for below in _known(top / name))


def _is_odd(path: Path) -> bool:
    """Whether it is neither a file, a folder nor a link."""
    kind = stat.S_IFMT(path.lstat().st_mode)
    return kind not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)


def _copy(source: Path, to: Path) -> None:
    """Copy a file, a link, or a folder without what is in it; what is none of them stays that."""
    if source.is_symlink() or source.is_file():
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, to, follow_symlinks=False)
    elif source.is_dir():
        to.mkdir(parents=True, exist_ok=True)
    elif source.exists():
        to.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(to)
