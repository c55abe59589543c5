"""Operations: what a copy takes over, and which position is its own."""

from __future__ import annotations

import pytest
from tests.unit.snapshots import Rollout

from tidemill.facts.operation import Operation


@pytest.mark.parametrize("is_hotfix", [False, True])
@pytest.mark.parametrize("position", [0, 7])
def test_copy_of_a_hotfix_is_one_and_has_no_position_of_its_own(
    position: int, *, is_hotfix: bool
) -> None:
    landing = Rollout().landing("lab", 1, is_hotfix=is_hotfix)
    landing.position = position
    found = Operation.copying("promote", "shop", "app", "lab", landing.point())
    assert (found.is_hotfix, found.position) == (is_hotfix, position)
    assert found.own_position == (None if is_hotfix or not position else position)
