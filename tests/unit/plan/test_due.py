"""Is an operation due? What waves before say of a set, overrides, and what a person asks for."""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.snapshots import (
    LAB,
    NOW,
    SHOP,
    Rollout,
    app_sha,
    images,
    introduced,
    settings,
    sha,
    two_waves,
    waits_for,
)

from tidemill.announcing.order import order_of
from tidemill.facts.ledger import Eviction
from tidemill.facts.naming import Naming
from tidemill.facts.operation import Operation
from tidemill.facts.staleness import Finding, StaleFiles
from tidemill.plan.draft import Draft
from tidemill.plan.due import not_ready, obstacle, obstacles, spoilt
from tidemill.plan.next_sets import late_introduction
from tidemill.plan.obstacles import FailureThere, NewerSet, SetNotThere


def test_set_that_is_deployed_in_the_wave_before_is_promoted() -> None:
    assert introduced(two_waves().decide()) == [("shop", 2)]


def not_deployed(rollout: Rollout) -> None:
    landing = rollout.ledger.of("lab", "app").landings[-1]
    landing.taken, landing.deployed_at, landing.deployed_once, landing.healthy_since = (
        {},
        None,
        False,
        None,
    )


def failed(rollout: Rollout) -> None:
    not_deployed(rollout)
    rollout.ledger.of("lab", "app").landings[-1].failed = {"lab-2": rollout.ago(3)}


def buried(rollout: Rollout) -> None:
    rollout.ledger.of("lab", "app").landings[-1].buried = True


def rolled_back(rollout: Rollout) -> None:
    rollout.ledger.of("lab", "app").landings[-1].rolled_back = True


def held(rollout: Rollout) -> None:
    rollout.held("shop")


def nothing_more(_: Rollout) -> None:
    pass


@pytest.mark.parametrize(
    ("change", "reason"),
    [(not_deployed, "a healthy report from lab-1, lab-2"), (failed, "failed")],
)
def test_promotion_that_is_not_due_says_why(change: Any, reason: str) -> None:
    rollout = two_waves()
    change(rollout)
    decided = rollout.decide()
    assert ("shop", 2) not in introduced(decided)
    assert reason in waits_for(decided)


@pytest.mark.parametrize("change", [rolled_back, buried])
def test_set_that_can_never_be_promoted_by_itself_is_not(change: Any) -> None:
    rollout = two_waves()
    change(rollout)
    assert introduced(rollout.decide()) == []


@pytest.mark.parametrize("change", [held, failed, not_deployed, rolled_back, buried, nothing_more])
def test_override_passes_over_everything_and_is_journalled(change: Any) -> None:
    rollout = two_waves(soak="9h", windows=["Tue 13:00-14:00 UTC"], approval=True)
    change(rollout)
    rollout.promotion("shop", 2, override="the fix must go out")
    decided = rollout.decide()
    assert introduced(decided) == [("shop", 2)]
    assert ("overridden", "the fix must go out") in [
        (entry.what, entry.reason) for entry in decided.entries
    ]


def test_override_passes_over_admission() -> None:
    rollout = two_waves()
    rollout.ledger.of("shop", "app").landings.clear()
    rollout.landing("shop", 1, landed=1, deployed=None)
    assert introduced(rollout.decide()) == []
    rollout.promotion("shop", 2, override="now")
    assert introduced(rollout.decide()) == [("shop", 2)]


@pytest.mark.parametrize("override", [None, "now"])
def test_older_set_than_the_present_one_is_never_promoted(override: str | None) -> None:
    rollout = two_waves()
    rollout.landing("shop", 2)
    request = rollout.promotion("shop", 1, override=override)
    decided = rollout.decide()
    assert introduced(decided) == []
    assert request in decided.ended
    assert decided.ledger.how_ended(request) == "superseded"


def test_by_hand_a_set_goes_where_it_has_been_before() -> None:
    """After a rollback and its release the wave takes only newer ones by itself."""
    rollout = two_waves()
    rollout.landing("shop", 2, landed=100, rolled_back=True)
    rollout.landing("shop", 1, landed=90, how="roll back")
    assert introduced(rollout.decide()) == []
    rollout.promotion("shop", 2)
    assert introduced(rollout.decide()) == [("shop", 2)]


def test_by_hand_another_commit_of_the_same_position_is_promoted() -> None:
    """The branch was rewritten, and lab took the other commit by an override."""
    rollout = two_waves()
    rollout.landing("shop", 2)
    other = rollout.landing("lab", 2, content="rewritten")
    other.app_sha = sha("rewritten")
    assert introduced(rollout.decide()) == [], "not newer: not by itself"
    rollout.promotion("shop", 2, app_sha=other.app_sha)
    assert introduced(rollout.decide()) == [("shop", 2)]


def test_promotion_by_hand_waits_for_its_source_too() -> None:
    rollout = two_waves()
    not_deployed(rollout)
    rollout.promotion("shop", 2)
    decided = rollout.decide()
    assert introduced(decided) == []
    assert "a healthy report from lab-1, lab-2 in lab" in waits_for(decided)


def test_set_that_the_source_has_never_had_waits() -> None:
    rollout = two_waves()
    rollout.promotion("shop", 7)
    assert introduced(rollout.decide()) == [("shop", 2)]


@pytest.mark.parametrize(
    ("east", "west", "expected"),
    [(30, 30, [("shop", 2)]), (30, None, []), (None, 30, []), (30, 5, [])],
    ids=["both", "one-is-not-deployed", "the-other-is-not", "one-still-soaks"],
)
def test_wave_after_several_takes_what_was_deployed_in_each(
    east: int | None, west: int | None, expected: list[tuple[str, int]]
) -> None:
    rollout = Rollout(
        settings(
            east={"targets": ["e"]},
            west={"targets": ["w"], "after": []},
            shop={**SHOP, "after": ["east", "west"], "soak": "10m"},
        )
    )
    rollout.landing("shop", 1)
    rollout.landing("east", 2, deployed=east)
    rollout.landing("west", 2, deployed=west)
    assert introduced(rollout.decide()) == expected


def test_image_that_a_person_put_under_a_known_source_is_not_promoted_as_that_set() -> None:
    rollout = two_waves(soak="40m")
    rollout.by_hand("lab", images(2, content="never deployed"))
    for target in LAB["targets"]:
        rollout.reports("lab", target)
    rollout.turn()
    rollout.later(60)
    assert introduced(rollout.turn()) == []


def test_set_that_came_back_to_its_source_may_go_on_for_its_earlier_stay_there() -> None:
    rollout = two_waves()
    rollout.landing("lab", 2, landed=5, deployed=None)
    assert ("shop", 2) in introduced(rollout.decide())


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ({"failed": {"lab-1": NOW}}, ["FailureThere"]),
        ({"refuted": {"smoke": NOW}}, ["FailedVerification"]),
        ({"buried": True}, ["ReplacedFailure"]),
        ({"rolled_back": True}, ["PastRollback"]),
        ({"deployed_at": None}, []),
    ],
    ids=str,
)
def test_set_whose_last_stay_in_its_source_is_bad_does_not_go_on_for_an_earlier_one(
    last: dict[str, Any], expected: list[str]
) -> None:
    rollout = two_waves()
    rollout.landing("lab", 2, landed=5)
    for key, value in last.items():
        setattr(rollout.ledger.of("lab", "app").landings[-1], key, value)
    assert stops(rollout, into_shop(rollout)) == expected


def test_introduction_that_was_evicted_from_its_wave_is_not_due_there_any_more() -> None:
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, "after": []}))
    for wave in ("lab", "shop"):
        rollout.landing(wave, 1)
        rollout.on_auto(wave, 2)
    gone = rollout.auto[0].operation
    rollout.ledger.evictions = [
        Eviction(commit="e" * 40, at=rollout.ago(5), reason="red", operation=gone)
    ]
    assert introduced(rollout.decide()) == [("shop", 2)]


@pytest.mark.parametrize(("had", "is_due"), [(1, True), (2, False), (3, False)])
def test_late_introduction_is_due_while_the_wave_has_had_nothing_as_new(
    had: int, *, is_due: bool
) -> None:
    rollout = Rollout()
    rollout.landing("shop", 2)
    rollout.landing("lab", had)
    landing = rollout.ledger.of("shop", "app").landings[-1]
    operation = late_introduction("lab", "app", "shop", landing)
    found = obstacle(Draft.of(rollout.snapshot()), operation)
    assert found == (None if is_due else NewerSet(wave="lab"))


@pytest.mark.parametrize(
    ("bad", "asked", "is_spoilt"),
    [
        ((), 2, False),
        ((("lab", 1),), 2, False),
        ((("lab", 2),), 2, True),
        ((("shop", 2),), 2, True),
        ((("shop", 1),), 2, False),
        ((("lab", 1), ("shop", 1)), 1, True),
    ],
    ids=["none", "another set", "this one", "elsewhere alone", "another elsewhere", "an old one"],
)
def test_set_is_spoilt_where_it_is_bad_in_any_wave_itself(
    bad: tuple[tuple[str, int], ...], asked: int, *, is_spoilt: bool
) -> None:
    rollout = two_waves()
    rollout.landing("shop", 2, landed=20, deployed=10)
    found = [one for wave in ("lab", "shop") for one in rollout.ledger.of(wave, "app").landings]
    for wave, position in bad:
        for one in rollout.ledger.of(wave, "app").landings:
            if one.position == position:
                one.failed = {"lab-1": rollout.now}
    wanted = next(one for one in found if one.position == asked)
    said = spoilt(Draft.of(rollout.snapshot()), "app", order_of(wanted), wanted.app_sha)
    assert isinstance(said, FailureThere) is is_spoilt
    assert (said is not None) is is_spoilt


def into_shop(rollout: Rollout, position: int = 2, **given: Any) -> Operation:
    """The promotion of a set of lab's, by itself or as a request asks for it."""
    landing = next(
        one for one in rollout.ledger.of("lab", "app").landings if one.position == position
    )
    return Operation.copying("promote", "shop", "app", "lab", landing.point(), **given)


def stops(rollout: Rollout, operation: Operation) -> list[str]:
    """What keeps an operation from being due, in order."""
    return [type(one).__name__ for one in obstacles(Draft.of(rollout.snapshot()), operation)]


def test_set_or_wave_that_is_gone_has_no_place() -> None:
    rollout = two_waves()
    operation = into_shop(rollout)
    assert stops(rollout, operation) == []
    assert stops(rollout, replace(operation, set="old")) == ["NoSuchPlace"]
    assert stops(rollout, replace(operation, wave="old")) == ["NoSuchPlace"]


def test_what_never_goes_is_said_also_where_a_person_has_overridden_all_else() -> None:
    rollout = two_waves()
    rollout.landing("shop", 2)
    request = rollout.promotion("shop", 1, override="now")
    assert stops(rollout, into_shop(rollout, 1, request=request)) == ["NewerSet"]
    assert stops(rollout, into_shop(rollout, 2, request="gone")) == ["EndedRequest"]


def test_what_was_let_go_by_itself_does_not_come_again_by_itself() -> None:
    rollout = two_waves()
    rollout.landing("shop", 2, landed=50)
    rollout.landing("shop", 1, landed=40, how="roll back")
    assert stops(rollout, into_shop(rollout)) == ["NewerSet"]
    assert stops(rollout, into_shop(rollout, request=rollout.promotion("shop", 2))) == []


def test_what_ends_a_promotion_stands_alone() -> None:
    rollout = Rollout(
        settings(
            east={"targets": ["e"]},
            west={"targets": ["w"], "after": []},
            shop={**SHOP, "after": ["west", "east"]},
        )
    )
    rollout.landing("east", 2, rolled_back=True)
    rollout.landing("west", 2, deployed=None)
    landing = rollout.ledger.of("east", "app").landings[-1]
    operation = Operation.copying("promote", "shop", "app", "east", landing.point())
    assert stops(rollout, operation) == ["PastRollback"]


def test_what_keeps_a_promotion_is_named_in_order() -> None:
    rollout = stale_main(two_waves(approval=True), "shop")
    rollout.held("shop")
    assert stops(rollout, into_shop(rollout)) == ["HoldInForce", "StaleMain", "MissingApproval"]


def stale_main(rollout: Rollout, wave: str) -> Rollout:
    """`generate` would change a file of a wave on main."""
    entrypoints = replace(rollout.settings.entrypoints, generate="make")
    rollout.settings = replace(rollout.settings, entrypoints=entrypoints)
    path = f"generated/{wave}/north/x"
    stale = StaleFiles(owners=(wave,), files=(path,), count=1, made="new", until=rollout.main)
    rollout.ledger.finding = Finding(
        main=rollout.main, seen=rollout.main, stale=(stale,), is_confirmed=True
    )
    return rollout


def test_what_keeps_an_introduction_is_named_in_order() -> None:
    rollout = stale_main(Rollout(), "lab")
    rollout.landing("lab", 1)
    rollout.on_auto("lab", 2)
    rollout.held("lab")
    assert stops(rollout, rollout.auto[-1].operation) == ["HoldInForce", "StaleMain"]


def test_set_that_its_source_has_not_is_not_ready() -> None:
    rollout = two_waves()
    shop = rollout.settings.waves[1]
    order = order_of(rollout.landing("shop", 9))
    found = list(not_ready(Draft.of(rollout.snapshot()), shop, "app", order, app_sha(9)))
    assert found == [SetNotThere(wave="lab")]


@pytest.mark.parametrize(
    ("landing", "expected"),
    [
        ({}, []),
        ({"rolled_back": True}, ["PastRollback"]),
        ({"failed": {"lab-1": NOW}}, ["FailureThere"]),
        ({"failed": {"lab-1": NOW}, "deployed_at": None}, ["FailureThere"]),
        ({"deployed_at": None}, ["MissingDeployment"]),
        ({"buried": True}, ["ReplacedFailure"]),
        ({"naming": Naming(absent=("web",), nothing=True)}, ["SetNotInFiles"]),
    ],
    ids=str,
)
def test_what_speaks_against_a_set_in_its_source_is_said_first(
    landing: dict[str, Any], expected: list[str]
) -> None:
    rollout = two_waves()
    for key, value in landing.items():
        setattr(rollout.ledger.of("lab", "app").landings[-1], key, value)
    assert stops(rollout, into_shop(rollout)) == expected


@pytest.mark.parametrize(
    ("had", "override", "expected"),
    [
        ((2, 1), None, []),
        ((1, 2, 1), None, []),
        ((1,), None, ["OtherSource"]),
        ((1,), "now", []),
        ((2, 1), "now", []),
    ],
    ids=["had it", "had it between", "never had it", "never, overridden", "had it, overridden"],
)
def test_wave_that_comes_after_none_takes_by_hand_what_it_has_had(
    had: tuple[int, ...], override: str | None, expected: list[str]
) -> None:
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, "after": []}))
    rollout.landing("lab", 2, deployed=30)
    for place, position in enumerate(had):
        rollout.landing("shop", position, landed=90 - place, deployed=80 - place, how="by hand")
    request = rollout.promotion("shop", 2, override=override)
    assert stops(rollout, into_shop(rollout, request=request)) == expected


def introduction(rollout: Rollout, *, is_late: bool) -> Operation:
    """Position 3 goes into lab: it was announced, or shop has had it, and lab comes first now."""
    landing = rollout.landing("shop", 3)
    late = late_introduction("lab", "app", "shop", landing)
    return late if is_late else replace(late, request=rollout.announced(3))


def of_lab(rollout: Rollout, operation: Operation) -> None:
    rollout.settings = settings(shop=SHOP, lab=LAB)


def had_newer(rollout: Rollout, operation: Operation) -> None:
    rollout.landing("lab", 4)


def gone(rollout: Rollout, operation: Operation) -> None:
    rollout.inbox.clear()


def red(rollout: Rollout, operation: Operation) -> None:
    rollout.ledger.evictions.append(
        Eviction(commit=sha("red"), at=NOW, reason="red", operation=operation)
    )


def bad_in_shop(rollout: Rollout, operation: Operation) -> None:
    rollout.ledger.of("shop", "app").landings[-1].rolled_back = True


def lab_is_held(rollout: Rollout, operation: Operation) -> None:
    rollout.held("lab")


@pytest.mark.parametrize(
    ("change", "announced", "late"),
    [
        (lambda *_: None, [], []),
        (gone, ["EndedRequest"], []),
        (of_lab, ["OtherSource"], ["OtherSource"]),
        (red, ["PastEviction"], ["PastEviction"]),
        (had_newer, ["NewerSet"], ["NewerSet"]),
        (bad_in_shop, [], ["PastRollback"]),
        (lab_is_held, ["HoldInForce"], ["HoldInForce"]),
    ],
    ids=["nothing", "gone", "another-source", "red", "newer", "bad-elsewhere", "held"],
)
def test_what_keeps_an_introduction_is_told(
    change: Any, announced: list[str], late: list[str]
) -> None:
    for is_late, expected in ((False, announced), (True, late)):
        rollout = Rollout()
        rollout.landing("lab", 1)
        operation = introduction(rollout, is_late=is_late)
        change(rollout, operation)
        assert stops(rollout, operation) == expected
