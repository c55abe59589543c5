"""Real repositories and real processes, for the tests of the clients."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.world import git

PATIENCE = 300.0  # seconds: only what never comes is waited for so long


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not asked about does not."""
    out = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return bool(out) and not out.startswith(("Z", "X"))


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether something comes true before patience ends."""
    end = time.monotonic() + PATIENCE
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(0.01)
    return held


def pids(file: Path) -> list[int]:
    """The process ids that were written to a file, one a line."""
    return [int(line) for line in file.read_text().split()]


def bare(folder: Path) -> Path:
    """A new bare repository."""
    subprocess.run(
        ["git", "init", "-q", "--bare", "--template=", "-b", "main", str(folder)], check=True
    )
    return folder


def imported(
    repository: Path, commits: list[dict[str, str]], ref: str = "refs/heads/main"
) -> list[str]:
    """Make commits on each other, each with the files that it changes; returns their SHAs."""
    lines: list[str] = []
    for number, files in enumerate(commits, start=1):
        lines += [
            f"commit {ref}",
            f"mark :{number}",
            f"committer Ada <ada@example.com> {1_700_000_000 + number} +0000",
            "data 0",
        ]
        if number == 1:
            lines.append("deleteall")
        for path, text in files.items():
            lines += [f"M 100644 inline {path}", f"data {len(text.encode())}", text]
    marks = repository / "marks"
    git(
        repository,
        "fast-import",
        "--quiet",
        "--force",
        f"--export-marks={marks}",
        data=("\n".join(lines) + "\n").encode(),
    )
    found = dict(line.split() for line in marks.read_text().splitlines())
    return [found[f":{number}"] for number in range(1, len(commits) + 1)]


def hook(repository: Path, name: str, script: str) -> None:
    """Give the server a hook."""
    file = repository / "hooks" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def refs(repository: Path) -> dict[str, str]:
    """Every ref, and what it points to."""
    lines = git(repository, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split(" ") for line in lines)
