"""How long answers take about a repository that has turned for a year.

    python bench/answers.py [--turns 100000] [--rounds 5] [--repo FOLDER]

Makes a bare repository with a journal of so many turns, in which each fifth turn lands a set in one
of three waves, and measures questions about it as a person asks them: each in a process of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from tidemill.facts.journal import Entry, message

TURNS = 100_000
SERVICES = 20
WAVES = ("staging", "internal", "production")
START = datetime(2025, 1, 1, tzinfo=UTC)
EVERY = timedelta(days=365) / TURNS
SETTINGS = """\
[checks]
source = "refs"

[[sets]]
name = "app"
repository = "acme/app"

[images]
allow = ["registry.example/*"]
""" + "".join(f'\n[[waves]]\nname = "{wave}"\ntargets = ["{wave}-1"]\n' for wave in WAVES)


def name(*parts: object) -> str:
    """Forty hex digits that stand for something."""
    return hashlib.sha1(repr(parts).encode(), usedforsecurity=False).hexdigest()


def image(service: str, content: int) -> str:
    """The digest of an image of a service."""
    return f"sha256:{hashlib.sha256(repr((service, content)).encode()).hexdigest()}"


QUESTIONS = (
    ("history",),
    ("history", "--limit", "0"),
    ("history", "--wave", "production"),
    ("history", "--at", "2025-07-01T14:00:00Z"),
    ("history", "--at", "2025-12-30T14:00:00Z"),
    ("history", "--since", "2025-12-25T00:00:00Z"),
    ("history", "--target", "production-1"),
    ("history", "--service", "service-7", "--wave", "production"),
    ("explain", "production"),
    ("explain", "production-1"),
    ("explain", "service-7"),
    ("explain", name("app", 1)),
    ("explain", image("service-7", 1)),
)


def stream(turns: int) -> Iterator[bytes]:
    """What `git fast-import` makes the repository of."""
    yield from _settings()
    landings = (number for number in range(turns) if _lands(number))
    for mark, number in enumerate(landings, start=2):
        yield from _landing(number, mark)
    yield b"done\n"


def journal(turns: int, mains: dict[int, str]) -> Iterator[bytes]:
    """The journal, whose records name the commits of main."""
    for number in range(turns):
        entries = list(_entries(number, mains))
        record = {"version": 2, "at": _at(number), "run_url": _run(number), "read": []}
        said = message(msgspec.convert(entries, list[Entry]))
        yield _commit("refs/tidemill/journal", number, said)
        yield _file("record.json", json.dumps({**record, "entries": entries}, indent=1).encode())
        yield _file("ledger.json", json.dumps({"items": {}, "ledger": {"moved": number}}).encode())
        for part in range(8):
            if number == 0 or number % 8 == part:
                text = "".join(f'"{name(part, number - number % 8, row)}",\n' for row in range(90))
                yield _file(f"part-{part:04}.json", text.encode())
    yield b"done\n"


def _lands(number: int) -> bool:
    return number % 5 == 4


def _place(number: int) -> tuple[str, str]:
    """The wave and the app commit of a turn that lands one."""
    return WAVES[number // 5 % 3], name("app", number // 15)


def _entries(number: int, mains: dict[int, str]) -> Iterator[dict[str, str]]:
    if _lands(number) or _lands(number + 1):
        landing = number if _lands(number) else number + 1
        wave, app_sha = _place(landing)
        what = "landed" if _lands(number) else "introduced" if wave == "staging" else "promoted"
        yield {
            "what": what,
            "id": f"announcement-app-{landing // 15}-{app_sha[:12]}",
            "sha": mains.get(landing, name("auto", landing)),
            "app_sha": app_sha,
            "set": "app",
            "wave": wave,
            "reason": f"announced by {_run(landing)}",
            "by": "acme-ci[bot]",
        }
    else:
        wave = WAVES[number % 3]
        said = f"{wave}-1: Succeeded, Healthy at {name('main', number)[:12]}"
        yield {
            "what": "reported",
            "id": f"deployment-{name(number)[:20]}",
            "sha": name("main", number),
            "wave": wave,
            "reason": said,
            "target": f"{wave}-1",
            "phase": "Succeeded",
            "health": "Healthy",
        }


def _settings() -> Iterator[bytes]:
    yield _commit("refs/heads/main", -1, "settings", 1)
    yield _file("tidemill.toml", SETTINGS.encode())


def _landing(number: int, mark: int) -> Iterator[bytes]:
    wave, sha = _place(number)
    yield _commit("refs/heads/main", number, f"Introduce app {sha[:12]} to {wave}", mark)
    services = [f"service-{one}" for one in range(SERVICES)]
    at = {one: "registry.example/acme/" + one for one in services}
    changed = number // 15
    tags = {one: f"{at[one]}:{sha}" for one in services}
    digests = {one: f"{at[one]}@{image(one, (changed + n) // 7)}" for n, one in enumerate(services)}
    source = {
        "version": 1,
        "repository": "acme/app",
        "sha": sha,
        "position": number // 15 + 1,
        "introduced_at": _at(number),
        "promoted_from": None,
    }
    for file, value in (("tags", tags), ("digests", digests), ("source", source)):
        yield _file(f"images/{wave}/{file}.json", json.dumps(value, indent=2).encode())


def _commit(ref: str, number: int, message: str, mark: int | None = None) -> bytes:
    when = int((START + number * EVERY).timestamp())
    marked = f"mark :{mark}\n" if mark else ""
    who = f"tidemill <tidemill@users.noreply.github.com> {when} +0000"
    data = f"data {len(message.encode())}\n{message}\n"
    return f"commit {ref}\n{marked}author {who}\ncommitter {who}\n{data}".encode()


def _file(path: str, data: bytes) -> bytes:
    return f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n"


def _at(number: int) -> str:
    return f"{START + number * EVERY:%Y-%m-%dT%H:%M:%S.%fZ}"


def _run(number: int) -> str:
    return f"https://github.com/acme/cfg-app/actions/runs/{number}"


def make(folder: Path, turns: int) -> None:
    """The whole repository, packed as a server has it."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(folder)], check=True)
    marks = folder / "marks"
    _import(folder, stream(turns), f"--export-marks={marks}")
    made = dict(line[1:].split(" ") for line in marks.read_text().splitlines())
    landings = [number for number in range(turns) if _lands(number)]
    mains = {number: made[str(2 + at)] for at, number in enumerate(landings)}
    _import(folder, journal(turns, mains))
    subprocess.run(["git", "-C", str(folder), "gc", "-q"], check=True)


def _import(folder: Path, lines: Iterator[bytes], *options: str) -> None:
    command = ["git", "-C", str(folder), "fast-import", "--quiet", "--done", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for line in lines:
            process.stdin.write(line)
        process.stdin.close()
    assert process.returncode == 0


def asked(folder: Path, question: tuple[str, ...]) -> tuple[float, float]:
    """Seconds on the clock, and of the processors with all processes that it starts."""
    command = [sys.executable, "-m", "tidemill", *question, "--repo", str(folder)]
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repo", type=Path, help="one that this made before; made if not there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.repo or Path(scratch) / "year.git"
        if not folder.exists():
            make(folder, options.turns)
        print(f"{options.turns:,} turns: seconds, and seconds of the processors")
        for question in QUESTIONS:
            found = sorted(asked(folder, question) for _ in range(options.rounds))
            seconds, processors = found[len(found) // 2]
            print(f"{seconds:7.2f}  {processors:7.2f}  {' '.join(question)}")


if __name__ == "__main__":
    main()
