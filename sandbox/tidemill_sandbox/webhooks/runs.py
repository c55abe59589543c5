"""Runs of workflows, as the event `workflow_run` has them."""

from __future__ import annotations

from typing import Any

from tidemill_sandbox.server.rest import dispatches, runs
from tidemill_sandbox.server.rest.rendering import time
from tidemill_sandbox.state.hub import Hub
from tidemill_sandbox.state.shapes import Event, Repository, Run

# Those that GitHub's schema of the event has: no run there was skipped.
_CONCLUSIONS = ("success", "failure", "neutral", "cancelled", "timed_out", "action_required")


def workflow_run(hub: Hub, repository: Repository, event: Event) -> dict[str, Any]:
    """What happened to a run: it is requested, in progress, completed."""
    run: Run = event.parts["run"]
    return {
        "action": event.action,
        "workflow": dispatches.shown(hub, repository, run.workflow),
        "workflow_run": _run(hub, repository, run, event),
    }


def _run(hub: Hub, repository: Repository, run: Run, event: Event) -> dict[str, Any]:
    whole = runs.shown(hub, repository, run)
    del whole["referenced_workflows"]
    is_over = event.action == "completed"
    conclusion = run.conclusion if run.conclusion in _CONCLUSIONS else "failure"
    return {
        **whole,
        "head_branch": run.head_branch or "",
        "status": {"requested": "queued", "completed": "completed"}.get(
            event.action or "", "in_progress"
        ),
        "conclusion": conclusion if is_over else None,
        "updated_at": time(event.at),
    }
