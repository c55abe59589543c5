"""The refs of the namespace: which names can't be of ours."""

from __future__ import annotations

import pytest

from tidemill.facts.refs import RefNames

NAMES = RefNames("refs/tidemill", "main", "auto")
SHA = "7d1043473d55bfa90e8530d35801d4e381bc69f0"


@pytest.mark.parametrize(
    "name",
    [
        "journal",
        "inbox/announcement-app-1-7d1043473d55",
        "rejected/hold-1",
        f"checks/{SHA}",
        f"evicted/{SHA}",
        "deployed/lab/lab-1",
        "holds/lab/_",
        "notes/of/somebody",
    ],
)
def test_a_name_that_may_be_ours_is_no_stray(name: str) -> None:
    assert NAMES.strays([f"refs/tidemill/{name}"]) == []


@pytest.mark.parametrize(
    "name",
    [
        "journal/mine",
        "inbox",
        "inbox/-",
        "inbox/a/b",
        "rejected/-",
        "checks/main",
        "evicted/nope",
        "deployed/lab",
        "holds/lab",
    ],
)
def test_a_name_that_can_not_be_ours_is_a_stray(name: str) -> None:
    assert NAMES.strays([ref := f"refs/tidemill/{name}"]) == [ref]


def test_what_is_not_below_the_namespace_is_no_stray() -> None:
    assert NAMES.strays(["refs/heads/main", "refs/tidemills/inbox"]) == []


@pytest.mark.parametrize(
    ("refs", "is_in_the_way"),
    [
        ([], False),
        (["refs/a/b/cd"], False),
        (["refs/a/b/c"], False),
        (["refs/a/b/c/d"], True),
        (["refs/x", "refs/a/b/c/d"], True),
        (["refs/a"], True),
        (["refs/a", "refs/x"], True),
    ],
    ids=str,
)
def test_a_ref_inside_of_another_or_around_it_is_in_its_way(
    refs: list[str], *, is_in_the_way: bool
) -> None:
    assert RefNames.are_in_the_way(refs, "refs/a/b/c") is is_in_the_way
