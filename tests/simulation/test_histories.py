"""Random histories over a Git in memory, with the rules of design.md, section 10, after each step.

`make test` lives through the same few hundred histories each time. A failure prints its seed, the
settings of its repository and its story. To see one again, with what happened in it:

    python -m tests.simulation --seed 42

To look for what nobody has seen yet, from any seed on:

    python -m tests.simulation --seed 100000 --histories 5000

or more of them as tests, `SIMULATE=5000 make test ARGS=tests/simulation`.
"""

from __future__ import annotations

import os

import pytest

from tests.simulation.history import play

BATCH = 20
HISTORIES = int(os.environ.get("SIMULATE", "300"))


@pytest.mark.parametrize("first", range(0, HISTORIES, BATCH))
def test_the_rules_hold_in_every_history(first: int) -> None:
    for seed in range(first, min(first + BATCH, HISTORIES)):
        play(seed)
