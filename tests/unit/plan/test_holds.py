"""Holds: asked for and released; one at a time in each place."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from tests.unit.sets import NOW, settings
from tests.unit.snapshots import LAB, SHOP, Rollout, introduced, two_waves, waits_for, whats

from tidemill.facts.holds import HoldCause, each_hold
from tidemill.facts.ledger import Names
from tidemill.facts.requests import HoldRequest, Release


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


@pytest.mark.parametrize(
    ("present", "asked", "said"),
    [
        (60, 30, "more; it is held until 2026-01-05T13:00Z (freeze)"),
        (None, 30, "more; it is held until it is released (freeze)"),
    ],
)
def test_what_is_held_already_is_said_with_the_time_that_holds(
    present: int | None, asked: int, said: str
) -> None:
    rollout = Rollout()
    rollout.held("lab", until=_in(present))
    rollout.hold("lab", reason="more", until=_in(asked))
    [entry] = rollout.decide().entries
    assert (entry.what, entry.reason) == ("already held", said)


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


def test_release_of_what_was_released_says_so() -> None:
    rollout = Rollout()
    request = rollout.asked(
        Release(accepted_at=rollout.ago(1), wave="lab", ends=("hold-gone",), reason="fixed")
    )
    decided = rollout.decide()
    assert [(one.what, one.id) for one in decided.entries] == [("released already", request)]


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


def test_hold_that_ends_by_itself_is_written_also_where_nothing_waits_for_that() -> None:
    rollout = Rollout(settings(lab=LAB))
    rollout.landing("lab", 1)
    rollout.hold("lab", until=rollout.ago(-30))
    rollout.turn()
    assert not rollout.decide().is_change
    rollout.later(30)
    decided = rollout.decide()
    assert decided.holds == {}
    assert decided.is_change


def test_hold_until_a_time_ends_by_itself_and_the_journal_says_so() -> None:
    rollout = two_waves()
    rollout.hold("shop", until=rollout.ago(-30))
    decided = rollout.turn()
    assert introduced(decided) == []
    assert "shop is held by ada until 2026-01-05 12:30 UTC: freeze" in waits_for(decided)
    assert decided.waiting[-1].earliest == rollout.ago(-30)
    rollout.later(30)
    decided = rollout.decide()
    assert decided.holds == {}
    assert introduced(decided) == [("shop", 2)]
    released = next(one for one in decided.entries if one.what == "released")
    assert released.reason == "it was until 2026-01-05T12:30Z, which is over (held: freeze)"


def test_hold_that_is_over_when_a_turn_first_sees_it_keeps_nothing_out() -> None:
    rollout = two_waves()
    rollout.hold("shop", ago=9, until=rollout.ago(1))
    decided = rollout.decide()
    assert introduced(decided) == [("shop", 2)]
    assert whats(decided)[:2] == ["held", "released"]


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (30, 60, "second"),
        (60, 30, "first"),
        (30, None, "second"),
        (None, 30, "first"),
        (30, 30, "first"),
    ],
)
def test_of_two_holds_in_a_place_the_longer_one_stays(
    first: int | None, second: int | None, kept: str
) -> None:
    rollout = Rollout()
    until = {key: _in(minutes) for key, minutes in (("first", first), ("second", second))}
    rollout.held("lab", reason="first", until=until["first"])
    rollout.hold("lab", reason="second", until=until["second"])
    assert rollout.decide().holds["lab", "_"].reason == kept


@pytest.mark.parametrize(("minutes", "kept"), [(None, "a person's"), (30, "a failure's")])
def test_hold_that_a_person_has_to_release_takes_the_place_of_one_that_ends_with_its_cause(
    minutes: int | None, kept: str
) -> None:
    rollout = Rollout()
    cause = HoldCause(content="x", targets=("lab-1",))
    rollout.held("lab", "app", reason="a failure's", failure=cause)
    rollout.hold("lab", "app", reason="a person's", until=_in(minutes))
    assert rollout.decide().holds["lab", "app"].reason == kept


def _in(minutes: int | None) -> datetime | None:
    return None if minutes is None else Rollout().ago(-minutes)


def test_of_a_hold_of_all_sets_and_one_of_a_set_the_longer_one_is_told() -> None:
    rollout = two_waves()
    rollout.held("shop", "_", reason="short", until=rollout.ago(-30))
    rollout.held("shop", "app", reason="long", until=rollout.ago(-60))
    assert "until 2026-01-05 13:00 UTC: long" in waits_for(rollout.decide())


def test_all_waves_are_held_at_once_each_by_a_hold_of_its_own() -> None:
    rollout = two_waves()
    request = rollout.hold("*", until=rollout.ago(-30))
    decided = rollout.decide()
    assert decided.ended == (request,)
    assert set(decided.holds) == {("lab", "_"), ("shop", "_")}
    assert len({one.id for one in decided.holds.values()}) == 2
    assert all(one.everywhere for one in decided.holds.values())


def test_a_hold_of_all_waves_leaves_one_that_lasts_longer() -> None:
    rollout = two_waves()
    own = rollout.held("shop")
    rollout.hold("*", until=rollout.ago(-30))
    decided = rollout.decide()
    held = decided.holds["shop", "_"]
    assert replace(held, beneath=None) == own
    assert held.beneath
    assert held.beneath.everywhere
    assert sorted(whats(decided)[:2]) == ["already held", "held"]


@pytest.mark.parametrize("is_own_first", [True, False])
def test_what_one_wave_is_held_by_outlasts_a_release_of_all(is_own_first: bool) -> None:
    rollout = _held_twice(is_own_first)
    assert rollout.holds["shop", "_"].everywhere
    _release(rollout, "*", [one.id for one in rollout.holds.values()])
    assert {place: one.reason for place, one in rollout.holds.items()} == {("shop", "_"): "own"}
    rollout.later(60)
    rollout.turn()
    assert not rollout.holds


@pytest.mark.parametrize("is_own_first", [True, False])
def test_a_release_of_one_wave_ends_what_is_beneath_a_hold_of_all_too(is_own_first: bool) -> None:
    rollout = _held_twice(is_own_first)
    _release(rollout, "shop", [one.id for one in each_hold([rollout.holds["shop", "_"]])])
    assert set(rollout.holds) == {("lab", "_")}


def test_what_is_released_by_its_name_beneath_a_hold_of_all_does_not_come_back() -> None:
    rollout = _held_twice(True)
    of_all = rollout.holds["shop", "_"]
    assert of_all.beneath
    _release(rollout, "shop", [of_all.beneath.id])
    assert rollout.holds["shop", "_"] == replace(of_all, beneath=None)


@pytest.mark.parametrize("is_own_first", [True, False])
def test_a_hold_of_all_waves_outlasts_the_release_of_a_longer_one(is_own_first: bool) -> None:
    rollout = _held_twice(is_own_first, own=90, of_all=60)
    assert not rollout.holds["shop", "_"].everywhere
    _release(rollout, "shop", [rollout.holds["shop", "_"].id])  # one that knows of no other
    assert {place: one.reason for place, one in rollout.holds.items()} == {
        ("lab", "_"): "all", ("shop", "_"): "all",
    }  # fmt: skip


def test_journal_says_what_holds_a_wave_once_what_was_above_it_has_ended() -> None:
    rollout = _held_twice(True, own=90, of_all=60)
    above = rollout.holds["shop", "_"]
    rollout.asked(Release(accepted_at=rollout.now, wave="shop", ends=(above.id,), reason="x"))
    told = [(one.what, one.wave, one.reason.partition(" ")[0]) for one in rollout.turn().entries]
    assert told == [("released", "shop", "x"), ("held", "shop", "all")]


@pytest.mark.parametrize(("own", "of_all"), [(60, 90), (90, 60)])
def test_no_hold_whose_time_is_over_comes_back_from_beneath_another(own: int, of_all: int) -> None:
    rollout = _held_twice(True, own=own, of_all=of_all)
    rollout.later(95)
    decided = rollout.turn()
    assert not rollout.holds
    assert whats(decided).count("released") == 3, "each says that it has ended"


def _held_twice(is_own_first: bool, *, own: int = 60, of_all: int = 90) -> Rollout:
    """shop by itself for some minutes, and all waves for some."""
    rollout = two_waves()
    for wave in ("shop", "*") if is_own_first else ("*", "shop"):
        is_own = wave == "shop"
        until = rollout.ago(-own if is_own else -of_all)
        rollout.hold(wave, until=until, reason="own" if is_own else "all")
        rollout.turn()
    return rollout


def _release(rollout: Rollout, wave: str, ends: list[str]) -> None:
    ended = tuple(ends)
    rollout.asked(Release(accepted_at=rollout.now, wave=wave, ends=ended, reason="over"))
    rollout.turn()


def test_a_rollback_in_a_hold_that_ends_by_itself_places_its_own() -> None:
    """Else what was rolled back would come back when that hold ends."""
    rollout = two_waves()
    rollout.landing("shop", 2)
    rollout.held("shop", "app", until=rollout.ago(-30))
    rollout.rollback("shop", rollout.ledger.of("shop", "app").landings[0])
    hold = rollout.decide().holds["shop", "app"]
    assert (hold.reason, hold.until) == ("slow", None)


@pytest.mark.parametrize("is_beneath", [False, True], ids=["alone", "with-another-beneath"])
def test_a_rollback_while_all_waves_are_held_outlasts_their_release(is_beneath: bool) -> None:
    rollout = two_waves()
    rollout.landing("shop", 2)
    if is_beneath:
        rollout.hold("shop", until=rollout.ago(-30))
    rollout.hold("*")
    rollout.turn()
    rollout.rollback("shop", rollout.ledger.of("shop", "app").landings[0])
    rollout.turn()
    everywhere = [one.id for one in each_hold(rollout.holds.values()) if one.everywhere]
    _release(rollout, "*", everywhere)
    assert rollout.holds["shop", "app"].reason == "slow"


def test_a_rollback_in_a_hold_of_its_wave_beneath_one_of_all_needs_no_other() -> None:
    rollout = two_waves()
    rollout.landing("shop", 2)
    for wave in ("shop", "*"):
        rollout.hold(wave)
        rollout.turn()
    rollout.rollback("shop", rollout.ledger.of("shop", "app").landings[0])
    rollout.turn()
    assert ("shop", "app") not in rollout.holds


def test_a_failure_while_all_waves_are_held_is_held_beyond_their_release() -> None:
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, "on_failure": "roll back"}), now=NOW)
    rollout.landing("shop", 1, landed=200, deployed=190)
    rollout.landing("shop", 2, landed=60, deployed=None)
    rollout.hold("*")
    rollout.turn()
    rollout.reports("shop", "north", "Degraded")
    assert ("shop", 1) not in introduced(rollout.turn())
    _release(rollout, "*", [one.id for one in rollout.holds.values() if one.everywhere])
    assert list(rollout.holds) == [("shop", "app")]
    assert rollout.holds["shop", "app"].failure


def test_a_step_back_by_hand_in_a_hold_that_ends_by_itself_is_held() -> None:
    rollout = two_waves()
    rollout.landing("shop", 2)
    rollout.held("shop", "_", until=rollout.ago(-30))
    rollout.by_hand("shop", rollout.files_of(1))
    assert rollout.decide().holds["shop", "app"].until is None


def test_a_failure_in_a_hold_that_ends_by_itself_is_held_beyond_it() -> None:
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, "on_failure": "roll back"}), now=NOW)
    rollout.landing("shop", 1, landed=200, deployed=190)
    rollout.landing("shop", 2, landed=60, deployed=None)
    rollout.held("shop", "_", until=rollout.ago(-30))
    rollout.reports("shop", "north", "Degraded")
    decided = rollout.decide()
    assert ("shop", 1) not in introduced(decided)
    assert "the wave is held" in decided.holds["shop", "app"].reason


def test_journal_names_a_hold_by_its_request_and_a_release_by_its_own() -> None:
    rollout = two_waves()
    first = rollout.hold("shop", ago=9)
    assert [one.id for one in rollout.turn().entries if one.what == "held"] == [first]
    again = rollout.hold("shop", ago=3, reason="another")
    told = [one.id for one in rollout.turn().entries if one.what == "already held"]
    assert told == [again]


def held_everywhere(rollout: Rollout) -> Rollout:
    """All waves are held for three days."""
    until = NOW + timedelta(days=3)
    asked = HoldRequest(accepted_at=rollout.now, wave="*", set="_", reason="audit", until=until)
    rollout.asked(asked)
    rollout.turn()
    return rollout


def test_wave_that_comes_while_all_are_held_is_held_too() -> None:
    rollout = held_everywhere(two_waves())
    rollout.settings = settings(lab=LAB, canary={"targets": ["c"]}, shop=SHOP)
    rollout.pushed("a wave more")
    decided = rollout.turn()
    assert introduced(decided) == []
    held = decided.holds["canary", "_"]
    assert (held.reason, held.until, held.everywhere) == ("audit", NOW + timedelta(days=3), True)
    assert held.id == decided.holds["lab", "_"].id.removesuffix("lab") + "canary"
    assert not rollout.turn().is_change
    rollout.later(72 * 60)
    assert rollout.turn().holds == {}


def test_wave_that_was_let_go_by_itself_stays_free_also_under_another_name() -> None:
    rollout = held_everywhere(two_waves())
    one = rollout.holds["shop", "_"]
    rollout.asked(Release(accepted_at=rollout.now, wave="shop", ends=(one.id,), reason="it may"))
    rollout.turn()
    rollout.settings = settings(lab=LAB, store={**SHOP, "was": "shop"})
    assert ("store", "_") not in rollout.turn().holds


def test_who_knows_no_wave_yet_holds_none_for_what_others_are_held_for() -> None:
    """As after a lost journal: which of the waves is new, nobody knows."""
    rollout = two_waves()
    rollout.held("lab", everywhere=True)
    rollout.ledger.wave_names = Names()
    assert set(rollout.turn().holds) == {("lab", "_")}
