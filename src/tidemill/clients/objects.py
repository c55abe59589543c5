"""Reading and writing objects of this run's own bare repository."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from tidemill.clients.git import Git

_IDENTITY = {
    "GIT_AUTHOR_NAME": "tidemill",
    "GIT_AUTHOR_EMAIL": "tidemill@users.noreply.github.com",
    "GIT_COMMITTER_NAME": "tidemill",
    "GIT_COMMITTER_EMAIL": "tidemill@users.noreply.github.com",
}


class Objects:
    """What is here of a repository: which commits were fetched, which blobs were not."""

    def __init__(self, git: Git) -> None:
        self.git = git
        self.here: set[str] = set()
        self.missing: set[str] = set()
        self._listings: dict[str, list[tuple[str, str]]] = {}

    def listing(self, commit: str) -> list[tuple[str, str]]:
        """All files of a commit, as path and object."""
        if commit not in self._listings:
            out = self.git("ls-tree", "-r", "-z", "--format=%(objectname) %(path)", commit)
            entries = out.decode(errors="surrogateescape").split("\0")
            self._listings[commit] = [(path, sha) for sha, _, path in (entry.partition(" ") for entry in entries if entry)]
        return self._listings[commit]

    def note_missing(self, commits: Iterable[str]) -> None:
        """Find out which blobs of commits that were just fetched did not come with them."""
        arguments = ("rev-list", "--objects", "--missing=print", "--no-walk", "--stdin")
        out = self.git(*arguments, data="".join(f"{commit}\n" for commit in commits).encode())
        self.missing.update(line[1:].decode() for line in out.split(b"\n") if line.startswith(b"?"))

    def date(self, commit: str) -> datetime:
        """A commit's committer date."""
        found = re.search(rb"^committer .* (\d+) [+-]\d{4}$", self.git.blob(commit), re.MULTILINE)
        return datetime.fromtimestamp(int(found[1]) if found else 0, UTC)

    def files(self, commit: str, paths: Sequence[str]) -> dict[str, bytes]:
        """Of `paths` those that are files in a commit, with their bytes."""
        wanted = set(paths)
        return {path: self.git.blob(sha) for path, sha in self.listing(commit) if path in wanted}

    def objects(self, commit: str, paths: Sequence[str]) -> dict[str, str]:
        """Of `paths` those that exist in a commit, with the names of their objects."""
        if not paths:
            return {}
        out = self.git("ls-tree", "-z", "--format=%(objectname) %(path)", commit, "--", *paths)
        entries = out.decode(errors="surrogateescape").split("\0")
        return {path: sha for sha, _, path in (entry.partition(" ") for entry in entries if entry)}

    def mentions(self, commit: str, paths: Sequence[str], words: Sequence[str]) -> set[str]:
        """The files of a commit at or below `paths` that contain one of `words` on its own."""
        if not paths or not words:
            return set()
        patterns = "".join(f"{re.escape(word)}($|[^A-Za-z0-9._/-])\n" for word in words).encode()
        arguments = ("grep", "-l", "-z", "-E", "-f", "-", commit, "--", *(f":(literal){path}" for path in paths))
        code, out, _ = self.git.attempt(*arguments, data=patterns)
        names = out.decode(errors="surrogateescape").split("\0") if code == 0 else []
        return {name.removeprefix(f"{commit}:") for name in names if name}

    def write(self, files: Mapping[str, bytes], parent: str | None, message: str, date: datetime) -> str:
        """Make a commit whose tree holds `files` and nothing else, and return its SHA."""
        blobs = [(path, self._made("hash-object", "-w", "--stdin", data=data)) for path, data in sorted(files.items())]
        tree = self._made("mktree", data="".join(f"100644 blob {sha}\t{path}\n" for path, sha in blobs).encode())
        stamp = f"{int(date.timestamp())} +0000"
        env = {**_IDENTITY, "GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp}
        parents = ("-p", parent) if parent else ()
        return self._made("commit-tree", tree, *parents, data=message.encode(), env=env)

    def close(self) -> None:
        """End the processes that were kept for reading objects."""
        self.git.close()

    def _made(self, *arguments: str, data: bytes, env: Mapping[str, str] | None = None) -> str:
        return self.git(*arguments, data=data, env=env).decode().strip()
