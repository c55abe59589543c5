"""The job of the loop is skipped for events that bring nothing. A skipped job costs nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.sandbox.runner_world import NAME, ROOT, Mill, ended, mill

CONDITION = YAML(typ="safe").load((ROOT / ".github/workflows/gitops.yml").read_text())["jobs"][
    "turn"
]["if"]
CALLER = f"""
on: [status, deployment_status, repository_dispatch, push]
jobs:
  turn:
    runs-on: x
    if: {json.dumps(CONDITION)}
    steps: [{{run: 'true'}}]
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Mill]:
    with mill(tmp_path) as found:
        found.push(a=CALLER)
        found.settled()
        yield found


def conclusions(shop: Mill, event: str) -> list[str | None]:
    """How the job ended in each run of an event, in the order of the events."""
    return [ended(run)["turn"] for run in shop.settled() if run.event == event]


def deploy(shop: Mill, environment: str, state: str, **more: Any) -> None:
    made = shop.rest("POST", f"/repos/{NAME}/deployments", {
        "ref": "main", "auto_merge": False, "required_contexts": [], "environment": environment,
        **more,
    })  # fmt: skip
    shop.rest("POST", f"/repos/{NAME}/deployments/{made['id']}/statuses", {"state": state})


def test_statuses_of_others_that_have_an_answer_are_for_us(shop: Mill) -> None:
    sha = shop.clone.git("rev-parse", "HEAD")
    for context, state in (
        ("ci", "pending"),
        ("ci", "success"),
        ("ci", "failure"),
        ("tidemill/check", "success"),
    ):
        body = {"state": state, "context": context}
        shop.rest("POST", f"/repos/{NAME}/statuses/{sha}", body)
    assert conclusions(shop, "status") == ["skipped", "success", "success", "skipped"]


def test_deployments_of_targets_that_are_over_are_for_us(shop: Mill) -> None:
    deploy(shop, "staging/staging-eu", "in_progress")
    deploy(shop, "staging/staging-eu", "success")
    deploy(shop, "staging/staging-eu", "failure")
    deploy(shop, "github-pages", "success")
    deploy(shop, "staging/staging-eu", "success", task="tidemill")
    assert conclusions(shop, "deployment_status") == [
        "skipped", "success", "success", "skipped", "skipped",
    ]  # fmt: skip


def test_what_a_turn_asks_another_ci_for_is_not_for_us(shop: Mill) -> None:
    shop.dispatch("check-requested")
    shop.dispatch("images-announced")
    assert conclusions(shop, "repository_dispatch") == ["skipped", "success"]


@pytest.mark.parametrize("message", ["Say whom to ask", "Introduce\n\nAutocommit-Operation: x"])
def test_what_a_person_pushes_is_for_us_whatever_it_is(shop: Mill, message: str) -> None:
    shop.push(message)
    assert conclusions(shop, "push")[-1] == "success"


def test_what_an_app_pushes_is_for_us_where_it_is_no_automatic_commit(shop: Mill) -> None:
    app, _ = shop.hub.register_app("acme-tidemill", "acme", {"contents": "write"})
    shop.hub.install_app(app, "acme")
    token = shop.hub.tokens.mint(
        "installation", login="acme-tidemill[bot]", repositories=[NAME],
        permissions={"contents": "write", "workflows": "write"},
    )  # fmt: skip
    url = shop.hub.url.replace("://", f"://x:{token}@") + f"/{NAME}.git"
    for message in ("Update a dependency", "Introduce\n\nAutocommit-Operation: introduce"):
        shop.clone.git("commit", "-q", "--allow-empty", "-m", message)
        shop.clone.git("push", "-q", url, "HEAD:main")
    assert conclusions(shop, "push")[-2:] == ["success", "skipped"]
