"""An issue of the repository that is opened once, and closed when it is over."""

from __future__ import annotations

from tidemill.clients.github import answers
from tidemill.clients.github.calls import Calls, Request
from tidemill.facts.signals import Issue
from tidemill.words.moments import to_the_second

_READ, _WRITE = "issues: read", "issues: write"


def keep(calls: Calls, wanted: Issue) -> None:
    """Open it, or close it; done again it changes nothing. One call, and one to look for it.

    One that a person closed stays closed, and one that was never opened is not opened to be closed.
    """
    issue = _found(calls, wanted)
    if not wanted.is_closed:
        if issue is None:
            body = {"title": wanted.title, "body": wanted.body}
            opening = Request("/issues", "open an issue", _WRITE, "POST", body=body)
            calls.post(opening, answers.Issue)
    elif issue is not None and issue.state != "closed":
        body = {"state": "closed", "state_reason": "completed", "body": wanted.body}
        path = f"/issues/{issue.number}"
        calls.post(Request(path, "close an issue", _WRITE, "PATCH", body=body), answers.Issue)


def _found(calls: Calls, wanted: Issue) -> answers.Issue | None:
    """The first that has the marker: whoever copies it into another one comes later."""
    call = Request(
        "/issues",
        "look for an issue",
        _READ,
        parameters={
            "state": "all",
            "since": to_the_second(wanted.since),
            "sort": "created",
            "direction": "asc",
        },
    )
    return next(
        (
            one
            for page in calls.pages(call, list[answers.Issue])
            for one in page
            if wanted.marker in (one.body or "")
        ),
        None,
    )
