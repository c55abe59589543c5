"""The refs that hold the state, and their names (`design.md` 3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from msgspec import Struct

from tidemill.facts import forms, rest

Folder = Literal["inbox", "checks", "deployed", "holds", "evicted", "rejected"]
ASIDE = "unreadable-"  # how the name below rejected/ begins of what was set aside
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,249}")


_FORMS: Mapping[str, Callable[[str], bool]] = {
    "inbox": lambda name: _ID.fullmatch(name) is not None,
    "rejected": lambda name: _ID.fullmatch(name) is not None,
    "checks": forms.is_sha,
    "evicted": forms.is_sha,
    "deployed": forms.is_place,
    "holds": forms.is_held_place,
}


class Refs(Struct, frozen=True):
    """All refs of the repository at one moment, and the branch that HEAD names."""

    shas: Mapping[str, str]
    head: str | None = None

    def get(self, ref: str) -> str | None:
        return self.shas.get(ref)

    def with_ref(self, ref: str, sha: str) -> Refs:
        """The same, with one ref more."""
        return Refs({**self.shas, ref: sha}, self.head)

    def below(self, prefix: str) -> dict[str, str]:
        """The refs below `prefix/`, by the rest of their name."""
        start = f"{prefix}/"
        return {ref[len(start) :]: sha for ref, sha in self.shas.items() if ref.startswith(start)}


class RefNames(Struct, frozen=True):
    """Names of refs, below a namespace and for two branches."""

    namespace: str
    main_branch: str
    auto_branch: str

    @property
    def main(self) -> str:
        """The branch that is deployed."""
        return f"refs/heads/{self.main_branch}"

    @property
    def auto(self) -> str:
        """The branch of automatic commits under test."""
        return f"refs/heads/{self.auto_branch}"

    @property
    def journal(self) -> str:
        """The log, the lock and the ledger."""
        return f"{self.namespace}/journal"

    @property
    def rest(self) -> str:
        """What a scheduled look notes where nothing is due."""
        return f"{self.namespace}/{rest.NAME}"

    def folder(self, kind: Folder) -> str:
        """Where all refs of a kind are."""
        return f"{self.namespace}/{kind}"

    def inbox(self, fact: str) -> str:
        return f"{self.folder('inbox')}/{fact}"

    def check(self, sha: str) -> str:
        """The verdicts on one commit."""
        return f"{self.folder('checks')}/{sha}"

    def deployed(self, wave: str, target: str) -> str:
        """The latest record of a target, earlier ones as its ancestors."""
        return f"{self.folder('deployed')}/{wave}/{target}"

    def hold(self, wave: str, set_name: str) -> str:
        return f"{self.folder('holds')}/{wave}/{set_name}"

    def evicted(self, sha: str) -> str:
        return f"{self.folder('evicted')}/{sha}"

    def rejected(self, request: str) -> str:
        """A request that can't be carried out, and why."""
        return f"{self.folder('rejected')}/{request}"

    def strays(self, refs: Iterable[str]) -> list[str]:
        """Of `refs` those where none of ours can be: Git lets no ref be inside of another one.

        What else is below the namespace is not ours to judge.
        """
        return [ref for ref in refs if self._is_stray(ref)]

    @staticmethod
    def are_in_the_way(refs: Iterable[str], ref: str) -> bool:
        """Whether one of `refs` keeps Git from writing `ref`."""
        return any(ref.startswith(f"{one}/") or one.startswith(f"{ref}/") for one in refs)

    def _is_stray(self, ref: str) -> bool:
        start = f"{self.namespace}/"
        if not ref.startswith(start):
            return False
        kind, slash, name = ref[len(start) :].partition("/")
        if kind == "journal":
            return bool(slash)
        return kind in _FORMS and not _FORMS[kind](name)
