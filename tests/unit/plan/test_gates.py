"""A change on main of a wave's gates is told once, by whoever made it as far as that is known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from msgspec.structs import replace
from tests.unit.snapshots import LAB, SHOP, Rollout, settings, whats

from tidemill.facts.gates import PastSettings
from tidemill.facts.settings import Settings
from tidemill.plan.gates import MOST_TOLD, TOLD_FOR
from tidemill.plan.plan import Plan, plan
from tidemill.plan.status import status

MORE = "commits before this one may have changed them, too"


def shop(**options: Any) -> Settings:
    return settings(lab=LAB, shop={**SHOP, **options})


def known(before: Settings) -> Rollout:
    """Set 1 is in both waves, and a turn has seen what these settings ask."""
    rollout = Rollout(before)
    for wave in before.waves:
        rollout.landing(wave.name, 1)
        for target in wave.targets:
            rollout.reported(wave.name, target)
    rollout.ledger = plan(rollout.snapshot()).ledger
    return rollout


def changed(rollout: Rollout, now: Settings, *authors: str) -> Plan:
    """A turn sees other settings, and whose commits they are."""
    rollout.settings, before = now, rollout.settings
    main = rollout.main
    past = [PastSettings(main, "", before)]
    past += [PastSettings(rollout.pushed(author), author, now) for author in authors]
    found = rollout.snapshot()
    return plan(replace(found, main=replace(found.main, past=tuple(past))))


def test_a_change_is_written_once_with_its_author() -> None:
    rollout = known(shop(soak="1h"))
    decided = changed(rollout, shop(), "Ada")
    assert decided.is_change
    [entry] = decided.entries
    assert (entry.what, entry.wave, entry.sha) == ("gates changed", "shop", rollout.main)
    assert (entry.by, entry.reason) == ("Ada", "soak: 0s, was 1h")
    rollout.ledger = decided.ledger
    again = plan(rollout.snapshot())
    assert not again.is_change
    assert again.entries == ()


def test_a_change_is_written_where_no_set_is_anywhere_yet() -> None:
    rollout = Rollout(shop(soak="1h"))
    rollout.ledger = plan(rollout.snapshot()).ledger
    assert not rollout.ledger.sets
    decided = changed(rollout, shop(), "Ada")
    assert decided.is_change
    assert whats(decided) == ["gates changed"]


def test_a_change_is_told_where_nobody_is_known_to_have_made_it() -> None:
    rollout = known(shop(soak="1h"))
    rollout.settings = shop()
    [entry] = plan(rollout.snapshot()).entries
    assert (entry.what, entry.sha, entry.by) == ("gates changed", None, "")


def test_gates_that_are_seen_first_are_not_told_and_not_worth_a_write() -> None:
    rollout = known(shop(soak="1h"))
    rollout.ledger.gates = {}  # as an earlier release left it
    rollout.settings = shop()
    decided = plan(rollout.snapshot())
    assert not decided.is_change
    assert decided.ledger.gates["shop"].values == {"after": "lab"}


def test_a_main_that_moves_without_a_change_of_gates_is_not_worth_a_write() -> None:
    rollout = known(shop(soak="1h"))
    rollout.pushed("a remark")
    assert not plan(rollout.snapshot()).is_change


def test_a_wave_that_is_new_is_not_told() -> None:
    rollout = known(shop())
    assert "gates changed" not in whats(
        changed(rollout, settings(lab=LAB, shop=SHOP, far={"targets": ["f1"], "soak": "1h"}))
    )


def test_a_wave_that_was_gone_for_a_while_is_told() -> None:
    rollout = known(shop(soak="1h"))
    rollout.ledger = changed(rollout, settings(lab=LAB), "Ada").ledger
    assert "gates changed" in whats(changed(rollout, shop(), "Ada"))


def test_a_wave_with_another_name_keeps_its_gates() -> None:
    rollout = known(shop(soak="1h"))
    now = settings(
        first={**LAB, "was": "lab"},
        last={**SHOP, "was": "shop", "after": ["first"], "soak": "1h"},
    )
    decided = changed(rollout, now, "Ada")
    assert "gates changed" not in whats(decided)
    assert decided.ledger.gates["last"].values == {"after": "first", "soak": "1h"}

    less = settings(first={**LAB, "was": "lab"}, last={**SHOP, "was": "shop", "after": ["first"]})
    told = [one for one in changed(rollout, less, "Ada").entries if one.what == "gates changed"]
    assert [(one.wave, one.reason) for one in told] == [("last", f"soak: 0s, was 1h; {MORE}")]


def test_status_names_each_change_for_a_week() -> None:
    rollout = known(shop(soak="1h"))
    rollout.ledger = changed(rollout, shop(), "Ada").ledger
    rollout.later(60)
    rollout.ledger = changed(rollout, shop(need="all but 1"), "Bob").ledger
    by_ada, by_bob = "Ada: soak: 0s, was 1h", "Bob: need: all but 1, was all"
    assert said(rollout) == [[], [by_ada, by_bob]]
    rollout.later(TOLD_FOR / timedelta(minutes=1) - 61)
    assert said(rollout) == [[], [by_ada, by_bob]]
    rollout.later(1)
    assert said(rollout) == [[], [by_bob]]
    rollout.ledger = changed(rollout, shop(), "Cy").ledger
    assert [one.author for one in rollout.ledger.gates["shop"].changes] == ["Bob", "Cy"]
    rollout.later(TOLD_FOR / timedelta(minutes=1))
    assert said(rollout) == [[], []]
    assert not rollout.decide().is_change, "what is told no more goes with the next write"
    assert rollout.decide().ledger.gates["shop"].changes == ()


def test_the_last_change_that_an_earlier_release_wrote_is_told_as_well() -> None:
    rollout = known(shop(soak="1h"))
    rollout.ledger = changed(rollout, shop(), "Ada").ledger
    gates = rollout.ledger.gates["shop"]
    [by_ada] = gates.changes
    rollout.ledger.gates["shop"] = replace(gates, changes=(), change=by_ada)
    assert said(rollout) == [[], ["Ada: soak: 0s, was 1h"]]
    rollout.ledger = changed(rollout, shop(soak="2h"), "Bob").ledger
    assert said(rollout) == [[], ["Ada: soak: 0s, was 1h", "Bob: soak: 2h, was 0s"]]
    assert rollout.ledger.gates["shop"].change is None


def test_the_ledger_does_not_grow_with_every_change() -> None:
    rollout = known(shop(soak="1h"))
    for count in range(MOST_TOLD + 2):
        rollout.ledger = changed(rollout, shop(soak=f"{count}m"), "Ada").ledger
    last = f"Ada: soak: {MOST_TOLD + 1}m, was {MOST_TOLD}m"
    assert (len(said(rollout)[1]), said(rollout)[1][-1]) == (MOST_TOLD, last)


def said(rollout: Rollout) -> list[list[str]]:
    """By wave, what status says of its gates."""
    found = status(rollout.snapshot(), plan(rollout.snapshot()))
    return [[f"{one.author}: {one.words}" for one in wave.gates_changed] for wave in found.waves]
