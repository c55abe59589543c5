"""The site of the documents: every link leads somewhere, and nothing comes from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOADED = re.compile(r"<(?:script|img|iframe|source)[^>]*?\ssrc=\"?(?P<src>[^\s\">]+)")
STYLED = re.compile(r"<link(?![^>]*rel=\"?(?:canonical|next|prev))[^>]*?href=\"?(?P<src>[^\s\">]+)")


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout with what the site is made of."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "site.py", tmp_path / "tools")
    return tmp_path


def test_the_site_has_every_page_and_loads_nothing_from_elsewhere(copy: Path) -> None:
    done = build(copy)
    assert done.returncode == 0, done.stderr
    made = {file.relative_to(copy / "site") for file in (copy / "site").rglob("*.html")}
    pages = {file.relative_to(copy / "docs") for file in (copy / "docs").rglob("*.md")}
    assert {page.with_suffix(".html") for page in pages} <= made
    for page in made:
        text = (copy / "site" / page).read_text(encoding="utf-8")
        if page.name not in ("index.html", "404.html"):
            home = "../" * (len(page.parts) - 1) + "index.html"
            assert f'href="{home}">All documents' in text, page
        for found in (*LOADED.finditer(text), *STYLED.finditer(text)):
            assert not found["src"].startswith(("http:", "https:", "//")), (page, found[0])


@pytest.mark.parametrize("link", ["nowhere.md", "images.md#nowhere"])
def test_a_link_that_leads_nowhere_fails_the_site(copy: Path, link: str) -> None:
    with (copy / "docs" / "glossary.md").open("a", encoding="utf-8") as page:
        page.write(f"\nSee [there]({link}).\n")
    done = build(copy)
    assert done.returncode != 0
    assert "nowhere" in done.stdout + done.stderr
