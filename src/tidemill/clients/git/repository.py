"""A repository somewhere else, through a bare repository of this run's own.

Nothing is cloned: refs are listed, then the tips are fetched without history and without
blobs, then the few blobs that are read, all at once: three requests over one connection. The URL is
never written to a file.
"""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from tidemill.clients.git import mirror, past
from tidemill.clients.git.git import REMOTE_SECONDS, Git, GitError, causes
from tidemill.clients.git.mirror import Tree
from tidemill.clients.git.objects import (
    Objects,
    date_in,
    dated,
    first_line,
    parents_in,
    tree_in,
)
from tidemill.clients.git.reading import Reading
from tidemill.clients.git.remote import refuse_sha_256, remote
from tidemill.clients.git.store import (
    ALL_COMMITS,
    Committed,
    Declined,
    Logged,
    Pushed,
    PushResult,
    Raced,
    Update,
    Wanted,
    Work,
    WorkResult,
)
from tidemill.clients.git.worktree import Worktree
from tidemill.clients.machine.scratch import require_room, scratch
from tidemill.errors import Refused, TidemillError, TimeLimit, Unreachable
from tidemill.facts.image_files import paths_in
from tidemill.facts.refs import Refs
from tidemill.facts.staleness import FailedInspection, Inspection
from tidemill.words.names import SHA, one_line
from tidemill.words.urls import redacted, without_credentials

_T = TypeVar("_T")
_PAUSES = (0.5, 2.0)  # seconds
_DEPTHS = (64, 1024, ALL_COMMITS)
LONGEST_AUTHOR = 60
# A user's Git may be configured to push submodules in place of what it is asked to push.
_PUSH = ("push", "--porcelain", "--no-verify", "--no-recurse-submodules")
_LOOK_AT_GIT = "see how Git is configured: git config --show-origin --get-regexp '^push'"


class Repository(Objects):
    """See `tidemill.clients.git.store.Store` for what each method promises."""

    def __init__(self, url: str, folder: Path) -> None:
        self._origin = remote(url)
        self._folder = folder
        bare = mirror.made(folder / "mirror.git")
        super().__init__(Git(bare, self._origin.known(bare)))
        self._reached = self._origin.reached(bare)
        self._reading = Reading(self.git, self._origin)
        self._worktree: Worktree | None = None
        self._here: set[str] = set()
        self._past_here: tuple[str, int] = ("", 0)  # a tip, and how many commits of its history
        self._is_borrowed = False

    def refuse_partial(self) -> None:
        """Raise `Refused` where it is a clone without all files: their lack looks like a loss."""
        if not self._origin.is_partial or self._origin.folder is None:
            return
        whole = Git(self._origin.folder).address()
        named = shlex.quote(without_credentials(whole or ""))
        other = f"that it is of: --repo {named}" if whole else "itself"
        raise Refused(
            f"{self._origin.where} is a partial clone, made with --filter: it lacks files, and "
            "gives nobody those that it lacks",
            remedy=f"name the repository {other}; or make a whole clone, by git clone --mirror",
        )

    def begin(self) -> None:
        """Let the server be asked who it is, while this process does something else."""
        self._reading.begin()

    def refs(self) -> Refs:
        found = self._again(self._reading.refs)
        refuse_sha_256(next(iter(found.shas.values()), ""), self._origin.where)
        return found

    def fetch(self, tips: Sequence[str], facts: Iterable[str], names: Sequence[str] = ()) -> None:
        """Get trees, then at once the blobs that will be read."""
        facts = list(facts)
        self._fetch_commits([*tips, *facts])
        wanted = set().union(*map(self._blobs_below, facts))
        for tip in tips[:1]:
            wanted |= {sha for path, sha in self.listing(tip) if path.rpartition("/")[2] in names}
        self._fetch_blobs(wanted)

    def fetch_below(self, commit: str, paths: Sequence[str]) -> None:
        self.fetch_files({commit: paths})

    def fetch_files(self, places: Mapping[str, Sequence[str]], *, again: bool = True) -> None:
        self._fetch_commits(list(places), again=again)
        blobs = (self._blobs_below(one, paths) for one, paths in places.items())
        self._fetch_blobs(set().union(*blobs), again=again)

    def history(self, commit: str, most: int) -> list[Logged]:
        history = self._history(commit, most)
        # A user's Git may be configured to add signatures, and to print in another encoding.
        plain = ("--no-show-signature", "--encoding=UTF-8")
        wanted = ("--topo-order", "--reverse", "-z", "--format=%H %ct %P%n%an%n%B", commit)
        found = []
        for entry in history("log", *plain, *wanted).decode(errors="replace").split("\0"):
            head, _, rest = entry.partition("\n")
            author, _, message = rest.partition("\n")
            if head:
                sha, seconds, *parents = head.split()
                parent = next(iter(parents), None)
                found.append(Logged(sha, dated(int(seconds)), message, parent, _author(author)))
        return found[-most:]

    def commits(self, tip: str) -> list[str]:
        with self._lost():
            return past.commits(self._past(tip), tip)

    def count_since(self, tip: str, when: datetime, most: int = ALL_COMMITS) -> int:
        git = self._past(tip, most)
        with self._lost():
            return past.count_since(git, tip, when, most)

    def records(
        self, tip: str, name: str, most: int = ALL_COMMITS, is_wanted: Wanted | None = None
    ) -> tuple[Iterator[tuple[str, bytes]], bool]:
        git = self._past(tip, most)
        trees: dict[str, str] = {}  # by commit
        with self._lost():
            shas = past.commits(git, tip, most)
            is_whole = not parents_in(git.blob(shas[0], "commit"))
            git.close()
            for sha, data in zip(shas, past.contents(git, shas), strict=True):
                date = partial(date_in, data)  # to find it out for each would take long
                if not trees or is_wanted is None or is_wanted(date, first_line(data)):
                    trees[sha] = tree_in(data)
        if not self._is_borrowed:
            self._fetch(sorted({*trees.values()}), into=git, without="blob:none")
            with self._lost():
                blobs = {*past.blobs(git, [*trees.values()], name)}
            self._fetch(sorted(blobs), into=git)
        return self._paired(git, trees, name), is_whole

    def _paired(self, git: Git, trees: Mapping[str, str], name: str) -> Iterator[tuple[str, bytes]]:
        places = [f"{tree}:{name}" for tree in trees.values()]
        with self._lost():
            yield from zip(trees, past.contents(git, places), strict=True)

    def versions(self, places: Sequence[tuple[str, str]]) -> list[bytes]:
        """The files at some places; of a repository on this machine without copying it."""
        # Git is asked for one a line.
        known = [
            place
            for place in dict.fromkeys(places)
            if SHA.fullmatch(place[0]) and "\n" not in place[1]
        ]
        if not known:
            return [b"" for _ in places]
        git = self._past_place()
        if not self._is_borrowed:
            git = self.git
            paths: dict[str, list[str]] = {}
            for commit, path in known:
                paths.setdefault(commit, []).append(path)
            self._fetch_those_there(paths)
        with self._lost():
            # Most commits have the file that others have, too: that is read once.
            names = past.named(git, [f"{sha}:{path}" for sha, path in known])
            objects = [*dict.fromkeys(filter(None, names))]
            data = dict(zip(objects, past.contents(git, objects), strict=True))
        found = dict(zip(known, names, strict=True))
        return [data.get(found.get(place, ""), b"") for place in places]

    def _fetch_those_there(self, places: Mapping[str, Sequence[str]]) -> None:
        """The same as `fetch_files`, where a commit that is gone keeps no other one away."""
        try:
            self.fetch_files(places, again=False)
        except Unreachable:
            commits = list(places)
            if len(commits) == 1:
                self.exists(commits[0], places[commits[0]])
                return
            self.refs()  # a server that is away would be asked for each of them
            middle = len(commits) // 2
            for part in (commits[:middle], commits[middle:]):
                self._fetch_those_there({one: places[one] for one in part})

    def _past(self, tip: str, most: int = ALL_COMMITS) -> Git:
        """The place with the last commits of `tip`; nothing but these, where they are far."""
        git = self._past_place()
        last, count = self._past_here
        if not self._is_borrowed and (tip != last or count < most):
            self._fetch([tip], into=git, depth=most, without="tree:0")
            self._past_here = tip, most  # it may have cut off the history of any other one
        return git

    def _past_place(self) -> Git:
        """Where the past is kept; all of it is there already where it could be borrowed."""
        folder = self._folder / "past.git"
        if not folder.exists():
            self._is_borrowed = past.borrowed(folder, self._origin.url)
        return Git(
            folder, {"GIT_DIR": str(folder)} if self._is_borrowed else self._origin.known(folder)
        )

    @contextmanager
    def _lost(self) -> Iterator[None]:
        """What should be here and can't be read, the repository has lost."""
        try:
            yield
        except GitError as error:
            raise Unreachable(
                f"the history in {self._origin.where} could not be read: {error.said}",
                remedy="look at it with git fsck, and read it from another clone",
            ) from None

    def exists(self, commit: str, paths: Sequence[str] = (), *, again: bool = True) -> bool:
        """Whether the repository has a commit; if so, it and the files below `paths` are here.

        A server that lists its refs each time, and each time does not give the commit, has lost it.
        Where it does not even list them, that is no answer, and raised.
        """
        left = list(_PAUSES) if again and self._is_far else []
        while True:
            try:
                self.fetch_files({commit: paths}, again=False)
            except Unreachable:
                self.refs()
                if not left:
                    return False
                time.sleep(left.pop(0))
            else:
                return bool(self.git.blob(commit, "commit"))

    def is_ancestor(self, ancestor: str, commit: str) -> bool:
        """Deepen `commit`'s history, without trees, until `ancestor` is found or it ends."""
        if ancestor == commit:
            return True
        for depth in _DEPTHS:
            history = self._history(commit, depth)
            if history.attempt("merge-base", "--is-ancestor", ancestor, commit)[0] == 0:
                return True
            count = int(history("rev-list", "--count", commit))
            if count < depth:
                break
        return False

    def _history(self, commit: str, depth: int) -> Git:
        """The place where history is kept, apart from what is read, with so much of a commit's."""
        folder = self._folder / "history.git"
        if not folder.exists():
            mirror.made(folder)
        history = Git(folder, self._origin.known(folder))
        self._fetch([commit], into=history, depth=depth, without="tree:0")
        return history

    def work(self, work: Work) -> WorkResult:
        is_checked_out = bool(work.entry or work.generate)
        result = self._worktree_with(work.parent, is_checked_out=is_checked_out).do(work)
        if isinstance(result, Committed):
            paths = [""] if is_checked_out else paths_in(work.folder)
            self._here.update((result.sha, *self._blobs_below(result.sha, paths)))
        return result

    def look(self, work: Work, *, is_second: bool = False) -> Inspection | FailedInspection:
        changed = self._worktree_with(work.parent, is_checked_out=True).look(
            work, is_second=is_second
        )
        if isinstance(changed, FailedInspection):
            return changed
        about = self.git.blob(work.parent, "commit").partition(b"\n\n")[0].decode(errors="replace")
        author = re.search(r"^author (.*) <", about, re.MULTILINE)
        return Inspection(
            changed,
            self.parents(work.parent),
            _author(author[1]) if author else "",
        )

    def ask(self, commit: str, command: str, seconds: float) -> str:
        return self._worktree_with(commit, is_checked_out=True).ask(commit, command, seconds)

    def _worktree_with(self, commit: str, *, is_checked_out: bool) -> Worktree:
        if self._worktree is None:
            self._worktree = Worktree(self, self._folder, self._reached)
        if is_checked_out:
            self.fetch_below(commit, [""])
        else:
            self._fetch_commits([commit])
        return self._worktree

    def check_out(self, commit: str, tree: Tree) -> None:
        """Put the files of a commit into an empty work tree, and its index."""
        self.fetch_below(commit, [""])
        arguments = (tree.option, "read-tree", "--reset", "-u", commit)
        env = {**self._reached, **tree.env}
        self._again(lambda: self.git(*arguments, env=env, seconds=REMOTE_SECONDS))

    def files(self, commit: str, paths: Sequence[str]) -> dict[str, bytes]:
        self._fetch_blobs(self._blobs_below(commit, paths))
        return super().files(commit, paths)

    def texts(self, commit: str, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        self._fetch_blobs(self._blobs_below(commit, paths))
        return super().texts(commit, paths)

    def push(self, updates: Sequence[Update]) -> PushResult:
        """Write all updates or none; after a refusal look at the refs, not at the words."""
        leases = [f"--force-with-lease={update.ref}:{update.old or ''}" for update in updates]
        changes = [f"{update.new or ''}:{update.ref}" for update in updates]
        arguments = (*_PUSH, "--atomic", *leases, "origin", *changes)
        slow: TimeLimit | None = None
        try:
            code, out, err = self.git.attempt(*arguments, env=self._reached, seconds=REMOTE_SECONDS)
        except TimeLimit as error:
            code, out, err, slow = 1, b"", "", error
        if code == 0 and {update.ref for update in updates} <= _reported(out):
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
        if slow is not None:
            slow.written = "nothing so far; if it still arrives, it arrives as a whole"
            raise slow
        if code == 0:
            return Declined("git push ended well, and wrote nothing", _LOOK_AT_GIT)
        said = _said(out.decode(errors="replace"), err)
        if _has_report(out):
            return Declined(said)
        return Declined(said, self._why_not_let_in(leases, changes))

    def _why_not_let_in(self, leases: Sequence[str], changes: Sequence[str]) -> str:
        """What to do about a push that no rule of the server refused: it was not let in.

        A server that can't take all updates or none takes the same, tried only, if it need not.
        """
        trial, pushed = (*_PUSH, "--dry-run"), (*leases, "origin", *changes)
        given: dict[str, Any] = {"env": self._reached, "seconds": REMOTE_SECONDS}
        try:
            code, _, _ = self.git.attempt(*trial, *pushed, **given)
            whole, _, _ = self.git.attempt(*trial, "--atomic", *pushed, **given)
        except TimeLimit:
            code, whole = 1, 1
        if code == 0 and whole != 0:
            return (
                "keep the repository on a server that takes atomic pushes, or allow them on this "
                "one (receive.advertiseAtomic): Tidemill writes all refs together, or none"
            )
        return self._origin.remedy("write")

    def _fetch_commits(self, commits: Sequence[str], *, again: bool = True) -> None:
        missing = [commit for commit in dict.fromkeys(commits) if commit not in self._here]
        if missing:
            self._fetch(missing, depth=1, without="blob:none", again=again)
            self._here.update(missing)
            if not self._reading.leaves_out:
                self._here.update(*(self._blobs_below(one) for one in missing))

    def _blobs_below(self, commit: str, paths: Iterable[str] = ("",)) -> set[str]:
        return {blob for path in paths for _, blob in self.listing(commit, path)}

    def _fetch_blobs(self, blobs: set[str], *, again: bool = True) -> None:
        if missing := sorted(blobs - self._here):
            self._fetch(missing, again=again)
            self._here.update(missing)

    def write(
        self, files: Mapping[str, bytes], parent: str | None, message: str, date: datetime
    ) -> str:
        sha = super().write(files, parent, message, date)
        known = self._blobs_below(parent) if parent else set()
        self._here.update((sha, *(self._blobs_below(sha) - known)))
        return sha

    def close(self) -> None:
        """End the processes that were kept for reading."""
        self._reading.close()
        super().close()

    def _fetch(
        self,
        objects: Sequence[str],
        *,
        into: Git | None = None,
        depth: int | None = None,
        without: str | None = None,
        again: bool = True,
    ) -> None:
        place = into or self.git
        self._again(
            lambda: self._reading.fetch(place, objects, depth=depth, without=without), again=again
        )

    @property
    def _is_far(self) -> bool:
        """Whether a network may be between us and it: it is a URL, or `HOST:PATH`, as for SSH."""
        return ":" in self._origin.url.partition("/")[0]

    def _again(self, read: Callable[[], _T], *, again: bool = True) -> _T:
        """Read something; over a network twice again, for a server may be away for a moment."""
        left = list(_PAUSES) if again and self._is_far else []
        while True:
            try:
                return read()
            except GitError as error:
                require_room(self._folder)
                if not left:
                    raise Unreachable(
                        f"{self._origin.where} could not be read: {error.said}",
                        remedy=self._origin.remedy("read"),
                    ) from None
            time.sleep(left.pop(0))


@contextmanager
def opened(url: str) -> Iterator[Repository]:
    """A repository for one run; `url` is anything that `git clone` takes.

    Its server is asked who it is at once, and what is imported next is imported meanwhile.

    Raises:
        Refused: `url` could be taken for an option, or is a clone that lacks files.
    """
    if not url or url.startswith("-"):
        raise Refused(
            f"{url!r} is not the address of a repository", remedy="give what git clone takes"
        )
    with scratch() as folder:
        repository = Repository(url, folder)
        repository.refuse_partial()
        try:
            repository.begin()
            yield repository
        finally:
            repository.close()


def _author(name: str) -> str:
    return one_line(name)[:LONGEST_AUTHOR].strip()


def _reported(out: bytes) -> set[str]:
    """The refs of which Git says what became of them (git-push(1), --porcelain)."""
    lines = (line.split("\t") for line in os.fsdecode(out).split("\n"))
    return {line[1].rpartition(":")[2] for line in lines if len(line) > 1}


def _has_report(out: bytes) -> bool:
    """Whether the server said what it did with each ref (git-push(1), --porcelain)."""
    return any(line.startswith(b"!") for line in out.splitlines())


def _said(out: str, err: str) -> str:
    """What the server said, in one line, for people."""
    refused = [line.split("\t")[-1] for line in out.splitlines() if line.startswith("!")]
    remarks = [
        line.removeprefix("remote:").strip()
        for line in err.splitlines()
        if line.startswith("remote:")
    ]
    words = [part for part in (*dict.fromkeys(remarks), *dict.fromkeys(refused)) if part]
    return redacted("; ".join(words) or " | ".join(causes(err)) or "no reason given")[:500]
