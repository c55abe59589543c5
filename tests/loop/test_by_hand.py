"""People change image files with commits of their own; the loop carries on from there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.loop.stories import assert_rests
from tests.loop.waves import Waves, built_once, short, waves
from tests.world import git


@built_once
def twice(folder: Path, /) -> Waves:
    """1 and then 2 are deployed everywhere."""
    w = waves(folder, first=("everywhere", 1))
    w.later(minutes=20)
    w.everywhere(2)
    w.later(minutes=20)
    return w


def put_back(w: Waves, wave: str, revision: str) -> str:
    """A person checks out a wave's image files of an older commit, and pushes that to main."""
    w.edit(push=False)
    git(w.clone, "checkout", "-q", revision, "--", f"images/{wave}")
    subprocess.run([sys.executable, "generate.py"], cwd=w.clone, check=True)
    return w.commit("back")


def test_commit_that_puts_a_wave_back_holds_the_wave(tmp_path: Path) -> None:
    w = twice(tmp_path)
    first = git(w.bare, "log", "-2", "--format=%H", "main", "--", "images/shop").split()[1]
    put_back(w, "shop", first)
    w.green()
    assert w.at("shop") == 1
    reason = w.wave("shop")["hold"]["reason"]
    assert short(1) in reason
    assert short(2) in reason
    w.deploy("shop")
    w.later(days=1)
    w.green()
    assert w.at("shop") == 1
    w.release("shop")
    w.green()
    assert w.at("shop") == 1, "by itself it takes only what is newer than all it has had"
    w.deployed(3, "lab")
    assert w.at("shop") == 3


def test_revert_of_a_landed_promotion_is_a_rollback_by_hand(tmp_path: Path) -> None:
    w = twice(tmp_path)
    w.edit(push=False)
    git(w.clone, "revert", "--no-edit", w.landing_of("shop"))
    git(w.clone, "push", "-q", str(w.bare), "HEAD:main")
    w.green()
    assert w.positions() == {"lab": 2, "shop": 1}
    assert w.wave("shop")["hold"]


def test_commit_that_puts_a_first_wave_back_is_not_undone(tmp_path: Path) -> None:
    w = twice(tmp_path)
    first = git(w.bare, "log", "-2", "--format=%H", "main", "--", "images/lab").split()[1]
    put_back(w, "lab", first)
    w.green()
    assert w.wave("lab")["hold"]
    w.announce(3)
    w.green()
    assert w.at("lab") == 1
    w.release("lab")
    w.deploy("lab")
    w.green()
    assert w.at("lab") == 3


def test_set_that_a_person_put_back_does_not_go_on_to_the_next_wave(tmp_path: Path) -> None:
    shop = {"targets": ["s1"], "soak": "1h"}
    w = waves(tmp_path, {"lab": {"targets": ["l1"]}, "shop": shop}, first=("deployed", 1, "lab"))
    w.later(hours=1)
    w.green()
    first = w.landing_of("lab")
    w.deployed(2, "lab")
    w.later(minutes=30)
    put_back(w, "lab", first)
    w.green()
    w.deploy("lab")
    w.later(days=1)
    w.green()
    assert w.at("shop") == 1


def test_images_without_a_source_by_hand_hold_the_wave(tmp_path: Path) -> None:
    w = twice(tmp_path)
    w.edit(push=False)
    folder = w.clone / "images/shop"
    (folder / "source.json").unlink()
    (folder / "tags.json").write_text('{"web": "ghcr.io/acme/web:mine"}\n')
    (folder / "digests.json").write_text(f'{{"web": "ghcr.io/acme/web@sha256:{"0" * 64}"}}\n')
    subprocess.run([sys.executable, "generate.py"], cwd=w.clone, check=True)
    w.commit("my own build")
    w.green()
    assert w.at("shop") is None
    assert w.wave("shop")["hold"]
    sets = [one["app_sha"] for one in w.wave("shop")["sets"]]
    assert sets == [None]
    w.release("shop")
    w.deployed(3, "lab")
    assert w.at("shop") == 3


def test_person_may_put_a_newer_set_into_a_wave_without_a_hold(tmp_path: Path) -> None:
    w = waves(
        tmp_path,
        {"lab": {"targets": ["l1"]}, "shop": {"targets": ["s1"], "soak": "9d"}},
        first=("deployed", 1, "lab"),
    )
    w.edit(push=False)
    for name in ("tags.json", "digests.json", "source.json"):
        (w.clone / "images/shop").mkdir(exist_ok=True, parents=True)
        text = (w.clone / "images/lab" / name).read_text()
        (w.clone / "images/shop" / name).write_text(text)
    subprocess.run(["python3", "generate.py"], cwd=w.clone, check=True)
    w.commit("straight to the shop")
    w.green()
    assert w.at("shop") == 1
    assert w.wave("shop")["hold"] is None
    assert w.state("shop") == "in flight"
    w.deploy("shop")
    assert w.state("shop") == "deployed"


def test_wave_whose_image_files_a_person_deletes_is_held(tmp_path: Path) -> None:
    w = twice(tmp_path)
    w.edit(push=False)
    git(w.clone, "rm", "-r", "-q", "images/shop")
    w.commit("gone")
    w.green()
    assert w.wave("shop")["hold"]
    w.later(days=1)
    assert_rests(w)


def test_hold_by_hand_is_not_placed_twice(tmp_path: Path) -> None:
    w = twice(tmp_path)
    first = git(w.bare, "log", "-2", "--format=%H", "main", "--", "images/shop").split()[1]
    put_back(w, "shop", first)
    w.green()
    w.release("shop")
    w.edit(note="and something else")
    w.green()
    assert w.wave("shop")["hold"] is None
    assert len(w.journalled("changed by hand")) == 1


def test_commit_by_hand_of_the_same_set_changes_nothing(tmp_path: Path) -> None:
    w = twice(tmp_path)
    w.edit(push=False)
    file = w.clone / "images/shop/digests.json"
    file.write_text(file.read_text().replace("  ", "      "))
    w.commit("indented")
    w.green()
    assert w.wave("shop")["hold"] is None
    assert not w.journalled("changed by hand")
    assert w.state("shop") == "deployed"


def test_source_file_alone_by_hand_makes_the_set_unknown_without_ceremony(tmp_path: Path) -> None:
    """The images stay; only where they come from is no longer known. Debatable: no hold is needed
    where nothing that runs has changed, but then the next set must still go through."""
    w = twice(tmp_path)
    w.edit(push=False)
    (w.clone / "images/shop/source.json").write_text("{}\n")
    w.commit("who needs it")
    w.green()
    w.release("shop")
    w.deployed(3, "lab")
    assert w.at("shop") == 3
