"""What a turn costs on a large cfg-app.git: 3,000 commits, 3,180 generated files, 240 MB.

Whole processes, as a person or a workflow starts them, taking turns; medians.

    python bench/turn.py [rounds] [--keep FOLDER] [--delay SECONDS]

The repository is made once, outside the timing (`--keep` makes it only if it is not there). It is
reached as a path, over HTTP, and through `git daemon`, which has `uploadpack.allowFilter` set or
not. Over HTTP, requests and connections are counted. With `--delay` each request waits so long, and
that is the only way then.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from _counting import served

COMMITS, SERVICES, CHANGED, PER_COMMIT = 3_000, 106, 3, 40
WAVES = {"staging": 5, "internal": 10, "production": 15}
REGISTRY = "ghcr.io/acme"
NOW = "2026-01-05T10:00:00+00:00"

GENERATE = """\
import json, pathlib, re
for folder in pathlib.Path("images").iterdir():
    digests = json.loads((folder / "digests.json").read_text())
    for file in pathlib.Path("generated", folder.name).glob("*/*.yml"):
        text = file.read_text()
        mine = re.sub("image: .*", "image: " + digests[file.stem], text, count=1)
        if mine != text:
            file.write_text(mine)
"""
ENTRY_POINTS = {
    "built-in": "",
    "trivial": 'generate = "true"',
    "script": 'generate = "python3 generate.py"',
}


def hex_of(*parts: object) -> str:
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()


def service(number: int) -> str:
    return f"service-{number:03d}"


def digest(number: int, round_: int) -> str:
    return f"{REGISTRY}/{service(number)}@sha256:{hex_of(number, round_)}"


def manifest(target: str, number: int, image: str, salt: object) -> bytes:
    """Like a Deployment: 6 KB, of which a good part does not compress."""
    lines = [f"# {target}", f"image: {image}", "env:"]
    lines += [
        f"  - name: SETTING_{line}\n    value: {hex_of(salt, target, number, line)}"
        for line in range(55)
    ]
    return ("\n".join(lines) + "\n").encode()


def settings(entry_points: str, waves: Mapping[str, int]) -> bytes:
    lines = ["[checks]", 'source = "refs"', "[images]", f'allow = ["{REGISTRY}/*"]']
    lines += ["[entrypoints]", entry_points]
    lines += ["[deployments]", 'path = "generated/{wave}/{target}"']
    for wave, count in waves.items():
        names = ", ".join(f'"{wave}-{number}"' for number in range(count))
        lines += ["[[waves]]", f'name = "{wave}"', f"targets = [{names}]"]
    return ("\n".join(lines) + "\n").encode()


def announcement(position: int, changed_at: int) -> bytes:
    sha = hashlib.sha1(str(position).encode()).hexdigest()
    images = {
        service(number): {
            "Digest": digest(number, changed_at if number < CHANGED else 0),
            "Tag": f"{REGISTRY}/{service(number)}:{sha}",
        }
        for number in range(SERVICES)
    }
    value = {
        "version": 1,
        "set": "app",
        "repository": "acme/app",
        "sha": sha,
        "position": position,
        "images": images,
    }
    return json.dumps(value).encode()


def history() -> Iterator[bytes]:
    """A stream for `git fast-import`: everything, then small commits, then the settings."""
    places = [
        (f"{wave}-{target}", f"generated/{wave}/{wave}-{target}/{service(number)}.yml", number)
        for wave, count in WAVES.items()
        for target in range(count)
        for number in range(SERVICES)
    ]
    yield from commit("everything", 1)
    digests = {service(number): digest(number, 0) for number in range(SERVICES)}
    for wave in WAVES:
        yield from file(f"images/{wave}/digests.json", json.dumps(digests).encode())
        tags = {name: f"{REGISTRY}/{name}:{'0' * 40}" for name in digests}
        yield from file(f"images/{wave}/tags.json", json.dumps(tags).encode())
    yield from file("generate.py", GENERATE.encode())
    for target, path, number in places:
        yield from file(path, manifest(target, number, digest(number, 0), 0))
    for at in range(2, COMMITS):
        yield from commit(f"change {at}", at)
        for step in range(PER_COMMIT):
            target, path, number = places[(at * PER_COMMIT + step) % len(places)]
            yield from file(path, manifest(target, number, digest(number, 0), at))
    yield from commit("settings", COMMITS)
    yield from file("tidemill.toml", settings("", WAVES))


def commit(message: str, at: int) -> Iterator[bytes]:
    stamp = f"A Person <person@example.com> {1_700_000_000 + at * 600} +0000"
    yield f"commit refs/heads/main\ncommitter {stamp}\ndata {len(message)}\n{message}\n".encode()


def file(path: str, data: bytes) -> Iterator[bytes]:
    yield f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n"


def git(folder: Path, *arguments: str, data: bytes | None = None) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, input=data, check=True, capture_output=True
    )
    return done.stdout.decode().strip()


def make(folder: Path) -> None:
    """The repository, with targets that have reported, and one main for each kind of `generate`."""
    repository = folder / "cfg-app.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(repository)], check=True)
    importing = subprocess.Popen(
        ["git", "fast-import", "--quiet", "--depth=0"], cwd=repository, stdin=subprocess.PIPE
    )
    assert importing.stdin is not None
    buffer = io.BufferedWriter(importing.stdin, 1 << 20)  # type: ignore[type-var]
    for part in history():
        buffer.write(part)
    buffer.flush()
    importing.stdin.close()
    if importing.wait() != 0:
        raise SystemExit("git fast-import failed")
    git(repository, "config", "gc.auto", "0")
    put = folder / "announcement.json"
    put.write_bytes(announcement(1, 0))
    live(repository, put, WAVES)
    give_mains(repository, ENTRY_POINTS, WAVES, COMMITS + 1)


def give_mains(
    repository: Path, ways: Mapping[str, str], waves: Mapping[str, int], at: int
) -> None:
    """A main for each kind of `generate`, below refs/mains/, each one commit beyond main."""
    for name, entry_points in ways.items():
        parts = [*commit("settings", at), b"from refs/heads/main^0\n"]
        parts += file("tidemill.toml", settings(entry_points, waves))
        stream = b"".join(parts).replace(b"refs/heads/main\n", f"refs/mains/{name}\n".encode(), 1)
        git(repository, "fast-import", "--quiet", data=stream)


def live(repository: Path, put: Path, waves: Mapping[str, int]) -> None:
    """A first set lands, and every target of every wave reports."""
    turn = run(str(repository), "update-cfg-app", "--announcement", str(put))
    for wave, count in waves.items():
        for sha in turn["to_check"]:
            check = ("--sha", sha, "--context", "check", "--state", "success")
            run(str(repository), "record-check", *check)
        run(str(repository), "reconcile-cfg-app")
        main = git(repository, "rev-parse", "main")
        for number in range(count):
            turn = run(
                str(repository), "record-deployment", "--wave", wave,
                "--target", f"{wave}-{number}", "--revision", main,
                "--phase", "Succeeded", "--health", "Healthy", "--finished-at", NOW,
            )  # fmt: skip


def run(url: str, *arguments: str) -> dict[str, list[str]]:
    command = [sys.executable, "-m", "tidemill", *arguments, "--repo", url, "--now", NOW, "--json"]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.stdout.decode()}{done.stderr.decode()}")
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def refs(repository: Path) -> dict[str, str]:
    lines = git(repository, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split(" ", 1) for line in lines)


def restore(repository: Path, wanted: dict[str, str]) -> None:
    changes = [f"delete {ref}\n" for ref in refs(repository).keys() - wanted.keys()]
    changes += [f"update {ref} {sha}\n" for ref, sha in wanted.items()]
    git(repository, "update-ref", "--stdin", data="".join(changes).encode())


@contextmanager
def daemon(folder: Path) -> Iterator[str]:
    """The folder's repositories through `git daemon`."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    command = ["git", "daemon", "--export-all", "--enable=receive-pack",
               "--listen=127.0.0.1", f"--port={port}",
               f"--base-path={folder}", str(folder)]  # fmt: skip
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0
    )
    try:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield f"git://127.0.0.1:{port}/cfg-app.git"
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def generating(repository: Path, folder: Path) -> float:
    """Seconds that the script takes by itself, in a checkout in memory, median of five."""
    checkout = folder / "checkout"
    shutil.rmtree(checkout, ignore_errors=True)
    subprocess.run(
        ["git", "clone", "-q", "--depth=1", f"file://{repository}", str(checkout)], check=True
    )
    seconds = []
    for round_ in range(5):
        digests = {
            service(n): digest(n, round_ + 1_000 if n < CHANGED else 0) for n in range(SERVICES)
        }
        (checkout / "images/staging/digests.json").write_text(json.dumps(digests))
        start = time.perf_counter()
        subprocess.run([sys.executable, "generate.py"], cwd=checkout, check=True)
        seconds.append(time.perf_counter() - start)
    shutil.rmtree(checkout)
    return statistics.median(seconds)


def measure(folder: Path, rounds: int, delay: float) -> None:
    repository = folder / "cfg-app.git"
    start = refs(repository)
    base = {ref: sha for ref, sha in start.items() if not ref.startswith("refs/mains/")}
    size = (
        sum(path.stat().st_size for path in (repository / "objects").rglob("*") if path.is_file())
        / 1e6
    )
    files = len(git(repository, "ls-tree", "-r", "--name-only", "main", "generated").splitlines())
    print(
        f"{git(repository, 'rev-list', '--count', 'main')} commits, "
        f"{files} generated files, {size:.0f} MB"
    )
    seconds: dict[str, list[float]] = {}
    counted: dict[str, tuple[int, int]] = {}
    put = folder / "announcement.json"
    with daemon(folder) as by_daemon, served(folder, delay) as by_http:
        for round_ in range(rounds):
            for way, allow in (
                ("path", "true"),
                ("http", "true"),
                ("daemon, filter", "true"),
                ("daemon, no filter", "false"),
            ):
                if delay and way != "http":
                    continue
                git(repository, "config", "uploadpack.allowFilter", allow)
                url = {"path": str(repository), "http": f"{by_http.url}/cfg-app.git"}.get(
                    way, by_daemon
                )
                restore(repository, {**start, **base})
                by_http.count()
                what = f"{way:18} nothing to do"
                timed(seconds, what, lambda: run(url, "reconcile-cfg-app"))  # noqa: B023
                counted[what] = by_http.count()
                for name in ENTRY_POINTS:
                    restore(
                        repository,
                        {**start, **base, "refs/heads/main": start[f"refs/mains/{name}"]},
                    )
                    put.write_bytes(announcement(2 + round_, 2 + round_))
                    what = f"{way:18} introduce, {name}"
                    turn = timed(
                        seconds,
                        what,
                        lambda: run(url, "update-cfg-app", "--announcement", str(put)),  # noqa: B023
                    )
                    counted[what] = by_http.count()
                    if len(turn["introduced"]) != 1:
                        raise SystemExit(f"nothing was introduced: {turn}")
    restore(repository, start)
    print(f"{'median of ' + str(rounds):45} {'seconds':>7}  fastest  requests  connections")
    for what, all_ in seconds.items():
        requests, connections = counted[what]
        counts = f"  {requests:8}  {connections:11}" if requests else ""
        print(f"{what:45} {statistics.median(all_):7.2f}  {min(all_):7.2f}{counts}")
    print(f"{'generate.py by itself':45} {generating(repository, folder):7.2f}")


def timed(seconds: dict[str, list[float]], what: str, act):  # type: ignore[no-untyped-def]
    begin = time.perf_counter()
    found = act()
    seconds.setdefault(what, []).append(time.perf_counter() - begin)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="where the repository is, or will be, kept"
    )
    parser.add_argument(
        "--delay", type=float, default=0.0, metavar="SECONDS", help="latency of HTTP requests"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "ready").exists():
            shutil.rmtree(folder / "cfg-app.git", ignore_errors=True)
            begin = time.perf_counter()
            make(folder)
            (folder / "ready").write_text("")
            print(f"made in {time.perf_counter() - begin:.0f} s")
        measure(folder, arguments.rounds, arguments.delay)


if __name__ == "__main__":
    main()
