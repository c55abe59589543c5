"""Obstacles: each has its words, and says whether somebody has to do something."""

from __future__ import annotations

from string import Formatter
from typing import Any

import msgspec
import pytest
from tests.unit.sets import NOW

from tidemill.plan import obstacles
from tidemill.plan.obstacles import (
    EndedRequest,
    HoldInForce,
    HotfixThere,
    MissingVerification,
    Obstacle,
    PastEnding,
    PastEviction,
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
    assert obstacle.needs_a_person() is expected


def test_each_kind_has_words_of_its_own_and_they_name_its_data() -> None:
    found = (one for one in vars(obstacles).values() if isinstance(one, type))
    every = [one for one in found if issubclass(one, Obstacle)]
    kinds = [one for one in every if one.__struct_config__.tag != one.__name__]
    assert len(kinds) > 40
    for kind in kinds:
        assert ("says" in vars(kind)) != ("words" in vars(kind)), kind
        for text in (*kind.ends_by, getattr(kind, "says", "")):
            names = {name.partition(".")[0] for _, name, _, _ in Formatter().parse(text) if name}
            assert names <= {*kind.__struct_fields__}, kind


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("announcement", "its announcement has ended"),
        ("request", "its request has ended"),
        ("rollback", "it has ended"),
        ("hotfix", "it has ended"),
    ],
)
def test_what_a_person_asked_for_ends_itself_and_other_things_end_with_their_request(
    what: Any, words: str
) -> None:
    assert EndedRequest(what=what).words() == words


def test_an_evicted_rollback_is_asked_for_again_only_where_it_is_known_where_it_went() -> None:
    gone = PastEviction(app_sha="a1", did="roll back", wave="lab", set="app")
    command = gone.command() or ()
    assert command[:7] == ("rollback-wave", "--wave", "lab", "--set", "app", "--to", "a1")
    assert msgspec.structs.replace(gone, app_sha=None).command() is None
