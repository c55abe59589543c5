"""The repository beside each tag, in the values of a wave."""

from __future__ import annotations

import pytest
from tests.unit.adopting.trees import tree

from tidemill.adopting.rollout import Rollout
from tidemill.adopting.values import repositories

CHART = {
    "chart/Chart.yaml": "name: shop\n",
    "chart/values.yaml": (
        "web: {image: {repository: ghcr.io/acme/web, tag: v1}}\n"
        "redis: {image: {repository: docker.io/redis, tag: '7'}}\n"
    ),
    "chart/charts/jobs/Chart.yaml": "name: jobs\n",
    "chart/charts/jobs/values.yaml": "image: {registry: ghcr.io, repository: acme/jobs}\n",
}
ROLLOUT = Rollout({"dev": ("dev",)}, ("env/{wave}.yaml",), "")


def made(values: str) -> tuple[list[str], list[tuple[str, ...]]]:
    """The texts of files, and the lines to paste."""
    found = tree({**CHART, "env/dev.yaml": values})
    pastes, files = repositories(found, ROLLOUT, "ghcr.io/acme")
    return [one.text for one in files], [one.lines for one in pastes]


SEVERAL = {
    "tag alone": (
        "web:\n  image: # ours\n    pullPolicy: Always\n    tag: v1 # by hand\n",
        "web:\n  image: # ours\n    pullPolicy: Always\n    repository: ghcr.io/acme/web\n"
        "    tag: v1 # by hand\n",
    ),
    "of a chart in a chart": (
        "jobs:\r\n  image:\r\n    tag: v1\r\n",
        "jobs:\r\n  image:\r\n    registry: ghcr.io\r\n    repository: acme/jobs\r\n"
        "    tag: v1\r\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), SEVERAL.values(), ids=SEVERAL)
def test_repository_is_added(before: str, after: str) -> None:
    assert made(before) == ([after], [])
    assert made(after) == ([], [])


@pytest.mark.parametrize(
    "values",
    [
        "web:\n  image:\n    repository: ghcr.io/acme/other\n    tag: v1\n",
        "redis:\n  image:\n    tag: '8'\n",
        "web:\n  replicas: 2\n",
        "web: v1\n",
        "",
    ],
)
def test_what_needs_nothing_stays(values: str) -> None:
    assert made(values) == ([], [])


@pytest.mark.parametrize(
    "values", ["web: {image: {tag: v1}}\n", "a: &a\n  image:\n    tag: v1\nweb:\n  <<: *a\n"]
)
def test_in_braces_or_merged_a_person_adds_it(values: str) -> None:
    assert made(values) == ([], [("repository: ghcr.io/acme/web",)])
