"""Names change, as a person says with `was`: nothing that was known of the old one is forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.unit.snapshots import LAB, NOW, Rollout, app_sha, introduced, present, settings, whats

from tidemill.facts import forms, renames
from tidemill.facts.evidence import Evidence
from tidemill.facts.holds import each_hold
from tidemill.facts.image_files import ImageFiles
from tidemill.facts.ledger import Eviction, Names, OpenRollback, RequestEnding, SetLedger
from tidemill.facts.operation import Operation
from tidemill.facts.renames import Renaming, marked, renamed_ledger
from tidemill.facts.requests import (
    AnnouncementRequest,
    Drop,
    HoldRequest,
    Promotion,
    Release,
    Retry,
    Rollback,
    SetRollback,
)
from tidemill.facts.settings import Settings
from tidemill.facts.verification import Standing
from tidemill.plan.lost_journal import recalled
from tidemill.plan.plan import Plan, plan
from tidemill.words.json_types import in_lines

LIVE: dict[str, Any] = {"targets": ["north", "south"]}
THREE: dict[str, Any] = {"lab": LAB, "live": LIVE}


def shipped(**waves: Any) -> Rollout:
    """Sets 1 and 2 are deployed in lab and live."""
    rollout = Rollout(settings(**(waves or THREE)))
    for wave in waves or THREE:
        rollout.landing(wave, 1, landed=120, deployed=110)
        rollout.landing(wave, 2)
        for target in (waves or THREE)[wave]["targets"]:
            rollout.reported(wave, target)
    return rollout


def renamed(rollout: Rollout, now: Settings, **moved: str) -> Rollout:
    """A person changes the names, and moves image files along: from the old folder to the new."""
    rollout.settings = now
    files: dict[tuple[str, str], ImageFiles] = dict(rollout.files)
    for new, old in moved.items():
        for (wave, name), one in rollout.files.items():
            if wave == old:
                files[new, name] = one
                if old not in moved:
                    files.pop((old, name), None)
    rollout.files = files
    rollout.pushed("other names")
    return rollout


def in_todays_names(rollout: Rollout, now: Settings, wave: str = "live") -> SetLedger:
    """What the ledger knows of a wave by the names of other settings."""
    return renamed_ledger(now, rollout.ledger).history(wave, "app")


def was(name: str | list[str] = "live", **more: Any) -> dict[str, Any]:
    """A wave that was called `name`."""
    return {**LIVE, "was": name, **more}


def taken_note(rollout: Rollout) -> Plan:
    """A turn; and after it there is nothing left to do."""
    decided = rollout.turn()
    assert not rollout.decide().is_change
    return decided


def positions(rollout: Rollout, wave: str, name: str = "app") -> list[tuple[int, bool]]:
    """The sets that a wave has had, and whether each was rolled back."""
    landings = rollout.ledger.history(wave, name).landings
    return [(landing.position, landing.rolled_back) for landing in landings]


def test_past_goes_over_once_and_to_the_very_commit() -> None:
    rollout = shipped()
    before = rollout.ledger.history("live", "app").landings
    decided = taken_note(renamed(rollout, settings(lab=LAB, prod=was()), prod="live"))
    assert whats(decided) == ["renamed"]
    landings = rollout.ledger.history("prod", "app").landings
    assert [(landing.commit, landing.wave, landing.set) for landing in landings] == [
        (landing.commit, "live", "") for landing in before
    ]
    assert landings[-1].deployed_at == before[-1].deployed_at, "it is as deployed as it was"
    assert "live" not in rollout.ledger.sets
    assert {wave for wave, _ in rollout.records} == {"lab", "prod"}
    assert decided.moved == {("prod", one): ("live", one) for one in LIVE["targets"]}


@pytest.mark.parametrize("set_name", ["_", "app"])
def test_hold_goes_over(set_name: str) -> None:
    rollout = shipped()
    rollout.held("live", set_name, "freeze")
    taken_note(renamed(rollout, settings(lab=LAB, prod=was()), prod="live"))
    assert [(place, hold.wave, hold.reason) for place, hold in rollout.holds.items()] == [
        (("prod", set_name), "prod", "freeze")
    ]


def test_swap_is_one_step() -> None:
    rollout = shipped(lab=LAB, live=LIVE, shop={"targets": ["east"]})
    rollout.landing("live", 3)
    rollout.held("live", "_", "live is frozen")
    rollout.held("shop", "app", "shop is frozen")
    now = settings(lab=LAB, live={"targets": ["east"], "was": "shop"}, shop=was("live"))
    taken_note(renamed(rollout, now, live="shop", shop="live"))
    assert positions(rollout, "live") == [(1, False), (2, False)]
    assert positions(rollout, "shop") == [(1, False), (2, False), (3, False)]
    assert {place: hold.reason for place, hold in rollout.holds.items()} == {
        ("shop", "_"): "live is frozen",
        ("live", "app"): "shop is frozen",
    }
    assert ("live", "east") in rollout.records
    assert ("shop", "north") in rollout.records


def test_swap_of_long_ago_moves_no_hold_off_its_wave_where_the_journal_is_lost() -> None:
    evidence = Evidence(why="it is gone")
    rollout = Rollout(settings(lab=LAB, live={"targets": ["east"], "was": "shop"}, shop=was()))
    rollout.held("shop", "app", "placed after the swap")
    rollout.ledger = recalled(evidence)
    holds = plan(replace(rollout.snapshot(), evidence=evidence)).holds
    assert set(holds) >= {("shop", "app")}, "nobody knows whether it has been carried over"


def test_swap_of_sets_moves_no_hold_either() -> None:
    evidence = Evidence(why="it is gone")
    was = {"core": "edge", "edge": "core"}
    now = settings(sets=("core", "edge"), lab=LAB)
    swapped = tuple(replace(one, was=was[one.name]) for one in now.sets)
    rollout = Rollout(replace(now, sets=swapped))
    rollout.held("lab", "edge", "placed after the swap")
    rollout.ledger = recalled(evidence)
    holds = plan(replace(rollout.snapshot(), evidence=evidence)).holds
    assert set(holds) >= {("lab", "edge")}


def test_what_waits_when_waves_are_swapped_stays_with_the_wave_that_it_was_asked_for() -> None:
    """Also in the turns after the one that has swapped them, and when it is renamed again."""
    slow: dict[str, Any] = {"targets": ["east"], "soak": "5h"}
    rollout = shipped(lab=LAB, live=LIVE, shop=slow)
    rollout.landing("lab", 3)
    request = rollout.promotion("shop", 3)
    fix = rollout.hotfix("shop", 1)
    rollout.turn()
    now = settings(lab=LAB, live={**slow, "was": "shop"}, shop=was("live"))
    taken_note(renamed(rollout, now, live="shop", shop="live"))
    for _ in range(2):
        decided = taken_note(rollout)
        assert [one.operation.wave for one in decided.auto] == ["live"]
        assert {one.about.wave for one in decided.waiting if one.id in (request, fix)} <= {
            "live",
            None,
        }
    assert decided.ledger.meant == {request: ("live", "app"), fix: ("live", "app")}
    again = settings(lab=LAB, edge={**slow, "was": "live"}, shop=was("live"))
    decided = taken_note(renamed(rollout, again, edge="live"))
    assert [one.operation.wave for one in decided.auto] == ["edge"]
    assert decided.ledger.meant[fix] == ("edge", "app")


def test_announcement_that_waits_when_sets_are_swapped_stays_with_its_set() -> None:
    text = settings(sets=("app", "lib"), lab=LAB)
    rollout = Rollout(text)
    request = rollout.announced(4, "app")
    rollout.held("lab", "app")
    rollout.turn()
    swapped = {"app": ("lib",), "lib": ("app",)}
    rollout.settings = replace(
        text, sets=tuple(replace(one, was=swapped[one.name]) for one in text.sets)
    )
    rollout.pushed("other names")
    for _ in range(2):
        decided = taken_note(rollout)
        assert decided.ledger.meant == {request: (None, "lib")}
        assert not decided.auto, "lib is held now"


def test_chain_is_one_step_and_what_is_made_anew_begins_anew() -> None:
    rollout = shipped(lab=LAB, live=LIVE)
    rollout.landing("live", 3)
    rollout.held("live")
    now = settings(new=LAB, lab={**LIVE, "was": "live"}, beta={**LAB, "was": "lab"})
    decided = renamed(rollout, now, beta="lab", lab="live").turn()
    assert positions(rollout, "lab")[-1] == (3, False)
    assert positions(rollout, "beta")[-1] == (2, False)
    assert decided.ledger.present("new", "app") is None
    assert set(rollout.holds) == {("lab", "_")}


def test_there_and_back_and_there_again() -> None:
    rollout = shipped()
    rollout.held("live")
    for new, old in (("prod", "live"), ("live", "prod"), ("prod", "live")):
        now: dict[str, Any] = {new: was(old)}
        taken_note(renamed(rollout, settings(lab=LAB, **now), **{new: old}))
        assert set(rollout.holds) == {(new, "_")}
        assert positions(rollout, new) == [(1, False), (2, False)]
        assert {landing.wave for landing in rollout.ledger.history(new, "app").landings} == {"live"}


def test_was_that_stays_in_the_file_does_no_more() -> None:
    """A wave that is made anew under the old name keeps its own past."""
    rollout = shipped()
    now: dict[str, Any] = {"lab": LAB, "prod": was()}
    taken_note(renamed(rollout, settings(**now), prod="live"))
    rollout.settings = settings(**now, live={"targets": ["west"]})
    rollout.landing("live", 1, landed=1, deployed=None)
    rollout.held("live", "_", "only live")
    taken_note(rollout)
    assert set(rollout.holds) == {("live", "_")}
    assert positions(rollout, "prod") == [(1, False), (2, False)]


def test_two_heirs_both_inherit_and_each_hold_can_be_released() -> None:
    rollout = shipped()
    rollout.landing("live", 3, rolled_back=True)
    rollout.landing("live", 2, landed=1, how="roll back")
    rollout.held("live", "_", "freeze")
    eu, us = ({"targets": [one], "was": "live", "after": ["lab"]} for one in LIVE["targets"])
    taken_note(renamed(rollout, settings(lab=LAB, eu=eu, us=us), eu="live", us="live"))
    for wave, target in (("eu", "north"), ("us", "south")):
        assert positions(rollout, wave)[-2:] == [(3, True), (2, False)]
        assert rollout.ledger.history(wave, "app").highest == 3
        assert (wave, target) in rollout.records
    assert set(rollout.holds) == {("eu", "_"), ("us", "_")}
    release = Release(accepted_at=NOW, wave="eu", ends=(rollout.holds["eu", "_"].id,), reason="x")
    rollout.asked(release)
    rollout.turn()
    assert set(rollout.holds) == {("us", "_")}


def test_wave_that_keeps_its_past_which_another_one_has_now_too_is_told() -> None:
    rollout = shipped()
    live, us = ({"targets": [one], "after": ["lab"]} for one in LIVE["targets"])
    now = settings(lab=LAB, live=live, us={**us, "was": "live"})
    entries = renamed(rollout, now, live="live", us="live").turn().entries
    assert [one.reason for one in entries if one.what == "renamed"] == [
        "the wave live keeps its past, which another wave has now, too",
        "the wave us was live",
    ]


def test_hold_of_a_wave_that_becomes_two_again_and_again_can_still_be_read_and_released() -> None:
    rollout = shipped()
    rollout.held("live", "_", "freeze")
    name, ids = "live", set()
    for count in range(6):
        one, other = (f"{letter * 98}{count}" for letter in "ab")
        halves: Any = {half: {**was(name), "after": ["lab"]} for half in (one, other)}
        moved = {one: name, other: name}
        taken_note(renamed(rollout, settings(lab=LAB, **halves), **moved))
        for wave in (one, other):
            hold = rollout.holds[wave, "_"]
            assert forms.hold(f"{wave}/_", in_lines(hold)) == hold
            ids.add(hold.id)
        name = one
    assert len(ids) == 12, "each is another one"
    ends = (rollout.holds[name, "_"].id,)
    rollout.asked(Release(accepted_at=NOW, wave=name, ends=ends, reason="x"))
    rollout.turn()
    assert (name, "_") not in rollout.holds
    assert (other, "_") in rollout.holds


def test_merged_waves_keep_every_hold_and_every_rollback() -> None:
    eu, us = ({"targets": [one], "after": ["lab"]} for one in LIVE["targets"])
    rollout = shipped(lab=LAB, eu=eu, us=us)
    rollout.landing("us", 3, rolled_back=True)
    rollout.landing("us", 2, landed=1, how="roll back")
    rollout.landing("eu", 3)
    rollout.held("us", "app", "3 is bad")
    now = settings(lab=LAB, live=was(["eu", "us"]))
    decided = taken_note(renamed(rollout, now, live="eu"))
    assert present(decided, "live").position == 3
    assert all(bad for position, bad in positions(rollout, "live") if position == 3)
    assert rollout.holds["live", "app"].reason == "3 is bad"
    assert set(rollout.records) >= {("live", "north"), ("live", "south")}


def test_merged_waves_go_on_with_the_oldest_after_an_eviction_in_one_of_them() -> None:
    eu, us = ({"targets": [one], "after": ["lab"]} for one in LIVE["targets"])
    rollout = shipped(lab=LAB, eu=eu, us=us)
    rollout.ledger.of("us", "app").oldest_next = True
    renamed(rollout, settings(lab=LAB, live=was(["eu", "us"])), live="eu")
    assert rollout.decide().ledger.history("live", "app").oldest_next


def test_merged_waves_have_had_the_newest_of_them() -> None:
    eu, us = ({"targets": [one], "after": ["lab"]} for one in LIVE["targets"])
    rollout = shipped(lab=LAB, eu=eu, us=us)
    rollout.ledger.of("us", "app").highest = 9
    assert in_todays_names(rollout, settings(lab=LAB, live=was(["eu", "us"]))).highest == 9


def test_what_files_name_is_looked_up_anew_where_a_name_is_another_wave_s_now() -> None:
    """It is known by wave, and another one may have had the very same files before."""
    rollout = shipped()
    rollout.ledger.named = {"lab": "a look", "live": "another"}
    same = renamed_ledger(rollout.settings, rollout.ledger)
    assert same.named == rollout.ledger.named
    now = settings(lab=LAB, prod=was())
    assert renamed_ledger(now, rollout.ledger).named == {}


def test_landing_that_has_another_name_has_not_moved_to_it_yet() -> None:
    rollout = shipped()
    for wave in THREE:
        rollout.ledger.of(wave, "app").landings[-1].moved = True
    now = settings(lab=LAB, live=was("prod"))
    assert in_todays_names(rollout, now).landings[-1].moved
    assert not in_todays_names(rollout, settings(lab=LAB, prod=was()), "prod").landings[-1].moved


@pytest.mark.parametrize("wave", ["lab", "prod"])
def test_answer_that_stands_is_known_whatever_wave_is_renamed(wave: str) -> None:
    rollout = shipped()
    standing = Standing(red=NOW, said="0.5")
    for each in THREE:
        rollout.ledger.of(each, "app").answers = {"errors": standing}
    found = in_todays_names(rollout, settings(lab=LAB, prod=was()), wave)
    assert found.answers == {"errors": standing}


def test_operation_on_a_set_that_is_renamed_knows_its_name_of_then() -> None:
    rollout = Rollout(settings(lab=LAB))
    rollout.landing("lab", 1)
    rollout.on_auto("lab", 2)
    [app] = rollout.settings.sets
    core = msgspec.structs.replace(app, name="core", was="app")
    rollout.files = {(wave, "core"): one for (wave, _), one in rollout.files.items()}
    renamed(rollout, msgspec.structs.replace(rollout.settings, sets=(core,)))
    [commit] = rollout.turn().auto
    assert (commit.operation.set, commit.operation.source_set) == ("core", "app")


def test_rollback_under_way_goes_on_from_where_the_files_are() -> None:
    rollout = shipped()
    first = rollout.ledger.history("live", "app").landings[0]
    rollout.rollback("live", first)
    rollout.turn()
    assert [commit.operation.wave for commit in rollout.auto] == ["live"]
    decided = taken_note(renamed(rollout, settings(lab=LAB, prod=was()), prod="live"))
    operation = decided.auto[0].operation
    assert (operation.wave, operation.source, operation.commit) == ("prod", "live", first.commit)
    assert "replayed" in whats(decided)
    assert set(rollout.holds) == {("prod", "app")}
    rollout.green(decided.auto[0].sha)
    assert present(rollout.turn(), "prod").position == 1
    assert rollout.inbox == {}


def test_hotfix_under_way_goes_on_and_is_held_and_known_as_one_under_the_new_name() -> None:
    rollout = shipped()
    rollout.hotfix("live", 9)
    rollout.turn()
    decided = taken_note(renamed(rollout, settings(lab=LAB, prod=was()), prod="live"))
    operation = decided.auto[0].operation
    assert (operation.kind, operation.wave, operation.position) == ("hotfix", "prod", 2)
    assert set(rollout.holds) == {("prod", "app")}
    rollout.green(decided.auto[0].sha)
    assert present(rollout.turn(), "prod").is_hotfix
    assert rollout.inbox == {}


def test_hotfix_that_comes_under_the_old_name_is_for_the_heir() -> None:
    rollout = shipped()
    renamed(rollout, settings(lab=LAB, prod=was()), prod="live")
    rollout.hotfix("live", 9)
    decided = rollout.turn()
    assert [(one.operation.kind, one.operation.wave) for one in decided.auto] == [
        ("hotfix", "prod")
    ]


def test_rollback_of_several_sets_that_comes_under_old_names_is_for_the_heirs() -> None:
    rollout = Rollout(settings(sets=("app", "batch"), lab=LAB, live=LIVE))
    for name in ("app", "batch"):
        rollout.landing("live", 1, name, landed=120, deployed=110)
        rollout.landing("live", 2, name)
    app, batch = (
        SetRollback(set=name, leaves=newer.point(), to=older.point())
        for name in ("app", "batch")
        for older, newer in [rollout.ledger.history("live", name).landings]
    )
    now = settings(sets=("app", "jobs"), lab=LAB, prod=was())
    first, jobs = now.sets
    now = msgspec.structs.replace(now, sets=(first, msgspec.structs.replace(jobs, was="batch")))
    rollout.files = {
        ("prod" if wave == "live" else wave, "jobs" if name == "batch" else name): one
        for (wave, name), one in rollout.files.items()
    }
    rollout.settings = now
    rollout.pushed("other names")
    rollout.asked(
        Rollback(
            accepted_at=NOW, wave="live", set="app", leaves=app.leaves, to=app.to,
            reason="bad", others=(batch,),
        )
    )  # fmt: skip
    decided = rollout.turn()
    backs = {one.operation.set for one in decided.auto if one.operation.kind == "roll back"}
    assert backs == {"app", "jobs"}
    points = [
        (point.wave, point.set or back.set)
        for back in decided.ledger.rollbacks
        for point in (back.leaves, back.to)
    ]
    assert points == [("live", "app")] * 2 + [("live", "batch")] * 2, "as their commits call them"
    assert set(rollout.holds) == {("prod", "app"), ("prod", "jobs")}
    assert decided.rejected == {}


def test_promotion_on_auto_goes_on() -> None:
    rollout = shipped()
    rollout.landing("lab", 3)
    rollout.reported("lab", "lab-1")
    rollout.reported("lab", "lab-2")
    rollout.turn()
    assert [commit.operation.wave for commit in rollout.auto] == ["live"]
    decided = taken_note(renamed(rollout, settings(lab=LAB, prod=was()), prod="live"))
    assert [(one.operation.wave, one.operation.position) for one in decided.auto] == [("prod", 3)]
    assert whats(decided) == ["renamed", "replayed"]


def test_evicted_stays_evicted() -> None:
    rollout = shipped()
    rollout.landing("lab", 3)
    operation = Operation(
        kind="promote", wave="live", set="app", app_sha=app_sha(3), position=3,
        repository="acme/app", content=rollout.files_of(3).content,
    )  # fmt: skip
    gone = Eviction(commit=rollout.main, at=NOW, reason="red", operation=operation)
    rollout.ledger.evictions.append(gone)
    decided = taken_note(renamed(rollout, settings(lab=LAB, prod=was()), prod="live"))
    assert decided.auto == ()
    found = decided.ledger.evictions[0]
    assert found.operation is not None
    assert found.operation.wave == "prod"
    rollout.asked(Retry(accepted_at=NOW, wave="live", set="app", app_sha=app_sha(3)))
    assert [one.operation.wave for one in rollout.turn().auto] == ["prod"], "by the old name, too"


def test_failure_goes_over() -> None:
    rollout = shipped()
    rollout.reports("live", "north", "Degraded")
    rollout.turn()
    taken_note(renamed(rollout, settings(lab=LAB, prod=was()), prod="live"))
    assert rollout.ledger.failing == {"prod": {"north": NOW.replace(hour=11, minute=59)}}
    assert list(rollout.ledger.history("prod", "app").landings[-1].failed) == ["north"]


@pytest.mark.parametrize("is_late", [False, True], ids=["before-the-turn", "long-after"])
def test_what_comes_in_under_the_old_name_counts_for_the_heir(*, is_late: bool) -> None:
    rollout = shipped()
    first = rollout.ledger.history("live", "app").landings[0]
    renamed(rollout, settings(lab=LAB, prod=was()), prod="live")
    if is_late:
        rollout.turn()
    rollout.asked(HoldRequest(accepted_at=NOW, wave="live", set="_", reason="freeze"))
    now = "prod" if is_late else "live"
    rollout.asked(
        Rollback(
            accepted_at=NOW, wave="live", set="app", reason="bad",
            leaves=rollout.ledger.history(now, "app").landings[-1].point(),
            to=first.point(),
        )
    )  # fmt: skip
    decided = rollout.turn()
    assert set(rollout.holds) == {("prod", "_")}
    assert [one.operation.wave for one in decided.auto] == ["prod"]
    assert decided.rejected == {}


def test_set_is_renamed_in_every_wave_and_app_git_may_lag_behind() -> None:
    rollout = Rollout(settings(sets=("app", "batch"), lab=LAB, live=LIVE))
    for wave in ("lab", "live"):
        rollout.landing(wave, 2)
        rollout.landing(wave, 5, "batch")
    rollout.held("live", "app")
    rollout.held("live", "batch")
    now = settings(sets=("core", "batch"), lab=LAB, live=LIVE)
    core, batch = now.sets
    now = msgspec.structs.replace(now, sets=(msgspec.structs.replace(core, was="app"), batch))
    rollout.files = {
        (wave, "core" if name == "app" else name): one
        for (wave, name), one in rollout.files.items()
    }
    rollout.settings = now
    rollout.pushed("core")
    taken_note(rollout)
    assert set(rollout.holds) == {("live", "core"), ("live", "batch")}
    assert rollout.ledger.history("lab", "core").landings[-1].set == "app"
    rollout.announced(3, "app")
    decided = rollout.turn()
    assert [(one.operation.set, one.operation.position) for one in decided.auto] == [("core", 3)]
    rollout.green(decided.auto[0].sha)
    assert present(rollout.turn(), "lab", "core").position == 3
    assert rollout.inbox == {}


def test_what_targets_reported_of_a_set_that_is_renamed_is_written_by_its_new_name() -> None:
    rollout = shipped()
    [app] = rollout.settings.sets
    core = msgspec.structs.replace(app, name="core", was="app")
    rollout.files = {(wave, "core"): one for (wave, _), one in rollout.files.items()}
    renamed(rollout, msgspec.structs.replace(rollout.settings, sets=(core,)))
    decided = taken_note(rollout)
    assert decided.moved == {place: place for place in rollout.records}
    assert [set(one.sets or ()) for one in rollout.records.values()] == [{"core"}] * 4


def test_request_that_came_after_a_swap_is_by_todays_names() -> None:
    rollout = shipped(lab=LAB, live=LIVE, shop={"targets": ["east"]})
    now = settings(lab=LAB, live={"targets": ["east"], "was": "shop"}, shop=was("live"))
    renamed(rollout, now, live="shop", shop="live")
    late = marked(
        Renaming.of(rollout.settings, rollout.ledger),
        HoldRequest(accepted_at=NOW, wave="live", set="app", reason="late"),
    )
    rollout.asked(late)
    rollout.asked(HoldRequest(accepted_at=NOW, wave="live", set="app", reason="early"))
    taken_note(rollout)
    assert {place: hold.reason for place, hold in rollout.holds.items()} == {
        ("live", "app"): "late",
        ("shop", "app"): "early",
    }


def test_promotion_for_a_wave_that_is_several_now_has_to_be_asked_for_anew() -> None:
    rollout = shipped()
    rollout.landing("lab", 3)
    eu, us = (
        {"targets": [one], "was": "live", "after": ["lab"], "approval": True}
        for one in LIVE["targets"]
    )
    rollout.asked(
        Promotion(accepted_at=NOW, wave="live", set="app", app_sha=app_sha(3), position=3)
    )
    decided = renamed(rollout, settings(lab=LAB, eu=eu, us=us), eu="live", us="live").turn()
    assert decided.auto == ()
    assert ["eu and us" in reason for reason in decided.rejected.values()] == [True]


def test_files_that_have_not_moved_yet_are_no_persons_step_back() -> None:
    rollout = shipped()
    rollout.settings = settings(lab=LAB, prod=was())
    rollout.pushed("the settings first")
    rollout.to_follow = {("prod", "app")}
    taken_note(rollout)
    assert rollout.holds == {}
    assert positions(rollout, "prod") == [(1, False), (2, False)]
    rollout.to_follow.clear()
    rollout.by_hand("prod", rollout.files_of(2))
    taken_note(rollout)
    assert rollout.holds == {}
    rollout.by_hand("prod", None)
    taken_note(rollout)
    taken = "takes the image files of app out of prod"
    assert taken in rollout.holds["prod", "app"].reason, "but taking them away is one"


def test_files_that_are_gone_when_the_name_changes_are_taken_out() -> None:
    rollout = shipped()
    rollout.settings = settings(lab=LAB, prod=was())
    rollout.pushed("the settings, and no files")
    taken_note(rollout)
    assert "takes the image files of app out of prod" in rollout.holds["prod", "app"].reason


def test_rollback_whose_wave_is_gone_is_given_up_but_not_forgotten() -> None:
    rollout = shipped()
    landings = rollout.ledger.history("live", "app").landings
    back = OpenRollback(
        wave="live",
        set="app",
        leaves=landings[1].point(),
        to=landings[0].point(),
        reason="bad",
        at=NOW,
    )
    rollout.ledger.rollbacks.append(back)
    rollout.held("live", "app")
    renamed(rollout, settings(lab=LAB)).turn()
    assert positions(rollout, "live") == [(1, False), (2, True)]
    assert rollout.ledger.rollbacks == []


def test_was_that_says_something_else_now_takes_over_what_is_gone_now() -> None:
    """It was `["eu", "us"]`, and eu was made anew since: now it is that one."""
    eu, us = ({"targets": [one], "after": ["lab"]} for one in LIVE["targets"])
    rollout = shipped(lab=LAB, eu=eu, us=us)
    taken_note(renamed(rollout, settings(lab=LAB, live=was(["eu", "us"])), live="eu"))
    rollout.settings = settings(lab=LAB, live=was(["eu", "us"], after=["lab"]), eu=eu)
    rollout.pushed("eu is made anew")
    rollout.held("eu", "_", "a new freeze")
    rollout.turn()
    taken_note(renamed(rollout, settings(lab=LAB, live=was("eu"))))
    assert set(rollout.holds) == {("live", "_")}


def test_wave_that_has_had_nothing_is_renamed_like_others() -> None:
    rollout = Rollout(settings(**THREE))
    rollout.landing("lab", 1)
    rollout.ledger.of("live", "app").oldest_next = True
    found = in_todays_names(rollout, settings(lab=LAB, prod=was()), "prod")
    assert (found.landings, found.oldest_next) == ([], True)


@pytest.mark.parametrize(
    ("is_held", "is_gone", "is_due"),
    [(False, False, False), (True, False, True), (False, True, True)],
    ids=["the-ledger-alone-knows-it", "it-is-held", "another-wave-is-gone"],
)
def test_refs_are_written_anew_where_holds_have_other_names_or_a_name_is_gone(
    *, is_held: bool, is_gone: bool, is_due: bool
) -> None:
    waves: dict[str, Any] = {"lab": LAB, "edge": {"targets": ["west"]}}
    rollout = Rollout(settings(**waves, live=LIVE))
    rollout.landing("live", 1)
    rollout.ledger.wave_names = Names(known=("lab", "edge", "live"))
    if is_held:
        rollout.held("live")
    if is_gone:
        del waves["edge"]
    rollout.settings = settings(**waves, prod=was())
    assert renames.renamed(rollout.snapshot()).is_due is is_due


@pytest.mark.parametrize(
    ("heirs", "expected"), [(("core",), "core"), (("core", "base"), "app"), ((), "app")], ids=str
)
def test_announcement_of_a_set_that_is_several_now_is_left_as_it_is(
    heirs: tuple[str, ...], expected: str
) -> None:
    rollout = Rollout(settings(lab=LAB))
    rollout.landing("lab", 1)
    request = rollout.announced(2)
    now = settings(sets=heirs or ("app",), lab=LAB)
    sets = tuple(replace(one, was="app") if heirs else one for one in now.sets)
    renaming = Renaming.of(replace(now, sets=sets), rollout.ledger)
    found = renames.renamed_inbox(renaming, rollout.inbox, {})[request]
    assert isinstance(found, AnnouncementRequest)
    assert found.announcement.set == expected


def test_of_two_records_of_a_target_the_later_is_its_latest_whatever_a_wrong_clock_says() -> None:
    rollout = Rollout(settings(lab=LAB))
    wrong = rollout.record("eu", "v1", "Degraded", ago=60, finished_at=rollout.ago(-9999))
    right = rollout.record("us", "v1", ago=1)
    now = settings(lab=LAB, live={"targets": ["v1"], "was": ["eu", "us"]})
    renaming = Renaming.of(now, rollout.ledger)
    found, _ = renames.renamed_records(renaming, {("eu", "v1"): wrong, ("us", "v1"): right})
    assert found["live", "v1"].health == "Healthy"


def test_earlier_commit_calls_a_wave_what_it_was_called_though_the_settings_have_forgotten() -> (
    None
):
    now, then = settings(lab=LAB, prod=LIVE), settings(edge=LAB, live=LIVE)
    names = Names(now={"live": ("prod",), "edge": ("lab",)})
    assert renames.called_then("prod", now.waves, then.waves, names) == "live"
    assert renames.called_then("lab", now.waves, then.waves, names) == "edge"
    assert renames.called_then("prod", now.waves, now.waves, names) == "prod"


def test_point_of_a_commit_keeps_the_names_that_it_had_and_gets_those_that_changed() -> None:
    rollout = shipped()
    point = rollout.ledger.history("live", "app").landings[0].point()
    first = renames._point(point, ("live", "app"), ("prod", "core"))
    assert (first.wave, first.set) == ("live", "app")
    again = renames._point(first, ("prod", "core"), ("edge", "core"))
    assert (again.wave, again.set) == ("live", "app")
    same = renames._point(point, ("live", "app"), ("live", "app"))
    assert (same.wave, same.set) == (msgspec.UNSET, msgspec.UNSET)


def test_mark_of_the_names_is_what_earlier_releases_wrote() -> None:
    """Who has accepted something before an upgrade has marked it so."""
    now = settings(lab=LAB, live={**LIVE, "was": "prod"})
    assert Renaming.of(now, shipped().ledger).mark == "d49efc7a5d51"


@pytest.mark.parametrize(("then", "expected"), [("", None), ("old", "old")])
def test_copy_knows_what_its_commit_calls_the_set(then: str, expected: str | None) -> None:
    landing = shipped().ledger.of("lab", "app").landings[0]
    point = replace(landing.point(), set=then)
    made = Operation.copying("promote", "live", "app", "lab", point)
    assert (made.source_set, made.set, made.source) == (expected, "app", "lab")
    assert made.content == landing.content


def test_target_of_two_waves_that_are_one_now_has_failed_since_the_first() -> None:
    rollout = Rollout(settings(east=LIVE, west=LIVE))
    first, later = NOW.replace(hour=9), NOW.replace(hour=10)
    rollout.ledger.failing = {"east": {"north": later}, "west": {"north": first, "south": later}}
    for name in ("east", "west"):
        rollout.landing(name, 1)
    now = settings(live={**LIVE, "was": ["east", "west"]})
    found = renamed_ledger(now, rollout.ledger)
    assert found.failing == {"live": {"north": first, "south": later}}


@pytest.mark.parametrize(
    ("now", "released"),
    [
        ({"lab": LAB, "prod": was()}, ["hold-prod-app"]),
        ({"beta": {**LAB, "was": "lab"}, "prod": LIVE}, []),
    ],
    ids=["its-past-is-here", "another-is-renamed"],
)
def test_hold_for_want_of_a_past_ends_with_the_names_that_bring_it_and_no_others(
    now: dict[str, Any], released: list[str]
) -> None:
    rollout = shipped()
    rollout.held("prod", "app", instead_of=("live", "app"))
    rollout.held("lab")
    rollout.settings = settings(**now)
    entries = renames.renamed(rollout.snapshot()).entries
    assert [one.id for one in entries if one.what == "released"] == released


def test_name_of_long_ago_means_what_has_its_past_by_now() -> None:
    rollout = shipped()
    taken_note(renamed(rollout, settings(lab=LAB, prod=was()), prod="live"))
    taken_note(renamed(rollout, settings(lab=LAB, edge=was("prod")), edge="prod"))
    rollout.asked(HoldRequest(accepted_at=NOW, wave="live", set="_", reason="freeze"))
    rollout.turn()
    assert set(rollout.holds) == {("edge", "_")}


def test_announcement_that_has_ended_has_ended_for_the_set_by_its_new_name() -> None:
    rollout = shipped()
    end = "a" * 12
    rollout.ledger.ended = [
        RequestEnding(id=f"announcement-app-3-{end}", how="landed"),
        RequestEnding(id="hold-1", how="done"),
    ]
    [app] = rollout.settings.sets
    now = replace(rollout.settings, sets=(replace(app, name="core", was="app"),))
    ended = renamed_ledger(now, rollout.ledger).ended
    assert [one.id for one in ended] == [f"announcement-core-3-{end}", "hold-1"]


def test_target_that_no_heir_lists_is_the_first_one_s() -> None:
    rollout = shipped()
    renaming = Renaming.of(rollout.settings, rollout.ledger)
    assert renaming.listing(("lab", "live"), "south") == ("live",)
    assert renaming.listing(("live", "lab"), "gone") == ("live",)
    assert renaming.listing((), "gone") == ()


@pytest.mark.parametrize("kind", ["wave", "set"])
def test_name_that_goes_and_comes_back_is_told(kind: str) -> None:
    both = settings(sets=("app", "batch"), lab=LAB, live=LIVE)
    rollout = Rollout(both)
    for wave in ("lab", "live"):
        for name in ("app", "batch"):
            rollout.landing(wave, 1, name)
    one = settings(sets=("app", "batch"), lab=LAB) if kind == "wave" else settings(**THREE)
    gone = {"wave": ("live", None), "set": (None, "batch")}[kind]
    told = []
    for now in (both, one, both):
        rollout.settings = now
        found = renames.renamed(rollout.snapshot()).entries
        told.append([(entry.what, entry.wave, entry.set) for entry in found])
        renames.note_names(rollout.ledger, now, {})
    assert told == [[], [("removed", *gone)], [("named again", *gone)]]


def test_merged_past_is_in_the_order_of_time_and_what_main_has_is_last() -> None:
    rollout = Rollout()
    eu = [rollout.landing("eu", at, landed=90 - 10 * at) for at in (1, 3, 5)]
    us = [rollout.landing("us", at, landed=90 - 10 * at) for at in (2, 4, 6)]
    parts = [(("eu", "app"), SetLedger(landings=eu)), (("us", "app"), SetLedger(landings=us))]
    for content, expected in ((eu[-1].content, [1, 2, 3, 4, 6, 5]), (None, [1, 2, 3, 4, 6, 5])):
        found = renames._joined(("live", "app"), parts, content)
        assert [one.position for one in found.landings] == expected
    found = renames._joined(("live", "app"), parts, us[-1].content)
    assert [one.position for one in found.landings] == [1, 2, 3, 4, 5, 6]


def test_ledger_is_renamed_as_a_whole() -> None:
    rollout = shipped()
    older, newer = rollout.ledger.history("live", "app").landings
    back = OpenRollback(
        wave="live", set="app", leaves=newer.point(), to=older.point(), reason="bad", at=NOW
    )
    rollout.ledger.rollbacks = [back]
    rollout.ledger.well_with = {"live": {"app": older.content}, "lab": {"app": newer.content}}
    nobodys = Eviction(commit=rollout.main, at=NOW, reason="no turn made it")
    rollout.ledger.evictions = [nobodys]
    found = renamed_ledger(settings(lab=LAB, prod=was()), rollout.ledger)
    assert [(one.wave, one.set) for one in found.rollbacks] == [("prod", "app")]
    assert found.well_with == {"prod": {"app": older.content}, "lab": {"app": newer.content}}
    assert found.evictions == [nobodys]


def test_release_of_a_hold_that_is_several_now_ends_each() -> None:
    rollout = shipped()
    rollout.held("live", "_", "freeze")
    ends = (rollout.holds["live", "_"].id,)
    rollout.asked(Release(accepted_at=NOW, wave="live", ends=ends, reason="it is over"))
    eu, us = ({"targets": [one], "was": "live", "after": ["lab"]} for one in LIVE["targets"])
    renamed(rollout, settings(lab=LAB, eu=eu, us=us), eu="live", us="live").turn()
    assert rollout.holds == {}


@pytest.mark.parametrize(
    ("now", "then", "name", "expected"),
    [
        ({"lab": LAB, "prod": was()}, {"lab": LAB, "live": LIVE}, "prod", "live"),
        ({"lab": LAB, "prod": was()}, {"lab": LAB, "live": LIVE}, "lab", "lab"),
        ({"lab": LAB, "prod": was()}, {"lab": LAB, "prod": was()}, "prod", "prod"),
        ({"lab": LAB, "prod": was()}, {"live": LIVE, "prod": LIVE}, "prod", "live"),
        ({"lab": LAB, "prod": was()}, {"lab": LAB}, "prod", "prod"),
    ],
)
def test_earlier_commit_calls_a_wave_by_the_name_that_it_had(
    now: dict[str, Any], then: dict[str, Any], name: str, expected: str
) -> None:
    today, before = (settings(**one).waves for one in (now, then))
    assert renames.called_then(name, today, before, Names()) == expected


def test_record_that_came_before_a_swap_is_by_the_names_of_then_and_one_after_it_by_todays() -> (
    None
):
    rollout = shipped(lab=LAB, live=LIVE, shop=LIVE)
    now = settings(lab=LAB, live={**LIVE, "was": "shop"}, shop=was("live"))
    renaming = Renaming.of(now, rollout.ledger)
    record = rollout.record("live", "north")
    assert renames.renamed_record(renaming, record).wave == "shop"
    late = replace(record, named=renaming.mark)
    assert renames.renamed_record(renaming, late).wave == "live"


def test_record_of_a_target_that_two_heirs_list_is_left_as_it_is() -> None:
    rollout = shipped()
    record = rollout.record("live", "north")
    for others, expected in ((["north"], "live"), (["west"], "eu")):
        us = {"targets": others, "was": "live"}
        now = settings(lab=LAB, eu={**LIVE, "was": "live"}, us=us)
        renaming = Renaming.of(now, rollout.ledger)
        assert renames.renamed_record(renaming, record).wave == expected


def test_only_what_is_about_another_place_than_it_says_is_remembered_as_that() -> None:
    rollout = shipped()
    asked = [rollout.promotion("live", 2), rollout.promotion("lab", 2), rollout.hold("live")]
    now = settings(lab=LAB, prod=was())
    renaming = Renaming.of(now, rollout.ledger)
    today = renames.renamed_inbox(renaming, rollout.inbox, {})
    assert renames._meant_since(rollout.inbox, today) == {asked[0]: ("prod", "app")}


def test_request_that_has_ended_for_one_heir_waits_for_the_others_alone() -> None:
    rollout = shipped()
    request = rollout.hold("live")
    eu, us = ({"targets": [one], "was": "live", "after": ["lab"]} for one in LIVE["targets"])
    renaming = Renaming.of(settings(lab=LAB, eu=eu, us=us), rollout.ledger)
    both = renames.renamed_inbox(renaming, rollout.inbox, {})
    assert next(iter(both)) == request
    for ended in both:
        left = renames.renamed_inbox(renaming, rollout.inbox, {}, {ended})
        assert left == {name: one for name, one in both.items() if name != ended}
    again = renames.renamed_inbox(renaming, rollout.inbox, {}, {*both})
    assert list(again) == [request], "it was put there once more, and ends once more"
    same = Renaming.of(rollout.settings, rollout.ledger)
    assert renames.renamed_inbox(same, rollout.inbox, {}, {request}) == rollout.inbox
    drop = rollout.asked(Drop(accepted_at=NOW, by="ada", request=request))
    assert drop in renames.renamed_inbox(renaming, rollout.inbox, {})


SOON = NOW + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("older", "newer", "all_of_them"),
    [
        ({"until": SOON}, {}, ["us is on fire"]),
        ({}, {"until": SOON}, ["eu is frozen"]),
        ({"everywhere": True}, {}, ["us is on fire", "eu is frozen"]),
    ],
    ids=["one that ends first", "one that ends later", "of all waves"],
)
def test_wave_with_the_past_of_two_has_what_holds_either(
    older: dict[str, Any], newer: dict[str, Any], all_of_them: list[str]
) -> None:
    eu, us = ({"targets": [one], "after": ["lab"]} for one in LIVE["targets"])
    rollout = shipped(lab=LAB, eu=eu, us=us)
    rollout.held("eu", "app", "eu is frozen", **older)
    hold = rollout.held("us", "app", "us is on fire", **newer)
    rollout.holds["us", "app"] = replace(hold, since=rollout.ago(3))
    both = {**LIVE, "was": ["eu", "us"], "after": ["lab"]}
    taken_note(renamed(rollout, settings(lab=LAB, live=both), live="eu"))
    assert set(rollout.holds) == {("live", "app")}
    assert {one.reason for one in each_hold(rollout.holds.values())} == {*all_of_them}
    rollout.landing("lab", 3, landed=30, deployed=20)
    rollout.later(20)
    assert introduced(rollout.turn()) == []
