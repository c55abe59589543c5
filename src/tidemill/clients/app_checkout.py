"""A checkout of app.git on this machine: which commit it is of, and copies of it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from tidemill.app.names import checked_branch, checked_sha
from tidemill.app.origin import Origin
from tidemill.clients import person
from tidemill.clients.git import REMOTE_SECONDS, Git, GitError
from tidemill.errors import Refused

_HEADS = "refs/heads/"
_LATER = {"GIT_AUTHOR_DATE": "86400 +0000", "GIT_COMMITTER_DATE": "86400 +0000"}
_SOMEBODY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "tidemill"), ("EMAIL", "tidemill@users.noreply.github.com"))
}


@dataclass(frozen=True)
class Given:
    """What the caller says of the commit; what it does not say is asked of Git."""

    sha: str | None = None
    branch: str | None = None
    repository: str | None = None
    position: int | None = None
    run_url: str | None = None


class AppCheckout:
    """The checkout that a folder is in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._git = Git(folder)

    @property
    def is_one(self) -> bool:
        """Whether Git finds a repository with a commit there."""
        return self._git.attempt("rev-parse", "--verify", "--quiet", "HEAD")[0] == 0

    def sha(self, given: Given) -> str:
        """The commit; raise `Refused` if there is none and none is given."""
        if given.sha is not None:
            return checked_sha(given.sha, "commit of app.git")
        code, out, _ = self._git.attempt("rev-parse", "--verify", "HEAD^{commit}")
        if code:
            raise Refused(
                f"{self.folder} is not a checkout with a commit, so there is no SHA to tag with",
                remedy="run it in a checkout of app.git, or give --sha and --branch",
            )
        return out.decode().strip()

    def branch(self, given: Given) -> str:
        """The branch: the workflow's where the checkout has none; `Refused` if nobody knows."""
        if given.branch is not None:
            return checked_branch(given.branch)
        code, out, _ = self._git.attempt("symbolic-ref", "--quiet", "HEAD")
        ref = out.decode().strip() if code == 0 else os.environ.get("GITHUB_REF", "")
        if not ref.startswith(_HEADS):
            raise Refused(
                "the checkout is of no branch, so there is no branch to tag with",
                remedy="give --branch",
            )
        return checked_branch(ref.removeprefix(_HEADS))

    def is_changed(self) -> bool:
        """Whether a file that Git knows has changes that are not committed."""
        return bool(self._git("status", "--porcelain", "--untracked-files=no").strip())

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
        )

    def copy(self, to: Path, *, private: bool, anew: bool, whole: bool) -> None:
        """Copy the checkout, with its repository.

        Args:
            private: leave out the rights of the group and of others, as under umask 077.
            anew: put an empty commit on top, so that it is another commit with the same files.
            whole: copy the files that Git ignores, too.
        """
        if self.is_one:
            top = Path(self._git("rev-parse", "--show-toplevel").decode().strip())
            self._git("clone", "--quiet", "--shared", "--no-checkout", str(top), str(to))
            there = Git(to, _SOMEBODY | _LATER)
            there("reset", "--quiet")
            names = ["ls-files", "-z", "--cached", "--others"]
            out = Git(top)(*names, *(() if whole else ("--exclude-standard",)))
            for name in set(filter(None, os.fsdecode(out).split("\0"))):
                _copy_file(top / name, to / name)
            if anew:
                there("-c", "commit.gpgSign=false", "commit", "--quiet", "--no-verify",
                      "--allow-empty", "--message", "The same files again")  # fmt: skip
        else:
            shutil.copytree(self.folder, to, symlinks=True)
        if private:
            for path in (to, *to.rglob("*")):
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode & 0o700)

    def _repository(self) -> str:
        """`owner/name`, of the workflow, or at the end of the address that origin has."""
        if os.environ.get("GITHUB_REPOSITORY"):
            return os.environ["GITHUB_REPOSITORY"]
        code, out, _ = self._git.attempt("remote", "get-url", "origin")
        parts = out.decode().strip().removesuffix("/").removesuffix(".git").replace(":", "/")
        found = parts.split("/")[-2:]
        if code or len(found) != 2 or not all(found):
            raise Refused(
                "the checkout does not say which repository it is of",
                remedy="give --repository owner/name",
            )
        return "/".join(found)

    def _position(self, sha: str) -> int:
        """How many commits lead to it; a shallow clone is deepened first (design.md 7)."""
        if self._git("rev-parse", "--is-shallow-repository").strip() == b"true":
            try:
                fetch = ("fetch", "--quiet", "--unshallow", "--no-tags", "origin")
                self._git(*fetch, seconds=REMOTE_SECONDS)
            except GitError as error:
                raise Refused(
                    f"this clone is shallow and can't be deepened ({error.said}), so the commits "
                    "that lead to this one can't be counted",
                    remedy="check out with fetch-depth: 0, or give --position",
                ) from None
        return int(self._git("rev-list", "--count", sha))


def _copy_file(source: Path, to: Path) -> None:
    if source.is_symlink() or source.is_file():
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, to, follow_symlinks=False)
