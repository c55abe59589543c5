"""Breaks the source in one place at a time, and prints each break that no test notices.

    python -m tools.mutants plan facts turn             rooms of src/tidemill, or files in them
    python -m tools.mutants plan --sample 100 --seed 7  as many of each, chosen at random
    python -m tools.mutants --text plan/soak.py         every mutant of one file, without a run

The unit tests that reach a mutant run. For what talks to Git there are the tests on real Git, and
for turns some random histories, and the stories that are about them. What these don't notice meets
the small worlds and more histories (not with --quick). One that nothing has noticed is a survivor.
A survivor that changes nothing anyone could see is named in tools/mutants-known.txt, with the
reason. The exit code is 1 if there are others.
What pytest says of the run goes to stderr.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

import pytest
from tools.mutations import ROOT, SOURCE, Mutant, mutants
from tools.noticing import QUIET, Noticing, lives_on

KNOWN = Path("tools/mutants-known.txt")


# Where what decides is used; elsewhere its mutants would meet thousands of tests about images.
DECIDING = ("adopting", "answers", "asks", "checkup", "commands", "facts", "plan", "turn")
ON_GIT = (
    *("app_checkout", "checkout", "checkout_of_a_person", "connection", "entrypoints", "escapes"),
    *("git", "inner_repositories", "past", "pushing", "remote", "repository"),
    *("users_configuration", "worktree"),
)
# What turns do in a Git that is in memory, which is soon said.
IN_MEMORY = (
    "test_histories.py::test_the_rules_hold_in_every_history",
    "test_histories.py::test_the_rules_hold_where_verdicts_come_from_github",
    "test_leases.py",
    "test_past.py",
    "test_rarer_events.py",
)
HISTORIES = "40"
# Stories that each file of turn/ is in, besides those that any turn is in; the tests of a command
# where that alone uses it.
STORIES: Mapping[str, tuple[str, ...]] = {
    "accept": ("bad_announcements", "lost_commits"),
    "check": ("commands/check_cfg_app", "commands/check_naming", "by_hand"),
    "clear": ("unreadable_refs",),
    "copy": ("rollback", "hotfix"),
    "forge": ("github",),
    "lookup": ("rollback", "records"),
    "loop": ("checks",),
    "lost_journal": ("lost_journal",),
    "make": ("stale_main", "entrypoints"),
    "notify": ("waking",),
    "past": ("answers", "answers_and_git"),
    "preview": ("answers",),
    "senders": ("waking",),
    "signalling": ("signals",),
    "statuses": ("github",),
    "targets": ("targets", "in_the_files"),
    "trial": ("commands/doctor",),
    "verdicts": ("github", "checks"),
    "verification": ("verification",),
    "vouching": ("approvers", "approvers_on_github"),
}
# What a command alone uses of clients/git/.
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "announced_sets": ("commands/completing_sets",),
    "files_of_checkout": ("commands/init",),
    "inspection": ("commands/doctor",),
}
EVERY_TURN = ("concurrency", "evicting", "landing", "records", "replaying")


def tests_of(files: list[Path]) -> list[str]:
    """Where the tests are that are to notice a mutant of these files."""
    rooms = {_room(file) for file in files}
    units = {*rooms, *(DECIDING if rooms & {"facts", "plan"} else ())}
    return [
        *(f"tests/unit/{one}" for one in sorted(units)),
        *(f"tests/clients/test_{name}.py" for name in (ON_GIT if "clients" in rooms else ())),
        *(f"tests/simulation/{name}" for name in (IN_MEMORY if "turn" in rooms else ())),
        *dict.fromkeys(story for file in files for story in stories_of(file)),
    ]


def stories_of(file: Path) -> list[str]:
    """The stories that are to notice a mutant of a file, if nothing else does."""
    match _room(file):
        case "turn":
            names = (*STORIES.get(file.stem, ()), *EVERY_TURN)
        case "clients":
            names = COMMANDS.get(file.stem, ())
        case _:
            names = ()
    return [_story(name) for name in names]


def _story(name: str) -> str:
    room, _, about = name.rpartition("/")
    return f"tests/{room or 'loop'}/test_{about}.py"


def _room(file: Path) -> str:
    return file.relative_to(SOURCE).parts[0]


def known() -> dict[str, str]:
    """The survivors that are no defect, without their lines' numbers, and why."""
    lines = (ROOT / KNOWN).read_text(encoding="utf-8").splitlines()
    told = [line.rsplit("  # ", 1) for line in lines if "  # " in line]
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
    parser.add_argument("--sample", type=int, help="so many of each, chosen at random")
    parser.add_argument("--seed", type=int, default=0, help="which ones (0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at once")
    parser.add_argument("--quick", action="store_true", help="without worlds and histories")
    parser.add_argument("--text", action="store_true", help="list them, and run nothing")
    given = parser.parse_args()
    files = [file for path in given.paths for file in _files(path)]
    found = [one for path in given.paths for one in _some(path, given.sample, given.seed)]
    expected = known()
    left = [one for one in found if one.name not in expected]
    if given.text:
        print("\n".join(map(str, left)))
        return 0
    survivors: list[Mutant] = []

    def tell(mutant: Mutant, noticed: bool) -> None:
        if not noticed and (given.quick or lives_on(mutant)):
            survivors.append(mutant)
            print(f"survives: {mutant}", file=out, flush=True)

    out = _stdout_alone()
    tests = given.tests or tests_of(files)
    os.environ.setdefault("SIMULATE", HISTORIES)
    stories = {one.file: stories_of(one.file) for one in left}
    code = pytest.main([*QUIET, *tests], plugins=[Noticing(left, given.jobs, stories, tell)])
    if code:
        return int(code)
    _sum_up(found, left, survivors, out)
    return bool(survivors)


def _stdout_alone() -> TextIO:
    """What is written here goes to stdout, and everything else that is printed to stderr."""
    sys.stdout.flush()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return out


def _sum_up(found: list[Mutant], left: list[Mutant], survivors: list[Mutant], out: TextIO) -> None:
    rows = [Counter(one.file for one in some) for some in (found, left, survivors)]
    print("file: mutants, noticed, known to change nothing, survivors", file=out)
    for file in sorted(rows[0]):
        tried, others, lost = (row[file] for row in rows)
        told = f"{tried}, {others - lost}, {tried - others}, {lost}"
        print(f"{file.relative_to(SOURCE)}: {told}", file=out)
    share = 100 * (len(left) - len(survivors)) / max(1, len(left))
    told = f"{len(left)} mutants, {len(survivors)} survive: {share:.1f} % were noticed"
    print(told, file=out, flush=True)


def _some(path: str, sample: int | None, seed: int) -> list[Mutant]:
    """The mutants of a room or a file; so many of them where there are more."""
    found = [one for file in _files(path) for one in mutants(file)]
    if sample is None or sample >= len(found):
        return found
    return random.Random(seed).sample(found, sample)  # noqa: S311 - a sample


def _files(path: str) -> list[Path]:
    whole = ROOT / SOURCE / path
    files = sorted(whole.rglob("*.py")) if whole.is_dir() else [whole]
    return [file.relative_to(ROOT) for file in files]


if __name__ == "__main__":
    sys.exit(main())
