"""Names that the settings do not have any more, and what is left of them."""

from __future__ import annotations

from tests.unit.snapshots import Rollout

from tidemill.plan.gone import gone_holds


def test_holds_of_waves_or_sets_that_are_not_named_are_those_that_are_gone() -> None:
    rollout = Rollout()
    for wave, set_name in (("shop", "app"), ("moon", "_"), ("lab", "_"), ("lab", "lib")):
        rollout.held(wave, set_name)
    found = gone_holds(rollout.settings, rollout.holds)
    assert [(one.wave, one.set) for one in found] == [("lab", "lib"), ("moon", "_")]
