"""Who runs this, and on behalf of which run."""

from __future__ import annotations

import getpass
import os
import re

_UNFIT = re.compile(r"[^A-Za-z0-9@._\[\] -]")


def name() -> str:
    """The actor of the workflow, or the user of this machine; fit for one line of a message.

    A re-run keeps the actor of the first run, and has somebody else's decision in it: that is
    said, as `alice (re-run by bob)`.
    """
    try:
        who = _fit(os.environ.get("GITHUB_ACTOR") or getpass.getuser()) or "someone"
    except (KeyError, OSError):
        who = "someone"
    if not is_rerun():
        return who
    again = _fit(os.environ.get("GITHUB_TRIGGERING_ACTOR", ""))
    return f"{who} (re-run)" if again in ("", who) else f"{who} (re-run by {again})"


def logins() -> tuple[str, ...]:
    """Who started the run of this workflow, and who ran it again, if that is somebody else."""
    found = (os.environ.get(f"GITHUB_{one}", "") for one in ("ACTOR", "TRIGGERING_ACTOR"))
    return tuple(dict.fromkeys(one for one in found if one))


def run() -> tuple[int, int] | None:
    """The run of a workflow that this is, and which attempt at it; None where it is none."""
    found = os.environ.get("GITHUB_RUN_ID", "")
    is_number = found.isascii() and found.isdecimal() and len(found) < 19
    return (int(found), _attempt()) if is_number and int(found) else None


def started_by() -> str:
    """The event that has started the run of this workflow."""
    return os.environ.get("GITHUB_EVENT_NAME", "")


def is_rerun() -> bool:
    """Whether this run of a workflow repeats an earlier one, with what that one was asked."""
    return _attempt() > 1


def _attempt() -> int:
    found = os.environ.get("GITHUB_RUN_ATTEMPT", "")
    return int(found) if found.isascii() and found.isdecimal() and len(found) < 10 else 1


def _fit(who: str) -> str:
    return _UNFIT.sub("_", who)[:100]


def sender() -> str | None:
    """Who sent the event that started this workflow, where it is one that announcements come by.

    Empty where GitHub does not say; None outside such a workflow.
    """
    if started_by() != "repository_dispatch":
        return None
    return os.environ.get("GITHUB_ACTOR", "")


def is_scheduled() -> bool:
    """Whether a schedule has started this run."""
    return started_by() == "schedule"


def run_url() -> str | None:
    """Where the log of this run is, if it runs in a workflow."""
    server, repository, run = (
        os.environ.get(f"GITHUB_{part}") for part in ("SERVER_URL", "REPOSITORY", "RUN_ID")
    )
    if not (server and repository and run):
        return None
    attempt = f"/attempts/{_attempt()}" if is_rerun() else ""
    return f"{server}/{repository}/actions/runs/{run}{attempt}"
