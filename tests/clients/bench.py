"""A cfg-app.git, and a run that does operations in it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.world import git

from tidemill.clients.git.repository import Repository
from tidemill.clients.git.store import Committed, Work, WorkResult

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
FILES = {
    "tidemill.toml": "# settings\n",
    ".gitignore": "cache/\n*.tmp\n",
    ".github/workflows/gitops.yml": "on: push\n",
    "images/lab/tags.json": '{"web": "r/web:1"}\n',
    "images/lab/digests.json": '{"web": "r/web@sha256:1"}\n',
    "images/lab/source.json": "{}\n",
    "images/shop/tags.json": '{"web": "r/web:0"}\n',
    "generated/lab/all.yaml": "image: 1\n",
    "jsonnet/main.jsonnet": "{}\n",
}


def as_json(value: object) -> bytes:
    return json.dumps(value, indent=2).encode() + b"\n"


@dataclass
class Bench:
    """A repository in which operations are done."""

    server: Path
    repository: Repository
    clone: Path
    results: list[WorkResult] = field(default_factory=list)

    @property
    def main(self) -> str:
        """Main's tip."""
        return git(self.server, "--git-dir=.", "rev-parse", "main")

    def push(self, message: str = "a person's edit") -> str:
        """Commit everything in the clone to main."""
        git(self.clone, "add", "-A", "-f")
        git(self.clone, "commit", "-q", "-m", message)
        git(self.clone, "push", "-q", "origin", "HEAD:main")
        return self.main

    def do(self, **changes: Any) -> WorkResult:
        """Do an operation that puts position 2 into lab."""
        work: dict[str, Any] = {
            "parent": self.main,
            "folder": "images/lab",
            "tags": as_json({"web": "r/web:2"}),
            "digests": as_json({"web": "r/web@sha256:2"}),
            "source": as_json({"sha": "2"}),
            "message": "Introduce app 2 to lab\n\nAutocommit-Target: lab\n",
            "bare": as_json({"web": {"Digest": "r/web@sha256:2", "Tag": "r/web:2"}}),
            "generate": "true",
            "own": ("generated",),
            "barred": ("tidemill.toml", ".github", "images/shop"),
            "date": THEN,
            "seconds": 30,
        }
        main = self.main
        self.repository.fetch([main], [], [])
        result = self.repository.work(Work(**(work | changes)))
        self.results.append(result)
        return result

    def done(self, **changes: Any) -> str:
        """The commit of an operation that succeeds."""
        result = self.do(**changes)
        assert isinstance(result, Committed), result
        return result.sha

    def shown(self, commit: str, path: str) -> str:
        """A file of a commit that was made here."""
        return self.repository.git("cat-file", "blob", f"{commit}:{path}").decode()

    def changed(self, commit: str) -> dict[str, str]:
        """What a commit changed: path to status, A, M, D or T."""
        out = self.repository.git("diff-tree", "-r", "-z", "--name-status", commit + "^", commit)
        parts = out.decode().split("\0")[:-1]
        return dict(zip(parts[1::2], parts[::2], strict=True))
