"""Hotfixes: from a release branch straight into one wave, and what becomes of it there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.loop.stories import assert_rests, endings, file_at, journal, trailers
from tests.loop.waves import Waves, short, waves
from tests.world import announcement, git, sha_of

FIX = sha_of("fix-1")
FROZEN = """
[[freezes]]
from = "2026-01-01T00:00"
until = "2026-02-01T00:00"
zone = "UTC"
reason = "stocktaking"
"""


def shop_runs_1(folder: Path, top: str = "") -> Waves:
    """1 is everywhere; 2 is deployed in lab alone, as shop is frozen."""
    w = waves(folder, first=("everywhere", 1), checks=f"retries = 0{top}")
    w.settings += FROZEN.replace("reason", 'waves = ["shop"]\nreason')
    w.edit()
    w.deployed(2, "lab")
    w.green()
    assert w.positions() == {"lab": 2, "shop": 1}
    return w


def test_hotfix_goes_through_a_freeze_and_stays_until_something_newer_may_come(
    tmp_path: Path,
) -> None:
    w = shop_runs_1(tmp_path)
    done = w.hotfix("shop", 1, {"web": "fix"})
    assert [(one["wave"], one["app_sha"]) for one in done["hotfixed"]] == [("shop", FIX)]
    told = trailers(w, w.ref("refs/heads/auto") or "")
    assert told["Autocommit-Operation"] == "hotfix"
    assert told["Autocommit-Reason"] == "checkout is down"
    w.green()
    assert endings(w)[done["request"]["id"]] == ["landed"]
    source = json.loads(file_at(w, "main", "images/shop/source.json"))
    assert (source["sha"], source["position"], source["hotfix"]) == (FIX, 1, {"position": 1})
    (shown,) = w.wave("shop")["sets"]
    assert (shown["is_hotfix"], shown["position"]) == (True, None)
    w.deploy("shop")
    w.green()
    assert w.state("shop") == "deployed"
    assert f"the next one is {short(2)}, once the wave is released" in w.why()
    w.settings = w.settings.replace("2026-02-01", "2026-01-02")
    w.edit()
    w.green()
    assert w.on_main("shop") == FIX, "it is held"
    w.release("shop")
    assert [one["reason"] for one in w.journalled("replaceable")] == [
        f"a newer set may replace this hotfix from now on: the next one is {short(2)}"
    ]
    w.green()
    assert w.at("shop") == 2
    w.deploy("shop")
    w.green()
    assert_rests(w)


def test_rollback_takes_a_wave_back_from_its_hotfix(tmp_path: Path) -> None:
    w = shop_runs_1(tmp_path)
    w.hotfix("shop", 1, {"web": "fix"})
    w.green()
    w.roll_back("shop")
    w.green()
    assert w.on_main("shop") == sha_of("app-1")


def test_hotfix_is_known_as_one_after_the_journal_was_lost(tmp_path: Path) -> None:
    w = shop_runs_1(tmp_path)
    w.hotfix("shop", 99, {"web": "fix"})
    w.green()
    git(w.bare, "update-ref", "-d", "refs/tidemill/journal")
    w.turn()
    (shown,) = w.wave("shop")["sets"]
    assert shown["is_hotfix"]
    w.settings = w.settings.replace("2026-02-01", "2026-01-02")
    w.edit()
    w.deploy("lab")
    w.release("shop")
    w.later(hours=1)
    w.green()
    assert w.at("shop") == 2, "its high position locked nothing out"


def test_hotfix_is_promoted_nowhere_also_not_by_a_person(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    w.hotfix("lab", 5, {"web": "fix"})
    w.green()
    w.deploy("lab")
    w.green()
    assert w.positions()["shop"] == 1
    refused = w.promote("shop", "--sha", sha_of("fix-5"), "--override", "now")
    assert refused.code == 1
    assert "is a hotfix in lab, and a hotfix is never promoted" in refused["error"]["what"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"repository": "evil/app"}, "the set app comes from acme/app, not from evil/app"),
        ({"set_name": "moon"}, "there is no set 'moon'"),
    ],
)
def test_hotfix_of_what_the_settings_do_not_know_is_refused(
    tmp_path: Path, changes: dict[str, str], reason: str
) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    w.change_settings('name = "app"', 'name = "app"\nrepository = "acme/app"\nbranch = "main"')
    refused = w.hotfix("shop", 1, {"web": "fix"}, **changes)
    assert refused.code == 1
    assert reason in refused["error"]["what"]
    assert w.hotfix("shop", 1, {"web": "fix"}).code == 0, "its branch does not count"


def test_hotfix_needs_a_reason_and_an_announcement_that_says_its_commit(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    told = json.dumps(announcement(1, {"web": "fix"}))
    silent = w.promote("shop", "--announcement", told)
    assert "a hotfix needs a reason" in silent["error"]["what"]
    other = w.promote("shop", "--announcement", told, "--override", "x", "--sha", "a" * 40)
    assert "--sha says aaa" in other["error"]["what"]
    bare = w.promote("shop", "--announcement", "{}", "--override", "x")
    assert bare.code == 1
    assert [one["what"] for one in journal(w) if one["what"] == "hotfixed"] == []


def test_hotfix_that_the_wave_has_already_changes_nothing(tmp_path: Path) -> None:
    w = waves(tmp_path, first=("everywhere", 1))
    w.hotfix("shop", 1, {"web": "fix"})
    w.green()
    w.later(minutes=1)
    again = w.hotfix("shop", 1, {"web": "fix"})
    assert not again["changed"]
    assert "already" in again["request"]["state"]
