"""GitHub's description: what deviates from it, and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sandbox.server_world import World

from tidemill_sandbox.server.rest.calls import TABLE, Answer, Call, Entry
from tidemill_sandbox.server.rest.openapi import Description, Operation

STATUS = Operation("/repos/{owner}/{repo}/statuses/{sha}", "post")
RUNS = Operation("/repos/{owner}/{repo}/actions/runs", "get")
RATE = Operation("/rate_limit", "get")


@pytest.mark.parametrize("operation", sorted(TABLE, key=str), ids=str)
def test_what_we_answer_is_something_that_github_has(
    described: Description, operation: Operation
) -> None:
    assert described.describes(operation)


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/repos/a/b/commits/main/status", "/repos/{owner}/{repo}/commits/{ref}/status"),
        ("/repos/a/b/commits/x/y/status", "/repos/{owner}/{repo}/commits/{ref}/status"),
        ("/repos/a/b/commits/x", "/repos/{owner}/{repo}/commits/{ref}"),
        ("/repos/a/b/branches/x/y", "/repos/{owner}/{repo}/branches/{branch}"),
        ("/repos/a/b/compare/x%2Fy...main", "/repos/{owner}/{repo}/compare/{basehead}"),
        ("/repos/a/b/contents/x/y/z.md", "/repos/{owner}/{repo}/contents/{path}"),
        ("/repos/a/b/actions/runs/1/jobs", "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs"),
        ("/repos/a/b", "/repos/{owner}/{repo}"),
    ],
)
def test_a_path_is_of_one_operation(described: Description, path: str, template: str) -> None:
    assert described.find("get", path) == Operation(template, "get")


def test_there_are_paths_that_github_does_not_have(described: Description) -> None:
    assert described.find("get", "/repos/a/b/c/d") is None
    assert described.find("put", "/repos/a/b/dispatches") is None


@pytest.mark.parametrize(
    ("body", "is_sound"),
    [
        ({"state": "success"}, True),
        ({"state": "success", "target_url": None, "description": None}, True),
        ({"state": "green"}, False),
        ({"context": "ci"}, False),
        ({"state": "success", "context": 1}, False),
    ],
)
def test_a_body_is_held_against_the_description(
    described: Description, body: dict[str, Any], is_sound: bool
) -> None:
    assert (not list(described.request(STATUS, body))) == is_sound


def test_parameters_are_held_against_the_description(described: Description) -> None:
    assert list(described.query(RUNS, {"status": "success", "per_page": "5"})) == []
    assert len(list(described.query(RUNS, {"status": "green", "per_page": "x", "z": ""}))) == 3


def test_an_answer_has_what_is_described_and_no_more(described: Description) -> None:
    core = {"limit": 1, "remaining": 1, "reset": 1, "used": 0}
    sound = {"resources": {"core": core, "search": core}, "rate": core}
    assert described.answer(RATE, 200, sound) is None
    for wrong in (
        {"rate": core},
        {**sound, "more": 1},
        {**sound, "rate": {**core, "reset": "1"}},
        {**sound, "rate": {**core, "colour": "red"}},
    ):
        assert "answer 200" in (described.answer(RATE, 200, wrong) or "")
    assert "GitHub does not answer 201" in (described.answer(RATE, 201, sound) or "")
    assert described.answer(RATE, 403, {"message": "no"}) is None
    assert "without a message" in (described.answer(RATE, 403, {"error": "no"}) or "")


def test_times_and_addresses_are_checked(described: Description) -> None:
    ref = Operation("/repos/{owner}/{repo}/git/ref/{ref}", "get")
    inner = {"type": "commit", "sha": "1" * 40, "url": "http://x/y"}
    sound = {"ref": "refs/heads/x", "node_id": "x", "url": "http://x", "object": inner}
    assert described.answer(ref, 200, sound) is None
    assert "is not a 'uri'" in (described.answer(ref, 200, {**sound, "url": "nowhere"}) or "")
    short = {**sound, "object": {**inner, "sha": "1"}}
    assert "too short" in (described.answer(ref, 200, short) or "")


def test_an_answer_of_ours_that_deviates_is_a_failure(
    pushed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(_: Call) -> Answer:
        return Answer(200, {"rate": "none"})

    monkeypatch.setitem(TABLE, RATE, Entry(wrong, None, "read", "anyone"))
    answer = pushed.call("GET", "/rate_limit")
    assert answer.status == 500
    assert "answers otherwise than GitHub" in answer.json["message"]
    pushed.forget("GET /rate_limit")
