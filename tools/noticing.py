"""Which mutants do the tests notice? Nothing is started for one: the tests are in memory already.

pytest collects all tests, once. Each test is run, and it is noted which lines it reaches, and how
long it takes. For a mutant, the process forks. The child puts the broken code into the function
that is there, and runs the tests that reach the line: those of the file's own test first, then
the quickest. It stops at the first one that fails.

What is broken outside of functions (a constant, a default) is there from the start. Such a mutant
is written into a copy of the checkout, and the tests run there.
"""

from __future__ import annotations

import gc
import os
import pickle
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from tools.mutations import ROOT, Mutant

PATIENCE = (
    2  # seconds of work more than twice what a test needs: a mutant never ends, and is noticed
)
LONGEST = 300  # seconds more than its tests take, in case that a mutant waits and never works
MEMORY = 6 << 30
QUIET = ["-q", "-s", "-n0", "-p", "no:cacheprovider"]


@dataclass
class Reach:
    """What the tests reach: of each line the tests by number, and how many seconds each takes."""

    lines: dict[tuple[str, int], set[int]] = field(default_factory=lambda: defaultdict(set))
    seconds: dict[int, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


@dataclass
class Noticing:
    """A plugin of pytest that runs, instead of all tests, those that a mutant concerns."""

    mutants: Sequence[Mutant]
    jobs: int
    tell: Callable[[Mutant, bool], None]
    items: list[pytest.Item] = field(default_factory=list)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = session.items
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

    def _reach(self) -> Reach:
        """Run every test in a child, so that nothing here has been in use when a mutant comes."""
        files = {str(ROOT / one.file) for one in self.mutants}
        parts = [
            self._traced_apart(range(one, len(self.items), self.jobs), files)
            for one in range(self.jobs)
        ]
        found = Reach()
        for pid, reading in parts:
            with os.fdopen(reading, "rb") as back:
                part: Reach = pickle.load(back)  # noqa: S301 - it is our own
            os.waitpid(pid, 0)
            if part.failed:
                raise AssertionError(f"they fail as it is: {part.failed}")
            found.seconds |= part.seconds
            for line, tests in part.lines.items():
                found.lines[line] |= tests
        return found

    def _traced_apart(self, numbers: Sequence[int], files: set[str]) -> tuple[int, int]:
        """Start a child that traces some tests: its process, and where it will write."""
        reading, writing = os.pipe()
        if not (pid := os.fork()):
            os.close(reading)
            with _ended(), os.fdopen(writing, "wb") as out:
                _be_quiet()
                pickle.dump(_traced(self.items, numbers, files), out)
        os.close(writing)
        return pid, reading

    def _begin(self, mutant: Mutant, reach: Reach, folder: Path) -> tuple[int, float]:
        """Start what tries one mutant: the process, and how long it may take."""
        tests = self._tests(mutant, reach)
        parts = _broken_parts(mutant)
        if pid := os.fork():
            return pid, LONGEST + 2 * sum(reach.seconds[one] for one in tests)
        os.setsid()
        os.environ["PYTEST_DEBUG_TEMPROOT"] = os.environ["TMPDIR"] = str(folder)
        tempfile.tempdir = None
        _be_quiet()
        with _ended():
            if parts is None:
                names = [self.items[one].nodeid.partition("::")[0] for one in tests]
                os._exit(not _passes(mutant, folder, list(dict.fromkeys(names))))
            for old, new in parts if tests else ():
                _replace(old, new)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            os._exit(any(_fails(self.items[one], reach.seconds[one]) for one in tests))
        raise AssertionError("a child ends by itself")

    def _tests(self, mutant: Mutant, reach: Reach) -> list[int]:
        """The tests that reach a mutant, those first that will say soonest what they think."""
        file = str(ROOT / mutant.file)
        if not mutant.in_function:
            found = {
                one for (name, _), tests in reach.lines.items() if name == file for one in tests
            }
        else:
            found = {one for row in mutant.rows for one in reach.lines.get((file, row), ())}
        near = f"test_{mutant.file.stem}.py"
        return sorted(
            found, key=lambda one: (self.items[one].path.name != near, reach.seconds[one])
        )

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
            shutil.rmtree(folder, ignore_errors=True)
            if status and os.waitstatus_to_exitcode(status) not in (
                1,
                -signal.SIGKILL,
                -signal.SIGPROF,
            ):
                raise AssertionError(f"{mutant} could not be tried")
            self.tell(mutant, status != 0)
            return


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


def _fails(item: pytest.Item, seconds: float | None = None) -> bool:
    """Run a test; the process dies where it takes far more than the seconds it needs."""
    if seconds is not None:
        signal.setitimer(signal.ITIMER_PROF, PATIENCE + 2 * seconds)
    return any(one.failed for one in runtestprotocol(item, log=False, nextitem=None))


def _traced(items: Sequence[pytest.Item], numbers: Sequence[int], files: set[str]) -> Reach:
    found = Reach()
    caches = [one for one in gc.get_objects() if hasattr(type(one), "cache_clear")]
    for number in numbers:
        item = items[number]
        for one in caches:
            one.cache_clear()
        lines: set[tuple[str, int]] = set()

        def local(frame: FrameType, event: str, _: object, lines: Any = lines) -> Any:
            if event == "line":
                lines.add((frame.f_code.co_filename, frame.f_lineno))
            return local

        def enter(frame: FrameType, *_: object, local: Any = local, lines: Any = lines) -> Any:
            if frame.f_code.co_filename in files:
                lines.add((frame.f_code.co_filename, frame.f_lineno))
                return local
            return None

        begun = time.monotonic()
        threading.settrace(enter)
        sys.settrace(enter)
        failed = _fails(item)
        sys.settrace(None)
        found.seconds[number] = time.monotonic() - begun
        if failed:
            found.failed.append(item.nodeid)
        for line in lines:
            found.lines[line].add(number)
    return found


def _broken_parts(mutant: Mutant) -> list[tuple[CodeType, CodeType]] | None:
    """The functions that a mutant changes, before and after; None if it can't be put into these."""
    if not mutant.in_function:
        return None
    path = str(ROOT / mutant.file)
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    before = list(_functions(compile(text, path, "exec")))
    after = list(_functions(compile(mutant.broken(text), path, "exec")))
    parts = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    if any(old.co_freevars != new.co_freevars for old, new in parts):
        return None  # as where it calls super() no more: no function takes such code
    return parts


def _functions(code: CodeType) -> Iterator[CodeType]:
    """The outermost functions in a module."""
    for one in code.co_consts:
        if isinstance(one, CodeType):
            if one.co_flags & 2:  # it has variables of its own: no class's body
                yield one
            else:
                yield from _functions(one)


def _replace(old: CodeType, new: CodeType) -> None:
    """Put broken code into each function that has the sound one."""
    there = [one for one in gc.get_objects() if isinstance(one, FunctionType)]
    found = [one for one in there if one.__code__ == old]
    if not found:
        raise AssertionError(f"{old.co_qualname} is nowhere")
    for one in found:
        one.__code__ = new
