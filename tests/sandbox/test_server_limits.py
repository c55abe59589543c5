"""Rate limits, and faults that somebody asks for."""

from __future__ import annotations

import http.client
import json

import pytest
from tests.sandbox.server_world import Heard, World

REPOSITORY = "/repos/acme/app"
DISPATCH = {"event_type": "x"}


def dispatch(world: World, token: str | None = None) -> Heard:
    return world.call("POST", f"{REPOSITORY}/dispatches", DISPATCH, token=token)


def test_every_answer_says_what_is_left(pushed: World) -> None:
    left = [pushed.call("GET", REPOSITORY).headers["x-ratelimit-remaining"] for _ in range(2)]
    assert left == ["4999", "4998"]
    core = pushed.call("GET", "/rate_limit").json["resources"]["core"]
    assert (core["limit"], core["used"]) == (5000, 2)
    workflow = pushed.mint("workflow", contents="read")
    assert pushed.call("GET", REPOSITORY, token=workflow).headers["x-ratelimit-limit"] == "1000"


def test_the_primary_limit_ends_with_its_hour(pushed: World) -> None:
    pushed.hub.limits.primary = 2
    for _ in range(2):
        assert pushed.call("GET", REPOSITORY).status == 200
    over = pushed.call("GET", REPOSITORY)
    assert over.status in (403, 429)
    assert over.headers["x-ratelimit-remaining"] == "0"
    start = int(pushed.clock().timestamp())
    assert int(over.headers["x-ratelimit-reset"]) == start + 3600
    pushed.clock.pass_(hours=1)
    assert pushed.call("GET", REPOSITORY).status == 200


def test_a_burst_of_writes_meets_the_secondary_limit_which_is_403_or_429(pushed: World) -> None:
    answers = [dispatch(pushed).status for _ in range(83)]
    assert answers[:80] == [204] * 80
    assert set(answers[80:]) == {403, 429}
    over = dispatch(pushed)
    assert over.headers["retry-after"] == "60"
    assert "secondary rate limit" in over.json["message"]
    assert pushed.call("GET", REPOSITORY).status == 200
    assert dispatch(pushed, pushed.mint("workflow", contents="write")).status == 204
    pushed.clock.pass_(seconds=60)
    assert dispatch(pushed).status == 204
    pushed.hub.settle()
    assert len(pushed.hub.events) == 82


def control(world: World, name: str, body: object) -> Heard:
    token = world.server.control_token
    return world.ask("POST", f"/_sandbox/{name}", json.dumps(body).encode(), token=token)


def test_faults_are_met_as_often_as_they_were_asked_for(pushed: World) -> None:
    faults = [
        {"kind": "error", "status": 502, "times": 2, "path": "dispatches"},
        {"kind": "secondary", "seconds": 7, "method": "POST"},
        {"kind": "primary", "seconds": 9, "method": "POST"},
    ]
    assert control(pushed, "faults", {"faults": faults}).status == 200
    assert pushed.call("GET", REPOSITORY).status == 200
    assert [dispatch(pushed).status for _ in range(2)] == [502, 502]
    assert dispatch(pushed).headers["retry-after"] == "7"
    limited = dispatch(pushed)
    assert limited.status in (403, 429)
    # The headers of a limit that was asked for say when it ends, too.
    assert int(limited.headers["x-ratelimit-reset"]) == int(pushed.clock().timestamp()) + 9
    assert dispatch(pushed).status == 204
    pushed.hub.settle()
    assert len(pushed.hub.events) == 1


def test_a_connection_can_be_dropped_before_and_after_the_deed(pushed: World) -> None:
    for after in (False, True):
        control(pushed, "faults", {"faults": [{"kind": "drop", "after": after}]})
        with pytest.raises(http.client.RemoteDisconnected):
            dispatch(pushed)
    pushed.hub.settle()
    assert len(pushed.hub.events) == 1


def test_git_can_be_dropped_before_and_after_the_push_landed(pushed: World) -> None:
    for after in (False, True):
        sha = pushed.commit()
        fault = {"kind": "drop", "of": "git", "path": "git-receive-pack", "after": after}
        control(pushed, "faults", {"faults": [fault]})
        assert dispatch(pushed).status == 204  # a fault of Git's is none of the API's
        pushed.push("main", fails=True)
        assert (pushed.refs()["refs/heads/main"] == sha) == after
    down = {"kind": "error", "of": "git", "status": 503, "path": "info/refs"}
    control(pushed, "faults", {"faults": [down]})
    assert "503" in pushed.push("main:refs/heads/x", fails=True)
    pushed.hub.settle()
    assert [event.name for event in pushed.hub.events].count("push") == 1


def test_limits_are_settable(pushed: World) -> None:
    assert control(pushed, "limits", {"writes_a_minute": 1}).json["writes_a_minute"] == 1
    assert dispatch(pushed).status == 204
    assert dispatch(pushed).status in (403, 429)
    control(pushed, "limits", {"writes_a_minute": None, "writes_an_hour": None})
    assert dispatch(pushed).status == 204


def test_the_control_api_is_for_who_started_the_server(pushed: World) -> None:
    for token in ("", pushed.token, "wrong"):
        assert pushed.ask("POST", "/_sandbox/limits", b"{}", token=token).status == 401
    assert control(pushed, "nothing", {}).status == 404
    assert control(pushed, "faults", {"faults": [{"kind": "fire"}]}).status == 422
    assert control(pushed, "faults", {"faults": [{"nothing": 1}]}).status == 422
    assert control(pushed, "faults", {"faults": [{"kind": "drop", "path": "("}]}).status == 422
    assert control(pushed, "faults", []).status == 422
    assert pushed.hub.limits.faults == []


def test_the_control_api_adds_rules_and_tells_what_happened(pushed: World) -> None:
    rule = {"type": "required_status_checks",
            "parameters": {"required_status_checks": [{"context": "build"}]}}  # fmt: skip
    body = {"repository": "acme/app", "name": "x", "include": ["~DEFAULT_BRANCH"], "rules": [rule]}
    assert control(pushed, "rulesets", body).status == 200
    pushed.commit()
    assert "GH013" in pushed.push("main", fails=True)
    dispatch(pushed)
    events = control(pushed, "state", {"repository": "acme/app"}).json["events"]
    assert [(event["name"], event["by"]) for event in events] == [("repository_dispatch", "ada")]
    assert control(pushed, "deviations", {}).json == {"deviations": []}
