"""What somebody forges who may push: a turn in the journal that was none stops no answer."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.loop.stories import says
from tests.world import World, git

from tidemill.facts.journal import Journal, encode
from tidemill.facts.ledger import Landing, Ledger, SetLedger

JOURNAL = "refs/tidemill/journal"
LANDED = {"what": "landed", "sha": "MAIN", "wave": "lab", "set": "app", "app_sha": "a" * 40}
NOW = "2026-01-05T10:00:00Z"
FORGED: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "a time that no zone has": ("9999-12-31T23:59:59-12:00", [LANDED]),
    "a time before all": ("0001-01-01T00:00:00+12:00", [LANDED]),
    "a wave of two lines": (NOW, [{**LANDED, "wave": "lab\nHEAD"}]),
    "words for the terminal": (NOW, [{**LANDED, "what": "\x1b[31m", "reason": "\x1b]0;x\x07"}]),
    "names of folders": (NOW, [{**LANDED, "set": "../x", "app_sha": "../../../x"}]),
}


@pytest.mark.parametrize(("at", "entries"), FORGED.values(), ids=FORGED)
def test_forged_turn_is_told_of_or_counted(
    second: World, at: str, entries: list[dict[str, Any]], tmp_path: Path
) -> None:
    main = second.ref("refs/heads/main") or ""
    record = json.dumps({"version": 2, "at": at, "entries": entries}).replace("MAIN", main)
    forge(second, {"record.json": record.encode()}, second.ref(JOURNAL))
    assert_told(second, tmp_path)


def test_forged_beginning_is_told_of_or_counted(second: World, tmp_path: Path) -> None:
    then = datetime.fromisoformat("9999-12-31T23:59:59-12:00")
    landing = Landing(
        app_sha="a" * 40, position=1, content="", digests="", commit="b" * 40, landed_at=then,
        how="introduce",
    )  # fmt: skip
    ledger = Ledger(sets={"lab": {"app": SetLedger(landings=[landing])}})
    forge(second, encode(Journal(at=second.now, ledger=ledger)), None)
    assert_told(second, tmp_path)


def forge(world: World, files: dict[str, bytes], parent: str | None) -> None:
    """Put a commit with these files into the journal, beneath its last one."""
    blobs = {
        name: git(world.bare, "hash-object", "-w", "--stdin", data=data).strip()
        for name, data in files.items()
    }
    listed = "".join(f"100644 blob {blob}\t{name}\n" for name, blob in blobs.items())
    tree = git(world.bare, "mktree", data=listed.encode()).strip()
    parents = ("-p", parent) if parent else ()
    forged = git(world.bare, "commit-tree", tree, *parents, "-m", "forged").strip()
    tip = world.ref(JOURNAL)
    after = git(world.bare, "commit-tree", f"{tip}^{{tree}}", "-p", forged, "-m", "x").strip()
    git(world.bare, "update-ref", JOURNAL, after)


def assert_told(world: World, folder: Path) -> None:
    """Each answer is one, and the page is in its folder."""
    main, page = world.ref("refs/heads/main") or "", folder / "site" / "page"
    for words in (
        ("history",),
        ("history", "--service", "web"),
        ("history", "--at", "1 min ago"),
        ("explain", "web"),
        ("explain", main),
        ("page", "--out", str(page)),
    ):
        code, out, err = says(world, *words)
        assert (code, err) == (0, "")
        assert "\x1b" not in out
    made = [path for path in page.parent.rglob("*") if path.is_file()]
    assert made
    assert all(path.is_relative_to(page) for path in made)
