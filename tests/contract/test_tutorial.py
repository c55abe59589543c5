"""docs/tutorial.md, followed by the letter, on the stand-in for GitHub."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.followed import Reader

ROOT = Path(__file__).resolve().parents[2]


def test_the_tutorial_goes_from_nothing_to_a_rollback(tmp_path: Path) -> None:
    checkout = tmp_path / "tidemill"
    checkout.mkdir()
    (checkout / ".venv").symlink_to(sys.prefix)
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    with Reader(checkout, {"TMPDIR": str(tmp_path)}) as reader:
        assert reader.follow(page) > 10
