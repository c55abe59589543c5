"""Gates: what counts as one, how a change of them is said, and which commits made it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.unit.sets import LAB, SHOP, STOCKTAKING, settings

from tidemill.facts.gates import GateChange, Gates, PastSettings, changes, gates_of, has_other_gates
from tidemill.facts.settings import Settings, Wave

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SMOKE = {"name": "smoke", "command": "./smoke"}
DOWN = {"name": "north", "ignored": {"until": "2026-02-01T00:00:00Z", "reason": "moved"}}


def rollout(*, tables: Mapping[str, Any] | None = None, **shop: Any) -> Settings:
    return settings(lab=LAB, shop={**SHOP, **shop}, **(tables or {}))


def shop(found: Settings) -> Wave:
    wave = found.wave("shop")
    assert wave is not None
    return wave


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (rollout(soak="1h"), "soak: 1h, was 0s"),
        (rollout(soak="48h"), "soak: 2d, was 0s"),
        (rollout(soak="3601s"), "soak: 3601s, was 0s"),
        (rollout(settle="5m"), "settle: 5m, was 15m"),
        (rollout(admit="at once"), "admit: at once, was when deployed"),
        (rollout(after=[]), "after: none, was lab"),
        (rollout(approval=True), "approval: yes, was no"),
        (
            rollout(approval=True, environment="live"),
            "approval: yes, was no; environment: live, was none",
        ),
        (rollout(approvers=["bob", "ada"]), "approvers: ada, bob, was none"),
        (rollout(need="80%"), "need: 80%, was all"),
        (rollout(on_failure="roll back"), "on_failure: roll back, was wait"),
        (rollout(failed_after="2m"), "failed_after: 2m, was 0s"),
        (
            rollout(windows=["Mon-Fri 09:00-16:00 UTC"]),
            "windows: Mon-Fri 09:00-16:00 UTC, was none",
        ),
        (
            rollout(tables={"freezes": [STOCKTAKING]}),
            "freezes: 2026-01-05T12:00 to 2026-01-06T00:00 Europe/Berlin, was none",
        ),
        (
            rollout(tables={"targets": [DOWN]}),
            "ignored: north until 2026-02-01T00:00:00+00:00, was none",
        ),
        (
            rollout(tables={"verifications": [{**SMOKE, "for": "10m"}]}),
            "verifications: smoke (command ./smoke, for 10m), was none",
        ),
        (rollout(soak="1h", need="80%"), "need: 80%, was all; soak: 1h, was 0s"),
    ],
)
def test_a_change_of_a_gate_is_said_with_what_it_was(after: Settings, words: str) -> None:
    before = gates_of(rollout(), shop(rollout()))
    assert has_other_gates({"shop": Gates(values=before)}, after)
    [(by, gates)] = changes(before, after, shop(after), [], None)
    assert by is None
    assert GateChange(gates=gates, at=NOW).words == words


@pytest.mark.parametrize(
    "after",
    [
        rollout(soak="0s", approval=False),
        rollout(tables={"freezes": [{**STOCKTAKING, "waves": ["lab"]}]}),
        rollout(tables={"verifications": [{**SMOKE, "waves": ["lab"]}]}),
        rollout(tables={"targets": [{**DOWN, "name": "lab-1", "wave": "lab"}]}),
        rollout(tables={"targets": [{**DOWN, "name": "lab-1"}]}),
        rollout(tables={"targets": [{"name": "north", "path": "generated/{wave}/{target}"}]}),
        settings(lab={"targets": ["north"]}, shop=SHOP, targets=[{**DOWN, "wave": "lab"}]),
        settings(lab=LAB, shop={**SHOP, "targets": ["north", "south", "west"]}),
    ],
    ids=[
        "by-itself",
        "freeze-elsewhere",
        "verification-elsewhere",
        "ignored-elsewhere",
        "ignored-of-another-name",
        "not-ignored",
        "ignored-of-the-same-name",
        "targets",
    ],
)
def test_what_is_no_gate_of_a_wave_is_no_change_of_its_gates(after: Settings) -> None:
    known = {"shop": Gates(values=gates_of(rollout(), shop(rollout())))}
    assert not has_other_gates(known, after)


def test_whose_keys_prove_an_approval_is_a_gate_of_a_wave_with_approvers() -> None:
    elsewhere = {"checks": 'retries = 0\n[approvals]\nkeys = "mallorys"'}
    before, after = (rollout(approvers=["ada"], tables=one) for one in ({}, elsewhere))
    [(_, gates)] = changes(gates_of(before, shop(before)), after, shop(after), [], None)
    assert gates == {"approvals.keys": ("approvers", "mallorys")}
    known = {"shop": Gates(values=gates_of(rollout(), shop(rollout())))}
    assert not has_other_gates(known, rollout(tables=elsewhere)), "nobody has to sign"


def test_order_is_no_change() -> None:
    one, other = (rollout(approvers=names) for names in (["ada", "bob"], ["bob", "ada"]))
    assert gates_of(one, shop(one)) == gates_of(other, shop(other))


def test_a_long_value_is_cut_where_it_is_shown() -> None:
    change = GateChange(gates={"approvers": ("ada", "bob, " * 100)}, at=NOW)
    assert len(change.words) < 120
    assert change.words.endswith("…, was ada")


def test_of_long_lists_what_differs_is_shown() -> None:
    many = [f"approver-{count}" for count in range(20)]
    was, now = ", ".join([*many, "zoe"]), ", ".join([*many, "mallory"])
    change = GateChange(gates={"approvers": (was, now)}, at=NOW)
    assert change.words == "approvers: …, mallory, was …, zoe"


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        (
            ("10m", "5m"),
            ("10m", "1s"),
            "…, b (command ./b, for 1s), was …, b (command ./b, for 5m)",
        ),
        (
            ("10m", "5m"),
            ("5m", "10m"),
            "a (command ./a with … 5m), b (command ./b, for 10m), "
            "was a (command ./a with … 10m), b (command ./b, for 5m)",
        ),
    ],
    ids=["one", "both"],
)
def test_of_long_verifications_what_differs_is_shown_with_which_it_is(
    was: tuple[str, str], now: tuple[str, str], words: str
) -> None:
    command = "./a with many words that go on and on, as those of a command may"
    before, after = (
        f"a (command {command}, for {one}), b (command ./b, for {other})"
        for one, other in (was, now)
    )
    change = GateChange(gates={"verifications": (before, after)}, at=NOW)
    assert change.words == f"verifications: {words}"


def past(*soaks: str) -> list[PastSettings]:
    """Commits, the oldest first: `known` and after it a, b, c, each with a soak of the shop."""
    names = ("known", "a", "b", "c")
    return [
        PastSettings(name, f"author of {name}", rollout(soak=soak))
        for name, soak in zip(names, soaks, strict=False)
    ]


@pytest.mark.parametrize(
    ("soaks", "known", "told"),
    [
        (("1h", "0s"), "known", [("a", ("1h", "0s"))]),
        (("1h", "2h", "0s"), "known", [("a", ("1h", "2h")), ("b", ("2h", "0s"))]),
        (("1h", "1h", "0s", "0s"), "known", [("b", ("1h", "0s"))]),
        (("2h", "1h", "2h", "0s"), "a commit that is not there", [("c", ("1h", "0s"))]),
        (("2h", "1h", "2h", "3h"), "a commit that is not there", [("c", ("1h", "0s"))]),
        (("0s", "0s"), "a commit that is not there", [(None, ("1h", "0s"))]),
        (("0s", "2h", "0s"), "known", [("a", ("0s", "2h")), ("b", ("2h", "0s"))]),
        ((), "known", [(None, ("1h", "0s"))]),
    ],
    ids=[
        *("one", "two", "the-one-between", "not-all-is-known", "what-is-last-is-not-known"),
        *("older-than-all", "there-and-back", "nothing-known"),
    ],
)
def test_commits_that_changed_a_gate_are_told_apart(
    soaks: tuple[str, ...], known: str, told: list[tuple[str | None, tuple[str, str]]]
) -> None:
    before, after = rollout(soak="1h"), rollout()
    found = changes(gates_of(before, shop(before)), after, shop(after), past(*soaks), known)
    assert [(by.commit if by else None, gates["soak"]) for by, gates in found] == told


def test_a_commit_that_renames_waves_changes_no_gate() -> None:
    old = settings(stage=LAB, live={**SHOP, "after": ["stage"], "soak": "1h"})
    new = settings(
        lab={**LAB, "was": "stage"}, shop={**SHOP, "was": "live", "after": ["lab"], "soak": "1h"}
    )
    newest = settings(
        lab={**LAB, "was": "stage"}, shop={**SHOP, "was": "live", "after": ["lab"], "soak": "0s"}
    )
    commits = [
        PastSettings(*one) for one in (("known", "", old), ("a", "", new), ("b", "", newest))
    ]
    known = Gates(values={"after": "lab", "soak": "1h"})
    found = list(changes(known.values, newest, shop(newest), commits, "known"))
    assert [(by.commit if by else None, gates) for by, gates in found] == [
        ("b", {"soak": ("1h", "0s")})
    ]


def test_nobody_is_told_to_have_changed_what_an_earlier_release_did_not_write_down() -> None:
    folder = {"checks": 'retries = 0\n[approvals]\nkeys = "people"'}
    old, new = (rollout(approvers=["ada"], soak=soak, tables=folder) for soak in ("1h", "0s"))
    known = {"after": "lab", "approvers": "ada", "soak": "1h"}
    commits = [PastSettings("known", "", old), PastSettings("a", "eve", new)]
    other = [commits[0], PastSettings("a", "bob", old)]
    for same in (commits[:1], other):
        assert list(changes(known, old, shop(old), same, "known")) == []
    [(by, gates)] = changes(known, new, shop(new), commits, "known")
    assert (by and by.author, gates) == ("eve", {"soak": ("1h", "0s")})


def test_nobody_is_told_to_have_changed_what_an_earlier_release_wrote_in_other_words() -> None:
    same, known = rollout(soak="1h"), {"after": "lab", "soak": "60m"}
    commits = [PastSettings("known", "", same), PastSettings("a", "eve", same)]
    for told in (commits[:1], commits):
        assert list(changes(known, same, shop(same), told, "known")) == []


def test_who_brings_a_wave_back_has_changed_what_was_known_of_it() -> None:
    before, after = rollout(soak="1h"), rollout()
    commits = [PastSettings("known", "", settings(lab=LAB)), PastSettings("a", "eve", after)]
    [(by, gates)] = changes(gates_of(before, shop(before)), after, shop(after), commits, "known")
    assert (by and by.author, gates) == ("eve", {"soak": ("1h", "0s")})


def test_keys_that_an_earlier_release_did_not_write_down_are_told_of_no_later_commit() -> None:
    """It knew no keys, and so many commits have come since that nobody knows what it saw."""
    found = rollout(approvers=["ada"])
    known = {"after": "lab", "approvers": "ada"}
    other = [PastSettings("later", "", rollout(approvers=["ada"], soak="1h"), "a" * 40)]
    other += [PastSettings("last", "eve", found, "a" * 40)]
    assert list(changes(known, found, shop(found), other, "long ago", keys="a" * 40)) == []
    soaked = {**known, "soak": "2h"}
    [(by, gates)] = changes(soaked, found, shop(found), other, "long ago", keys="a" * 40)
    assert (by and by.author, gates) == ("eve", {"soak": ("2h", "0s")})


def test_first_keys_of_approvers_are_told_of_a_later_commit_as_well() -> None:
    found = rollout(approvers=["ada"])
    known = gates_of(found, shop(found))
    other = [PastSettings("later", "", found), PastSettings("last", "eve", found, "a" * 40)]
    [(by, gates)] = changes(known, found, shop(found), other, "long ago", keys="a" * 40)
    assert (by and by.author, gates) == (
        "eve",
        {"approvals.keys": ("approvers", f"approvers as {'a' * 12}")},
    )


@pytest.mark.parametrize(
    ("same", "said"),
    [(40, "a" * 40 + "b" * 38 + " …"), (41, "a" * 20 + " … " + "a" * 41 + "b" * 14 + " …")],
)
def test_long_value_is_said_from_where_it_differs_if_that_would_be_cut_off(
    same: int, said: str
) -> None:
    now, was = "a" * same + "b" * 60, "a" * same + "c" * 60
    words = GateChange(gates={"windows": (was, now)}, at=NOW).words
    assert words == f"windows: {said}, was {said.replace('b', 'c')}"
