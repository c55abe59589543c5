"""Filing: what came is taken in, so that the rest decides on facts."""

import pytest
from msgspec.structs import replace
from tests.unit.snapshots import (
    AT_ONCE,
    LAB,
    SHOP,
    Rollout,
    app_sha,
    introduced,
    present,
    settings,
    sha,
    unreadable,
    waits_for,
    whats,
)

from tidemill.facts.ledger import Eviction, RequestEnding
from tidemill.facts.operation import Operation
from tidemill.facts.requests import Drop, Release, Retry
from tidemill.plan.plan import plan


@pytest.mark.parametrize(
    ("wave", "set_name"), [("moon", "_"), ("moon", "app"), ("lab", "moon")], ids=str
)
def test_request_for_a_wave_or_set_that_is_not_there_is_rejected(wave: str, set_name: str) -> None:
    rollout = Rollout()
    old = rollout.landing("lab", 1)
    ids = [rollout.hold(wave, set_name), rollout.rollback(wave, old, set_name)]
    ids.append(rollout.promotion(wave, 1, set_name))
    decided = rollout.decide()
    wanted = ids if set_name != "_" else ids[:1]
    assert set(wanted) <= set(decided.rejected)
    assert "the settings name no wave" in decided.rejected[ids[0]]
    assert set(decided.ended) >= set(wanted)
    assert decided.holds == {}


def test_bad_request_stops_nobody() -> None:
    rollout = Rollout()
    rollout.hold("moon")
    rollout.unreadable = (unreadable("hold-x"),)
    rollout.announced(1)
    decided = rollout.decide()
    assert introduced(decided) == [("lab", 1)]
    assert [one.id for one in decided.aside] == ["hold-x"]


def test_fifty_rejected_are_kept_and_no_more() -> None:
    rollout = Rollout()
    rollout.unreadable = tuple(unreadable(f"hold-{at}") for at in range(60))
    decided = rollout.decide()
    assert len(decided.aside) == 60
    assert len(decided.ledger.rejected) == 50
    assert decided.ledger.rejected[-1] == "hold-59"


def test_commit_on_auto_that_no_turn_made_is_taken_off_and_kept() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1)
    mine = rollout.on_auto("lab", 2)
    rollout.foreign = rollout.auto_tip = sha("a person's commit on auto")
    decided = rollout.decide()
    assert decided.evicted == (rollout.foreign,)
    assert decided.auto_tip == mine
    assert introduced(decided) == [("lab", 2)]
    assert decided.entries[0].reason == "no turn made it: auto is Tidemill's own"


def test_commit_on_auto_that_no_turn_made_is_taken_off_where_nothing_else_is_there() -> None:
    rollout = Rollout()
    rollout.foreign = rollout.auto_tip = sha("a person's commit on auto")
    assert rollout.decide().auto_tip == rollout.main


def test_announcement_that_was_dropped_ends() -> None:
    rollout = Rollout()
    request = rollout.announced(1)
    drop = rollout.asked(Drop(accepted_at=rollout.ago(1), by="ada", request=request))
    decided = rollout.decide()
    assert set(decided.ended) == {request, drop}
    assert decided.ledger.how_ended(request) == "dropped"
    assert decided.rejected == {request: "dropped by ada"}, "from there it can be retried"
    (entry, *_) = decided.entries
    assert (entry.reason, entry.app_sha) == ("dropped by ada", app_sha(1))
    assert decided.auto == ()


def test_drop_takes_it_off_auto_too_even_if_it_is_green() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1)
    rollout.green(rollout.on_auto("lab", 2))
    request = rollout.auto[0].operation.request or ""
    rollout.asked(Drop(accepted_at=rollout.ago(1), by="ada", request=request))
    decided = rollout.decide()
    assert (decided.landed, decided.auto, decided.auto_tip) == (None, (), rollout.main)
    assert decided.ledger.how_ended(request) == "dropped"
    assert "landed" not in whats(decided)


def test_rollback_that_was_dropped_does_not_happen() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    old = rollout.landing("lab", 1, landed=120)
    rollout.landing("lab", 2)
    request = rollout.rollback("lab", old)
    assert introduced(rollout.turn()) == [("lab", 1)]
    rollout.asked(Drop(accepted_at=rollout.ago(1), by="ada", request=request))
    decided = rollout.turn()
    assert ("lab", 1) not in introduced(decided)
    assert decided.ledger.rollbacks == []
    assert decided.ledger.how_ended(request) == "dropped"
    assert set(decided.holds) == {("lab", "app")}, "only a release ends a hold"


def test_set_whose_rollback_was_dropped_was_not_rolled_back() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    old = rollout.landing("lab", 1, landed=120)
    rollout.landing("lab", 2)
    request = rollout.rollback("lab", old)
    assert introduced(rollout.turn()) == [("lab", 1)]
    rollout.asked(Drop(accepted_at=rollout.ago(1), by="ada", request=request))
    assert introduced(rollout.turn()) == [("shop", 2)]


def test_drop_of_what_has_gone_is_nothing() -> None:
    rollout = Rollout()
    drop = rollout.asked(Drop(accepted_at=rollout.ago(1), request="announcement-app-1-x"))
    decided = rollout.decide()
    assert decided.ended == (drop,)
    assert decided.rejected == {}
    assert [(one.what, one.id) for one in decided.entries] == [("ended already", drop)]


def test_promotion_that_was_evicted_is_done_again_after_a_retry() -> None:
    rollout = Rollout()
    rollout.landing("lab", 1)
    rollout.green(rollout.main)
    rollout.red(rollout.on_auto("shop", 1))
    assert rollout.turn().evicted
    assert rollout.turn().auto == ()
    rollout.asked(
        Retry(accepted_at=rollout.now, by="ada", wave="shop", set="app", app_sha=app_sha(1))
    )
    assert introduced(rollout.turn()) == [("shop", 1)]


def test_ended_requests_are_remembered_and_the_oldest_forgotten() -> None:
    rollout = Rollout()
    rollout.ledger.ended = [RequestEnding(id=f"hold-{at}", how="done") for at in range(500)]
    request = rollout.hold("lab")
    ended = rollout.decide().ledger.ended
    assert len(ended) == 500
    assert (ended[0].id, ended[-1].id) == ("hold-1", request)


@pytest.mark.parametrize("order", [1, -1], ids=["as-they-came", "the-other-way-round"])
def test_order_of_the_inbox_does_not_matter(order: int) -> None:
    def told(order: int) -> Rollout:
        rollout = Rollout(settings(lab={**LAB, "admit": "at once"}, shop=SHOP))
        rollout.landing("lab", 1, landed=30, deployed=None)
        rollout.hold("shop")
        rollout.announced(2, ago=4)
        rollout.announced(3, ago=8)
        rollout.reports("lab", "lab-1")
        rollout.inbox = dict(list(rollout.inbox.items())[::order])
        return rollout

    decided, reference = told(order).decide(), told(1).decide()
    assert replace(decided, ended=()) == replace(reference, ended=())
    assert set(decided.ended) == set(reference.ended)


def test_waiting_announcement_says_what_it_waits_for() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1, landed=5, deployed=None)
    rollout.announced(2)
    decided = rollout.decide()
    assert f"{app_sha(2)[:12]} (app) for lab waits for" in waits_for(decided)
    assert "in flight in lab: no healthy report yet from lab-1, lab-2" in waits_for(decided)


def test_retry_lets_in_again_what_it_names_and_nothing_else() -> None:
    rollout = Rollout(settings(lab=LAB, shop=AT_ONCE, den={**AT_ONCE, "after": ["lab"]}))
    rollout.landing("lab", 1, landed=120, deployed=110)
    rollout.landing("lab", 2)
    rollout.landing("den", 1, landed=100)
    landings = rollout.ledger.of("lab", "app").landings
    for wave, landing in (("shop", landings[0]), ("shop", landings[1]), ("den", landings[1])):
        gone = Operation.copying("promote", wave, "app", "lab", landing.point())
        rollout.ledger.evictions.append(
            Eviction(commit=sha(gone.id), at=rollout.ago(9), reason="red", operation=gone)
        )
    retry = rollout.asked(
        Retry(accepted_at=rollout.now, by="ada", wave="shop", set="app", app_sha=app_sha(2))
    )
    decided = rollout.turn()
    assert decided.ended == (retry,)
    assert [one.retried for one in decided.ledger.evictions] == [False, True, False]
    assert introduced(decided) == [("shop", 2)]


def test_promotion_that_lands_beneath_a_newer_one_has_landed() -> None:
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, "admit": "at once"}))
    rollout.landing("shop", 1)
    rollout.landing("lab", 2, landed=90)
    request = rollout.promotion("shop", 2)
    rollout.turn()
    rollout.landing("lab", 3)
    decided = rollout.turn()
    assert introduced(decided) == [("shop", 2), ("shop", 3)]
    rollout.green(decided.auto[1].sha)
    decided = rollout.turn()
    assert request in decided.ended
    assert [one.what for one in decided.entries if one.id == request] == ["landed"]


def test_promotion_under_test_whose_request_was_dropped_goes_off_auto() -> None:
    """The set may go on by itself, but nobody is said to have asked for it."""
    rollout = Rollout()
    rollout.landing("shop", 1, landed=200, deployed=190)
    rollout.landing("lab", 2, landed=60, deployed=30)
    request = rollout.promotion("shop", 2)
    rollout.green(rollout.on_auto("shop", 2, request=request))
    rollout.asked(Drop(accepted_at=rollout.ago(1), by="ada", request=request))
    decided = rollout.decide()
    assert decided.landed is None
    assert [one.operation.request for one in decided.auto] == [None]
    assert decided.ledger.how_ended(request) == "dropped"
    assert "taken off auto" in whats(decided)


def test_what_is_rejected_or_can_not_be_read_is_kept_and_said() -> None:
    rollout = Rollout()
    bad = rollout.hold("moon")
    rollout.unreadable = (unreadable("x"),)
    decided = rollout.decide()
    assert decided.ledger.rejected == [rollout.unreadable[0].id, bad]
    said = {one.id: one.reason for one in decided.entries if one.what == "rejected"}
    assert said == {
        rollout.unreadable[0].id: rollout.unreadable[0].said,
        bad: decided.rejected[bad],
    }


def test_record_that_is_not_fit_is_rejected_and_says_nothing_of_its_target() -> None:
    rollout = Rollout()
    rollout.landing("lab", 1)
    request = rollout.reports("lab", "lab-1", "Degraded", "Failed")
    decided = plan(replace(rollout.snapshot(), unfit={request: "it is of no commit of main"}))
    assert decided.rejected == {request: "it is of no commit of main"}
    assert not present(decided).failed


def test_of_two_records_of_the_same_moment_one_is_the_latest_in_whatever_order_they_come() -> None:
    rollout = Rollout()
    rollout.landing("lab", 1)
    ids = [rollout.reports("lab", "lab-1", health) for health in ("Healthy", "Degraded")]
    for order in (ids, ids[::-1]):
        rollout.inbox = {one: rollout.inbox[one] for one in order}
        assert rollout.decide().records["lab", "lab-1"].id == max(ids)


def test_hold_that_is_released_before_a_turn_has_seen_it_holds_nothing() -> None:
    rollout = Rollout()
    hold = rollout.hold("lab", ago=5)
    rollout.asked(
        Release(accepted_at=rollout.ago(3), by="bo", wave="lab", ends=(hold,), reason="x")
    )
    decided = rollout.decide()
    assert decided.holds == {}
    assert [(one.what, one.by) for one in decided.entries] == [("held", "ada"), ("released", "bo")]


def test_who_releases_a_hold_whose_time_is_over_by_then_has_released_it() -> None:
    rollout = Rollout()
    hold = rollout.held("lab", until=rollout.ago(1))
    rollout.asked(
        Release(accepted_at=rollout.ago(3), by="bo", wave="lab", ends=(hold.id,), reason="x")
    )
    decided = rollout.decide()
    assert decided.holds == {}
    assert [(one.what, one.by) for one in decided.entries] == [("released", "bo")]


def test_announcement_that_is_late_is_told_so_also_where_too_many_wait() -> None:
    rollout = Rollout()
    rollout.landing("lab", 2, deployed=None, landed=9)
    late = rollout.announced(1)
    for position in range(3, 53):
        rollout.announced(position)
    (entry,) = [one for one in rollout.decide().entries if one.what == "superseded"]
    assert entry.id == late
    assert "position 1 is older than 2" in entry.reason


def test_promotion_of_a_set_at_the_place_of_a_hotfix_is_not_overtaken_by_it() -> None:
    """The hotfix is no newer: it has the place of the set that it replaced."""
    rollout = Rollout()
    rollout.landing("lab", 2)
    rollout.landing("shop", 2, content="a fix", app_sha=sha("fix"), is_hotfix=True)
    request = rollout.promotion("shop", 2)
    assert request not in rollout.decide().ended
