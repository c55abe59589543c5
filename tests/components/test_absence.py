"""Where a component is missing, people read what to do, and CI fails."""

from __future__ import annotations

import pytest

from tests.components.absence import Missing, absent
from tests.components.commands import run
from tests.components.store import Part

MISSING = Missing("It is not here.", "Get it.")


def test_in_ci_a_missing_component_is_a_failure() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"^It is not here\. Get it\."):
        absent(MISSING, {"CI": "true"})


@pytest.mark.parametrize("environment", [{}, {"CI": ""}], ids=["no CI", "an empty CI"])
def test_elsewhere_it_is_a_skip_that_says_what_to_do(environment: dict[str, str]) -> None:
    with pytest.raises(pytest.skip.Exception, match=r"^It is not here\. Get it\.$"):
        absent(MISSING, environment)


def test_a_part_that_was_not_prepared_is_missing() -> None:
    part = Part("tools", "making it", "pins that nobody has", lambda folder: None)
    with pytest.raises(Missing, match="make components"):
        part.ready()


def test_a_program_that_fails_is_quoted() -> None:
    with pytest.raises(Missing, match=r"(?s)ended with 3:\nno such thing\n.*Do this\."):
        run(["sh", "-c", "echo no such thing; exit 3"], remedy="Do this.")
