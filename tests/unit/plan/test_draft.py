"""A draft: how requests end, what is kept of them, and what is known of checks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.snapshots import LAB, NOW, SHOP, Rollout, app_sha, settings, sha, unreadable

from tidemill.facts.checks import CheckClaim
from tidemill.facts.journal import Entry
from tidemill.facts.ledger import BadEnding, Eviction, Names, RequestEnding
from tidemill.facts.operation import Operation
from tidemill.facts.vouchers import Asked
from tidemill.plan.draft import AutoStep, Draft
from tidemill.plan.obstacles import About, NextTurn, RunningSoak


def draft(rollout: Rollout | None = None, **given: Any) -> Draft:
    """Nothing has been decided."""
    return Draft.of(replace((rollout or Rollout()).snapshot(), **given))


def waiting(*positions: int) -> tuple[Draft, list[str]]:
    """Announcements wait; their ids."""
    rollout = Rollout()
    ids = [rollout.announced(position) for position in positions]
    return draft(rollout), ids


# How requests end


def test_request_that_ends_is_taken_out_and_remembered_and_said() -> None:
    found, [one, other] = waiting(1, 2)
    entry = Entry(what="landed", id=one)
    found.end(one, "landed", entry)
    assert found.ended == [one]
    assert found.ledger.ended == [RequestEnding(id=one, how="landed")]
    assert found.entries == [entry]
    assert (one in found.inbox, other in found.inbox) == (False, True)


def test_request_that_has_ended_or_never_was_ends_no_more() -> None:
    found, [one] = waiting(1)
    found.end(one, "landed")
    found.end(one, "dropped", Entry(what="dropped"))
    found.end("never", "dropped", Entry(what="dropped"))
    assert found.ended == [one]
    assert [ending.how for ending in found.ledger.ended] == ["landed"]
    assert found.entries == []


def test_last_five_hundred_endings_are_remembered() -> None:
    found, [one] = waiting(1)
    found.ledger.ended = [RequestEnding(id=f"x-{number}", how="done") for number in range(500)]
    found.end(one, "landed")
    assert len(found.ledger.ended) == 500
    assert (found.ledger.ended[0].id, found.ledger.ended[-1].id) == ("x-1", one)


@pytest.mark.parametrize("is_asked", [False, True])
def test_what_an_approver_asked_for_is_used_up_when_it_ends(*, is_asked: bool) -> None:
    found, [one, other] = waiting(1, 2)
    if is_asked:
        found.asked[one] = Asked("ada", "run-7-1", NOW)
    found.asked[other] = Asked("ada", "run-8-1", NOW)
    found.end(one, "done")
    assert found.ledger.spent == ({"run-7-1": NOW} if is_asked else {})


@pytest.mark.parametrize("what", ["landed", "evicted", "unchanged", "introduced"])
def test_ending_that_the_journal_has_said_is_not_said_again(what: str) -> None:
    found, [one, other] = waiting(1, 2)
    found.entries = [Entry(what=what, id=one), Entry(what="introduced", id=other)]
    ended = Entry(what="ended", id=one)
    found.end_once(one, "landed", ended)
    assert found.ended == [one]
    assert (ended in found.entries) is (what == "introduced")
    assert found.has_landed(one) is (what == "landed")
    assert not found.has_landed(other)


# What is kept of them


def endings(found: Draft) -> list[tuple[str, str]]:
    return [(one.app_sha, one.how) for one in found.ledger.endings.get("app", [])]


@pytest.mark.parametrize("how", ["evicted", "rejected", "dropped", "landed", "superseded"])
def test_announcement_that_ends_badly_is_remembered_with_its_reason(how: str) -> None:
    found, [one] = waiting(3)
    found.end(one, how, Entry(what=how, id=one, reason="because"))
    expected = BadEnding(app_sha=app_sha(3), position=3, how=how, at=NOW, reason="because")
    is_bad = how not in ("landed", "superseded")
    assert found.ledger.endings == ({"app": [expected]} if is_bad else {})


def test_other_requests_leave_no_ending_of_a_set() -> None:
    rollout = Rollout()
    request = rollout.promotion("shop", 2)
    found = draft(rollout)
    found.end(request, "rejected")
    assert found.ledger.endings == {}


def test_ten_bad_endings_are_kept_and_the_newest_set_among_them() -> None:
    """A rejected one may be of any position, as whoever announced it liked."""
    found, ids = waiting(*range(1, 21))
    found.end(ids[-1], "evicted")
    for one in ids[:12]:
        found.end(one, "rejected")
    assert endings(found) == [
        (app_sha(20), "evicted"),
        *((app_sha(position), "rejected") for position in range(4, 13)),
    ]
    for one in ids[12:15]:
        found.end(one, "dropped")
    assert endings(found)[0] == (app_sha(20), "evicted")
    assert endings(found)[-1] == (app_sha(15), "dropped")
    assert len(endings(found)) == 10


def test_newest_of_those_that_were_not_rejected_is_kept_whatever_comes_after() -> None:
    found, ids = waiting(1, 2, 30)
    found.end(ids[1], "dropped")
    found.end(ids[0], "evicted")
    found.end(ids[2], "rejected")
    assert endings(found) == [
        (app_sha(2), "dropped"),
        (app_sha(1), "evicted"),
        (app_sha(30), "rejected"),
    ]


def test_what_is_rejected_is_kept_with_its_reason_and_said() -> None:
    found, [one] = waiting(3)
    found.reject(one, "it is bad", set_name="app", wave="lab")
    assert found.rejected == {one: "it is bad"}
    assert (found.ledger.rejected, found.ended) == ([one], [one])
    [entry] = found.entries
    assert entry == Entry(
        what="rejected", id=one, app_sha=app_sha(3), set="app", wave="lab", reason="it is bad"
    )


def test_what_is_rejected_and_does_not_wait_is_kept_and_ends_nothing() -> None:
    found = draft()
    found.reject("gone", "it is bad")
    assert (found.rejected, found.ended, found.entries) == ({"gone": "it is bad"}, [], [])


def test_last_fifty_that_were_rejected_are_kept_each_once() -> None:
    found, [one] = waiting(3)
    found.ledger.rejected = [f"x-{number}" for number in range(50)]
    found.keep(one, "bad")
    assert len(found.ledger.rejected) == 50
    assert (found.ledger.rejected[0], found.ledger.rejected[-1]) == ("x-1", one)
    found.keep("x-7", "bad")
    assert found.ledger.rejected[-2:] == [one, "x-7"]
    assert found.ledger.rejected.count("x-7") == 1


def test_request_for_what_is_not_there_is_rejected_and_says_what_it_is_now() -> None:
    found, [one] = waiting(3)
    assert not found.reject_unless_named(one, "lab", "app")
    assert found.rejected == {}
    found.ledger.wave_names = Names(now={"live": ("eu", "us")})
    found.ledger.set_names = Names(now={"lib": ("core",)})
    assert found.reject_unless_named(one, "live", "lib")
    assert found.rejected[one].endswith("; it is eu and us and core now: ask for each by itself")
    assert found.inbox.facts == {}


def test_request_for_what_never_was_is_rejected_without_more_words() -> None:
    found, [one] = waiting(3)
    assert found.reject_unless_named(one, "moon", "app")
    assert "now: ask" not in found.rejected[one]
    assert "moon" in found.rejected[one]


def test_ref_that_can_not_be_read_is_set_aside_kept_and_said() -> None:
    found, one = draft(), unreadable("x-1")
    found.set_aside(one)
    assert found.aside == [one]
    assert found.ledger.rejected == ["x-1"]
    assert found.entries == [Entry(what="rejected", id="x-1", reason=one.said)]


def test_evicted_commit_is_kept_and_said_and_one_that_never_was_only_said() -> None:
    found, commit = draft(), sha("red")
    found.ledger.evictions = [
        Eviction(commit=sha(number), at=NOW, reason="red") for number in range(50)
    ]
    found.evict(Eviction(commit=commit, at=NOW, reason="red"))
    found.evict(Eviction(commit=None, at=NOW, reason="it can't be made"))
    assert found.evicted == [commit]
    assert len(found.ledger.evictions) == 52
    assert [one.commit for one in found.ledger.evictions[-2:]] == [commit, None]
    assert [(one.what, one.sha, one.reason) for one in found.entries] == [
        ("evicted", commit, "red"),
        ("evicted", None, "it can't be made"),
    ]


# The chain


def operation(kind: Any, wave: str = "lab", set_name: str = "app") -> Operation:
    return Operation(
        kind=kind, wave=wave, set=set_name, app_sha=None, position=0, repository=None, content=""
    )


@pytest.mark.parametrize(
    ("kinds", "place"),
    [
        (("roll back",), 1),
        (("roll back", "hotfix"), 2),
        (("hotfix",), 0),
        ((), 0),
        (("roll back", "hotfix", "promote", "introduce"), 4),
    ],
)
def test_operations_are_put_behind_those_of_some_kinds(kinds: Any, place: int) -> None:
    found = draft()
    there = [operation(kind) for kind in ("roll back", "hotfix", "promote", "roll back")]
    found.chain = [AutoStep(one) for one in there]
    new = [operation("regenerate", wave) for wave in ("lab", "shop")]
    found.put_after(kinds, new)
    assert [step.operation for step in found.chain] == [*there[:place], *new, *there[place:]]


def test_operations_on_auto_are_those_of_a_set_in_a_wave() -> None:
    found = draft()
    here = operation("promote")
    found.chain = [
        AutoStep(one)
        for one in (here, operation("promote", "shop"), operation("promote", set_name="lib"))
    ]
    assert found.on_auto("lab", "app") == [here]


def test_what_waits_is_said_once_and_since_when_where_it_does_not_say() -> None:
    found = draft()
    about, soak = About(at="auto"), RunningSoak(wave="lab", since=NOW)
    for _ in range(2):
        found.wait(about, NextTurn(), soak, since=NOW - timedelta(hours=1))
    [line] = found.waiting
    assert [one.since for one in line.obstacles] == [NOW - timedelta(hours=1), NOW]


# What is known of checks


COMMIT = sha("commit")


def test_verdict_has_to_be_read_once_where_it_was_not() -> None:
    found = draft(unread=frozenset({COMMIT}))
    for _ in range(2):
        assert found.require_verdict(COMMIT).state == "missing"
    assert found.require_verdict(sha("read")).state == "missing"
    assert found.to_read == [COMMIT]
    assert found.verdict(sha("never asked")).state == "missing"
    assert list(found.verdicts) == [COMMIT, sha("read")]


def test_verdict_that_is_known_to_the_draft_is_that() -> None:
    rollout = Rollout()
    rollout.green(COMMIT)
    found = draft(rollout)
    green = found.verdict(COMMIT)
    assert green.state == "green"
    rollout.red(COMMIT)
    other = draft(rollout)
    other.verdicts[COMMIT] = green
    assert other.verdict(COMMIT).state == "green"


@pytest.mark.parametrize(
    ("is_unread", "green", "expected"),
    [
        (True, "main", "green"),
        (True, "other", "missing"),
        (True, None, "missing"),
        (False, "main", "missing"),
    ],
)
def test_main_that_was_green_need_not_be_read_again(
    is_unread: object, green: str | None, expected: str
) -> None:
    rollout = Rollout()
    rollout.ledger.green_main = {"main": rollout.main, "other": COMMIT, None: None}[green]
    unread = frozenset({rollout.main} if is_unread else ())
    found = draft(rollout, unread=unread)
    assert found.require_main_verdict().state == expected
    assert found.to_read == ([rollout.main] if is_unread and expected == "missing" else [])


@pytest.mark.parametrize(
    ("source", "is_asked", "state"),
    [("github", True, "pending"), ("github", False, "missing"), ("refs", True, "missing")],
)
def test_check_that_was_asked_for_is_on_its_way_where_no_runner_says_so(
    source: Any, is_asked: object, state: str
) -> None:
    rollout = Rollout()
    checks = replace(rollout.settings.checks, source=source)
    rollout.settings = replace(rollout.settings, checks=checks)
    if is_asked:
        rollout.ledger.asked = {COMMIT: CheckClaim(at=NOW)}
    assert draft(rollout).verdict(COMMIT).state == state


@pytest.mark.parametrize(
    ("told", "said", "state"),
    [((), (), "green"), (("lint",), (), "missing"), ((), ("lint",), "missing")],
    ids=["none", "by-github", "by-the-settings"],
)
def test_checks_that_are_required_are_those_of_github_or_of_the_settings(
    told: Any, said: Any, state: str
) -> None:
    rollout = Rollout(settings(lab=LAB, shop=SHOP))
    rollout.settings = replace(
        rollout.settings, checks=replace(rollout.settings.checks, required=said)
    )
    rollout.green(COMMIT)
    assert draft(rollout, required=told).verdict(COMMIT).state == state


# Who asked


def test_line_of_the_journal_names_who_asked_as_far_as_that_is_known() -> None:
    rollout = Rollout()
    mine, proven = rollout.promotion("shop", 2), rollout.promotion("shop", 3)
    found = draft(rollout)
    found.asked = {proven: Asked("grace", "run-1-1", NOW), mine: Asked("", "x", NOW)}
    found.entries = [
        Entry(what="a", id=mine),
        Entry(what="b", id=proven),
        Entry(what="c", id=mine, by="tidemill"),
        Entry(what="d"),
        Entry(what="e", id="gone"),
    ]
    assert [one.by for one in found.told()] == ["ada", "grace", "tidemill", "", ""]
