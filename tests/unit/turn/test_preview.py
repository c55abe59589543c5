"""What a promotion would change: made in a scratch repository, and nothing is written."""

from __future__ import annotations

import pytest
from tests.simulation.memory import Client, Commit, Server
from tests.simulation.scene import START
from tests.simulation.small_worlds import one_landed
from tests.simulation.world import World

from tidemill.clients.git.store import Work, WorkResult
from tidemill.errors import Refused
from tidemill.facts.operation import AutoCommit
from tidemill.facts.snapshot import BrokenParent, OperationFailure, Timeout
from tidemill.turn.preview import changes, promoted
from tidemill.turn.read import read, snapshot


@pytest.fixture
def world(world: World) -> World:
    one_landed(world)
    return world


class Failing(Client):
    """Operations end so."""

    outcome: WorkResult

    def work(self, work: Work) -> WorkResult:
        return self.outcome


def preview(world: World, store: Client) -> AutoCommit:
    known = snapshot(store, read(store), world.now)
    landing = known.ledger.present("staging", "app")
    assert landing is not None
    return promoted(store, known, "prod", "app", "staging", landing)


def test_promotion_is_made_on_main_and_changes_the_wave_s_files(world: World) -> None:
    store, before = Client(world.server, "look"), dict(world.server.refs)
    commit = preview(world, store)
    assert commit.parent == world.main
    assert (commit.operation.kind, commit.operation.source) == ("promote", "staging")
    paths = [one.path for one in changes(store, world.main, commit.sha)]
    assert "images/prod/digests.json" in paths
    assert "generated/prod/prod-0/all.yaml" in paths or any("prod" in one for one in paths)
    assert not any("staging" in one for one in paths)
    assert world.server.refs == before


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        (OperationFailure("it does not generate"), "can't be done: it does not generate"),
        (Timeout("it takes too long"), "can't be done: it takes too long"),
        (BrokenParent("a" * 40, "it is odd"), "can't be done: main does not generate: it is odd"),
    ],
    ids=["fails", "late", "main is broken"],
)
def test_promotion_that_can_not_be_done_says_why(
    world: World, outcome: WorkResult, why: str
) -> None:
    store = Failing(world.server, "look")
    store.outcome = outcome
    with pytest.raises(Refused, match=why):
        preview(world, store)


def test_files_that_differ_are_told_whichever_side_has_them() -> None:
    server = Server()
    old = server.put(Commit({"a": b"1\n", "b": b"1\n", "c": b"1\n"}, None, "x", START, "ada"))
    new = server.put(Commit({"b": b"1\n", "c": b"2\n", "d": b"1\n"}, None, "x", START, "ada"))
    store = Client(server, "look")
    store.fetch([old], [])
    store.fetch_below(new, [""])
    found = {one.path: one.diff for one in changes(store, old, new)}
    assert list(found) == ["a", "c", "d"]
    assert "-1" in found["a"]
    assert "-1\n+2" in found["c"]
    assert "+1" in found["d"]
