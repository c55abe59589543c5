"""Regeneration: a wave that main does not generate waits, or is generated anew; others go on."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.unit.snapshots import LAB, SHOP, Rollout, introduced, settings, sha, waits_for, whats

from tidemill.facts.operation import Kind, Operation
from tidemill.facts.snapshot import OperationFailure, Outcome, Timeout
from tidemill.facts.staleness import FailedInspection, Finding, Inspection, StaleFiles
from tidemill.facts.trailers import message, trailers
from tidemill.plan import regeneration
from tidemill.plan.draft import Draft
from tidemill.plan.obstacles import HoldInForce
from tidemill.plan.plan import plan
from tidemill.plan.regeneration import InspectionTodo
from tidemill.plan.wording import reasons

OF_LAB, OF_SHOP = "generated/lab/lab-1/a.yaml", "generated/shop/north/a.yaml"
OF_ALL = "generated/index.yaml"
FRESH = Inspection({})


def look(*paths: str, made: str = "1", by: str = "ada", after: str = "") -> Inspection:
    """`generate` makes these files otherwise than they are committed."""
    return Inspection(dict.fromkeys(paths, made), (after,), by)


def rollout(*looks: Inspection | FailedInspection, stale: str = "wait", **shop: Any) -> Rollout:
    """Position 1 is everywhere, 2 is deployed in lab, and 3 was announced."""
    found = settings(lab=LAB, shop={**SHOP, **shop})
    entrypoints = msgspec.structs.replace(found.entrypoints, generate="make", stale=stale)
    made = Rollout(msgspec.structs.replace(found, entrypoints=entrypoints))
    made.generates = looks or (FRESH,)
    made.landing("shop", 1)
    made.landing("lab", 1, landed=90)
    made.landing("lab", 2)
    made.announced(3)
    return made


def of(*owners: str, files: tuple[str, ...] = (OF_SHOP,), until: str = sha("main")) -> StaleFiles:
    return StaleFiles(owners=owners, files=files, count=len(files), made="1", until=until)


def finding(found: Rollout) -> Finding:
    assert found.ledger.finding is not None
    return found.ledger.finding


def test_stale_wave_waits_and_the_others_go_on() -> None:
    made = rollout(look(OF_SHOP))
    decided = made.turn()
    assert introduced(decided) == [("lab", 3)]
    assert "make" in waits_for(decided)
    assert OF_SHOP in waits_for(decided)
    assert made.main[:12] in waits_for(decided)
    assert "ada" in waits_for(decided)
    assert whats(decided).count("stale") == 1


def test_files_of_all_make_all_wait() -> None:
    decided = rollout(look(OF_ALL)).turn()
    assert introduced(decided) == []
    assert decided.is_change, "the finding is written, so that nobody looks again"
    assert waits_for(decided).count(OF_ALL) == 2


def test_nobody_looks_where_nothing_is_generated_or_no_file_tells_whose_it_is() -> None:
    made = rollout(look(OF_SHOP))
    made.settings = settings(lab=LAB, shop=SHOP)
    assert introduced(made.turn()) == [("lab", 3), ("shop", 2)]
    blind = rollout(look(OF_SHOP))
    deployments = msgspec.structs.replace(blind.settings.deployments, path="generated")
    blind.settings = msgspec.structs.replace(blind.settings, deployments=deployments)
    assert introduced(blind.turn()) == [("lab", 3), ("shop", 2)]
    assert made.looks == blind.looks == []


def test_nobody_looks_before_there_is_something_to_make() -> None:
    made = rollout(look(OF_SHOP))
    made.inbox = {}
    made.held("shop")
    assert not made.turn().is_change
    assert made.looks == []


def test_each_new_main_is_looked_at_once() -> None:
    made = rollout()
    made.turn()
    made.turn()
    assert made.looks == [made.main]
    first = made.main
    made.pushed("a note")
    made.turn()
    made.turn()
    assert made.looks == [first, made.main]


def test_main_that_is_a_commit_of_ours_is_not_looked_at() -> None:
    made = rollout(look(OF_SHOP))
    person = made.main
    tip = made.turn().auto[-1].sha
    made.green(tip)
    assert made.turn().landed == tip
    assert (finding(made).main, finding(made).seen) == (tip, person)
    made.announced(4)
    made.later(60)
    made.turn()
    assert set(made.looks) == {person}
    assert finding(made).of("shop")


def test_once_main_is_what_it_generates_all_go_on() -> None:
    made = rollout(look(OF_SHOP), look(OF_SHOP), FRESH)
    made.turn()
    made.pushed("generated")
    decided = made.turn()
    assert introduced(decided) == [("lab", 3), ("shop", 2)]
    assert not finding(made).stale


def test_where_generate_fails_nothing_is_known_and_operations_are_tried() -> None:
    decided = rollout(FailedInspection("it is broken")).turn()
    assert introduced(decided) == [("lab", 3), ("shop", 2)]
    assert decided.ledger.finding is None


def test_operation_that_is_lost_does_not_make_every_turn_look() -> None:
    made = rollout()

    def lost(_: Operation, __: str) -> Outcome:
        return Timeout("too slow")

    assert made.turn(lost).is_change
    assert not made.turn(lost).is_change
    assert len(made.looks) == 1


def test_idle_turns_write_nothing_and_look_no_more() -> None:
    made = rollout(look(OF_ALL))
    made.turn()
    looks = len(made.looks)
    made.later(600)
    assert not made.turn().is_change
    assert len(made.looks) == looks


def test_rollback_never_waits_and_leaves_alone_what_is_others_too() -> None:
    made = rollout(look(OF_LAB, OF_ALL))
    made.rollback("lab", made.ledger.of("lab", "app").landings[0])
    asked: list[Operation] = []

    def note(operation: Operation, _: str) -> None:
        asked.append(operation)

    decided = made.turn(note)
    assert [one.kind for one in asked] == ["roll back"]
    made.green(decided.auto[-1].sha)
    made.turn()
    assert finding(made).main != made.main, "it may have left alone what is others', too"


def test_rollback_generates_its_own_wave() -> None:
    made = rollout(look(OF_LAB, OF_SHOP))
    made.rollback("lab", made.ledger.of("lab", "app").landings[0])
    made.green(made.turn().auto[-1].sha)
    made.turn()
    assert [one.owners for one in finding(made).stale] == [("shop",)]


def test_override_does_not_carry_along_what_a_person_left_undone() -> None:
    made = rollout(look(OF_SHOP))
    made.promotion("shop", 2, override="now")
    assert introduced(made.turn()) == [("lab", 3)]


def test_hold_is_said_before_anything_is_looked_at_again() -> None:
    made = rollout(look(OF_SHOP))
    made.held("shop")
    decided = made.turn()
    assert "is held by ada" in waits_for(decided)
    assert len(made.looks) == 1, "no set of shop is kept out by it"


def test_hold_of_a_wave_that_has_none_of_the_stale_files_is_no_reason() -> None:
    made = rollout(look(OF_SHOP), stale="regenerate")
    made.turn()
    made.held("shop", reason="freeze")
    made.held("lab", reason="lunch")
    lines = [one for one in made.turn().waiting if one.about.wave == "shop"]
    told = [word for line in lines for word in reasons(line)]
    assert OF_SHOP in "".join(told)
    assert "freeze" in "".join(told)
    assert "lunch" not in "".join(told)


class TestDeterminism:
    def test_stale_file_that_two_runs_make_otherwise_is_not_for_people_to_commit(self) -> None:
        made = rollout(look(OF_SHOP, made="1"), look(OF_SHOP, made="2"))
        decided = made.turn()
        assert len(made.looks) == 2
        assert "deterministic" in waits_for(decided)
        assert OF_SHOP in waits_for(decided)
        assert "commit what it changes" not in waits_for(decided)

    def test_file_that_only_one_run_changes_is_named(self) -> None:
        made = rollout(look(OF_SHOP), look(OF_LAB, OF_SHOP))
        assert f"first in {OF_LAB}" in waits_for(made.turn())

    def test_one_that_makes_the_same_again_is_run_twice_and_no_more(self) -> None:
        made = rollout(look(OF_SHOP))
        made.turn()
        assert finding(made).is_confirmed
        made.turn()
        assert len(made.looks) == 2

    def test_second_run_on_a_commit_of_ours_is_compared_with_the_first(self) -> None:
        made = rollout(look(OF_SHOP))
        made.held("shop")
        tip = made.turn().auto[-1].sha
        made.green(tip)
        made.turn()
        made.holds = {}
        decided = made.turn()
        assert made.looks[1:] == [tip]
        assert finding(made).is_confirmed
        assert OF_SHOP in waits_for(decided)


class TestWhoIsToBlame:
    def test_first_main_of_all_may_not_be_the_one(self) -> None:
        made = rollout(look(OF_SHOP))
        made.turn()
        assert finding(made).stale[0].since == f"{made.main[:12]} by ada, or a commit before it"

    def test_the_one_that_follows_a_main_that_was_known(self) -> None:
        made = rollout(FRESH, look(OF_SHOP, after=sha("main")))
        made.turn()
        made.pushed("sources alone")
        made.turn()
        assert finding(made).stale[0].since == f"{made.main[:12]} by ada"

    def test_range_where_there_are_several(self) -> None:
        made = rollout(FRESH, look(OF_SHOP, after=sha("one that nobody looked at")))
        made.turn()
        first = made.main
        made.pushed("sources alone")
        made.turn()
        until = f"{first[:12]}..{made.main[:12]}, the last by ada"
        assert finding(made).stale[0].since == until

    def test_later_commit_that_changes_nothing_of_it_is_not_to_blame(self) -> None:
        made = rollout(FRESH, look(OF_SHOP, after=sha("main")))
        made.turn()
        blamed = made.pushed("sources alone")
        made.turn()
        made.pushed("a note")
        decided = made.turn()
        assert finding(made).stale[0].until == blamed
        assert "stale" not in whats(decided), "that was said already"


def test_files_are_named_up_to_ten_whatever_their_names_are() -> None:
    names = [f"generated/shop/north/{number:02}\udcff" for number in range(12)]
    made = rollout(look(*names))
    decided = made.turn()
    stale = finding(made).stale[0]
    assert (len(stale.files), stale.count) == (10, 12)
    assert "and 2 more" in waits_for(decided)
    assert msgspec.json.decode(msgspec.json.encode(decided.ledger))
    assert all(name.isprintable() for name in stale.files)


class TestRegenerating:
    def test_regeneration_goes_first_and_its_set_waits_for_it(self) -> None:
        made = rollout(look(OF_SHOP), stale="regenerate")
        decided = made.turn()
        kinds = [(one.operation.kind, one.operation.wave) for one in decided.auto]
        assert kinds == [("regenerate", "shop"), ("introduce", "lab")]
        assert "the regeneration of shop after" in waits_for(decided)
        operation = decided.auto[0].operation
        assert message(operation).startswith(f"Regenerate shop after {made.main[:12]} by ada")
        assert trailers(operation)["Autocommit-Operation"] == "regenerate"
        assert trailers(operation)["Autocommit-Target"] == "shop"
        assert not {"Autocommit-Image-Set", "Autocommit-App-SHA"} & trailers(operation).keys()

    def test_when_it_has_landed_its_set_follows_and_no_set_was_counted(self) -> None:
        made = rollout(look(OF_SHOP), stale="regenerate")
        made.green(made.turn().auto[0].sha)
        landings = len(made.ledger.of("shop", "app").landings)
        decided = made.turn()
        assert whats(decided)[0] == "landed"
        assert len(made.ledger.of("shop", "app").landings) == landings
        assert introduced(decided) == [("lab", 3), ("shop", 2)]
        assert len(made.looks) == 1

    @pytest.mark.parametrize("set_name", ["_", "app"])
    def test_it_does_not_go_into_a_wave_that_is_held(self, set_name: str) -> None:
        made = rollout(look(OF_SHOP), stale="regenerate")
        made.held("shop", set_name)
        assert [one.operation.kind for one in made.turn().auto] == ["introduce"]

    def test_nor_through_a_window_that_is_closed(self) -> None:
        closed = {"windows": ["Sun 10:00-11:00 UTC"]}
        made = rollout(look(OF_SHOP), stale="regenerate", **closed)
        assert [one.operation.kind for one in made.turn().auto] == ["introduce"]

    def test_it_is_taken_off_when_its_wave_is_held_and_comes_back_after(self) -> None:
        made = rollout(look(OF_SHOP), stale="regenerate")
        made.green(made.turn().auto[-1].sha)
        made.hold("shop")
        decided = made.turn()
        assert decided.landed is None
        assert [one.operation.kind for one in decided.auto] == ["introduce"]
        made.holds = {}
        assert [one.operation.kind for one in made.turn().auto] == ["regenerate", "introduce"]

    def test_what_belongs_to_a_held_wave_too_is_left_alone(self) -> None:
        made = rollout(look(OF_ALL, OF_LAB), stale="regenerate")
        made.held("shop")
        first = made.turn().auto[0].operation
        assert (first.wave, first.without) == ("lab", ("shop",))
        made.holds = {}
        made.green(made.auto[-1].sha)
        decided = made.turn()
        assert [(one.operation.wave, one.operation.without) for one in decided.auto] == [
            ("lab", ())
        ]
        assert not made.ledger.of("lab", "app").oldest_next

    def test_what_was_left_alone_is_stale_still(self) -> None:
        made = rollout(look(OF_ALL, OF_LAB), look(OF_ALL), stale="regenerate")
        made.held("shop")
        made.green(made.turn().auto[0].sha)
        decided = made.turn()
        assert [one.owners for one in finding(made).stale] == [("lab", "shop")]
        assert introduced(decided) == []
        assert OF_ALL in waits_for(decided)

    def test_what_belongs_to_all_is_generated_once(self) -> None:
        made = rollout(look(OF_ALL, OF_LAB), stale="regenerate")
        assert [one.operation.wave for one in made.turn().auto] == ["lab"]

    def test_it_waits_for_a_rollback_of_its_wave(self) -> None:
        made = rollout(look(OF_LAB), stale="regenerate")
        made.turn()
        made.rollback("lab", made.ledger.of("lab", "app").landings[0])
        assert [one.operation.kind for one in made.turn().auto] == ["roll back"]

    def test_main_that_changes_brings_another(self) -> None:
        made = rollout(look(OF_SHOP), stale="regenerate")
        first = made.turn().auto[0].operation
        made.pushed("a note")
        second = made.turn().auto[0].operation
        assert (first.commit == made.main, second.commit) == (False, made.main)

    def test_main_that_needs_none_any_more_takes_it_off(self) -> None:
        made = rollout(look(OF_SHOP), FRESH, stale="regenerate")
        made.turn()
        made.pushed("generated")
        assert introduced(made.turn()) == [("lab", 3), ("shop", 2)]

    def test_without_the_setting_it_goes(self) -> None:
        made = rollout(look(OF_SHOP), stale="regenerate")
        made.turn()
        entrypoints = msgspec.structs.replace(made.settings.entrypoints, stale="wait")
        made.settings = msgspec.structs.replace(made.settings, entrypoints=entrypoints)
        assert introduced(made.turn()) == [("lab", 3)]

    def test_failing_one_is_not_tried_again_until_main_changes(self) -> None:
        made = rollout(look(OF_SHOP), stale="regenerate")

        def fails(operation: Operation, _: str) -> Outcome | None:
            return OperationFailure("it changes nothing") if operation.is_regeneration else None

        assert introduced(made.turn(fails)) == [("lab", 3)]
        assert not made.turn(fails).is_change
        made.pushed("a note")
        assert made.turn().auto[0].operation.is_regeneration


class TestRedRegeneration:
    def red(self, main: str = "failure", *, top: bool = True) -> Rollout:
        """The tip of auto is red; main has this verdict."""
        made = rollout(look(OF_SHOP), stale="regenerate")
        if not top:
            made.inbox = {}
        made.turn()
        if main:
            made.check(made.main, main)  # type: ignore[arg-type]
        made.red(made.auto[-1].sha)
        return made

    @pytest.mark.parametrize("main", ["failure", "success", ""])
    def test_two_answers_take_it_off_whatever_is_said_of_main(self, main: str) -> None:
        made = self.red(main, top=False)
        commit = made.auto[0].sha
        decided = made.turn()
        assert (decided.evicted, decided.to_check) == ((), (commit,))
        assert made.turn().evicted == (), "the same answer is one answer"
        made.red(commit)
        decided = made.turn()
        assert decided.evicted == (commit,)
        assert introduced(decided) == []
        assert "red twice" in waits_for(decided)
        made.later(600)
        assert not made.turn().is_change, "nothing is left to do until main changes"

    def test_answer_of_another_check_of_the_same_round_is_no_second_one(self) -> None:
        made = self.red(top=False)
        commit = made.auto[0].sha
        made.turn()
        made.check(commit, "success")
        assert made.turn().landed == commit

    def test_under_a_red_tip_it_is_asked_for_even_while_main_is_red(self) -> None:
        made = self.red()
        assert made.turn().to_check == (made.auto[0].sha,)

    def test_green_one_lands_and_what_is_above_it_is_judged(self) -> None:
        made = self.red()
        first, top = (one.sha for one in made.auto)
        made.green(first)
        decided = made.turn()
        assert decided.landed == first
        assert decided.evicted == (top,)

    def test_one_that_is_green_the_second_time_lands(self) -> None:
        made = self.red(top=False)
        commit = made.auto[0].sha
        made.turn()
        made.green(commit)
        assert made.turn().landed == commit

    def test_another_commit_is_not_evicted_while_main_is_red(self) -> None:
        made = rollout(look(OF_SHOP))
        top = made.turn().auto[-1].sha
        made.red(made.main, top)
        assert made.turn().evicted == ()


def stale_draft(*stale: StaleFiles, **asked: Any) -> Draft:
    """What is stale on main is known."""
    made = rollout(stale="regenerate")
    for name, position in asked.items():
        getattr(made, name)("shop", position)
    made.ledger.finding = Finding(main=made.main, seen=made.main, stale=stale, is_confirmed=True)
    return Draft.of(made.snapshot())


@pytest.mark.parametrize(
    ("unstable", "asked", "waves"),
    [
        ((None, None), {}, ["shop"]),
        ((None, OF_LAB), {}, []),
        ((OF_LAB, OF_LAB), {}, []),
        ((None, None), {"hotfix": 9}, []),
    ],
    ids=["sure", "one-is-not", "none-is", "hotfix-comes"],
)
def test_wave_is_regenerated_where_all_that_is_stale_there_is_sure_and_no_hotfix_comes(
    unstable: tuple[str | None, str | None], asked: dict[str, int], waves: list[str]
) -> None:
    first, second = (msgspec.structs.replace(of("shop"), unstable=one) for one in unstable)
    draft = stale_draft(first, msgspec.structs.replace(second, files=(OF_ALL,)), **asked)
    found = regeneration._regenerations(draft)
    assert [(one.wave, one.position, one.set) for one in found] == [(one, 0, "_") for one in waves]


@pytest.mark.parametrize(
    ("kind", "alone"),
    [("roll back", {"shop"}), ("hotfix", {"shop"}), ("promote", {"moon"}), ("introduce", {"moon"})],
)
def test_only_what_does_not_wait_for_stale_files_leaves_those_of_others_alone(
    kind: Kind, alone: set[str]
) -> None:
    operation = Operation(
        kind=kind, wave="lab", set="app", app_sha=None, position=1, repository=None, content="",
        without=("moon",),
    )  # fmt: skip
    assert regeneration.left_alone(stale_draft(of("lab", "shop")), operation) == alone


def test_set_that_waits_for_files_of_a_wave_that_is_held_says_so() -> None:
    made = rollout(look(OF_ALL), stale="regenerate")
    made.held("shop", reason="lunch")
    decided = made.turn()
    (line,) = (one for one in decided.waiting if one.about.wave == "lab" and one.about.at == "for")
    held = [one.wave for one in line.obstacles if isinstance(one, HoldInForce)]
    assert held == ["shop"]


def test_main_is_looked_at_again_where_all_waits_for_what_is_stale() -> None:
    made = rollout(look(OF_ALL))
    known = made.snapshot()
    first = plan(known).todo
    assert isinstance(first, InspectionTodo)
    assert (first.commit, first.is_second) == (made.main, False)
    second = plan(known.having_looked(made.main, look(OF_ALL))).todo
    assert second == InspectionTodo(made.main, is_second=True)
