"""The site of the documents: every link leads somewhere, and nothing comes from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.components.browsers import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
LOADED = re.compile(r"<(?:script|img|iframe|source)[^>]*?\ssrc=\"?(?P<src>[^\s\">]+)")
STYLED = re.compile(r"<link(?![^>]*rel=\"?(?:canonical|next|prev))[^>]*?href=\"?(?P<src>[^\s\">]+)")

FOUND = """new Promise((go) => {
  const end = Date.now() + 20000;
  const look = () => {
    const links = [...document.querySelectorAll("a.md-search-result__link")];
    const pages = [...new Set(links.map((a) => a.pathname))].slice(0, 3);
    const is_there = pages.some((one) => one.endsWith("WANTED"));
    is_there || Date.now() > end ? go(is_there) : setTimeout(look, 50);
  };
  look();
})"""
# Whether an entry of the menu is somewhere in the window, and can be seen.
SEEN = """[...document.querySelectorAll(".md-nav--primary .md-nav__link")]
  .filter((one) => one.textContent.trim() === "{}")
  .some((one) => {{
    const place = one.getBoundingClientRect();
    return one.checkVisibility({{visibilityProperty: true, opacityProperty: true}})
      && place.height > 0 && place.left >= 0 && place.right <= innerWidth;
  }})"""


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
    return copied(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site."""
    folder = copied(tmp_path_factory.mktemp("site"))
    done = build(folder)
    assert done.returncode == 0, done.stderr
    return folder / "site"


def copied(folder: Path) -> Path:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def test_the_site_has_every_page_and_loads_nothing_from_elsewhere(built: Path) -> None:
    made = {file.relative_to(built) for file in built.rglob("*.html")}
    pages = {file.relative_to(ROOT / "docs") for file in (ROOT / "docs").rglob("*.md")}
    assert {page.with_suffix(".html") for page in pages} <= made
    for page in made:
        text = (built / page).read_text(encoding="utf-8")
        if page.name not in ("index.html", "404.html"):
            home = "../" * (len(page.parts) - 1) + "index.html"
            assert f'href="{home}">All documents' in text, page
        for found in (*LOADED.finditer(text), *STYLED.finditer(text)):
            assert not found["src"].startswith(("http:", "https:", "//")), (page, found[0])


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("freeze", "jobs/freeze.html"),
        ("hotfix", "jobs/hotfix.html"),
        ("not in production", "jobs/why-not-in-production.html"),
        ("who approved", "jobs/approve.html"),
        ("cluster is down", "jobs/go-on-without-a-target.html"),
        ("undo", "jobs/roll-back.html"),
        ("uninstall", "jobs/leave.html"),
        ("monorepo", "adopt-github.html"),
        ("price", "cost.html"),
        ("contribute", "project/contributing.html"),
        ("github app", "adopt-github.html"),
        ("add a command", "project/contributing.html"),
        ("gitlab", "adopt-anywhere.html"),
        ("helm", "examples/cfg-helm.html"),
        ("argo cd", "integrations/argocd.html"),
        ("troubleshooting", "jobs/why-not-in-production.html"),
        ("disaster recovery", "jobs/recover-a-repository.html"),
        ("four eyes", "jobs/name-approvers.html"),
        ("audit log", "jobs/ask-what-runs.html"),
        ("threat model", "security.html"),
        ("changelog", "project/changelog.html"),
        ("install", "tutorial.html"),
    ],
)
def test_the_search_answers_from_a_folder_and_asks_nobody(
    built: Path, browser: Browser, asked: str, wanted: str
) -> None:
    page = browser.page()
    page.show(1440, 900)
    page.open(f"file://{built}/jobs/hold.html")
    page.run("document.querySelector('[data-md-component=search-query]').focus()")
    for letter in asked:
        page.press(letter, ord(letter.upper()), letter)
    # The last letters may still be asked for: what is found counts once it is what was wanted.
    found = page.run(FOUND.replace("WANTED", f"/site/{wanted}"))
    assert found, f"{wanted} is not among the first three pages"
    assert page.trouble == []


@pytest.mark.parametrize("width", [375, 1440])
def test_the_menu_is_opened_by_keyboard_where_no_script_runs(
    built: Path, browser: Browser, width: int
) -> None:
    page = browser.page()
    page.show(width, 900)
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    page.open(f"file://{built}/glossary.html")
    if width == 375:
        assert not page.run(SEEN.format("Do a job"))
        tab_to(page, "__drawer")
        page.press(" ", 32, " ")
    assert page.run(SEEN.format("Do a job")), "the menu is open"
    assert not page.run(SEEN.format("Try a set again")), "the part of the menu with the jobs is not"
    tab_to(page, "__nav_4")
    page.press(" ", 32, " ")
    assert page.run(SEEN.format("Try a set again"))


def test_what_the_index_lists_outside_of_the_documents_is_on_the_site(built: Path) -> None:
    for page, link in [
        ("project/readme.html", "../jobs/roll-back.html"),
        ("project/readme.html", "../examples/cfg-helm.html"),
        ("project/contributing.html", "../decisions/index.html"),
        ("adopt-github.html", "integrations/argocd.html"),
        ("integrations/argocd.html", "../jobs/poll-clusters.html"),
    ]:
        assert f'href="{link}' in (built / page).read_text(encoding="utf-8"), page
    readme = (built / "project" / "readme.html").read_text(encoding="utf-8")
    assert 'src="../pictures/loop.svg"' in readme


def test_the_search_is_told_of_pages_that_are_there(built: Path) -> None:
    asked = re.search(r"(?ms)^  asked:\n((?:    .*\n)+)", (ROOT / "mkdocs.yml").read_text())
    assert asked
    for page in re.findall(r"(?m)^    ([\w./-]+):", asked[1]):
        assert (built / page).with_suffix(".html").exists(), page


def tab_to(page: Page, name: str) -> None:
    """Go on by the keyboard until something has the focus."""
    for _ in range(100):
        page.press("Tab", 9)
        if page.run("document.activeElement.id") == name:
            return
    raise AssertionError(f"the keyboard does not reach {name}")


@pytest.mark.parametrize("link", ["nowhere.md", "images.md#nowhere"])
def test_a_link_that_leads_nowhere_fails_the_site(copy: Path, link: str) -> None:
    with (copy / "docs" / "glossary.md").open("a", encoding="utf-8") as page:
        page.write(f"\nSee [there]({link}).\n")
    done = build(copy)
    assert done.returncode != 0
    assert "nowhere" in done.stdout + done.stderr
