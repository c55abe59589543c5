"""The same history in memory and on real Git: every call of a client does both, and compares.

Only names of commits and of files differ, and are translated. What a client writes is the same
bytes on both, and what the server has after each push are the same commits behind the same refs.
Not compared is what memory alone has: signatures, a locked or protected server, a slow machine.
"""

from __future__ import annotations

import hashlib
import random
import re
import subprocess
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from msgspec import structs

from tests.simulation.actors import stage
from tests.simulation.history import moments
from tests.simulation.memory import Client, Server
from tests.simulation.scene import random_scene
from tests.simulation.world import World
from tidemill.clients.git.repository import Repository
from tidemill.clients.git.store import (
    ALL_COMMITS,
    Committed,
    Declined,
    Logged,
    Pushed,
    PushResult,
    Update,
    Wanted,
    Work,
    WorkResult,
)
from tidemill.errors import TidemillError
from tidemill.facts.refs import Refs
from tidemill.facts.snapshot import Timeout
from tidemill.facts.staleness import FailedInspection, Inspection

_T = TypeVar("_T")


class Differs(AssertionError):
    """Memory and real Git do not tell the same story."""


def same(what: str, mine: object, real: object) -> None:
    """Raise `Differs` unless both say the same."""
    if mine != real:
        raise Differs(f"{what}: {mine!r} in memory, {real!r} on real Git")


@dataclass
class GitServer(Server):
    """A server in memory, and beside it a bare repository with the same contents.

    Attributes:
        names: by a commit of memory its name in the repository.
        open: the clients of real Git that are still at work.
    """

    folder: Path = Path()
    names: dict[str, str] = field(default_factory=dict)
    open: list[Repository] = field(default_factory=list)

    @property
    def bare(self) -> Path:
        return self.folder / "cfg-app.git"

    def copy(self) -> Server:
        """One in memory alone."""
        return Server(**{one.name: getattr(self, one.name) for one in fields(Server)}).copy()

    def begin(self) -> None:
        """Make the repository, with what memory has."""
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", self.bare], check=True)
        for key in ("uploadpack.allowAnySHA1InWant", "uploadpack.allowFilter"):
            self.git("config", key, "true")
        self.git("config", "receive.autogc", "false")
        self.mirror()

    def git(self, *words: str, data: str = "") -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.bare, input=data, text=True, capture_output=True, check=True
        )
        return done.stdout

    def receive(self, by: str, seen: Refs, updates: Sequence[Update]) -> PushResult:
        outcome = super().receive(by, seen, updates)
        if isinstance(outcome, Pushed) and not by.startswith("tidemill"):
            self.mirror()
        return outcome

    def mirror(self) -> None:
        """Take over what people have pushed in memory."""
        wanted = {ref: self.name(sha) for ref, sha in self.refs.items()}
        there = self.there()
        lines = [f"delete {ref}" for ref in there.keys() - wanted.keys()]
        lines += [f"update {ref} {new}" for ref, new in wanted.items() if there.get(ref) != new]
        self.git("update-ref", "--stdin", data="".join(f"{line}\n" for line in lines))

    def there(self) -> dict[str, str]:
        """The refs of the repository."""
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def compare(self) -> None:
        """The same refs, and behind each the same commit."""
        wanted = {ref: self.name(sha) for ref, sha in self.refs.items()}
        same("refs", wanted, self.there())

    def name(self, commit: str) -> str:
        """What a commit of memory is called on real Git; it is made there if a person made it."""
        if commit not in self.names and commit in self.commits:
            one = self.commits[commit]
            parents = "".join(f"parent {self.name(each)}\n" for each in one.parents)
            who = f"{one.author} <{one.author.replace(' ', '-')}@example.com>"
            when = f"{who} {int(one.date.timestamp())} +0000"
            head = f"tree {self._tree(one.files)}\n{parents}author {when}\ncommitter {when}\n\n"
            self.names[commit] = self._stored("commit", f"{head}{one.message}".encode())
        return self.names.get(commit, commit)

    def learn(self, commit: str, real: str, client: Repository) -> None:
        """A client has made a commit on both: it holds the same."""
        one = self.commits[commit]
        head, _, message = client.git.blob(real, "commit").decode().partition("\n\n")
        tree, *_ = re.findall("^tree (.*)$", head, re.MULTILINE)
        seconds, *_ = re.findall(r"^committer .* (\d+) \+0000$", head, re.MULTILINE)
        parents = re.findall("^parent (.*)$", head, re.MULTILINE)
        what = f"commit {commit}"
        same(f"files of {what}", self._tree(one.files), tree)
        same(f"parents of {what}", [self.name(each) for each in one.parents], parents)
        same(f"date of {what}", int(one.date.timestamp()), int(seconds))
        same(f"message of {what}", one.message.rstrip("\n"), message.rstrip("\n"))
        same(f"name of {what}", self.names.setdefault(commit, real), real)

    def _tree(self, files: Mapping[str, bytes]) -> str:
        """The name of a tree with these files, which is stored."""
        folders: dict[str, dict[str, bytes]] = {}
        entries: dict[str, tuple[bytes, str]] = {}
        for path, data in files.items():
            first, _, rest = path.partition("/")
            if rest:
                folders.setdefault(first, {})[rest] = data
            else:
                entries[first] = (b"100644", self._stored("blob", data))
        for name, below in folders.items():
            entries[f"{name}/"] = (b"40000", self._tree(below))
        lines = [
            mode + b" " + name.rstrip("/").encode() + b"\0" + bytes.fromhex(sha)
            for name, (mode, sha) in sorted(entries.items())
        ]
        return self._stored("tree", b"".join(lines))

    def _stored(self, kind: str, data: bytes) -> str:
        whole = f"{kind} {len(data)}\0".encode() + data
        sha = hashlib.sha1(whole).hexdigest()
        place = self.bare / "objects" / sha[:2] / sha[2:]
        if not place.exists():
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(zlib.compress(whole, 1))
        return sha


class Twin(Client):
    """A client of both; what memory says goes on."""

    def __init__(self, server: GitServer, by: str, gate: Callable[[str], None]) -> None:
        super().__init__(server, by, gate)
        self.both = server
        number = sum(1 for _ in server.folder.glob("client-*"))
        folder = server.folder / f"client-{number}"
        folder.mkdir()
        self.real = Repository(str(server.bare), folder)
        server.open.append(self.real)

    def refs(self) -> Refs:
        seen = super().refs()
        wanted = {ref: self._name(sha) for ref, sha in seen.shas.items()}
        same("refs", wanted, dict(self.real.refs().shas))
        return seen

    def fetch(self, tips: Sequence[str], facts: Iterable[str], names: Sequence[str] = ()) -> None:
        facts = list(facts)
        self._both(
            lambda: super(Twin, self).fetch(tips, facts, names),
            lambda: self.real.fetch(self._names(tips), self._names(facts), names),
        )

    def fetch_below(self, commit: str, paths: Sequence[str]) -> None:
        self._both(
            lambda: super(Twin, self).fetch_below(commit, paths),
            lambda: self.real.fetch_below(self._name(commit), paths),
        )

    def message(self, commit: str) -> str:
        found = super().message(commit)
        same("message", found.rstrip("\n"), self.real.message(self._name(commit)).rstrip("\n"))
        return found

    def history(self, commit: str, most: int) -> list[Logged]:
        found = super().history(commit, most)
        real = self.real.history(self._name(commit), most)
        same(
            "history",
            [(self._name(one.sha), one.message.strip()) for one in found],
            [(one.sha, one.message.strip()) for one in real],
        )
        return found

    def differing(self, before: str, after: str) -> dict[str, tuple[str | None, str | None]]:
        found = super().differing(before, after)
        same("differing", found, self.real.differing(self._name(before), self._name(after)))
        return found

    def commits(self, tip: str) -> list[str]:
        found = super().commits(tip)
        same("commits", self._names(found), self.real.commits(self._name(tip)))
        return found

    def count_since(self, tip: str, when: datetime, most: int = ALL_COMMITS) -> int:
        found = super().count_since(tip, when, most)
        same("count since", found, self.real.count_since(self._name(tip), when, most))
        return found

    def records(
        self, tip: str, name: str, most: int = ALL_COMMITS, is_wanted: Wanted | None = None
    ) -> tuple[Iterator[tuple[str, bytes]], bool]:
        found, is_all = super().records(tip, name, most, is_wanted)
        kept = list(found)
        real, is_all_real = self.real.records(self._name(tip), name, most, is_wanted)
        same("records", [(self._name(sha), data) for sha, data in kept], list(real))
        same("records are all", is_all, is_all_real)
        return iter(kept), is_all

    def versions(self, places: Sequence[tuple[str, str]]) -> list[bytes]:
        found = super().versions(places)
        same("versions", found, self.real.versions([(self._name(one), at) for one, at in places]))
        return found

    def date(self, commit: str) -> datetime:
        found = super().date(commit)
        same("date", int(found.timestamp()), int(self.real.date(self._name(commit)).timestamp()))
        return found

    def files(self, commit: str, paths: Sequence[str]) -> dict[str, bytes]:
        found = super().files(commit, paths)
        same("files", found, self.real.files(self._name(commit), paths))
        return found

    def objects(self, commit: str, paths: Sequence[str]) -> dict[str, str]:
        found = super().objects(commit, paths)
        same("objects", set(found), set(self.real.objects(self._name(commit), paths)))
        return found

    def texts(self, commit: str, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        found = dict(super().texts(commit, paths))
        same("texts", found, dict(self.real.texts(self._name(commit), paths)))
        return iter(found.items())

    def is_ancestor(self, ancestor: str, commit: str) -> bool:
        found = super().is_ancestor(ancestor, commit)
        real = self.real.is_ancestor(self._name(ancestor), self._name(commit))
        same(f"whether {commit} descends from {ancestor}", found, real)
        return found

    def exists(self, commit: str, paths: Sequence[str] = (), *, again: bool = True) -> bool:
        found = super().exists(commit, paths, again=again)
        if len(commit) == 40:  # a part of a name is another one on real Git
            same(f"whether {commit} is there", found, self.real.exists(self._name(commit), paths))
        return found

    def write(
        self, files: Mapping[str, bytes], parent: str | None, message: str, date: datetime
    ) -> str:
        made = super().write(files, parent, message, date)
        real = self.real.write(files, self._name(parent) if parent else None, message, date)
        self.both.learn(made, real, self.real)
        return made

    def signed(self, commit: str) -> str:
        made = super().signed(commit)
        self.real.fetch([self._name(made)], [])
        return made

    def work(self, work: Work) -> WorkResult:
        found = super().work(work)
        if isinstance(found, Timeout):
            return found
        real = self.real.work(self._translated(work))
        same("outcome", type(found), type(real))
        if isinstance(found, Committed) and isinstance(real, Committed):
            self.both.learn(found.sha, real.sha, self.real)
        return found

    def look(self, work: Work, *, is_second: bool = False) -> Inspection | FailedInspection:
        found = super().look(work, is_second=is_second)
        if self.server.slow:
            return found
        real = self.real.look(self._translated(work), is_second=is_second)
        same("what is seen", type(found), type(real))
        if isinstance(found, Inspection) and isinstance(real, Inspection):
            same("what changes", set(found.changed), set(real.changed))
        return found

    def send(self, updates: Sequence[Update]) -> PushResult:
        found = super().send(updates)
        if isinstance(found, Declined):
            return found  # that is memory's alone
        named = [Update(one.ref, *map(self._name_of, (one.old, one.new))) for one in updates]
        real = self.real.push(named)
        same("push", type(found), type(real))
        self.both.compare()
        return found

    def _translated(self, work: Work) -> Work:
        return structs.replace(
            work, parent=self._name(work.parent), commit=self._name_of(work.commit)
        )

    def _name(self, commit: str) -> str:
        return self.both.name(commit)

    def _name_of(self, commit: str | None) -> str | None:
        return self._name(commit) if commit else None

    def _names(self, commits: Sequence[str]) -> list[str]:
        return [self._name(one) for one in commits]

    def _both(self, mine: Callable[[], None], real: Callable[[], None]) -> None:
        """Do both; where memory fails real Git does, too."""
        failed = [_error_of(one) for one in (mine, real)]
        same("failure", type(failed[0]), type(failed[1]))
        if failed[0]:
            raise failed[0]


def _error_of(act: Callable[[], None]) -> TidemillError | None:
    try:
        act()
    except TidemillError as error:
        return error
    return None


def tell_twice(seed: int, length: int, folder: Path) -> World:
    """Live through the history of a seed on both; raise `Differs` where they part."""
    rng = random.Random(seed)
    scene = replace(
        random_scene(rng), has_entries=False, generate="python3 generate.py", verifications=()
    )
    # Nothing needs an approver: a signature of memory's is none on real Git, and no run is one.
    waves = tuple(replace(one, soak=0, settle=5) if one.is_guarded else one for one in scene.waves)
    scene = replace(scene, waves=waves)
    server = GitServer(folder=folder)
    world = World.of(scene, rng, server)
    server.begin()
    world.flaky, world.lazy = 0.1, 0.3

    def client(server: Server, *given: Any) -> Client:
        return Twin(server, *given) if isinstance(server, GitServer) else Client(server, *given)

    with stage(seed), patch("tests.simulation.actors.Client", client):
        for moment in moments(rng, length, {}):
            rng.seed(moment.chance)
            try:
                moment.step(world)
                server.compare()
            finally:
                while server.open:
                    server.open.pop().close()
    return world
