"""What Git itself says of a cfg-app.git: by Git's own commands, and nothing of Tidemill's code.

It knows what docs/reference/state.md says of refs, and where image files are. So what commands
say of the present and the past can be held against it.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, TypeAlias

from tests.world import git

Images: TypeAlias = Mapping[str, str]
"""By service its reference by digest."""


class Witness:
    """A repository, as Git shows it."""

    def __init__(self, bare: Path) -> None:
        self._bare = bare

    def settings(self, commit: str = "main") -> dict[str, Any]:
        """`tidemill.toml` of a commit."""
        return tomllib.loads(git(self._bare, "show", f"{commit}:tidemill.toml"))

    def waves(self, commit: str = "main") -> dict[str, list[str]]:
        """The waves that a commit names, each with its targets."""
        return {one["name"]: one["targets"] for one in self.settings(commit)["waves"]}

    def images(self, wave: str, commit: str = "main") -> tuple[str | None, Images] | None:
        """What a wave has in a commit: the commit of app.git that `source.json` names, and the
        images; None where it has nothing."""
        folder = f"images/{wave}"
        named = git(self._bare, "ls-tree", "--name-only", commit, f"{folder}/").split()
        if f"{folder}/digests.json" not in named:
            return None
        told = [f"{folder}/source.json"] if f"{folder}/source.json" in named else []
        found = [
            json.loads(git(self._bare, "show", f"{commit}:{path}"))
            for path in (f"{folder}/digests.json", *told)
        ]
        return (found[1]["sha"] if told else None), found[0]

    def records(self, below: str) -> dict[str, dict[str, Any]]:
        """The records that refs of the namespace hold, by the rest of their names."""
        tips = ((name, f"refs/tidemill/{below}/{name}") for name in self.names(below))
        return {name: self._record(tip) for name, tip in tips}

    def chains(self, below: str) -> dict[str, list[dict[str, Any]]]:
        """The same, and the records before each of them, the oldest first."""
        found = {}
        for name in self.names(below):
            tip = f"refs/tidemill/{below}/{name}"
            shas = git(self._bare, "rev-list", "--reverse", tip).split()
            found[name] = [self._record(sha) for sha in shas]
        return found

    def names(self, below: str) -> list[str]:
        """The rest of the names of refs."""
        start = f"refs/tidemill/{below}/"
        refs = git(self._bare, "for-each-ref", "--format=%(refname)", start).split()
        return [ref.removeprefix(start) for ref in refs]

    def entries(self) -> Iterator[tuple[datetime, dict[str, Any]]]:
        """All that the journal says, the oldest first."""
        for sha in git(self._bare, "rev-list", "--reverse", "refs/tidemill/journal").split():
            record = self._record(sha)
            for entry in record["entries"]:
                yield moment(record["at"]), entry

    def _record(self, commit: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(git(self._bare, "show", f"{commit}:record.json"))
        return found


def moment(text: str) -> datetime:
    """A time that a program wrote."""
    return datetime.fromisoformat(text)


@dataclass
class Element:
    """An element of a page: its classes, what is in it, and where its links lead."""

    name: str
    classes: tuple[str, ...] = ()
    children: list[Element | str] = field(default_factory=list)
    href: str = ""

    @property
    def text(self) -> str:
        """All that can be read in it, with one space wherever there are some."""
        parts = (one if isinstance(one, str) else one.text for one in self.children)
        return re.sub(r"\s+", " ", " ".join(parts)).strip()

    def all(self, name: str, of_class: str = "") -> list[Element]:
        """The elements below it of a name, and of a class."""
        found = []
        for one in self.children:
            if isinstance(one, Element):
                if one.name == name and (not of_class or of_class in one.classes):
                    found.append(one)
                found += one.all(name, of_class)
        return found

    def first(self, name: str, of_class: str = "") -> Element:
        """The first of these."""
        return self.all(name, of_class)[0]

    @property
    def words(self) -> list[str]:
        """The words in it."""
        return self.text.split()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("page")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        one = Element(tag, tuple((given.get("class") or "").split()), href=given.get("href") or "")
        self.open[-1].children.append(one)
        if tag not in ("br", "input", "link", "meta", "rect"):
            self.open.append(one)

    def handle_endtag(self, tag: str) -> None:
        if tag == self.open[-1].name:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def page(path: Path) -> Element:
    """A page of HTML as a tree."""
    reader = _Reader()
    reader.feed(path.read_text())
    return reader.open[0]
