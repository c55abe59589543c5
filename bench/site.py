"""What the page of a large cfg-app.git costs: 1,000 services, 300 targets in 3 waves, 50 landings.

Whole processes, as a person starts them: seconds from the command line to the last file, and what
is then in the folder. Each wave has had 50 sets, which all targets have reported, and 100 wait.

    python bench/site.py [--rounds 5] [sets ...]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from plan import NOW, WAITING, Repository

from tidemill.facts import image_files, journal
from tidemill.facts.journal import RECORD, Journal
from tidemill.facts.snapshot import Snapshot

MOST_SECONDS, MOST_BYTES = 3.0, 2_000_000


def make(folder: Path, sets: int) -> Path:
    """A bare repository, as turns would have left it."""
    made = Repository(sets, history=50, seed=sets)
    known, git = made.snapshot(), folder / f"cfg-app-{sets}.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(git)], check=True)
    refs: dict[str, Mapping[str, bytes]] = {"refs/heads/main": dict(_main(made, known))}
    written = Journal(at=NOW, ledger=made.decide(known).ledger)
    refs["refs/tidemill/journal"] = journal.encode(written)
    for (wave, target), record in known.records.items():
        refs[f"refs/tidemill/deployed/{wave}/{target}"] = _record(record)
    for name, fact in known.inbox.items():
        refs[f"refs/tidemill/inbox/{name}"] = _record(fact)
    stream = b"".join(part for ref, files in refs.items() for part in _commit(ref, files))
    subprocess.run(["git", "fast-import", "--quiet"], cwd=git, input=stream, check=True)
    return git


def _main(made: Repository, known: Snapshot) -> Iterator[tuple[str, bytes]]:
    yield "tidemill.toml", made.settings_text().encode()
    for (wave, name), files in known.main.sets.items():
        parts = (files.tags, files.digests, files.source)
        for file, value in zip(image_files.FILES, parts, strict=True):
            assert value is not None
            yield f"images/{wave}/{name}/{file}", image_files.render(value)
    for wave, targets in made.targets.items():
        images = [image for name in made.names for image in _images(known, wave, name)]
        for at, target in enumerate(targets):
            own = "".join(f"image: {image}\n" for image in images[at :: len(targets)])
            yield f"generated/{wave}/{target}/all.yaml", own.encode()


def _images(known: Snapshot, wave: str, name: str) -> list[str]:
    return sorted(known.main.sets[wave, name].digests.values())


def _record(fact: Any) -> Mapping[str, bytes]:
    return {RECORD: msgspec.json.encode(fact)}


def _commit(ref: str, files: Mapping[str, bytes]) -> Iterator[bytes]:
    stamp = f"A Person <person@example.com> {int(NOW.timestamp())} +0000"
    yield f"commit {ref}\ncommitter {stamp}\ndata 1\nx\n".encode()
    for path, data in files.items():
        yield f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n"


def measure(git: Path, folder: Path, rounds: int) -> tuple[list[float], float, dict[str, Any]]:
    """Seconds of each round, the processor's seconds of one, and what the last one printed."""
    seconds, told = [], {}
    began = _processor()
    for number in range(rounds):
        out = folder / f"{git.stem}-{number}"
        words = ["page", "--repo", str(git), "--out", str(out), "--now", NOW.isoformat(), "--json"]
        before = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "tidemill", *words], capture_output=True, check=True
        )
        seconds.append(time.perf_counter() - before)
        told = json.loads(done.stdout)
    return seconds, (_processor() - began) / rounds, told


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", type=int, default=[1, 10])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"1,000 services, 300 targets, 50 landings of each set in each wave, {WAITING} waiting")
    print(f"the aim: less than {MOST_SECONDS:.0f} s and {MOST_BYTES:,} bytes with one set")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for sets in options.sets:
            seconds, processor, told = measure(make(folder, sets), folder, options.rounds)
            print(
                f"{sets:4d} sets: {statistics.median(seconds):5.2f} s (worst {max(seconds):.2f}), "
                f"{processor:.2f} s of a processor, "
                f"{told['files']} files, {told['bytes']:,} bytes",
                flush=True,
            )


if __name__ == "__main__":
    main()
