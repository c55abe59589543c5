"""Reading and writing objects of this run's own bare repository.

Trees and blobs are read through one `git cat-file --batch` that stays open, and written as loose
objects by GitPython's gitdb, imported where the first is written: a process for each would cost
more than all the rest of a turn.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from itertools import islice

from tidemill.clients.git.git import US, Git, GitError, by
from tidemill.clients.machine.signatures import signed_by
from tidemill.errors import Refused
from tidemill.facts.vouchers import NoVoucher, SignatureVoucher, UnknownVoucher
from tidemill.words.names import visible

_COMMITTED = re.compile(rb"\ncommitter [^\n]* (\d+) [+-]\d{4}\n")
_LAST = 2**32  # seconds: a date that nobody means is in 2106
_AT_ONCE = 50  # objects whose names are written before one is read: less than a pipe holds
_TREE = b"40000"
_SUBMODULE = b"160000"
_FILE, _PROGRAM = b"100644", b"100755"


def parents_in(commit: bytes) -> tuple[str, ...]:
    """The parents that a commit's own bytes name; a shallow clone's Git would hide them."""
    head = commit.partition(b"\n\n")[0].decode(errors="replace")
    return tuple(re.findall(r"^parent ([0-9a-f]+)$", head, re.MULTILINE))


def tree_in(commit: bytes) -> str:
    """The tree that a commit's own bytes name."""
    return commit[5:45].decode()


def first_line(commit: bytes) -> str:
    """The first line of the message that a commit's own bytes name."""
    begin = commit.find(b"\n\n") + 2
    end = commit.find(b"\n", begin)
    return commit[begin : end if end >= 0 else None].decode(errors="replace")


def date_in(commit: bytes) -> datetime:
    """The committer's date that a commit's own bytes name."""
    return dated(_seconds(commit))


def _seconds(commit: bytes) -> int:
    found = _COMMITTED.search(commit)
    return int(found[1]) if found else 0


def dated(seconds: int) -> datetime:
    """A date as Git stores it, in seconds."""
    return datetime.fromtimestamp(min(seconds, _LAST), UTC)


class Objects:
    """What is here of a repository: whole commits with their trees, and some of their blobs.

    See `tidemill.clients.git.store.Store` for what its methods promise.
    """

    def __init__(self, git: Git) -> None:
        self.git = git
        self._trees: dict[str, list[tuple[str, str, bytes]]] = {}
        self._roots: dict[str, str | None] = {}

    def listing(self, commit: str, below: str = "") -> Iterator[tuple[str, str]]:
        """All files of a commit at or below a path, as path and name of the blob."""
        for path, sha, _ in self._listing(commit, below):
            yield path, sha

    def differing(self, before: str, after: str) -> dict[str, tuple[str | None, str | None]]:
        old, new = (
            {path: (sha, mode.decode()) for path, sha, mode in self._listing(commit)}
            for commit in (before, after)
        )
        absent = (None, None)
        return {
            path: (old.get(path, absent)[1], new.get(path, absent)[1])
            for path in sorted({*old, *new})
            if old.get(path) != new.get(path)
        }

    def _listing(self, commit: str, below: str = "") -> Iterator[tuple[str, str, bytes]]:
        """The same, each with its mode."""
        if not below:
            if root := self._root(commit):
                yield from self._walk(root, "")
        elif (found := self._find(commit, below)) is not None:
            sha, mode = found
            if mode == _TREE:
                yield from self._walk(sha, f"{below}/")
            else:
                yield below, sha, mode

    def date(self, commit: str) -> datetime:
        return dated(self.seconds(commit))

    def seconds(self, commit: str) -> int:
        """The same in seconds since 1970; 0 for what has no date."""
        return _seconds(self.git.blob(commit))

    def message(self, commit: str) -> str:
        return self.git.blob(commit, "commit").partition(b"\n\n")[2].decode(errors="replace")

    def parents(self, commit: str) -> tuple[str, ...]:
        """A commit's parents, whether they are here or not."""
        return parents_in(self.git.blob(commit, "commit"))

    def files(self, commit: str, paths: Sequence[str]) -> dict[str, bytes]:
        found = {path: self._find(commit, path) for path in paths}
        files = ((path, one[0]) for path, one in found.items() if one and one[1] != _TREE)
        return {path: self.git.blob(sha) for path, sha in files}

    def objects(self, commit: str, paths: Sequence[str]) -> dict[str, str]:
        found = {path: self._find(commit, path) for path in paths}
        return {path: one[0] for path, one in found.items() if one}

    def texts(self, commit: str, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        for path_below in paths:
            listed = self.listing(commit, path_below)
            while some := list(islice(listed, _AT_ONCE)):
                found = self.git.blobs([sha for _, sha in some])
                yield from ((path, data) for (path, _), data in zip(some, found, strict=True))

    def write(
        self, files: Mapping[str, bytes], parent: str | None, message: str, date: datetime
    ) -> str:
        known = frozenset(sha for _, sha in self.listing(parent)) if parent else frozenset()
        tree = self._tree_with(None, _parted(files), known) or self._stored("tree", b"")
        return self.commit(tree, parent, message, "{} <{}>".format(*US), int(date.timestamp()))

    def signed(self, commit: str) -> str:
        parents = [word for parent in self.parents(commit) for word in ("-p", parent)]
        words = (self.tree_of(commit), *parents, "-S")
        try:
            return self.commit_by_git(words, self.message(commit), *US, self.seconds(commit))
        except GitError as error:
            raise Refused(
                f"Git could not sign this: {error.said}",
                remedy="let Git sign: `git config --global gpg.format ssh`, then "
                "`git config --global user.signingkey ~/.ssh/id_ed25519.pub`",
            ) from None

    def signed_by(
        self, commit: str, keys: Mapping[str, bytes]
    ) -> SignatureVoucher | NoVoucher | UnknownVoucher:
        return signed_by(self.git.blob(commit, "commit"), keys)

    def tree_of(self, commit: str) -> str:
        return tree_in(self.git.blob(commit, "commit"))

    def tree_with(self, tree: str | None, files: Mapping[str, bytes | None]) -> str:
        """Make the tree that is `tree` but for some files, and return its SHA.

        What is in the way of a file goes, as in an index. Of the other folders nothing is read.

        Args:
            tree: None for an empty one.
            files: by path the bytes of a file, None where there is to be none.
        """
        return self._tree_with(tree, _parted(files)) or self._stored("tree", b"")

    def commit(self, tree: str, parent: str | None, message: str, author: str, seconds: int) -> str:
        """Make a commit, and return its SHA.

        Args:
            author: who wrote and committed it, as `name <email>`.
            seconds: when, since 1970.
        """
        stamp = f"{author} {seconds} +0000"
        lines = [
            f"tree {tree}",
            *([f"parent {parent}"] if parent else []),
            f"author {stamp}",
            f"committer {stamp}",
            "",
            visible(message),
        ]
        return self._stored("commit", "\n".join(lines).encode())

    def commit_by_git(
        self, words: Sequence[str], message: str, name: str, email: str, seconds: int
    ) -> str:
        """The same by `git commit-tree`, which can sign, and knows names that are no plain ones.

        Args:
            words: the tree, and the options.
        """
        env = by(name, email, seconds)
        return self.git.line("commit-tree", *words, data=message.encode(), env=env)

    def close(self) -> None:
        """End the processes that were kept for reading objects."""
        self.git.close()

    def _tree_with(
        self,
        tree: str | None,
        files: Mapping[tuple[str, ...], bytes | None],
        known: frozenset[str] = frozenset(),
    ) -> str | None:
        """The same; None for an empty tree, for Git puts none into another one."""
        entries = {name: (mode, sha) for mode, name, sha in self._parsed(tree)} if tree else {}
        below: dict[str, dict[tuple[str, ...], bytes | None]] = {}
        for (name, *rest), data in files.items():
            if rest:
                below.setdefault(name, {})[tuple(rest)] = data
            elif data is not None:
                entries[name] = _FILE, self._stored("blob", data, known)
            elif name in entries and entries[name][0] != _TREE:
                del entries[name]
        for name, inner in below.items():
            mode, sha = entries.get(name, (_TREE, None))
            if mode != _TREE and not any(data is not None for data in inner.values()):
                continue
            made = self._tree_with(sha if mode == _TREE else None, inner, known)
            entries.pop(name, None)
            if made:
                entries[name] = _TREE, made
        lines = {
            encoded + b"/" * (mode == _TREE): mode + b" " + encoded + b"\0" + bytes.fromhex(sha)
            for name, (mode, sha) in entries.items()
            for encoded in [name.encode(errors="surrogateescape")]
        }
        return (
            self._stored("tree", b"".join(lines[key] for key in sorted(lines))) if lines else None
        )

    def _parsed(self, tree: str) -> Iterator[tuple[bytes, str, str]]:
        """What is directly in a tree: mode, as Git writes it today, name and object."""
        data, at = self.git.blob(tree), 0
        while at < len(data):
            space, end = data.index(b" ", at), data.index(b"\0", at)
            mode, name = data[at:space], data[space + 1 : end].decode(errors="surrogateescape")
            if mode.startswith(b"100"):
                mode = _PROGRAM if int(mode, 8) & 0o100 else _FILE
            yield mode, name, data[end + 1 : end + 21].hex()
            at = end + 21

    def _stored(self, kind: str, data: bytes, known: frozenset[str] = frozenset()) -> str:
        """Store an object that is not one of those that are known; its name."""
        if known:
            header = f"{kind} {len(data)}\0".encode()
            name = hashlib.sha1(header + data, usedforsecurity=False).hexdigest()
            if name in known:
                return name
        from gitdb import IStream, LooseObjectDB

        database = LooseObjectDB(str(self.git.folder / "objects"))
        stream = database.store(IStream(kind.encode(), len(data), BytesIO(data)))
        sha: str = stream.hexsha.decode()
        # Commands read it as another user, and a umask may be such that they could not.
        (self.git.folder / "objects" / sha[:2]).chmod(0o755)
        return sha

    def _root(self, commit: str) -> str | None:
        """A commit's tree; None for what a hand put where a commit belongs."""
        if commit not in self._roots:
            data = self.git.blob(commit, "commit")
            self._roots[commit] = tree_in(data) if data else None
        return self._roots[commit]

    def _entries(self, tree: str) -> list[tuple[str, str, bytes]]:
        """What is directly in a tree: name, object, and mode."""
        if tree not in self._trees:
            self._trees[tree] = [
                (name, sha, mode) for mode, name, sha in self._parsed(tree) if mode != _SUBMODULE
            ]
        return self._trees[tree]

    def _find(self, commit: str, path: str) -> tuple[str, bytes] | None:
        root = self._root(commit)
        if root is None:
            return None
        sha, mode = root, _TREE
        for part in path.split("/"):
            entry = (
                next((one for one in self._entries(sha) if one[0] == part), None)
                if mode == _TREE
                else None
            )
            if entry is None:
                return None
            _, sha, mode = entry
        return sha, mode

    def _walk(self, tree: str, prefix: str) -> Iterator[tuple[str, str, bytes]]:
        for name, sha, mode in self._entries(tree):
            if mode == _TREE:
                yield from self._walk(sha, f"{prefix}{name}/")
            else:
                yield f"{prefix}{name}", sha, mode


def _parted(files: Mapping[str, bytes | None]) -> dict[tuple[str, ...], bytes | None]:
    return {tuple(path.split("/")): data for path, data in files.items()}
