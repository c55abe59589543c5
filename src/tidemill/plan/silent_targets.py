"""Silent targets: which ones have to report a set before it is deployed, and which have not yet."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from tidemill.facts.ledger import Landing
from tidemill.facts.settings import Wave
from tidemill.plan.draft import Draft


@dataclass(frozen=True)
class Reporters:
    """The targets of a wave, but for those that have never reported and of which nothing is on
    main. `names` are the same as `targets`."""

    targets: tuple[str, ...]
    names: frozenset[str]

    @classmethod
    def of(cls, draft: Draft, wave: Wave) -> Reporters:
        """Those of a wave, as the records and main are now."""
        targets = tuple(one for one in wave.targets if not _is_absent(draft, wave, one))
        return cls(targets, frozenset(targets))

    @cached_property
    def id(self) -> str:
        """Tells them from other ones."""
        return hashlib.sha256("\n".join(sorted(self.names)).encode()).hexdigest()[:16]

    def missing(self, landing: Landing) -> tuple[str, ...]:
        """Those that have to take a set before it is deployed, and have not yet; in order.

        A target that runs no service of the set does not have to.
        """
        if self.names <= landing.taken.keys():
            return ()
        late = self.names - landing.taken.keys()
        return tuple(one for one in self.targets if one in late and _uses(landing, one))

    def taken(self, landing: Landing) -> Mapping[str, datetime]:
        """When each of those that had to take a set took it."""
        return {
            one: landing.taken[one]
            for one in self.targets
            if one in landing.taken and _uses(landing, one)
        }


def missing(draft: Draft, wave: Wave, landing: Landing) -> tuple[str, ...]:
    """The targets that have not taken the set yet."""
    return Reporters.of(draft, wave).missing(landing)


def _uses(landing: Landing, target: str) -> bool:
    files = landing.targets.get(target)
    return files is None or files.uses


def _is_absent(draft: Draft, wave: Wave, target: str) -> bool:
    """Whether a target has never reported, and nothing of it is on main."""
    return (
        (wave.name, target) not in draft.records
        and bool(draft.settings.deployments.path)
        and draft.snapshot.main.trees.get((wave.name, target)) is None
    )
