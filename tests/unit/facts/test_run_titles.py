"""Titles of runs, which say what a form was filled in with."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.sets import LAB, NOW, SHOP, settings

from tidemill.announcing.announcement import Announcement
from tidemill.facts.requests import (
    AnnouncementRequest,
    HoldRequest,
    Point,
    Promotion,
    Release,
    Request,
    Retry,
    Rollback,
    SetRollback,
)
from tidemill.facts.run_titles import RunTitle, parse_title, why_other
from tidemill.facts.settings import Settings

SHA = "7d1043473d55"


@pytest.mark.parametrize(
    ("title", "told"),
    [
        (f"promote shop app @{SHA}", RunTitle("promote", "shop", "app", SHA)),
        (f"promote shop  @{SHA}", RunTitle("promote", "shop", sha=SHA)),
        (
            f"promote shop app @{SHA} (override)",
            RunTitle("promote", "shop", "app", SHA, is_override=True),
        ),
        (
            "promote shop (override) (hotfix)",
            RunTitle("promote", "shop", is_override=True, is_hotfix=True),
        ),
        ("roll back shop", RunTitle("roll back", "shop")),
        (
            "roll back shop at:2026-11-24T14:00Z",
            RunTitle("roll back", "shop", at="2026-11-24T14:00Z"),
        ),
        (
            f"roll back shop @{SHA} at:2026-11-24 14:00 UTC",
            RunTitle("roll back", "shop", sha=SHA, at="2026-11-24 14:00 UTC"),
        ),
        ("release *", RunTitle("release", "*")),
        (f"retry @{SHA}", RunTitle("retry", sha=SHA)),
        (f"retry   @{SHA} ", RunTitle("retry", sha=SHA)),
        ("promote", RunTitle("promote")),
    ],
)
def test_title_says_what_was_filled_in(title: str, told: RunTitle) -> None:
    assert parse_title(title) == told


@pytest.mark.parametrize(
    "title",
    [
        "",
        "turn",
        "hold shop",
        "promoted shop",
        "Promote shop",
        "promote shop app @1 @2",
        "promote shop app other",
        "promote shop @1 app",
        "promote shop (override)x",
        "promote shop (override) (override)",
        "fix: promote shop",
    ],
)
def test_what_is_ambiguous_says_nothing(title: str) -> None:
    assert parse_title(title) is None


WHOLE, COMMIT = f"{SHA}{'0' * 28}", "c" * 40
PLACE: dict[str, Any] = {"accepted_at": NOW, "wave": "shop", "set": "app"}
POINT = Point(app_sha=WHOLE, position=3, content="c", commit=COMMIT)
PROMOTION = Promotion(**PLACE, app_sha=WHOLE, position=3)
ROLLBACK = Rollback(**PLACE, leaves=POINT, to=POINT, reason="slow")
RELEASE = Release(accepted_at=NOW, wave="shop", ends=("hold-1",), reason="x")
RETRY = Retry(**PLACE, app_sha=WHOLE)
AGAIN = AnnouncementRequest(
    accepted_at=NOW,
    announcement=Announcement(set="app", repository="acme/app", sha=WHOLE, position=3, images={}),
    retry=True,
)


def named(*sets: str) -> Settings:
    """Waves lab and shop, which was called store; a set library is lib now."""
    found = settings(sets=sets, lab=LAB, shop={**SHOP, "was": "store"})
    return replace(
        found,
        sets=tuple(replace(one, was="library" if one.name == "lib" else ()) for one in found.sets),
    )


ONE, TWO = named("app"), named("app", "lib")
OF_LIB = replace(PROMOTION, set="lib")
IT_MAY_BE: dict[str, list[tuple[str, Request, Settings]]] = {
    "promotion": [
        (f"promote shop @{SHA}", PROMOTION, ONE),
        (f"promote shop app @{SHA}", PROMOTION, ONE),
        (f"promote store @{SHA}", PROMOTION, ONE),
        (f"promote shop app @{WHOLE}", PROMOTION, TWO),
        (f"promote shop lib @{SHA}", OF_LIB, TWO),
        (f"promote shop library @{SHA}", OF_LIB, TWO),
        (f"promote shop @{SHA} (override)", replace(PROMOTION, override="now"), ONE),
    ],
    "rollback": [
        ("roll back shop", ROLLBACK, ONE),
        (f"roll back shop @{SHA}", ROLLBACK, ONE),
        ("roll back shop app at:2026-11-24T14:00Z", ROLLBACK, TWO),
        (f"roll back shop @{'c' * 9}", replace(ROLLBACK, to=replace(POINT, app_sha=None)), ONE),
    ],
    "release": [
        ("release shop", RELEASE, ONE),
        ("release store", RELEASE, ONE),
        ("release shop app", RELEASE, TWO),
        ("release *", replace(RELEASE, wave="*"), ONE),
    ],
    "retry": [
        (f"retry @{SHA}", RETRY, ONE),
        (f"retry @{SHA}", RETRY, TWO),
        (f"retry shop app @{SHA}", RETRY, TWO),
        (f"retry store @{SHA}", RETRY, TWO),
        (f"retry app @{SHA}", RETRY, TWO),
        (f"retry app @{SHA}", AGAIN, TWO),
        (f"retry lab @{SHA}", AGAIN, TWO),
        (f"retry lab app @{SHA}", AGAIN, TWO),
        (f"retry @{SHA}", AGAIN, TWO),
        (f"retry @{SHA} (override)", replace(AGAIN, override="now"), ONE),
    ],
}
IT_IS_NOT: dict[str, list[tuple[str, Request, Settings]]] = {
    "promotion": [
        (f"promote lab @{SHA}", PROMOTION, ONE),
        (f"promote * @{SHA}", PROMOTION, ONE),
        (f"promote @{SHA}", PROMOTION, ONE),
        (f"promote shop lib @{SHA}", PROMOTION, TWO),
        (f"promote shop library @{SHA}", PROMOTION, TWO),
        (f"promote shop @{SHA}", PROMOTION, TWO),
        ("promote shop @7d1043473d56", PROMOTION, ONE),
        ("promote shop", PROMOTION, ONE),
        (f"promote shop @{SHA} (override)", PROMOTION, ONE),
        (f"promote shop @{SHA}", replace(PROMOTION, override="now"), ONE),
        (f"roll back shop @{SHA}", PROMOTION, ONE),
    ],
    "rollback": [
        (f"promote shop @{SHA}", ROLLBACK, ONE),
        ("roll back lab", ROLLBACK, ONE),
        ("roll back shop", ROLLBACK, TWO),
        ("roll back shop @8", ROLLBACK, ONE),
        (f"roll back shop @{'c' * 9}", ROLLBACK, ONE),
        (
            "roll back shop app",
            replace(ROLLBACK, others=(SetRollback(set="lib", leaves=POINT, to=POINT),)),
            TWO,
        ),
    ],
    "release": [
        ("release lab", RELEASE, ONE),
        ("release *", RELEASE, ONE),
        ("release shop", replace(RELEASE, wave="*"), ONE),
        ("roll back shop", RELEASE, ONE),
    ],
    "retry": [
        ("retry", RETRY, ONE),
        ("retry @8", RETRY, ONE),
        (f"retry shop lib @{SHA}", RETRY, TWO),
        (f"retry lab app @{SHA}", RETRY, TWO),
        (f"retry lab @{SHA}", RETRY, TWO),
        (f"retry lib @{SHA}", AGAIN, TWO),
        (f"retry lab lib @{SHA}", AGAIN, TWO),
        (f"promote shop @{SHA}", RETRY, ONE),
        ("retry", AGAIN, ONE),
        (f"retry @{SHA} (override)", AGAIN, ONE),
        (f"retry @{SHA}", replace(AGAIN, override="now"), ONE),
        (f"promote shop @{SHA}", AGAIN, ONE),
        (f"retry @{SHA}", replace(AGAIN, retry=False), ONE),
    ],
    "hold": [("release shop", HoldRequest(**PLACE, reason="x"), ONE)],
}


@pytest.mark.parametrize(
    ("title", "request_", "known"), [one for some in IT_MAY_BE.values() for one in some]
)
def test_run_may_have_asked_for_what_its_title_says(
    title: str, request_: Request, known: Settings
) -> None:
    assert why_other(title, request_, known) is None


@pytest.mark.parametrize(
    ("title", "request_", "known"), [one for some in IT_IS_NOT.values() for one in some]
)
def test_run_has_not_asked_for_what_its_title_does_not_say(
    title: str, request_: Request, known: Settings
) -> None:
    assert why_other(title, request_, known) == f"what was asked for in it is “{title}”"


def test_title_that_says_nothing_is_told_apart() -> None:
    assert "needs our run-name" in (why_other("Merge branch", PROMOTION, ONE) or "")
    hotfix = f"promote shop @{SHA} (override) (hotfix)"
    assert "which images a hotfix has" in (why_other(hotfix, PROMOTION, ONE) or "")
