"""Issues: opened, listed, changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tidemill_sandbox.server.rest import rendering
from tidemill_sandbox.server.rest.calls import Answer, Call, invalid, operation, unfound
from tidemill_sandbox.state.shapes import Issue

_ALL = "/repos/{owner}/{repo}/issues"
_LONGEST_TITLE = 256


@operation("POST", _ALL, "issues")
def _create(call: Call) -> Answer:
    hub, body = call.hub, call.body
    if not 0 < len(str(body["title"])) <= _LONGEST_TITLE:
        raise invalid("Issue", "title")
    now = hub.now()
    with hub.lock:
        number = len(_of(call)) + 1
        found = Issue(
            hub.new_id(), number, call.repository.name, str(body["title"]), body.get("body"),
            call.cause.login, now, now,
        )  # fmt: skip
        hub.issues.append(found)
    return Answer(201, _shown(call, found))


@operation("GET", _ALL, "issues")
def _issues(call: Call) -> Answer:
    query = call.query
    state, since = query.get("state", "open"), query.get("since")
    is_upwards = query.get("direction") == "asc"
    rows = [
        _shown(call, found)
        for found in _of(call)
        if state in ("all", found.state)
        and (since is None or found.updated_at >= datetime.fromisoformat(since))
    ]
    return call.page(rows if is_upwards else rows[::-1])


@operation("PATCH", f"{_ALL}/{{issue_number}}", "issues")
def _change(call: Call) -> Answer:
    hub, body, number = call.hub, call.body, call.number("issue_number")
    found = next((one for one in _of(call) if one.number == number), None)
    if found is None:
        raise unfound()
    with hub.lock:
        found.updated_at = hub.now()
        found.title = str(body.get("title") or found.title)
        found.body = body.get("body", found.body)
        if body.get("state") in ("open", "closed") and body["state"] != found.state:
            found.state = body["state"]
            found.closed_at = found.updated_at if found.state == "closed" else None
            found.state_reason = body.get("state_reason")
    return Answer(200, _shown(call, found))


def _of(call: Call) -> list[Issue]:
    return [one for one in call.hub.issues if one.repository == call.repository.name]


def _shown(call: Call, found: Issue) -> dict[str, Any]:
    """An `issue`."""
    url = f"{call.repository_url}/issues/{found.number}"
    return {
        "url": url,
        "repository_url": call.repository_url,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": f"{call.hub.url}/{found.repository}/issues/{found.number}",
        "id": found.id,
        "node_id": f"I_{found.id}",
        "number": found.number,
        "title": found.title,
        "user": rendering.account(call.hub, found.creator),
        "labels": [],
        "state": found.state,
        "state_reason": found.state_reason,
        "locked": False,
        "assignee": None,
        "milestone": None,
        "comments": 0,
        "author_association": "NONE",
        "created_at": rendering.time(found.created_at),
        "updated_at": rendering.time(found.updated_at),
        "closed_at": rendering.moment(found.closed_at),
        "body": found.body,
    }
