"""The tag of a branch is valid, and no other branch's."""

import re

import pytest

from tidemill.building.destination import tag_of_branch

TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
MADE = tag_of_branch("feature/a")

BRANCHES = [
    *("main", "feature_a", "feature/a", "feature-a", "Feature/A", MADE, f"{MADE}x", "v1.0"),
    *("-x", "_-x", "_x", ".hidden", "a+b", "a#b", "grün", "0" * 40, "f" * 64, "deadbeef"),
    *("x" * 128, "x" * 129, "x" * 200, "x" * 199 + "y", "a-0123456789abcdef"),
]


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_tag_is_valid(branch: str) -> None:
    assert TAG.fullmatch(tag_of_branch(branch))


def test_no_two_branches_have_one_tag() -> None:
    assert len({tag_of_branch(branch) for branch in BRANCHES}) == len(BRANCHES)


@pytest.mark.parametrize("branch", ["main", "feature_a", "v1.0", "deadbeef", "x" * 128])
def test_a_name_that_is_a_tag_stays_as_it_is(branch: str) -> None:
    assert tag_of_branch(branch) == branch


@pytest.mark.parametrize("sha", ["0123456789abcdef" * 2 + "01234567", "f" * 64])
def test_a_branch_never_has_the_tag_of_a_commit(sha: str) -> None:
    assert tag_of_branch(sha) != sha


def test_a_made_tag_can_still_be_read_and_never_changes() -> None:
    assert tag_of_branch("feature/login") == "feature-login-df7c7aeb3560d333"
