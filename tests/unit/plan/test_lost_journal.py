"""A journal that was lost: what records, main and the refs that are kept tell of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.unit.snapshots import LAB, Rollout, app_sha, present, settings, sha, whats

from tidemill.facts.evidence import EvictedCommit, Evidence, MainCommit
from tidemill.facts.ledger import Ledger, RequestEnding
from tidemill.facts.operation import Kind, Operation
from tidemill.facts.renames import renamed_ledger
from tidemill.facts.settings import Settings
from tidemill.plan.lost_journal import recalled
from tidemill.plan.plan import Plan, plan


def lost(position: int = 2) -> Rollout:
    """Positions 1 and 2 have landed in lab, and no more is known of them than main tells."""
    rollout = Rollout()
    rollout.landing("shop", 1)
    rollout.landing("lab", 1, landed=60, deployed=None)
    rollout.landing("lab", position, landed=30, deployed=None)
    return rollout


def made_again(rollout: Rollout, **given: Any) -> Plan:
    """What a turn makes of it."""
    evidence = Evidence(why="it is gone", **given)
    return plan(replace(rollout.snapshot(), evidence=evidence))


@pytest.mark.parametrize(("reported", "since"), [(20, 20), (40, 30)], ids=["after", "before"])
def test_healthy_record_counts_from_the_landing_on(reported: float, since: float) -> None:
    rollout = lost()
    for target in LAB["targets"]:
        rollout.reported("lab", target, ago=reported)
    found = present(made_again(rollout))
    assert found.taken == dict.fromkeys(LAB["targets"], rollout.ago(since))
    assert found.anew is None
    assert not found.failed


def test_only_where_the_journal_is_lost_a_landing_of_a_clock_that_was_ahead_counts_from_now() -> (
    None
):
    rollout = lost()
    rollout.landing("lab", 3, landed=-5, deployed=None)
    rollout.reported("lab", "lab-1")
    assert present(plan(rollout.snapshot())).landed_at == rollout.ago(-5)
    found = present(made_again(rollout))
    assert (found.landed_at, found.taken) == (rollout.now, {"lab-1": rollout.now})


def test_where_some_target_has_not_taken_the_set_all_count_from_now_on() -> None:
    rollout = lost()
    rollout.reported("lab", "lab-1")
    found = present(made_again(rollout))
    assert set(found.taken) == {"lab-1"}
    assert found.anew == rollout.now


def test_records_of_another_set_say_nothing_of_this_one() -> None:
    rollout = lost()
    rollout.reported("lab", "lab-1", "Degraded", "Failed", position=1)
    rollout.reported("lab", "lab-2", sets={}, tree="other")
    found = present(made_again(rollout))
    assert (found.taken, found.failed, found.deployed_once) == ({}, {}, False)


def test_set_that_fails_may_have_been_deployed_and_is_not_rolled_back_by_itself() -> None:
    rollout = lost()
    rollout.settings = settings(lab={**LAB, "on_failure": "roll back"})
    rollout.reported("lab", "lab-1", "Degraded", "Failed")
    decided = made_again(rollout)
    found = present(decided)
    assert found.failed == {"lab-1": rollout.ago(1)}
    assert found.deployed_once
    assert found.anew is None
    assert decided.ledger.failing == {"lab": {"lab-1": rollout.ago(1)}}
    assert [one.operation.kind for one in decided.auto] == []


@pytest.mark.parametrize("place", [("lab", "gone"), ("gone", "lab-1")], ids="/".join)
def test_record_of_a_target_that_the_settings_do_not_name_says_nothing(
    place: tuple[str, str],
) -> None:
    rollout = lost()
    record = rollout.record("lab", "lab-1", "Degraded", "Failed")
    wave, target = place
    rollout.records[place] = msgspec.structs.replace(record, wave=wave, target=target)
    decided = made_again(rollout)
    assert present(decided).failed == {}
    assert decided.ledger.failing == {}


def test_what_it_was_made_from_is_counted_and_said_first() -> None:
    rollout = lost()
    rollout.reported("lab", "lab-1")
    rollout.by_hand("lab", rollout.files_of(9))
    one = main_commit("a", request="announcement-a")
    decided = made_again(
        rollout,
        landed=[one],
        evicted=[EvictedCommit(sha("e"), rollout.now, None)] * 2,
        rejected=["x", "y", "z"],
    )
    assert whats(decided)[:2] == ["made again", "changed by hand"]
    assert (
        "from 1 automatic commits of main, 2 evicted commits, 3 rejected requests, "
        "1 deployment records" in decided.entries[0].reason
    )


def main_commit(name: str, **given: Any) -> MainCommit:
    """A commit of main that a turn made."""
    fields = {
        "kind": "introduce",
        "wave": "lab",
        "set": "app",
        "app_sha": app_sha(1),
        "position": 1,
        "repository": "acme/app",
        "content": name,
        "source": None,
    }
    operation = Operation(**{**fields, **given})
    return MainCommit(sha=sha(name), at=Rollout().now, operation=operation, digests=name)


def test_requests_have_ended_as_main_and_the_kept_refs_say_unless_they_wait() -> None:
    landed = [main_commit("a", request="one"), main_commit("b", request="again"), main_commit("c")]
    gone = [
        EvictedCommit(sha("e"), Rollout().now, main_commit("e", request="two").operation),
        EvictedCommit(sha("f"), Rollout().now, None),
    ]
    found = recalled(
        Evidence(
            why="it is gone",
            landed=landed,
            evicted=gone,
            rejected=["three"],
            waiting=frozenset({"again"}),
        )
    )
    assert found.ended == [
        RequestEnding(id="one", how="landed"),
        RequestEnding(id="two", how="evicted"),
        RequestEnding(id="three", how="rejected"),
    ]
    assert [one.commit for one in found.evictions] == [sha("e"), sha("f")]
    assert found.rejected == ["three"]


def test_announcement_that_one_first_wave_evicted_has_ended_so_whatever_landed_later() -> None:
    operation = main_commit("e", wave="lab", request="it").operation
    gone = EvictedCommit(sha("e"), Rollout().ago(2), operation)
    landed = replace(main_commit("a", wave="shop", request="it"), at=Rollout().ago(1))
    before = replace(main_commit("b"), at=Rollout().ago(3))
    found = recalled(Evidence(why="it is gone", landed=[before, landed], evicted=[gone]))
    assert found.how_ended("it") == "evicted"


def test_set_that_was_promoted_from_a_commit_was_deployed_there_and_regenerations_are_no_sets() -> (
    None
):
    landed = [
        main_commit("a"),
        main_commit("b", position=2),
        main_commit("r", kind="regenerate", content=None),
        main_commit("p", kind="promote", wave="shop", source="lab", commit=sha("a")),
    ]
    found = recalled(Evidence(why="it is gone", landed=landed))
    assert [one.deployed_once for one in found.of("lab", "app").landings] == [True, False]
    assert len(found.of("shop", "app").landings) == 1


@pytest.mark.parametrize(
    ("kind", "waits", "is_spent"),
    [
        ("introduce", False, True),
        ("introduce", True, False),
        ("roll back", False, True),
        ("roll back", True, False),
        ("promote", False, True),
        ("promote", True, True),
        ("hotfix", True, True),
    ],
)
@pytest.mark.parametrize("where", ["landed", "evicted"])
def test_what_was_asked_for_counts_once_though_the_journal_is_lost(
    where: str, kind: Kind, *, waits: bool, is_spent: bool
) -> None:
    one = main_commit("a", kind=kind, request="it")
    gone = EvictedCommit(one.sha, one.at, one.operation)
    found = recalled(
        Evidence(
            why="it is gone",
            landed=[one] if where == "landed" else [main_commit("b")],
            evicted=[gone] if where == "evicted" else [EvictedCommit(sha("f"), one.at, None)],
            waiting=frozenset({"it"} if waits else ()),
        )
    )
    assert found.spent == ({"it": one.at} if is_spent else {})


# The names of their time


def named(**was: str) -> Settings:
    """Settings with the waves lab and shop, or those given, and what each of them was."""
    waves: dict[str, Any] = {
        name: {"targets": ["t"], "was": old} if old else {"targets": ["t"]}
        for name, old in (was or {"lab": "", "shop": ""}).items()
    }
    return settings(**waves)


BEFORE = named()
SWAPPED = named(lab="shop", shop="lab")


def history(found: Ledger, wave: str) -> list[tuple[str, str, bool]]:
    """By each set that a wave has had what its commit calls the wave, and if it was rolled back."""
    return [(one.content, one.wave, one.rolled_back) for one in found.history(wave, "app").landings]


def swapped() -> list[MainCommit]:
    """Two in each of two waves, these swap names, and what is called shop since is rolled back."""
    landed = [
        main_commit(f"{wave}-{position}", wave=wave, position=position, app_sha=app_sha(position))
        for wave in ("lab", "shop")
        for position in (1, 2)
    ]
    back = main_commit("back", kind="roll back", wave="shop", content="lab-1")
    return [*(replace(one, settings=BEFORE) for one in landed), replace(back, settings=SWAPPED)]


def test_commits_speak_of_waves_by_the_names_of_their_time() -> None:
    found = recalled(Evidence(why="it is gone", landed=swapped()))
    for ledger in (found, renamed_ledger(SWAPPED, found)):
        assert history(ledger, "lab") == [("shop-1", "shop", False), ("shop-2", "shop", False)]
        assert history(ledger, "shop") == [
            ("lab-1", "lab", False),
            ("lab-2", "lab", True),
            ("lab-1", "", False),
        ]


def test_commits_without_usable_settings_speak_as_those_before() -> None:
    *landed, back = swapped()
    more = replace(main_commit("more", wave="lab", position=3), settings=None)
    found = recalled(Evidence(why="it is gone", landed=[*landed, back, more]))
    assert [one for one, _, _ in history(found, "lab")] == ["shop-1", "shop-2", "more"]


def test_names_that_have_changed_since_the_last_commit_change_for_all_of_them() -> None:
    found = renamed_ledger(SWAPPED, recalled(Evidence(why="it is gone", landed=swapped()[:-1])))
    assert [one for one, _, _ in history(found, "lab")] == ["shop-1", "shop-2"]
    assert [one for one, _, _ in history(found, "shop")] == ["lab-1", "lab-2"]


def test_hold_stays_with_its_wave_where_commits_tell_that_names_had_changed_before() -> None:
    evidence = Evidence(why="it is gone", landed=swapped())
    rollout = Rollout(SWAPPED)
    rollout.held("shop", "app", "placed after the swap")
    rollout.ledger = recalled(evidence)
    holds = plan(replace(rollout.snapshot(), evidence=evidence)).holds
    moved = [place for place, one in holds.items() if one.reason == "placed after the swap"]
    assert moved == [("shop", "app")]


def test_waves_that_became_one_have_what_main_had_there_on_top() -> None:
    merged = settings(live={"targets": ["t"], "was": ["lab", "shop"]})
    *landed, _ = swapped()
    for there in ("lab-2", "shop-2"):
        more = replace(
            main_commit("more", set="other"), settings=merged, contents={("live", "app"): there}
        )
        found = recalled(Evidence(why="it is gone", landed=[*landed, more]))
        present = found.history("live", "app").present
        assert present is not None
        assert present.content == there


@pytest.mark.parametrize(
    ("since", "then", "today"),
    [
        (50, BEFORE, "shop"),
        (5, SWAPPED, "lab"),
        (5, BEFORE, "shop"),
        (50, SWAPPED, "lab"),
        (50, None, "shop"),
        (5, None, "lab"),
        (99, named(lab="east"), "shop"),
    ],
    ids=[
        "before",
        "after",
        "before, by a clock that was ahead",
        "after, by a clock that was behind",
        "before, without settings",
        "after, without settings",
        "before all that is known",
    ],
)
def test_evicted_commit_speaks_of_the_wave_that_had_the_name_then(
    since: float, then: Settings | None, today: str
) -> None:
    landed = [
        replace(one, at=Rollout().ago(ago))
        for one, ago in zip(swapped(), (90, 80, 70, 60, 10), strict=True)
    ]
    operation = main_commit("red", wave="lab", position=3).operation
    gone = EvictedCommit(sha("red"), Rollout().ago(since), operation, then)
    found = recalled(Evidence(why="it is gone", landed=landed, evicted=[gone]))
    [eviction] = found.evictions
    assert eviction.operation is not None
    assert eviction.operation.wave == today


@pytest.mark.parametrize(
    ("since", "today"),
    [(95, "shop"), (80, "shop"), (20, "lab")],
    ids=["by a clock that was behind", "before the swap", "after it"],
)
def test_where_names_say_no_more_what_they_were_time_tells_which_an_evicted_commit_means(
    since: float, today: str
) -> None:
    *_, old, back = swapped()
    later = main_commit("more", wave="shop", position=3)
    landed = [
        replace(one, at=Rollout().ago(ago), settings=then)
        for one, ago, then in ((old, 90, BEFORE), (back, 60, SWAPPED), (later, 30, BEFORE))
    ]
    operation = main_commit("red", wave="lab", position=3).operation
    gone = EvictedCommit(sha("red"), Rollout().ago(since), operation, BEFORE)
    [eviction] = recalled(Evidence(why="it is gone", landed=landed, evicted=[gone])).evictions
    assert eviction.operation is not None
    assert eviction.operation.wave == today


def test_evicted_commit_of_before_all_that_is_known_takes_part_in_the_first_change() -> None:
    back = replace(swapped()[-1], at=Rollout().ago(10))
    operation = main_commit("red", wave="lab", position=3).operation
    gone = EvictedCommit(sha("red"), Rollout().ago(20), operation, BEFORE)
    [eviction] = recalled(Evidence(why="it is gone", landed=[back], evicted=[gone])).evictions
    assert eviction.operation is not None
    assert eviction.operation.wave == "shop"


def test_past_of_a_wave_that_went_again_is_its_heir_s() -> None:
    """A name that was taken over, was given to a new wave, and went with that one, too."""
    heir = {"targets": ["t"], "was": "lab"}
    lab = {"targets": ["u"]}
    landed = [
        replace(main_commit(name, wave=wave, position=position), settings=then)
        for position, (name, wave, then) in enumerate(
            (
                ("first", "lab", settings(lab=lab)),
                ("of the heir", "live", settings(live=heir)),
                ("of the new one", "lab", settings(live=heir, lab=lab)),
                ("last", "live", settings(live={**heir, "was": ["lab", "east"]})),
            ),
            start=1,
        )
    ]
    found = recalled(Evidence(why="it is gone", landed=landed))
    assert "of the new one" in [one for one, _, _ in history(found, "live")]


def test_evictions_are_in_order_of_time_whatever_their_names() -> None:
    landed = [replace(one, at=Rollout().ago(10)) for one in swapped()]
    gone = [
        EvictedCommit(sha(name), Rollout().ago(ago), None, then)
        for name, ago, then in (("a", 9, SWAPPED), ("b", 8, BEFORE), ("c", 7, SWAPPED))
    ]
    found = recalled(Evidence(why="it is gone", landed=landed, evicted=gone))
    assert [one.commit for one in found.evictions] == [sha("a"), sha("b"), sha("c")]
