"""People change waves, targets and their options while sets are on their way."""

from __future__ import annotations

import json
from pathlib import Path

from tests.loop.stories import assert_rests, file_at
from tests.loop.waves import Options, Waves, short, waves
from tests.world import git, sha_of

LAB = {"targets": ["l1"]}
SHOP = {"targets": ["s1"]}


def rewrite(w: Waves, options: Options) -> None:
    """A person writes other waves into `tidemill.toml`."""
    waves_of_settings = {name: dict(mine) for name, mine in options.items()}
    w.settings = w._settings(waves_of_settings, ("app",), "", "retries = 0", None)
    w.edit(waves=w.targets)


def test_wave_that_is_removed_takes_its_promotion_off_auto(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": LAB, "shop": SHOP}, first=("ship", 1))
    tested = w.report("lab", "l1")["to_check"][0]
    w.check(tested)
    del w.targets["shop"]
    rewrite(w, {"lab": LAB})
    w.green()
    assert w.at("lab") == 1
    assert [wave["name"] for wave in w.status()["waves"]] == ["lab"]
    assert w.at_revision("main", "shop") is None
    assert_rests(w)


def test_wave_that_is_added_in_between_gets_what_has_been_deployed_before(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": LAB, "shop": SHOP}, first=("everywhere", 1))
    w.targets["qa"] = {"q1": None}
    rewrite(w, {"lab": LAB, "qa": {"targets": ["q1"]}, "shop": SHOP})
    w.green()
    assert w.positions() == {"lab": 1, "shop": 1, "qa": 1}
    w.ship(2)
    w.deploy("lab")
    w.green()
    assert w.positions() == {"lab": 2, "shop": 1, "qa": 1}, "1 is in flight in qa"
    w.deploy("qa")
    w.green()
    w.deploy("qa")
    w.green()
    assert w.positions() == {"lab": 2, "shop": 2, "qa": 2}


def test_wave_that_is_added_at_the_end_gets_the_newest_that_has_soaked(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": LAB})
    for position in (1, 2):
        w.deployed(position, "lab")
        w.later(minutes=40)
    w.targets["shop"] = {"s1": None}
    rewrite(w, {"lab": LAB, "shop": {**SHOP, "soak": "1h"}})
    w.green()
    assert w.at("shop") == 1
    w.deploy("shop")
    w.later(minutes=20)
    w.green()
    assert w.at("shop") == 2


def test_longer_soak_counts_for_what_soaks_already(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": LAB, "shop": {**SHOP, "soak": "1h"}}, first=("deployed", 1, "lab"))
    w.later(minutes=50)
    w.change_settings('soak = "1h"', 'soak = "2h"')
    w.later(minutes=50)
    w.green()
    assert w.at("shop") is None
    w.later(minutes=20)
    w.green()
    assert w.at("shop") == 1


def test_target_that_is_added_with_its_files_must_take_the_present_set(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": LAB, "shop": SHOP})
    w.hold("shop")
    w.deployed(1, "lab")
    w.targets["lab"]["l2"] = None
    w.change_settings('targets = ["l1"]', 'targets = ["l1", "l2"]')
    w.release("shop")
    w.green()
    assert w.at("shop") is None
    assert "l2" in w.why()
    assert w.state("lab") != "deployed"
    w.report("lab", "l2")
    w.green()
    assert w.at("shop") == 1


def test_target_that_moves_to_another_wave_reports_there(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": {"targets": ["l1", "x"]}, "shop": SHOP}, first=("ship", 1))
    w.report("lab", "l1")
    del w.targets["lab"]["x"]
    w.targets["shop"]["x"] = None
    rewrite(w, {"lab": LAB, "shop": {"targets": ["s1", "x"]}})
    w.green()
    assert w.at("shop") == 1
    w.report("shop", "s1")
    assert "x" in w.why()
    assert w.report("lab", "x").code == 1
    w.report("shop", "x")
    assert w.state("shop") == "deployed"


def test_approval_that_is_asked_for_from_now_on_stops_what_is_under_test(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": LAB, "shop": SHOP}, first=("ship", 1))
    tested = w.report("lab", "l1")["to_check"][0]
    w.check(tested)
    rewrite(w, {"lab": LAB, "shop": {**SHOP, "approval": True}})
    w.green()
    assert w.at("shop") is None
    w.promote("shop", "--sha", short(1))
    w.green()
    assert w.at("shop") == 1


def test_first_wave_that_now_comes_after_another_takes_no_announcement_under_test(
    tmp_path: Path,
) -> None:
    w = waves(tmp_path, {"lab": LAB})
    w.announce(1)
    w.targets["dev"] = {"d1": None}
    rewrite(w, {"dev": {"targets": ["d1"]}, "lab": LAB})
    w.green()
    assert w.positions() == {"lab": None, "dev": 1}
    w.deploy("dev")
    w.green()
    assert w.at("lab") == 1


def test_set_that_is_removed_from_the_settings_is_left_as_it_is(tmp_path: Path) -> None:
    w = waves(tmp_path, {"lab": LAB, "shop": SHOP}, sets=("front", "back"))
    w.ship(1, {"web": "a"}, set_name="front")
    w.ship(1, {"db": "a"}, set_name="back")
    w.change_settings('[[sets]]\nname = "back"\n', "")
    w.deploy("lab")
    w.green()
    assert w.at("shop", "front") == 1
    assert w.at("lab", "back") == 1
    assert w.at("shop", "back") is None
    assert w.announce(2, {"db": "b"}, set_name="back").code == 1
    assert_rests(w)


def test_set_is_promoted_from_where_its_own_commit_has_it(tmp_path: Path) -> None:
    """Image files were moved: where today's settings look, that commit has another wave's."""
    w = waves(tmp_path, {"lab": LAB, "labx": {**SHOP, "soak": "1h"}}, first=("everywhere", 1))
    w.later(hours=1)
    w.everywhere(1)
    w.ship(2)
    w.deploy("lab")
    git(w.clone, "fetch", "-q", str(w.bare), "main")
    git(w.clone, "reset", "-q", "--hard", "FETCH_HEAD")
    git(w.clone, "mv", "images/labx", "images/labxx")
    git(w.clone, "mv", "images/lab", "images/labx")
    w.settings = w.settings.replace("images/{wave}", "images/{wave}x")
    (w.clone / "tidemill.toml").write_text(w.settings)
    script = w.clone / "generate.py"
    script.write_text(script.read_text().replace('"images", wave', '"images", f"{wave}x"'))
    w.commit("move the image files")
    w.later(hours=1)
    w.green()
    assert json.loads(file_at(w, "main", "images/labxx/source.json"))["sha"] == sha_of("app-2")
    assert file_at(w, "main", "images/labxx/tags.json") == file_at(
        w, "main", "images/labx/tags.json"
    )
