"""What was read at one moment, and what can be done with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.sets import settings

from tidemill.announcing.announcement import Announcement
from tidemill.errors import SettingsInvalid, StateUnreadable
from tidemill.facts.decoding import IllegibleRecord
from tidemill.facts.evidence import Evidence
from tidemill.facts.holds import Hold
from tidemill.facts.ledger import Ledger
from tidemill.facts.records import Deployment, Health
from tidemill.facts.refs import RefNames, Refs
from tidemill.facts.requests import AnnouncementRequest, HoldRequest
from tidemill.facts.settings import ImageSet, Settings
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


def test_announcement_that_came_a_quarter_of_a_minute_ago_came_before() -> None:
    now = datetime(2026, 1, 5, 12, tzinfo=UTC)
    known = state()
    for seconds in (14.9, 15, 3600):
        fact = AnnouncementRequest(
            accepted_at=now - timedelta(seconds=seconds),
            announcement=Announcement(
                repository="acme/app", sha="d" * 40, position=int(seconds), images={}
            ),
        )
        known = known.having(fact, "d" * 40)
    hold = HoldRequest(accepted_at=now - timedelta(hours=2), wave="lab", set="_", reason="lunch")
    known = known.having(hold, "d" * 40)
    assert [now - one for one in known.announced_before(now)] == [
        timedelta(seconds=15), timedelta(hours=1)
    ]  # fmt: skip
    assert known.without(hold.id).inbox == {
        name: one for name, one in known.inbox.items() if one != hold
    }


def record(finished: float, health: Health = "Healthy", **given: Any) -> Deployment:
    """What a target reports, so many minutes after noon."""
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    fields = {"wave": "lab", "target": "north", "accepted_at": noon + timedelta(hours=1)}
    return Deployment(
        revision="e" * 40, phase="Succeeded", health=health,
        finished_at=noon + timedelta(minutes=finished), **{**fields, **given},
    )  # fmt: skip


FILED, LATER, LATEST = record(5), record(6), record(7)
SAME = record(5, "Degraded")


@pytest.mark.parametrize(
    ("filed", "waiting", "last"),
    [
        (None, (), None),
        (FILED, (), FILED),
        (None, (LATER,), LATER),
        (FILED, (LATER, LATEST), LATEST),
        (FILED, (LATEST, LATER), LATEST),
        (LATER, (FILED,), LATER),
        (FILED, (SAME,), SAME),
        (FILED, (record(9, target="south"), record(9, wave="shop")), FILED),
    ],
    ids=["none", "filed", "waits", "two", "two-the-other-way", "late", "at-once", "of-others"],
)
def test_last_that_a_target_has_said_may_still_wait(
    filed: Deployment | None, waiting: tuple[Deployment, ...], last: Deployment | None
) -> None:
    kept = {"lab/north": filed} if filed else {}
    known = state(kept_records=kept, inbox={one.id: one for one in waiting})
    assert known.last_said("lab", "north") == last


def test_records_that_a_newer_release_wrote_silence_their_targets() -> None:
    def kept(*, is_newer: bool) -> UnreadableRef:
        ref = "refs/tidemill/deployed/lab/x"
        return UnreadableRef(ref=ref, sha="c" * 40, id="x", reason="odd", is_newer=is_newer)

    records = {
        "lab/north": kept(is_newer=True), "lab/south": kept(is_newer=False), "lab/west": FILED
    }  # fmt: skip
    assert state(kept_records=records).silenced == {("lab", "north")}


def test_all_is_known_by_todays_names_where_names_can_be_known() -> None:
    """Waves and sets are swapped: `live` was `shop`, and `shop` was `live`."""
    north, south = {"targets": ["north"]}, {"targets": ["south"]}
    swapped = replace(
        settings(live={**north, "was": "shop"}, shop={**south, "was": "live"}),
        sets=(ImageSet(name="app", was="lib"), ImageSet(name="lib", was="app")),
    )
    hold = Hold(
        id="hold-1", wave="live", set="_", reason="lunch", by="ada", since=FILED.accepted_at
    )
    told = record(5, wave="shop")
    given: dict[str, Any] = {
        "settings": swapped,
        "kept_holds": {"live/_": hold},
        "kept_records": {"shop/north": told},
    }
    known = state(**given)
    assert list(known.holds) == [("shop", "_")]
    assert known.deployed == {("live", "north"): replace(told, wave="live")}
    assert (known.waves_meant("live"), known.sets_meant("app")) == (("live",), ("app",))
    for unknown in (
        state(**given, journal=NEWER),
        state(**{**given, "settings": SettingsInvalid("no waves", remedy="add one")}),
        state(**{**given, "settings": settings(live=north, shop=south)}),
    ):
        assert list(unknown.holds) == [("live", "_")]
        assert list(unknown.deployed) == [("shop", "north")]
        assert unknown.waves_meant("live") == ("live",)


@pytest.mark.parametrize("is_newer", [False, True])
def test_hold_that_can_not_be_read_holds_its_place(*, is_newer: bool) -> None:
    ref = "refs/tidemill/holds/lab/app"
    broken = UnreadableRef(ref=ref, sha="c" * 40, id="x", reason="garbage", is_newer=is_newer)
    known = state(kept_holds={"lab/app": broken})
    [(place, hold)] = known.holds.items()
    assert (place, hold.wave, hold.set, hold.by) == (("lab", "app"), "lab", "app", "tidemill")
    assert "garbage" in hold.reason
    assert (place in known.written_holds) is is_newer
