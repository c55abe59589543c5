"""Breaks the source in one place at a time, and prints each break that no test notices.

    python -m tools.mutants plan facts turn             rooms of src/tidemill, or files in them
    python -m tools.mutants plan --sample 100 --seed 7  as many, chosen at random
    python -m tools.mutants --text plan/soak.py         every mutant of one file, without running it

Each mutant runs in a copy of the checkout: the unit tests of its room, then all unit tests, then
the small worlds and some random histories. One that nothing has noticed is a survivor. A survivor
that changes nothing anyone could see is named in tools/mutants-known.txt, with the reason. The exit
code is 1 if there are others.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parents[1]
SOURCE = Path("src/tidemill")
KNOWN = Path("tools/mutants-known.txt")
LONGEST = 600  # seconds for one round of tests; a mutant that never ends is noticed
_COMPARED: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
Place = Callable[[ast.AST], tuple[int, int]]
"""Where a node begins and ends, in characters."""
_CALLED = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """One break: characters of a file, and what stands there instead."""

    file: Path
    line: int
    start: int
    end: int
    instead: str
    what: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(SOURCE)}:{self.line}: {self.what}"

    @property
    def name(self) -> str:
        """How tools/mutants-known.txt names it: without the line's number, which moves."""
        return f"{self.file.relative_to(SOURCE)}: {self.what}"

    def apply(self, folder: Path) -> str:
        """Write the broken file into a copy of the checkout; returns what was there."""
        path = folder / self.file
        text = path.read_text(encoding="utf-8")
        path.write_text(text[: self.start] + self.instead + text[self.end :], encoding="utf-8")
        return text


def mutants(file: Path) -> list[Mutant]:
    """All breaks of one file, from top to bottom."""
    text = (ROOT / file).read_text(encoding="utf-8")
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def place(node: ast.AST) -> tuple[int, int]:
        at = [
            starts[row - 1] + len(text[starts[row - 1] :].encode()[:column].decode())
            for row, column in (
                (node.lineno, node.col_offset),  # type: ignore[attr-defined]
                (node.end_lineno, node.end_col_offset),  # type: ignore[attr-defined]
            )
        ]
        return at[0], at[1]

    def mutant(start: int, end: int, instead: str) -> Mutant:
        row = text.count("\n", 0, start)
        was, now = _shortened(text[start:end]), _shortened(instead)
        around = text.splitlines()[row].strip()
        what = f"{around}: {was} -> {now}" if was != around else f"{was} -> {now}"
        return Mutant(file, row + 1, start, end, instead, what)

    found = [
        mutant(start, end, instead)
        for node in _running(ast.parse(text))
        for start, end, instead in _breaks(node, text, place)
    ]
    return sorted(found, key=lambda one: (one.start, one.end, one.instead))


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when the program does: no decorators, which say what a class is."""
    yield node
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and name != "decorator_list":
                yield from _running(child)


def _shortened(text: str) -> str:
    """Its first line, and the first line that is a statement of its own after that."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return lines[0] + (" ..." if len(lines) > 1 else "")


def _breaks(node: ast.AST, text: str, place: Place) -> Iterator[tuple[int, int, str]]:
    """What can be put in the place of a node or of a part of it, so that something else happens."""
    match node:
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARED:
            start, end = place(left)[1], place(right)[0]
            before = text[start:end]
            signs = before.strip(" ()\n")
            yield start, end, before.replace(signs, _COMPARED[type(op)])
        case ast.BoolOp(values=values, op=op):
            for one, other in pairwise(values):
                start, end = place(one)[1], place(other)[0]
                old, new = ("and", "or") if isinstance(op, ast.And) else ("or", "and")
                yield start, end, text[start:end].replace(old, new)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield *place(node), f"({text[slice(*place(operand))]})"
        case ast.Constant(value=bool(value)):
            yield *place(node), str(not value)
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            yield *place(node), str(value + 1)
        case ast.Call(func=ast.Name(id=name) as called) if name in _CALLED:
            yield *place(called), _CALLED[name]
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            start, end = place(left)[1], place(right)[0]
            old, new = ("+", "-") if isinstance(op, ast.Add) else ("-", "+")
            if "[" not in text[slice(*place(node))] and '"' not in text[slice(*place(node))]:
                yield start, end, text[start:end].replace(old, new)
        case ast.FunctionDef(body=body):
            yield from _statements(body, text, place)
        case _:
            pass


def _statements(body: list[ast.stmt], text: str, place: Place) -> Iterator[tuple[int, int, str]]:
    for at, one in enumerate(body):
        is_text = isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
        if isinstance(one, ast.Expr | ast.AugAssign | ast.Delete) and not is_text:
            yield *place(one), "pass"
        acts = (ast.Expr, ast.AugAssign, ast.If, ast.While, ast.For)
        after = body[at + 1] if at + 1 < len(body) else None
        if isinstance(one, acts) and isinstance(after, acts) and not is_text:
            (start, end), (then, last) = place(one), place(after)
            yield start, last, text[then:last] + text[end:then] + text[start:end]


def rounds(file: Path) -> list[list[str]]:
    """The tests that are to notice a mutant of a file, those that answer soonest first."""
    room = Path("tests/unit") / file.relative_to(SOURCE).parts[0]
    near = room / f"test_{file.stem}.py"
    found = [[str(one)] for one in (near, room) if (ROOT / one).exists()]
    return [*found, ["tests/unit"], ["tests/simulation"]]


def is_noticed(mutant: Mutant, folder: Path) -> bool:
    """Whether a test fails where the copy in `folder` has the mutant."""
    kept = mutant.apply(folder)
    env = {**os.environ, "PYTHONPATH": str(folder / "src"), "SIMULATE": "40"}
    try:
        for tests in rounds(mutant.file):
            command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider"]
            try:
                done = subprocess.run(
                    [*command, *tests],
                    cwd=folder, env=env, capture_output=True, timeout=LONGEST, check=False,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                return True
            if done.returncode not in (0, 5):
                return True
        return False
    finally:
        (folder / mutant.file).write_text(kept, encoding="utf-8")


def known() -> dict[str, str]:
    """The survivors that are no defect, without their lines' numbers, and why."""
    lines = (ROOT / KNOWN).read_text(encoding="utf-8").splitlines()
    told = [line.split("  # ", 1) for line in lines if "  # " in line]
    return {what.strip(): why for what, why in told}


def main() -> int:
    """Run what is asked for; 1 if a mutant survives that is not known to be none."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.mutants",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="+", help="rooms, or files, of src/tidemill")
    parser.add_argument("--sample", type=int, help="so many of them, chosen at random")
    parser.add_argument("--seed", type=int, default=0, help="which ones (0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at once")
    parser.add_argument("--text", action="store_true", help="list them, and run nothing")
    given = parser.parse_args()
    files = [file for path in given.paths for file in _files(ROOT / SOURCE / path)]
    found = [one for file in files for one in mutants(file.relative_to(ROOT))]
    expected = known()
    found = [one for one in found if one.name not in expected]
    if given.sample is not None and given.sample < len(found):
        found = random.Random(given.seed).sample(found, given.sample)  # noqa: S311 - a sample
    if given.text:
        print("\n".join(map(str, found)))
        return 0
    survivors = list(_survivors(found, given.jobs))
    share = 100 * (len(found) - len(survivors)) / max(1, len(found))
    print(f"{len(found)} mutants, {len(survivors)} survive: {share:.1f} % were noticed")
    return bool(survivors)


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _survivors(found: list[Mutant], jobs: int) -> Iterator[Mutant]:
    """Those that nothing notices; each is printed as soon as that is known."""
    copies: Queue[Path] = Queue()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(jobs):
            copy = Path(folder, str(number))
            ignored = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", ".demo")
            shutil.copytree(ROOT, copy, ignore=ignored, symlinks=True)
            copies.put(copy)

        def tried(mutant: Mutant) -> bool:
            copy = copies.get()
            try:
                return is_noticed(mutant, copy)
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(jobs) as pool:
            for mutant, noticed in zip(found, pool.map(tried, found), strict=True):
                if not noticed:
                    print(f"survives: {mutant}", flush=True)
                    yield mutant


if __name__ == "__main__":
    sys.exit(main())
