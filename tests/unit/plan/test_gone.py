"""Names that the settings do not have any more, and what is left of them."""

from __future__ import annotations

import re

import pytest
from tests.unit.snapshots import Rollout

from tidemill.plan.gone import gone_holds, why_held


def test_holds_of_waves_or_sets_that_are_not_named_are_those_that_are_gone() -> None:
    rollout = Rollout()
    for wave, set_name in (("shop", "app"), ("moon", "_"), ("lab", "_"), ("lab", "lib")):
        rollout.held(wave, set_name)
    found = gone_holds(rollout.settings, rollout.holds)
    assert [(one.wave, one.set) for one in found] == [("lab", "lib"), ("moon", "_")]


@pytest.mark.parametrize(
    ("place", "other", "said"),
    [
        (("prod", "app"), ("live", "app"), 'it may be live, .* give the wave prod was = "live"'),
        (("lab", "core"), ("lab", "app"), 'it may be app, .* give the set core was = "app"'),
        (("prod", "core"), ("live", "app"), 'it may be live, .* give the wave prod was = "live"'),
        (("prod", "app"), ("live", "app"), "if not, release it$"),
    ],
)
def test_what_appears_in_place_of_something_says_what_that_was(
    place: tuple[str, str], other: tuple[str, str], said: str
) -> None:
    assert re.search(said, why_held(place, other))
