"""A Git server in memory, and a client of it that a turn can work with.

Commits are named by what they hold, so equal commits are the same commit. A push is atomic and
checks every lease. A client reads only what it has listed and fetched, as a real one does; at
each call that reaches the server it stops at `gate`, where others may act, or it may be killed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from tests.simulation.forms import FormRun
from tests.simulation.metrics import Key, Metrics
from tests.simulation.receiver import Receiver, Sender
from tests.simulation.sources import ROLLOUT, generated
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
from tidemill.errors import Unreachable
from tidemill.facts.image_files import DIGESTS, SOURCE, TAGS
from tidemill.facts.refs import Refs
from tidemill.facts.settings import FILE
from tidemill.facts.snapshot import BrokenParent, OperationFailure, Timeout
from tidemill.facts.staleness import FailedInspection, Inspection
from tidemill.facts.vouchers import NoVoucher, SignatureVoucher, UnknownVoucher

SIGNED = "signed by "  # and who: so a commit's author begins where a key has signed it


class Killed(BaseException):
    """The client died. Nothing catches it but the simulation."""


@dataclass(frozen=True)
class Commit:
    """A commit, with its whole tree as bytes by path; `merged` is its second parent."""

    files: Mapping[str, bytes]
    parent: str | None
    message: str
    date: datetime
    author: str
    merged: str | None = None

    @property
    def parents(self) -> tuple[str, ...]:
        return tuple(one for one in (self.parent, self.merged) if one)

    @cached_property
    def sha(self) -> str:
        """Its name: of all that it holds."""
        found = hashlib.sha1()
        for path, data in sorted(self.files.items()):
            found.update(f"{path} {len(data)}\n".encode() + data)
        rest = (self.parents, self.message, int(self.date.timestamp()), self.author)
        found.update(repr(rest).encode())
        return found.hexdigest()

    def object(self, path: str) -> str | None:
        """The name of the file or folder at `path`, None if nothing is there."""
        if path in self._objects:
            return self._objects[path]
        inside = f"{path}/"
        found = hashlib.sha1()
        there = False
        for name, data in sorted(self.files.items()):
            if name == path or name.startswith(inside):
                there = True
                found.update(f"{name[len(path) :]} {len(data)}\n".encode() + data)
        self._objects[path] = found.hexdigest() if there else None
        return self._objects[path]

    @cached_property
    def _objects(self) -> dict[str, str | None]:
        return {}


@dataclass(frozen=True)
class Push:
    """A push that the server took: who, from which listing of the refs, and what it changed.

    Attributes:
        already: what it asked for besides, and was so before it.
        heard: what verifications had answered since that listing.
    """

    by: str
    seen: Refs
    before: Mapping[str, str]
    updates: tuple[Update, ...]
    already: tuple[Update, ...] = ()
    heard: Mapping[Key, str] = field(default_factory=dict)


@dataclass
class Server:
    """The repository.

    Attributes:
        watchers: are told of every push before anyone else acts on it.
        protected: only people may move main.
        locked: how many pushes it declines before it takes one again.
        slow: operations take too long.
        sits: whose key is where somebody asks for something.
        runs: the runs of the form, by id; `form`: in which of them, and in which attempt at it,
            somebody asks.
        receiver: who is told what needs a person; `senders` are those that could send so far.
        time: what time it is by now, None where it stands still; `toil`: what happens while
            somebody generates.
        lagging: what a replica still lists that has not heard of the last pushes; None: all have.
        is_mute: GitHub's API does not answer.
        metrics: what verifications ask; `heard` is what who pushes now has heard of them.
    """

    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    watchers: list[Callable[[Push], None]] = field(default_factory=list)
    protected: bool = False
    locked: int = 0
    slow: bool = False
    sits: str = "ada"
    runs: dict[int, FormRun] = field(default_factory=dict)
    form: tuple[int, int] | None = None
    receiver: Receiver = field(default_factory=Receiver)
    senders: int = 0
    time: Callable[[], datetime] | None = None
    toil: Callable[[], None] = lambda: None
    lagging: Mapping[str, str] | None = None
    is_mute: bool = False
    metrics: Metrics = field(default_factory=Metrics)
    heard: dict[Key, str] = field(default_factory=dict)

    def copy(self) -> Server:
        """Another server with the same contents, which nobody watches."""
        return replace(
            self,
            refs=dict(self.refs),
            watchers=[],
            receiver=self.receiver.copy(),
            time=None,
            toil=lambda: None,
            lagging=None,
            is_mute=False,
        )

    def put(self, commit: Commit) -> str:
        """Store a commit."""
        return self.commits.setdefault(commit.sha, commit).sha

    def descends(self, commit: str, ancestor: str) -> bool:
        """Whether `commit` is `ancestor` or comes after it."""
        left, known = [commit], {commit}
        while left:
            at: str | None = left.pop()
            while at is not None and at != ancestor:
                one = self.commits.get(at)
                if one and one.merged and one.merged not in known:
                    known.add(one.merged)
                    left.append(one.merged)
                at = one.parent if one else None
            if at == ancestor:
                return True
        return False

    def since(self, commit: str, ancestor: str) -> list[str]:
        """The commits from `ancestor`, and what leads to it, to `commit`, the oldest first; of a
        merge only what its first parent has."""
        found: list[str] = []
        at: str | None = commit
        is_merged = False
        while at is not None and at != ancestor:
            if is_merged and ancestor and self.descends(ancestor, at):
                break
            found.append(at)
            is_merged = is_merged or self.commits[at].merged is not None
            at = self.commits[at].parent
        return found[::-1]

    def log(self, commit: str) -> list[str]:
        """All commits that lead to one, and itself, each after its parents."""
        found: dict[str, None] = {}
        left = [commit]
        while left:
            missing = [one for one in self.commits[left[-1]].parents if one not in found]
            if missing:
                left += missing[::-1]
            else:
                found[left.pop()] = None
        return list(found)

    def receive(self, by: str, seen: Refs, updates: Sequence[Update]) -> PushResult:
        """Take all updates, or none; what is so already needs no lease, as with Git."""
        there = self.refs.get
        if all(there(update.ref) == update.new for update in updates):
            return Pushed()
        already = [one for one in updates if one.new and there(one.ref) == one.new]
        updates = [one for one in updates if one not in already]
        for update in updates:
            if there(update.ref) != update.old:
                return Raced(update.ref, update.old, there(update.ref))
        if self.locked:
            self.locked -= 1
            return Declined("it is locked")
        moves_main = any(update.ref == "refs/heads/main" for update in updates)
        if self.protected and moves_main and by.startswith("tidemill"):
            return Declined("main is protected")
        before = dict(self.refs)
        for update in updates:
            if update.new is None:
                del self.refs[update.ref]
            else:
                assert update.new in self.commits, f"{update.ref} would point to nothing"
                self.refs[update.ref] = update.new
        for watcher in self.watchers:
            watcher(Push(by, seen, before, tuple(updates), tuple(already), self.heard))
        return Pushed()


class Client:
    """`tidemill.clients.git.store.Store` in memory; `gate` is called around what it sends."""

    def __init__(
        self, server: Server, by: str, gate: Callable[[str], None] = lambda _: None
    ) -> None:
        self.server = server
        self.by = by
        self.gate = gate
        self.sender = Sender()
        self.seen = Refs({})
        self.heard: dict[Key, str] = {}
        self._here: set[str] = set()
        self._blobs: set[bytes] = set()

    def refs(self) -> Refs:
        self.gate("list")
        listed, self.server.lagging = self.server.lagging or self.server.refs, None
        self.seen, self.heard = Refs(dict(listed), "main"), {}
        return self.seen

    def fetch(self, tips: Sequence[str], facts: Iterable[str], names: Sequence[str] = ()) -> None:
        for tip in tips:
            self._get(tip)
        for tip in tips[:1]:
            files = self._commit(tip).files
            self._blobs |= {files[path] for path in files if path.rpartition("/")[2] in names}
        for fact in facts:
            self._get(fact)
            self._blobs |= set(self._commit(fact).files.values())

    def fetch_below(self, commit: str, paths: Sequence[str]) -> None:
        self._get(commit)
        self._blobs |= {data for _, data in self._below(commit, paths)}

    def fetch_files(self, places: Mapping[str, Sequence[str]]) -> None:
        for commit, paths in places.items():
            self.fetch_below(commit, paths)

    def message(self, commit: str) -> str:
        return self._commit(commit).message

    def history(self, commit: str, most: int) -> list[Logged]:
        shas = self.server.log(commit)[-most:]
        found = [(sha, self.server.commits[sha]) for sha in shas]
        return [Logged(sha, one.date, one.message, one.parent, one.author) for sha, one in found]

    def differing(self, before: str, after: str) -> dict[str, tuple[str | None, str | None]]:
        old, new = self._commit(before).files, self._commit(after).files
        return {
            path: ("100644" if path in old else None, "100644" if path in new else None)
            for path in sorted({*old, *new})
            if old.get(path) != new.get(path)
        }

    def commits(self, tip: str) -> list[str]:
        return self.server.log(tip)

    def count_since(self, tip: str, when: datetime, most: int = ALL_COMMITS) -> int:
        count = sum(self.server.commits[sha].date >= when for sha in self.server.log(tip))
        return min(count, most)

    def records(
        self, tip: str, name: str, most: int = ALL_COMMITS, is_wanted: Wanted | None = None
    ) -> tuple[Iterator[tuple[str, bytes]], bool]:
        shas = self.server.since(tip, "")[-most:]
        commits = [(sha, self.server.commits[sha]) for sha in shas]
        found = (
            (sha, one.files.get(name, b""))
            for at, (sha, one) in enumerate(commits)
            if at == 0 or is_wanted is None or is_wanted(*_headline(one))
        )
        return found, commits[0][1].parent is None

    def versions(self, places: Sequence[tuple[str, str]]) -> list[bytes]:
        return [self.server.commits[sha].files.get(path, b"") for sha, path in places]

    def date(self, commit: str) -> datetime:
        return self._commit(commit).date

    def files(self, commit: str, paths: Sequence[str]) -> dict[str, bytes]:
        files = self._commit(commit).files
        found = {path: files[path] for path in paths if path in files}
        self._check_fetched(commit, found)
        return found

    def objects(self, commit: str, paths: Sequence[str]) -> dict[str, str]:
        held = self._commit(commit)
        return {path: name for path in paths if (name := held.object(path)) is not None}

    def texts(self, commit: str, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        found = dict(self._below(commit, paths))
        self._check_fetched(commit, found)
        return iter(found.items())

    def is_ancestor(self, ancestor: str, commit: str) -> bool:
        return self.server.descends(commit, ancestor)

    def exists(self, commit: str, paths: Sequence[str] = (), *, again: bool = True) -> bool:
        if commit in self.server.commits:
            self.fetch_below(commit, paths)
            return True
        return False

    def write(
        self, files: Mapping[str, bytes], parent: str | None, message: str, date: datetime
    ) -> str:
        return self._own(Commit(dict(files), parent, message, date, "tidemill"))

    def signed(self, commit: str) -> str:
        return self._own(replace(self._commit(commit), author=f"{SIGNED}{self.server.sits}"))

    def signed_by(
        self, commit: str, keys: Mapping[str, bytes]
    ) -> SignatureVoucher | NoVoucher | UnknownVoucher:
        self._get(commit)
        author = self._commit(commit).author
        who = author.removeprefix(SIGNED)
        if not author.startswith(SIGNED) or f"{who}.keys" not in keys:
            return NoVoucher(f"it is {author}'s")
        return SignatureVoucher((who,))

    def work(self, work: Work) -> WorkResult:
        self.server.toil()
        self._get(work.parent)
        if self.server.slow:
            return Timeout("the machine was too slow")
        parent = self._commit(work.parent)
        before = dict(parent.files)
        names = {TAGS: work.tags, DIGESTS: work.digests, SOURCE: work.source}
        after = {**before, **{f"{work.folder}/{name}": data or b"" for name, data in names.items()}}
        if work.source is None:
            del after[f"{work.folder}/{SOURCE}"]
        if not work.folder:
            after = before
        files = generated(after)
        if isinstance(files, str):
            on_parent = generated(before)
            if isinstance(on_parent, str):
                return BrokenParent(work.parent, on_parent)
            return OperationFailure(files)
        if work.scope is not None:
            own = {f"{work.folder}/{name}" for name in names} | {ROLLOUT, FILE}
            kept = {path for path in files if path in own or work.scope.has(path)}
            others = {path for path in before if path not in own and not work.scope.has(path)}
            files = {path: files[path] for path in kept} | {path: before[path] for path in others}
        when = max(work.date or parent.date, parent.date)
        return Committed(self._own(Commit(files, work.parent, work.message, when, work.bot.name)))

    def look(self, work: Work, *, is_second: bool = False) -> Inspection | FailedInspection:
        self._get(work.parent)
        if self.server.slow:
            return FailedInspection("the machine was too slow")
        commit = self._commit(work.parent)
        files = generated(commit.files)
        if isinstance(files, str):
            return FailedInspection(files)
        paths = {*files, *commit.files}
        changed = {
            path: str(files.get(path))
            for path in paths
            if files.get(path) != commit.files.get(path)
        }
        return Inspection(changed, commit.parents, commit.author)

    def ask(self, commit: str, command: str, seconds: float) -> str:
        assert commit == self.seen.shas["refs/heads/main"], f"{command} is asked of {commit}"
        return self.server.metrics.printed(command, self.heard)

    def push(self, updates: Sequence[Update]) -> PushResult:
        self.gate("push")
        outcome = self.send(updates)
        self.gate("pushed")
        return outcome

    def send(self, updates: Sequence[Update]) -> PushResult:
        """Let the server take updates, or not."""
        self.server.heard = self.heard
        return self.server.receive(self.by, self.seen, updates)

    def _own(self, commit: Commit) -> str:
        self._here.add(self.server.put(commit))
        self._blobs |= set(commit.files.values())
        return commit.sha

    def _below(self, commit: str, paths: Sequence[str]) -> list[tuple[str, bytes]]:
        inside = tuple(f"{path}/" if path else "" for path in paths)
        files = self._commit(commit).files.items()
        return [(name, data) for name, data in files if name in paths or name.startswith(inside)]

    def _check_fetched(self, commit: str, files: Mapping[str, bytes]) -> None:
        missing = [name for name, data in files.items() if data not in self._blobs]
        assert not missing, f"{missing} of {commit} are read, and were not fetched"

    def _get(self, commit: str) -> None:
        if commit not in self.server.commits:
            raise Unreachable(f"there is no {commit}", remedy="name a commit that is there")
        self._here.add(commit)

    def _commit(self, commit: str) -> Commit:
        assert commit in self._here, f"{commit} is read, and was not fetched"
        return self.server.commits[commit]


def _headline(commit: Commit) -> tuple[Callable[[], datetime], str]:
    return lambda: commit.date, commit.message.partition("\n")[0]
