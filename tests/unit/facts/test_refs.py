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
