"""Random histories over a Git in memory, with the rules of design.md, section 10, after each step.

`make test` lives through the same hundred histories each time, and through a third of them with
verdicts from GitHub. Once a week 1,500 longer ones have other seeds: .github/workflows/mutants.yml.
A failure prints its seed, the settings of its repository and its story. To see one again, with
what happened in it:

    python -m tests.simulation --seed 42

To look for what nobody has seen yet, from any seed on, and in longer ones:

    python -m tests.simulation --seed 100000 --histories 5000 --length 100
    python -m tests.simulation --seed 100 --histories 50 --rush
    python -m tests.simulation --seed 100 --histories 50 --source github

or more of them as tests: `SIMULATE=5000 make test ARGS=tests/simulation`.

What is where: `memory` is Git; `sources` is what cfg-app.git generates and checks, `scene` its
settings; `world` is one history, and `actors` run the commands in it; `forms` are the runs of the
form on GitHub, with their re-runs and reviews. `announcing`, `machines`, `people`, `requests`,
`names`, `trouble` and `damage` are the steps, `steps` mixes them. `rules`, with `landing_rules`,
`auto_rules`, `telling_rules` and the account that `standing` keeps, judges every push;
`asker_rules` judge who asked for what landed, `request_rules` how requests end; `resting` and
`ending` judge moments and the end; `rush` is a commit a minute. `twins` lives through a history on
real Git as well.
`reach` says what has to be reached, and `themes` bend histories to it. `explorer` visits each state
of the `small_worlds`, with the same rules.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.simulation.history import Failed, judge, play
from tests.simulation.reach import REACHED
from tests.simulation.rush import rush
from tests.simulation.themes import seeds_for
from tidemill.plan import due, portion

BATCH = 20
HISTORIES = int(os.environ.get("SIMULATE", "100"))


@pytest.mark.parametrize("first", range(0, HISTORIES, BATCH))
def test_the_rules_hold_in_every_history(first: int) -> None:
    for seed in range(first, min(first + BATCH, HISTORIES)):
        judge(seed)


@pytest.mark.parametrize("first", range(0, HISTORIES // 3, BATCH))
def test_the_rules_hold_where_verdicts_come_from_github(first: int) -> None:
    for seed in range(first, min(first + BATCH, HISTORIES // 3)):
        judge(seed, source="github")


@pytest.mark.parametrize("source", ["refs", "github"])
def test_the_rules_hold_where_one_request_ends_at_a_time(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portion, "MOST_ENDED", 1)
    for seed in range(4):
        judge(seed, source=source)


@pytest.mark.parametrize("name", REACHED)
def test_histories_reach(name: str) -> None:
    assert any(judge(seed, 40).rules.reach.counts[name] for seed in seeds_for(name, 30))


def test_history_of_a_seed_is_the_same_in_every_process() -> None:
    """What a person repeats is what was found."""
    told = [sys.executable, "-m", "tests.simulation", "--seed", "50004", "--length", "60"]
    stories = {
        subprocess.run(
            told, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(stories) == 1


def test_broken_rule_is_told_with_few_steps_and_can_be_seen_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(due, "not_ready", lambda *_: ())
    seeds = (seed for seed in range(60) if _breaks(seed))
    with pytest.raises(Failed) as found:
        judge(next(seeds), 60)
    seed, steps = re.findall(r"--seed (\d+) .*--steps '([\d,]*)'", str(found.value))[0]
    kept = [int(step) for step in steps.split(",") if step]
    assert len(kept) < 20
    with pytest.raises(Failed, match="rule 4"):
        play(int(seed), 60, kept=kept)


def _breaks(seed: int) -> bool:
    try:
        play(seed, 60)
    except Failed as failed:
        return failed.rule == "rule 4"
    return False


@pytest.mark.parametrize("seed", [1, 3, 4])
def test_waves_move_on_however_fast_sets_come(seed: int) -> None:
    rush(seed, 240)


def test_waves_move_on_where_verdicts_come_from_github() -> None:
    rush(3, 240, source="github")
