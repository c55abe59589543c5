"""What of a path is kept, in a ledger that everybody reads."""

from __future__ import annotations

import pytest

from tidemill.facts import staleness


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("x" * 200, "x" * 200),
        ("x" * 201, f"'{'x' * 78}...'"),
        ("a\nb", "'a\\nb'"),
        ("a b/ü", "a b/ü"),
    ],
    ids=["as-long-as-may-be", "too-long", "two-lines", "odd"],
)
def test_path_is_kept_as_it_is_if_it_is_one_printable_line_that_is_not_too_long(
    path: str, kept: str
) -> None:
    assert staleness._in_words(path) == kept
