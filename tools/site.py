"""Hooks of MkDocs for the site of the documents, which `make site` builds.

The menu is what docs/index.md lists, in its order. What it lists outside of docs/ is on the site,
too; other links that leave docs/ lead to the repository. Each page ends with a link to the first
one, for whoever has read it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

_SECTION = re.compile(r"(?m)^## (.+)$")
_PAGE = re.compile(r"\[(?P<words>[^\]]+)\]\((?P<path>[\w./-]+\.md)\)")
_LINK = re.compile(r"\]\((?P<path>[^)#\s:]+)(?P<anchor>#[^)\s]*)?\)")
# What a search shows first: how to do something. What lists everything comes last.
_BOOSTS = {
    "jobs/": 4,
    "adopt-": 4,
    "project/contributing": 4,
    "project/readme": 0.5,
    "project/changelog": 0.1,
    "reference/": 0.5,
    "decisions/": 0.5,
}


def on_config(config: MkDocsConfig) -> None:
    """Make the menu, one entry for each section of docs/index.md."""
    docs = Path(config.docs_dir)
    _, *parts = _SECTION.split((docs / "index.md").read_text(encoding="utf-8"))
    sections = zip(parts[::2], parts[1::2], strict=True)
    pages = {title: list(_PAGE.finditer(text)) for title, text in sections}
    entries = [
        {title: [_entry(docs, link["words"], link["path"]) for link in of]}
        for title, of in pages.items()
        if of
    ]
    config.nav = [{"Home": "index.md"}, *entries]


def _entry(docs: Path, words: str, page: str) -> str | dict[str, str] | dict[str, list[str]]:
    """A page, by its own title if it is one of docs/; or a folder of pages, if it is its index."""
    if page.startswith("../"):
        return {words: _on_site(page[3:])}
    folder, _, name = page.rpartition("/")
    if name != "index.md":
        return page
    pages = sorted(file.name for file in (docs / folder).glob("*.md") if file.name != name)
    return {folder.capitalize(): [page, *(f"{folder}/{one}" for one in pages)]}


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """All files of the site, with the pages outside of docs/ that docs/index.md lists."""
    docs = Path(config.docs_dir)
    for page, path in _outside(docs).items():
        text = (docs.parent / path).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    return files


def _outside(docs: Path) -> dict[str, str]:
    """The pages of the site that are not in docs/, each with its path in the repository."""
    links = _PAGE.finditer((docs / "index.md").read_text(encoding="utf-8"))
    paths = [link["path"][3:] for link in links if link["path"].startswith("../")]
    return {_on_site(path): path for path in paths}


def _on_site(path: str) -> str:
    """Where the site has a file of the repository, if it has it."""
    inside = PurePosixPath(path)
    if inside.parts[0] == "docs":
        return str(PurePosixPath(*inside.parts[1:]))
    if inside.parent == PurePosixPath():
        return f"project/{inside.name.lower()}"
    return f"{inside.parent}.md" if inside.name == "README.md" else str(inside)


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """A page's text, with links that lead somewhere on the site, and the way to the first page.

    The search also finds the page by what mkdocs.yml has for it in `extra.asked`.
    """
    here = page.file.src_uri
    for start, boost in _BOOSTS.items():
        if here.startswith(start):
            page.meta["search"] = {"boost": boost}
    page.meta["tags"] = config.extra["asked"].get(here, [])
    docs = Path(config.docs_dir).resolve()
    folder = PurePosixPath(_outside(docs).get(here, f"docs/{here}")).parent

    def leads(link: re.Match[str]) -> str:
        path = os.path.normpath(folder / link["path"])
        anchor = link["anchor"] or ""
        if files.get_file_from_path(_on_site(path)) is not None:
            on_site = os.path.relpath(_on_site(path), PurePosixPath(here).parent)
            return f"]({on_site}{anchor})"
        target = docs.parent / path
        if not target.exists() or target.is_relative_to(docs):
            return link[0]
        kind = "tree" if target.is_dir() else "blob"
        return f"]({str(config.repo_url).rstrip('/')}/{kind}/main/{path}{anchor})"

    text = _LINK.sub(leads, markdown)
    up = "../" * here.count("/")
    return text if page.is_homepage else f"{text}\n\n[All documents]({up}index.md)\n"


def on_post_page(output: str, *, page: Page, config: MkDocsConfig) -> str:
    """A page that does not ask GitHub for the repository's stars: it asks nobody for anything."""
    return output.replace(' data-md-component="source"', "")
