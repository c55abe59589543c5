"""What is left of a journal that is lost: whether there was one, and what commits of main say."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from tests.simulation.actors import stage
from tests.simulation.facts import AUTO, JOURNAL
from tests.simulation.memory import Client, Commit
from tests.simulation.scene import START
from tests.simulation.small_worlds import SCENE, one_landed, one_on_auto, one_red, two_everywhere
from tests.simulation.world import World

from tidemill.facts.evidence import Evidence
from tidemill.facts.refs import RefNames, Refs
from tidemill.turn.lost_journal import has_left_refs
from tidemill.turn.read import read

SPACE = "refs/tidemill"
NAMES = RefNames(SPACE, "main", "auto")
SHA = "a" * 40


@pytest.fixture
def world() -> Iterator[World]:
    with stage():
        yield World.of(SCENE, random.Random(0))


def evidence(world: World) -> Evidence | None:
    """What is found where the journal is gone."""
    del world.server.refs[JOURNAL]
    return read(Client(world.server, "look")).evidence


@pytest.mark.parametrize(
    ("ref", "is_left"),
    [
        (f"{SPACE}/deployed/lab/lab-1", True),
        (f"{SPACE}/holds/lab/_", True),
        (f"{SPACE}/evicted/{SHA}", True),
        (f"{SPACE}/rejected/x-1", True),
        (f"{SPACE}/rejected/unreadable-1", False),
        (f"{SPACE}/holds", False),
        (f"{SPACE}/holds/lab/_/more", False),
        (f"{SPACE}/evicted/x", False),
        (f"{SPACE}/inbox/hold-1", False),
        (f"{SPACE}/checks/{SHA}", False),
        ("refs/heads/auto", False),
    ],
)
def test_turn_leaves_refs_that_only_come_with_a_journal(ref: str, is_left: object) -> None:
    assert has_left_refs(Refs({"refs/heads/main": SHA, ref: SHA}), NAMES) is is_left
    assert has_left_refs(Refs({f"{SPACE}/inbox/x": SHA, ref: SHA}), NAMES) is is_left


def test_main_that_an_automatic_commit_is_on_had_a_journal(world: World) -> None:
    one_landed(world)
    found = evidence(world)
    assert found is not None
    [one] = found.landed
    assert (one.sha, one.operation.wave, one.operation.position) == (
        world.main,
        "staging",
        world.apps["app"][0]["position"],
    )
    assert set(one.targets) == {"staging-0"}
    assert one.operation.content


def test_images_that_a_turn_put_there_tell_of_a_journal_under_people_s_commits(
    world: World,
) -> None:
    one_landed(world)
    landed = world.main
    world.edit("the README", {**world.files, "README.md": b"more\n"})
    found = evidence(world)
    assert found is not None
    assert [one.sha for one in found.landed] == [landed]


def test_repository_without_any_of_that_had_none(world: World) -> None:
    world.do("turn")
    world.server.refs.pop(JOURNAL, None)
    world.server.refs.pop(AUTO, None)
    assert read(Client(world.server, "look")).evidence is None


def test_each_landing_is_found_and_the_targets_of_the_last_of_each_wave(world: World) -> None:
    two_everywhere(world)
    found = evidence(world)
    assert found is not None
    told = [(one.operation.wave, one.operation.position, bool(one.targets)) for one in found.landed]
    first, second = (one["position"] for one in world.apps["app"])
    assert told == [
        ("staging", first, False),
        ("prod", first, False),
        ("staging", second, True),
        ("prod", second, True),
    ]


def test_commit_that_has_other_files_than_it_says_is_no_landing(world: World) -> None:
    one_landed(world)
    message = world.server.commits[world.main].message
    position = world.apps["app"][0]["position"]
    forged = message.replace(f"Position: {position}\n", f"Position: {position + 7}\n")
    assert forged != message
    commit = Commit(dict(world.files), world.main, forged, world.now, "mallory")
    world.server.refs["refs/heads/main"] = world.server.put(commit)
    found = evidence(world)
    assert found is not None
    assert [one.operation.position for one in found.landed] == [position]


def test_evicted_commits_tell_what_they_were(world: World) -> None:
    one_red(world)
    world.do("turn")
    evicted = [ref for ref in world.server.refs if ref.startswith(f"{SPACE}/evicted/")]
    assert len(evicted) == 1
    mine = Commit(dict(world.files), world.main, "mine", START, "ada")
    sha = world.server.put(mine)
    world.server.refs[f"{SPACE}/evicted/{sha}"] = sha
    found = evidence(world)
    assert found is not None
    told = {one.sha: one.operation for one in found.evicted}
    assert told.pop(sha) is None
    [operation] = told.values()
    assert operation is not None
    assert (operation.wave, operation.position) == ("staging", world.apps["app"][0]["position"])
    assert operation.content


def test_what_waits_and_what_was_rejected_is_known(world: World) -> None:
    one_on_auto(world)
    waiting = [ref for ref in world.server.refs if ref.startswith(f"{SPACE}/inbox/")]
    world.server.refs[f"{SPACE}/rejected/x-1"] = world.main
    found = evidence(world)
    assert found is not None
    assert found.waiting == {ref.rpartition("/")[2] for ref in waiting}
    assert found.rejected == ["x-1"]
