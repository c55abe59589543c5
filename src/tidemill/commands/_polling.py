"""Polling: what targets report on GitHub is read in the turn that files it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tidemill.asks.polling import polled
from tidemill.clients.git.store import Store
from tidemill.clients.github.connecting import connected_by_workflow
from tidemill.commands._artifacts import announcement_in
from tidemill.commands._writing import tell
from tidemill.errors import TidemillError
from tidemill.facts.deployment_statuses import DeploymentStatus
from tidemill.facts.renames import marked
from tidemill.facts.requests import Fact
from tidemill.facts.state import State
from tidemill.turn.lookup import RepositoryLookup


@dataclass
class Polling:
    """The reports of one turn, where the settings say `reports = "poll"`.

    GitHub is asked once, also where the turn reads the repository several times.

    Attributes:
        url: of the repository; `now` is when what is read counts as accepted.
        unread: why reports could not be read or used, in words.
    """

    store: Store
    url: str
    now: datetime
    unread: tuple[str, ...] = ()
    _statuses: Mapping[str, Sequence[DeploymentStatus]] | None = field(default=None, init=False)

    def __call__(self, state: State) -> Mapping[str, Fact]:
        """The records that are news to a state, by id; none where GitHub can't be asked."""
        if not state.valid_settings.deployments.is_polled:
            return {}
        if self._statuses is None:
            self._statuses = self._read(state.valid_settings.environments)
        look = RepositoryLookup(self.store, state, announcement_in)
        found = polled(self._statuses, state, self.now, look)
        if found.unusable:
            self.unread = found.unusable
        renaming = state.renaming
        return {
            name: marked(renaming, record) if renaming else record
            for name, record in found.records.items()
        }

    def _read(self, environments: Sequence[str]) -> Mapping[str, Sequence[DeploymentStatus]]:
        try:
            return connected_by_workflow(self.url, tell).deployment_statuses(environments)
        except TidemillError as error:
            self.unread = (f"reports could not be read: {error.what}; {error.remedy}",)
            return {}
