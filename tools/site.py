"""Hooks of MkDocs for the site of the documents, which `make site` builds.

The menu is what docs/index.md lists, in its order. Links that leave docs/ lead to the repository,
for the site has docs/ alone. Each page ends with a link to the first one, for whoever has read it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

_SECTION = re.compile(r"(?m)^## (.+)$")
_PAGE = re.compile(r"\]\(([\w/-]+\.md)\)")
# What a search shows first: how to do something. What lists everything comes last.
_BOOSTS = {"jobs/": 4, "adopt-": 4, "reference/": 0.5, "decisions/": 0.5}
_LINK = re.compile(r"\]\((?P<path>\.\./[^)#\s]*)(?P<anchor>#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> None:
    """Make the menu, one entry for each section of docs/index.md."""
    docs = Path(config.docs_dir)
    _, *parts = _SECTION.split((docs / "index.md").read_text(encoding="utf-8"))
    sections = zip(parts[::2], parts[1::2], strict=True)
    pages = {title: _PAGE.findall(text) for title, text in sections}
    entries = [{title: [_entry(docs, page) for page in of]} for title, of in pages.items() if of]
    config.nav = [{"Home": "index.md"}, *entries]


def _entry(docs: Path, page: str) -> str | dict[str, list[str]]:
    """A page; or a folder of pages, where it is the folder's index."""
    folder, _, name = page.rpartition("/")
    if name != "index.md":
        return page
    pages = sorted(file.name for file in (docs / folder).glob("*.md") if file.name != name)
    return {folder.capitalize(): [page, *(f"{folder}/{one}" for one in pages)]}


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """A page's text, with links that lead somewhere on the site, and the way to the first page."""
    for start, boost in _BOOSTS.items():
        if page.file.src_uri.startswith(start):
            page.meta["search"] = {"boost": boost}
    docs = Path(config.docs_dir).resolve()
    folder = (docs / page.file.src_uri).parent
    text = _LINK.sub(lambda link: _outwards(link, docs, folder, str(config.repo_url)), markdown)
    up = "../" * page.file.src_uri.count("/")
    return text if page.is_homepage else f"{text}\n\n[All documents]({up}index.md)\n"


def on_post_page(output: str, *, page: Page, config: MkDocsConfig) -> str:
    """A page that does not ask GitHub for the repository's stars: it asks nobody for anything."""
    return output.replace(' data-md-component="source"', "")


def _outwards(link: re.Match[str], docs: Path, folder: Path, repository: str) -> str:
    target = (folder / link["path"]).resolve()
    if target.is_relative_to(docs):
        return link[0]
    kind = "tree" if target.is_dir() else "blob"
    path = target.relative_to(docs.parent).as_posix()
    return f"]({repository.rstrip('/')}/{kind}/main/{path}{link['anchor'] or ''})"
