"""What somebody forges who may push: a turn in the journal that was none stops no answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.loop.stories import says
from tests.world import World, git

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
    main, tip = second.ref("refs/heads/main") or "", second.ref(JOURNAL) or ""
    record = json.dumps({"version": 2, "at": at, "entries": entries}).replace("MAIN", main)
    blob = git(second.bare, "hash-object", "-w", "--stdin", data=record.encode()).strip()
    listed = f"100644 blob {blob}\trecord.json\n".encode()
    tree = git(second.bare, "mktree", data=listed).strip()
    forged = git(second.bare, "commit-tree", tree, "-p", tip, "-m", "forged").strip()
    after = git(second.bare, "commit-tree", f"{tip}^{{tree}}", "-p", forged, "-m", "x").strip()
    git(second.bare, "update-ref", JOURNAL, after)
    page = tmp_path / "site" / "page"
    for words in (
        ("history",),
        ("history", "--service", "web"),
        ("history", "--at", "1 min ago"),
        ("explain", "web"),
        ("explain", main),
        ("page", "--out", str(page)),
    ):
        code, out, err = says(second, *words)
        assert (code, err) == (0, "")
        assert "\x1b" not in out
    made = [path for path in page.parent.rglob("*") if path.is_file()]
    assert made
    assert all(path.is_relative_to(page) for path in made)
