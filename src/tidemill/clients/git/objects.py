"""Reading and writing objects of this run's own bare repository.

Trees and blobs are read through one `git cat-file --batch` that stays open, and written as loose
objects, both by GitPython: a process for each would cost more than all the rest of a turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO

from gitdb import IStream, LooseObjectDB

from tidemill.clients.git.git import Git
from tidemill.words.names import visible

_AUTHOR = "tidemill <tidemill@users.noreply.github.com>"
_LAST = 2**32  # seconds: a date that nobody means is in 2106
_TREE = b"40000"
_SUBMODULE = b"160000"


def parents_in(commit: bytes) -> tuple[str, ...]:
    """The parents that a commit's own bytes name; a shallow clone's Git would hide them."""
    head = commit.partition(b"\n\n")[0].decode(errors="replace")
    return tuple(re.findall(r"^parent ([0-9a-f]+)$", head, re.MULTILINE))


def dated(seconds: str) -> datetime:
    """A date as Git stores it, in seconds."""
    return datetime.fromtimestamp(min(int(seconds), _LAST), UTC)


class Objects:
    """What is here of a repository: whole commits with their trees, and some of their blobs."""

    def __init__(self, git: Git) -> None:
        self.git = git
        self._database = LooseObjectDB(str(git.folder / "objects"))
        self._trees: dict[str, list[tuple[str, str, bool]]] = {}
        self._roots: dict[str, str | None] = {}

    def listing(self, commit: str, below: str = "") -> Iterator[tuple[str, str]]:
        """All files of a commit at or below a path, as path and name of the blob."""
        if not below:
            if root := self._root(commit):
                yield from self._walk(root, "")
        elif (found := self._find(commit, below)) is not None:
            sha, is_tree = found
            if is_tree:
                yield from self._walk(sha, f"{below}/")
            else:
                yield below, sha

    def date(self, commit: str) -> datetime:
        """A commit's committer date."""
        found = re.search(rb"^committer .* (\d+) [+-]\d{4}$", self.git.blob(commit), re.MULTILINE)
        return dated(found[1].decode() if found else "0")

    def message(self, commit: str) -> str:
        """A commit's message; nothing for what is no commit."""
        return self.git.blob(commit, "commit").partition(b"\n\n")[2].decode(errors="replace")

    def parents(self, commit: str) -> tuple[str, ...]:
        """A commit's parents, whether they are here or not."""
        return parents_in(self.git.blob(commit, "commit"))

    def files(self, commit: str, paths: Sequence[str]) -> dict[str, bytes]:
        """Of `paths` those that are files in a commit, with their bytes."""
        found = {path: self._find(commit, path) for path in paths}
        return {path: self.git.blob(one[0]) for path, one in found.items() if one and not one[1]}

    def objects(self, commit: str, paths: Sequence[str]) -> dict[str, str]:
        """Of `paths` those that exist in a commit, with the names of their objects."""
        found = {path: self._find(commit, path) for path in paths}
        return {path: one[0] for path, one in found.items() if one}

    def texts(self, commit: str, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """The files of a commit at or below `paths`, and their bytes."""
        for path_below in paths:
            for path, sha in self.listing(commit, path_below):
                yield path, self.git.blob(sha)

    def write(
        self, files: Mapping[str, bytes], parent: str | None, message: str, date: datetime
    ) -> str:
        """Make a commit whose tree holds `files` and nothing else, and return its SHA."""
        entries = [
            b"100644 " + path.encode() + b"\0" + bytes.fromhex(self._stored("blob", data))
            for path, data in sorted(files.items())
        ]
        tree = self._stored("tree", b"".join(entries))
        stamp = f"{_AUTHOR} {int(date.timestamp())} +0000"
        lines = [
            f"tree {tree}",
            *([f"parent {parent}"] if parent else []),
            f"author {stamp}",
            f"committer {stamp}",
            "",
            visible(message),
        ]
        return self._stored("commit", "\n".join(lines).encode())

    def close(self) -> None:
        """End the processes that were kept for reading objects."""
        self.git.close()

    def _stored(self, kind: str, data: bytes) -> str:
        stream = self._database.store(IStream(kind.encode(), len(data), BytesIO(data)))
        sha: str = stream.hexsha.decode()
        return sha

    def _root(self, commit: str) -> str | None:
        """A commit's tree; None for what a hand put where a commit belongs."""
        if commit not in self._roots:
            data = self.git.blob(commit, "commit")
            self._roots[commit] = data[5:45].decode() if data else None
        return self._roots[commit]

    def _entries(self, tree: str) -> list[tuple[str, str, bool]]:
        """What is directly in a tree: name, object, and whether that is a tree."""
        if tree not in self._trees:
            data, at, found = self.git.blob(tree), 0, []
            while at < len(data):
                space, end = data.index(b" ", at), data.index(b"\0", at)
                mode, name = data[at:space], data[space + 1 : end].decode(errors="surrogateescape")
                if mode != _SUBMODULE:
                    found.append((name, data[end + 1 : end + 21].hex(), mode == _TREE))
                at = end + 21
            self._trees[tree] = found
        return self._trees[tree]

    def _find(self, commit: str, path: str) -> tuple[str, bool] | None:
        root = self._root(commit)
        if root is None:
            return None
        sha, is_tree = root, True
        for part in path.split("/"):
            entry = (
                next((one for one in self._entries(sha) if one[0] == part), None)
                if is_tree
                else None
            )
            if entry is None:
                return None
            _, sha, is_tree = entry
        return sha, is_tree

    def _walk(self, tree: str, prefix: str) -> Iterator[tuple[str, str]]:
        for name, sha, is_tree in self._entries(tree):
            if is_tree:
                yield from self._walk(sha, f"{prefix}{name}/")
            else:
                yield f"{prefix}{name}", sha
