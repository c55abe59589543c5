"""Holds: asked for and released; one at a time in each place."""

import pytest
from tests.unit.snapshots import Rollout, introduced, two_waves, waits_for, whats

from tidemill.facts.requests import Release


def test_hold_is_in_force_from_when_it_was_accepted() -> None:
    rollout = Rollout()
    request = rollout.hold("lab", ago=7, reason="freeze")
    decided = rollout.decide()
    hold = decided.holds["lab", "_"]
    assert (hold.id, hold.by, hold.reason, hold.since) == (request, "ada", "freeze", rollout.ago(7))
    assert decided.ended == (request,)
    assert whats(decided) == ["held"]


def test_second_hold_leaves_the_first_as_it_is() -> None:
    rollout = Rollout()
    first = rollout.held("lab")
    request = rollout.hold("lab", reason="again")
    decided = rollout.decide()
    assert decided.holds == {("lab", "_"): first}
    assert decided.ended == (request,)
    assert whats(decided) == ["already held"]


def test_hold_of_one_set_and_of_all_are_two_holds() -> None:
    rollout = Rollout()
    rollout.hold("lab", "app", ago=6)
    rollout.hold("lab", "_")
    assert set(rollout.decide().holds) == {("lab", "app"), ("lab", "_")}


def test_release_ends_the_holds_that_it_names_and_no_other() -> None:
    rollout = Rollout()
    named, other = rollout.held("lab"), rollout.held("shop")
    request = rollout.asked(
        Release(accepted_at=rollout.ago(1), wave="lab", ends=(named.id,), reason="fixed")
    )
    decided = rollout.decide()
    assert decided.holds == {("shop", "_"): other}
    assert decided.ended == (request,)
    assert decided.entries[0].reason == "fixed (held: freeze)"


def test_release_that_comes_late_does_not_end_a_newer_hold() -> None:
    rollout = Rollout()
    rollout.asked(Release(accepted_at=rollout.ago(1), wave="lab", ends=("old",), reason="fixed"))
    hold = rollout.held("lab")
    assert rollout.decide().holds == {("lab", "_"): hold}


def test_release_of_a_hold_that_waits_beside_it_ends_it_too() -> None:
    """Holds are filed before releases, however they are named."""
    rollout = Rollout()
    hold = rollout.hold("lab")
    rollout.asked(Release(accepted_at=rollout.ago(9), wave="lab", ends=(hold,), reason="fixed"))
    assert rollout.decide().holds == {}


@pytest.mark.parametrize("set_name", ["_", "app"])
def test_hold_keeps_a_promotion_out_of_its_wave(set_name: str) -> None:
    rollout = two_waves()
    rollout.held("shop", set_name)
    decided = rollout.decide()
    assert ("shop", 2) not in introduced(decided)
    assert "shop is held by ada: freeze" in waits_for(decided)


@pytest.mark.parametrize(("wave", "set_name"), [("lab", "_"), ("shop", "batch")])
def test_hold_on_the_source_or_on_another_set_keeps_nothing_out(wave: str, set_name: str) -> None:
    rollout = two_waves()
    rollout.held(wave, set_name)
    assert introduced(rollout.decide()) == [("shop", 2)]
