"""Each fault of docs/reliability.md does what its row says; every turn is whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.loop.faults import BEGIN, FAULTS, PAGE, Fault, observed, ready, row
from tests.loop.stories import fork
from tests.world import World


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> World:
    return ready(tmp_path_factory.mktemp("ready"))


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_fault_does_what_the_page_says(fault: Fault, base: World, tmp_path: Path) -> None:
    if fault.needs_root and os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    seen = row(fault, observed(fault, fork(base, tmp_path / "world")))
    assert seen in PAGE.read_text().partition(BEGIN)[2].splitlines()


def test_page_has_a_row_for_each_fault_and_no_other() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")][1:]
    assert [line.split(" | ")[0] for line in rows] == [f"| {one.what}" for one in FAULTS.values()]
