"""Examples and documents name one commit of Tidemill: the last release, in full."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.world import git
from tools import pins

ROOT = Path(__file__).resolve().parents[2]
NAMED = {
    file: found
    for file in (*sorted(ROOT.glob("examples/*/.github/workflows/*.yml")),
                 *sorted(ROOT.glob("actions/*/example.yml")))
    if (found := re.findall(r"tidemill/tidemill(/\S+?)?@(\S+)( # \S+)?", file.read_text()))
}  # fmt: skip


def test_every_example_names_us() -> None:
    assert len(NAMED) >= 10


def test_all_name_one_release_by_its_full_sha(capsys: pytest.CaptureFixture[str]) -> None:
    assert pins.main([]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"[0-9a-f]{40} v\d+\.\d+\.\d+", line)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["0" * 40], "usage: "), (["0" * 40, "v1", "v2"], "usage: "), (["main", "v1"], "full SHA")],
)
def test_what_names_no_release_changes_nothing(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pins.main(arguments) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("file", NAMED, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_release_has_what_is_named(file: Path) -> None:
    """But for what is newer: that stands in the change log, below what is not released."""
    unreleased = (ROOT / "CHANGELOG.md").read_text().partition("## Unreleased")[2]
    new = unreleased.partition("\n## ")[0]
    for path, sha, release in NAMED[file]:
        assert re.fullmatch(r"[0-9a-f]{40}", sha)
        assert release
        if git(ROOT, "rev-parse", "--is-shallow-repository") == "true":
            continue  # then the release is not here to look at
        inside = path.lstrip("/") or "action.yml"
        listed = git(ROOT, "ls-tree", "-r", "--name-only", sha, "--", inside).splitlines()
        is_new = f"`{inside}`" in new and (ROOT / inside / "action.yml").is_file()
        assert is_new or inside in listed or f"{inside}/action.yml" in listed
