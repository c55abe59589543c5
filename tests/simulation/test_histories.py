"""Random histories over a Git in memory, with the rules of design.md, section 10, after each step.

`make test` lives through the same few hundred histories each time. A failure prints its seed, the
settings of its repository and its story. To see one again, with what happened in it:

    python -m tests.simulation --seed 42

To look for what nobody has seen yet, from any seed on, and in longer ones:

    python -m tests.simulation --seed 100000 --histories 5000 --length 100
    python -m tests.simulation --seed 100 --histories 50 --rush
    python -m tests.simulation --seed 100 --histories 50 --source github

or more of them as tests: `SIMULATE=5000 make test ARGS=tests/simulation`.

What is where: `memory` is Git; `sources` is what cfg-app.git generates and checks, `scene` its
settings; `world` is one history, and `actors` run the commands in it; `announcing`, `machines`,
`people`, `requests`, `names`, `trouble` and `damage` are the steps, `steps` mixes them. `rules`,
with `landing_rules`, `auto_rules`, `telling_rules` and the account that `standing` keeps, judges
every push; `resting` and `ending` judge moments and the end; `rush` is a commit a minute.
`explorer` visits each state of the `small_worlds`, with the same rules.
"""

from __future__ import annotations

import os

import pytest

from tests.simulation.history import play
from tests.simulation.rush import rush

BATCH = 20
HISTORIES = int(os.environ.get("SIMULATE", "240"))


@pytest.mark.parametrize("first", range(0, HISTORIES, BATCH))
def test_the_rules_hold_in_every_history(first: int) -> None:
    for seed in range(first, min(first + BATCH, HISTORIES)):
        play(seed)


@pytest.mark.parametrize("first", range(0, HISTORIES // 3, BATCH))
def test_the_rules_hold_where_verdicts_come_from_github(first: int) -> None:
    for seed in range(first, min(first + BATCH, HISTORIES // 3)):
        play(seed, source="github")


@pytest.mark.parametrize("seed", [1, 3, 4])
def test_waves_move_on_however_fast_sets_come(seed: int) -> None:
    rush(seed, 240)


def test_waves_move_on_where_verdicts_come_from_github() -> None:
    rush(3, 240, source="github")
