"""What Git changes in files on their way into a commit and out of it, as its configuration says."""

from __future__ import annotations

import os
from collections.abc import Mapping

from msgspec import Struct, field

from tidemill.clients.git.git import Git, configured, line, names
from tidemill.clients.git.mirror import Tree
from tidemill.errors import FilterFailed
from tidemill.words.names import shown

# Nothing changes in a checkout by what is found out there, and no more runs than has to.
UNCHANGED = (
    ("core.safecrlf", "false"),
    ("core.fsmonitor", "false"),
    ("core.hooksPath", os.devnull),
    ("core.splitIndex", "false"),
    ("core.sharedRepository", "0644"),
    ("add.ignoreErrors", "false"),
)


class Filters(Struct, frozen=True):
    """What Git changes in files on their way into a commit and out of it, beside line ends.

    Attributes:
        source: Git where the filters are configured.
        by_path: the files that go through one, and its name, as the repository's attributes say.
        known: the names of those that are configured.
    """

    source: Git
    by_path: Mapping[str, str] = field(default_factory=dict)
    known: frozenset[str] = frozenset()

    @classmethod
    def of(cls, source: Git, git: Git, tree: Tree) -> Filters:
        """Those of the files in an index of `git`; `source` has the configuration that counts."""
        listed = git("ls-files", "-z", env=tree.env)
        words = ("check-attr", "--cached", "-z", "--stdin", "filter")
        # A value may be empty, so `names` does not do here.
        parts = os.fsdecode(git(*words, data=listed, env=tree.env)).split("\0")
        by_path = {
            path: value
            for path, value in zip(parts[::3], parts[2::3], strict=False)
            if value not in ("unspecified", "unset", "set", "")
        }
        works = ("clean", "process")
        known = {name for name, key, value in _configured(source) if value and key in works}
        return cls(source, by_path, frozenset(known))

    @property
    def missing(self) -> dict[str, str]:
        """The filters that are not configured here, each with the first file that needs it."""
        found: dict[str, str] = {}
        for path, name in sorted(self.by_path.items()):
            if name not in self.known:
                found.setdefault(name, path)
        return found

    def cleaned(self, path: str, data: bytes) -> str | None:
        """The blob that a file would be committed as; None where no filter that is here says."""
        if self.by_path.get(path) not in self.known:
            return None
        code, out, _ = self.source.attempt(
            "hash-object", "--stdin", "--path", path, data=data, env=configured(UNCHANGED)
        )
        return line(out) if code == 0 else None

    def failed(self, said: str) -> FilterFailed:
        """Git could not put all files through them."""
        path, name = next(iter(sorted(self.by_path.items())))
        return FilterFailed(
            "nothing is known of these files: Git could not put all of them through their "
            f"filters, {shown(path)} through {shown(name)} and so on: {said}",
            remedy=remedy_of(name),
        )


def remedy_of(name: str) -> str:
    """What to do where a filter is not there, or does not work."""
    if name == "lfs":
        return (
            "install Git LFS here (git lfs install), get the files (git lfs pull), and check again"
        )
    return (
        f"set filter.{name}.clean and filter.{name}.smudge in Git's configuration here to commands "
        "that are installed, and check again"
    )


def without_filters(source: Git) -> list[tuple[str, str]]:
    """Configuration by which no filter does anything."""
    return [
        (f"filter.{name}.{key}", value)
        for name in sorted({name for name, _, _ in _configured(source)})
        for key, value in (("clean", ""), ("smudge", ""), ("process", ""), ("required", "false"))
    ]


def _configured(source: Git) -> list[tuple[str, str, str]]:
    """The filters of a configuration: name, key and value."""
    _, out, _ = source.attempt("config", "-z", "--get-regexp", r"^filter\..*\.")
    found = [entry.partition("\n") for entry in names(out)]
    return [
        (name.partition(".")[2], key, value)
        for full, _, value in found
        for name, _, key in [full.rpartition(".")]
    ]
