"""Landing: the newest green commit, with what is beneath it, if all of it is still due."""

from typing import Any

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
    stack,
    waits_for,
    whats,
)

from tidemill.facts.ledger import Refusal
from tidemill.facts.naming import Naming
from tidemill.plan.plan import Plan, plan


@pytest.mark.parametrize(
    ("green", "lands", "left"),
    [
        ((), None, [2, 3, 4]),
        ((0,), 0, [3, 4]),
        ((1,), 1, [4]),
        ((2,), 2, []),
        ((0, 1), 1, [4]),
        ((0, 2), 2, []),
        ((0, 1, 2), 2, []),
    ],
    ids=str,
)
def test_newest_green_commit_lands_and_what_is_beneath_it_with_it(
    green: tuple[int, ...], lands: int | None, left: list[int]
) -> None:
    rollout, commits = stack()
    rollout.green(*(commits[at] for at in green))
    decided = rollout.decide()
    assert decided.landed == (None if lands is None else commits[lands])
    assert decided.main == (rollout.main if lands is None else commits[lands])
    assert introduced(decided) == [("lab", position) for position in left]
    kept = commits[3 - len(left) :]
    assert [commit.sha for commit in decided.auto] == kept, "what is left is not rewritten"


def test_untested_commits_beneath_a_green_one_land_and_the_journal_says_so() -> None:
    rollout, commits = stack()
    rollout.red(commits[0])
    rollout.green(commits[2])
    decided = rollout.decide()
    assert whats(decided)[:4] == ["landed", "landed", "landed", "landed together"]
    together = decided.entries[3]
    assert together.sha == commits[2]
    assert commits[0][:12] in together.reason
    assert commits[1][:12] in together.reason


def test_main_is_known_green_where_it_landed() -> None:
    rollout, commits = stack()
    rollout.green(commits[1])
    assert rollout.decide().ledger.green_main == commits[1]


def test_landed_set_is_in_its_wave_from_now_on() -> None:
    rollout, commits = stack()
    rollout.green(commits[0])
    landing = rollout.decide().ledger.present("lab", "app")
    assert landing is not None
    assert (landing.position, landing.commit, landing.landed_at, landing.how) == (
        2,
        commits[0],
        rollout.now,
        "introduce",
    )
    assert set(landing.targets) == set(LAB["targets"])


def test_nothing_lands_that_does_not_descend_from_main() -> None:
    rollout, commits = stack()
    rollout.green(*commits)
    rollout.pushed()
    decided = rollout.decide()
    assert decided.landed is None
    assert introduced(decided) == [("lab", 2), ("lab", 3), ("lab", 4)]
    assert decided.auto[0].parent == rollout.main


def hold(rollout: Rollout) -> None:
    rollout.hold("lab")


def hold_of_the_set(rollout: Rollout) -> None:
    rollout.hold("lab", "app")


def window(rollout: Rollout) -> None:
    rollout.settings = settings(lab={**AT_ONCE, "windows": ["Tue 12:00-13:00 UTC"]}, shop=SHOP)


def wave_gone(rollout: Rollout) -> None:
    rollout.settings = settings(shop={**SHOP, "admit": "at once"})


@pytest.mark.parametrize("change", [hold, hold_of_the_set, window, wave_gone])
def test_what_is_no_longer_due_is_taken_off_and_does_not_land(change: Any) -> None:
    rollout, commits = stack()
    rollout.green(*commits)
    change(rollout)
    decided = rollout.decide()
    assert decided.landed is None
    assert not any(wave == "lab" for wave, _ in introduced(decided))
    assert "taken off auto" in whats(decided)
    assert decided.evicted == (), "it did nothing wrong"


def promoted_then(change: Any) -> tuple[Rollout, Plan, str]:
    rollout = Rollout(settings(lab=LAB, shop=SHOP))
    rollout.landing("shop", 1, landed=200)
    rollout.landing("lab", 1, landed=200)
    rollout.landing("lab", 2, landed=60, deployed=30)
    commit = rollout.on_auto("shop", 2)
    rollout.green(commit)
    change(rollout)
    return rollout, rollout.decide(), commit


def source_failed(rollout: Rollout) -> None:
    rollout.reports("lab", "lab-1", "Degraded")


def source_rolled_back(rollout: Rollout) -> None:
    rollout.rollback("lab", rollout.ledger.of("lab", "app").landings[0])


def source_put_back_by_hand(rollout: Rollout) -> None:
    main = rollout.main
    rollout.by_hand("lab", rollout.files_of(1))
    rollout.main = main


def newer_in_the_source(rollout: Rollout) -> None:
    rollout.landing("lab", 3, landed=1, deployed=None)


def nothing(_: Rollout) -> None:
    pass


@pytest.mark.parametrize(
    ("change", "lands"),
    [
        (nothing, True),
        (newer_in_the_source, True),
        (source_failed, False),
        (source_rolled_back, False),
        (source_put_back_by_hand, False),
    ],
)
def test_promotion_lands_only_if_it_would_still_be_due(change: Any, lands: bool) -> None:
    _, decided, commit = promoted_then(change)
    assert (decided.landed == commit) is lands


def test_admission_alone_does_not_keep_a_green_commit_from_landing() -> None:
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1, landed=1, deployed=None)
    commit = rollout.on_auto("lab", 2)
    rollout.green(commit)
    assert rollout.decide().landed == commit


def test_what_is_due_beneath_what_is_not_lands() -> None:
    rollout = Rollout(settings(sets=("app", "batch"), lab=AT_ONCE))
    first = rollout.on_auto("lab", 1, "batch")
    second = rollout.on_auto("lab", 1, "app")
    rollout.green(first, second)
    rollout.hold("lab", "app")
    decided = rollout.decide()
    assert decided.landed == first
    assert decided.auto == ()


def test_what_is_due_above_what_is_not_is_replayed_without_it() -> None:
    rollout = Rollout(settings(sets=("app", "batch"), lab=AT_ONCE))
    rollout.green(rollout.on_auto("lab", 1, "app"))
    rollout.green(rollout.on_auto("lab", 1, "batch"))
    rollout.hold("lab", "app")
    decided = rollout.decide()
    assert decided.landed is None, "its green was that of both"
    assert [commit.operation.set for commit in decided.auto] == ["batch"]
    assert decided.auto[0].parent == rollout.main


def test_promotion_by_hand_ends_when_the_wave_has_its_set() -> None:
    rollout = Rollout(settings(lab=LAB, shop={**SHOP, "approval": True}))
    rollout.landing("shop", 1, landed=200)
    rollout.landing("lab", 2)
    request = rollout.promotion("shop", 2)
    rollout.turn()
    rollout.green(rollout.auto[0].sha)
    decided = rollout.turn()
    assert decided.landed
    assert decided.ledger.how_ended(request) == "landed"


def test_server_that_refuses_main_lands_nothing_and_the_rest_goes_on() -> None:
    rollout, commits = stack()
    rollout.green(*commits)
    rollout.hold("shop")
    rollout.announced(5)
    decided = rollout.decide(without_landing=True)
    assert (decided.landed, decided.main) == (None, rollout.main)
    assert set(decided.holds) == {("shop", "_")}
    assert introduced(decided) == [("lab", 2), ("lab", 3), ("lab", 4), ("lab", 5)]


def test_refusal_of_a_server_is_in_the_journal_once() -> None:
    rollout, commits = stack()
    rollout.green(*commits)
    refused = Refusal(sha=commits[-1], reason="a rule of its own", since=rollout.now)
    decided = plan(rollout.snapshot(), refused=refused)
    told = [entry.reason for entry in decided.entries if entry.what == "not landed"]
    assert told == ["the server refused: a rule of its own"]
    rollout.ledger = decided.ledger
    assert "not landed" not in whats(plan(rollout.snapshot(), refused=refused))
    for other in (replace(refused, reason="another rule"), replace(refused, sha=commits[0])):
        assert "not landed" in whats(plan(rollout.snapshot(), refused=other))


def test_what_has_landed_does_not_starve_and_is_not_refused() -> None:
    rollout, commits = stack(1)
    rollout.green(*commits)
    rollout.ledger.moved, rollout.ledger.moved_since = 2, rollout.ago(9)
    rollout.ledger.refused = Refusal(sha=commits[0], reason="a rule", since=rollout.ago(9))
    ledger = rollout.decide().ledger
    assert (ledger.moved, ledger.moved_since, ledger.refused) == (0, None, None)


def test_red_commit_above_does_not_keep_a_green_one_from_landing() -> None:
    rollout, commits = stack()
    rollout.green(rollout.main, commits[0])
    rollout.red(commits[1])
    decided = rollout.decide()
    assert decided.landed == commits[0]
    assert decided.evicted == (commits[1],), "red on a parent that is green"
    assert app_sha(3)[:12] not in waits_for(decided)


def test_what_files_do_not_name_is_known_when_their_commit_lands() -> None:
    rollout, (commit,) = stack(1)
    missing = Naming(absent=("web",), nothing=True)
    made = rollout.auto[0]
    rollout.auto = [replace(made, naming={"app": missing}, files="f" * 40)]
    rollout.green(commit)
    decided = rollout.decide()
    assert present(decided).naming == missing
    assert decided.ledger.named == {"lab": "f" * 40}
