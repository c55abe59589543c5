"""What happens seldom, often: the rules hold, and it has happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest

from tests.simulation import announcing, machines, names, people, trouble
from tests.simulation.history import play
from tests.simulation.reach import (
    BACK,
    LESS,
    MERGE,
    MORE,
    SEVERAL,
    SILENT,
    SKEW,
    STALE,
    TARGET,
)
from tests.simulation.steps import Step, turn

USUAL: Mapping[Step, float] = {machines.run_well: 60, machines.check_all: 40, turn: 20}
EVENTS: Mapping[str, tuple[Step, str]] = {
    STALE: (trouble.lag, "refs"),
    SILENT: (trouble.fall_silent, "github"),
    SEVERAL: (people.push_several, "refs"),
    MERGE: (people.merge, "refs"),
    BACK: (people.move_back, "refs"),
    SKEW: (trouble.skew, "refs"),
    LESS: (announcing.change_services, "refs"),
    MORE: (announcing.change_services, "refs"),
    TARGET: (names.rename_target, "refs"),
}


@pytest.mark.parametrize("name", EVENTS)
def test_the_rules_hold_where(name: str) -> None:
    step, source = EVENTS[name]
    reached = Counter[str]()
    for seed in range(5):
        reached += play(seed, 20, source=source, often={**USUAL, step: 60}).rules.reach.counts
    assert reached[name]
