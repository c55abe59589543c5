"""Of senders that send at the same time one turns: which one, and who leaves a turn out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tidemill.facts.ledger import Ledger
from tidemill.facts.refs import RefNames, Refs
from tidemill.facts.requests import HoldRequest
from tidemill.facts.settings import Settings
from tidemill.facts.state import LATELY, State
from tidemill.turn.senders import has_been_read, is_left_to_another, is_next

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
OLD = NOW - 2 * LATELY


def state(*lately: str, old: tuple[str, ...] = (), read: tuple[str, ...] = ()) -> State:
    """What is known where some requests came lately, others earlier, and a turn has read some."""

    def request(accepted_at: datetime) -> HoldRequest:
        return HoldRequest(accepted_at=accepted_at, wave="lab", set="_", reason="freeze")

    return State(
        refs=Refs({}),
        names=RefNames("refs/tidemill", "main", "auto"),
        main="a" * 40,
        settings=Settings(waves=()),
        journal=Ledger(),
        inbox={**dict.fromkeys(lately, request(NOW)), **dict.fromkeys(old, request(OLD))},
        checks={},
        kept_holds={},
        kept_records={},
        read=frozenset(read),
    )


@pytest.mark.parametrize(
    ("known", "inbox", "expected"),
    [
        (state("b"), {"b"}, True),
        (state("a", "b"), {"a", "b"}, False),
        (state("b", "c"), {"b", "c"}, True),
        (state("a", "b", read=("a",)), {"a", "b"}, True),
        (state("b", old=("a",)), {"a", "b"}, True),
        (state("a", "b"), {"b"}, True),
        (state("b"), {"a", "b"}, False),
        (state("b"), set(), True),
    ],
    ids=[
        "alone",
        "another-is-first",
        "first",
        "a-turn-has-read-the-other",
        "the-other-came-long-ago",
        "the-other-has-ended",
        "the-other-came-since",
        "its-own-has-ended",
    ],
)
def test_one_sender_is_next(known: State, inbox: set[str], expected: bool) -> None:
    assert is_next(known, "b", inbox, NOW) is expected


def test_of_all_senders_that_know_the_same_one_is_next() -> None:
    names = [f"announcement-app-{number}" for number in range(1, 17)]
    known = state(*names)
    assert sum(is_next(known, name, set(names), NOW) for name in names) == 1


@pytest.mark.parametrize(
    ("known", "expected"),
    [(state("b"), False), (state("b", read=("b",)), True), (state("a"), True)],
    ids=["it-waits", "the-journal-names-it", "it-has-ended"],
)
def test_request_has_been_read_where_the_journal_says_so_or_it_has_ended(
    known: State, expected: bool
) -> None:
    assert has_been_read(known, "b") is expected


def test_what_comes_from_a_clock_that_is_ahead_came_lately_too() -> None:
    ahead = NOW - timedelta(seconds=5)
    assert state("b").came_lately(ahead) == {"b"}
    assert state("b").came_lately(NOW + LATELY) == set()


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (state("own"), False),
        (state("own", "other"), True),
        (state("other"), True),
        (state("own", old=("other",)), False),
        (state(), False),
    ],
    ids=["alone", "with-another", "its-own-has-ended", "the-other-came-long-ago", "nothing-waits"],
)
def test_what_another_sender_has_seen_is_left_to_it(known: State, expected: bool) -> None:
    assert is_left_to_another(known, "own", NOW) is expected
