"""What a ref may hold, and how it may be called."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from tidemill.errors import Refused
from tidemill.facts import forms
from tidemill.facts.holds import Hold
from tidemill.words.json_types import in_lines

HOLD = Hold(
    id="hold-1",
    wave="lab",
    set="app",
    reason="freeze",
    by="ada",
    since=datetime(2026, 1, 5, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("changes", "is_one"),
    [
        ({}, True),
        ({"by": ""}, True),
        ({"id": "hold\n1"}, False),
        ({"reason": "a\nb"}, False),
        ({"by": "a\nb"}, False),
        ({"wave": "shop"}, False),
    ],
    ids=str,
)
def test_hold_of_a_ref_is_of_its_place_and_says_all_in_one_line(
    changes: dict[str, str], *, is_one: bool
) -> None:
    told = replace(HOLD, **changes)
    if is_one:
        assert forms.hold("lab/app", in_lines(told)) == told
    else:
        with pytest.raises(Refused):
            forms.hold("lab/app", in_lines(told))


@pytest.mark.parametrize(
    ("name", "is_place", "is_held"),
    [
        ("lab/app", True, True),
        ("lab/_", False, True),
        ("lab", False, False),
        ("lab/", False, False),
        ("/app", False, False),
        ("lab/a/b", False, False),
        ("-/app", False, False),
        ("-/_", False, False),
    ],
)
def test_place_is_two_names(name: str, *, is_place: bool, is_held: bool) -> None:
    assert (forms.is_place(name), forms.is_held_place(name)) == (is_place, is_held)
