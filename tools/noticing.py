"""Which mutants do the tests notice? Nothing is started for one: the tests are in memory already.

pytest collects all tests, once. Each test is run, and it is noted which broken places it reaches,
and how long it takes. For a mutant, the process forks. The child puts the broken code into the
function that is there, and runs the tests that reach the place: those of the file's own test first,
then the quickest. It stops at the first one that fails.

Stories take long, and reach nearly everything: they are not run beforehand. A mutant meets those
that are about its file, after all other tests; one that notices something is then run as it is.

What is broken outside of functions (a constant, a default) is there from the start. Such a mutant
is written into a copy of the checkout, and the tests run there.
"""

from __future__ import annotations

import ast
import builtins
import gc
import os
import pickle
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from tools.mutations import ROOT, SOURCE, Mutant

PATIENCE = (
    2  # seconds of work more than twice what a test needs: a mutant never ends, and is noticed
)
LONGEST = 300  # seconds more than its tests take, in case that a mutant waits and never works
STORY = 120  # seconds that a story may take
MEMORY = 6 << 30
QUIET = ["-q", "-s", "-n0", "-p", "no:cacheprovider"]


Place = tuple[Path, int]
"""A file, and the first line of a statement in it; 0 for any function of the file."""


@dataclass
class Reach:
    """What the tests reach: of each place the tests by number, and how many seconds each takes."""

    places: dict[Place, set[int]] = field(default_factory=lambda: defaultdict(set))
    seconds: dict[int, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


@dataclass
class Noticing:
    """A plugin of pytest that runs, instead of all tests, those that a mutant concerns.

    Attributes:
        stories: the files of stories that are about a file of the source, the nearest first.
        tell: is told of each mutant whether it was noticed.
    """

    mutants: Sequence[Mutant]
    jobs: int
    stories: Mapping[Path, Sequence[str]]
    tell: Callable[[Mutant, bool], None]
    items: list[pytest.Item] = field(default_factory=list)
    sound: set[int] = field(default_factory=set)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = session.items
        self.functions = _functions_of({one.file for one in self.mutants})
        self.caches = [one for one in gc.get_objects() if hasattr(type(one), "cache_clear")]
        gc.collect()
        gc.freeze()  # a child that looks through all of it would have to copy it
        reach = self._reach()
        running: dict[int, tuple[Mutant, float, Path]] = {}
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
            for number, mutant in enumerate(self.mutants):
                while len(running) >= self.jobs:
                    self._end_one(running)
                folder = Path(scratch, str(number))
                folder.mkdir()
                pid, limit = self._begin(mutant, reach, folder)
                running[pid] = mutant, time.monotonic() + limit, folder
            while running:
                self._end_one(running)
        return True

    def _file(self, number: int) -> str:
        """The file of a test."""
        return self.items[number].nodeid.partition("::")[0]

    def _reach(self) -> Reach:
        """Run every test in a child, so that nothing here has been in use when a mutant comes."""
        told = {name for names in self.stories.values() for name in names}
        numbers = [one for one in range(len(self.items)) if self._file(one) not in told]
        parts = [self._traced_apart(numbers[one :: self.jobs]) for one in range(self.jobs)]
        found = Reach()
        for pid, reading in parts:
            with os.fdopen(reading, "rb") as back:
                part: Reach = pickle.load(back)  # noqa: S301 - it is our own
            os.waitpid(pid, 0)
            if part.failed:
                raise AssertionError(f"they fail as it is: {part.failed}")
            found.seconds |= part.seconds
            for place, tests in part.places.items():
                found.places[place] |= tests
        return found

    def _traced_apart(self, numbers: Sequence[int]) -> tuple[int, int]:
        """Start a child that runs some tests: its process, and where it will write."""
        reading, writing = os.pipe()
        if not (pid := os.fork()):
            os.close(reading)
            with _ended(), os.fdopen(writing, "wb") as out:
                _be_quiet()
                pickle.dump(self._traced(numbers), out)
        os.close(writing)
        return pid, reading

    def _traced(self, numbers: Sequence[int]) -> Reach:
        """Run tests with something in each broken place that notes that it is reached."""
        found = Reach()
        reached: set[Place] = set()
        wanted: dict[Path, set[int]] = defaultdict(set)
        for one in self.mutants:
            wanted[one.file].add(_place(one)[1])
        for file, rows in wanted.items():
            name = f"_reached_{len(vars(builtins))}"
            setattr(builtins, name, lambda row, file=file: reached.add((file, row)))
            text = (ROOT / file).read_text(encoding="utf-8")
            self._put(file, _parts(text, _noting(text, rows, name), file))
        following = [*numbers[1:], None]
        for number, later in zip(numbers, following, strict=True):
            for one in self.caches:
                one.cache_clear()
            reached.clear()
            item, begun = self.items[number], time.monotonic()
            if _fails(item, later=None if later is None else self.items[later]):
                found.failed.append(item.nodeid)
            found.seconds[number] = time.monotonic() - begun
            for place in reached:
                found.places[place].add(number)
        return found

    def _put(self, file: Path, parts: Iterable[tuple[CodeType, CodeType]]) -> None:
        """Put other code into each function of a file that has the sound one."""
        for old, new in parts:
            found = [one for one in self.functions[file] if one.__code__ == old]
            if not found:
                raise AssertionError(f"{old.co_qualname} is nowhere")
            for one in found:
                one.__code__ = new

    def _begin(self, mutant: Mutant, reach: Reach, folder: Path) -> tuple[int, float]:
        """Start what tries one mutant: the process, and how long it may take."""
        tests = self._tests(mutant, reach)
        parts = _broken_parts(mutant)
        if pid := os.fork():
            return pid, LONGEST + 2 * sum(reach.seconds.get(one, STORY) for one in tests)
        os.setsid()
        os.environ["PYTEST_DEBUG_TEMPROOT"] = os.environ["TMPDIR"] = str(folder)
        tempfile.tempdir = None
        _be_quiet()
        with _ended():
            if parts is None:
                names = dict.fromkeys([*self._importing(mutant), *map(self._file, tests)])
                os._exit(not _passes(mutant, folder, list(names)))
            self._put(mutant.file, parts if tests else ())
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            for one in tests:
                if _fails(self.items[one], PATIENCE + 2 * reach.seconds.get(one, STORY)):
                    (folder / "noticed").write_text(str(one), encoding="utf-8")
                    os._exit(1)
            os._exit(0)
        raise AssertionError("a child ends by itself")

    def _tests(self, mutant: Mutant, reach: Reach) -> list[int]:
        """The tests that reach a mutant, those first that will say soonest what they think."""
        near = f"test_{mutant.file.stem}.py"
        found = sorted(
            reach.places.get(_place(mutant), ()),
            key=lambda one: (self.items[one].path.name != near, reach.seconds[one]),
        )
        told = [
            [one for one in range(len(self.items)) if self._file(one) == name]
            for name in self.stories.get(mutant.file, ())
        ]
        return [*found, *(one for each in told for one in each)]

    def _importing(self, mutant: Mutant) -> list[str]:
        """The files of tests that import a file, its own first: what is no function is reached by
        no statement."""
        files = dict.fromkeys(map(self._file, range(len(self.items))))
        told = {name for names in self.stories.values() for name in names}
        module = _module(mutant.file)
        texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in files.keys() - told}
        found = [name for name in files if f"tidemill.{module} import" in texts.get(name, "")]
        return sorted(found, key=lambda name: Path(name).name != f"test_{mutant.file.stem}.py")

    def _end_one(self, running: dict[int, tuple[Mutant, float, Path]]) -> None:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            now = time.monotonic()
            if not pid:
                for late in [one for one, (_, end, _) in running.items() if end < now]:
                    with suppress(ProcessLookupError):
                        os.killpg(late, signal.SIGKILL)
                time.sleep(0.005)
                continue
            if pid not in running:
                continue
            mutant, _, folder = running.pop(pid)
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            if status and os.waitstatus_to_exitcode(status) not in (
                1,
                -signal.SIGKILL,
                -signal.SIGPROF,
            ):
                raise AssertionError(f"{mutant} could not be tried")
            if (noticed := folder / "noticed").exists():
                self._require_sound(int(noticed.read_text(encoding="utf-8")))
            shutil.rmtree(folder, ignore_errors=True)
            self.tell(mutant, status != 0)
            return

    def _require_sound(self, number: int) -> None:
        """A story that notices something passes as it is."""
        told = {name for names in self.stories.values() for name in names}
        if number in self.sound or self._file(number) not in told:
            return
        if not (pid := os.fork()):
            with _ended():
                _be_quiet()
                os._exit(_fails(self.items[number]))
        _, status = os.waitpid(pid, 0)
        if status:
            raise AssertionError(f"it fails as it is: {self.items[number].nodeid}")
        self.sound.add(number)


def lives_on(mutant: Mutant) -> bool:
    """Whether the small worlds and some random histories keep their rules with a mutant."""
    with tempfile.TemporaryDirectory() as folder:
        return _passes(mutant, Path(folder), ["tests/simulation"], "-k", "rules_hold")


def _passes(mutant: Mutant, folder: Path, tests: Sequence[str], *options: str) -> bool:
    """Whether tests pass in a copy of the checkout that has the mutant."""
    copy = folder / "checkout"
    ignored = shutil.ignore_patterns(
        ".git", ".venv", ".*_cache", "__pycache__", ".demo", ".sandbox", "site"
    )
    shutil.copytree(ROOT, copy, ignore=ignored, symlinks=True)
    (copy / mutant.file).write_text(
        mutant.broken((ROOT / mutant.file).read_text(encoding="utf-8")), encoding="utf-8"
    )
    env = {**os.environ, "PYTHONPATH": str(copy / "src"), "SIMULATE": "40"}
    for some in (tests[:1], tests[1:]):
        if some:
            command = [sys.executable, "-m", "pytest", *QUIET, "-x", *options, *some]
            nowhere = subprocess.DEVNULL
            ran = subprocess.run(
                command, cwd=copy, env=env, stdout=nowhere, stderr=nowhere, check=False
            )
            if ran.returncode:
                return False
    return True


def _ended() -> Any:
    """A child must never return to what its parent does."""

    class Ended:
        def __enter__(self) -> None: ...

        def __exit__(self, kind: object, *_: object) -> None:
            os._exit(0 if kind is None else 3)

    return Ended()


def _be_quiet() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for one in (0, 1, 2):
        os.dup2(nowhere, one)


def _fails(
    item: pytest.Item, seconds: float | None = None, later: pytest.Item | None = None
) -> bool:
    """Run a test; the process dies where it works for more seconds than it may.

    Args:
        later: the test that runs after it; what both need stays.
    """
    if seconds is not None:
        signal.setitimer(signal.ITIMER_PROF, seconds)
    return any(one.failed for one in runtestprotocol(item, log=False, nextitem=later))


def _place(mutant: Mutant) -> Place:
    """What a test has to reach, to notice a mutant."""
    return mutant.file, mutant.rows.start if mutant.in_function else 0


def _broken_parts(mutant: Mutant) -> list[tuple[CodeType, CodeType]] | None:
    """The functions that a mutant changes, before and after; None if it can't be put into these."""
    if not mutant.in_function:
        return None
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    parts = _parts(text, mutant.broken(text), mutant.file)
    if any(old.co_freevars != new.co_freevars for old, new in parts):
        return None  # as where it calls super() no more: no function takes such code
    return parts


def _parts(text: str, other: str | ast.Module, file: Path) -> list[tuple[CodeType, CodeType]]:
    """The functions that are others in another version of a file, before and after."""
    before, after = (
        list(_functions(compile(one, str(ROOT / file), "exec"))) for one in (text, other)
    )
    return [(old, new) for old, new in zip(before, after, strict=True) if old != new]


def _noting(text: str, rows: Collection[int], name: str) -> ast.Module:
    """A file that calls `name` before the statements in some lines, with the line; and before all
    that a function does, where 0 is among the lines."""
    tree = ast.parse(text)
    bodies = [
        body
        for node in ast.walk(tree)
        for kind in ("body", "orelse", "finalbody")
        if isinstance(body := getattr(node, kind, None), list)
    ]
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    notes = [(one.body, one.body[0], 0) for one in functions] if 0 in rows else []
    for row in filter(None, rows):
        around = [(body, one) for body in bodies for one in body if one.lineno <= row <= _end(one)]
        notes.append((*max(around, key=lambda found: found[1].lineno), row))
    for body, one, row in notes:
        call = ast.Call(ast.Name(name, ast.Load()), [ast.Constant(row)], [])
        body.insert(body.index(one), ast.copy_location(ast.Expr(call), one))
    return ast.fix_missing_locations(tree)


def _end(one: ast.stmt) -> int:
    return one.end_lineno or one.lineno


def _functions(code: CodeType) -> Iterator[CodeType]:
    """The outermost functions in a module."""
    for one in code.co_consts:
        if isinstance(one, CodeType):
            if one.co_flags & 2:  # it has variables of its own: no class's body
                yield one
            else:
                yield from _functions(one)


def _module(file: Path) -> str:
    """What a file is imported as, below the package."""
    return ".".join(file.relative_to(SOURCE).with_suffix("").parts)


def _functions_of(files: Collection[Path]) -> Mapping[Path, list[FunctionType]]:
    """Every function of some files, by file; some of these nothing may have had a use for yet."""
    names = {str(ROOT / file): file for file in files}
    for file in files:
        import_module(f"tidemill.{_module(file)}")
    gc.unfreeze()  # what is frozen is not among the objects
    found: dict[Path, list[FunctionType]] = {file: [] for file in files}
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__.co_filename in names:
            found[names[one.__code__.co_filename]].append(one)
    return found
