"""Checkouts in memory: what `tidemill.clients.git.checkout` is on real Git."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.unit.sets import sha

from tidemill.clients.git.checkout import Checkout
from tidemill.errors import Refused

Command = Callable[["Files"], None]
HEAD, PARENT = sha("head"), sha("parent")


@dataclass
class Filters:
    """The filters that are not configured here, each with the first file that needs it."""

    missing: dict[str, str] = field(default_factory=dict)


class Files(Checkout):
    """The files of a commit, and what commands change in them; what they say in Git as well.

    Attributes:
        ran: the commands that ran, with the time limit of each.
        is_other: whether commands find the files in another commit.
    """

    def __init__(self, place: MemorySource, files: Mapping[str, bytes], sha_: str | None) -> None:
        self.files = dict(files)
        self.ran: list[tuple[str, float]] = []
        self.is_other = False
        self.filters: Any = Filters(dict(place.missing))
        self.before = place.before
        self._place, self._sha = place, sha_
        self._first = dict(files)
        self._looked_at = set(files)

    def stand_on_another_commit(self) -> None:
        self.is_other = True

    def read(self, name: str) -> bytes | None:
        return self.files.get(name)

    def write(self, name: str, data: bytes) -> None:
        self.files[name] = data

    def texts(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        for name in sorted(self._looked_at & self.files.keys()):
            if any(path in (".", name) or name.startswith(f"{path}/") for path in paths):
                yield name, self.files[name]

    def run(self, command: str, seconds: float) -> None:
        self.ran.append((command, seconds))
        self._place.commands[command](self)

    def changed(self) -> dict[str, str]:
        self._looked_at = set(self.files)
        return {
            path: str(self.files.get(path))
            for path in sorted({*self.files, *self._first})
            if self.files.get(path) != self._first.get(path)
        }

    def parent(self) -> str | None:
        return self._place.parent if self._sha == HEAD else None

    def changed_since(self, parent: str) -> list[str]:
        old = self._place.commits[parent]
        return sorted(
            path for path in {*old, *self._first} if old.get(path) != self._first.get(path)
        )


@dataclass
class MemorySource:
    """What is to be checked: the files of HEAD, whose parent may be there.

    Attributes:
        commands: what each entry point does.
        parent: of HEAD, None if it has none that is known.
        missing: filters, as in `Filters`.
        made: all checkouts, by the name of their folder.
    """

    commits: Mapping[str, Mapping[str, bytes]]
    commands: Mapping[str, Command]
    parent: str | None = PARENT
    missing: Mapping[str, str] = field(default_factory=dict)
    made: dict[str, Files] = field(default_factory=dict)

    def files(self, scratch: Path) -> Checkout:
        return self.commit(HEAD, scratch)

    def commit(self, sha: str, scratch: Path) -> Checkout:
        assert scratch.is_dir()
        assert not [*scratch.iterdir()]
        if sha not in self.commits:
            raise Refused(f"there is no commit {sha}", remedy="fetch it")
        self.made[scratch.name] = Files(self, self.commits[sha], sha)
        return self.made[scratch.name]

    def before(self, name: str) -> bytes | None:
        """A file as HEAD's parent has it; as HEAD has it, where nothing else is known."""
        return self.commits.get(self.parent or HEAD, {}).get(name)
