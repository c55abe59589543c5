"""Titles of runs, which say what a form was filled in with."""

from __future__ import annotations

import pytest

from tidemill.facts.run_titles import RunTitle, parse_title

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
