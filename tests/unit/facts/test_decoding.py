"""What a ref holds is a value of this release, or says why it is none."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.unit.sets import NOW, landing

from tidemill.facts import forms, requests
from tidemill.facts.checks import CheckRecord, Run
from tidemill.facts.decoding import IllegibleRecord, is_bounded, legible
from tidemill.facts.holds import Hold
from tidemill.facts.journal import RECORD as RECORD_FILE
from tidemill.facts.journal import VERSION, Journal, decode, encode
from tidemill.facts.ledger import Ledger, SetLedger
from tidemill.facts.records import Deployment
from tidemill.facts.requests import HoldRequest
from tidemill.words.names import MAX_POSITION

HOLD = HoldRequest(accepted_at=NOW, wave="lab", set="_", reason="freeze")
HELD = Hold(id="hold-1", wave="lab", set="app", reason="freeze", by="ada", since=NOW)
RECORD = Deployment(
    accepted_at=NOW,
    wave="lab",
    target="lab-1",
    revision="a" * 40,
    phase="Succeeded",
    health="Healthy",
    finished_at=NOW,
)
CHECK = CheckRecord(sha="a" * 40, runs=(Run(context="ci", run="1", state="success", at=NOW),))
HAD = landing(7, taken={"lab-1": NOW}, healthy=timedelta(hours=1))
JOURNAL = Journal(at=NOW, ledger=Ledger(sets={"lab": {"app": SetLedger(landings=[HAD])}}))

JOURNAL_FILES = encode(JOURNAL)
NEWEST = {"journal": VERSION, "journal of the first form": VERSION}

KINDS: dict[str, tuple[Any, Any]] = {
    "request": (HOLD, lambda data: forms.fact(HOLD.id, data)),
    "record that waits": (RECORD, lambda data: forms.fact(RECORD.id, data)),
    "record": (RECORD, lambda data: forms.deployment("lab/lab-1", data)),
    "hold": (HELD, lambda data: forms.hold("lab/app", data)),
    "check": (CHECK, lambda data: forms.check("a" * 40, data)),
    "journal": (JOURNAL, lambda data: decode({**JOURNAL_FILES, RECORD_FILE: data})),
    "journal of the first form": (JOURNAL, lambda data: decode({RECORD_FILE: data})),
}


def encoded(kind: str) -> bytes:
    """What the record of a kind is written as."""
    if kind == "journal":
        return JOURNAL_FILES[RECORD_FILE]
    return msgspec.json.encode(KINDS[kind][0])


def found_in(kind: str, data: bytes) -> Any:
    """What is read of a kind."""
    return legible(data, KINDS[kind][1], newest=NEWEST.get(kind, 1))


BAD_TIMES = [
    "0001-01-01T00:00:00+23:59",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-23:59",
    "9999-12-31T23:59:59Z",
    "2026-01-05T12:00:00",
    "yesterday",
]
JUNK = {
    "empty": b"",
    "nothing": b"{}",
    "null": b"null",
    "list": b"[]",
    "text": b"nonsense",
    "not-utf-8": b'{"version": 1, "reason": "\xff"}',
    "deep": b"[" * 100_000,
    "deep-objects": b'{"kind":' * 100_000,
    "huge-version": b'{"version": 123456789012345678901234567890}',
}


@pytest.mark.parametrize("kind", KINDS)
def test_record_of_this_release_is_read(kind: str) -> None:
    assert found_in(kind, encoded(kind)) == KINDS[kind][0]


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_record_says_so(kind: str, junk: bytes) -> None:
    found = found_in(kind, junk)
    assert isinstance(found, IllegibleRecord)
    assert found.reason.isprintable()
    assert not found.is_newer


@pytest.mark.parametrize("time", BAD_TIMES)
@pytest.mark.parametrize("kind", KINDS)
def test_no_time_is_taken_with_which_one_can_not_reckon(kind: str, time: str) -> None:
    """Each time in a record by itself, wherever it is."""
    data = encoded(kind)
    good = msgspec.json.encode(NOW).strip(b'"')
    places = data.split(good)
    assert len(places) > 1
    for at in range(1, len(places)):
        forged = good.join(places[:at]) + time.encode() + good.join(places[at:])
        assert isinstance(found_in(kind, forged), IllegibleRecord)


@pytest.mark.parametrize("kind", KINDS)
def test_record_of_a_newer_release_is_told_apart(kind: str) -> None:
    newer = NEWEST.get(kind, 1) + 1
    record = json.loads(encoded(kind)) | {"version": newer, "more": {"x": 1}}
    found = found_in(kind, json.dumps(record).encode())
    assert isinstance(found, IllegibleRecord)
    assert found.is_newer


@pytest.mark.parametrize(
    ("value", "parse"),
    [
        (HOLD, lambda data: forms.fact("hold-1", data)),
        (HELD, lambda data: forms.hold("shop/app", data)),
        (HELD, lambda data: forms.hold("lab/_", data)),
        (RECORD, lambda data: forms.deployment("lab/lab-2", data)),
        (HOLD, lambda data: forms.deployment("lab/lab-1", data)),
        (CHECK, lambda data: forms.check("b" * 40, data)),
    ],
    ids=["inbox", "wave", "set", "target", "request-for-a-record", "sha"],
)
def test_record_of_another_ref_is_not_taken_for_this_one_s(value: Any, parse: Any) -> None:
    assert isinstance(legible(msgspec.json.encode(value), parse), IllegibleRecord)


def with_forged(old: bytes, new: bytes) -> dict[str, bytes]:
    """The files of the journal, with something else in one of them."""
    forged = {name: data.replace(old, new) for name, data in JOURNAL_FILES.items()}
    assert forged != JOURNAL_FILES
    return forged


@pytest.mark.parametrize("number", [2**53, 2**70, -(2**60)])
def test_no_number_is_taken_that_others_can_not_read(number: int) -> None:
    forged = with_forged(b'"position":7', f'"position":{number}'.encode())
    assert isinstance(legible(b"{}", lambda _: decode(forged)), IllegibleRecord)


@pytest.mark.parametrize("time", BAD_TIMES)
def test_no_time_is_taken_in_the_ledger_with_which_one_can_not_reckon(time: str) -> None:
    forged = with_forged(b'"landed_at":"2026-01-05T12:00:00Z"', f'"landed_at":"{time}"'.encode())
    assert isinstance(legible(b"{}", lambda _: decode(forged)), IllegibleRecord)


def test_no_span_is_taken_with_which_one_can_not_reckon() -> None:
    forged = with_forged(b"PT3600S", b"P99999999D")
    assert isinstance(legible(b"{}", lambda _: decode(forged)), IllegibleRecord)


def test_name_that_none_may_have_is_told_without_the_pattern_of_names() -> None:
    hold = {"version": 1, "kind": "hold", "wave": "a..b", "set": "app", "by": "ada"}
    data = msgspec.json.encode({**hold, "reason": "x", "since": "2026-01-01T00:00:00Z"})
    said = legible(data, requests.decode)
    assert isinstance(said, IllegibleRecord)
    assert said.reason.endswith("'`$.wave` is not what it may be'")


FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (FIRST, True),
        (FIRST - TICK, False),
        (LAST, True),
        (LAST + TICK, False),
        (FIRST.replace(tzinfo=None), False),
        ([FIRST, FIRST.replace(tzinfo=None)], False),
        (LAST - FIRST, True),
        (LAST - FIRST + TICK, False),
        (FIRST - LAST - TICK, False),
        (MAX_POSITION, True),
        (MAX_POSITION + 1, False),
        (-MAX_POSITION, True),
        (-MAX_POSITION - 1, False),
        (["a", "b"], True),
        ([1, MAX_POSITION + 1], False),
        ([1, -MAX_POSITION - 1], False),
        ([FIRST - TICK, FIRST], False),
        (("a", LAST + TICK), False),
        ({"a": "b", "c": MAX_POSITION + 1}, False),
        ({"a": [("b", {"c": LAST})]}, True),
        (HOLD, True),
        ([HELD, msgspec.structs.replace(HELD, since=LAST + TICK)], False),
        (None, True),
    ],
    ids=str,
)
def test_one_can_reckon_with_times_from_1970_to_2200_and_numbers_that_all_can_read(
    value: object, expected: object
) -> None:
    assert is_bounded(value) is expected


@pytest.mark.parametrize(
    ("version", "is_newer"),
    [(1, False), (2, True), (MAX_POSITION, True), (MAX_POSITION + 1, False)],
)
def test_version_that_no_release_will_ever_have_is_no_newer_one(
    version: int, is_newer: object
) -> None:
    found = legible(json.dumps({"version": version}).encode(), requests.decode)
    assert isinstance(found, IllegibleRecord)
    assert found.is_newer is is_newer
    assert (f"(version {version})" in found.reason) is is_newer
