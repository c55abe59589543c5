"""Breaks the source in one place at a time, and prints each break that no test notices.

    python -m tools.mutants plan facts turn             rooms of src/tidemill, or files in them
    python -m tools.mutants plan --sample 100 --seed 7  as many, chosen at random
    python -m tools.mutants --text plan/soak.py         every mutant of one file, without a run

The unit tests that reach a mutant run, and for what talks to Git the tests on real Git as well.
What these don't notice meets the small worlds and some random histories (not with --quick). One
that nothing has noticed is a survivor. A survivor that changes nothing anyone could see is named
in tools/mutants-known.txt, with the reason. The exit code is 1 if there are others.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections import Counter
from pathlib import Path

import pytest
from tools.mutations import ROOT, SOURCE, Mutant, mutants
from tools.noticing import QUIET, Noticing, lives_on

KNOWN = Path("tools/mutants-known.txt")


def tests_of(files: list[Path]) -> list[str]:
    """Where the tests are that are to notice a mutant of these files."""
    rooms = {file.relative_to(SOURCE).parts[0] for file in files}
    return [
        "tests/unit",
        *(["tests/clients/test_repository.py"] if rooms - {"plan", "facts"} else []),
    ]


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
    parser.add_argument("--tests", action="append", help="these tests, and no others")
    parser.add_argument("--sample", type=int, help="so many of them, chosen at random")
    parser.add_argument("--seed", type=int, default=0, help="which ones (0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at once")
    parser.add_argument("--quick", action="store_true", help="without worlds and histories")
    parser.add_argument("--text", action="store_true", help="list them, and run nothing")
    given = parser.parse_args()
    files = [
        file.relative_to(ROOT) for path in given.paths for file in _files(ROOT / SOURCE / path)
    ]
    found = [one for file in files for one in mutants(file)]
    if given.sample is not None and given.sample < len(found):
        found = random.Random(given.seed).sample(found, given.sample)  # noqa: S311 - a sample
    expected = known()
    left = [one for one in found if one.name not in expected]
    if given.text:
        print("\n".join(map(str, left)))
        return 0
    survivors: list[Mutant] = []

    def tell(mutant: Mutant, noticed: bool) -> None:
        if not noticed and (given.quick or lives_on(mutant)):
            survivors.append(mutant)
            print(f"survives: {mutant}", flush=True)

    tests = given.tests or tests_of(files)
    code = pytest.main([*QUIET, *tests], plugins=[Noticing(left, given.jobs, tell)])
    if code:
        return int(code)
    _sum_up(found, left, survivors)
    return bool(survivors)


def _sum_up(found: list[Mutant], left: list[Mutant], survivors: list[Mutant]) -> None:
    rows = [Counter(one.file for one in some) for some in (found, left, survivors)]
    print("file: mutants, noticed, known to change nothing, survivors")
    for file in sorted(rows[0]):
        tried, others, lost = (row[file] for row in rows)
        print(f"{file.relative_to(SOURCE)}: {tried}, {others - lost}, {tried - others}, {lost}")
    share = 100 * (len(left) - len(survivors)) / max(1, len(left))
    print(f"{len(left)} mutants, {len(survivors)} survive: {share:.1f} % were noticed")


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


if __name__ == "__main__":
    sys.exit(main())
