"""Soak: from when it runs, what stops it, what does not, and what is promoted after it."""

from __future__ import annotations

from pathlib import Path

from tests.loop.stories import assert_rests, file_at, journal
from tests.loop.waves import Waves, short, waves
from tests.world import git

HOUR = {"targets": ["s1"], "soak": "1h"}
ONE = {"lab": {"targets": ["l1"]}, "shop": HOUR}
TWO = {"lab": {"targets": ["l1", "l2"]}, "shop": HOUR}


def test_soak_runs_from_when_the_last_target_had_the_set(tmp_path: Path) -> None:
    w = waves(tmp_path, TWO, first=("ship", 1))
    w.report("lab", "l1")
    w.later(minutes=50)
    w.report("lab", "l2")
    w.later(minutes=59)
    assert not w.turn()["promoted"]
    assert "1m to go" in w.why()
    w.later(minutes=1)
    w.green()
    assert w.at("shop") == 1


def test_soak_of_centuries_is_one_without_an_end(tmp_path: Path) -> None:
    lab, shop = {"targets": ["l1"], "settle": "999999d"}, {**HOUR, "soak": "99999d"}
    w = waves(tmp_path, {"lab": lab, "shop": shop}, first=("ship", 1))
    w.announce(2)
    assert "the next one waits until" in w.why()
    w.deploy("lab")
    w.green()
    assert not w.journalled("made again"), "the journal can be read"
    assert "it soaks in lab until" in w.why()
    w.deploy("lab")
    assert_rests(w)
    assert w.positions() == {"lab": 2, "shop": None}


def test_soak_counts_from_when_a_record_was_accepted_not_from_what_it_claims(
    tmp_path: Path,
) -> None:
    w = waves(tmp_path, ONE, first=("ship", 1))
    landed = w.now
    w.later(hours=2)
    w.report("lab", "l1", finished=landed)
    w.green()
    assert w.at("shop") is None
    w.later(hours=1)
    w.green()
    assert w.at("shop") == 1


def test_clock_of_a_target_that_runs_ahead_does_not_lengthen_soak(tmp_path: Path) -> None:
    w = waves(tmp_path, ONE, first=("ship", 1))
    ahead = w.now.replace(hour=22)
    w.report("lab", "l1", finished=ahead)
    w.later(hours=1)
    w.green()
    assert w.at("shop") == 1


def test_config_commits_do_not_reset_soak(tmp_path: Path) -> None:
    w = waves(tmp_path, ONE, first=("ship", 1))
    w.report("lab", "l1")
    for minute in range(4):
        w.later(minutes=15)
        w.edit(note=f"after {minute}")
        w.report("lab", "l1")
    w.green()
    assert w.at("shop") == 1


def test_newer_sets_do_not_end_the_soak_of_an_older_one(tmp_path: Path) -> None:
    w = waves(tmp_path, ONE)
    for position in range(1, 5):
        w.deployed(position, "lab")
        w.later(minutes=20)
    w.green()
    assert w.at("lab") == 4
    assert w.at("shop") == 2, "1 and 2 have soaked for an hour, and 2 is the newest of them"


def test_promoted_set_is_byte_for_byte_what_its_source_had(tmp_path: Path) -> None:
    w = waves(tmp_path, ONE, first=("deployed", 1, "lab", {"web": "a", "Api": "b"}))
    landed = w.landing_of("lab")
    w.later(minutes=30)
    w.deployed(2, "lab", {"web": "c"})
    w.later(minutes=31)
    w.green()
    for name in ("tags.json", "digests.json"):
        assert file_at(w, "main", f"images/shop/{name}") == file_at(w, landed, f"images/lab/{name}")
        assert file_at(w, "main", f"images/shop/{name}") != file_at(w, "main", f"images/lab/{name}")
    message = git(w.bare, "show", "-s", "--format=%B", "main")
    assert f"Autocommit-Promoted-From: lab@{landed}" in message


def test_oddly_formatted_image_files_are_promoted_as_they_are(tmp_path: Path) -> None:
    w = waves(tmp_path, ONE, first=("deployed", 1, "lab"))
    folder = w.clone / "images/lab"
    w.edit(push=False)
    for name in ("tags.json", "digests.json"):
        text = (folder / name).read_text()
        (folder / name).write_text("\n" + text.replace("  ", "\t") + "\n\n")
    w.commit("a person's own formatting")
    w.report("lab", "l1")
    w.later(minutes=1)
    w.deployed(2, "lab")
    w.later(minutes=61)
    w.green()
    assert w.at("shop") == 2
    assert file_at(w, "main", "images/shop/tags.json") == file_at(w, "main", "images/lab/tags.json")


def test_soak_of_older_sets_stands_still_while_a_newer_one_fails(tmp_path: Path) -> None:
    w = waves(tmp_path, ONE, first=("deployed", 1, "lab"))
    w.later(minutes=30)
    w.ship(2)
    w.report("lab", "l1", health="Degraded")
    w.later(hours=3)
    w.green()
    assert w.at("shop") is None
    assert any(short(1) in line and "stands still" in line for line in w.why().splitlines())
    w.report("lab", "l1")
    w.later(minutes=29)
    w.green()
    assert w.at("shop") is None
    w.later(minutes=1)
    w.green()
    assert w.at("shop") == 1, "30 minutes before the failure and 30 after it"
    w.later(minutes=30)
    w.green()
    w.deploy("shop")
    w.green()
    assert w.at("shop") == 2


def test_soak_of_older_sets_stands_still_until_the_target_that_failed_is_healthy(
    tmp_path: Path,
) -> None:
    w = waves(tmp_path, ONE, first=("deployed", 1, "lab"))
    w.later(minutes=30)
    w.ship(2)
    w.report("lab", "l1", health="Degraded")
    w.later(minutes=1)
    w.report("lab", "l1", health="Progressing")
    w.later(minutes=40)
    w.green()
    assert w.at("shop") is None, "a pod that restarts is not healthy again"
    w.report("lab", "l1")
    w.later(minutes=30)
    w.green()
    assert w.at("shop") == 1


def test_rollout_of_a_newer_set_does_not_stop_soak(tmp_path: Path) -> None:
    w = waves(tmp_path, ONE, first=("deployed", 1, "lab"))
    w.later(minutes=10)
    w.ship(2)
    w.report("lab", "l1", "Running", "Progressing")
    w.later(minutes=50)
    w.green()
    assert w.at("shop") == 1


def test_failure_that_a_newer_set_mends_lets_soak_go_on(tmp_path: Path) -> None:
    w = waves(tmp_path, ONE, first=("deployed", 1, "lab"))
    w.later(minutes=30)
    w.ship(2)
    w.report("lab", "l1", health="Degraded")
    w.later(minutes=30)
    w.deployed(3, "lab")
    w.later(minutes=30)
    w.green()
    assert w.at("shop") == 1, "2 was to blame, and is never promoted"
    w.deploy("shop")
    w.later(minutes=30)
    w.green()
    assert w.at("shop") == 3


def test_soak_does_not_depend_on_when_turns_run(tmp_path: Path) -> None:
    w = waves(tmp_path, ONE, first=("deployed", 1, "lab"))
    w.later(minutes=10)
    w.ship(2)
    w.report("lab", "l1", health="Degraded")
    w.later(minutes=30)
    w.report("lab", "l1")
    for _ in range(5):
        w.later(minutes=9)
        w.turn()
    w.later(minutes=4)
    w.green()
    assert w.at("shop") is None, "10 + 49 minutes"
    w.later(minutes=1)
    w.green()
    assert w.at("shop") == 1


def test_failure_of_a_target_without_the_set_does_not_stop_its_soak(tmp_path: Path) -> None:
    w = waves(
        tmp_path,
        {"lab": {"targets": ["l1", "other"]}, "shop": HOUR},
        sets=("app", "tool"),
        targets={"lab": {"l1": ["web"], "other": ["cron"]}, "shop": {"s1": None}},
    )
    w.ship(1, {"web": "a"})
    w.ship(1, {"cron": "a"}, set_name="tool")
    w.deploy("lab")
    w.later(minutes=10)
    w.report("lab", "other", health="Degraded")
    w.later(minutes=50)
    w.green()
    assert w.at("shop", "app") == 1
    assert w.at("shop", "tool") is None


def test_target_added_while_a_set_soaks_must_have_the_set_too(tmp_path: Path) -> None:
    w = waves(tmp_path, ONE, first=("deployed", 1, "lab"))
    w.later(minutes=30)
    w.targets["lab"]["l2"] = None
    w.change_settings('targets = ["l1"]', 'targets = ["l1", "l2"]')
    w.later(minutes=31)
    w.green()
    assert w.at("shop") is None
    assert "l2" in w.why()
    w.report("lab", "l2")
    w.later(hours=1)
    w.green()
    assert w.at("shop") == 1


def test_silent_target_that_is_removed_is_waited_for_no_longer(tmp_path: Path) -> None:
    w = waves(tmp_path, TWO, first=("ship", 1))
    w.report("lab", "l1")
    w.later(hours=2)
    w.green()
    assert w.at("shop") is None
    del w.targets["lab"]["l2"]
    w.change_settings('targets = ["l1", "l2"]', 'targets = ["l1"]')
    w.green()
    assert w.at("shop") == 1, "l1 has had it for two hours"


def test_journal_names_what_was_promoted_from_where(tmp_path: Path) -> None:
    w = waves(tmp_path, ONE, first=("deployed", 1, "lab"))
    w.later(hours=1)
    w.green()
    entries = [entry for entry in journal(w) if entry.get("wave") == "shop"]
    assert [entry["what"] for entry in entries] == ["promoted", "landed"]
    assert all("lab" in entry["reason"] for entry in entries)


def test_each_wave_has_its_own_soak(tmp_path: Path) -> None:
    options = {
        "lab": {"targets": ["l1"]},
        "quick": {"targets": ["q1"], "after": ["lab"], "soak": "5m"},
        "slow": {"targets": ["s1"], "after": ["lab"], "soak": "2h"},
    }
    w: Waves = waves(tmp_path, options, first=("deployed", 1, "lab"))
    w.later(minutes=5)
    w.green()
    assert w.positions() == {"lab": 1, "quick": 1, "slow": None}
    w.later(minutes=115)
    w.green()
    assert w.positions() == {"lab": 1, "quick": 1, "slow": 1}
