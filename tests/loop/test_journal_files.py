"""What the journal's commits hold: what a turn did, and the ledger beside it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from tests.loop.stories import assert_rests, journal
from tests.loop.test_unreadable_refs import commit_of
from tests.loop.waves import Waves, waves
from tests.world import git
from tidemill.clients.git.repository import opened
from tidemill.turn.read import read

JOURNAL = "refs/tidemill/journal"


def files(w: Waves, commit: str = JOURNAL) -> dict[str, str]:
    """The files of a commit of the journal, and their blobs."""
    lines = git(w.bare, "ls-tree", "--format=%(path) %(objectname)", commit).splitlines()
    return dict(line.split(" ") for line in lines)


def write_as_the_first_releases_did(w: Waves) -> None:
    """The ledger stands in the record, on a commit of its own."""
    with opened(str(w.bare)) as store:
        ledger = msgspec.to_builtins(read(store).written)
    record = {"version": 1, "at": w.now.isoformat(), "entries": [], "ledger": ledger}
    git(w.bare, "update-ref", JOURNAL, commit_of(w, json.dumps(record).encode()))


def test_what_turns_did_is_read_without_any_ledger(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    record = json.loads(git(w.bare, "show", f"{JOURNAL}:record.json"))
    assert sorted(record) == ["at", "entries", "next", "read", "run_url", "version"]
    assert [entry["what"] for entry in journal(w)].count("landed") == 2


def test_turn_that_hears_one_target_stores_few_files_anew(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    w.ship(2)
    before = files(w)
    w.report("lab", "l1")
    after = files(w)
    anew = {name for name in after if before.get(name) != after[name]}
    assert anew <= {"record.json", "ledger.json", "present-0000.json"}


def test_journal_of_the_first_releases_goes_on_in_files(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    write_as_the_first_releases_did(w)
    assert set(files(w)) == {"record.json"}
    older = w.ref(JOURNAL)
    assert w.status()["unreadable"] == []
    w.announce(1)
    assert "made again" not in [entry["what"] for entry in journal(w)]
    w.everywhere(2)
    assert "ledger.json" in files(w)
    git(w.bare, "merge-base", "--is-ancestor", older or "", JOURNAL)
    w.roll_back("shop")
    w.green()
    assert w.positions() == {"lab": 2, "shop": 1}, "it knows what the wave had before"
    assert_rests(w)


@pytest.mark.parametrize("lost", ["ledger.json", "present-0000.json", "ended-0000.json"])
def test_journal_that_lacks_a_file_of_its_ledger_counts_as_lost(tmp_path: Path, lost: str) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    kept = {name: blob for name, blob in files(w).items() if name != lost}
    listed = "".join(f"100644 blob {blob}\t{name}\n" for name, blob in kept.items())
    tree = git(w.bare, "mktree", data=listed.encode())
    damaged = git(w.bare, "commit-tree", tree, "-p", JOURNAL, "-m", "x")
    git(w.bare, "update-ref", JOURNAL, damaged)
    assert [one["ref"] for one in w.status()["unreadable"]] == [JOURNAL]
    w.turn()
    assert journal(w)[0]["what"] == "made again"
    w.everywhere(2)
    assert w.positions() == {"lab": 2, "shop": 2}
