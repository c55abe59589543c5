"""GitHub's runs of the form, in memory: who started each, who ran it again, what reviewers say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tidemill.facts.vouchers import Environment, Review, RunVoucher

ENVIRONMENT, REVIEWER = "production", "grace"
FORM = "workflow_dispatch"
KINDS = {"promote": "promotion", "roll back": "rollback", "release": "release"}


@dataclass
class FormRun:
    """A run that somebody has started by the form.

    Attributes:
        command: what was filled in, and `given` with what.
        actors: who is behind each attempt, the first one first.
        reviews: what was said of it, the latest last.
    """

    id: int
    command: str
    given: Mapping[str, Any]
    at: datetime
    actors: list[str]
    reviews: list[Review] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What it is called, as the workflow of `tidemill init cfg` calls it."""
        sha = self.given.get("sha") or self.given.get("to")
        override = self.given.get("override") and "(override)"
        wave = "*" if self.given.get("all_waves") else self.given["wave"]
        hotfix = self.given.get("announcement") and "(hotfix)"
        parts = (
            self.command,
            wave,
            self.given.get("set_name"),
            sha and f"@{sha}",
            override,
            hotfix,
        )
        return " ".join(part for part in parts if part)

    def voucher(self, attempt: int) -> RunVoucher | None:
        """What GitHub says of an attempt at it; None where there was none."""
        if not 0 < attempt <= len(self.actors):
            return None
        who = dict.fromkeys((self.actors[0], self.actors[attempt - 1]))
        url = f"https://github.com/acme/cfg-app/actions/runs/{self.id}"
        return RunVoucher(tuple(who), FORM, "main", self.title, self.at, url=url)

    def is_approved(self) -> bool:
        """Whether the reviewers have let it through, and none of them has refused to."""
        said = [one.is_approved for one in self.reviews if one.environment == ENVIRONMENT]
        return bool(said) and all(said)

    def asks_for(self, fact: Mapping[str, Any]) -> bool:
        """Whether it was filled in with what a request says."""
        if KINDS.get(self.command) != fact["kind"]:
            return False
        wave = "*" if self.given.get("all_waves") else self.given["wave"]
        if fact["kind"] == "release":
            return bool(fact["wave"] == wave)
        goal = fact.get("app_sha") if fact["kind"] == "promotion" else fact["to"].get("app_sha")
        wanted = self.given.get("sha") or self.given.get("to")
        return bool(
            (fact["wave"], fact["set"]) == (wave, self.given.get("set_name"))
            and wanted in (None, goal)
            and bool(fact.get("override")) == bool(self.given.get("override"))
        )


def environment_called(name: str) -> Environment | None:
    """The environments that there are, of which each has reviewers."""
    return Environment(has_reviewers=True) if name == ENVIRONMENT else None
