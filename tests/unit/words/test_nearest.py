"""Of names that are nearly right, the one that was meant."""

from __future__ import annotations

import pytest

from tidemill.words.nearest import did_you_mean, nearest

WAVES = ["lab", "staging", "production", "production-eu"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("stagin", "staging"),
        ("Staging", "staging"),
        ("STAG", "staging"),
        ("prodution", "production"),
        ("prod-eu", "production-eu"),
        ("l", "lab"),
        ("prod", None),
        ("moon", None),
        ("", None),
        ("-" * 1000, None),
        ("staging\n", "staging"),
        ("our-new-lab-of-2024", "lab"),
        ("eu", "production-eu"),
        ("the-eu-and-its-lab", "lab"),
    ],
)
def test_the_name_that_is_most_alike_is_found(name: str, found: str | None) -> None:
    assert nearest(name, WAVES) == found


def test_where_nothing_is_known_nothing_is_near() -> None:
    assert nearest("a", []) is None


def test_the_question_is_left_out_where_nothing_is_near() -> None:
    assert did_you_mean("stging", WAVES) == "did you mean staging? "
    assert did_you_mean("moon", WAVES) == ""
