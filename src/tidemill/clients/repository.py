"""A repository somewhere else, through a bare repository of this run's own.

Nothing is cloned: refs are listed, then the tips are fetched without history and without
blobs, then the few blobs that are read, all at once. The URL is never written to a file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from tidemill.clients.git import REMOTE_SECONDS, Git, GitError, configured, redacted
from tidemill.clients.objects import Objects
from tidemill.clients.scratch import scratch
from tidemill.clients.store import (
    Committed,
    Declined,
    Pushed,
    PushResult,
    Raced,
    Refs,
    Update,
    Work,
    WorkResult,
)
from tidemill.clients.worktree import Worktree
from tidemill.errors import Refused, TidemillError, Unreachable

_CONFIG = """\
[core]
\trepositoryformatversion = 1
\tbare = true
\tautocrlf = false
\tsafecrlf = false
\teol = lf
\tfileMode = true
\tsymlinks = true
\tignoreCase = false
\tfsmonitor = false
\tuntrackedCache = false
\thooksPath = /dev/null
\texcludesFile = /dev/null
\tattributesFile = /dev/null
\tfsync = none
[i18n]
	commitEncoding = UTF-8
[extensions]
\tpartialClone = origin
[gc]
\tauto = 0
[maintenance]
\tauto = false
[fetch]
\tnegotiationAlgorithm = noop
\trecurseSubmodules = false
[push]
\tnegotiate = false
\tgpgSign = false
\tfollowTags = false
[color]
\tui = false
"""
_SERVE = "git -c uploadpack.allowFilter=true -c uploadpack.allowAnySHA1InWant=true upload-pack"
_DEPTHS = (64, 1024, 2**31 - 1)


class Repository(Objects):
    """See `tidemill.clients.store.Store` for what each method promises."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._folder = folder
        self._where = redacted(url)
        mirror = folder / "mirror.git"
        for below in ("objects/info", "objects/pack", "refs"):
            (mirror / below).mkdir(parents=True)
        (mirror / "HEAD").write_text("ref: refs/heads/none\n")
        (mirror / "config").write_text(_CONFIG)
        super().__init__(Git(mirror, _remote_environment(url, mirror)))
        self._worktree: Worktree | None = None
        self._here: set[str] = set()

    def refs(self) -> Refs:
        """List all refs."""
        lines = (
            self._remote("ls-remote", "--symref", "origin")
            .decode(errors="surrogateescape")
            .splitlines()
        )
        head, shas = None, {}
        for line in lines:
            left, _, ref = line.partition("\t")
            if left.startswith("ref: ") and ref == "HEAD":
                head = left.removeprefix("ref: refs/heads/")
            elif ref.startswith("refs/") and not ref.endswith("^{}"):
                shas[ref] = left
        return Refs(shas, head)

    def fetch(self, tips: Sequence[str], facts: Iterable[str], names: Sequence[str] = ()) -> None:
        """Get trees, then at once the blobs that will be read."""
        facts = list(facts)
        self._fetch_commits([*tips, *facts])
        wanted = {sha for commit in facts for _, sha in self.listing(commit)}
        for tip in tips[:1]:
            wanted |= {sha for path, sha in self.listing(tip) if path.rpartition("/")[2] in names}
        self._fetch_blobs(wanted)

    def fetch_below(self, commit: str, paths: Sequence[str]) -> None:
        """Get a commit's trees and the files at or below `paths`."""
        self._fetch_commits([commit])
        self._fetch_blobs({sha for path in paths for _, sha in self.listing(commit, path)})

    def exists(self, commit: str) -> bool:
        """Whether the repository has a commit."""
        try:
            self._fetch_commits([commit])
        except Unreachable:
            self.refs()  # says so if nothing can be read at all: then this is no answer
            return False
        return self.git.attempt("cat-file", "-e", f"{commit}^{{commit}}")[0] == 0

    def is_ancestor(self, ancestor: str, commit: str) -> bool:
        """Deepen `commit`'s history, without trees, until `ancestor` is found or it ends."""
        if ancestor == commit:
            return True
        folder = self._history()
        history = Git(folder, _remote_environment(self._url, folder))
        for depth in _DEPTHS:
            options = ("--quiet", "--no-tags", f"--depth={depth}", "--filter=tree:0")
            self._remote("fetch", *options, "origin", commit, git=history)
            if history.attempt("merge-base", "--is-ancestor", ancestor, commit)[0] == 0:
                return True
            count = int(history("rev-list", "--count", commit))
            if count < depth:
                return False
        return False

    def work(self, work: Work) -> WorkResult:
        """Do an operation in a checkout, and commit it."""
        if self._worktree is None:
            self._worktree = Worktree(self.git, self._folder)
        self._fetch_commits([work.parent])
        result = self._worktree.do(work)
        if isinstance(result, Committed):
            is_checked_out = bool(work.entry or work.generate)
            below = "" if is_checked_out else work.folder
            self._here.update((result.sha, *(blob for _, blob in self.listing(result.sha, below))))
        return result

    def files(self, commit: str, paths: Sequence[str]) -> dict[str, bytes]:
        """Of `paths` those that are files in a commit, with their bytes."""
        self._fetch_blobs({sha for path in paths for _, sha in self.listing(commit, path)})
        return super().files(commit, paths)

    def mentions(self, commit: str, paths: Sequence[str], words: Sequence[str]) -> set[str]:
        """The files of a commit at or below `paths` that contain one of `words` on its own."""
        self._fetch_blobs({sha for path in paths for _, sha in self.listing(commit, path)})
        return super().mentions(commit, paths, words)

    def push(self, updates: Sequence[Update]) -> PushResult:
        """Write all updates or none; after a refusal look at the refs, not at the words."""
        leases = [f"--force-with-lease={update.ref}:{update.old or ''}" for update in updates]
        changes = [f"{update.new or ''}:{update.ref}" for update in updates]
        arguments = ("push", "--porcelain", "--atomic", "--no-verify", *leases, "origin", *changes)
        try:
            code, out, err = self.git.attempt(*arguments, seconds=REMOTE_SECONDS)
        except TidemillError as error:
            code, out, err = 1, b"", error.what
        if code == 0:
            return Pushed()
        try:
            found = self.refs()
        except TidemillError as error:
            error.written = "unknown: the push may have arrived; the next turn sees"
            raise
        if all(found.get(update.ref) == update.new for update in updates):
            return Pushed()
        for update in updates:
            if found.get(update.ref) != update.old:
                return Raced(update.ref, update.old, found.get(update.ref))
        return Declined(_said(out.decode(errors="replace"), err))

    def _fetch_commits(self, commits: Sequence[str]) -> None:
        missing = [commit for commit in dict.fromkeys(commits) if commit not in self._here]
        if missing:
            self._fetch(["--depth=1", "--filter=blob:none"], missing)
            self._here.update(missing)

    def _fetch_blobs(self, blobs: set[str]) -> None:
        if missing := sorted(blobs - self._here):
            self._fetch([], missing)
            self._here.update(missing)

    def write(
        self, files: Mapping[str, bytes], parent: str | None, message: str, date: datetime
    ) -> str:
        """Make a commit whose tree holds `files` and nothing else, and return its SHA."""
        sha = super().write(files, parent, message, date)
        self._here.update((sha, *(blob for _, blob in self.listing(sha))))
        return sha

    def _fetch(self, options: Sequence[str], objects: Sequence[str]) -> None:
        data = "".join(f"{one}\n" for one in objects).encode()
        arguments = (
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            *options,
            "--stdin",
            "origin",
        )
        self._remote(*arguments, data=data)

    def _remote(self, *arguments: str, data: bytes | None = None, git: Git | None = None) -> bytes:
        try:
            return (git or self.git)(*arguments, data=data, seconds=REMOTE_SECONDS)
        except GitError as error:
            raise Unreachable(
                f"{self._where} could not be read: {error.said}",
                remedy="check the address, the network and the right to read it, then run it again",
            ) from None

    def _history(self) -> Path:
        folder = self._folder / "history.git"
        if not folder.exists():
            for below in ("objects/info", "objects/pack", "refs"):
                (folder / below).mkdir(parents=True)
            (folder / "HEAD").write_text("ref: refs/heads/none\n")
            (folder / "config").write_text(_CONFIG)
        return folder


@contextmanager
def opened(url: str) -> Iterator[Repository]:
    """A repository for one run; `url` is anything that `git clone` takes.

    Raises:
        Refused: `url` could be taken for an option.
    """
    if not url or url.startswith("-"):
        raise Refused(
            f"{url!r} is not the address of a repository", remedy="give what git clone takes"
        )
    with scratch() as folder:
        repository = Repository(_absolute(url), folder)
        try:
            yield repository
        finally:
            repository.close()


def _remote_environment(url: str, folder: Path) -> Mapping[str, str]:
    """The repository and its remote, in the environment: the URL may hold a password."""
    settings = {
        "remote.origin.url": url,
        "remote.origin.promisor": "true",
        "remote.origin.partialclonefilter": "blob:none",
    }
    if _is_path(url) or url.startswith("file://"):
        settings["remote.origin.uploadpack"] = _SERVE
    return {"GIT_DIR": str(folder), **configured(settings)}


def _absolute(url: str) -> str:
    """A path in full, looked for as Git does it; any other address as it is."""
    found = next((path for path in (f"{url}/.git", url, f"{url}.git") if _is_path(path)), None)
    return os.path.realpath(found) if found else url


def _is_path(url: str) -> bool:
    """Whether `url` is a path that exists; not even a path, if it is too long for one."""
    return os.path.exists(url)  # noqa: PTH110 - Path.exists raises for what can't be a path


def _said(out: str, err: str) -> str:
    """What the server said, in one line, for people."""
    refused = [line.split("\t")[-1] for line in out.splitlines() if line.startswith("!")]
    remarks = [
        line.removeprefix("remote:").strip()
        for line in err.splitlines()
        if line.startswith("remote:")
    ]
    words = [part for part in (*dict.fromkeys(remarks), *dict.fromkeys(refused)) if part]
    return redacted(
        "; ".join(words) or " | ".join(err.split("\n")).strip(" |") or "no reason given"
    )[:500]
