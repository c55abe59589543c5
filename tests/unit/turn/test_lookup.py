"""What an answer needs of the repository besides its state."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.simulation.announcing import announcement
from tests.simulation.memory import Client, Commit
from tests.simulation.scene import START
from tests.simulation.small_worlds import one_landed, two_everywhere
from tests.simulation.world import World

from tidemill.announcing.announcement import Announcement
from tidemill.facts.image_files import ImageFiles
from tidemill.facts.operation import Operation
from tidemill.turn.lookup import RepositoryLookup
from tidemill.turn.read import read


def lookup(world: World) -> RepositoryLookup:
    store = Client(world.server, "look")
    return RepositoryLookup(store, read(store), _not_fetched)


def _not_fetched(_: object) -> Announcement:
    raise AssertionError("nothing is announced by reference here")


def commit(world: World, parent: str | None, **given: Any) -> str:
    fields = {"files": {}, "message": "x", "date": START, "author": "ada", "parent": parent}
    return world.server.put(Commit(**{**fields, **given}))


def test_oldest_of_some_commits_that_are_on_main_is_found(world: World) -> None:
    mains = [world.main]
    for number in range(3):
        mains.append(world.edit(f"{number}", {**world.files, "README.md": f"{number}".encode()}))
    side = commit(world, mains[0])
    found = lookup(world)
    for order in (mains[1:], mains[:0:-1], [mains[2], mains[1], mains[3]]):
        assert found.oldest_on_main(order) == mains[1]
        assert found.oldest_on_main([side, "f" * 40, *order]) == mains[1]
    assert found.oldest_on_main([mains[3]]) == mains[3]
    assert found.oldest_on_main([side, "f" * 40]) is None
    assert found.oldest_on_main([]) is None


def test_another_repository_s_commit_is_asked_for_once(world: World) -> None:
    class Once(Client):
        def exists(self, commit: str, paths: Any = (), *, again: bool = True) -> bool:
            assert not again
            return super().exists(commit, paths, again=again)

    store = Once(world.server, "look")
    assert RepositoryLookup(store, read(store), _not_fetched).oldest_on_main(["f" * 40]) is None


def test_what_the_ledger_knows_to_have_landed_is_on_main_without_a_look(world: World) -> None:
    one_landed(world)

    class Blind(Client):
        def is_ancestor(self, ancestor: str, commit: str) -> bool:
            raise AssertionError(f"the history of {commit} is looked through")

    store = Blind(world.server, "look")
    found = RepositoryLookup(store, read(store), _not_fetched)
    assert found.oldest_on_main([world.main]) == world.main


# Image files


def operation(world: World, **given: Any) -> Operation:
    """What put the first set into staging, as something to copy."""
    store = Client(world.server, "look")
    landing = read(store).ledger.history("staging", "app").landings[0]
    copied = Operation.copying("promote", "prod", "app", "staging", landing.point())
    return replace(copied, **given)


def test_image_files_are_those_that_a_commit_of_main_has(world: World) -> None:
    two_everywhere(world)
    found = lookup(world).image_files(operation(world))
    assert isinstance(found, ImageFiles)
    assert found.content == operation(world).content


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"commit": "f" * 40}, "is gone from the repository"),
        ({"content": "something else"}, "does not have its images any more"),
    ],
    ids=["gone", "others"],
)
def test_image_files_that_are_not_there_say_why(
    world: World, given: dict[str, Any], why: str
) -> None:
    two_everywhere(world)
    found = lookup(world).image_files(operation(world, **given))
    assert isinstance(found, str)
    assert found.startswith("the commit ")
    assert found.endswith(why)


# What was rejected


def test_announcement_that_was_rejected_is_found_again(world: World) -> None:
    world.natures = (0, 0, 1, 0, 0)
    told = announcement(world, kind="fresh", set_name="app")
    world.do("announce", announcement=told)
    [ref] = [one for one in world.server.refs if one.startswith("refs/tidemill/rejected/")]
    found = lookup(world).rejected(ref.rpartition("/")[2])
    assert found is not None
    assert found.announcement.sha == world.apps["app"][0]["sha"]


@pytest.mark.parametrize("data", [None, b"garbage", b'{"request": null}'])
def test_what_was_not_rejected_or_is_no_announcement_is_none(
    world: World, data: bytes | None
) -> None:
    if data is not None:
        sha = commit(world, None, files={"record.json": data})
        world.server.refs["refs/tidemill/rejected/x-1"] = sha
    assert lookup(world).rejected("x-1") is None
