"""Auto is the mill's own: it is made again whenever main moves, and whoever touches it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.loop.stories import (
    assert_rests,
    endings,
    file_at,
    journal,
    land,
    meanwhile,
    parents,
    refs,
    waits_for,
    with_meanwhile,
)
from tests.world import World, git, sha_of


def commits(world: World) -> list[str]:
    """Auto's commits above main, the oldest first."""
    return git(world.bare, "rev-list", "--reverse", "main..auto").split()


def test_push_to_main_in_the_middle_is_kept_and_auto_is_done_again_on_it(stack: World) -> None:
    old = commits(stack)
    mine = stack.edit(note="from a person")
    turn = stack.turn()
    assert [one["set"] for one in turn["replayed"]] == ["red", "green", "blue"]
    new = commits(stack)
    assert not set(old) & set(new)
    assert parents(stack, new[0]) == [mine]
    assert turn["to_check"] == new[-1:]
    assert file_at(stack, "auto", "generated/lab/lab-1/all.yaml").startswith("from a person")
    land(stack)
    assert stack.ref("refs/heads/main") == new[-1]


def test_verdict_on_the_old_parent_lands_nothing_on_the_new_one(under_test: World) -> None:
    tested = under_test.ref("refs/heads/auto") or ""
    mine = under_test.edit(note="between green and push")
    assert under_test.check(tested)["changed"] is True
    turn = under_test.turn()
    assert turn["landed"] is None
    assert under_test.ref("refs/heads/main") == mine
    assert turn["to_check"] == [under_test.ref("refs/heads/auto")] != [tested]


def test_person_who_edits_the_same_image_files_meets_no_conflict(landed: World) -> None:
    landed.deploy("lab")
    landed.announce(2)
    git(landed.clone, "fetch", "-q", str(landed.bare), "main")
    git(landed.clone, "reset", "-q", "--hard", "FETCH_HEAD")
    folder = landed.clone / "images" / "lab"
    for name in ("tags.json", "digests.json"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace("ghcr.io/acme/web", "ghcr.io/acme/web-fixed"))
    subprocess.run([sys.executable, "generate.py"], cwd=landed.clone, check=True)
    landed.commit("by hand")
    landed.turn()
    landed.run("release-wave", "--wave", "lab", "--reason", "seen")
    land(landed)
    assert landed.on_main("lab") == sha_of("app-2")
    assert "web-fixed" not in file_at(landed, "main", "images/lab/tags.json")


def test_commit_under_test_is_not_rewritten_when_nothing_happened(stack: World) -> None:
    before = commits(stack)
    stack.later(days=1)
    stack.announce(9, {"green": "9"}, set_name="green")
    assert commits(stack)[:3] == before


def test_commit_on_auto_that_no_turn_made_is_taken_off_kept_and_reported(under_test: World) -> None:
    own = under_test.ref("refs/heads/auto") or ""
    git(under_test.clone, "fetch", "-q", str(under_test.bare), "auto")
    git(under_test.clone, "reset", "-q", "--hard", "FETCH_HEAD")
    (under_test.clone / "mine.txt").write_text("mine\n")
    mine = under_test.commit("a person's, on the wrong branch", push=False)
    git(under_test.clone, "push", "-q", str(under_test.bare), "HEAD:auto")
    under_test.check(mine)
    turn = under_test.turn()
    assert turn["landed"] is None
    assert [one["sha"] for one in turn["evicted"]] == [mine]
    assert "no turn made it" in turn["evicted"][0]["reason"]
    assert under_test.ref("refs/heads/auto") == own
    assert under_test.ref(f"refs/tidemill/evicted/{mine}") == mine
    land(under_test)
    assert under_test.on_main("lab") == sha_of("app-1")
    assert_rests(under_test)


def test_commit_of_a_person_on_an_auto_that_is_empty_goes_too(shipped: World) -> None:
    main = shipped.ref("refs/heads/main")
    git(shipped.clone, "fetch", "-q", str(shipped.bare), "main")
    git(shipped.clone, "reset", "-q", "--hard", "FETCH_HEAD")
    mine = shipped.commit("wrong branch", push=False)
    git(shipped.clone, "push", "-q", str(shipped.bare), "HEAD:auto")
    turn = shipped.turn()
    assert [one["sha"] for one in turn["evicted"]] == [mine]
    assert shipped.ref("refs/heads/auto") == shipped.ref("refs/heads/main") == main
    assert_rests(shipped)


def test_branch_auto_from_before_the_adoption_is_kept(new: World) -> None:
    git(new.clone, "reset", "-q", "--hard", "HEAD")
    mine = new.commit("somebody had a branch of that name", push=False)
    git(new.clone, "push", "-q", str(new.bare), "HEAD:auto")
    turn = new.announce(1)
    assert new.ref(f"refs/tidemill/evicted/{mine}") == mine
    assert parents(new, turn["to_check"][0]) == [new.ref("refs/heads/main")]


def test_deleted_auto_is_made_again(stack: World) -> None:
    before = commits(stack)
    git(stack.bare, "update-ref", "-d", "refs/heads/auto")
    stack.turn()
    again = commits(stack)
    assert sorted(file_at(stack, sha, "images/lab/blue/tags.json") for sha in again[-1:])
    assert len(again) == len(before)
    land(stack)
    assert stack.on_main("lab", "blue") == sha_of("blue-3")


def test_auto_that_was_set_back_is_completed_again(stack: World) -> None:
    before = commits(stack)
    git(stack.bare, "update-ref", "refs/heads/auto", before[0])
    stack.turn()
    again = commits(stack)
    assert again[0] == before[0]
    assert len(again) == 3
    land(stack)
    names = [stack.on_main("lab", name) for name in ("red", "green", "blue")]
    assert names == [sha_of("red-1"), sha_of("green-2"), sha_of("blue-3")]
    assert_rests(stack)


def test_auto_that_points_to_something_old_of_main_is_no_eviction(shipped: World) -> None:
    old = git(shipped.bare, "rev-parse", "main~1")
    git(shipped.bare, "update-ref", "refs/heads/auto", old)
    assert shipped.turn()["evicted"] == []
    shipped.announce(2)
    land(shipped)
    assert shipped.on_main("lab") == sha_of("app-2")


def test_main_fast_forwarded_to_auto_by_hand_has_landed(stack: World) -> None:
    above = commits(stack)
    git(stack.bare, "update-ref", "refs/heads/main", above[1])
    turn = stack.turn()
    ids = {entry["set"]: entry["what"] for entry in journal(stack) if entry["what"] == "landed"}
    assert ids == {"red": "landed", "green": "landed"}
    assert turn["to_check"] == [above[2]]
    assert turn["replayed"] == []
    land(stack)
    assert len(endings(stack)) == 3
    assert_rests(stack)


def test_main_that_merged_auto_by_hand_has_landed_too(under_test: World) -> None:
    under_test.edit(note="first")
    git(under_test.clone, "fetch", "-q", str(under_test.bare), "auto")
    git(under_test.clone, "merge", "-q", "--no-edit", "-X", "theirs", "FETCH_HEAD")
    git(under_test.clone, "push", "-q", str(under_test.bare), "HEAD:main")
    turn = under_test.turn()
    assert turn["replayed"] == []
    assert under_test.on_main("lab") == sha_of("app-1")
    assert list(endings(under_test).values()) == [["landed"]]
    assert_rests(under_test)


def test_main_faster_than_checks_is_reported_and_never_gets_an_untested_commit(
    under_test: World,
) -> None:
    mine = []
    for number in range(4):
        tested = under_test.ref("refs/heads/auto") or ""
        mine.append(under_test.edit(note=str(number)))
        under_test.later(minutes=5)
        under_test.check(tested)
        assert under_test.turn()["landed"] is None
    assert "a while without pushes to main" in waits_for(under_test.status())
    assert under_test.ref("refs/heads/main") == mine[-1]
    under_test.check(under_test.ref("refs/heads/auto") or "")
    assert under_test.turn()["landed"] == under_test.ref("refs/heads/auto")
    assert set(mine) <= set(git(under_test.bare, "rev-list", "main").split())
    assert "without pushes to main" not in waits_for(under_test.status())


@pytest.fixture
def interrupted(tmp_path: Path) -> World:
    """A set waits to be introduced, and something can happen while its commit is made."""
    waves = {"lab": {"targets": ["lab-1"], "admit": "at once"}}
    world = World(tmp_path, waves, entrypoints=with_meanwhile(tmp_path))
    tested = world.announce(1)["to_check"][0]
    world.check(tested)
    world.run("hold-wave", "--wave", "lab", "--reason", "wait")
    world.announce(2)
    return world


def test_main_moves_while_a_turn_runs_and_nothing_is_lost(interrupted: World) -> None:
    world = interrupted
    clone = world.folder / "other"
    git(world.folder, "clone", "-q", str(world.bare), str(clone))
    (clone / "theirs.txt").write_text("theirs\n")
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "just now")
    theirs = git(clone, "rev-parse", "HEAD")
    meanwhile(world, f"git -C {clone} push -q origin HEAD:main")
    turn = world.run("release-wave", "--wave", "lab", "--reason", "go")
    assert turn.code == 0
    assert theirs in git(world.bare, "rev-list", "main").split()
    world.green()
    assert world.on_main("lab") == sha_of("app-2")
    assert file_at(world, "main", "theirs.txt") == "theirs"
    assert_rests(world)


def test_ref_that_moves_while_a_turn_runs_makes_it_read_again(interrupted: World) -> None:
    world = interrupted
    tip = world.ref("refs/tidemill/journal")
    beside = git(world.bare, "rev-parse", f"{tip}~1")
    script = f"git -C {world.bare} update-ref refs/heads/auto refs/heads/main"
    meanwhile(world, script)
    turn = world.run("release-wave", "--wave", "lab", "--reason", "go")
    assert turn.code == 0
    assert beside in git(world.bare, "rev-list", "refs/tidemill/journal").split()
    land(world)
    assert world.on_main("lab") == sha_of("app-2")
    assert sorted(endings(world).values()) == [["landed"], ["superseded"]]


def test_turn_of_somebody_else_that_wins_does_not_double_anything(interrupted: World) -> None:
    world = interrupted
    other = (
        "import sys; from tidemill.__main__ import main; "
        f"sys.exit(main(['release-wave', '--repo', {str(world.bare)!r}, '--wave', 'lab', "
        f"'--reason', 'me first', '--now', {world.now.isoformat()!r}]))"
    )
    source = Path(__file__).parents[2] / "src"
    meanwhile(world, f"PYTHONPATH={source} python3 -c {json.dumps(other)}")
    world.run("release-wave", "--wave", "lab", "--reason", "go")
    land(world)
    before = refs(world)
    assert [entry["what"] for entry in journal(world)].count("released") == 1
    assert [len(ends) for ends in endings(world).values()] == [1, 1]
    assert world.on_main("lab") == sha_of("app-2")
    assert refs(world) == before
