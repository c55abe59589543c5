"""The note of rest: what it tells apart, where it is, and how it is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tidemill.facts.refs import RefNames
from tidemill.facts.rest import Rest, decode, digest, encode, only_note

MAIN, JOURNAL, NOTE = "refs/heads/main", "refs/tidemill/journal", "refs/tidemill/rest"
REFS = {MAIN: "1" * 40, JOURNAL: "2" * 40, "refs/tags/v1": "3" * 40}
SEEN = digest(REFS, "main", NOTE, "0.3.0")
AT = datetime(2026, 1, 5, 10, tzinfo=UTC)
REST = Rest(
    SEEN, AT, AT + timedelta(hours=5), {"waiting": [{"what": "1 for lab"}], "next_due": None}
)


@pytest.mark.parametrize(
    ("refs", "head", "program"),
    [
        (REFS | {MAIN: "4" * 40}, "main", "0.3.0"),
        (REFS | {"refs/tags/v1": "4" * 40}, "main", "0.3.0"),
        (REFS | {"refs/tidemill/inbox/rest": "4" * 40}, "main", "0.3.0"),
        ({MAIN: "1" * 40, JOURNAL: "2" * 40}, "main", "0.3.0"),
        ({**REFS, "refs/tags/v2": REFS["refs/tags/v1"]}, "main", "0.3.0"),
        (REFS, "auto", "0.3.0"),
        (REFS, None, "0.3.0"),
        (REFS, "main", "0.3.1"),
    ],
)
def test_any_other_ref_head_or_program_is_something_else(
    refs: dict[str, str], head: str | None, program: str
) -> None:
    assert digest(refs, head, NOTE, program) != SEEN


def test_the_note_itself_and_the_order_of_refs_make_no_difference() -> None:
    listed = {NOTE: "5" * 40, **dict(reversed(REFS.items()))}
    assert digest(listed, "main", NOTE, "0.3.0") == SEEN


def test_ref_that_is_not_utf_8_can_be_told_apart() -> None:
    names = [b"refs/heads/\xe9".decode(errors="surrogateescape"), "refs/heads/é"]
    assert len({digest({name: "1" * 40}, None, NOTE, "") for name in names}) == 2


@pytest.mark.parametrize(
    ("refs", "note"),
    [
        ([MAIN], None),
        ([JOURNAL], None),
        (["refs/heads/x/rest"], None),
        ([JOURNAL, NOTE], NOTE),
        ([JOURNAL, NOTE, "refs/tidemill/inbox/rest"], NOTE),
        (["refs/heads/mill/journal", "refs/heads/mill/rest"], "refs/heads/mill/rest"),
        ([JOURNAL, NOTE, "refs/heads/x/journal", "refs/heads/x/rest"], None),
    ],
)
def test_note_is_beside_the_journal_wherever_that_is(refs: list[str], note: str | None) -> None:
    assert only_note(dict.fromkeys(refs, "1" * 40)) == note


def test_note_is_where_the_names_of_refs_have_it() -> None:
    names = RefNames("refs/tidemill", "main", "auto")
    assert only_note({names.journal: "1" * 40, names.rest: "2" * 40}) == names.rest


@pytest.mark.parametrize(
    ("minutes", "holds"), [(-1, False), (0, True), (299, True), (300, False), (900, False)]
)
def test_holds_from_its_own_time_to_its_end(minutes: int, *, holds: bool) -> None:
    assert REST.is_still_so(SEEN, AT + timedelta(minutes=minutes)) is holds
    assert not REST.is_still_so("other", AT + timedelta(minutes=minutes))


def test_holds_for_a_day_at_most_whatever_it_says() -> None:
    forged = replace(REST, until=AT + timedelta(days=400))
    assert forged.is_still_so(SEEN, AT + timedelta(hours=23))
    assert not forged.is_still_so(SEEN, AT + timedelta(hours=24))


def test_says_nothing_of_what_a_run_has_to_do() -> None:
    """Whoever may write refs may write a note, and could name an environment for a job."""
    forged = replace(REST, found={**REST.found, "due": True, "environment": "production"})
    assert decode(encode(forged)) == REST


def test_is_read_as_it_was_written() -> None:
    assert decode(encode(REST)) == REST


@pytest.mark.parametrize(
    "record",
    [b"", b"[]", b"{}", b"3", encode(REST).replace(b'"version": 1', b'"version": 2')],
    ids=["nothing", "a list", "no version", "a number", "newer"],
)
def test_what_is_no_note_of_this_release_says_so(record: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        decode(record)
