"""What a burst costs: 80 announcements by 16 senders at once, beside a naive script with Git.

    python bench/burst.py [rounds] [--senders 16] [--each 5]

Each sender is a process, and sends its announcements one after the other. The naive sender has a
clone made before: it pulls, writes the image files, commits and pushes, and does so again until the
push is taken. Both work on one repository that is reached as a path, taking turns in one run.
Pushes are counted by a hook of the server (what it was asked) and in its refs (what it took);
processor time is that of all processes that were started.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

REGISTRY = "ghcr.io/acme"
SETTINGS = """\
[checks]
source = "refs"
[images]
allow = ["ghcr.io/acme/*"]
[[waves]]
name = "lab"
targets = ["l1", "l2"]
[[waves]]
name = "shop"
targets = ["s1"]
"""
HOOK = """\
#!/bin/sh
cat > /dev/null
echo push >> "$GIT_DIR/pushes"
"""


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
    return done.stdout.decode().strip()


def announcement(position: int) -> dict[str, object]:
    sha = hashlib.sha1(str(position).encode()).hexdigest()
    digest = hashlib.sha256(sha.encode()).hexdigest()
    images = {"web": {"Digest": f"{REGISTRY}/web@sha256:{digest}", "Tag": f"{REGISTRY}/web:{sha}"}}
    about = {"set": "app", "repository": "acme/app", "sha": sha, "position": position}
    return {"version": 1, **about, "images": images}


def repository(folder: Path) -> Path:
    """A cfg-app.git with two waves; its server writes down each push that it is asked for."""
    bare, clone = folder / "cfg-app.git", folder / "first"
    git(folder, "init", "-q", "--bare", "-b", "main", str(bare))
    git(folder, "clone", "-q", str(bare), str(clone))
    (clone / "tidemill.toml").write_text(SETTINGS)
    for number in range(300):
        file = clone / "generated" / f"{number % 10}" / f"{number}.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"number: {number}\n" * 20)
    git(clone, "add", "-A")
    git(clone, *("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first"))
    git(clone, "push", "-q", "origin", "HEAD:main")
    (bare / "hooks" / "pre-receive").write_text(HOOK)
    (bare / "hooks" / "pre-receive").chmod(0o755)
    return bare


def tidemill(bare: Path, folder: Path, position: int) -> int:
    """One announcement; how many times it had to push is the server's to say."""
    file = folder / f"{position}.json"
    file.write_text(json.dumps(announcement(position)))
    command = [sys.executable, "-m", "tidemill", "update-cfg-app", "--repo", str(bare)]
    done = subprocess.run([*command, "--announcement", str(file)], capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stdout.decode() + done.stderr.decode())
    return 0


def naive(folder: Path, position: int, sender: int) -> int:
    """Pull, write, commit, push, until it is taken; how often it was tried."""
    clone = folder / f"clone-{sender}"
    tries = 0
    while True:
        tries += 1
        git(clone, "fetch", "-q", "origin", "main")
        git(clone, "reset", "-q", "--hard", "FETCH_HEAD")
        file = clone / "images" / "lab" / "digests.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(announcement(position)["images"]))
        git(clone, "add", "-A")
        git(clone, *("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", str(position)))
        done = subprocess.run(
            ["git", "push", "-q", "origin", "HEAD:main"],
            cwd=clone, capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return tries


def burst(senders: int, each: int, send: Callable[[int, int], int]) -> tuple[int, float, float]:
    """What all senders tried, the seconds that passed, and the processor's."""

    def one(sender: int) -> int:
        return sum(send(sender * each + number + 1, sender) for number in range(each))

    before, begin = processor(), time.perf_counter()
    with ThreadPoolExecutor(senders) as pool:
        tries = sum(pool.map(one, range(senders)))
    return tries, time.perf_counter() - begin, processor() - before


def processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    parser.add_argument("--senders", type=int, default=16)
    parser.add_argument("--each", type=int, default=5)
    options = parser.parse_args()
    count = options.senders * options.each
    os.environ |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    found: dict[str, list[tuple[int, float, float]]] = {"tidemill": [], "naive git": []}
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            bare = repository(folder)
            _, seconds, cpu = burst(
                options.senders,
                options.each,
                lambda position, _: tidemill(bare, folder, position),  # noqa: B023
            )
            pushes = len((bare / "pushes").read_text().splitlines())
            found["tidemill"].append((pushes, seconds, cpu))
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            bare = repository(folder)
            for sender in range(options.senders):
                git(folder, "clone", "-q", str(bare), f"clone-{sender}")
            found["naive git"].append(
                burst(options.senders, options.each, lambda at, sender: naive(folder, at, sender))  # noqa: B023
            )
        for who, rows in found.items():
            pushes, seconds, cpu = rows[-1]
            print(f"  {who:10} {pushes:4d} push tries  {seconds:5.1f} s  {cpu / count:.2f} s of "
                  "processor for each announcement", flush=True)  # fmt: skip
    print(f"{count} announcements, {options.senders} senders, medians of {options.rounds}")
    for who, rows in found.items():
        pushes, seconds, cpu = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"{who:10} {pushes:4.0f} push tries  {seconds:5.1f} s  {cpu / count:.2f} s of "
              "processor for each announcement")  # fmt: skip


if __name__ == "__main__":
    main()
