"""Silent targets: which ones have to report a set before it is deployed, and which have not yet."""

from __future__ import annotations

from collections.abc import Iterator

from tidemill.facts.ledger import Landing
from tidemill.facts.settings import Wave
from tidemill.plan.draft import Draft


def concerned(draft: Draft, wave: Wave, landing: Landing) -> Iterator[str]:
    """The targets that have to take a set before it is deployed.

    A target that runs no service of it does not; nor does one that has never reported and of
    which nothing is on main.
    """
    for target in wave.targets:
        files = landing.targets.get(target)
        if (files is None or files.uses) and not is_absent(draft, wave, target):
            yield target


def missing(draft: Draft, wave: Wave, landing: Landing) -> tuple[str, ...]:
    """The targets that have not taken the set yet."""
    return tuple(one for one in concerned(draft, wave, landing) if one not in landing.taken)


def is_absent(draft: Draft, wave: Wave, target: str) -> bool:
    """Whether a target has never reported, and nothing of it is on main."""
    return (
        (wave.name, target) not in draft.records
        and bool(draft.settings.deployments.path)
        and draft.snapshot.main.trees.get((wave.name, target)) is None
    )
