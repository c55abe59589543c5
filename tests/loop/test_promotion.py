"""Promotion by hand: what it asks for, what it may pass over, and what it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loop.stories import file_at, refs
from tests.loop.waves import short, waves
from tests.world import git

SOAK = {"lab": {"targets": ["l1"]}, "shop": {"targets": ["s1"], "soak": "1h"}}


def test_promotion_by_hand_still_waits_for_the_sources(tmp_path: Path) -> None:
    w = waves(tmp_path, SOAK, first=("ship", 1))
    assert w.promote("shop", "--sha", short(1)).code == 0
    w.green()
    assert w.at("shop") is None
    assert "l1" in w.why()


def test_promotion_by_hand_still_waits_for_soak(tmp_path: Path) -> None:
    w = waves(tmp_path, SOAK, first=("deployed", 1, "lab"))
    w.promote("shop")
    w.green()
    assert w.at("shop") is None
    assert "to go" in w.why()
    w.later(hours=1)
    w.green()
    assert w.at("shop") == 1


def test_promotion_by_hand_still_waits_for_admission(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("deployed", 1, "lab"))
    w.deployed(2, "lab")
    assert w.at("shop") == 1
    w.promote("shop", "--sha", short(2))
    w.green()
    assert w.at("shop") == 1
    assert "in flight in shop" in w.why()


def test_override_passes_over_sources_and_soak_and_the_journal_keeps_the_reason(
    tmp_path: Path,
) -> None:
    w = waves(tmp_path, SOAK, first=("ship", 1))
    turn = w.promote("shop", "--sha", short(1), "--override", "customers wait")
    assert turn["promoted"]
    w.green()
    assert w.at("shop") == 1
    assert [one["reason"] for one in w.journalled("overridden")] == ["customers wait"]
    tip = w.landing_of("shop")
    assert "customers wait" in git(w.bare, "show", "-s", "--format=%B", tip)


def test_override_still_has_to_be_green(tmp_path: Path) -> None:
    w = waves(tmp_path, SOAK, first=("ship", 1))
    sha = w.promote("shop", "--sha", short(1), "--override", "now")["to_check"][0]
    w.check(sha, "failure")
    w.check(w.ref("refs/heads/main") or "")
    w.turn()
    assert w.at("shop") is None


def test_override_passes_over_admission_and_takes_the_place_of_what_is_on_auto(
    tmp_path: Path,
) -> None:
    w = waves(tmp_path, first=("deployed", 1, "lab"))
    w.deploy("shop")
    w.green()
    w.ship(2)
    w.deploy("lab")
    assert [one["state"] for one in w.wave("shop")["sets"]][-1] == "auto"
    w.ship(3)
    w.promote("shop", "--sha", short(3), "--override", "a hotfix")
    w.green()
    assert w.at("shop") == 3


def test_override_of_a_failed_set_is_possible(tmp_path: Path) -> None:
    w = waves(tmp_path, SOAK, first=("ship", 1))
    w.report("lab", "l1", health="Degraded")
    w.promote("shop", "--sha", short(1), "--override", "lab itself is broken")
    w.green()
    assert w.at("shop") == 1


def test_override_without_a_reason_is_refused(tmp_path: Path) -> None:
    w = waves(tmp_path, SOAK, first=("ship", 1))
    before = refs(w)
    assert w.promote("shop", "--sha", short(1), "--override", " ").code == 1
    assert refs(w) == before


def test_older_set_than_the_present_one_is_refused_and_the_remedy_is_a_rollback(
    tmp_path: Path,
) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    w.everywhere(2)
    before = refs(w)
    turn = w.promote("shop", "--sha", short(1), "--override", "I want it")
    assert turn.code == 1
    assert "rollback-wave" in turn["error"]["remedy"]
    assert turn["error"]["written"] == "nothing"
    assert refs(w) == before


def test_set_that_the_wave_has_already_is_nothing_to_do(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    turn = w.promote("shop", "--sha", short(1))
    assert turn.code == 0
    assert not turn["promoted"]
    assert "already" in turn["request"]["state"]
    assert not w.refs("inbox")


def test_set_that_nobody_has_heard_of_is_refused(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    turn = w.promote("shop", "--sha", "0" * 12)
    assert turn.code == 1
    assert turn["error"]["written"] == "nothing"


def test_promotion_into_a_first_wave_is_refused(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("ship", 1))
    assert w.promote("lab").code == 1


def test_without_a_sha_the_newest_deployed_set_is_meant(tmp_path: Path) -> None:
    w = waves(tmp_path)
    w.hold("shop")
    w.deployed(1, "lab")
    w.deployed(2, "lab")
    w.ship(3)
    turn = w.promote("shop", "--override", "go")
    assert [one["app_sha"][:12] for one in turn["promoted"]] == [short(2)]


def test_older_set_that_was_asked_for_goes_before_newer_ones(tmp_path: Path) -> None:
    w = waves(tmp_path)
    w.hold("shop")
    for position in (1, 2, 3):
        w.deployed(position, "lab")
    w.promote("shop", "--sha", short(2), "--override", "3 is not ready")
    w.green()
    assert w.at("shop") == 2


def test_set_that_the_wave_has_had_before_can_be_promoted_again_by_hand(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    w.everywhere(2)
    w.roll_back("shop")
    w.green()
    w.deploy("shop")
    w.release("shop")
    w.green()
    assert w.at("shop") == 1, "by itself it takes only newer ones"
    assert w.promote("shop", "--sha", short(2)).code == 0
    w.green()
    assert w.at("shop") == 2


def test_request_for_a_set_that_lands_meanwhile_ends_as_landed(tmp_path: Path) -> None:
    w = waves(tmp_path, SOAK, first=("deployed", 1, "lab"))
    w.promote("shop")
    w.later(hours=1)
    w.green()
    assert w.at("shop") == 1
    assert not w.refs("inbox")


def test_promotion_by_hand_twice_is_one_promotion(tmp_path: Path) -> None:
    w = waves(tmp_path, SOAK, first=("deployed", 1, "lab"))
    w.promote("shop")
    w.later(minutes=1)
    w.promote("shop")
    w.later(hours=1)
    w.green()
    assert w.at("shop") == 1
    assert len(w.journalled("promoted")) == 1
    assert not w.refs("inbox")


@pytest.mark.parametrize("minutes", range(4))  # ids are digests: which of two comes first varies
def test_override_counts_where_the_set_was_asked_for_before(tmp_path: Path, minutes: int) -> None:
    w = waves(tmp_path, SOAK, first=("deployed", 1, "lab"))
    w.promote("shop")
    w.later(minutes=1 + minutes)
    turn = w.promote("shop", "--sha", short(1), "--override", "customers wait")
    assert turn["promoted"]
    w.green()
    assert w.at("shop") == 1
    assert len(w.journalled("promoted")) == 1
    assert not w.refs("inbox")


@pytest.mark.parametrize("minutes", range(4))
def test_two_who_ask_for_a_set_wait_for_the_same(tmp_path: Path, minutes: int) -> None:
    w = waves(tmp_path, SOAK, first=("deployed", 1, "lab"))
    w.promote("shop")
    w.later(minutes=1 + minutes)
    waiting = [one for one in w.promote("shop")["waiting"] if one["id"]]
    assert len(waiting) == 2
    assert waiting[0]["obstacles"] == waiting[1]["obstacles"], waiting


def test_evicted_promotion_is_not_done_again_until_it_is_retried(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("ship", 1))
    w.report("lab", "l1")
    sha = w.report("lab", "l2")["to_check"][0]
    w.check(sha, "failure")
    turn = w.turn()
    for main in turn["to_check"]:
        w.check(main)
    w.turn()
    assert [one["wave"] for one in w.journalled("evicted")] == ["shop"]
    w.later(days=1)
    w.green()
    assert w.at("shop") is None
    assert "retry" in w.why() or "evicted" in w.why()
    assert w.run("retry", "--sha", short(1)).code == 0
    w.green()
    assert w.at("shop") == 1


def test_override_is_promoted_byte_for_byte_too(tmp_path: Path) -> None:
    w = waves(tmp_path, SOAK, first=("ship", 1, {"web": "a", "api": "b"}))
    w.promote("shop", "--sha", short(1), "--override", "now")
    w.green()
    for name in ("tags.json", "digests.json"):
        assert file_at(w, "main", f"images/shop/{name}") == file_at(w, "main", f"images/lab/{name}")
