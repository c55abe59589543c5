"""Where a component is missing, people read what to do, and CI fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.components.absence import IN_CI, Missing, absent
from tests.components.commands import run
from tests.components.store import Part

MISSING = Missing("It is not here.", "Get it.")


def test_in_ci_a_missing_component_is_a_failure() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"^It is not here\. Get it\."):
        absent(MISSING, {IN_CI: "yes"})


@pytest.mark.parametrize("environment", [{}, {IN_CI: ""}], ids=["no CI", "an empty CI"])
def test_elsewhere_it_is_a_skip_that_says_what_to_do(environment: dict[str, str]) -> None:
    with pytest.raises(pytest.skip.Exception, match=r"^It is not here\. Get it\.$"):
        absent(MISSING, environment)


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)], ids=["in CI", "elsewhere"])
@pytest.mark.parametrize("processes", [0, 1])
def test_what_is_tested_sees_no_ci_and_what_is_missing_counts_all_the_same(
    tmp_path: Path, ci: str, code: int, processes: int
) -> None:
    one = [
        "tests/components/test_components.py",
        "-k",
        "the_registry_answers_anyone",
        "-p",
        "no:cacheprovider",
    ]
    env = {**os.environ, "CI": ci, "TIDEMILL_COMPONENTS": str(tmp_path)}
    env.pop(IN_CI, None)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", str(processes), *one],
        cwd=Path(__file__).parents[2],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "is not prepared on this machine" in done.stdout
    assert done.returncode == code, done.stdout


def test_a_part_that_was_not_prepared_is_missing() -> None:
    part = Part("tools", "making it", "pins that nobody has", lambda folder: None)
    with pytest.raises(Missing, match="make components"):
        part.ready()


def test_a_program_that_fails_is_quoted() -> None:
    with pytest.raises(Missing, match=r"(?s)ended with 3:\nno such thing\n.*Do this\."):
        run(["sh", "-c", "echo no such thing; exit 3"], remedy="Do this.")
