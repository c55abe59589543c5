"""Our client and the stand-in, which holds each request against GitHub's own description."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.sandbox.server_world import World, described, pushed, world

from tidemill.clients.github.api import GitHub, NewDeployment, NewStatus
from tidemill.clients.github.place import Place
from tidemill.errors import ServerRefused
from tidemill.facts.github_checks import ACTIONS, RequiredCheck, record

__all__ = ["described", "pushed", "world"]
OWN = "tidemill/check"
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


def github(world: World, token: str) -> GitHub:
    return GitHub(Place(world.hub.url, "acme/app", world.hub.api_url), token, pause=_no_pause)


def _no_pause(_: float) -> None:
    raise AssertionError("there is nothing to wait for")


def test_status_of_a_workflow_counts_where_a_rule_wants_it_of_actions(pushed: World) -> None:
    pushed.require(OWN, app_id=ACTIONS)
    sha = pushed.head()
    client = github(pushed, pushed.mint("workflow", statuses="write", checks="read"))
    required = client.required("main")
    assert required == (RequiredCheck(OWN, ACTIONS),)
    client.set_status(NewStatus(sha, OWN, "success", "It is fit to land.", "https://run/1"))
    found = record(sha, required, client.reports(sha, required), BEGUN)
    assert [run.state for run in found.runs] == ["success"]


def test_status_is_taken_whatever_a_check_has_printed(pushed: World) -> None:
    sha = pushed.head()
    client = github(pushed, pushed.mint("workflow", statuses="write"))
    client.set_status(NewStatus(sha, OWN, "failure", "3 tests failed 💥 (é, ≥, 漢)"))
    [status] = pushed.hub.statuses
    assert status.description == "3 tests failed � (é, ≥, 漢)"


def test_status_of_a_person_does_not(pushed: World) -> None:
    pushed.require(OWN, app_id=ACTIONS)
    sha = pushed.head()
    client = github(pushed, pushed.token)
    client.set_status(NewStatus(sha, OWN, "success", "It is fit to land."))
    required = client.required("main")
    assert record(sha, required, client.reports(sha, required), BEGUN).runs == ()
    anybody = (RequiredCheck(OWN),)
    assert record(sha, anybody, client.reports(sha, anybody), BEGUN).runs[0].state == "success"


def test_without_rules_nothing_is_required(pushed: World) -> None:
    assert github(pushed, pushed.token).required("main") == ()


def test_events_and_deployments_are_as_github_takes_them(pushed: World) -> None:
    client = github(pushed, pushed.token)
    client.dispatch("check-requested", {"version": 1, "shas": [pushed.head()]})
    client.deploy(
        NewDeployment(pushed.head(), "lab/lab-1", "failure", "Succeeded, Degraded", "https://run/1")
    )
    pushed.hub.settle()
    assert {"repository_dispatch", "deployment", "deployment_status"} <= {
        one.name for one in pushed.hub.events
    }


def test_missing_right_is_told_by_what_github_says(pushed: World) -> None:
    client = github(pushed, pushed.mint("workflow", contents="read", statuses="read"))
    with pytest.raises(ServerRefused) as caught:
        client.set_status(NewStatus(pushed.head(), OWN, "success", "x"))
    assert "Resource not accessible by integration" in caught.value.what
    assert "`statuses: write` for acme/app" in caught.value.remedy
