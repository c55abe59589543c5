"""The ledger as files: all of it comes back, and what does not change keeps its file."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tidemill.facts.ledger import (
    KEPT_ENDED,
    KEPT_SETS,
    BadEnding,
    Eviction,
    Landing,
    Ledger,
    RequestEnding,
)
from tidemill.facts.ledger_files import INDEX, decode, encode
from tidemill.facts.operation import AutoCommit, Files, Operation

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
WAVES = {"lab": ("l1", "l2", "l3"), "qa": ("q1", "q2", "q3"), "shop": tuple("abcde")}


def sha(*parts: object) -> str:
    """Something that looks like a SHA and is always the same."""
    return hashlib.sha1(repr(parts).encode()).hexdigest()


def landing(wave: str, position: int) -> Landing:
    """One that every target has taken."""
    return Landing(
        app_sha=sha("app", position),
        position=position,
        content=sha("content", position) + sha("content", position)[:24],
        digests=sha("digests", position) + sha("digests", position)[:24],
        commit=sha("commit", wave, position),
        landed_at=THEN + timedelta(minutes=position),
        how="introduce",
        repository="acme/app",
        targets={one: Files(sha("tree", one, position)) for one in WAVES[wave]},
        taken=dict.fromkeys(WAVES[wave], THEN + timedelta(minutes=position)),
        deployed_at=THEN + timedelta(minutes=position),
        deployed_once=True,
        healthy_since=THEN + timedelta(minutes=position),
    )


def ledger(position: int) -> Ledger:
    """As it is once that many sets went through all waves, one after the other."""
    found = Ledger()
    for wave in WAVES:
        part = found.of(wave, "app")
        for one in range(max(1, position - KEPT_SETS + 1), position + 1):
            part.put(landing(wave, one))
    ended = range(max(1, position * 9 - KEPT_ENDED), position * 9)
    found.ended = [RequestEnding(id=f"announcement-{sha(one)}", how="landed") for one in ended]
    return found


def full() -> Ledger:
    """One that has something of everything."""
    operation = Operation(
        kind="introduce",
        wave="lab",
        set="app",
        app_sha=sha("x"),
        position=7,
        repository="acme/app",
        content="c",
    )
    found = ledger(60)
    found.of("lab", "empty")
    found.auto = [
        AutoCommit(sha=sha(one), parent=sha(one - 1), operation=operation, digests="d")
        for one in range(20)
    ]
    found.evictions = [
        Eviction(commit=sha(one) if one else None, at=THEN, reason="red", said="x" * 1500)
        for one in range(30)
    ]
    found.endings = {
        name: [BadEnding(app_sha=sha(one), position=one, how="evicted", at=THEN) for one in (1, 2)]
        for name in ("app", "batch")
    }
    found.green_main = sha("main")
    return found


@pytest.mark.parametrize("known", [Ledger(), ledger(1), ledger(70), full()])
def test_ledger_comes_back_from_its_files(known: Ledger) -> None:
    files = encode(known)
    assert decode(files) == known
    assert encode(decode(files)) == files
    assert all(json.loads(data) for data in files.values()), "files are JSON, and none is empty"


def test_order_is_kept_where_numbers_of_parts_grow_longer() -> None:
    many = Ledger(
        ended=[RequestEnding(id="x" * 9_000 + str(one), how="landed") for one in range(10_005)]
    )
    files = encode(many)
    assert "ended-10004.json" in files
    assert decode(files) == many


def stored(before: Ledger, after: Ledger) -> int:
    """How many bytes a turn stores that makes one of the other."""
    known = set(encode(before).values())
    return sum(len(data) for data in encode(after).values() if data not in known)


def test_turn_that_changes_what_a_wave_has_now_stores_only_what_waves_have_now() -> None:
    before, after = ledger(70), ledger(70)
    present = after.of("shop", "app").present
    assert present is not None
    present.taken = {**present.taken, "a": THEN}
    assert 0 < stored(before, after) < 5_000


def test_turn_that_changes_nothing_of_the_ledger_stores_nothing_of_it() -> None:
    assert stored(full(), full()) == 0


def test_turn_in_which_every_wave_gets_its_next_set_stores_a_small_part_of_the_ledger() -> None:
    costs = [stored(ledger(one), ledger(one + 1)) for one in range(60, 120)]
    assert sum(costs) / len(costs) < 40_000, "all of it is more than 150,000"


@pytest.mark.parametrize("name", list(encode(full())))
def test_file_that_is_missing_or_damaged_makes_no_ledger(name: str) -> None:
    files = encode(full())
    without = {one: data for one, data in files.items() if one != name}
    damaged: list[dict[str, Any]] = [without, {**files, name: b"["}, {**files, name: b"[{}]"}]
    for one in damaged:
        with pytest.raises(msgspec.DecodeError):
            decode(one)


def test_file_of_another_commit_does_not_pass_for_one_of_this() -> None:
    files = encode(ledger(70))
    extra = {**files, "earlier-0099.json": files["earlier-0000.json"]}
    with pytest.raises(msgspec.DecodeError, match="items of earlier"):
        decode(extra)
    assert INDEX in files
