"""What GitHub leaves out of an answer is what it does not do."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tidemill.facts.on_github import (
    ActionsPolicy,
    BranchOnGitHub,
    Permissions,
    Protection,
    Repository,
    Rule,
    Unseen,
)
from tidemill.facts.vouchers import Environment

LEFT_OUT: dict[str, tuple[str, Any, dict[str, object]]] = {
    "a repository": (
        '{"default_branch": "main"}',
        Repository,
        {"archived": False, "disabled": False, "permissions": None},
    ),
    "rights": ("{}", Permissions, {"push": False}),
    "a policy": (
        '{"enabled": true}',
        ActionsPolicy,
        {"allowed_actions": "all", "sha_pinning_required": False},
    ),
    "a rule of no ruleset": ('{"type": "update"}', Rule, {"ruleset_id": 0}),
}


@pytest.mark.parametrize(("answer", "kind", "expected"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_what_an_answer_leaves_out_is_not_so(
    answer: str, kind: Any, expected: dict[str, object]
) -> None:
    found = msgspec.json.decode(answer, type=kind)
    assert {name: getattr(found, name) for name in expected} == expected


def test_protection_that_says_nothing_keeps_nobody_out() -> None:
    found = msgspec.json.decode("{}", type=Protection)
    switches = (found.required_signatures, found.lock_branch, found.allow_force_pushes)
    assert [one.enabled for one in switches] == [False] * 3
    assert (found.required_pull_request_reviews, found.restrictions) == (None, None)


def test_branch_is_there_and_what_was_not_seen_had_no_answer() -> None:
    assert BranchOnGitHub().is_there
    assert Unseen("nobody asked").status == 0


def test_environment_without_rules_asks_for_nobody() -> None:
    found = Environment()
    assert (found.has_reviewers, found.may_review_own, found.may_bypass) == (False, False, False)
