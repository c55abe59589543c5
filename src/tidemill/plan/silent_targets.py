"""Silent targets: which ones have to report a set before it is deployed, and which have not yet.

What counts, and how many of it the wave needs, is decided here and nowhere else.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import cached_property

from msgspec import Struct

from tidemill.facts.ledger import Landing
from tidemill.facts.need import ALL, Need
from tidemill.facts.settings import Wave
from tidemill.plan.draft import Draft


class Reporters(Struct, frozen=True, dict=True):
    """The targets of a wave that count: but for those that are ignored, and those that have never
    reported and of which nothing is on main. `names` are the same as `targets`.

    `need` says how many of those that run something of a set have to take it. `has_nobody`: each
    target is ignored, so nobody could say of a set that it is deployed.
    """

    targets: tuple[str, ...]
    names: frozenset[str]
    need: Need = ALL
    has_nobody: bool = False

    @classmethod
    def of(cls, draft: Draft, wave: Wave) -> Reporters:
        """Those of a wave, as the records and main are now."""
        counting = counted(draft, wave)
        targets = tuple(one for one in counting if not _is_absent(draft, wave, one))
        has_nobody = bool(wave.targets) and not counting
        return cls(targets, frozenset(targets), wave.need, has_nobody)

    @cached_property
    def id(self) -> str:
        """Tells them from other ones."""
        told = [*sorted(self.names), *([] if self.need == ALL else [f"need {self.need}"])]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]

    def spare(self, landing: Landing) -> int:
        """How many of those that run something of a set need not take it, or may fail with it."""
        if self.need == ALL:
            return 0
        count = sum(_uses(landing, one) for one in self.targets)
        return count - self.need.of(count)

    def missing(self, landing: Landing) -> tuple[str, ...]:
        """Those that have to take a set before it is deployed, and have not yet; in order.

        A target that runs no service of the set does not have to.
        """
        if not landing.tolerated and landing.taken.keys() >= self.names:
            return ()  # nearly always, and of many sets
        late = self.names - (landing.taken.keys() - landing.tolerated.keys())
        return tuple(one for one in self.targets if one in late and _uses(landing, one))

    def are_enough(self, landing: Landing) -> bool:
        """Whether as many have taken a set as the wave needs."""
        return not self.has_nobody and len(self.missing(landing)) <= self.spare(landing)

    def since(self, landing: Landing) -> datetime:
        """Since when as many have taken a set as the wave needs, where that is so."""
        late = self.missing(landing)
        users = [one for one in self.targets if _uses(landing, one)]
        times = sorted(landing.taken[one] for one in users if one not in late)
        needed = len(users) - self.spare(landing)
        return max([landing.begun_at, *times[:needed]])


def counted(draft: Draft, wave: Wave) -> list[str]:
    """The targets of a wave, but for those that are ignored now."""
    settings = draft.settings
    return [one for one in wave.targets if not settings.ignored(wave.name, one, draft.now)]


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
        and draft.trees.get((wave.name, target)) is None
    )
