"""Writing: which refs a plan changes, to what, and with which leases."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.simulation.memory import Client, Commit, Server
from tests.unit.snapshots import LAB, NOW, Rollout, settings, sha
from tests.unit.turn.states import MAIN, NAMES, decided, state

from tidemill.clients.git.store import Update
from tidemill.facts import requests
from tidemill.facts.evidence import Evidence
from tidemill.facts.holds import Hold
from tidemill.facts.journal import RECORD, Entry, decode
from tidemill.facts.ledger import Eviction, Ledger
from tidemill.facts.records import Deployment
from tidemill.facts.requests import HoldRequest
from tidemill.facts.snapshot import UnreadableRef
from tidemill.facts.state import State
from tidemill.plan.plan import Plan
from tidemill.turn.write import LONGEST_CHAIN, fact_commit, updates

OLD, NEW = sha("old"), sha("new")
RECORD_OF = Rollout().record("lab", "lab-1")
HOLD = Hold(id="hold-1", wave="lab", set="app", reason="freeze", by="ada", since=NOW)


def client() -> Client:
    return Client(Server(), "tidemill turn")


def written(
    store: Client, known: State, plan: Plan, run_url: str | None = None, **before: Any
) -> dict[str, tuple[str | None, str | None]]:
    """What each ref is to go from and to; `before`: what a turn knows besides."""
    snapshot = replace(Rollout().snapshot(), **{"inbox": known.inbox, **before})
    found = updates(store, known, snapshot, plan, run_url)
    assert len({one.ref for one in found}) == len(found)
    assert all(isinstance(one, Update) for one in found)
    return {one.ref: (one.old, one.new) for one in found}


def held_in(store: Client, commit: str | None) -> Commit:
    assert commit is not None
    return store.server.commits[commit]


def chained(store: Client, number: int) -> str:
    """A record that was filed as one of so many."""
    data = requests.encode(replace(RECORD_OF, number=number))
    return store.write({RECORD: data}, None, "a record\n", NOW)


def test_every_ref_that_changes_is_written_with_what_it_was() -> None:
    store = client()
    gone, out = sha("gone"), sha("evicted")
    known = state({NAMES.auto: OLD, NAMES.inbox("hold-1"): gone})
    plan = decided(
        landed=NEW,
        main=NEW,
        auto_tip=out,
        ended=("hold-1", "gone-already"),
        evicted=(out,),
        rejected={"x-1": "it is bad"},
        ledger=Ledger(evictions=[Eviction(commit=out, at=NOW, reason="red")], rejected=["x-1"]),
    )
    found = written(store, known, plan)
    journal, rejected = found.pop(NAMES.journal), found.pop(NAMES.rejected("x-1"))
    assert (journal[0], rejected[0]) == (None, None)
    assert found == {
        NAMES.main: (MAIN, NEW),
        NAMES.auto: (OLD, out),
        NAMES.inbox("hold-1"): (gone, None),
        NAMES.evicted(out): (None, out),
    }
    assert held_in(store, rejected[1]).message == "rejected: x-1\n"
    kept = json.loads(held_in(store, rejected[1]).files[RECORD])
    assert kept == {"version": 1, "id": "x-1", "reason": "it is bad", "request": None}


def test_main_and_auto_stay_where_nothing_is_said_of_them() -> None:
    store = client()
    found = written(store, state({NAMES.auto: OLD}), decided(landed=None, auto_tip=None))
    assert list(found) == [NAMES.journal]


def test_what_is_rejected_is_kept_as_it_came_and_when() -> None:
    store = client()
    asked = HoldRequest(accepted_at=NOW - timedelta(hours=3), wave="lab", set="_", reason="x")
    plan = decided(rejected={asked.id: "no"}, ledger=Ledger(rejected=[asked.id]))
    found = written(store, state(), plan, inbox={asked.id: asked})
    commit = held_in(store, found[NAMES.rejected(asked.id)][1])
    assert commit.date == asked.accepted_at
    assert json.loads(commit.files[RECORD])["request"]["reason"] == "x"


def test_ref_that_can_not_be_read_goes_below_rejected() -> None:
    ref = NAMES.inbox("broken")
    one = UnreadableRef(ref=ref, sha=OLD, id="unreadable-1", reason="garbage")
    plan = decided(aside=(one,), ledger=Ledger(rejected=["unreadable-1"]))
    found = written(client(), state({ref: OLD}), plan)
    assert found[ref] == (OLD, None)
    assert found[NAMES.rejected("unreadable-1")] == (None, OLD)


# Records


@pytest.mark.parametrize(
    ("before", "number", "is_chained"),
    [
        (0, 1, False),
        (1, 2, True),
        (LONGEST_CHAIN - 1, LONGEST_CHAIN, True),
        (LONGEST_CHAIN, 1, False),
    ],
    ids=["first", "second", "last-of-a-chain", "first-of-the-next-chain"],
)
def test_record_is_put_on_the_chain_of_its_target_until_that_is_long(
    before: int, number: int, is_chained: object
) -> None:
    store, ref = client(), NAMES.deployed("lab", "lab-1")
    tip = chained(store, before) if before else None
    found = written(store, state({ref: tip} if tip else {}), decided(filed=(RECORD_OF,)))
    assert found[ref][0] == tip
    commit = held_in(store, found[ref][1])
    assert (commit.parent == tip and tip is not None) is is_chained
    kept = requests.decode(commit.files[RECORD])
    assert isinstance(kept, Deployment)
    assert (kept.number, kept.id) == (number, RECORD_OF.id)
    assert commit.date == RECORD_OF.accepted_at
    assert commit.message == f"lab-1: Succeeded, Healthy at {RECORD_OF.revision}\n"


def test_record_on_what_is_no_record_begins_a_count() -> None:
    store, ref = client(), NAMES.deployed("lab", "lab-1")
    tip = fact_commit(store, HoldRequest(accepted_at=NOW, wave="lab", set="_", reason="x"))
    commit = held_in(store, written(store, state({ref: tip}), decided(filed=(RECORD_OF,)))[ref][1])
    kept = requests.decode(commit.files[RECORD])
    assert isinstance(kept, Deployment)
    assert (kept.number, commit.parent) == (1, tip)


def test_several_records_of_a_target_follow_each_other_in_one_push() -> None:
    store, ref = client(), NAMES.deployed("lab", "lab-1")
    second = replace(RECORD_OF, health="Degraded")
    last = held_in(store, written(store, state(), decided(filed=(RECORD_OF, second)))[ref][1])
    kept = requests.decode(last.files[RECORD])
    assert isinstance(kept, Deployment)
    assert (kept.number, kept.health) == (2, "Degraded")
    assert held_in(store, last.parent).parent is None


def test_record_is_put_on_nothing_that_was_set_aside() -> None:
    store, ref = client(), NAMES.deployed("lab", "lab-1")
    broken = UnreadableRef(ref=ref, sha=OLD, id="unreadable-1", reason="garbage")
    plan = decided(aside=(broken,), filed=(RECORD_OF,), ledger=Ledger(rejected=["unreadable-1"]))
    found = written(store, state({ref: OLD}), plan)
    assert held_in(store, found[ref][1]).parent is None


@pytest.mark.parametrize("is_filed", [False, True], ids=["silent", "reports-again"])
def test_records_of_a_wave_that_has_another_name_go_on_under_that(*, is_filed: bool) -> None:
    store = client()
    tip, place = chained(store, 4), ("prod", "lab-1")
    before, now = NAMES.deployed("lab", "lab-1"), NAMES.deployed(*place)
    record = replace(RECORD_OF, wave="prod")
    plan = decided(
        moved={place: ("lab", "lab-1")},
        filed=(record,) if is_filed else (),
        records={place: record},
    )
    found = written(store, state({before: tip}), plan, records={("lab", "lab-1"): RECORD_OF})
    assert found[before] == (tip, None)
    commit = held_in(store, found[now][1])
    kept = requests.decode(commit.files[RECORD])
    assert isinstance(kept, Deployment)
    assert (kept.wave, kept.number, commit.parent) == ("prod", 5, tip)


def test_records_of_a_target_that_is_gone_go() -> None:
    ref = NAMES.deployed("lab", "lab-1")
    there = {("lab", "lab-1"): RECORD_OF}
    assert written(client(), state({ref: OLD}), decided(records={}), records=there)[ref] == (
        OLD,
        None,
    )
    assert ref not in written(client(), state({ref: OLD}), decided(records=there), records=there)


# Holds


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ({}, {("lab", "app"): HOLD}, "placed"),
        ({("lab", "app"): HOLD}, {("lab", "app"): HOLD}, "none"),
        ({("lab", "app"): HOLD}, {("lab", "app"): replace(HOLD, reason="more")}, "another"),
        ({("lab", "app"): HOLD}, {}, "released"),
    ],
    ids=["placed", "the-same", "another", "released"],
)
def test_hold_is_written_where_it_is_another_one(
    before: Mapping[tuple[str, str], Hold], after: Mapping[tuple[str, str], Hold], change: str
) -> None:
    store, ref = client(), NAMES.hold("lab", "app")
    known = state({ref: OLD} if before else {})
    found = written(store, known, decided(holds=after), holds=before)
    if change == "none":
        assert ref not in found
    elif change == "released":
        assert found[ref] == (OLD, None)
    else:
        commit = held_in(store, found[ref][1])
        assert found[ref][0] == (OLD if before else None)
        assert json.loads(commit.files[RECORD])["reason"] == after["lab", "app"].reason
        assert (commit.date, commit.message) == (NOW, "hold lab (app)\n")


# What is swept


def test_checks_go_but_those_of_main_and_auto() -> None:
    rollout = Rollout()
    auto = rollout.on_auto("lab", 2)
    shas = [MAIN, auto, sha("old main"), sha("taken off")]
    known = state({NAMES.check(one): OLD for one in shas})
    found = written(client(), known, decided(main=MAIN, auto=tuple(rollout.auto)))
    gone = {ref for ref, (_, new) in found.items() if new is None}
    assert gone == {NAMES.check(one) for one in shas[2:]}


def test_checks_of_what_targets_run_stay_where_a_verification_looks_for_a_status() -> None:
    asks = settings(lab=LAB, verifications=[{"name": "smoke", "status": "smoke"}])
    ref = NAMES.check(RECORD_OF.revision)
    known, plan = state({ref: OLD}), decided(main=NEW, records={("lab", "lab-1"): RECORD_OF})
    there = {("lab", "lab-1"): RECORD_OF}
    assert written(client(), known, plan, records=there)[ref] == (OLD, None)
    assert ref not in written(client(), known, plan, records=there, settings=asks)


def test_one_turn_forgets_so_much_and_a_later_one_the_rest() -> None:
    stale = [NAMES.check(sha(f"check {number}")) for number in range(300)]
    stale += [NAMES.rejected(f"x-{number}") for number in range(300)]
    refs: dict[str, str] = {**dict.fromkeys(stale, OLD), NAMES.rejected("kept"): OLD}
    plan = decided(ledger=Ledger(rejected=["kept"]))
    counts = []
    while found := written(client(), state(refs), plan):
        del found[NAMES.journal]
        assert {*found.values()} <= {(OLD, None)}
        if not found:
            break
        counts.append(len(found))
        refs = {ref: commit for ref, commit in refs.items() if ref not in found}
    assert counts == [500, 100]
    assert refs == {NAMES.rejected("kept"): OLD}


def test_evicted_and_rejected_go_when_the_ledger_has_forgotten_them() -> None:
    kept, gone = sha("kept"), sha("gone")
    refs = {
        NAMES.evicted(kept): kept,
        NAMES.evicted(gone): gone,
        NAMES.rejected("kept"): OLD,
        NAMES.rejected("gone"): OLD,
    }
    ledger = Ledger(evictions=[Eviction(commit=kept, at=NOW, reason="red")], rejected=["kept"])
    found = written(client(), state(refs), decided(ledger=ledger))
    del found[NAMES.journal]
    assert found == {NAMES.evicted(gone): (gone, None), NAMES.rejected("gone"): (OLD, None)}


# The journal


def test_journal_says_what_was_done_what_was_read_and_when_something_is_due() -> None:
    store = client()
    lately, ended, old = (
        HoldRequest(accepted_at=NOW - timedelta(seconds=ago), wave="lab", set="_", reason=f"{ago}")
        for ago in (1, 2, 60)
    )
    tip = store.write({RECORD: b"{}"}, None, "before\n", NOW)
    known = state({NAMES.journal: tip}, inbox={one.id: one for one in (lately, ended, old)})
    plan = decided(
        ended=(ended.id,),
        entries=(Entry(what="held", wave="lab", reason="2"),),
        ledger=Ledger(moved=3),
    )
    found = written(store, known, plan, "https://run", now=NOW.replace(microsecond=7))
    assert found[NAMES.journal][0] == tip
    commit = held_in(store, found[NAMES.journal][1])
    record = decode(commit.files)
    assert record.read == (lately.id,)
    assert (record.at, record.run_url) == (NOW.replace(microsecond=7), "https://run")
    assert (record.ledger.moved, record.next) == (3, None)
    assert commit.date == NOW, "Git knows of no parts of a second"
    assert (commit.parent, commit.message) == (tip, "held\n\nheld lab: 2\n")


@pytest.mark.parametrize("is_lost", [False, True], ids=["sound", "lost"])
def test_journal_begins_anew_where_the_last_one_can_not_be_read(*, is_lost: bool) -> None:
    store = client()
    tip = store.write({RECORD: b"{}"}, None, "before\n", NOW)
    known = state({NAMES.journal: tip}, evidence=Evidence("garbage") if is_lost else None)
    found = written(store, known, decided())
    assert found[NAMES.journal][0] == tip, "its lease stands in any case"
    assert held_in(store, found[NAMES.journal][1]).parent == (None if is_lost else tip)
