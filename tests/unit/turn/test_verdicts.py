"""Verdicts: on which commit, written once, beside what was said before; and what follows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.simulation.actors import stage
from tests.simulation.facts import AUTO, runs
from tests.simulation.memory import Client, Commit, Server
from tests.simulation.scene import START, Scene
from tests.simulation.small_worlds import SCENE, one_deployed, one_on_auto
from tests.simulation.world import World

from tidemill.clients.git.store import Declined, PushResult, Raced, Update
from tidemill.errors import Refused, ServerRefused, StateUnreadable
from tidemill.facts.checks import Run
from tidemill.facts.settings import FILE
from tidemill.turn.push import MOST_RACES, Clock
from tidemill.turn.verdicts import VerdictNote, note

CHECKS = "refs/tidemill/checks"


@pytest.fixture
def world(world: World) -> World:
    one_on_auto(world)
    return world


def tip(world: World) -> str:
    return world.server.refs[AUTO]


def report(state: Any = "success", run: str = "1", context: str = "check") -> Run:
    return Run(context=context, run=run, state=state, at=START)


def noted(
    world: World, sha: str, told: Run, store: Client | None = None, **given: Any
) -> VerdictNote:
    pauses = given.pop("pauses", [])
    clock = Clock(world.now, pause=pauses.append)
    store = store or Client(world.server, "tidemill check")
    return note(store, clock, sha, told, **{"dry_run": False, **given})


def said_of(world: World, sha: str) -> list[str]:
    return [one["state"] for one in runs(world.server, world.server.refs, sha)]


@pytest.mark.parametrize("digits", [7, 40])
def test_verdict_is_written_on_the_commit_that_is_meant(world: World, digits: int) -> None:
    found = noted(world, tip(world)[:digits], report())
    assert found == VerdictNote(tip(world), True, "written; the next turn acts on it")
    assert said_of(world, tip(world)) == ["success"]
    assert said_of(world, world.main) == []


def test_verdicts_are_kept_in_one_chain(world: World) -> None:
    noted(world, tip(world), report("failure"))
    first = world.server.refs[f"{CHECKS}/{tip(world)}"]
    noted(world, tip(world), report("success", "2"))
    second = world.server.refs[f"{CHECKS}/{tip(world)}"]
    assert said_of(world, tip(world)) == ["failure", "success"]
    assert world.server.commits[second].parent == first
    assert world.server.commits[second].message == "check: success\n"
    assert world.server.commits[first].parent is None


def test_same_verdict_twice_is_one(world: World) -> None:
    noted(world, tip(world), report())
    before = dict(world.server.refs)
    again = noted(world, tip(world), report())
    assert again == VerdictNote(tip(world), False, "this run has said so already")
    assert world.server.refs == before


def test_dry_run_writes_no_verdict(world: World) -> None:
    before = dict(world.server.refs)
    found = noted(world, tip(world), report(), dry_run=True)
    assert found == VerdictNote(tip(world), True, "not written: a dry run")
    assert world.server.refs == before


def test_verdict_on_main_is_written(world: World) -> None:
    assert noted(world, world.main, report()).changed
    assert said_of(world, world.main) == ["success"]


def test_verdict_on_a_commit_that_is_there_and_of_no_use_is_left_out(world: World) -> None:
    old = world.server.put(Commit({}, None, "old", START, "ada"))
    before = dict(world.server.refs)
    found = noted(world, old, report())
    assert (found.sha, found.changed) == (old, False)
    assert "it is neither on auto nor main's tip" in found.why
    assert world.server.refs == before


def test_verdict_on_what_is_no_commit_is_refused(world: World) -> None:
    with pytest.raises(Refused, match="there is no commit 000000"):
        noted(world, "0" * 40, report())


def test_short_sha_of_another_commit_is_not_said_to_be_of_none(world: World) -> None:
    old = world.server.put(Commit({}, None, "old", START, "ada"))
    with pytest.raises(Refused) as caught:
        noted(world, old[:8], report())
    assert caught.value.what == f"neither main's tip nor a commit of auto begins with {old[:8]}"
    assert "full SHA" in caught.value.remedy


def test_verdict_on_what_several_commits_begin_with_is_refused(world: World) -> None:
    with pytest.raises(Refused, match="is the beginning of several commits"):
        noted(world, "", report())


@pytest.mark.parametrize("is_newer", [False, True])
def test_what_can_not_be_read_is_written_over_unless_a_newer_release_wrote_it(
    world: World, *, is_newer: bool
) -> None:
    data = b'{"version": 9}' if is_newer else b"garbage"
    ref = f"{CHECKS}/{tip(world)}"
    there = world.server.put(Commit({"record.json": data}, None, "mine", START, "mallory"))
    world.server.refs[ref] = there
    if is_newer:
        with pytest.raises(StateUnreadable, match="can't be read"):
            noted(world, tip(world), report())
        assert world.server.refs[ref] == there
        return
    assert noted(world, tip(world), report()).changed
    assert world.server.commits[world.server.refs[ref]].parent is None
    assert said_of(world, tip(world)) == ["success"]


# What follows


def at(scene: Scene, settings: bytes = b"") -> World:
    """A repository with such settings, and more of them."""
    found = World.of(scene, random.Random(0))
    if settings:
        found.edit("more settings", {**found.files, FILE: found.files[FILE] + settings})
    return found


SMOKE = b'[[verifications]]\nname = "smoke"\nstatus = "smoke"\n'
ACTS = "written; the next turn acts on it"
NOTHING = "written, but it decides nothing: "
FOLLOWS: dict[str, tuple[Scene, bytes, str, str]] = {
    "required": (SCENE, b"", "check", ACTS),
    "another": (SCENE, b"", "lint", f"{NOTHING}the settings require check"),
    "none required": (replace(SCENE, required=()), b"", "lint", ACTS),
    "github": (
        replace(SCENE, source="github"),
        b"",
        "check",
        f'{NOTHING}the settings say source = "github"',
    ),
    "a verification": (
        SCENE,
        SMOKE,
        "smoke",
        "written; the next turn asks for it where it verifies",
    ),
    "a verification on github": (
        replace(SCENE, source="github"),
        SMOKE,
        "smoke",
        f'{NOTHING}the settings say source = "github"',
    ),
    "another than the verification": (
        SCENE,
        SMOKE,
        "other",
        f"{NOTHING}the settings require check",
    ),
    "a verification that is required, too": (
        replace(SCENE, required=("smoke",)),
        SMOKE,
        "smoke",
        ACTS,
    ),
    "bad settings": (SCENE, b"waves = 1\n", "lint", ACTS),
}


@pytest.mark.parametrize(("scene", "settings", "context", "why"), FOLLOWS.values(), ids=FOLLOWS)
def test_what_follows_from_a_verdict_is_said(
    scene: Scene, settings: bytes, context: str, why: str
) -> None:
    with stage():
        world = at(scene, settings)
        assert noted(world, world.main, report(context=context)).why == why


def test_status_of_what_targets_run_is_kept_where_a_verification_looks_for_it() -> None:
    with stage():
        world = World.of(SCENE, random.Random(0))
        one_deployed(world)
        deployed = world.main
        world.edit("the README", {**world.files, "README.md": b"more\n"})
        assert not noted(world, deployed, report(context="smoke")).changed
        world.edit("a verification", {**world.files, FILE: world.files[FILE] + SMOKE})
        assert noted(world, deployed, report(context="smoke")).changed


# Races


class Answering(Client):
    """A server that answers so to the first pushes."""

    def __init__(self, server: Server, answers: Sequence[PushResult]) -> None:
        super().__init__(server, "tidemill check")
        self.answers = [*answers]

    def push(self, updates: Sequence[Update]) -> PushResult:
        return self.answers.pop(0) if self.answers else super().push(updates)


@pytest.mark.parametrize("races", [1, MOST_RACES - 1])
def test_verdict_is_written_on_what_others_wrote_meanwhile(world: World, races: int) -> None:
    pauses: list[float] = []
    store = Answering(world.server, [Raced(f"{CHECKS}/x", None, "a" * 40)] * races)
    assert noted(world, tip(world), report(), store, pauses=pauses).changed
    assert len(pauses) == races


def test_verdict_that_is_never_first_is_an_error(world: World) -> None:
    store = Answering(world.server, [Raced(f"{CHECKS}/x", None, "a" * 40)] * MOST_RACES)
    with pytest.raises(ServerRefused, match="others kept writing refs/tidemill/checks/x"):
        noted(world, tip(world), report(), store)


def test_verdict_that_the_server_does_not_take_is_an_error(world: World) -> None:
    store = Answering(world.server, [Declined("no")] * 3)
    with pytest.raises(ServerRefused, match="the verdict could not be written: no"):
        noted(world, tip(world), report(), store)
