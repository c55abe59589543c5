"""States that commands start from; built once, then copied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.loop.stories import fork
from tests.world import World

WAVES: dict[str, dict[str, Any]] = {
    "lab": {"targets": ["lab-1", "lab-2"]},
    "shop": {"targets": ["north"], "approval": True},
}


@pytest.fixture(scope="session")
def _new(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("new"), WAVES)


@pytest.fixture
def new(_new: World, tmp_path: Path) -> World:
    """Two waves, shop with approval; nothing has been announced."""
    return fork(_new, tmp_path)


@pytest.fixture(scope="session")
def _under_test(_new: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = fork(_new, tmp_path_factory.mktemp("under-test"))
    world.announce(1)
    return world


@pytest.fixture
def under_test(_under_test: World, tmp_path: Path) -> World:
    """Position 1 is on auto for lab."""
    return fork(_under_test, tmp_path)


@pytest.fixture(scope="session")
def _landed(_under_test: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = fork(_under_test, tmp_path_factory.mktemp("landed"))
    world.green()
    return world


@pytest.fixture
def landed(_landed: World, tmp_path: Path) -> World:
    """Position 1 is on main in lab; no target has reported it."""
    return fork(_landed, tmp_path)


@pytest.fixture(scope="session")
def _deployed(_landed: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = fork(_landed, tmp_path_factory.mktemp("deployed"))
    world.deploy("lab")
    return world


@pytest.fixture
def deployed(_deployed: World, tmp_path: Path) -> World:
    """Position 1 is deployed in lab; shop waits for approval."""
    return fork(_deployed, tmp_path)


@pytest.fixture(scope="session")
def _second(_deployed: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = fork(_deployed, tmp_path_factory.mktemp("second"))
    world.announce(2)
    world.green()
    world.later(minutes=1)
    world.deploy("lab")
    return world


@pytest.fixture
def second(_second: World, tmp_path: Path) -> World:
    """Positions 1 and then 2 have been deployed in lab; shop has had neither."""
    return fork(_second, tmp_path)


@pytest.fixture(scope="session")
def _evicted(_deployed: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = fork(_deployed, tmp_path_factory.mktemp("evicted"))
    world.check(world.ref("refs/heads/main") or "")
    for sha in world.announce(2)["to_check"]:
        world.check(sha, "failure")
    assert [one["app_sha"] for one in world.turn()["evicted"]]
    return world


@pytest.fixture
def evicted(_evicted: World, tmp_path: Path) -> World:
    """Position 1 is deployed in lab; position 2 was evicted."""
    return fork(_evicted, tmp_path)
