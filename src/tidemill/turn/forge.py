"""What a turn needs of GitHub, as an interface: what is required, and what was reported.

`tidemill.clients.github.api` is it on the real API.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tidemill.errors import Refused
from tidemill.facts.github_checks import Reports, RequiredCheck, record
from tidemill.facts.snapshot import Snapshot
from tidemill.facts.vouchers import Environment, Review, RunVoucher


class Forge(Protocol):
    """Where statuses and check runs of commits are."""

    def required(self, branch: str) -> tuple[RequiredCheck, ...]:
        """The checks that the rules of a branch require; none where no rule says so."""

    def reports(self, sha: str, required: Sequence[RequiredCheck]) -> Reports:
        """What was reported of a commit, at least of the checks that are `required`."""

    def run(self, run_id: int, attempt: int) -> RunVoucher | None:
        """What an attempt at a run of a workflow was started by; None where there is none."""

    def reviews(self, run_id: int) -> tuple[Review, ...]:
        """What reviewers said of a run that waited for environments."""
        ...

    def environment(self, name: str) -> Environment | None:
        """An environment, and what it asks for; None where there is none of that name."""
        ...

    def is_member(self, team: str, login: str) -> bool:
        """Whether somebody is in a team, ORG/TEAM."""


class Judge:
    """Looks up verdicts for one turn: what is required once, each commit once for each reading."""

    def __init__(self, forge: Forge) -> None:
        self.forge = forge
        self._required: tuple[RequiredCheck, ...] = ()
        self._found: dict[str, Reports] = {}

    def read_again(self) -> None:
        """The refs are read again: so is what was reported."""
        self._found.clear()

    def look_up(self, known: Snapshot, sha: str) -> Snapshot:
        """The snapshot, and what was reported of one more commit.

        Raises:
            Refused: there is no GitHub to ask, or nothing says which checks are required.
        """
        if not self._required:
            self._required = _required(self.forge, known)
        if sha not in self._found:
            self._found[sha] = self.forge.reports(sha, self._required)
        begun = next((one.at for one in known.auto if one.sha == sha), None) or known.main.date
        found = record(sha, self._required, self._found[sha], begun)
        return known.having_read(found, tuple(one.name for one in self._required))


def _required(forge: Forge, known: Snapshot) -> tuple[RequiredCheck, ...]:
    settings = known.settings
    if settings.checks.required:
        return tuple(RequiredCheck(context) for context in settings.checks.required)
    if found := forge.required(settings.main):
        return found
    raise Refused(
        f"nothing says which checks {settings.main} requires, so nothing can land",
        remedy='set required = ["tidemill/check"] (or the names of your own checks) in [checks] of '
        f"tidemill.toml, or let a rule of the repository require checks on {settings.main}",
    )
