"""Who runs this, and on behalf of which run."""

from __future__ import annotations

import getpass
import os
import re

_UNFIT = re.compile(r"[^A-Za-z0-9@._\[\] -]")


def name() -> str:
    """The actor of the workflow, or the user of this machine; fit for one line of a message."""
    try:
        who = os.environ.get("GITHUB_ACTOR") or getpass.getuser()
    except (KeyError, OSError):
        who = "someone"
    return _UNFIT.sub("_", who)[:100] or "someone"


def sender() -> str | None:
    """Who sent the event that started this workflow, where it is one that announcements come by.

    Empty where GitHub does not say; None outside such a workflow.
    """
    if os.environ.get("GITHUB_EVENT_NAME") != "repository_dispatch":
        return None
    return os.environ.get("GITHUB_ACTOR", "")


def wants_no_colour() -> bool:
    """Whether `NO_COLOR` is set (no-color.org)."""
    return bool(os.environ.get("NO_COLOR"))


def run_url() -> str | None:
    """Where the log of this run is, if it runs in a workflow."""
    server, repository, run = (
        os.environ.get(f"GITHUB_{part}") for part in ("SERVER_URL", "REPOSITORY", "RUN_ID")
    )
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else None
