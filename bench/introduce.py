"""What an introduction costs as a cfg-app.git grows: in files, in services, and in what waits.

Each row is a repository of its own, of 3,000 commits or as many as `--commits` says, reached
through `git daemon`. An introduction is one whole process, and takes turns with what git alone
needs for the same commit: a shallow clone, the files, a commit, a push. Medians, in seconds;
processor time is that of the process and of all that it waited for; `of small` compares with the
first row.

    python bench/introduce.py [--rounds 7] [--commits 3000] [--keep FOLDER] [rows ...]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from turn import (
    NOW,
    REGISTRY,
    commit,
    daemon,
    file,
    git,
    give_mains,
    hex_of,
    live,
    refs,
    restore,
    run,
    settings,
)

from tidemill.announcing.announcement import parse
from tidemill.clients.git.repository import opened
from tidemill.clients.git.store import Pushed, Update
from tidemill.facts.requests import AnnouncementRequest
from tidemill.turn.write import fact_commit

WAVES = {"staging": 4, "internal": 4, "production": 4}
CHANGED = 5


@dataclass(frozen=True)
class Row:
    """A repository: its services, files for each target, and announcements that wait."""

    name: str
    services: int = 10
    files: int = 10
    inbox: int = 0


ROWS = (
    Row("small"),
    Row("12,000 files", files=1_000),
    Row("inbox of 100", inbox=100),
    Row("1,000 services", services=1_000),
    Row("both", services=1_000, inbox=100),
)
WAYS = {"built-in": "", "generate": 'generate = "true"'}


def announced(row: Row, position: int) -> bytes:
    sha = hex_of("commit", position)[:40]
    images = {}
    for number in range(row.services):
        name = f"service-{number:04d}"
        changed = position if number % row.services < CHANGED else 0
        digest = f"{REGISTRY}/{name}@sha256:{hex_of(name, changed)}"
        images[name] = {"Digest": digest, "Tag": f"{REGISTRY}/{name}:{sha}"}
    value = {"version": 1, "set": "app", "repository": "acme/app", "sha": sha}
    return json.dumps({**value, "position": position, "images": images}).encode()


def history(row: Row, commits: int) -> Iterator[bytes]:
    """Manifests of 2 KB, among which each target's services are shared out; then small commits."""
    named = json.loads(announced(row, 1))["images"]
    yield from commit("everything", 1)
    for wave, count in WAVES.items():
        for key, name in (("Digest", "digests"), ("Tag", "tags")):
            text = json.dumps({one: image[key] for one, image in named.items()})
            yield from file(f"images/{wave}/{name}.json", text.encode())
        for target in range(count):
            for number in range(row.files):
                mine = list(named.values())[number :: row.files]
                lines = [f"# {wave}-{target}"]
                lines += [f"image: {image['Digest']}" for image in mine]
                lines += [f"value: {hex_of(wave, target, number, line)}" for line in range(25)]
                path = f"generated/{wave}/{wave}-{target}/{number:04d}.yml"
                yield from file(path, "\n".join(lines).encode())
    for at in range(2, commits):
        yield from commit(f"change {at}", at)
        yield from file("notes.txt", f"{at}\n".encode())
    yield from commit("settings", commits)
    yield from file("tidemill.toml", settings("", WAVES))


def make(row: Row, folder: Path, commits: int) -> None:
    """The repository, with targets that have reported, one main for each way, and what waits."""
    repository = folder / "cfg-app.git"
    git(folder, "init", "-q", "--bare", "-b", "main", str(repository))
    git(repository, "fast-import", "--quiet", data=b"".join(history(row, commits)))
    git(repository, "config", "gc.auto", "0")
    git(repository, "config", "uploadpack.allowFilter", "true")
    git(repository, "config", "uploadpack.allowAnySHA1InWant", "true")
    put = folder / "announcement.json"
    put.write_bytes(announced(row, 1))
    live(repository, put, WAVES)
    give_mains(repository, WAYS, WAVES, commits + 1)
    if row.inbox:
        fill(row, repository)


def fill(row: Row, repository: Path) -> None:
    """Announcements that no turn has seen yet, each older than what is announced at last."""
    now = datetime.fromisoformat(NOW)
    with opened(str(repository)) as store:
        updates = []
        for position in range(2, 2 + row.inbox):
            found = parse(announced(row, position))
            when = now - timedelta(minutes=row.inbox + 2 - position)
            fact = AnnouncementRequest(accepted_at=when, announcement=found)
            ref = f"refs/tidemill/inbox/{fact.id}"
            updates.append(Update(ref, None, fact_commit(store, fact)))
        if store.push(updates) != Pushed():
            raise SystemExit("the inbox could not be filled")


def by_git_alone(url: str, folder: Path, announcement: bytes) -> None:
    """The same commit, without any question whether it is due."""
    clone = folder / "clone"
    images = json.loads(announcement)["images"]
    git(folder, "clone", "-q", "--depth=1", url, str(clone))
    for key, name in (("Digest", "digests"), ("Tag", "tags")):
        text = json.dumps({one: image[key] for one, image in images.items()}, indent=2)
        (clone / f"images/staging/{name}.json").write_text(text)
    git(clone, "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-qam", "new")
    git(clone, "push", "-q", "origin", "HEAD:refs/heads/auto")
    shutil.rmtree(clone)


@dataclass
class Times:
    """Seconds, and seconds of processors."""

    wall: list[float] = field(default_factory=list)
    used: list[float] = field(default_factory=list)

    def take(self, act: Callable[[], object]) -> None:
        before, began = os.times(), time.perf_counter()
        act()
        after = os.times()
        self.wall.append(time.perf_counter() - began)
        self.used.append(sum(after[:4]) - sum(before[:4]))

    @property
    def medians(self) -> tuple[float, float]:
        return statistics.median(self.wall), statistics.median(self.used)


def measure(rows: list[tuple[Row, Path]], rounds: int) -> dict[tuple[str, str], Times]:
    found: dict[tuple[str, str], Times] = {}
    for number in range(rounds):
        for row, folder in rows:
            repository, put = folder / "cfg-app.git", folder / "announcement.json"
            put.write_bytes(announced(row, 500 + number))
            start = refs(repository)
            base = {ref: sha for ref, sha in start.items() if not ref.startswith("refs/mains/")}
            with daemon(folder) as url:
                for way in WAYS:
                    main = {"refs/heads/main": start[f"refs/mains/{way}"]}
                    restore(repository, {**start, **base, **main})
                    command = (url, "update-cfg-app", "--announcement", str(put))
                    taken = found.setdefault((row.name, way), Times())
                    said: list[dict[str, list[str]]] = []
                    taken.take(lambda: said.append(run(*command)))  # noqa: B023
                    if len(said[0]["introduced"]) != 1:
                        raise SystemExit(f"nothing was introduced: {said[0]}")
                restore(repository, {**start, **base})
                taken = found.setdefault((row.name, "git alone"), Times())
                taken.take(lambda: by_git_alone(url, folder, put.read_bytes()))  # noqa: B023
            restore(repository, start)
    return found


def report(rows: list[tuple[Row, Path]], found: dict[tuple[str, str], Times]) -> None:
    first = rows[0][0].name
    print(f"{'':28} seconds  of processors  of git alone  of {first}")
    for row, _ in rows:
        for way in ("git alone", *WAYS):
            wall, used = found[row.name, way].medians
            floor, small = found[row.name, "git alone"].medians[0], found[first, way].medians[0]
            print(
                f"{row.name:16} {way:10} {wall:8.2f} {used:14.2f} {wall / floor:12.2f} x"
                f" {wall / small:6.2f} x"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", help="begin with the one to compare with")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--commits", type=int, default=3_000)
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        kept = (options.keep or Path(temporary)).resolve()
        rows = []
        for row in ROWS:
            folder = kept / row.name.replace(" ", "-")
            if options.rows and row.name not in options.rows:
                continue
            if not (folder / "ready").exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                make(row, folder, options.commits)
                (folder / "ready").write_text("")
            rows.append((row, folder))
        report(rows, measure(rows, options.rounds))


if __name__ == "__main__":
    main()
