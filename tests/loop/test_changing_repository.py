"""What people also do with a repository: rewrite, move, ignore, merge; and wrong clocks."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.loop.stories import assert_rests, endings, file_at, inbox, journal, land
from tests.world import World, git, sha_of


def up_to_date(world: World) -> Path:
    """A person's clone, at the tip of main."""
    git(world.clone, "fetch", "-q", str(world.bare), "main")
    git(world.clone, "reset", "-q", "--hard", "FETCH_HEAD")
    return world.clone


def test_main_that_was_rewound_holds_what_went_back_and_goes_on(shipped: World) -> None:
    shipped.announce(2)
    land(shipped)
    git(shipped.bare, "update-ref", "refs/heads/main", "main~1")
    shipped.turn()
    assert shipped.on_main("lab") == sha_of("app-1")
    assert shipped.status()["waves"][0]["hold"] is not None
    shipped.run("release-wave", "--wave", "lab", "--reason", "it was meant")
    shipped.announce(3)
    land(shipped)
    assert shipped.on_main("lab") == sha_of("app-3")
    assert_rests(shipped)


def test_main_with_a_history_of_its_own_goes_on(shipped: World) -> None:
    shipped.announce(2)
    clone = up_to_date(shipped)
    git(clone, "checkout", "-q", "--orphan", "fresh")
    root = shipped.commit("a fresh start", push=False)
    git(clone, "push", "-q", "--force", str(shipped.bare), "HEAD:main")
    shipped.green()
    assert shipped.on_main("lab") == sha_of("app-2")
    assert root in git(shipped.bare, "rev-list", "main").split()
    assert_rests(shipped)


def test_set_that_landed_before_its_folder_moved_is_promoted_all_the_same(landed: World) -> None:
    clone = up_to_date(landed)
    names = [f"images/lab/{name}.json" for name in ("tags", "digests", "source")]
    (clone / "images/lab/app").mkdir()
    git(clone, "mv", *names, "images/lab/app/")
    text = landed.settings.replace('path = "images/{wave}"', 'path = "images/{wave}/{set}"')
    landed.settings = text.replace("[[waves]]", '[[sets]]\nname = "data"\n[[waves]]', 1)
    (clone / "tidemill.toml").write_text(landed.settings)
    subprocess.run(["python3", "generate.py"], cwd=clone, check=True)
    landed.commit("room for a second set")
    landed.deploy("lab")
    land(landed)
    assert landed.on_main("shop", "app") == sha_of("app-1")
    assert landed.status()["waves"][0]["hold"] is None


def test_submodule_is_left_alone(new: World) -> None:
    clone = up_to_date(new)
    entry = f"160000,{git(clone, 'rev-parse', 'HEAD')},vendor/sub"
    git(clone, "update-index", "--add", "--cacheinfo", entry)
    git(clone, "commit", "-q", "-m", "a submodule")
    git(clone, "push", "-q", str(new.bare), "HEAD:main")
    new.announce(1)
    land(new)
    assert new.on_main("lab") == sha_of("app-1")
    assert "vendor/sub" in git(new.bare, "ls-tree", "-r", "--name-only", "main").split()


def test_line_ends_that_attributes_would_change_are_left_alone(new: World) -> None:
    clone = up_to_date(new)
    (clone / ".gitattributes").write_text("* text=auto\n")
    new.commit("attributes", push=False)
    blob = git(clone, "hash-object", "-w", "--stdin", "--no-filters", data=b"a\r\nb\r\n")
    git(clone, "update-index", "--add", "--cacheinfo", f"100644,{blob},dos.txt")
    git(clone, "commit", "-q", "-m", "a file from elsewhere")
    git(clone, "push", "-q", str(new.bare), "HEAD:main")
    assert new.announce(1).code == 0
    assert git(new.bare, "rev-parse", "auto:dos.txt") == blob


def test_image_files_that_git_ignores_are_committed_all_the_same(new: World) -> None:
    (up_to_date(new) / ".gitignore").write_text("images/\nlab/\n")
    new.commit("ignore")
    new.announce(1)
    assert sha_of("app-1") in file_at(new, "auto", "images/lab/source.json")


def test_clock_that_goes_back_changes_nothing_for_the_worse(landed: World) -> None:
    landed.later(hours=-5)
    landed.deploy("lab")
    land(landed)
    landed.deploy("shop")
    landed.announce(2)
    land(landed)
    assert landed.on_main("shop") == sha_of("app-1")
    assert landed.on_main("lab") == sha_of("app-2")
    assert_rests(landed)


def test_part_of_auto_that_a_person_took_along_has_landed(stack: World) -> None:
    above = git(stack.bare, "rev-list", "--reverse", "main..auto").split()
    git(stack.clone, "fetch", "-q", str(stack.bare), "auto")
    git(stack.clone, "reset", "-q", "--hard", above[1])
    mine = stack.commit("on top of two of three")
    turn = stack.turn()
    assert [one["set"] for one in turn["replayed"]] == ["blue"]
    land(stack)
    assert mine in git(stack.bare, "rev-list", "main").split()
    assert len(endings(stack)) == 3
    assert {what for ends in endings(stack).values() for what in ends} == {"landed"}
    assert_rests(stack)


def test_rollback_that_was_merged_by_hand_is_not_done_again(shipped: World) -> None:
    shipped.later(hours=1)
    shipped.announce(2)
    land(shipped)
    back = shipped.run("rollback-wave", "--wave", "lab", "--reason", "bad")
    git(up_to_date(shipped), "fetch", "-q", str(shipped.bare), "auto")
    git(shipped.clone, "merge", "-q", "--no-ff", "-m", "a pull request", "FETCH_HEAD")
    git(shipped.clone, "push", "-q", str(shipped.bare), "HEAD:main")
    turn = shipped.turn()
    assert (turn["replayed"], turn["rolled_back"], turn["to_check"]) == ([], [], [])
    assert inbox(shipped) == []
    assert endings(shipped)[back["request"]["id"]] == ["landed"]
    assert shipped.status()["waves"][0]["hold"]["reason"] == "bad"
    assert_rests(shipped)


def test_entry_point_that_leaves_something_in_the_background_has_ended(tmp_path: Path) -> None:
    world = World(
        tmp_path,
        {"lab": {"targets": ["lab-1"]}},
        entrypoints='generate = "sleep 600 & python3 generate.py"',
        checks='retries = 0\ntimeout = "60s"',
    )
    assert len(world.announce(1)["introduced"]) == 1


def test_set_that_leaves_the_settings_leaves_auto_and_is_rejected(stack: World) -> None:
    stack.settings = stack.settings.replace('[[sets]]\nname = "green"\n', "")
    stack.edit()
    turn = stack.turn()
    assert [one["set"] for one in turn["rejected"]] == ["green"]
    land(stack)
    assert stack.on_main("lab", "green") is None
    assert stack.on_main("lab", "blue") == sha_of("blue-3")
    assert_rests(stack)


@pytest.mark.parametrize("kind", ["blob", "tree", "tag"])
def test_ref_of_the_inbox_that_is_no_commit_stops_nobody(new: World, kind: str) -> None:
    blob = git(new.bare, "hash-object", "-w", "--stdin", data=b"{}")
    tree = git(new.bare, "mktree", data=f"100644 blob {blob}\trecord.json\n".encode())
    commit = git(new.bare, "commit-tree", tree, data=b"x\n")
    head = f"object {commit}\ntype commit\ntag x\ntagger a <a@b.c> 1 +0000\n\nx\n"
    tag = git(new.bare, "mktag", data=head.encode())
    target = {"blob": blob, "tree": tree, "tag": tag}[kind]
    git(new.bare, "update-ref", "refs/tidemill/inbox/junk", target)
    turn = new.announce(1)
    assert turn.code == 0
    assert [one["id"] for one in turn["rejected"]] == ["junk"]
    assert len(turn["introduced"]) == 1
    assert "rejected" in {entry["what"] for entry in journal(new)}
    assert_rests(new)


def test_wave_that_leaves_the_settings_takes_its_commits_off_auto(landed: World) -> None:
    landed.deploy("lab")
    assert landed.ref("refs/heads/auto") != landed.ref("refs/heads/main")
    start = landed.settings.rindex("[[waves]]")
    landed.settings = landed.settings[:start]
    landed.edit()
    landed.turn()
    assert landed.ref("refs/heads/auto") == landed.ref("refs/heads/main")
    assert landed.report("shop", "north").code == 1
    assert_rests(landed)


def test_wave_that_is_added_takes_the_set_that_the_one_before_has_deployed(landed: World) -> None:
    landed.deploy("lab")
    land(landed)
    landed.deploy("shop")
    landed.settings += '[[waves]]\nname = "world"\ntargets = ["w"]\n'
    landed.edit()
    assert [one["wave"] for one in landed.turn()["promoted"]] == ["world"]
    land(landed)
    assert landed.on_main("world") == sha_of("app-1")
    assert json.loads(file_at(landed, "main", "images/world/source.json"))["promoted_from"]
    assert {one["what"] for one in journal(landed)} & {"changed by hand", "held"} == set()
    assert set(map(tuple, endings(landed).values())) == {("landed",)}
