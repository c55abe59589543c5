"""What was read at one moment, and what can be done with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tidemill.errors import SettingsInvalid, StateUnreadable
from tidemill.facts.decoding import IllegibleRecord
from tidemill.facts.evidence import Evidence
from tidemill.facts.ledger import Ledger
from tidemill.facts.refs import RefNames, Refs
from tidemill.facts.requests import HoldRequest
from tidemill.facts.settings import Settings
from tidemill.facts.snapshot import UnreadableRef
from tidemill.facts.state import State

NAMES = RefNames("refs/tidemill", "main", "auto")
JOURNAL = Refs({NAMES.journal: "b" * 40})
NEWER = IllegibleRecord("it is of version 9", is_newer=True)


def state(**given: Any) -> State:
    fields: dict[str, Any] = {"refs": JOURNAL, "settings": Settings(waves=()), "journal": Ledger()}
    nothing: dict[str, Any] = {key: {} for key in ("inbox", "checks", "kept_holds", "kept_records")}
    return State(names=NAMES, main="a" * 40, **{**fields, **nothing, **given})


@pytest.mark.parametrize(
    ("known", "is_sound"),
    [
        (state(), True),
        (state(refs=Refs({})), False),
        (state(journal=NEWER), False),
        (state(evidence=Evidence("it is gone")), False),
    ],
    ids=["written", "none yet", "of a newer release", "made anew"],
)
def test_there_is_a_journal_to_write_on(known: State, is_sound: bool) -> None:
    assert known.is_journal_sound is is_sound


def test_turn_can_be_done_only_with_settings_and_a_journal_that_can_be_read() -> None:
    state().check_usable()
    with pytest.raises(SettingsInvalid):
        state(settings=SettingsInvalid("no waves", remedy="add one")).check_usable()
    with pytest.raises(StateUnreadable, match="version 9"):
        state(journal=NEWER).check_usable()


def test_hold_that_can_not_be_read_is_asked_for_anew_where_its_name_says_what_it_held() -> None:
    def broken(name: str, **given: Any) -> UnreadableRef:
        ref = f"refs/tidemill/{name}"
        return UnreadableRef(ref=ref, sha="c" * 40, id="x", reason="garbage", **given)

    found = state().holds_anew(
        [
            broken("holds/lab/app"),
            broken("holds/lab/app/more"),
            broken("holds/lab"),
            broken("holds/-"),
            broken("holds/shop/app", is_newer=True),
            broken("inbox/lab/app"),
        ]
    )
    assert [(one.wave, one.set) for one in found] == [("lab", "app"), ("lab", "app"), ("lab", "_")]


@pytest.mark.parametrize(("seconds", "is_late"), [(14.9, True), (15, False), (-14.9, True)])
def test_what_came_less_than_a_quarter_of_a_minute_ago_came_lately(
    seconds: float, is_late: bool
) -> None:
    now = datetime(2026, 1, 5, 12, tzinfo=UTC)
    hold = HoldRequest(
        accepted_at=now - timedelta(seconds=seconds), wave="lab", set="_", reason="lunch"
    )
    known = state()
    assert bool(known.having(hold, "d" * 40).came_lately(now)) is is_late


def test_newest_time_is_of_the_journal_or_of_what_came() -> None:
    now = datetime(2026, 1, 5, 12, tzinfo=UTC)
    hold = HoldRequest(accepted_at=now, wave="lab", set="_", reason="lunch")
    hour = timedelta(hours=1)
    assert state().newest is None
    assert state(written_at=now - hour).having(hold, "d" * 40).newest == now
    assert state(written_at=now + hour).having(hold, "d" * 40).newest == now + hour
