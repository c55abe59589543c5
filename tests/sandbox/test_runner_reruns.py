"""Names that runs have, and runs that somebody runs again."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.runner_world import NAME, Mill, ended, mill, printed

from tidemill.errors import ServerRefused
from tidemill_sandbox.clients import Rest

NAMED = """
run-name: >-
  ${{ github.event.action == 'go' && format('{0} goes', github.event.client_payload.who)
  || github.event.action == 'plain' && '' }}
on: [repository_dispatch]
concurrency: {group: "g-${{ github.run_id }}"}
jobs:
  say:
    runs-on: x
    steps:
      - run: echo '{"attempt":"${{ github.run_attempt }}","actor":"${{ github.actor }}","by":"${{ github.triggering_actor }}","who":"${{ github.event.client_payload.who }}"}'
"""  # noqa: E501


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Mill]:
    with mill(tmp_path) as found:
        found.push(a=NAMED)
        found.settled()
        yield found


def minutes(shop: Mill) -> int:
    with urllib.request.urlopen(f"{shop.hub.url}/_count", timeout=60) as answer:
        return int(json.load(answer)["repositories"][NAME]["job_minutes"])


def shown(shop: Mill, run: int) -> dict[str, Any]:
    found: dict[str, Any] = shop.rest("GET", f"/repos/{NAME}/actions/runs/{run}")
    return found


def test_run_has_the_name_that_its_file_gives(shop: Mill) -> None:
    shop.dispatch("go", {"who": "the mill"})
    assert shown(shop, shop.only_run().id)["display_title"] == "the mill goes"


def test_name_that_is_empty_leaves_the_usual_one(shop: Mill) -> None:
    shop.dispatch("plain")
    assert shown(shop, shop.only_run().id)["display_title"] == "plain"


def test_run_again_has_the_same_event_and_new_jobs(shop: Mill) -> None:
    shop.dispatch("go", {"who": "x"})
    run = shop.only_run()
    first = run.jobs[0].id
    grace = shop.hub.tokens.mint(
        "user", login="grace", repositories=None, permissions={"actions": "write"}
    )
    Rest(shop.hub.api_url, grace)("POST", f"/repos/{NAME}/actions/runs/{run.id}/rerun")
    assert shop.only_run() is run
    assert ended(run) == {"say": "success"}
    assert run.jobs[0].id != first
    assert printed(run, "say") == {"attempt": "2", "actor": "ada", "by": "grace", "who": "x"}
    found = shown(shop, run.id)
    assert (found["run_attempt"], found["conclusion"]) == (2, "success")
    assert (found["actor"]["login"], found["triggering_actor"]["login"]) == ("ada", "grace")
    assert minutes(shop) == 2  # both attempts are billed


INNER = """
on: {workflow_call: {outputs: {what: {value: "${{ jobs.made.outputs.what }}"}}}}
jobs:
  made:
    runs-on: x
    outputs: {what: "${{ steps.a.outputs.what }}"}
    steps: [{id: a, run: 'echo what=$GITHUB_RUN_ATTEMPT >> $GITHUB_OUTPUT'}]
"""
CHAIN = """
on: [repository_dispatch]
jobs:
  called: {uses: ./.github/workflows/inner.yml}
  flaky:
    needs: called
    runs-on: x
    steps: [{run: 'echo "{\\"made\\":\\"${{ needs.called.outputs.what }}\\"}"; test $GITHUB_RUN_ATTEMPT != 1'}]
  after: {needs: flaky, runs-on: x, steps: [{run: 'true'}]}
  always: {needs: flaky, if: always(), runs-on: x, steps: [{run: 'true'}]}
  other: {runs-on: x, steps: [{run: 'true'}]}
"""  # noqa: E501


def test_of_a_run_that_failed_the_rest_runs_again_and_what_needs_it(shop: Mill) -> None:
    shop.push(a=CHAIN, inner=INNER)
    shop.dispatch()
    run = shop.settled()[-1]
    assert ended(run) == {"called / made": "success", "flaky": "failure", "after": "skipped",
                          "always": "success", "other": "success"}  # fmt: skip
    first = {job.name: job.id for job in run.jobs}
    before = minutes(shop)
    shop.rest("POST", f"/repos/{NAME}/actions/runs/{run.id}/rerun-failed-jobs")
    shop.settled()
    assert set(ended(run).values()) == {"success"}
    kept = {job.name for job in run.jobs if job.id == first[job.name]}
    assert kept == {"called / made", "other"}
    assert printed(run, "flaky") == {"made": "1"}, "its outputs are those of the first attempt"
    assert minutes(shop) == before + 3  # what was kept is not billed again
    ids = {job.name: job.id for job in run.jobs}
    shop.rest("POST", f"/repos/{NAME}/actions/jobs/{ids['other']}/rerun")
    shop.settled()
    assert {job.name for job in run.jobs if job.id != ids[job.name]} == {"other"}
    assert (set(ended(run).values()), minutes(shop)) == ({"success"}, before + 4)


def test_run_that_goes_is_not_run_again(shop: Mill) -> None:
    shop.dispatch("go")
    run = shop.only_run()
    run.status = "in_progress"
    with pytest.raises(ServerRefused, match="already running"):
        shop.rest("POST", f"/repos/{NAME}/actions/runs/{run.id}/rerun")
