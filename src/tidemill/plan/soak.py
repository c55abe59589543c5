"""Soak: how long a set has been deployed in a wave while that was well.

Its clock runs from when the set was deployed. It stands still while targets that run something of
the image set fail, and newer sets that replace it there don't end it.
"""

from __future__ import annotations

from datetime import datetime

from tidemill.facts.ledger import Landing
from tidemill.facts.settings import Wave
from tidemill.plan.draft import Draft
from tidemill.plan.failure import failing_targets
from tidemill.plan.obstacles import Obstacle, PausedSoak, RunningSoak, SoakForFollower


def run_clock(landing: Landing, at: datetime, *, is_failing: bool) -> None:
    """Let the clock of a set run or stand still from a time on."""
    if is_failing and landing.healthy_since is not None:
        landing.healthy = landing.soaked(at)
        landing.healthy_since = None
    elif not is_failing and landing.deployed_at is not None and landing.healthy_since is None:
        landing.healthy_since = max(at, landing.deployed_at)


def soaks(
    draft: Draft, source: Wave, wave: Wave, set_name: str, landing: Landing
) -> Obstacle | None:
    """Whether a set that is deployed in `source` still soaks there for `wave`."""
    left = wave.soak - landing.soaked(draft.now)
    if left.total_seconds() <= 0:
        return None
    failing = tuple(sorted(failing_targets(draft, source, set_name)))
    if landing.healthy_since is None and failing:  # more than the wave does without
        return PausedSoak(wave=source.name, targets=failing, since=landing.deployed_at)
    answers = draft.ledger.history(source.name, set_name).answers
    if landing.healthy_since is None and (red := [name for name in answers if answers[name].red]):
        return PausedSoak(
            wave=source.name, verifications=tuple(sorted(red)), since=landing.deployed_at
        )
    return RunningSoak(wave=source.name, since=landing.deployed_at, until=draft.now + left)


def soaks_for_others(draft: Draft, wave: Wave, landing: Landing) -> Obstacle | None:
    """Whether a set that is deployed in a wave soaks there for one that follows."""
    for follower in draft.settings.followers(wave.name):
        left = follower.soak - landing.soaked(draft.now)
        if left.total_seconds() > 0:
            return SoakForFollower(
                wave=wave.name,
                app_sha=landing.app_sha,
                follower=follower.name,
                since=landing.deployed_at,
                until=draft.now + left if landing.healthy_since else None,
            )
    return None
