"""States that stories start from: each `seed_…` is built once, and then copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loop.stories import fork, land
from tests.world import World

WAVES = {"lab": {"targets": ["lab-1", "lab-2"]}, "shop": {"targets": ["north", "south"]}}


@pytest.fixture(scope="session")
def seed_new(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("new"), WAVES)


@pytest.fixture
def new(seed_new: World, tmp_path: Path) -> World:
    """Two waves of two targets, one set; nothing has been announced."""
    return fork(seed_new, tmp_path)


@pytest.fixture(scope="session")
def seed_under_test(seed_new: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = fork(seed_new, tmp_path_factory.mktemp("under-test"))
    world.announce(1)
    return world


@pytest.fixture
def under_test(seed_under_test: World, tmp_path: Path) -> World:
    """Position 1 is on auto for the first wave, and has not been checked."""
    return fork(seed_under_test, tmp_path)


@pytest.fixture(scope="session")
def seed_landed(seed_under_test: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = fork(seed_under_test, tmp_path_factory.mktemp("landed"))
    land(world)
    return world


@pytest.fixture
def landed(seed_landed: World, tmp_path: Path) -> World:
    """Position 1 is on main in the first wave; no target has reported it."""
    return fork(seed_landed, tmp_path)


@pytest.fixture(scope="session")
def seed_shipped(seed_landed: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = fork(seed_landed, tmp_path_factory.mktemp("shipped"))
    world.deploy("lab")
    land(world)
    world.deploy("shop")
    return world


@pytest.fixture
def shipped(seed_shipped: World, tmp_path: Path) -> World:
    """Position 1 is deployed in both waves."""
    return fork(seed_shipped, tmp_path)


@pytest.fixture(scope="session")
def seed_stack(tmp_path_factory: pytest.TempPathFactory) -> World:
    waves = {"lab": {"targets": ["lab-1"], "admit": "at once"}}
    sets = ("red", "green", "blue")
    world = World(tmp_path_factory.mktemp("stack"), waves, sets=sets)
    for position, name in enumerate(sets, start=1):
        world.announce(position, {name: "1"}, set_name=name)
    return world


@pytest.fixture
def stack(seed_stack: World, tmp_path: Path) -> World:
    """Three sets on auto, one upon the other: red, green, blue; nothing has been checked."""
    return fork(seed_stack, tmp_path)
