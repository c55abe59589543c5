"""One set in flight: when a wave takes the next one, for each value of `admit`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loop.waves import short, waves

SHOP = {"targets": ["s1"], "soak": "1h"}
DEPLOYED = {"lab": {"targets": ["l1"], "admit": "when deployed"}, "shop": SHOP}
SOAKED = {"lab": {"targets": ["l1"], "admit": "when soaked"}, "shop": SHOP}
AT_ONCE = {"lab": {"targets": ["l1"], "admit": "at once"}, "shop": SHOP}


def test_second_set_waits_while_the_first_is_on_auto(tmp_path: Path) -> None:
    w = waves(tmp_path, DEPLOYED)
    w.announce(1)
    turn = w.announce(2)
    assert not turn["introduced"]
    assert turn["waiting"]
    assert f"{short(1)} is on auto for lab" in w.why()


def test_second_set_waits_while_the_first_is_in_flight(tmp_path: Path) -> None:
    w = waves(tmp_path, DEPLOYED, first=("ship", 1))
    w.later(minutes=14)
    assert not w.announce(2)["introduced"]
    line = next(one for one in w.status()["waiting"] if short(2) in one["what"])
    assert "l1" in line["for"]
    assert line["since"] == "2026-01-05T10:14:00Z", "it came then"
    assert w.report("lab", "l1")["introduced"]


def test_second_set_goes_when_the_first_did_not_settle_in_time(tmp_path: Path) -> None:
    w = waves(tmp_path, DEPLOYED, first=("ship", 1))
    w.announce(2)
    w.later(minutes=15)
    w.green()
    assert w.at("lab") == 2


def test_settle_counts_from_the_landing_not_from_the_announcement(tmp_path: Path) -> None:
    w = waves(tmp_path, DEPLOYED)
    tested = w.announce(1)["to_check"][0]
    w.later(minutes=20)
    w.check(tested)
    w.announce(2)
    w.later(minutes=14)
    w.green()
    assert w.at("lab") == 1
    w.later(minutes=1)
    w.green()
    assert w.at("lab") == 2


@pytest.mark.parametrize("options", [DEPLOYED, SOAKED], ids=["when deployed", "when soaked"])
def test_failed_set_has_settled_at_once(tmp_path: Path, options: dict[str, dict[str, str]]) -> None:
    w = waves(tmp_path, options, first=("ship", 1))
    w.announce(2)
    w.report("lab", "l1", health="Degraded")
    w.green()
    assert w.at("lab") == 2


def test_newest_of_those_that_waited_goes_and_the_others_are_superseded(tmp_path: Path) -> None:
    w = waves(tmp_path, DEPLOYED)
    w.announce(1)
    for position in (4, 2, 3):
        w.announce(position)
    w.green()
    w.deploy("lab")
    w.green()
    assert w.at("lab") == 4
    superseded = {entry["app_sha"][:12] for entry in w.journalled("superseded")}
    assert superseded == {short(2), short(3)}


def test_when_soaked_waits_for_every_wave_that_follows(tmp_path: Path) -> None:
    options = {
        **SOAKED,
        "shop": {"targets": ["s1"], "after": ["lab"], "soak": "30m"},
        "mall": {"targets": ["m1"], "after": ["lab"], "soak": "1h"},
    }
    w = waves(tmp_path, options, first=("deployed", 1, "lab"))
    w.announce(2)
    w.later(minutes=59)
    w.green()
    assert w.positions() == {"lab": 1, "shop": 1, "mall": None}
    assert "soaks in lab for mall" in w.why()
    w.later(minutes=1)
    w.green()
    assert w.positions() == {"lab": 2, "shop": 1, "mall": 1}


def test_when_soaked_does_not_wait_longer_than_settle_for_a_silent_target(tmp_path: Path) -> None:
    w = waves(tmp_path, SOAKED, first=("ship", 1))
    w.announce(2)
    w.later(minutes=15)
    w.green()
    assert w.at("lab") == 2


def test_when_soaked_without_any_wave_that_follows_is_when_deployed(tmp_path: Path) -> None:
    w = waves(
        tmp_path, {"lab": {"targets": ["l1"], "admit": "when soaked"}}, first=("deployed", 1, "lab")
    )
    w.ship(2)
    assert w.at("lab") == 2


def test_at_once_stacks_sets_on_auto_as_they_come(tmp_path: Path) -> None:
    w = waves(tmp_path, AT_ONCE)
    for position in (1, 2, 3):
        assert w.announce(position)["introduced"]
    shas = [one["app_sha"][:12] for one in w.wave("lab")["sets"]]
    assert shas == [short(1), short(2), short(3)]
    w.green()
    assert w.at("lab") == 3


def test_wave_that_is_deployed_takes_the_next_although_a_target_progresses_again(
    tmp_path: Path,
) -> None:
    w = waves(tmp_path, DEPLOYED, first=("deployed", 1, "lab"))
    w.later(minutes=1)
    w.report("lab", "l1", health="Progressing")
    w.ship(2)
    assert w.at("lab") == 2


def test_promotion_waits_while_the_wave_has_one_in_flight(tmp_path: Path) -> None:
    options = {"lab": {"targets": ["l1"]}, "shop": {"targets": ["s1"]}}
    w = waves(tmp_path, options, first=("deployed", 1, "lab"))
    assert w.at("shop") == 1
    w.later(minutes=5)
    w.deployed(2, "lab")
    w.later(minutes=5)
    w.deployed(3, "lab")
    assert w.at("shop") == 1
    assert "in flight in shop" in w.why()
    w.deploy("shop")
    w.green()
    assert w.at("shop") == 3


def test_image_sets_are_admitted_each_by_itself(tmp_path: Path) -> None:
    w = waves(tmp_path, DEPLOYED, sets=("front", "back"))
    w.ship(1, {"web": "a"}, set_name="front")
    w.later(minutes=1)
    assert w.announce(1, {"db": "a"}, set_name="back")["introduced"]
    w.green()
    assert w.at("lab", "back") == 1
    assert not w.announce(2, {"web": "b"}, set_name="front")["introduced"]
    assert w.state("lab", "front") == "in flight"


def test_unknown_set_is_never_in_flight(tmp_path: Path) -> None:
    w = waves(tmp_path, DEPLOYED)
    folder = w.clone / "images/lab"
    folder.mkdir(parents=True)
    (folder / "tags.json").write_text('{"web": "ghcr.io/acme/web:by-hand"}\n')
    (folder / "digests.json").write_text(f'{{"web": "ghcr.io/acme/web@sha256:{"0" * 64}"}}\n')
    w.edit()
    assert w.announce(1)["introduced"]
    w.green()
    assert w.positions() == {"lab": 1, "shop": None}


def test_more_than_fifty_that_wait_lose_their_oldest(tmp_path: Path) -> None:
    w = waves(tmp_path, DEPLOYED)
    w.hold("lab")
    # Announced straight into the inbox by a broken main, so that it takes 52 pushes and one turn.
    valid, w.settings = w.settings, "waves = 3\n"
    w.edit()
    for position in range(1, 53):
        w.announce(position)
    w.settings = valid
    w.edit()
    turn = w.turn()
    assert [one["app_sha"][:12] for one in turn["superseded"]] == [short(1), short(2)]
    assert len(w.refs("inbox")) == 50
