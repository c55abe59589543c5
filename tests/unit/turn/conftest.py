"""What the tests of turns begin with."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from tests.simulation.actors import stage
from tests.simulation.small_worlds import SCENE
from tests.simulation.world import World


@pytest.fixture
def world() -> Iterator[World]:
    """Two waves, and a main that has nothing but its sources."""
    with stage():
        yield World.of(SCENE, random.Random(0))
