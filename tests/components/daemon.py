"""A server process of a component: started, awaited, and ended with all that it leaves behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.components.absence import Missing

SECONDS_TO_START = 180
SECONDS_TO_END = 30
PAUSE = 0.05
LAST_LINES = 15
TRIES = 5  # between choosing a port and listening on it, another process may take it
SHORT = 40  # of a temporary folder's path: a socket's path has at most 107 characters

# Settings of the person at the machine that would change what a component does.
PERSONAL = (
    "DOCKER_",
    "BUILDX_",
    "BUILDKIT_",
    "REGISTRY_",
    "CONTAINER",
    "SOURCE_DATE_EPOCH",
    "OTEL_",
)
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


def surroundings(folder: Path, **more: str | Path) -> dict[str, str]:
    """An environment for components: the test's, with a home of its own, and nobody's settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PERSONAL) and name.lower() not in PROXIES
    }
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return {**kept, "HOME": str(home), **{name: str(value) for name, value in more.items()}}


@contextmanager
def own_folder(name: str) -> Iterator[Path]:
    """A new folder with a short path; in the end nothing is mounted in it, and it is gone."""
    place = tempfile.gettempdir()
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=place if len(place) < SHORT else "/tmp"))
    try:
        yield folder
    finally:
        _end_containers(folder)
        for mounted in reversed(_mounts(folder)):
            subprocess.run(["umount", "--lazy", mounted], check=False, capture_output=True)
        shutil.rmtree(folder)


@dataclass(frozen=True)
class Daemon:
    """A running server, and its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def stop(self) -> None:
        """End it and the rest of its process group; a second time does nothing."""
        if self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(SECONDS_TO_END)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def start(
    name: str,
    command: Sequence[object],
    log: Path,
    answers: Callable[[], bool],
    environment: Mapping[str, str],
) -> Daemon:
    """Start a server and wait until it answers; Missing, with the end of its log, if it does not.

    It has a process group of its own, and is told to end should the test's process die.
    """
    line = ["setpriv", "--pdeathsig", "TERM", "--", *map(str, command)]
    with log.open("ab") as file:
        process = subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=environment,
            cwd=log.parent,
            start_new_session=True,
        )
    daemon = Daemon(name, process, log)
    try:
        limit = time.monotonic() + SECONDS_TO_START
        while not (answered := answers()) and process.poll() is None and time.monotonic() < limit:
            time.sleep(PAUSE)
        if answered and process.poll() is None:
            return daemon
        ended = process.poll()
    except BaseException:
        daemon.stop()
        raise
    daemon.stop()
    how = f"did not answer within {SECONDS_TO_START} s" if ended is None else f"ended with {ended}"
    raise Missing(
        f"{name} {how}; its log ends:\n{_end(log)}\n",
        "It needs a machine where root may start containers.",
    )


def on_a_free_port(start_on: Callable[[int], Daemon], log: Path) -> tuple[int, Daemon]:
    """Start a server that takes no port 0: the port that it listens on, and the server."""
    for remaining in reversed(range(TRIES)):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = int(server.getsockname()[1])
        try:
            return port, start_on(port)
        except Missing:
            if not remaining or "address already in use" not in log.read_text():
                raise
    raise AssertionError


def end_those_that_name(path: Path) -> None:
    """End the processes with this path in their command line: what a server left of its own."""
    limit = time.monotonic() + SECONDS_TO_END
    while left := _naming(path):
        if time.monotonic() > limit:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            limit = time.monotonic() + SECONDS_TO_END
        time.sleep(PAUSE)


def as_root() -> None:
    """Missing, unless root runs the tests."""
    if os.geteuid() != 0:
        raise Missing(
            "Engines and builders are started by root.",
            "Run these tests as root, or leave them to CI.",
        )


def _naming(path: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if os.fsencode(path) in words:
                    found.append(int(entry.name))
    return found


def _end_containers(folder: Path) -> None:
    """End what still runs on a file system that is in this folder."""
    inside = f"={folder}/"  # as in `upperdir=...`, of an overlay
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                roots = [
                    line
                    for line in (entry / "mountinfo").read_text().splitlines()
                    if line.split()[4] == "/"
                ]
                if any(inside in root for root in roots):
                    os.kill(int(entry.name), signal.SIGKILL)


def _mounts(folder: Path) -> list[str]:
    points = (line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines())
    plain = (point.encode().decode("unicode_escape") for point in points)
    return [point for point in plain if point.startswith(f"{folder}/")]


def _end(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
