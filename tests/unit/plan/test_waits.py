"""What waits for what, and since when: every wait has its reason."""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.snapshots import (
    LAB,
    SHOP,
    Rollout,
    app_sha,
    for_,
    settings,
    sha,
    stack,
    waits_for,
    what,
)

from tidemill.announcing.order import order_of
from tidemill.facts.checks import CheckClaim
from tidemill.facts.ledger import BadEnding, Eviction, Refusal
from tidemill.facts.naming import Naming
from tidemill.facts.operation import Operation
from tidemill.plan import waits
from tidemill.plan.draft import Draft
from tidemill.plan.next_sets import late_introduction
from tidemill.plan.obstacles import (
    FailingTargets,
    NewerOnAuto,
    NextTurn,
    PastEnding,
    ServerRefusal,
    SetNotThere,
    Starvation,
)
from tidemill.plan.plan import Plan


def line(decided: Plan, begin: str) -> tuple[str, object]:
    """What the line that begins with `begin` waits for, and since when."""
    found = [one for one in decided.waiting if what(one).startswith(begin)]
    assert len(found) == 1, waits_for(decided)
    return for_(found[0]), found[0].since


def in_lab(*, landed: float = 10, deployed: float | None = None) -> Rollout:
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, "soak": "1h"}))
    rollout.landing("shop", 1)
    rollout.landing("lab", 2, landed=landed, deployed=deployed)
    return rollout


def test_set_waits_for_the_targets_that_have_not_reported() -> None:
    rollout = in_lab()
    rollout.reports("lab", "lab-1")
    reason, since = line(rollout.decide(), f"{app_sha(2)[:12]} (app) in lab")
    assert reason == "a healthy report from lab-2"
    assert since == rollout.ago(10)


def test_failed_set_waits_for_its_targets_or_a_newer_set() -> None:
    rollout = in_lab()
    rollout.reports("lab", "lab-1", "Degraded", ago=3)
    reason, since = line(rollout.decide(), f"{app_sha(2)[:12]} (app) in lab")
    assert reason.startswith("lab-1, which failed")
    assert since == rollout.ago(3)


def test_soaking_set_says_how_long_it_has_to_go() -> None:
    rollout = in_lab(deployed=20)
    reason, since = line(rollout.decide(), f"{app_sha(2)[:12]} (app) for shop")
    assert reason == "it soaks in lab until 2026-01-05 12:40 UTC, 40m to go"
    assert since == rollout.ago(20)


def test_deployed_set_waits_for_nothing() -> None:
    rollout = Rollout()
    rollout.landing("shop", 2)
    rollout.landing("lab", 2)
    assert rollout.decide().waiting == ()


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (None, "the check of {sha}"),
        ("pending", "the check of {sha}"),
        ("cancelled", "the check of {sha}: it was cancelled or timed out"),
        ("failure", "the check of {sha} to be repeated: it is red"),
    ],
)
def test_commit_on_auto_waits_for_its_check(state: str | None, reason: str) -> None:
    rollout = Rollout(settings(lab=LAB, shop=SHOP, checks="retries = 1"))
    rollout.landing("shop", 1)
    rollout.landing("lab", 1)
    commit = rollout.on_auto("lab", 2)
    rollout.green(rollout.main)
    if state:
        rollout.check(commit, state)  # type: ignore[arg-type]
    found, _ = line(rollout.decide(), f"{app_sha(2)[:12]} (app) on auto for lab")
    assert found.startswith(reason.format(sha=commit))


def test_red_main_is_named_with_the_last_one_known_green() -> None:
    rollout = in_lab()
    rollout.ledger.green_main = sha("green")
    rollout.red(rollout.main)
    reason, since = line(rollout.decide(), f"main at {rollout.main}")
    assert sha("green") in reason
    assert since == rollout.ago(1)


def test_red_main_without_a_known_green_one_is_named_all_the_same() -> None:
    rollout = in_lab()
    rollout.red(rollout.main)
    reason, _ = line(rollout.decide(), f"main at {rollout.main}")
    assert "last main" not in reason


def test_unknown_sets_wait_for_nothing() -> None:
    rollout = Rollout()
    rollout.landing("lab", 0, app_sha=None, deployed=None)
    assert rollout.decide().waiting == ()


def test_nothing_is_said_twice() -> None:
    rollout = in_lab()
    for position in (3, 4, 5):
        rollout.announced(position)
    waiting = rollout.decide().waiting
    assert len(waiting) == len(set(waiting))


def test_each_announcement_that_waits_is_named() -> None:
    rollout = in_lab()
    for position in (3, 4):
        rollout.announced(position)
    text = waits_for(rollout.decide())
    for position in (3, 4):
        assert f"{app_sha(position)[:12]} (app) for lab waits for" in text


def test_announcement_behind_a_newer_one_on_auto_names_that() -> None:
    rollout = Rollout()
    rollout.landing("lab", 1)
    for position in (2, 3):
        rollout.announced(position)
    [line] = [one for one in rollout.decide().waiting if one.about.app_sha == app_sha(2)]
    assert [replace(one, since=None) for one in line.obstacles] == [NewerOnAuto(app_sha=app_sha(3))]


def test_promotion_of_a_set_that_no_wave_knows_says_so() -> None:
    rollout = in_lab()
    rollout.promotion("shop", 7)
    assert app_sha(7)[:12] in waits_for(rollout.decide())


def test_what_was_taken_off_auto_says_what_it_waits_for_now() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 2)
    rollout.on_auto("shop", 2)
    rollout.hold("shop", reason="freeze")
    text = waits_for(rollout.decide())
    assert app_sha(2)[:12] in text
    assert "shop is held by ada: freeze" in text


def test_every_reason_is_one_printable_line() -> None:
    rollout = in_lab()
    rollout.red(rollout.main)
    rollout.announced(3)
    rollout.reports("lab", "lab-1", "Degraded")
    for one in rollout.decide().waiting:
        assert what(one).isprintable()
        assert for_(one).isprintable()


def test_refusal_is_said_of_the_commit_that_the_server_refused_and_of_no_other() -> None:
    rollout, commits = stack()
    rollout.green(*commits)
    rollout.ledger.refused = Refusal(sha=commits[2], reason="a review", since=rollout.ago(1))
    refused = rollout.decide(without_landing=True)
    assert waits_for(refused).count("the server to let it land: a review") == 4, "main, and auto"
    rollout.pushed("a person's edit")
    replayed = rollout.decide(without_landing=True)
    assert replayed.ledger.refused is None
    assert "the server" not in waits_for(replayed)


def test_set_that_no_wave_has_is_named_with_its_own_ending_and_no_other_one() -> None:
    rollout = Rollout()
    rollout.landing("lab", 1)
    rollout.landing("shop", 1)
    rollout.ledger.endings["app"] = [
        BadEnding(app_sha=app_sha(position), position=position, how=how, at=rollout.ago(9))
        for position, how in ((4, "evicted"), (5, "dropped"))
    ]
    lines = [one for one in rollout.decide().waiting if one.about.app_sha == app_sha(5)]
    stops = [one for line in lines for one in line.obstacles]
    hows = {one.how for one in stops if isinstance(one, PastEnding)}
    assert hows == {"dropped"}


def absent(rollout: Rollout, wave: str, position: int = 3) -> list[str]:
    """Why a set is not in a wave, by kinds; nothing where nothing is said of it."""
    lines = [
        one
        for one in rollout.decide().waiting
        if (one.about.wave, one.about.app_sha) == (wave, app_sha(position))
    ]
    return [type(one).__name__ for line in lines for one in line.obstacles]


def three_in_lab() -> Rollout:
    """Position 3 is deployed in lab, where an announcement that has ended brought it."""
    rollout = Rollout()
    rollout.landing("lab", 2, landed=90)
    rollout.landing("lab", 3)
    rollout.landing("shop", 2, landed=80)
    return rollout


def test_set_that_a_wave_went_back_from_is_told_so_with_what_holds_the_wave() -> None:
    rollout = three_in_lab()
    rollout.landing("shop", 3, landed=40, rolled_back=True)
    rollout.landing("shop", 2, landed=20, how="roll back")
    assert absent(rollout, "shop") == ["PastRollback"]
    rollout.held("shop")
    assert absent(rollout, "shop") == ["PastRollback", "HoldInForce"]
    assert absent(rollout, "lab") == []


@pytest.mark.parametrize(
    ("went_back", "expected"), [(False, "ReplacedByHotfix"), (True, "PastRollback")]
)
def test_set_that_a_hotfix_replaced_is_told_so_unless_the_wave_went_back_from_it(
    went_back: bool, expected: str
) -> None:
    rollout = three_in_lab()
    rollout.landing("shop", 3, landed=40, rolled_back=went_back)
    rollout.landing("shop", 3, landed=20, content="fix", app_sha=sha("fix"), is_hotfix=True)
    assert absent(rollout, "shop") == [expected]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "PastEviction"),
        ({"wave": "shop"}, "PastEnding"),
        ({"set": "lib"}, "PastEnding"),
        ({"app_sha": app_sha(4)}, "PastEnding"),
        ({"rewrites": 1}, "PastEnding"),
    ],
    ids=str,
)
def test_set_that_was_evicted_from_a_wave_is_told_so_of_that_wave(
    changes: dict[str, Any], expected: str
) -> None:
    rollout = Rollout()
    rollout.landing("lab", 2)
    rollout.landing("shop", 2)
    gone = Operation(
        kind="introduce", wave="lab", set="app", app_sha=app_sha(3), position=3,
        repository="acme/app", content="3",
    )  # fmt: skip
    told = replace(gone, **changes)
    rollout.ledger.evictions.append(
        Eviction(commit=sha("e"), at=rollout.ago(9), reason="red", operation=told)
    )
    ending = BadEnding(app_sha=app_sha(3), position=3, how="evicted", at=rollout.ago(9))
    rollout.ledger.endings["app"] = [ending]
    assert absent(rollout, "lab") == [expected]


def test_set_that_was_dropped_is_in_no_wave_and_those_behind_say_why() -> None:
    rollout = Rollout()
    rollout.landing("lab", 2)
    rollout.landing("shop", 2)
    ending = BadEnding(app_sha=app_sha(3), position=3, how="dropped", at=rollout.ago(5))
    rollout.ledger.endings["app"] = [ending]
    lines = {one.about.wave: one.obstacles for one in rollout.decide().waiting}
    [there] = lines["lab"]
    assert isinstance(there, PastEnding)
    [behind] = lines["shop"]
    assert isinstance(behind, SetNotThere)
    assert behind.because == (there,)


@pytest.mark.parametrize(("newest", "expected"), [(2, ["EarlierAnnouncement"]), (3, []), (4, [])])
def test_set_that_was_announced_before_a_wave_came_first_is_told_so_if_it_is_newer(
    newest: int, expected: list[str]
) -> None:
    """It is not introduced by itself, for another wave went back from it."""
    rollout = Rollout(settings(lab=LAB, den={"targets": ["d"], "after": []}))
    rollout.landing("lab", 3, rolled_back=True)
    rollout.landing("den", 2)
    rollout.ledger.of("den", "app").highest = newest
    assert absent(rollout, "den") == expected


def test_hotfix_in_a_wave_that_came_first_later_says_why_the_set_is_not_there() -> None:
    rollout = Rollout(settings(lab=LAB, den={"targets": ["d"], "after": []}))
    rollout.landing("lab", 3)
    rollout.landing("den", 3, is_hotfix=True, app_sha=app_sha(9))
    assert absent(rollout, "den") == ["ReplacedByHotfix"]


@pytest.mark.parametrize(
    ("rejected_ago", "is_told"),
    [(51, False), (50, True), (49, True)],
    ids=["before", "at", "after"],
)
def test_announcement_that_was_rejected_is_told_until_a_later_one_is_known(
    rejected_ago: float, *, is_told: bool
) -> None:
    rollout = Rollout()
    rollout.landing("lab", 3, landed=60)
    rollout.landing("shop", 3, landed=50)
    bad = BadEnding(app_sha=sha("bad"), position=9, how="rejected", at=rollout.ago(rejected_ago))
    rollout.ledger.endings["app"] = [bad]
    told = [one.obstacles for one in rollout.decide().waiting if one.about.app_sha == sha("bad")]
    assert bool(told) is is_told


def test_each_of_two_who_asked_for_the_same_is_named() -> None:
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, "soak": "5h"}))
    rollout.landing("shop", 1)
    rollout.landing("lab", 2, landed=60, deployed=30)
    ids = {rollout.promotion("shop", 2, by=name) for name in ("ada", "bo")}
    assert len(ids) == 2
    lines = [one for one in rollout.decide().waiting if one.about.wave == "shop"]
    assert {one.id for one in lines} == ids
    assert len({one.obstacles for one in lines}) == 1


@pytest.mark.parametrize(
    ("asked", "pending", "own"),
    [([], [], []), ([0], [], [0]), ([], [1], [1]), ([0, 1], [1], [0, 1])],
    ids=["neither", "asked-for", "claimed", "both"],
)
def test_commit_waits_for_its_own_check_where_that_is_asked_for_and_else_for_the_last_one_s(
    asked: list[int], pending: list[int], own: list[int]
) -> None:
    rollout, commits = stack(3)
    for at in pending:
        rollout.check(commits[at], "pending", ago=4)
    rollout.ledger.asked = {commits[2]: CheckClaim(at=rollout.now)}
    draft = Draft.of(rollout.snapshot())
    waits._auto(draft, rollout.auto, [commits[at] for at in asked])
    lines = [(one.obstacles[0], rollout.auto[at]) for at, one in enumerate(draft.waiting)]
    expected = [commits[at] if at in own else commits[2] for at in range(3)]
    assert [getattr(stop, "sha", None) for stop, _ in lines] == expected
    assert [getattr(stop, "is_asked_for", None) for stop, _ in lines] == [
        one == commits[2] for one in expected
    ]
    assert [stop.since for stop, _ in lines] == [
        rollout.ago(4) if at in pending else commit.at for at, (_, commit) in enumerate(lines)
    ]


@pytest.mark.parametrize(
    ("moved", "size", "is_said"), [(2, 1, False), (3, 1, True), (4, 2, True), (3, 0, False)]
)
def test_auto_starves_once_main_has_moved_three_times_beneath_it(
    moved: int, size: int, *, is_said: bool
) -> None:
    rollout, _ = stack(size)
    rollout.ledger.moved, rollout.ledger.moved_since = moved, rollout.ago(9)
    draft = Draft.of(rollout.snapshot())
    waits._auto(draft, rollout.auto, [])
    found = [one for line in draft.waiting for one in line.obstacles if isinstance(one, Starvation)]
    assert found == ([Starvation(times=moved, since=rollout.ago(9))] if is_said else [])


@pytest.mark.parametrize(("refused", "is_refused"), [(None, False), (0, False), (1, True)])
def test_green_commit_waits_for_a_turn_or_for_the_server_that_refused_it(
    refused: int | None, *, is_refused: bool
) -> None:
    rollout, commits = stack(2)
    if refused is not None:
        told = Refusal(sha=commits[refused], reason="a rule", since=rollout.ago(1))
        rollout.ledger.refused = told
    found = waits._landing(Draft.of(rollout.snapshot()), commits[1])
    assert isinstance(found, ServerRefusal if is_refused else NextTurn)


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({}, []),
        ({"failed": {"lab-2": 3, "lab-1": 9}}, ["FailingTargets"]),
        ({"refuted": {"smoke": 3}}, ["FailedVerification"]),
        ({"naming": Naming(nothing=True)}, ["SetNotInFiles"]),
        ({"deployed_at": None, "taken": {}}, ["MissingReport"]),
        ({"is_hotfix": True}, ["HotfixThere"]),
        ({"is_hotfix": True, "failed": {"lab-1": 9}}, ["HotfixThere", "FailingTargets"]),
    ],
    ids=str,
)
def test_set_that_a_wave_has_says_what_it_waits_for(
    changes: dict[str, Any], kinds: list[str]
) -> None:
    rollout = in_lab(deployed=5)
    landing = rollout.ledger.of("lab", "app").landings[-1]
    for key, value in changes.items():
        is_since = key in ("failed", "refuted")
        mine = {one: rollout.ago(ago) for one, ago in value.items()} if is_since else value
        setattr(landing, key, mine)
    draft = Draft.of(rollout.snapshot())
    waits._present(draft, rollout.settings.waves[0], "app", landing)
    stops = [stop for line in draft.waiting for stop in line.obstacles]
    assert [type(one).__name__ for one in stops] == kinds
    assert [one.since for one in stops if isinstance(one, FailingTargets)] == [
        rollout.ago(9) for one in kinds if one == "FailingTargets"
    ]


@pytest.mark.parametrize(
    ("reason", "is_rule"),
    [("GH006: Protected branch", True), ("GH013: Repository rule", True), ("a hook", False)],
)
def test_rule_of_github_is_known_by_its_code(reason: str, *, is_rule: bool) -> None:
    assert waits.is_by_rule(reason) is is_rule


def test_set_that_is_on_its_way_into_a_wave_is_not_missing_there() -> None:
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, "after": []}))
    landing = rollout.landing("lab", 3)
    going = late_introduction("shop", "app", "lab", landing)
    for under_test, expected in (([], ["shop"]), ([going], [])):
        draft = Draft.of(rollout.snapshot())
        waits._newest(draft, under_test)
        assert [line.about.wave for line in draft.waiting] == expected


def test_newest_announced_set_is_one_that_waits_or_was_had_and_no_hotfix() -> None:
    rollout = Rollout()
    rollout.landing("lab", 1)
    rollout.landing("lab", 7, is_hotfix=True)
    rollout.landing("lab", 8, app_sha=None)
    rollout.announced(3)
    draft = Draft.of(rollout.snapshot())
    assert {order.position for order, _, _ in waits._announced(draft, "app")} == {1, 3}
    assert waits._is_waiting(draft, "app", app_sha(3))
    assert not waits._is_waiting(draft, "app", app_sha(1))


@pytest.mark.parametrize(("had", "kinds"), [(3, []), (2, ["SetNotThere"])])
def test_set_is_missing_in_a_wave_where_the_wave_before_has_not_had_it(
    had: int, kinds: list[str]
) -> None:
    rollout = Rollout()
    landing = rollout.landing("lab", 3)
    rollout.ledger.of("lab", "app").landings = []
    rollout.landing("lab", had)
    draft = Draft.of(rollout.snapshot())
    missing = waits._Absence(draft, "app", order_of(landing), app_sha(3), {"lab"})
    found = missing.from_(rollout.settings.waves[1])
    assert [type(one).__name__ for one in found] == kinds


def test_set_that_was_evicted_from_a_wave_is_told_so_and_not_what_else_it_lacks() -> None:
    rollout = Rollout()
    landing = rollout.landing("lab", 3)
    rollout.ledger.of("lab", "app").landings = []
    gone = Operation.copying("promote", "shop", "app", "lab", landing.point())
    rollout.ledger.evictions = [Eviction(commit=None, at=rollout.now, reason="red", operation=gone)]
    draft = Draft.of(rollout.snapshot())
    found = waits._Absence(draft, "app", order_of(landing), app_sha(3), {"lab"})
    stops = found.from_(rollout.settings.waves[1])
    assert [type(one).__name__ for one in stops] == ["PastEviction"]


def test_set_that_a_wave_went_back_from_is_told_so_beside_that_its_return_was_evicted() -> None:
    rollout = Rollout()
    rollout.landing("lab", 3)
    newest = rollout.landing("shop", 3, landed=90, rolled_back=True)
    rollout.landing("shop", 1)
    back = Operation.copying("roll back", "shop", "app", "shop", newest.point())
    rollout.ledger.evictions = [
        Eviction(commit="e" * 40, at=rollout.ago(5), reason="red", operation=back)
    ]
    draft = Draft.of(rollout.snapshot())
    waits.say_what_waits(draft, [], [], is_partial=False)
    stops = [stop for line in draft.waiting if line.about.wave == "shop" for stop in line.obstacles]
    assert [type(one).__name__ for one in stops] == ["PastRollback", "PastEviction"]


@pytest.mark.parametrize("is_partial", [False, True])
def test_what_a_turn_has_yet_to_try_waits_for_that(*, is_partial: bool) -> None:
    rollout, _ = stack(2)
    draft = Draft.of(rollout.snapshot())
    waits.say_what_waits(draft, rollout.auto[:1], [], is_partial=is_partial)
    tried = [line for line in draft.waiting if isinstance(line.obstacles[0], NextTurn)]
    assert [one.about.app_sha for one in tried] == ([app_sha(3)] if is_partial else [])
