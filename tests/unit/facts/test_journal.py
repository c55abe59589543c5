"""The journal: what a turn did, and the ledger that goes on."""

import json
from datetime import UTC, datetime

import msgspec
import pytest

from tidemill.facts.journal import RECORD, Entry, Journal, decode, encode, kinds, message
from tidemill.facts.ledger import Ledger, RequestEnding
from tidemill.facts.operation import Operation

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
WHOLE = Journal(
    at=THEN,
    run_url="https://github.com/acme/cfg-app/actions/runs/1",
    entries=(
        Entry(what="landed", sha="a" * 40, app_sha="b" * 40, set="app", wave="lab", reason="ü"),
        Entry(what="superseded", id="announcement-app-1-bbbbbbbbbbbb"),
    ),
    ledger=Ledger(ended=[RequestEnding(id="hold-1", how="done")]),
)


@pytest.mark.parametrize("journal", [WHOLE, Journal(at=THEN)], ids=["whole", "least"])
def test_journal_survives_being_written_down(journal: Journal) -> None:
    assert decode(encode(journal)) == journal
    assert encode(decode(encode(journal))) == encode(journal)


def test_journal_is_text_for_people_too() -> None:
    text = encode(WHOLE)[RECORD].decode()
    assert text.endswith("}\n")
    assert "ledger" not in json.loads(text)
    assert json.loads(text)["entries"][1] == {
        "what": "superseded",
        "id": "announcement-app-1-bbbbbbbbbbbb",
    }


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"{}", encode(WHOLE)[RECORD].replace(b'"version": 2', b'"version": 3', 1)],
    ids=["empty", "broken", "list", "no-time", "later-version"],
)
def test_what_is_no_journal_of_this_version_is_not_read(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode({**encode(WHOLE), RECORD: data})


def test_journal_without_its_ledger_is_not_read() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode({RECORD: encode(WHOLE)[RECORD]})


def test_journal_of_the_first_releases_is_read_with_the_ledger_that_is_in_its_record() -> None:
    record = json.loads(msgspec.json.encode(WHOLE))
    assert decode({RECORD: json.dumps({"version": 1, **record}).encode()}) == WHOLE


def test_operations_of_one_plan_are_told_apart() -> None:
    one = Operation(
        kind="promote",
        wave="shop",
        set="app",
        app_sha="a" * 40,
        position=7,
        repository="acme/app",
        content="c",
        commit="d" * 40,
    )
    changes: list[dict[str, object]] = [
        {"kind": "introduce"},
        {"wave": "lab"},
        {"set": "batch"},
        {"position": 8},
        {"content": "e"},
        {"commit": "f" * 40},
        {"request": "promotion-1"},
    ]
    ids = {one.id, *(msgspec.structs.replace(one, **change).id for change in changes)}
    assert len(ids) == 1 + len(changes)
    assert one.is_same_set(msgspec.structs.replace(one, kind="roll back", position=1))
    assert not one.is_same_set(msgspec.structs.replace(one, wave="lab"))


def test_first_line_of_the_message_sums_up_what_kinds_of_things_a_turn_did() -> None:
    landed = Entry(what="landed", wave="lab", set="app", app_sha="a" * 40, by="ann")
    well = Entry(what="reported", wave="lab", target="eu", phase="Succeeded", health="Healthy")
    sick = Entry(what="reported", wave="lab", target="us", phase="Succeeded", health="Degraded")
    older = Entry(what="reported", wave="lab", reason="us: Failed, Missing at 0123456")
    said = message([landed, well, sick, well, older])
    first, _, rest = said.partition("\n")
    assert first == "landed, reported no failure 2, reported 2"
    assert kinds(first) == {"landed", "reported no failure", "reported"}
    assert f"landed app lab {'a' * 12} (by ann)\n" in rest
    assert kinds(message([]).partition("\n")[0]) == {"take note"}
