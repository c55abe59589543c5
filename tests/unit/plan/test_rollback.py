"""Rollback: what is asked for, where it goes, and that it goes first on auto."""

from typing import Any

import msgspec
import pytest
from tests.unit.snapshots import (
    AT_ONCE,
    LAB,
    NOW,
    SHOP,
    Rollout,
    app_sha,
    introduced,
    never,
    settings,
    sha,
    stack,
    whats,
)

from tidemill.announcing.order import Order
from tidemill.facts.ledger import Eviction, Landing, OpenRollback
from tidemill.facts.requests import Drop, Rollback, SetRollback
from tidemill.facts.snapshot import OperationFailure
from tidemill.plan import rollback
from tidemill.plan.draft import Draft
from tidemill.plan.eviction import as_missed
from tidemill.plan.obstacles import PastEviction, PastRollback, RollbackUnderWay, Wait
from tidemill.plan.plan import Plan
from tidemill.plan.rollback import goes_back, healthy_before, is_older, went_back


def test_rollback_goes_first_directly_on_main() -> None:
    rollout = Rollout(settings(lab=AT_ONCE, shop=SHOP))
    rollout.landing("shop", 1)
    old = rollout.landing("lab", 1, landed=120)
    rollout.landing("lab", 2)
    waiting = rollout.on_auto("shop", 2)
    rollout.rollback("lab", old)
    decided = rollout.decide()
    first = decided.auto[0]
    assert (first.operation.kind, first.operation.position) == ("roll back", 1)
    assert first.parent == rollout.main
    assert first.operation.commit == old.commit
    assert waiting not in {commit.sha for commit in decided.auto}


def test_rollback_takes_the_place_of_what_waits_for_the_same_set() -> None:
    rollout, _ = stack(1)
    old = rollout.ledger.of("lab", "app").landings[0]
    rollout.landing("lab", 2)
    rollout.rollback("lab", old)
    decided = rollout.decide()
    assert introduced(decided) == [("lab", 1)]


def test_other_sets_are_done_again_on_a_rollback() -> None:
    rollout = Rollout(settings(sets=("app", "batch"), lab=AT_ONCE))
    old = rollout.landing("lab", 1, landed=120)
    rollout.landing("lab", 2)
    rollout.landing("lab", 1, "batch")
    rollout.on_auto("lab", 2, "batch")
    rollout.rollback("lab", old)
    decided = rollout.decide()
    assert [(one.operation.set, one.operation.kind) for one in decided.auto] == [
        ("app", "roll back"),
        ("batch", "introduce"),
    ]


def test_rollback_that_is_on_auto_stays_as_it_is() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    old = rollout.landing("lab", 1, landed=120)
    rollout.landing("lab", 2)
    rollout.rollback("lab", old)
    first = rollout.turn()
    rollout.later(10)
    again = rollout.decide(never)
    assert again.auto == first.auto
    assert not again.is_change


def test_same_rollback_asked_for_twice_does_not_rewrite_the_first() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    old = rollout.landing("lab", 1, landed=120)
    rollout.landing("lab", 2)
    rollout.rollback("lab", old, ago=5)
    first = rollout.turn()
    second = rollout.rollback("lab", old, ago=1)
    decided = rollout.turn()
    assert decided.auto == first.auto, "a commit under test is never rewritten"
    rollout.green(first.auto[0].sha)
    landed = rollout.turn()
    assert landed.ledger.how_ended(second)
    assert landed.auto == ()


@pytest.mark.parametrize(
    ("position", "how"), [(1, "landed"), (3, "superseded"), (None, "superseded")]
)
def test_rollback_ends_where_a_person_changes_what_is_there_meanwhile(
    position: int | None, how: str
) -> None:
    """It makes no commit; by hand its goal may have been reached."""
    rollout = Rollout()
    rollout.landing("shop", 1)
    old = rollout.landing("lab", 1, landed=120)
    rollout.landing("lab", 2)
    request = rollout.rollback("lab", old)
    rollout.turn()
    rollout.by_hand("lab", rollout.files_of(position) if position else None)
    decided = rollout.turn()
    assert introduced(decided) == []
    assert decided.ledger.how_ended(request) == how
    assert ("given up" in whats(decided)) is (how == "superseded")
    assert decided.holds["lab", "app"].id == f"hold-{request}"


def test_half_of_a_rollback_goes_on_where_a_person_replaces_the_other_half() -> None:
    rollout = two_sets()
    request = both_back(rollout)
    rollout.turn()
    rollout.by_hand("shop", rollout.files_of(9))
    decided = rollout.turn()
    assert [one.operation.set for one in decided.auto] == ["batch"]
    assert "given up" in whats(decided)
    assert decided.ledger.how_ended(request) is None


def test_promotion_that_overrides_the_hold_of_a_rollback_goes_on_top_of_it() -> None:
    rollout = Rollout()
    old = rollout.landing("shop", 1, landed=90)
    rollout.landing("shop", 2, landed=50)
    rollout.landing("lab", 3, landed=100)
    rollout.rollback("shop", old)
    rollout.promotion("shop", 3, override="3 has the fix")
    assert introduced(rollout.turn()) == [("shop", 1), ("shop", 3)]
    again = rollout.turn(never)
    assert not again.is_change
    assert again.entries == ()


@pytest.mark.parametrize("turns", [0, 1], ids=["at-once", "a-turn-between"])
@pytest.mark.parametrize(
    ("ago", "both"), [(9, True), (5, True), (4, False)], ids=["before", "at", "after"]
)
def test_promotion_that_overrode_what_was_known_before_a_rollback_ends_with_that(
    ago: float, turns: int, *, both: bool
) -> None:
    rollout = Rollout()
    first = rollout.landing("shop", 1, landed=120)
    rollout.landing("shop", 2)
    rollout.landing("lab", 3)
    asked = rollout.promotion("shop", 3, override="now")
    if turns:
        rollout.turn()
    request = rollout.rollback("shop", first, ago=ago)
    decided = rollout.turn()
    expected = [("shop", 1), ("shop", 3)] if both else [("shop", 1)]
    assert [one for one in introduced(decided) if one[0] == "shop"] == expected
    assert set(rollout.inbox) == ({asked, request} if both else {request})
    assert decided.ledger.how_ended(asked) == (None if both else "superseded")


@pytest.mark.parametrize(("ago", "is_over"), [(5, True), (4, False), (3, False)])
def test_promotion_that_comes_in_late_is_as_old_as_it_says(ago: float, *, is_over: bool) -> None:
    rollout = Rollout()
    first = rollout.landing("shop", 1, landed=120)
    rollout.landing("shop", 2)
    rollout.landing("lab", 3)
    rollout.rollback("shop", first, ago=4)
    rollout.turn()
    late = rollout.promotion("shop", 3, override="now", accepted_at=rollout.ago(ago))
    assert (rollout.turn().ledger.how_ended(late) == "superseded") is is_over


def test_promotion_that_overrides_nothing_outlasts_a_rollback() -> None:
    rollout = Rollout()
    first = rollout.landing("shop", 1, landed=120)
    rollout.landing("shop", 2)
    rollout.landing("lab", 3)
    asked = rollout.promotion("shop", 3)
    rollout.rollback("shop", first, ago=1)
    assert rollout.turn().ledger.how_ended(asked) is None, "the hold keeps it out"


def test_rollback_to_what_the_wave_never_had_is_rejected() -> None:
    rollout = Rollout()
    old = rollout.landing("lab", 1)
    rollout.landing("lab", 2)
    made_up = msgspec.structs.replace(old, commit=sha("a fork's commit"))
    request = rollout.rollback("lab", made_up)
    decided = rollout.decide()
    assert decided.rejected == {request: "lab has had no such set, as far as the turns know"}
    assert decided.holds == {}


def test_rollback_that_is_rejected_ends_no_promotion_that_was_asked_for_before() -> None:
    rollout = Rollout()
    old = rollout.landing("shop", 1)
    rollout.landing("lab", 3)
    asked = rollout.promotion("shop", 3, override="now", accepted_at=rollout.ago(9))
    made_up = msgspec.structs.replace(old, commit=sha("a fork's commit"))
    request = rollout.rollback("shop", made_up)
    decided = rollout.decide()
    assert set(decided.rejected) == {request}
    assert decided.ledger.how_ended(asked) is None


@pytest.mark.parametrize("which", ["wave", "set"])
def test_rollback_whose_place_leaves_the_settings_ends_and_blocks_nobody(which: str) -> None:
    both = settings(sets=("app", "web"), lab=LAB, shop=SHOP, moon={"targets": [], "after": []})
    rollout = Rollout(both)
    old = rollout.landing("moon", 1, "web")
    rollout.landing("moon", 2, "web")
    request = rollout.rollback("moon", old, "web")
    rollout.turn()
    rollout.settings = (
        settings(sets=("app", "web"), lab=LAB, shop=SHOP)
        if which == "wave"
        else settings(lab=LAB, shop=SHOP, moon={"targets": [], "after": []})
    )
    rollout.announced(1)
    decided = rollout.turn()
    assert set(decided.rejected) == {request}
    assert "given up" in whats(decided)
    assert ("lab", 1) in introduced(decided)
    assert not rollout.turn().is_change


def landing(position: int, **changes: Any) -> Landing:
    fields = {
        "app_sha": app_sha(position),
        "position": position,
        "content": str(position),
        "digests": str(position),
        "commit": str(position),
        "landed_at": NOW,
        "how": "introduce",
        "deployed_once": True,
    }
    return Landing(**{**fields, **changes})


@pytest.mark.parametrize(
    ("landings", "goal"),
    [
        ([], None),
        ([landing(1)], 1),
        ([landing(1), landing(2)], 2),
        ([landing(2), landing(1)], 2),
        ([landing(1), landing(2), landing(5)], 2),
        ([landing(5), landing(6)], None),
        ([landing(1), landing(2, deployed_once=False)], 1),
        ([landing(1), landing(2, buried=True)], 1),
        ([landing(1), landing(2, rolled_back=True)], 1),
        ([landing(1), landing(2, failed={"lab-1": NOW})], 1),
        ([landing(2, deployed_once=False)], None),
        ([landing(0, app_sha=None), landing(2, buried=True)], 0),
    ],
    ids=[
        "nothing",
        "one",
        "newest",
        "by-position",
        "only-older",
        "none-older",
        "never-deployed",
        "buried",
        "rolled-back",
        "failed",
        "none-was-healthy",
        "unknown-set",
    ],
)
def test_goal_of_a_rollback_is_the_newest_older_set_that_was_healthy(
    landings: list[Landing], goal: int | None
) -> None:
    found = healthy_before([*landings, landing(5)])
    assert (found.position if found else None) == goal


def test_set_that_was_healthy_before_it_was_rolled_back_to_can_be_the_goal_again() -> None:
    """1 and 2 were healthy; rolled back to 1, then 3 came and failed: back to 1."""
    landings = [
        landing(1),
        landing(2, rolled_back=True),
        landing(1),
        landing(3, deployed_once=False),
    ]
    found = healthy_before(landings)
    assert found is not None
    assert found.position == 1


def two_sets() -> Rollout:
    """shop has two sets, of each the third one."""
    rollout = Rollout(settings(sets=("app", "batch"), shop=SHOP))
    for set_name in ("app", "batch"):
        rollout.landing("shop", 1, set_name, landed=300, deployed=290)
        rollout.landing("shop", 2, set_name, landed=200, deployed=190)
        rollout.landing("shop", 3, set_name, landed=60, deployed=30)
    return rollout


def both_back(rollout: Rollout) -> str:
    """A person asks for both sets to go back at once."""
    parts = [
        SetRollback(set=name, leaves=newer.point(), to=older.point())
        for name in ("app", "batch")
        for older, newer in [rollout.ledger.of("shop", name).landings[1:]]
    ]
    return rollout.asked(
        Rollback(
            accepted_at=rollout.ago(5),
            by="ada",
            wave="shop",
            set="app",
            leaves=parts[0].leaves,
            to=parts[0].to,
            reason="slow",
            others=tuple(parts[1:]),
        )
    )


def test_several_sets_go_back_by_one_request_and_land_together() -> None:
    rollout = two_sets()
    request = both_back(rollout)
    decided = rollout.turn()
    backs = [(one.operation.kind, one.operation.set) for one in decided.auto]
    assert sorted(backs) == [("roll back", "app"), ("roll back", "batch")]
    assert set(decided.holds) == {("shop", "app"), ("shop", "batch")}
    assert request in rollout.inbox
    rollout.green(decided.auto[-1].sha)
    decided = rollout.turn()
    assert decided.landed == rollout.main
    assert decided.ended == (request,)
    assert {one.how for one in decided.ledger.ended if one.id == request} == {"landed"}


def test_one_of_several_sets_that_is_evicted_leaves_the_other_its_request() -> None:
    rollout = two_sets()
    request = both_back(rollout)
    first, second = rollout.turn().auto
    rollout.green(rollout.main, first.sha)
    rollout.red(second.sha)
    decided = rollout.turn()
    assert decided.landed == first.sha
    assert rollout.ledger.how_ended(request) == "evicted"
    as_a_whole = [one.what for one in decided.entries if one.id == request and not one.wave]
    assert as_a_whole == ["evicted"]
    assert rollout.ledger.rollbacks == []
    assert rollout.inbox == {}


def evicted(decided: Plan) -> list[Wait]:
    """What status names because it was evicted."""
    return [
        line
        for line in decided.waiting
        if any(isinstance(stop, PastEviction) for stop in line.obstacles)
    ]


def test_all_sets_of_a_rollback_that_were_evicted_are_dropped_at_once() -> None:
    rollout = two_sets()
    rollout.settings = msgspec.structs.replace(
        rollout.settings, checks=msgspec.structs.replace(rollout.settings.checks, retries=0)
    )
    request = both_back(rollout)
    rollout.green(rollout.main)
    for _ in range(2):
        rollout.red(rollout.turn().auto[0].sha)
    assert [line.about.set for line in evicted(rollout.turn())] == ["batch", "app"]
    rollout.asked(Drop(accepted_at=rollout.ago(0), by="ada", request=request))
    decided = rollout.turn()
    assert whats(decided) == ["dismissed", "dismissed"]
    assert evicted(decided) == []


def test_drop_takes_what_is_under_way_before_it_dismisses_what_was_evicted() -> None:
    rollout = two_sets()
    rollout.settings = msgspec.structs.replace(
        rollout.settings, checks=msgspec.structs.replace(rollout.settings.checks, retries=0)
    )
    request = both_back(rollout)
    rollout.green(rollout.main)
    rollout.red(rollout.turn().auto[0].sha)
    decided = rollout.turn()
    assert len(decided.auto) == len(evicted(decided)) == 1
    (stop,) = evicted(decided)[0].obstacles
    assert "drop" not in (stop.command() or ())
    rollout.asked(Drop(accepted_at=rollout.ago(0), by="ada", request=request))
    decided = rollout.turn()
    assert whats(decided) == ["dropped", "taken off auto"]
    assert (decided.auto, len(evicted(decided))) == ((), 1)
    rollout.asked(Drop(accepted_at=rollout.ago(-1), by="ada", request=request))
    decided = rollout.turn()
    assert whats(decided) == ["dismissed"]
    assert evicted(decided) == []


def test_drop_is_not_named_either_where_it_is_not_known_who_asked_for_what_is_under_way() -> None:
    rollout = two_sets()
    request = both_back(rollout)
    draft = Draft.of(rollout.snapshot())
    operation = rollout.decide().auto[0].operation
    gone = Eviction(commit="a" * 40, at=rollout.now, reason="red", operation=operation)
    assert operation.request == request
    draft.keep_out(request)
    assert as_missed(draft, gone, operation).request == ""
    draft.kept_out.clear()
    assert as_missed(draft, gone, operation).request == request


def test_another_rollback_of_one_of_several_sets_does_not_end_the_request_of_the_other() -> None:
    rollout = two_sets()
    request = both_back(rollout)
    rollout.turn()
    rollout.rollback("shop", rollout.ledger.of("shop", "batch").landings[0], "batch")
    rollout.turn()
    assert request in rollout.inbox
    wanted = {(one.set, one.to.position) for one in rollout.ledger.rollbacks}
    assert wanted == {("app", 2), ("batch", 1)}


def test_several_sets_of_which_one_has_its_goal_are_held_and_the_other_goes_back() -> None:
    rollout = two_sets()
    both_back(rollout)
    rollout.landing("shop", 2, "batch", landed=5)
    decided = rollout.turn()
    assert [one.operation.set for one in decided.auto] == ["app"]
    assert set(decided.holds) == {("shop", "app"), ("shop", "batch")}


def test_one_of_several_sets_that_can_not_be_made_is_named_where_the_other_has_its_goal() -> None:
    rollout = two_sets()
    request = both_back(rollout)
    rollout.landing("shop", 2, "batch", landed=5)
    failed = OperationFailure("it has no image files")
    decided = rollout.turn(lambda operation, _: failed if operation.kind == "roll back" else None)
    assert decided.ledger.how_ended(request) == "evicted"
    as_a_whole = [one.reason for one in decided.entries if one.id == request and not one.wave]
    assert as_a_whole == ["app was evicted"]


def test_several_sets_of_which_none_can_be_made_are_all_named() -> None:
    rollout = two_sets()
    request = both_back(rollout)
    failed = OperationFailure("it has no image files")
    decided = rollout.turn(lambda operation, _: failed if operation.kind == "roll back" else None)
    as_a_whole = [one.reason for one in decided.entries if one.id == request and not one.wave]
    assert as_a_whole == ["app and batch were evicted"]


def test_rollback_that_another_one_overtakes_ends_and_leaves_the_inbox() -> None:
    rollout = Rollout()
    rollout.landing("shop", 3)
    oldest = rollout.landing("lab", 1, landed=180, deployed=170)
    older = rollout.landing("lab", 2, landed=120, deployed=110)
    rollout.landing("lab", 3)
    first = rollout.rollback("lab", older, ago=5)
    assert introduced(rollout.turn()) == [("lab", 2)]
    second = rollout.rollback("lab", oldest, ago=3)
    decided = rollout.turn()
    assert introduced(decided) == [("lab", 1)]
    assert decided.ledger.how_ended(first) == "superseded"
    assert "landed" not in [one.what for one in decided.entries if one.id == first]
    assert set(rollout.inbox) == {second}


def test_rollback_to_what_the_wave_has_has_landed_and_one_under_way_is_superseded() -> None:
    rollout = Rollout(settings(lab=AT_ONCE, shop=SHOP))
    old = rollout.landing("lab", 1, landed=120)
    there = rollout.landing("lab", 2)
    here = rollout.rollback("lab", there)
    assert rollout.turn().ledger.how_ended(here) == "landed"
    first = rollout.rollback("lab", old, ago=4)
    rollout.turn()
    again = rollout.rollback("lab", old, ago=3)
    ledger = rollout.turn().ledger
    assert (ledger.how_ended(first), ledger.how_ended(again)) == (None, "superseded")


@pytest.mark.parametrize("commit", ["a" * 40, None])
def test_set_that_was_rolled_back_is_named_by_its_commit(commit: str | None) -> None:
    rollout = Rollout()
    landing = rollout.landing("lab", 1, rolled_back=True, app_sha=commit)
    expected = PastRollback(wave="lab", set="app", app_sha=commit or "")
    assert went_back("lab", "app", landing) == expected
    landing.rolled_back = False
    assert went_back("lab", "app", landing) is None


@pytest.mark.parametrize(
    ("one", "present", "same", "expected"),
    [
        (False, False, False, False),
        (True, False, False, True),
        (False, True, False, True),
        (True, True, False, True),
        (True, False, True, False),
    ],
    ids=["none", "to a hotfix", "from a hotfix", "between two", "the same images"],
)
def test_of_sets_at_one_place_hotfixes_are_what_one_goes_back_between(
    *, one: bool, present: bool, same: bool, expected: bool
) -> None:
    rollout = Rollout()
    first = rollout.landing("lab", 2, content="a", is_hotfix=one)
    second = rollout.landing("lab", 2, content="a" if same else "b", is_hotfix=present)
    assert is_older(first, second) is expected
    assert is_older(rollout.landing("lab", 1), second)
    assert not is_older(second, rollout.landing("lab", 1))


def going_back(rollout: Rollout) -> OpenRollback:
    """lab goes back from 3 to 1."""
    older, newer = (rollout.landing("lab", position) for position in (1, 3))
    back = OpenRollback(
        wave="lab", set="app", leaves=newer.point(), to=older.point(), reason="bad",
        at=rollout.ago(5), request="rollback-1",
    )  # fmt: skip
    rollout.ledger.rollbacks = [back]
    return back


@pytest.mark.parametrize(
    ("set_name", "position", "wave", "is_back"),
    [
        ("app", 1, None, False),
        ("app", 2, None, True),
        ("app", 3, "lab", True),
        ("app", 3, "shop", False),
        ("batch", 3, None, False),
        ("batch", 3, "lab", False),
    ],
)
def test_wave_goes_back_from_all_that_is_newer_than_its_goal(
    set_name: str, position: int, wave: str | None, *, is_back: bool
) -> None:
    rollout = Rollout()
    going_back(rollout)
    draft = Draft.of(rollout.snapshot())
    found = goes_back(draft, set_name, Order(position=position), wave)
    assert found == (RollbackUnderWay(wave="lab") if is_back else None)


@pytest.mark.parametrize(
    ("wave", "ago", "is_overtaken"),
    [("lab", 5, True), ("lab", 4, True), ("lab", 6, False), ("lab", 2, False), ("shop", 4, False)],
)
def test_rollback_is_overtaken_by_a_hotfix_in_its_place_that_came_before_the_next(
    wave: str, ago: float, *, is_overtaken: bool
) -> None:
    rollout = Rollout()
    back = going_back(rollout)
    rollout.hotfix("shop", 9, ago=99)
    rollout.hotfix(wave, 7, ago=ago)
    draft = Draft.of(rollout.snapshot())
    assert rollback._is_overtaken(draft, back, rollout.ago(2)) is is_overtaken


@pytest.mark.parametrize("request_id", ["rollback-1", None])
def test_hold_of_a_rollback_is_called_by_its_request_or_by_what_it_leaves(
    request_id: str | None,
) -> None:
    rollout = Rollout()
    back = msgspec.structs.replace(going_back(rollout), request=request_id)
    draft = Draft.of(rollout.snapshot())
    rollback.begin_rollback(draft, back, by="ada")
    cause = request_id or f"lab-app-{back.leaves.commit[:12]}"
    assert draft.holds["lab", "app"].id == f"hold-{cause}"


def test_set_whose_rollback_was_evicted_goes_on_once_a_person_asks_for_it_there() -> None:
    """As status says: `promote-wave` of the wave that has it."""
    rollout = Rollout(settings(lab=LAB, shop=SHOP))
    rollout.landing("shop", 1, landed=200, deployed=190)
    older = rollout.landing("lab", 1, landed=240, deployed=230)
    rollout.landing("lab", 2, landed=60, deployed=30)
    for target in LAB["targets"]:
        rollout.reported("lab", target, ago=30)
    rollout.rollback("lab", older)
    back = rollout.turn().auto[0].sha
    rollout.green(rollout.main)
    rollout.red(back)
    assert rollout.turn().evicted == (back,)
    rollout.holds.clear()
    assert introduced(rollout.turn()) == []
    rollout.promotion("lab", 2)
    [said] = [one for one in rollout.turn().entries if one.what == "promoted already"]
    assert "its rollback was evicted, and it goes on" in said.reason
    assert introduced(rollout.turn()) == [("shop", 2)]
    rollout.promotion("lab", 2)
    [said] = [one for one in rollout.turn().entries if one.what == "promoted already"]
    assert said.reason == ""
