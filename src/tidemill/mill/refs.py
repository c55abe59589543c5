"""The names of the refs that hold the state (`design.md` 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Folder = Literal["inbox", "checks", "deployed", "holds", "evicted", "rejected"]


@dataclass(frozen=True)
class Names:
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

    def folder(self, kind: Folder) -> str:
        """Where all refs of a kind are."""
        return f"{self.namespace}/{kind}"

    def inbox(self, fact: str) -> str:
        """One request or record."""
        return f"{self.folder('inbox')}/{fact}"

    def check(self, sha: str) -> str:
        """The verdicts on one commit."""
        return f"{self.folder('checks')}/{sha}"

    def deployed(self, wave: str, target: str) -> str:
        """The latest record of a target, earlier ones as its ancestors."""
        return f"{self.folder('deployed')}/{wave}/{target}"

    def hold(self, wave: str, set_name: str) -> str:
        """A hold."""
        return f"{self.folder('holds')}/{wave}/{set_name}"

    def evicted(self, sha: str) -> str:
        """An evicted commit."""
        return f"{self.folder('evicted')}/{sha}"

    def rejected(self, request: str) -> str:
        """A request that can't be carried out, and why."""
        return f"{self.folder('rejected')}/{request}"
