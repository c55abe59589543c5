"""Jobs that name environments wait for reviewers, as GitHub's do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.runner_world import NAME, RIGHTS, Mill, ended, mill

from tidemill.errors import ServerRefused
from tidemill_sandbox.clients import Rest
from tidemill_sandbox.state.shapes import Run

GATED = """
on: [repository_dispatch]
jobs:
  before:
    runs-on: x
    outputs: {where: Production}
    steps: [{run: 'true'}]
  gated:
    needs: before
    if: ${{ github.event.action == 'go' }}
    runs-on: x
    environment: {name: "${{ needs.before.outputs.where }}"}
    steps: [{run: 'true'}]
  beside: {needs: before, runs-on: x, steps: [{run: 'true'}]}
  after: {needs: gated, runs-on: x, steps: [{run: 'true'}]}
"""
_RUNS = f"/repos/{NAME}/actions/runs"


def person(shop: Mill, login: str) -> Rest:
    token = shop.hub.tokens.mint("user", login=login, repositories=None, permissions=RIGHTS)
    return Rest(shop.hub.api_url, token)


def reviewed(shop: Mill, *reviewers: str, **more: Any) -> None:
    """An administrator sets the environment up."""
    told = {"repository": NAME, "name": "production", "reviewers": list(reviewers), **more}
    shop.hub.control["environments"](told)


def waiting(shop: Mill) -> tuple[Run, int]:
    """The one run there is, which waits, and for which environment."""
    (run,) = shop.settled()
    (pending,) = shop.rest("GET", f"{_RUNS}/{run.id}/pending_deployments")
    return run, int(pending["environment"]["id"])


def say(by: Rest, run: Run, environment: int, state: str) -> Any:
    body = {"environment_ids": [environment], "state": state, "comment": "fine"}
    return by("POST", f"{_RUNS}/{run.id}/pending_deployments", body)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Mill]:
    with mill(tmp_path, most=1) as found:
        found.push(a=GATED)
        yield found


def test_job_waits_without_a_machine_until_a_reviewer_approves(shop: Mill) -> None:
    reviewed(shop, "grace", "heidi")
    shop.dispatch("go")
    run, environment = waiting(shop)
    done = {"before": "success", "beside": "success", "gated": None}
    assert ended(run) == done
    found = shop.rest("GET", f"{_RUNS}/{run.id}")
    assert (found["status"], found["conclusion"]) == ("waiting", None)
    shop.dispatch("stop")
    assert [one.status for one in shop.settled()] == ["waiting", "completed"], "others go on"
    with pytest.raises(ServerRefused, match="problems with the pending"):
        say(person(shop, "mallory"), run, environment, "approved")
    (deployed,) = say(person(shop, "grace"), run, environment, "approved")
    assert deployed["environment"] == "production"
    shop.settled()
    assert ended(run) == dict.fromkeys((*done, "after"), "success")
    (review,) = shop.rest("GET", f"{_RUNS}/{run.id}/approvals")
    assert (review["state"], review["user"]["login"]) == ("approved", "grace")
    assert review["environments"][0]["name"] == "production"
    assert shop.rest("GET", f"{_RUNS}/{run.id}/pending_deployments") == []
    assert not [one for one in shop.hub.runs if one.event == "deployment_status"]


def test_what_a_reviewer_rejects_has_failed(shop: Mill) -> None:
    reviewed(shop, "grace")
    shop.dispatch("go")
    run, environment = waiting(shop)
    say(person(shop, "grace"), run, environment, "rejected")
    shop.settled()
    assert (run.conclusion, ended(run)["gated"], ended(run)["after"]) == (
        "failure",
        "failure",
        "skipped",
    )


def test_whoever_started_it_may_not_review_it_where_the_environment_says_so(shop: Mill) -> None:
    reviewed(shop, "ada", "grace", prevents_self_review=True)
    shop.dispatch("go")
    run, environment = waiting(shop)
    with pytest.raises(ServerRefused, match="problems with the pending"):
        say(shop.rest, run, environment, "approved")
    say(person(shop, "grace"), run, environment, "approved")
    shop.settled()
    assert run.conclusion == "success"


def test_environment_that_is_missing_is_made_without_a_rule(shop: Mill) -> None:
    shop.dispatch("stop")
    shop.settled()
    assert not shop.repository.environments, "a job that is skipped makes none"
    shop.dispatch("go")
    assert [run.conclusion for run in shop.settled()] == ["success", "success"]
    found = shop.rest("GET", f"/repos/{NAME}/environments/PRODUCTION")
    assert (found["name"], found["protection_rules"]) == ("Production", [])
    reviewed(shop, "grace")
    found = shop.rest("GET", f"/repos/{NAME}/environments")["environments"]
    assert [one["protection_rules"][0]["reviewers"][0]["reviewer"]["login"] for one in found] == [
        "grace"
    ]


def test_run_that_waits_can_be_cancelled(shop: Mill) -> None:
    reviewed(shop, "grace")
    shop.dispatch("go")
    run, _ = waiting(shop)
    shop.rest("POST", f"{_RUNS}/{run.id}/cancel")
    shop.settled()
    assert run.conclusion == "cancelled"
    assert run.reviews == []


MATRIX = """
on: [repository_dispatch]
jobs:
  each:
    strategy: {max-parallel: 2, matrix: {where: [eu, us, ap]}}
    runs-on: x
    environment: ENVIRONMENT
    steps: [{run: 'true'}]
"""


def test_each_job_of_a_matrix_waits_for_its_own_environment(shop: Mill) -> None:
    for name in ("in eu", "in us"):
        told = {"repository": NAME, "name": name, "reviewers": ["grace"]}
        shop.hub.control["environments"](told)
    shop.push(a=MATRIX.replace("ENVIRONMENT", '"in ${{ matrix.where }}"'))
    shop.dispatch()
    (run,) = shop.settled()
    assert run.status == "waiting"
    assert ended(run) == {"each (eu)": None, "each (us)": None}, "two at once, and both wait"
    pending = shop.rest("GET", f"{_RUNS}/{run.id}/pending_deployments")
    numbers = {one["environment"]["name"]: one["environment"]["id"] for one in pending}
    assert numbers.keys() == {"in eu", "in us"}
    say(person(shop, "grace"), run, numbers["in eu"], "approved")
    shop.settled()
    assert ended(run) == {"each (eu)": "success", "each (us)": None, "each (ap)": "success"}
    say(person(shop, "grace"), run, numbers["in us"], "approved")
    shop.settled()
    assert run.conclusion == "success"
    found = {one.environment for one in shop.hub.deployments}
    assert found == {"in eu", "in us", "in ap"}


def test_jobs_of_a_matrix_wait_for_one_environment(shop: Mill) -> None:
    reviewed(shop, "grace")
    shop.push(a=MATRIX.replace("ENVIRONMENT", "production").replace("max-parallel: 2, ", ""))
    shop.dispatch()
    (run,) = shop.settled()
    assert (run.status, list(ended(run).values())) == ("waiting", [None] * 3)
