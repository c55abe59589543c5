"""Step 4: one culprit among many costs about log2 runs, and no innocent goes."""

from math import log2

import pytest
from tests.unit.snapshots import Rollout, stack

from tidemill.plan.plan import Plan

MOST_ROUNDS = 100


def found(rollout: Rollout, culprits: set[int], retries: int = 0) -> tuple[int, list[Plan]]:
    """How many checks run until nothing is to check any more; commits with a culprit beneath
    or in them are red."""
    runs, turns = 0, []
    for _ in range(MOST_ROUNDS):
        turns.append(rollout.turn())
        if not turns[-1].to_check and not turns[-1].is_change:
            return runs, turns
        for asked in turns[-1].to_check:
            at = next((at for at, one in enumerate(rollout.auto) if one.sha == asked), -1)
            beneath = {one.operation.position for one in rollout.auto[: at + 1]}
            rollout.check(asked, "failure" if beneath & culprits else "success")
            runs += 1
    raise AssertionError("it does not come to rest")


@pytest.mark.parametrize("culprit", range(16))
def test_one_culprit_among_sixteen_costs_about_log2_runs_and_no_innocent_goes(culprit: int) -> None:
    rollout, _ = stack(16)
    runs, turns = found(rollout, {2 + culprit})
    evicted = [sha for turn in turns for sha in turn.evicted]
    assert len(evicted) == 1
    landing = {one.position for one in rollout.ledger.of("lab", "app").landings}
    assert landing == {1, *range(2, 18)} - {2 + culprit}
    assert runs <= log2(16) + 4


@pytest.mark.parametrize("culprits", [{2, 3}, {2, 9}, {8, 9}, {2, 17}, {5, 9, 13}], ids=str)
def test_several_culprits_go_one_by_one(culprits: set[int]) -> None:
    rollout, _ = stack(16)
    runs, _ = found(rollout, culprits)
    landing = {one.position for one in rollout.ledger.of("lab", "app").landings}
    assert landing == {1, *range(2, 18)} - culprits
    assert runs <= (log2(16) + 3) * len(culprits) + 2


def test_with_retries_a_culprit_costs_two_runs_more() -> None:
    rollout, _ = stack(8, "retries = 1")
    runs, turns = found(rollout, {5})
    assert [len(turn.evicted) for turn in turns].count(1) == 1
    assert runs <= log2(8) + 6
