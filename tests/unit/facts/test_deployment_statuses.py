"""Which deployments of GitHub's are our own."""

from __future__ import annotations

import pytest

from tidemill.facts.deployment_statuses import is_mirror


@pytest.mark.parametrize(
    ("task", "deployed_by", "set_by", "is_ours"),
    [
        ("tidemill", "bot", "bot", True),
        ("tidemill", "bot", "mallory", False),
        ("deploy", "bot", "bot", False),
        (None, None, None, False),
    ],
)
def test_deployment_is_a_mirror_by_its_task_where_its_account_says_how_it_went(
    task: str | None, deployed_by: object, set_by: object, *, is_ours: bool
) -> None:
    assert is_mirror(task, deployed_by, set_by) is is_ours
