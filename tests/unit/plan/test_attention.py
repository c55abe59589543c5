"""Attention: which obstacles need somebody to do something."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.sets import NOW

from tidemill.plan.attention import needs_a_person
from tidemill.plan.obstacles import (
    HoldInForce,
    HotfixThere,
    MissingVerification,
    Obstacle,
    PastEnding,
    RunningSoak,
)

HOLD: dict[str, Any] = {"wave": "lab", "set": "app", "reason": "x", "by": "ada", "since": NOW}


@pytest.mark.parametrize(
    ("obstacle", "expected"),
    [
        (HoldInForce(**HOLD), True),
        (HoldInForce(**HOLD, until=NOW), False),
        (HotfixThere(wave="lab", set="app", is_held=True), True),
        (HotfixThere(wave="lab", set="app"), False),
        (PastEnding(app_sha="a", how="rejected"), True),
        (PastEnding(app_sha="a", how="superseded"), False),
        (MissingVerification(wave="lab", names=("errors",)), False),
        (MissingVerification(wave="lab", names=("errors",), lost="timeout"), False),
        (MissingVerification(wave="lab", names=("errors",), lost="bad query"), True),
        (RunningSoak(wave="lab", since=NOW, until=NOW), False),
    ],
    ids=[
        "hold",
        "hold-that-ends-by-itself",
        "hotfix-whose-successor-is-held",
        "hotfix",
        "rejected",
        "superseded",
        "verification-that-is-not-green-yet",
        "verification-that-passes-by-itself",
        "verification-that-nobody-can-answer",
        "soak",
    ],
)
def test_somebody_is_needed_only_where_nothing_ends_it_by_itself(
    obstacle: Obstacle, expected: bool
) -> None:
    assert needs_a_person(obstacle) is expected
