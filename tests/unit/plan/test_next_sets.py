"""The next set that each wave may take."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.snapshots import (
    AT_ONCE,
    LAB,
    NOW,
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

from tidemill.announcing.announcement import Announcement
from tidemill.facts.ledger import RequestEnding
from tidemill.facts.operation import Operation
from tidemill.facts.requests import Drop
from tidemill.facts.settings import Settings
from tidemill.facts.snapshot import OperationFailure, Outcome
from tidemill.plan import next_sets
from tidemill.plan.draft import Draft
from tidemill.plan.obstacles import SetOnAuto
from tidemill.plan.position import how_ended
from tidemill.plan.waking import next_time
from tidemill.plan.wording import line_command, reasons

JOIN: dict[str, Any] = {
    "east": {"targets": ["e"]},
    "west": {"targets": ["w"], "after": []},
    "shop": {**SHOP, "after": ["east", "west"]},
}


def test_newest_of_those_that_wait_goes_next() -> None:
    rollout = Rollout()
    for position in (3, 5, 4):
        rollout.announced(position)
    assert introduced(rollout.decide()) == [("lab", 5)]


def test_position_orders_and_not_arrival() -> None:
    rollout = Rollout()
    rollout.announced(5, ago=60)
    rollout.announced(4, ago=1)
    assert introduced(rollout.decide()) == [("lab", 5)]


def test_announcement_that_is_not_newer_than_what_the_wave_has_had_is_superseded() -> None:
    rollout = Rollout()
    rollout.landing("shop", 5)
    rollout.landing("lab", 5)
    request = rollout.announced(4)
    decided = rollout.decide()
    assert decided.ledger.how_ended(request) == "superseded"
    assert "position 4 is older than 5, which lab has had" in decided.entries[0].reason


def test_after_an_eviction_the_oldest_goes_next_then_the_newest_again() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1)
    commit = rollout.on_auto("lab", 9)
    for position in (3, 4, 5):
        rollout.announced(position)
    rollout.green(rollout.main)
    rollout.red(commit)
    assert introduced(rollout.turn()) == [("lab", 3)]
    rollout.green(rollout.auto[0].sha)
    rollout.turn()
    for target in LAB["targets"]:
        rollout.reports("lab", target, ago=0)
    turn = rollout.turn()
    assert ("lab", 5) in introduced(turn)


def test_after_a_rejection_the_oldest_goes_next() -> None:
    from tidemill.facts.snapshot import OperationFailure

    rollout = Rollout()
    for position in (3, 4, 5):
        rollout.announced(position)
    decided = rollout.decide(
        lambda operation, _: OperationFailure("no") if operation.position == 5 else None
    )
    assert introduced(decided) == [("lab", 3)]


def test_at_once_takes_the_newest_on_top_of_the_oldest_after_a_rejection() -> None:
    from tidemill.facts.snapshot import OperationFailure

    rollout = Rollout(settings(lab={**LAB, "admit": "at once"}, shop=SHOP))
    for position in (3, 4, 5, 6):
        rollout.announced(position)
    decided = rollout.decide(
        lambda operation, _: OperationFailure("no") if operation.position == 6 else None
    )
    assert introduced(decided) == [("lab", 3), ("lab", 5)]


def test_at_once_stacks_sets_as_they_come() -> None:
    rollout = Rollout(settings(lab={**LAB, "admit": "at once"}, shop=SHOP))
    for position in (2, 3, 4):
        rollout.announced(position)
        rollout.turn()
    assert [position for _, position in introduced(rollout.decide())] == [2, 3, 4]


def test_at_once_does_not_stack_an_older_set_on_a_newer_one() -> None:
    rollout = Rollout(settings(lab={**LAB, "admit": "at once"}, shop=SHOP))
    rollout.announced(4)
    rollout.turn()
    rollout.announced(3)
    assert introduced(rollout.turn()) == [("lab", 4)]


def test_announcement_of_what_main_has_already_makes_no_commit() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1, landed=120)
    unknown = rollout.files_of(2)
    rollout.by_hand("lab", unknown)
    present = rollout.turn().ledger.present("lab", "app")
    assert present is not None
    rollout.holds.clear()
    request = rollout.announced(2)
    decided = rollout.turn()
    assert introduced(decided) == []
    assert request in decided.ended
    assert decided.ledger.how_ended(request) == "landed"


def test_first_announcement_of_what_runs_by_hand_tells_whose_it_is() -> None:
    rollout = Rollout()
    files = rollout.files_of(2)
    rollout.by_hand(
        "lab", type(files)(files.tags, files.digests, None, files.content, files.digest_id)
    )
    rollout.announced(2)
    decided = rollout.turn()
    present = decided.ledger.present("lab", "app")
    assert present is not None
    assert (present.app_sha, present.position, present.repository) == (app_sha(2), 2, "acme/app")
    assert introduced(decided) == []
    assert whats(decided) == ["found", "landed"], "the journal says how it ended"


@pytest.mark.parametrize("override", [None, "it is the same"])
def test_hotfix_that_is_announced_as_a_set_is_none_any_more(override: str | None) -> None:
    rollout = Rollout()
    landing = rollout.landing("lab", 2)
    landing.app_sha, landing.position, landing.is_hotfix = sha("a fix"), 1, True
    rollout.ledger.of("lab", "app").highest = 1
    request = rollout.announced(2, override=override)
    decided = rollout.decide()
    found = present(decided)
    assert ("lab", 2) not in introduced(decided)
    assert (found.app_sha, found.position, found.is_hotfix) == (app_sha(2), 2, False)
    told = [(one.what, one.reason) for one in decided.entries if one.id == request]
    assert (told[:1], ("overridden", override) in told) == (
        [("unchanged", "main has these tags and digests already")],
        override is not None,
    )


def test_newest_set_that_is_due_is_promoted() -> None:
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, "soak": "30m"}))
    rollout.landing("shop", 1)
    for position, deployed in ((2, 50), (3, 40), (4, 20)):
        rollout.landing("lab", position, landed=deployed + 5, deployed=deployed)
    assert introduced(rollout.decide()) == [("shop", 3)]


def test_of_the_sets_that_soak_the_one_that_goes_first_is_named() -> None:
    """Whoever wakes the loop when time makes something due has nothing else to go by."""
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, "soak": "10h"}))
    rollout.landing("shop", 1)
    for position, deployed in ((2, 400), (3, 100), (4, None)):
        rollout.landing("lab", position, landed=(deployed or 10) + 20, deployed=deployed)
    known = rollout.decide()
    waiting = [line for line in known.waiting if line.about.wave == "shop"]
    assert [line.about.app_sha for line in waiting] == [app_sha(4), app_sha(2)]
    due = next_time(known.waiting, NOW)
    assert due == NOW + timedelta(minutes=600 - 400)
    rollout.later((due - NOW) / timedelta(minutes=1))
    assert introduced(rollout.decide()) == [("shop", 2)]


def test_set_that_could_be_approved_is_named_while_newer_ones_soak() -> None:
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, "soak": "5h", "approval": True}))
    rollout.landing("shop", 1)
    for position in range(2, 10):
        since = (10 - position) * 80
        rollout.landing("lab", position, landed=since + 10, deployed=since)
    waiting = [line for line in rollout.decide().waiting if line.about.wave == "shop"]
    assert [line.about.app_sha for line in waiting] == [app_sha(9), app_sha(7), app_sha(6)]
    assert reasons(waiting[-1]) == ["approval for shop"]


def test_promotion_copies_from_the_commit_that_put_the_set_in_its_source() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    landing = rollout.landing("lab", 2)
    rollout.pushed("something else")
    operation = rollout.decide().auto[0].operation
    assert (operation.source, operation.commit, operation.content) == (
        "lab",
        landing.commit,
        landing.content,
    )
    assert operation.at is None, "it takes its parent's date: no clock decides"
    assert operation.reason == "deployed in lab"


def test_wave_that_has_had_nothing_takes_what_the_wave_before_has() -> None:
    rollout = Rollout()
    rollout.landing("lab", 2)
    assert introduced(rollout.decide()) == [("shop", 2)]


def test_unknown_set_is_never_promoted() -> None:
    rollout = Rollout()
    rollout.landing("lab", 0, app_sha=None)
    decided = rollout.decide()
    assert introduced(decided) == []


def test_set_goes_wave_by_wave_and_skips_none() -> None:
    rollout = Rollout(settings(lab=LAB, shop=SHOP, bank={"targets": ["vault"]}))
    rollout.landing("lab", 2)
    assert introduced(rollout.decide()) == [("shop", 2)]


def test_waves_may_fan_out() -> None:
    rollout = Rollout(settings(lab=LAB, shop=SHOP, bank={"targets": ["vault"], "after": ["lab"]}))
    rollout.landing("lab", 2)
    assert introduced(rollout.decide()) == [("shop", 2), ("bank", 2)]


def test_every_first_wave_is_introduced_to() -> None:
    rollout = Rollout(settings(**JOIN))
    rollout.announced(1)
    assert introduced(rollout.decide()) == [("east", 1), ("west", 1)]


def test_newer_set_replaces_a_manual_promotion_that_waits_no_longer() -> None:
    rollout = Rollout()
    rollout.landing("shop", 3)
    request = rollout.promotion("shop", 2)
    rollout.landing("lab", 2)
    decided = rollout.decide()
    assert decided.ledger.how_ended(request) == "superseded"


def test_join_does_not_starve() -> None:
    """West has 2 due for shop, which east lacks: east takes 2 before the newer 3."""
    rollout = Rollout(settings(**JOIN))
    rollout.landing("shop", 1)
    rollout.landing("east", 1)
    rollout.landing("west", 2)
    rollout.announced(2)
    rollout.announced(3)
    decided = rollout.decide()
    assert ("east", 2) in introduced(decided)
    assert ("east", 3) not in introduced(decided)


def test_join_does_not_starve_between_promotions() -> None:
    """East takes 2 before the newer 3, and status says that 3 waits for it."""
    newest = (app_sha(3), "east")
    waves: dict[str, Any] = {
        "lab": LAB,
        "east": {"targets": ["e"], "after": ["lab"]},
        "west": {"targets": ["w"], "after": ["lab"]},
        "shop": {**SHOP, "after": ["east", "west"]},
    }
    rollout = Rollout(settings(**waves))
    rollout.landing("shop", 1)
    rollout.landing("east", 1)
    rollout.landing("west", 2)
    rollout.landing("lab", 2, landed=90)
    rollout.landing("lab", 3)
    decided = rollout.decide()
    assert ("east", 2) in introduced(decided)
    [line] = [one for one in decided.waiting if (one.about.app_sha, one.about.wave) == newest]
    assert line.obstacles == (SetOnAuto(wave="east", app_sha=app_sha(2)),)


@pytest.mark.parametrize(("soak", "first"), [("30m", 2), ("31m", 3)])
def test_set_that_has_soaked_in_a_sibling_goes_before_one_that_still_has_to(
    soak: str, first: int
) -> None:
    rollout = Rollout(settings(**{**JOIN, "shop": {**JOIN["shop"], "soak": soak}}))
    rollout.landing("shop", 1)
    rollout.landing("east", 1)
    rollout.landing("west", 2, landed=40, deployed=30)
    rollout.landing("west", 3, landed=20, deployed=10)
    rollout.announced(2)
    rollout.announced(3)
    assert ("east", first) in introduced(rollout.decide())


@pytest.mark.parametrize(
    "state", ["failed", "not-deployed", "rolled-back", "older-than-shop", "buried", "hotfix"]
)
def test_sibling_waits_for_nothing_that_is_not_due(state: str) -> None:
    rollout = Rollout(settings(**JOIN))
    rollout.landing("shop", 2 if state == "older-than-shop" else 1)
    rollout.landing("east", 1)
    landing = rollout.landing("west", 2, deployed=None if state == "not-deployed" else 30)
    landing.rolled_back = state == "rolled-back"
    landing.buried = state == "buried"
    landing.is_hotfix = state == "hotfix"
    if state == "failed":
        landing.failed, landing.deployed_at = {"w": rollout.ago(1)}, None
    rollout.announced(2)
    rollout.announced(3)
    assert ("east", 3) in introduced(rollout.decide())


def test_each_image_set_advances_by_itself() -> None:
    rollout = Rollout(settings(sets=("app", "batch"), lab=LAB, shop=SHOP))
    rollout.landing("lab", 2)
    rollout.announced(1, "batch")
    decided = rollout.decide()
    assert {(one.operation.set, one.operation.wave) for one in decided.auto} == {
        ("app", "shop"),
        ("batch", "lab"),
    }


def test_operations_come_in_the_order_of_sets_and_waves() -> None:
    rollout = Rollout(settings(sets=("app", "batch"), lab=LAB, shop=SHOP))
    for name in ("batch", "app"):
        rollout.landing("lab", 2, name)
        rollout.announced(3, name)
    decided = rollout.decide()
    assert [(one.operation.set, one.operation.wave) for one in decided.auto] == [
        ("app", "lab"),
        ("app", "shop"),
        ("batch", "lab"),
        ("batch", "shop"),
    ]


def test_evicted_promotion_does_not_keep_the_next_one_from_going() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 2, landed=90)
    rollout.green(rollout.main)
    rollout.red(rollout.on_auto("shop", 2))
    rollout.turn()
    rollout.landing("lab", 3)
    assert introduced(rollout.turn()) == [("shop", 3)]


def test_evicted_newest_set_lets_the_one_before_go() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 2, landed=90)
    rollout.landing("lab", 3)
    rollout.green(rollout.main)
    rollout.red(rollout.on_auto("shop", 3))
    assert introduced(rollout.turn()) == [("shop", 2)]


def test_nothing_to_promote_is_no_reason_to_wait() -> None:
    rollout = Rollout()
    rollout.landing("shop", 2)
    rollout.landing("lab", 2)
    decided = rollout.decide()
    assert waits_for(decided) == ""
    assert not decided.is_change


# Waves that come first only now


def was_before(**landing: Any) -> Rollout:
    """Position 3 went into lab, and its announcement has ended; shop has 1."""
    rollout = Rollout(settings(lab=LAB, shop=SHOP))
    rollout.landing("lab", 2, landed=90)
    rollout.landing("lab", 3, **landing)
    rollout.landing("shop", 1)
    return rollout


NOW_FIRST: dict[str, Settings] = {
    "first-wave-is-removed": settings(shop=SHOP),
    "second-becomes-a-first-one": settings(lab=LAB, shop={**SHOP, "after": []}),
    "they-change-places": settings(shop=SHOP, lab=LAB),
}


@pytest.mark.parametrize("now", NOW_FIRST.values(), ids=NOW_FIRST)
def test_wave_that_comes_first_now_gets_the_newest_set(now: Settings) -> None:
    rollout = was_before()
    rollout.settings = now
    decided = rollout.turn()
    assert [(one.operation.wave, one.operation.position) for one in decided.auto] == [("shop", 3)]
    operation = decided.auto[0].operation
    assert (operation.kind, operation.source, operation.request) == ("introduce", "lab", None)
    assert not rollout.decide().is_change
    rollout.green(decided.auto[0].sha)
    assert present(rollout.turn(), "shop").position == 3
    assert not rollout.decide().is_change


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"rolled_back": True}, "it was rolled back in lab"),
        ({"failed": {"lab-1": NOW}}, "it failed on lab-1 in lab"),
        ({"buried": True}, "it was replaced in lab while it was failed"),
    ],
    ids=["rolled-back", "failed", "replaced-while-failed"],
)
def test_what_was_bad_elsewhere_is_not_introduced_by_itself_and_status_says_how(
    bad: dict[str, Any], why: str
) -> None:
    rollout = was_before(**bad)
    rollout.settings = settings(shop=SHOP)
    decided = rollout.turn()
    assert [one.operation.position for one in decided.auto] == [2], "the newest that is not bad"
    line = next(one for one in decided.waiting if one.about.app_sha == app_sha(3))
    assert line_command(line) == ("retry", "--sha", app_sha(3), "--set", "app")
    assert why in "; ".join(reasons(line))


def test_wave_that_comes_first_now_takes_no_hotfix_of_another() -> None:
    rollout = was_before(is_hotfix=True)
    rollout.settings = settings(shop=SHOP)
    assert [one.operation.position for one in rollout.turn().auto] == [2]


@pytest.mark.parametrize("newer", [0, 1], ids=["the-newest", "the-newest-that-is-not-bad"])
def test_wave_that_comes_first_now_does_not_take_twice_what_is_on_its_way_there(
    newer: int,
) -> None:
    rollout = was_before()
    for _ in range(newer):
        rollout.landing("lab", 4, rolled_back=True)
    rollout.settings = settings(lab=LAB, shop={**SHOP, "after": [], "admit": "at once"})
    rollout.turn()
    assert introduced(rollout.turn()) == [("shop", 3)]


def test_wave_that_comes_first_now_waits_for_what_is_in_flight_there() -> None:
    rollout = was_before()
    rollout.landing("shop", 2, landed=1, deployed=None)
    rollout.settings = settings(lab=LAB, shop={**SHOP, "after": []})
    decided = rollout.turn()
    assert decided.auto == ()
    (line,) = (one for one in decided.waiting if one.about.app_sha == app_sha(3))
    assert app_sha(2)[:12] in "; ".join(reasons(line))


def test_wave_that_comes_first_now_keeps_its_hold() -> None:
    rollout = was_before()
    rollout.settings = settings(shop=SHOP)
    rollout.held("shop", "_", "freeze")
    decided = rollout.turn()
    assert decided.auto == ()
    assert "freeze" in waits_for(decided)


def test_announcement_that_landed_comes_in_again_where_a_first_wave_lacks_it() -> None:
    rollout = was_before(rolled_back=True)
    request = rollout.announced(3)
    rollout.ledger.ended.append(RequestEnding(id=request, how="landed"))
    rollout.settings = settings(shop=SHOP)
    assert [one.operation.position for one in rollout.turn().auto] == [3]


@pytest.mark.parametrize("generation", [1, 2])
def test_announcement_of_a_later_generation_comes_in_again_at_a_lower_position(
    generation: int,
) -> None:
    rollout = Rollout(settings(shop=SHOP))
    rollout.landing("lab", 3, generation=generation)
    rollout.landing("shop", 9)
    announced = Announcement(
        set="app",
        repository="acme/app",
        sha=app_sha(3),
        position=3,
        images={},
        generation=generation,
    )
    rollout.ledger.ended.append(RequestEnding(id="it", how="landed"))
    how = how_ended(rollout.settings, rollout.ledger, "it", announced)
    assert how == (None if generation == 2 else "landed")


def test_set_that_a_person_dropped_is_not_introduced_from_elsewhere() -> None:
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, "after": []}))
    rollout.landing("lab", 2)
    rollout.landing("shop", 1)
    rollout.held("shop")
    request = rollout.announced(2)
    rollout.turn()
    rollout.asked(Drop(accepted_at=NOW, by="ada", request=request))
    rollout.turn()
    rollout.holds.clear()
    assert rollout.turn().auto == ()


def test_older_announcement_does_not_follow_one_that_changed_nothing() -> None:
    """The wave has had the position, although main got no commit for it."""
    rollout = Rollout()
    rollout.landing("shop", 2)
    rollout.files["lab", "app"] = replace(rollout.files_of(2), source=None)
    rollout.announced(2)
    assert rollout.turn().ledger.of("lab", "app").newest.position == 2
    older = rollout.announced(1)
    decided = rollout.turn()
    assert introduced(decided) == []
    assert decided.ledger.how_ended(older) == "superseded"


def test_wave_that_comes_after_none_gets_no_promotion_but_of_what_it_has_had() -> None:
    rollout = Rollout()
    rollout.landing("shop", 2, landed=90)
    rollout.landing("shop", 3)
    rollout.landing("lab", 1, landed=240, deployed=230)
    rollout.landing("lab", 4, landed=180, deployed=170)
    rollout.landing("lab", 1, landed=60, deployed=50, how="roll back")
    rollout.promotion("lab", 2)
    assert ("lab", 2) not in introduced(rollout.decide())
    rollout.promotion("lab", 4)
    assert ("lab", 4) in introduced(rollout.decide())


def test_announcement_that_is_rejected_in_one_wave_and_red_in_another_ends_once() -> None:
    rollout = Rollout(settings(east={"targets": ["e"]}, west={"targets": ["w"], "after": []}))
    request = rollout.announced(1)
    first = rollout.turn()
    assert introduced(first) == [("east", 1), ("west", 1)]
    rollout.green(rollout.main)
    rollout.red(first.auto[0].sha)

    def fails(operation: Operation, parent: str) -> Outcome | None:
        return OperationFailure("make: *** no rule")

    decided = rollout.turn(fails)
    assert decided.evicted == (first.auto[0].sha,)
    assert [one.how for one in decided.ledger.ended if one.id == request] == ["rejected"]
    assert request not in rollout.inbox
    assert introduced(rollout.turn()) == []


def test_set_that_still_soaks_is_not_said_to_wait_for_the_older_one_that_goes_on() -> None:
    rollout = Rollout(settings(lab=AT_ONCE, shop={**SHOP, "soak": "1h"}))
    rollout.landing("shop", 1, landed=300, deployed=290)
    rollout.landing("lab", 2, landed=130, deployed=120)
    rollout.landing("lab", 3, landed=30, deployed=20)
    decided = rollout.decide()
    assert introduced(decided) == [("shop", 2)]
    kinds = {
        type(one).__name__
        for line in decided.waiting
        if (line.about.wave, line.about.app_sha) == ("shop", app_sha(3))
        for one in line.obstacles
    }
    assert kinds == {"RunningSoak"}


@pytest.mark.parametrize(
    ("override", "reason"), [(None, "announced by acme/app"), ("it is urgent", "it is urgent")]
)
def test_introduction_says_who_announced_it_or_why_it_was_let_in(
    override: str | None, reason: str
) -> None:
    rollout = Rollout()
    rollout.announced(2, override=override)
    [commit] = rollout.decide().auto
    assert commit.operation.reason == reason


@pytest.mark.parametrize(
    ("on_auto", "is_asked", "behind"),
    [
        ([3], True, 3),
        ([3, 4], True, 4),
        ([2, 3], True, None),
        ([3], False, None),
        ([1], True, None),
    ],
    ids=["asked-for", "behind-two", "is-there-itself", "by-itself", "behind-an-older-one"],
)
def test_older_set_that_a_person_asks_for_says_which_newer_one_is_on_auto(
    on_auto: list[int], is_asked: bool, behind: int | None
) -> None:
    rollout = before_a_join(*on_auto)
    if is_asked:
        rollout.promotion("east", 2)
    assert ahead_in_east(rollout, 2) == ([] if behind is None else [app_sha(behind)])


def before_a_join(*on_auto: int) -> Rollout:
    """For the sake of a join east takes 2, which west has, before what is newer: 3 and 4."""
    side = {"after": ["lab"], "admit": "at once"}
    rollout = Rollout(
        settings(
            lab=LAB,
            east={**side, "targets": ["e"]},
            west={**side, "targets": ["w"]},
            prod={"targets": ["p"], "after": ["east", "west"]},
        )
    )
    for position in range(1, 5):
        rollout.landing("lab", position)
    rollout.landing("west", 2)
    for position in on_auto:
        rollout.on_auto("east", position)
    return rollout


def ahead_in_east(rollout: Rollout, position: int) -> list[str | None]:
    """The sets on auto that another one is said to wait for in east."""
    draft = Draft.of(rollout.snapshot())
    next_sets._promote(draft, rollout.settings.waves[1], "app")
    return [
        stop.app_sha
        for line in draft.waiting
        if line.about.app_sha == app_sha(position)
        for stop in line.obstacles
        if isinstance(stop, SetOnAuto)
    ]


@pytest.mark.parametrize("on_auto", [[], [2]], ids=["next", "on-auto"])
def test_newest_set_says_that_an_older_one_goes_before_it_for_the_sake_of_a_join(
    on_auto: list[int],
) -> None:
    assert ahead_in_east(before_a_join(*on_auto), 4) == [app_sha(2)]


def test_set_that_is_on_auto_does_not_wait_for_itself() -> None:
    rollout = two_waves()
    rollout.on_auto("shop", 2)
    draft = Draft.of(rollout.snapshot())
    next_sets._promote(draft, rollout.settings.waves[1], "app")
    assert not draft.waiting


def test_set_that_is_due_but_for_what_is_in_flight_says_so() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1, landed=1, deployed=None)
    rollout.landing("lab", 2)
    decided = rollout.decide()
    assert introduced(decided) == []
    (line,) = (one for one in decided.waiting if one.about.wave == "shop" and one.about.at == "for")
    assert (line.about.app_sha, len(line.obstacles)) == (app_sha(2), 1)
    assert app_sha(1)[:12] in "; ".join(reasons(line))


def test_override_takes_the_place_of_its_own_set_on_auto_and_of_no_other() -> None:
    rollout = Rollout(settings(sets=("app", "batch"), lab=LAB, shop=SHOP))
    for name in ("app", "batch"):
        for position in (1, 2, 3):
            rollout.landing("lab", position, name)
        rollout.landing("shop", 1, name)
        rollout.on_auto("shop", 2, name)
    rollout.promotion("shop", 3, override="now")
    draft = Draft.of(rollout.snapshot())
    next_sets._promote(draft, rollout.settings.waves[1], "app")
    found = [(one.operation.set, one.operation.position) for one in draft.chain]
    assert found == [("batch", 2), ("app", 3)]


def test_set_that_a_person_asks_for_may_be_in_any_wave() -> None:
    rollout = Rollout(settings(lab=LAB, shop=SHOP, moon={"targets": ["m"], "after": []}))
    for position in (2, 3):
        rollout.landing("moon", position)
    rollout.landing("lab", 1)
    shop = rollout.settings.waves[1]

    def found() -> list[tuple[int, str | None]]:
        draft = Draft.of(rollout.snapshot())
        return [(one.position, one.source) for one in next_sets._candidates(draft, shop, "app")]

    assert found() == [(1, "lab")]
    rollout.promotion("shop", 2)
    assert found() == [(2, "moon"), (1, "lab")]
    rollout.landing("lab", 2)
    assert found() == [(2, "lab"), (1, "lab")], "from a wave before rather than from another"


@pytest.mark.parametrize(
    ("west", "is_deployed"),
    [((2, 30), True), ((2, None), False), (None, True)],
    ids=["both", "not-yet", "it-has-had-none"],
)
def test_set_was_deployed_before_a_join_where_each_wave_that_has_it_says_so(
    west: tuple[int, float | None] | None, *, is_deployed: bool
) -> None:
    rollout = Rollout(settings(**JOIN))
    rollout.landing("east", 2)
    if west is not None:
        rollout.landing("west", west[0], deployed=west[1])
    draft = Draft.of(rollout.snapshot())
    shop = rollout.settings.waves[2]
    (two,) = (one for one in next_sets._candidates(draft, shop, "app") if one.position == 2)
    assert next_sets._was_deployed(draft, shop, two) is is_deployed


def test_set_that_several_waves_before_have_is_taken_from_the_first_of_them() -> None:
    rollout = Rollout(settings(**JOIN))
    rollout.landing("east", 2)
    for position in (2, 3):
        rollout.landing("west", position)
    shop = rollout.settings.waves[2]
    found = next_sets._candidates(Draft.of(rollout.snapshot()), shop, "app")
    assert [(one.position, one.source) for one in found] == [(3, "west"), (2, "east")]


@pytest.mark.parametrize("other", [{"app_sha": None}, {"is_hotfix": True}], ids=str)
def test_only_announced_sets_that_are_newer_than_all_before_go_on(other: dict[str, Any]) -> None:
    rollout = Rollout()
    for position in (1, 2, 3):
        rollout.landing("lab", position)
    rollout.landing("lab", 4, **other)
    rollout.landing("shop", 2)
    shop = rollout.settings.waves[1]
    found = next_sets._candidates(Draft.of(rollout.snapshot()), shop, "app")
    assert [one.position for one in found] == [3]


@pytest.mark.parametrize(
    ("by", "override", "reason"),
    [
        ("ada", None, "asked for by ada"),
        ("", None, "asked for by a person"),
        ("ada", "now", "now"),
        (None, None, "deployed in lab"),
    ],
)
def test_promotion_says_who_asked_for_it_or_where_it_was_deployed(
    by: str | None, override: str | None, reason: str
) -> None:
    rollout = two_waves()
    if by is not None:
        rollout.promotion("shop", 2, by=by, override=override)
    shop = rollout.settings.waves[1]
    (found,) = next_sets._candidates(Draft.of(rollout.snapshot()), shop, "app")
    assert found.reason == reason


def same_in_shop(**changes: Any) -> Rollout:
    """shop has the images of 2 as another set, and lab has 2."""
    rollout = two_waves()
    landing = rollout.landing("shop", 2, **changes)
    landing.app_sha, landing.position = sha("another"), 1
    rollout.ledger.of("shop", "app").highest = 1
    return rollout


def test_wave_that_has_the_images_of_a_set_already_waits_like_any_other() -> None:
    draft = Draft.of(same_in_shop(landed=1, deployed=None).snapshot())
    next_sets._promote(draft, draft.settings.waves[1], "app")
    assert draft.ledger.of("shop", "app").landings[-1].position == 1
    assert [one.about.app_sha for one in draft.waiting] == [app_sha(2)]


def test_override_of_what_a_wave_has_already_takes_nothing_off_auto() -> None:
    rollout = same_in_shop()
    rollout.on_auto("shop", 9)
    rollout.promotion("shop", 2, override="now")
    draft = Draft.of(rollout.snapshot())
    draft.chain[0].operation = replace(draft.chain[0].operation, position=1)
    next_sets._promote(draft, draft.settings.waves[1], "app")
    assert draft.ledger.of("shop", "app").landings[-1].position == 2
    assert len(draft.chain) == 1


def test_wave_that_comes_first_later_gets_the_newest_also_where_that_came_at_the_second_try() -> (
    None
):
    lab = {**LAB, "admit": "at once"}
    rollout = Rollout(settings(lab=lab, shop=SHOP))
    for wave in ("shop", "lab"):
        rollout.landing(wave, 1)
    request = rollout.announced(2)
    asked = rollout.inbox[request]
    red = rollout.turn().auto[0].sha
    rollout.green(rollout.main)
    rollout.red(red)
    assert rollout.turn().evicted == (red,)
    assert [one.how for one in rollout.ledger.endings["app"]] == ["evicted"]
    rollout.later(1)
    rollout.asked(replace(asked, retry=True, accepted_at=rollout.now, by="ada"))
    rollout.green(rollout.turn().auto[0].sha)
    assert rollout.turn().landed
    rollout.settings = settings(lab=lab, shop=SHOP, demo={"targets": [], "after": []})
    rollout.pushed("a wave more")
    assert ("demo", 2) in introduced(rollout.turn())
