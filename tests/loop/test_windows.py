"""Windows and approval: when a wave takes anything at all, and who has to say so."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.loop.waves import Waves, short, waves


def windowed(folder: Path, *windows: str) -> Waves:
    """The shop takes sets only in these windows."""
    shop = {"targets": ["s1"], "windows": list(windows)}
    return waves(folder, {"lab": {"targets": ["l1"]}, "shop": shop})


def test_closed_window_keeps_a_set_out_and_status_says_when_it_opens(tmp_path: Path) -> None:
    w = windowed(tmp_path, "Tue 09:00-16:00 UTC")
    w.deployed(1, "lab")
    assert w.at("shop") is None
    assert "2026-01-06 09:00" in w.why()
    w.now = datetime(2026, 1, 6, 9, 0, tzinfo=UTC)
    w.green()
    assert w.at("shop") == 1


@pytest.mark.parametrize(
    ("window", "when", "is_open"),
    [
        ("Mon-Fri 09:00-16:00 Europe/Berlin", "2026-01-05T07:59:59Z", False),
        ("Mon-Fri 09:00-16:00 Europe/Berlin", "2026-01-05T08:00:00Z", True),
        ("Mon-Fri 09:00-16:00 Europe/Berlin", "2026-01-05T14:59:59Z", True),
        ("Mon-Fri 09:00-16:00 Europe/Berlin", "2026-01-05T15:00:00Z", False),
        ("Mon-Fri 09:00-16:00 Europe/Berlin", "2026-07-06T07:00:00Z", True),
        ("Mon-Fri 09:00-16:00 Europe/Berlin", "2026-07-06T14:00:00Z", False),
        ("Mon-Fri 09:00-16:00 Europe/Berlin", "2026-01-10T10:00:00Z", False),
        ("Fri 22:00-04:00 UTC", "2026-01-09T21:59:00Z", False),
        ("Fri 22:00-04:00 UTC", "2026-01-09T23:00:00Z", True),
        ("Fri 22:00-04:00 UTC", "2026-01-10T03:59:00Z", True),
        ("Fri 22:00-04:00 UTC", "2026-01-10T04:00:00Z", False),
        ("Fri 22:00-04:00 UTC", "2026-01-09T03:00:00Z", False),
        ("Sun 20:00-06:00 Asia/Tokyo", "2026-01-11T20:30:00Z", True),
        ("Sun 20:00-06:00 Asia/Tokyo", "2026-01-11T21:30:00Z", False),
        ("Sat-Mon 10:00-11:00 UTC", "2026-01-11T10:30:00Z", True),
        ("Sat-Mon 10:00-11:00 UTC", "2026-01-06T10:30:00Z", False),
        ("Mon,Wed 10:00-11:00 UTC", "2026-01-07T10:30:00Z", True),
        ("Mon,Wed 10:00-11:00 UTC", "2026-01-06T10:30:00Z", False),
        ("Mon 00:00-24:00 UTC", "2026-01-05T23:59:59Z", True),
        ("Mon 00:00-24:00 UTC", "2026-01-06T00:00:00Z", False),
    ],
)
def test_window_is_open_when_its_text_says_so(
    tmp_path: Path, window: str, when: str, is_open: bool
) -> None:
    lab = {"targets": ["l1"], "windows": [window]}
    w = waves(tmp_path, {"lab": lab})
    w.now = datetime.fromisoformat(when)
    assert bool(w.announce(1)["introduced"]) is is_open


def test_any_one_of_several_windows_will_do(tmp_path: Path) -> None:
    w = windowed(tmp_path, "Sun 09:00-10:00 UTC", "Mon 09:00-12:00 UTC")
    w.deployed(1, "lab")
    assert w.at("shop") == 1


def test_window_that_closes_while_a_promotion_is_under_test_keeps_it_from_landing(
    tmp_path: Path,
) -> None:
    w = windowed(tmp_path, "Mon-Tue 09:00-11:00 UTC")
    w.ship(1)
    tested = w.report("lab", "l1")["to_check"][0]
    w.later(hours=1)
    w.check(tested)
    turn = w.turn()
    assert turn["landed"] is None
    assert w.at("shop") is None
    assert [entry["wave"] for entry in w.journalled("taken off auto")] == ["shop"]
    w.now = datetime(2026, 1, 6, 9, 0, tzinfo=UTC)
    w.green()
    assert w.at("shop") == 1


def test_innocent_set_above_a_promotion_whose_window_closed_still_lands(tmp_path: Path) -> None:
    w = windowed(tmp_path, "Mon 09:00-11:00 UTC")
    w.ship(1)
    w.report("lab", "l1")
    w.announce(2)
    w.later(hours=1)
    w.green()
    assert w.positions() == {"lab": 2, "shop": None}


def test_window_of_a_first_wave_keeps_announcements_waiting(tmp_path: Path) -> None:
    lab = {"targets": ["l1"], "windows": ["Tue 09:00-16:00 UTC"]}
    w = waves(tmp_path, {"lab": lab})
    w.announce(1)
    w.announce(2)
    assert len(w.refs("inbox")) == 2
    w.now = datetime(2026, 1, 6, 9, 0, tzinfo=UTC)
    w.green()
    assert w.at("lab") == 2


def test_rollback_passes_a_closed_window(tmp_path: Path) -> None:
    w = windowed(tmp_path, "Mon 09:00-11:00 UTC")
    w.everywhere(1)
    w.everywhere(2)
    w.later(hours=8)
    w.roll_back("shop")
    w.green()
    assert w.at("shop") == 1


def test_override_passes_a_closed_window_and_the_journal_has_the_reason(tmp_path: Path) -> None:
    w = windowed(tmp_path, "Tue 09:00-11:00 UTC")
    w.deployed(1, "lab")
    w.promote("shop", "--override", "the site is down")
    w.green()
    assert w.at("shop") == 1
    assert [one["reason"] for one in w.journalled("overridden")] == ["the site is down"]


def test_promotion_by_hand_without_override_waits_for_the_window(tmp_path: Path) -> None:
    w = windowed(tmp_path, "Tue 09:00-11:00 UTC")
    w.deployed(1, "lab")
    assert w.promote("shop").code == 0
    w.green()
    assert w.at("shop") is None
    w.now = datetime(2026, 1, 6, 9, 0, tzinfo=UTC)
    w.green()
    assert w.at("shop") == 1


def approved(folder: Path, **more: object) -> Waves:
    """The shop takes sets only with approval."""
    shop = {"targets": ["s1"], "approval": True, **more}
    return waves(folder, {"lab": {"targets": ["l1"]}, "shop": shop})


def test_set_that_needs_approval_waits_and_status_says_how_to_give_it(tmp_path: Path) -> None:
    w = approved(tmp_path)
    w.deployed(1, "lab")
    w.later(days=3)
    w.green()
    assert w.at("shop") is None
    line = next(one for one in w.status()["waiting"] if "for shop" in one["what"])
    assert "approval" in line["for"]
    assert f"promote-wave --wave shop --set app --sha {short(1)}" in line["for"]
    w.promote("shop", "--sha", short(1))
    w.green()
    assert w.at("shop") == 1


def test_status_says_since_when_an_approval_is_missing(tmp_path: Path) -> None:
    w = approved(tmp_path)
    w.deployed(1, "lab")
    w.later(days=3)
    line = next(one for one in w.status()["waiting"] if "for shop" in one["what"])
    assert line["since"] == "2026-01-05T10:00:00Z"


def test_approval_is_for_the_set_that_it_names_and_no_other(tmp_path: Path) -> None:
    w = approved(tmp_path, soak="1h")
    w.deployed(1, "lab")
    w.promote("shop", "--sha", short(1))
    w.later(minutes=30)
    w.deployed(2, "lab")
    w.later(minutes=31)
    w.green()
    assert w.at("shop") == 1
    w.deploy("shop")
    w.later(days=1)
    w.green()
    assert w.at("shop") == 1, "2 has not been approved"


def test_approval_that_comes_early_waits_in_the_inbox_until_its_set_is_due(tmp_path: Path) -> None:
    w = approved(tmp_path, soak="1h")
    w.ship(1)
    w.promote("shop", "--sha", short(1))
    w.green()
    assert len(w.refs("inbox")) == 1
    assert w.at("shop") is None
    w.deploy("lab")
    w.later(hours=1)
    w.green()
    assert w.at("shop") == 1
    assert not w.refs("inbox")


def test_approval_of_a_set_that_a_newer_one_overtook_is_superseded(tmp_path: Path) -> None:
    w = approved(tmp_path)
    w.deployed(1, "lab")
    w.hold("shop", set_name="app")
    first = w.promote("shop", "--sha", short(1))["request"]["id"]
    w.later(minutes=1)
    w.deployed(2, "lab")
    w.promote("shop", "--sha", short(2))
    w.release("shop")
    w.green()
    assert w.at("shop") == 2
    assert not w.refs("inbox")
    assert first in {entry.get("id") for entry in w.journalled("superseded")}


def test_failed_set_is_not_promoted_although_it_was_approved(tmp_path: Path) -> None:
    w = approved(tmp_path)
    w.ship(1)
    w.promote("shop", "--sha", short(1))
    w.report("lab", "l1", health="Degraded")
    w.later(days=1)
    w.green()
    assert w.at("shop") is None


def test_approval_that_is_dropped_takes_its_promotion_off_auto(tmp_path: Path) -> None:
    w = approved(tmp_path)
    w.deployed(1, "lab")
    turn = w.promote("shop", "--sha", short(1))
    request, tested = turn["request"]["id"], turn["to_check"][0]
    w.check(tested)
    dropped = w.run("drop", "--id", request)
    assert dropped["landed"] is None
    w.green()
    assert w.at("shop") is None
    assert "approval" in w.why()
