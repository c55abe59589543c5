"""States that stories start from; built once, then copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loop.stories import fork
from tests.world import World

WAVES = {"lab": {"targets": ["lab-1", "lab-2"]}, "shop": {"targets": ["north", "south"]}}


@pytest.fixture(scope="session")
def _new(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("new"), WAVES)


@pytest.fixture
def new(_new: World, tmp_path: Path) -> World:
    """Two waves of two targets, one set; nothing has been announced."""
    return fork(_new, tmp_path)


@pytest.fixture(scope="session")
def _under_test(_new: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = fork(_new, tmp_path_factory.mktemp("under-test"))
    world.announce(1)
    return world


@pytest.fixture
def under_test(_under_test: World, tmp_path: Path) -> World:
    """Position 1 is on auto for the first wave, and has not been checked."""
    return fork(_under_test, tmp_path)


@pytest.fixture(scope="session")
def _landed(_under_test: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = fork(_under_test, tmp_path_factory.mktemp("landed"))
    world.green()
    return world


@pytest.fixture
def landed(_landed: World, tmp_path: Path) -> World:
    """Position 1 is on main in the first wave; no target has reported it."""
    return fork(_landed, tmp_path)


@pytest.fixture(scope="session")
def _shipped(_landed: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = fork(_landed, tmp_path_factory.mktemp("shipped"))
    for wave in WAVES:
        world.deploy(wave)
        world.green()
    return world


@pytest.fixture
def shipped(_shipped: World, tmp_path: Path) -> World:
    """Position 1 is deployed in both waves."""
    return fork(_shipped, tmp_path)


@pytest.fixture(scope="session")
def _stack(tmp_path_factory: pytest.TempPathFactory) -> World:
    waves = {"lab": {"targets": ["lab-1"], "admit": "at once"}}
    sets = ("red", "green", "blue")
    world = World(tmp_path_factory.mktemp("stack"), waves, sets=sets)
    for position, name in enumerate(sets, start=1):
        world.announce(position, {name: "1"}, set_name=name)
    return world


@pytest.fixture
def stack(_stack: World, tmp_path: Path) -> World:
    """Three sets on auto, one upon the other: red, green, blue; nothing has been checked."""
    return fork(_stack, tmp_path)
