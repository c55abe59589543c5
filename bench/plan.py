"""What a whole decision costs, in memory: 1,000 services, 300 targets in 3 waves, 100 that wait.

A decision is `plan()` again and again, each time with what became of the operation that it wanted
tried, until it is complete. The services are shared out among the sets, and so is what waits. Each
wave has had `--history` sets of each image set, and every target has reported all of them.

    python bench/plan.py [--rounds 5] [--history 50] [sets ...]
"""

from __future__ import annotations

import argparse
import hashlib
import random
import statistics
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec.structs import replace

from tidemill.announcing.announcement import Announcement, Image
from tidemill.facts.image_files import ImageFiles, Source, from_maps
from tidemill.facts.ledger import Landing, Ledger, SetLedger
from tidemill.facts.operation import AutoCommit, Files
from tidemill.facts.records import Deployment, ReportedSet
from tidemill.facts.requests import AnnouncementRequest, Fact
from tidemill.facts.settings import Settings
from tidemill.facts.settings_file import parse
from tidemill.facts.snapshot import Main, NewCommit, Outcome, Snapshot
from tidemill.facts.staleness import Inspection
from tidemill.plan.plan import Plan, plan
from tidemill.plan.regeneration import InspectionTodo
from tidemill.plan.replay import Trial

SERVICES, TARGETS, WAITING, CHANGED = 1_000, 300, 100, 5
WAVES = ("staging", "internal", "production")
REGISTRY = "ghcr.io/acme"
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def sha(*words: object) -> str:
    return hashlib.sha1(repr(words).encode()).hexdigest()


class Repository:
    """A made-up cfg-app.git, as a turn reads it."""

    def __init__(self, sets: int, history: int, seed: int) -> None:
        self.rng = random.Random(seed)
        self.names = [f"set-{number}" for number in range(sets)]
        self.history = history
        self.targets = {
            wave: [f"{wave}-{number}" for number in range(TARGETS // len(WAVES))] for wave in WAVES
        }
        self.new = {
            wave: dict.fromkeys(all_of, Files("new")) for wave, all_of in self.targets.items()
        }
        self.content: dict[tuple[str, str], str] = {}
        self.known: dict[str, ImageFiles] = {}

    def settings(self) -> Settings:
        return parse(self.settings_text())

    def settings_text(self) -> str:
        lines = ["[checks]", 'source = "refs"', "[images]", 'path = "images/{wave}/{set}"']
        lines += [f'allow = ["quay.io/acme/*", "{REGISTRY}/*"]']
        lines += ["[deployments]", 'path = "generated/{wave}/{target}"']
        for name in self.names:
            lines += ["[[sets]]", f'name = "{name}"', 'repository = "acme/app"']
        for wave, targets in self.targets.items():
            listed = ", ".join(f'"{target}"' for target in targets)
            lines += ["[[waves]]", f'name = "{wave}"', f"targets = [{listed}]"]
        return "\n".join(lines)

    def files(self, name: str, position: int) -> ImageFiles:
        """Each commit changes a few services of the set; the tag of all is its SHA."""
        at = self.names.index(name)
        services = [f"service-{number:04d}" for number in range(at, SERVICES, len(self.names))]
        commit = sha(name, position)
        for service in self.rng.sample(services, min(CHANGED, len(services))):
            self.content[name, service] = hashlib.sha256(f"{commit}{service}".encode()).hexdigest()
        for service in services:
            self.content.setdefault((name, service), hashlib.sha256(service.encode()).hexdigest())
        tags = {one: f"{REGISTRY}/{one}:{commit}" for one in services}
        digests = {one: f"{REGISTRY}/{one}@sha256:{self.content[name, one]}" for one in services}
        source = Source(
            repository="acme/app", sha=commit, position=position, introduced_at=NOW - DAY
        )
        files = from_maps(tags, digests, source)
        self.known[files.content] = files
        return files

    def landings(self, wave: str, mine: list[ImageFiles]) -> SetLedger:
        part = SetLedger()
        for number, files in enumerate(mine):
            since = NOW - 3 * DAY + timedelta(minutes=number)
            landing = Landing(
                app_sha=files.app_sha,
                position=files.position,
                content=files.content,
                digests=files.digest_id,
                commit=sha("landed", wave, files.content),
                landed_at=since,
                how="introduce" if wave == WAVES[0] else "promote",
                repository="acme/app",
                targets={one: Files(files.digest_id[:12]) for one in self.targets[wave]},
                taken=dict.fromkeys(self.targets[wave], since),
                deployed_at=since,
                deployed_once=True,
                healthy_since=since,
            )
            part.landings.append(landing)
            part.raise_to(files.order)
        return part

    def snapshot(self) -> Snapshot:
        ledger, main, inbox = Ledger(), {}, dict[str, Fact]()
        for name in self.names:
            mine = [self.files(name, position) for position in range(1, self.history + 1)]
            for wave in WAVES:
                ledger.sets.setdefault(wave, {})[name] = self.landings(wave, mine)
                main[wave, name] = mine[-1]
        for number in range(WAITING):
            name = self.names[number % len(self.names)]
            fact = self.announced(name, self.history + 1 + number // len(self.names), number)
            inbox[fact.id] = fact
        trees, records = {}, {}
        for wave, targets in self.targets.items():
            sets = {
                name: ReportedSet(
                    app_sha=main[wave, name].app_sha,
                    position=main[wave, name].position,
                    content=main[wave, name].content,
                    digests=main[wave, name].digest_id,
                )
                for name in self.names
            }
            for target in targets:
                trees[wave, target] = sha("tree", wave, target)
                records[wave, target] = Deployment(
                    accepted_at=NOW - DAY,
                    wave=wave,
                    target=target,
                    revision=sha("main"),
                    phase="Succeeded",
                    health="Healthy",
                    finished_at=NOW - DAY,
                    sets=sets,
                    tree=trees[wave, target],
                )
        return Snapshot(
            now=NOW,
            settings=self.settings(),
            main=Main(sha("main"), NOW - DAY, main, trees),
            auto_tip=None,
            ledger=ledger,
            inbox=inbox,
            records=records,
        )

    def announced(self, name: str, position: int, number: int) -> AnnouncementRequest:
        files = self.files(name, position)
        images = {
            service: Image(Digest=digest, Tag=files.tags[service])
            for service, digest in files.digests.items()
        }
        return AnnouncementRequest(
            accepted_at=NOW - timedelta(minutes=WAITING - number),
            announcement=Announcement(
                set=name,
                repository="acme/app",
                sha=files.app_sha or "",
                position=position,
                images=images,
            ),
        )

    def decide(self, known: Snapshot) -> Plan:
        """The complete plan, where each operation that is tried is done."""
        while (decided := plan(known)).todo is not None:
            todo = decided.todo
            if isinstance(todo, InspectionTodo):
                known = known.having_looked(todo.commit, Inspection({}))
                continue
            known = todo.tried(known, self.attempt)
        return decided

    def attempt(self, trial: Trial, parent: str) -> Outcome:
        """The commit of an operation."""
        operation = trial.operation
        commit = AutoCommit(
            sha=sha(operation.id, parent),
            parent=parent,
            operation=operation,
            digests=self.known[operation.content].digest_id,
            targets=self.new[operation.wave],
        )
        return NewCommit(commit)


def read_anew(inbox: Mapping[str, Fact]) -> dict[str, Fact]:
    """What waits, as a turn has it: of no announcement has anything been found out yet."""
    return {
        name: msgspec.json.decode(msgspec.json.encode(fact), type=type(fact))
        for name, fact in inbox.items()
    }


def measure(sets: int, history: int, rounds: int) -> tuple[list[float], Plan]:
    """The medians of the first decision on a ledger, and of one that a turn has written."""
    repository = Repository(sets, history, seed=sets)
    first = repository.snapshot()
    written = msgspec.structs.replace(
        first.ledger, reporters=repository.decide(first).ledger.reporters
    )
    took: list[list[float]] = [[], []]
    for _ in range(rounds):
        for times, ledger in zip(took, (first.ledger, written), strict=True):
            known = replace(first, ledger=ledger, inbox=read_anew(first.inbox))
            before = time.process_time()
            decided = repository.decide(known)
            times.append(time.process_time() - before)
    return [statistics.median(times) for times in took], decided


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", type=int, default=[1, 10, 30, 100])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--history", type=int, default=50)
    options = parser.parse_args()
    print(f"{SERVICES} services, {TARGETS} targets, {WAITING} waiting, {options.history} landed")
    for sets in options.sets:
        (first, later), decided = measure(sets, options.history, options.rounds)
        print(
            f"{sets:4d} sets: {later * 1000:7.1f} ms, the first time {first * 1000:7.1f} ms, "
            f"{len(decided.auto)} operations",
            flush=True,
        )


if __name__ == "__main__":
    main()
