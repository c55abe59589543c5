"""The breaks that tools/mutants.py makes: each is a program, and another one than the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from itertools import accumulate
from pathlib import Path

from tools import mutants, mutations

SOURCE = mutations.ROOT / mutations.SOURCE


def test_every_break_of_what_decides_is_another_program() -> None:
    for file in sorted((SOURCE / "plan").glob("*.py")):
        text = file.read_text(encoding="utf-8")
        spans = list(_spans(text))
        for one in mutations.mutants(file.relative_to(mutations.ROOT)):
            start, end = next(span for span in spans if span[0] <= one.start < span[1])
            assert one.end <= end, one
            broken = one.broken(text)[start : end + len(one.broken(text)) - len(text)]
            assert _program(broken) != _program(text[start:end]), one


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where each definition of a file begins and ends, in characters."""
    starts = [0, *accumulate(map(len, text.splitlines(keepends=True)))]
    for one in ast.parse(text).body:
        first = min([one.lineno, *(each.lineno for each in getattr(one, "decorator_list", ()))])
        yield starts[first - 1], starts[one.end_lineno or one.lineno]


@cache
def _program(text: str) -> str:
    return ast.dump(ast.parse(text))


def test_a_step_is_left_out_and_steps_change_places() -> None:
    names = [one.what for one in mutations.mutants(Path("src/tidemill/plan/plan.py"))]
    assert "refresh(draft) -> pass" in names
    assert "assess(draft): assess(draft) ... -> refresh(draft) ..." in names
    inner = [one.what for one in mutations.mutants(Path("src/tidemill/plan/filing.py"))]
    assert "end_announcement(draft, request_id, fact) -> pass" in inner


def test_a_survivor_that_is_known_still_stands_in_the_source() -> None:
    known = set(mutants.known())
    files = {Path(mutations.SOURCE, name.partition(": ")[0]) for name in known}
    gone = known - {one.name for file in files for one in mutations.mutants(file)}
    assert not gone, f"tools/mutants-known.txt names what is not there any more: {gone}"


def test_tests_that_a_mutant_meets_are_there() -> None:
    turns = {file.stem for file in (SOURCE / "turn").glob("*.py")}
    assert mutants.STORIES.keys() <= turns
    clients = {file.stem for file in (SOURCE / "clients/git").glob("*.py")}
    assert mutants.COMMANDS.keys() <= clients
    files = [mutations.SOURCE / "turn" / f"{name}.py" for name in turns]
    files += [mutations.SOURCE / "clients/git" / f"{name}.py" for name in clients]
    tests = mutants.tests_of(files)
    gone = [one for one in tests if not Path(mutations.ROOT, one.partition("::")[0]).exists()]
    assert not gone
    assert "tests/clients/test_pushing.py" in tests
    assert "tests/loop/test_lost_journal.py" in tests
    assert "tests/commands/test_init.py" in tests
    deciding = mutants.tests_of([mutations.SOURCE / "plan/due.py"])
    assert {"tests/unit/plan", "tests/unit/facts"} < {*deciding}
    assert all(Path(mutations.ROOT, one).exists() for one in deciding)
