"""Hotfixes: straight into one wave, held there, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.sets import STOCKTAKING
from tests.unit.snapshots import (
    LAB,
    SHOP,
    Rollout,
    app_sha,
    introduced,
    present,
    settings,
    sha,
    two_waves,
    waits_for,
    whats,
)

from tidemill.facts.holds import HoldCause, each_hold
from tidemill.facts.ledger import Eviction, Landing, OpenRollback
from tidemill.facts.requests import Drop, Release
from tidemill.facts.staleness import Inspection
from tidemill.plan.draft import Draft
from tidemill.plan.hotfix import not_wanted, replacement
from tidemill.plan.obstacles import EndedRequest, HotfixThere, PastEviction
from tidemill.plan.plan import Plan
from tidemill.plan.wording import line_command

FIX = sha("fix", 1)


def made(decided: Plan) -> list[tuple[str, str, str | None]]:
    """What auto will have, the lowest commit first."""
    found = [commit.operation for commit in decided.auto]
    return [(one.kind, one.wave, one.app_sha) for one in found]


def hotfixed(rollout: Rollout | None = None, position: int = 1) -> tuple[Rollout, Landing]:
    """shop had 1, and has a hotfix now; lab has 2, which is deployed and newer."""
    rollout = rollout or two_waves()
    rollout.hotfix("shop", position)
    decided = rollout.turn()
    rollout.green(decided.auto[0].sha)
    rollout.turn()
    return rollout, present(rollout.decide(), "shop")


def released(rollout: Rollout) -> Plan:
    """A person releases shop, when its set has had the time to settle."""
    rollout.later(20)
    ends = tuple(one.id for one in rollout.holds.values())
    rollout.asked(Release(accepted_at=rollout.now, wave="shop", ends=ends, reason="merged"))
    return rollout.turn()


@pytest.mark.parametrize("position", [1, 99], ids=["older-than-all", "newer-than-all"])
def test_a_hotfix_goes_in_whatever_its_position_and_is_held_at_once(position: int) -> None:
    rollout = two_waves()
    request = rollout.hotfix("shop", position)
    decided = rollout.turn()
    assert made(decided)[0] == ("hotfix", "shop", sha("fix", position))
    hold = decided.holds["shop", "app"]
    assert (hold.by, hold.reason, hold.until) == ("ada", "checkout is down", None)
    assert {"held", "hotfixed", "overridden"} <= set(whats(decided))
    rollout.green(decided.auto[0].sha)
    decided = rollout.turn()
    assert decided.landed
    assert decided.ended == (request,)
    assert decided.ledger.how_ended(request) == "landed"
    found = present(decided, "shop")
    assert (found.app_sha, found.is_hotfix, found.how) == (sha("fix", position), True, "hotfix")


def test_a_hotfix_is_checked_like_any_other_and_evicted_if_it_is_red() -> None:
    rollout = two_waves()
    request = rollout.hotfix("shop", 1)
    commit = rollout.turn().auto[0]
    rollout.green(rollout.main)
    rollout.red(commit.sha)
    decided = rollout.turn()
    assert decided.evicted == (commit.sha,)
    assert decided.ledger.how_ended(request) == "evicted"
    assert ("shop", "app") in decided.holds, "until a person releases it"
    assert present(rollout.decide(), "shop").position == 1
    assert not any(kind == "hotfix" for kind, _, _ in made(rollout.decide()))

    (line,) = (one for one in rollout.decide().waiting if one.about.app_sha == sha("fix", 1))
    assert line.obstacles[0].words().startswith("the hotfix was evicted: its check is red on ")
    assert line_command(line) == ("drop", "--id", request), "its announcement is nowhere any more"
    rollout.later(5)
    rollout.hotfix("shop", 1)
    rollout.green(rollout.turn().auto[0].sha)
    assert not any("evicted" in one for one in waits_for(rollout.turn()))


def test_a_hotfix_passes_a_hold_a_freeze_and_a_window_and_goes_beneath_what_waits() -> None:
    rollout = two_waves()
    rollout.on_auto("lab", 3)
    rollout.settings = settings(
        freezes=[{**STOCKTAKING, "waves": ["shop"]}],
        lab=LAB,
        shop={**SHOP, "windows": ["Tue 12:00-13:00 UTC"]},
    )
    rollout.held("shop")
    rollout.hotfix("shop", 1)
    assert made(rollout.decide()) == [("hotfix", "shop", FIX), ("introduce", "lab", app_sha(3))]
    assert set(rollout.decide().holds) == {("shop", "_")}, "one that lasts is there"


def test_a_hold_that_ends_by_itself_is_not_enough_for_a_hotfix() -> None:
    rollout = two_waves()
    rollout.held("shop", until=rollout.ago(-30))
    rollout.hotfix("shop", 1)
    assert rollout.decide().holds["shop", "app"].until is None


def test_a_hold_that_ends_with_its_failure_is_not_enough_either() -> None:
    rollout = two_waves()
    cause = HoldCause(content="x", targets=("north",))
    rollout.held("shop", "app", failure=cause)
    rollout.hotfix("shop", 1)
    assert rollout.decide().holds["shop", "app"].failure is None


def test_a_release_of_all_waves_does_not_let_a_newer_set_replace_a_hotfix() -> None:
    rollout = two_waves()
    rollout.hold("*")
    rollout.turn()
    rollout, hotfix = hotfixed(rollout)
    rollout.later(20)
    ends = tuple(one.id for one in rollout.holds.values() if one.everywhere)
    rollout.asked(Release(accepted_at=rollout.now, wave="*", ends=ends, reason="it is over"))
    decided = rollout.turn()
    assert whats(decided) == ["released", "released"]
    assert (introduced(decided), present(decided, "shop")) == ([], hotfix)
    assert "replaceable" in whats(released(rollout))
    assert introduced(rollout.decide()) == [("shop", 2)]


def test_a_rollback_of_another_wave_goes_beneath_a_hotfix() -> None:
    rollout = two_waves()
    rollout.hotfix("shop", 1)
    rollout.rollback("lab", rollout.ledger.of("lab", "app").landings[0])
    assert [kind for kind, _, _ in made(rollout.decide())] == ["roll back", "hotfix"]


def test_what_is_on_auto_for_its_wave_goes() -> None:
    rollout = two_waves()
    rollout.on_auto("shop", 2)
    rollout.hotfix("shop", 1)
    assert made(rollout.decide()) == [("hotfix", "shop", FIX)]


def test_nothing_undoes_a_hotfix_until_it_is_released_and_then_only_what_is_newer() -> None:
    rollout, _ = hotfixed()
    decided = rollout.decide()
    assert introduced(decided) == []
    said = waits_for(decided)
    assert f"to replace this hotfix: the next one is {app_sha(2)[:12]}, once the wave" in said
    assert "release-wave --wave shop --set app" in said
    decided = released(rollout)
    assert introduced(decided) == [("shop", 2)]
    told = next(one for one in decided.entries if one.what == "replaceable")
    assert f"the next one is {app_sha(2)[:12]}" in told.reason
    rollout.green(decided.auto[0].sha)
    assert present(rollout.turn(), "shop").position == 2


def replaceable(rollout: Rollout, *ends: str) -> list[str | None]:
    """Of which waves a release of some holds says that a hotfix may be replaced."""
    told = Release(accepted_at=rollout.now, wave="shop", ends=ends, reason="merged")
    rollout.asked(told)
    return [one.wave for one in rollout.turn().entries if one.what == "replaceable"]


def test_a_hotfix_may_be_replaced_once_all_that_holds_it_is_released() -> None:
    rollout, _ = hotfixed()
    rollout.hold("*", "app")
    rollout.turn()
    own, every = each_hold([rollout.holds["shop", "app"]])
    assert replaceable(rollout, own.id) == []
    assert replaceable(rollout, every.id) == ["shop"]


def test_a_release_says_nothing_of_sets_that_are_no_hotfix_nor_of_waves_that_are_gone() -> None:
    rollout = two_waves()
    assert replaceable(rollout, rollout.held("shop", "app").id) == []
    rollout, _ = hotfixed()
    rollout.settings = settings(lab=LAB)
    assert replaceable(rollout, rollout.holds["shop", "app"].id) == []
    assert rollout.holds == {}


def test_a_hotfix_with_a_high_position_locks_nothing_out() -> None:
    rollout, _ = hotfixed(position=99)
    assert rollout.ledger.history("shop", "app").highest == 1
    assert introduced(released(rollout)) == [("shop", 2)]


def test_a_hotfix_stays_where_nothing_newer_has_come() -> None:
    rollout = two_waves()
    rollout.landing("shop", 2, landed=20, deployed=10)
    hotfixed(rollout)
    assert "there is none yet" in waits_for(rollout.decide())
    assert introduced(released(rollout)) == []
    decided = rollout.decide()
    assert present(decided, "shop").app_sha == FIX
    assert f"{app_sha(2)[:12]} (app) for shop waits for the hotfix {FIX[:12]} replaced it" in (
        waits_for(decided)
    )


def test_a_hotfix_is_never_promoted_onward() -> None:
    rollout = two_waves()
    rollout.settings = settings(lab=LAB, shop=SHOP, mall={**SHOP, "after": ["shop"]})
    rollout.landing("mall", 1, landed=200, deployed=190)
    hotfixed(rollout, position=99)
    for target in ("north", "south"):
        rollout.reports("shop", target)
    decided = rollout.turn()
    assert present(decided, "shop").deployed_at is not None
    assert not any(wave == "mall" for _, wave, _ in made(decided))


def test_the_set_that_a_hotfix_replaced_is_promoted_all_the_same() -> None:
    """It was well where it was: nobody said anything else of it."""
    rollout = two_waves()
    rollout.hotfix("lab", 1)
    decided = rollout.turn()
    rollout.green(decided.auto[-1].sha)
    decided = rollout.turn()
    assert present(decided, "lab").is_hotfix
    assert present(decided, "shop").position == 2 or introduced(decided) == [("shop", 2)]


def test_a_hotfix_into_a_wave_that_has_nothing_stands_where_nothing_is() -> None:
    rollout = Rollout()
    rollout.hotfix("shop", 7)
    decided = rollout.turn()
    rollout.green(decided.auto[0].sha)
    assert present(rollout.turn(), "shop").position == 0
    rollout.landing("lab", 1)
    assert introduced(released(rollout)) == [("shop", 1)]


# Back from it


def test_a_rollback_from_a_hotfix_goes_to_the_set_that_it_replaced() -> None:
    rollout, _ = hotfixed()
    first = rollout.ledger.of("shop", "app").landings[0]
    rollout.rollback("shop", first)
    decided = rollout.turn()
    assert made(decided)[0] == ("roll back", "shop", first.app_sha)
    rollout.green(decided.auto[0].sha)
    decided = rollout.turn()
    assert present(decided, "shop").app_sha == first.app_sha
    assert [one.rolled_back for one in decided.ledger.of("shop", "app").landings] == [
        False,
        True,
        False,
    ]


def test_a_rollback_may_go_to_a_hotfix_which_stays_one() -> None:
    rollout, found = hotfixed()
    found.deployed_once = True
    released(rollout)
    rollout.landing("shop", 2, landed=1, deployed=None, failed={"north": rollout.now})
    rollout.ledger.of("shop", "app").landings[1].deployed_once = True
    rollout.auto.clear()
    rollout.auto_tip = None
    rollout.rollback("shop", rollout.ledger.of("shop", "app").landings[1])
    decided = rollout.turn()
    rollout.green(decided.auto[0].sha)
    back = present(rollout.turn(), "shop")
    assert (back.app_sha, back.is_hotfix, back.how) == (FIX, True, "roll back")


# Several wishes for one place


def test_of_two_hotfixes_for_one_place_the_later_one_goes() -> None:
    rollout = two_waves()
    first = rollout.hotfix("shop", 1, ago=9)
    rollout.turn()
    rollout.hotfix("shop", 2, ago=3, content="a better fix")
    decided = rollout.turn()
    assert made(decided) == [("hotfix", "shop", sha("fix", 2))]
    assert decided.ledger.how_ended(first) == "superseded"


def test_an_earlier_hotfix_that_comes_in_late_ends_and_the_later_one_goes() -> None:
    rollout = two_waves()
    rollout.hotfix("shop", 2, ago=3, content="a better fix")
    rollout.turn()
    late = rollout.hotfix("shop", 1, ago=9)
    decided = rollout.turn()
    assert made(decided) == [("hotfix", "shop", sha("fix", 2))]
    assert decided.ledger.how_ended(late) == "superseded"


def test_the_same_hotfix_asked_for_again_changes_nothing_on_auto() -> None:
    rollout = two_waves()
    first = rollout.hotfix("shop", 1, ago=9)
    before = rollout.turn().auto
    again = rollout.hotfix("shop", 1, ago=3)
    decided = rollout.turn()
    assert decided.auto == before
    assert list(rollout.inbox) == [first]
    assert decided.ledger.how_ended(again) == "superseded"


@pytest.mark.parametrize(("ago", "wins"), [(9, "hotfix"), (5, "hotfix"), (1, "roll back")])
def test_of_a_hotfix_and_a_rollback_the_later_one_goes(ago: float, wins: str) -> None:
    rollout = two_waves()
    rollout.landing("shop", 2, landed=40, deployed=20)
    rollout.hotfix("shop", 1, ago=5)
    rollout.rollback("shop", rollout.ledger.of("shop", "app").landings[0], ago=ago)
    decided = rollout.turn()
    assert [kind for kind, wave, _ in made(decided) if wave == "shop"] == [wins]
    assert len(rollout.inbox) == 1
    assert [kind for kind, wave, _ in made(rollout.turn()) if wave == "shop"] == [wins]


@pytest.mark.parametrize(("ago", "wins"), [(9, "hotfix"), (5, "hotfix"), (1, "promote")])
def test_of_a_hotfix_and_an_override_the_later_one_goes(ago: float, wins: str) -> None:
    rollout = two_waves()
    rollout.hotfix("shop", 1, ago=5)
    rollout.promotion("shop", 2, override="now", accepted_at=rollout.ago(ago))
    for _ in range(2):
        assert [kind for kind, wave, _ in made(rollout.turn()) if wave == "shop"] == [wins]


def test_an_override_that_comes_in_later_but_was_asked_for_at_the_same_moment_does_not_win() -> (
    None
):
    rollout = two_waves()
    request = rollout.hotfix("shop", 1, ago=5)
    rollout.turn()
    rollout.promotion("shop", 2, override="now", accepted_at=rollout.ago(5))
    decided = rollout.turn()
    assert made(decided)[0] == ("hotfix", "shop", FIX)
    assert request in rollout.inbox


def test_a_hotfix_gives_way_where_one_of_several_rollbacks_was_asked_for_later() -> None:
    """Two waves that are one now may bring a rollback each."""
    rollout = two_waves()
    rollout.landing("shop", 2, landed=40, deployed=20)
    older, newer = rollout.ledger.of("shop", "app").landings
    for ago in (9, 1):
        back = OpenRollback(
            wave="shop", set="app", leaves=newer.point(), to=older.point(),
            reason="slow", at=rollout.ago(ago),
        )  # fmt: skip
        rollout.ledger.rollbacks.append(back)
    request = rollout.hotfix("shop", 1, ago=5)
    assert rollout.turn().ledger.how_ended(request) == "superseded"


def test_a_promotion_that_overrides_nothing_is_no_reason_to_leave_a_hotfix_out() -> None:
    rollout = two_waves()
    rollout.hotfix("shop", 1, ago=5)
    rollout.promotion("shop", 2, accepted_at=rollout.ago(1))
    for _ in range(2):
        assert [kind for kind, wave, _ in made(rollout.turn()) if wave == "shop"] == ["hotfix"]


def test_a_hotfix_whose_hold_is_released_before_it_lands_lands_all_the_same() -> None:
    rollout = two_waves()
    rollout.hotfix("shop", 1)
    commit = rollout.turn().auto[0]
    released(rollout)
    assert rollout.holds == {}
    assert made(rollout.decide())[0] == ("hotfix", "shop", FIX)
    rollout.green(commit.sha)
    decided = rollout.turn()
    assert decided.landed == commit.sha
    assert decided.holds == {}, "it is not held anew"


def test_the_turn_after_a_hotfix_has_landed_writes_nothing() -> None:
    rollout = two_waves()
    rollout.hotfix("shop", 1)
    rollout.green(rollout.turn().auto[0].sha)
    assert rollout.turn().landed == rollout.main
    assert rollout.ledger.hotfixes == []
    assert not rollout.turn().is_change


def test_a_hotfix_that_lands_beneath_a_newer_set_has_ended() -> None:
    rollout = Rollout(settings(lab={**LAB, "admit": "at once"}))
    rollout.landing("lab", 1)
    request = rollout.hotfix("lab", 1)
    rollout.turn()
    ends = tuple(one.id for one in rollout.holds.values())
    rollout.asked(Release(accepted_at=rollout.now, wave="lab", ends=ends, reason="merged"))
    rollout.announced(2)
    decided = rollout.turn()
    assert [kind for kind, _, _ in made(decided)] == ["hotfix", "introduce"]
    rollout.green(decided.auto[1].sha)
    decided = rollout.turn()
    assert present(decided).position == 2
    assert decided.auto == ()
    assert request in decided.ended
    assert [one.id for one in decided.entries if one.what == "landed"].count(request) == 1


def test_a_hotfix_of_a_set_that_a_person_has_replaced_meanwhile_is_made_again() -> None:
    rollout = two_waves()
    rollout.hotfix("shop", 1)
    first = rollout.turn().auto[0]
    rollout.by_hand("shop", rollout.files_of(2))
    rollout.green(first.sha)
    decided = rollout.turn()
    assert decided.landed is None
    assert "taken off auto" in whats(decided)
    assert made(decided)[0] == ("hotfix", "shop", FIX)
    assert decided.auto[0].operation.position == 2


def test_a_hotfix_for_a_wave_that_is_gone_is_rejected_and_holds_nothing() -> None:
    rollout = two_waves()
    request = rollout.hotfix("moon", 1)
    assert rollout.turn().ledger.how_ended(request) == "rejected"
    assert rollout.holds == {}


def test_a_hotfix_that_has_begun_ends_when_its_wave_goes() -> None:
    rollout = two_waves()
    request = rollout.hotfix("shop", 1)
    rollout.turn()
    rollout.settings = settings(lab=LAB)
    decided = rollout.turn()
    assert decided.ledger.how_ended(request) == "rejected"
    assert made(decided) == made(rollout.turn()) == []


def test_a_stale_main_does_not_keep_a_hotfix_and_nothing_rides_along() -> None:
    rollout = two_waves()
    rollout.generates = (Inspection({"generated/shop/north": "other"}),)
    rollout.settings = settings(
        lab=LAB, shop=SHOP, checks='retries = 0\n[entrypoints]\ngenerate = "make generate"'
    )
    rollout.hotfix("shop", 1)
    assert made(rollout.decide())[0] == ("hotfix", "shop", FIX)


@pytest.mark.parametrize(
    ("before", "only"), [((), ("--set", "app")), (("shop",), ())], ids=["its-own", "of-all-sets"]
)
def test_the_release_that_a_hotfix_waits_for_is_of_the_hold_that_is_there(
    before: tuple[str, ...], only: tuple[str, ...]
) -> None:
    rollout = two_waves()
    for wave in before:
        rollout.held(wave)
    hotfixed(rollout)
    waits = [one for line in rollout.decide().waiting for one in line.obstacles]
    (there,) = [one for one in waits if isinstance(one, HotfixThere)]
    release = ("release-wave", "--wave", "shop", *only)
    assert there.command() == (*release, "--reason", "a newer set has the fix")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 4),
        ({"rolled_back": True}, 3),
        ({"deployed_at": None}, 3),
        ({"is_hotfix": True}, 3),
        ({"app_sha": None}, 3),
    ],
    ids=str,
)
def test_newest_set_that_would_replace_a_hotfix_is_named(
    changes: dict[str, Any], expected: int
) -> None:
    rollout = Rollout()
    rollout.landing("shop", 2)
    for position in (2, 3, 4):
        rollout.landing("lab", position, **(changes if position == 4 else {}))
    shop = rollout.settings.waves[1]
    assert replacement(Draft.of(rollout.snapshot()), shop, "app") == app_sha(expected)


def test_newest_announcement_would_replace_a_hotfix_of_a_first_wave() -> None:
    rollout = Rollout()
    rollout.landing("lab", 2)
    lab = rollout.settings.waves[0]
    assert replacement(Draft.of(rollout.snapshot()), lab, "app") is None
    for position in (1, 3, 4):
        rollout.announced(position)
    assert replacement(Draft.of(rollout.snapshot()), lab, "app") == app_sha(4)


def test_a_hotfix_that_was_evicted_can_be_dropped_and_nobody_is_told_of_it_any_more() -> None:
    rollout = two_waves()
    request = rollout.hotfix("shop", 1)
    commit = rollout.turn().auto[0]
    rollout.green(rollout.main)
    rollout.red(commit.sha)
    rollout.turn()
    assert "was evicted" in waits_for(rollout.decide())
    drop = rollout.asked(Drop(accepted_at=rollout.ago(0), by="ada", request=request))
    decided = rollout.turn()
    assert decided.ended == (drop,)
    (entry,) = decided.entries
    assert (entry.what, entry.id, entry.reason) == ("dismissed", request, "dropped by ada")
    assert "was evicted" not in waits_for(decided)
    assert ("shop", "app") in decided.holds, "that has to be released"
    assert not any(kind == "hotfix" for kind, _, _ in made(rollout.decide()))
    again = rollout.asked(Drop(accepted_at=rollout.ago(-1), by="ada", request=request))
    assert [one.what for one in rollout.turn().entries] == ["ended already"]
    assert again not in rollout.inbox


def test_a_hotfix_that_is_dropped_leaves_auto() -> None:
    rollout = two_waves()
    request = rollout.hotfix("shop", 1)
    assert made(rollout.turn())[0] == ("hotfix", "shop", FIX)
    rollout.asked(Drop(accepted_at=rollout.ago(0), by="ada", request=request))
    decided = rollout.turn()
    assert "hotfix" not in [kind for kind, _, _ in made(decided)]
    assert decided.ledger.how_ended(request) == "dropped"
    (taken,) = (one for one in decided.entries if one.what == "taken off auto")
    assert (taken.id, taken.reason) == (request, EndedRequest(what="hotfix").words())


def test_a_hotfix_that_was_evicted_is_not_due_though_it_is_still_asked_for() -> None:
    rollout = two_waves()
    rollout.hotfix("shop", 1)
    operation = rollout.turn().auto[0].operation
    gone = Eviction(commit=None, at=rollout.now, reason="red", operation=operation)
    rollout.ledger.evictions = [gone]
    found = list(not_wanted(Draft.of(rollout.snapshot()), operation))
    assert found == [PastEviction.of(gone, FIX)]


def test_of_two_hotfixes_that_were_evicted_the_last_is_told_and_dropped_none_is() -> None:
    rollout = two_waves()
    rollout.green(rollout.main)
    requests = []
    for minute in (2, 1):
        requests.append(rollout.hotfix("shop", minute, ago=minute, content=minute))
        rollout.red(rollout.turn().auto[0].sha)
        assert waits_for(rollout.turn()).count("was evicted") == 1
    rollout.asked(Drop(accepted_at=rollout.ago(0), by="ada", request=requests[1]))
    assert "was evicted" not in waits_for(rollout.turn())


def test_of_two_hotfixes_at_the_same_moment_one_goes() -> None:
    rollout = two_waves()
    ids = [rollout.hotfix("shop", 1, content=content) for content in ("one", "other")]
    rollout.turn()
    assert list(rollout.inbox) == [max(ids)]


@pytest.mark.parametrize("turns", [0, 1], ids=["at-once", "a-turn-between"])
@pytest.mark.parametrize("other", ["hotfix", "rollback", "override"])
def test_a_hotfix_that_was_asked_for_again_after_something_else_goes(
    other: str, turns: int
) -> None:
    """The first one is not under way any more, also where all of it comes in at once."""
    rollout = two_waves()
    rollout.landing("shop", 2, landed=40, deployed=20)
    rollout.landing("lab", 3, landed=50, deployed=30)
    rollout.hotfix("shop", 1, ago=9)
    for _ in range(turns):
        rollout.turn()
    if other == "hotfix":
        rollout.hotfix("shop", 2, ago=5, content="another fix")
    elif other == "rollback":
        rollout.rollback("shop", rollout.ledger.of("shop", "app").landings[0], ago=5)
    else:
        rollout.promotion("shop", 3, override="now", accepted_at=rollout.ago(5))
    again = rollout.hotfix("shop", 1, ago=1)
    assert made(rollout.turn()) == [("hotfix", "shop", FIX)]
    assert list(rollout.inbox) == [again]


@pytest.mark.parametrize("turns", [0, 1], ids=["at-once", "a-turn-between"])
@pytest.mark.parametrize(
    ("ago", "wins"), [(6, "hotfix"), (5, "hotfix"), (4, "roll back")], ids=["before", "at", "after"]
)
def test_a_rollback_that_was_asked_for_again_after_a_hotfix_goes(
    ago: float, wins: str, turns: int
) -> None:
    rollout = two_waves()
    first = rollout.ledger.of("shop", "app").landings[0]
    rollout.landing("shop", 2, landed=40, deployed=20)
    rollout.rollback("shop", first, ago=9)
    for _ in range(turns):
        rollout.turn()
    fix = rollout.hotfix("shop", 1, ago=5)
    again = rollout.rollback("shop", first, ago=ago)
    assert [kind for kind, _, _ in made(rollout.turn())] == [wins]
    assert list(rollout.inbox) == [fix if wins == "hotfix" else again]


def test_hotfixes_for_two_waves_both_go() -> None:
    rollout = two_waves()
    ids = {rollout.hotfix("shop", 1, ago=5), rollout.hotfix("lab", 1, ago=3)}
    decided = rollout.turn()
    assert {(kind, wave) for kind, wave, _ in made(decided)} >= {
        ("hotfix", "shop"), ("hotfix", "lab")
    }  # fmt: skip
    assert rollout.inbox.keys() == ids
