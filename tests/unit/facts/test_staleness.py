"""What of a path is kept, in a ledger that everybody reads."""

from __future__ import annotations

import pytest

from tidemill.words.names import file_in_words


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("x" * 200, "x" * 200),
        ("x" * 201, f"'{'x' * 78}...'"),
        ("a\nb", "'a\\nb'"),
        ("a b/ü", "a b/ü"),
        ("caf\udce9", r"'caf\udce9'"),
    ],
    ids=["as-long-as-may-be", "too-long", "two-lines", "odd", "no-utf8"],
)
def test_path_is_kept_as_it_is_if_it_is_one_printable_line_that_is_not_too_long(
    path: str, kept: str
) -> None:
    assert file_in_words(path) == kept
