"""Which turns have to be read to explain a thing."""

from datetime import UTC, datetime

import pytest

from tidemill.answers.explanation import needed_turns
from tidemill.answers.thing import Known

WHEN = datetime(2026, 1, 5, tzinfo=UTC)
NOW = Known(
    commits=frozenset({"c0ffee" * 6 + "c0ff"}),
    services=frozenset({"web"}),
    targets=frozenset({"eu"}),
    waves=frozenset({"lab"}),
)


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        ("eu", set()),
        ("c0ffeec", set()),
        ("abcdef1", {"reported no failure"}),
        ("lab", {"reported no failure"}),
        ("web", {"reported no failure", "reported", "deployed"}),
        ("what was a target once", set()),
    ],
)
def test_turns_that_can_not_matter_to_a_thing_are_not_read(text: str, left_out: set[str]) -> None:
    needed = needed_turns(text, NOW)
    kinds = ("reported no failure", "reported", "deployed", "landed", "renamed", "what is to come")
    assert {one for one in kinds if needed and not needed(WHEN, one)} == left_out
