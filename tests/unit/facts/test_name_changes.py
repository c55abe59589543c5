"""What check-cfg-app says of a commit that changes names, before it lands."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.sets import LAB, settings

from tidemill.facts.name_changes import folders_to_move, warnings_of
from tidemill.facts.settings import Settings

LIVE: dict[str, Any] = {"targets": ["v"]}
BEFORE = settings(lab=LAB, live=LIVE)


def now(**waves: Any) -> Settings:
    return settings(lab=LAB, **waves)


CASES: dict[str, tuple[Settings, list[str]]] = {
    "nothing": (BEFORE, []),
    "renamed": (now(prod={**LIVE, "was": "live"}), []),
    "renamed-without-was": (
        now(prod=LIVE),
        ["the wave live is gone, and nothing says what became of it", 'was = "live"'],
    ),
    "removed": (now(), ["the wave live is gone"]),
    "never-existed": (now(live={**LIVE, "was": "lvie"}), ["has no wave of that name"]),
    "still-there": (
        now(live=LIVE, us={**LIVE, "was": "live"}),
        ["the wave live is still there: both have its past"],
    ),
    "two-heirs": (
        now(eu={**LIVE, "was": "live"}, us={**LIVE, "was": "live"}),
        ["eu and us were live: each of them has its past"],
    ),
    "swapped": (settings(live={**LAB, "was": "lab"}, lab={**LIVE, "was": "live"}), []),
    "first-wave-goes": (
        settings(live=LIVE),
        ["the wave lab is gone", "live comes first now", "lab was a first wave, and is none now"],
    ),
    "second-becomes-a-first-one": (now(live={**LIVE, "after": []}), ["live comes first now"]),
    "first-one-comes-after-another": (
        settings(live=LIVE, lab=LAB),
        ["live comes first now", "lab was a first wave, and is none now"],
    ),
}


@pytest.mark.parametrize(("after", "said"), CASES.values(), ids=CASES)
def test_warnings(after: Settings, said: list[str]) -> None:
    found = warnings_of(BEFORE, after)
    for part in said:
        assert any(part in text for text in found), found
    assert bool(found) is bool(said), found


def test_was_that_stays_is_not_spoken_of_again() -> None:
    after = now(prod={**LIVE, "was": "live"})
    assert warnings_of(after, after) == []
    assert folders_to_move(after, after) == []


def test_sets_are_warned_of_likewise() -> None:
    before, after = (settings(sets=sets, lab=LAB) for sets in (("app", "db"), ("core", "db")))
    assert "the set app is gone" in warnings_of(before, after)[0]


def test_folders_that_belong_elsewhere_now() -> None:
    assert folders_to_move(BEFORE, now(prod={**LIVE, "was": "live"})) == [
        ("images/live", "images/prod")
    ]
    assert folders_to_move(BEFORE, BEFORE) == []
