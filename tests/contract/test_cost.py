"""The page on cost says what was counted, and what was counted is what a team can run."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cost() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cost", ROOT / "bench" / "cost.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where msgspec looks for its types
    spec.loader.exec_module(module)
    return module


def test_page_is_made_from_what_was_counted(cost: ModuleType) -> None:
    assert (ROOT / "docs" / "cost.md").read_text() == cost.page(cost.kept())


def test_goals_hold_where_they_were_counted(cost: ModuleType) -> None:
    found = cost.kept()
    for mode in cost.MODES:
        for reports in cost.KINDS:
            one = found[cost.Case(cost.NINE, reports, mode)].commit
            assert one.minutes <= 12, (mode, reports)
            assert one.calls <= 40, (mode, reports)
    assert found[cost.Case(cost.HUNDRED, "poll", "GITHUB_TOKEN")].commit.minutes <= 12
    model = cost.Model(found)
    assert found[cost.Case(cost.NINE, "events", "GITHUB_TOKEN")].idle.minutes * 24 * 31 <= 750
    assert model.day(1440, cost.NINE, "events")[1] < 1000


def test_an_app_makes_a_token_for_each_wave_and_none_for_a_report(cost: ModuleType) -> None:
    """It finds the installation, makes a token of it, revokes that."""
    nine = cost.kept()[cost.Case(cost.NINE, "events", "an App")].commit
    of_app = sum(times for kind, times in nine.kinds.items() if "installation" in kind)
    assert of_app == 3 * len(cost.NINE)
