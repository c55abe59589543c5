"""Runs of workflows, as the event `workflow_run` has them."""

from __future__ import annotations

from typing import Any

from tidemill_sandbox.server.rest import rendering
from tidemill_sandbox.server.rest.rendering import time
from tidemill_sandbox.state.hub import Hub
from tidemill_sandbox.state.shapes import Event, Repository, Run, Workflow

_LITE = (
    "archive_url", "assignees_url", "blobs_url", "branches_url", "collaborators_url",
    "comments_url", "commits_url", "compare_url", "contents_url", "contributors_url",
    "deployments_url", "description", "downloads_url", "events_url", "fork", "forks_url",
    "full_name", "git_commits_url", "git_refs_url", "git_tags_url", "hooks_url", "html_url", "id",
    "issue_comment_url", "issue_events_url", "issues_url", "keys_url", "labels_url",
    "languages_url", "merges_url", "milestones_url", "name", "node_id", "notifications_url",
    "owner", "private", "pulls_url", "releases_url", "stargazers_url", "statuses_url",
    "subscribers_url", "subscription_url", "tags_url", "teams_url", "trees_url", "url",
)  # fmt: skip
_CONCLUSIONS = ("success", "failure", "neutral", "cancelled", "timed_out", "action_required")


def workflow_run(hub: Hub, repository: Repository, event: Event) -> dict[str, Any]:
    """What happened to a run: it is requested, in progress, completed."""
    run: Run = event.parts["run"]
    return {
        "action": event.action,
        "workflow": _workflow(hub, run.workflow),
        "workflow_run": _run(hub, repository, run, event),
    }


def _run(hub: Hub, repository: Repository, run: Run, event: Event) -> dict[str, Any]:
    url = f"{hub.api_url}/repos/{run.repository}/actions/runs/{run.id}"
    whole = {"description": None, **rendering.minimal_repository(hub, repository)}
    lite = {key: whole[key] for key in _LITE}
    actor = rendering.account(hub, run.actor)
    is_over = event.action == "completed"
    conclusion = run.conclusion if run.conclusion in _CONCLUSIONS else "failure"
    return {
        "id": run.id,
        "name": run.workflow.name,
        "node_id": f"WFR_{run.id}",
        "head_branch": run.head_branch or "",
        "head_sha": run.head_sha,
        "path": run.workflow.path,
        "display_title": run.title,
        "run_number": run.number,
        "run_attempt": run.attempt,
        "event": run.event,
        "status": {"requested": "queued", "completed": "completed"}.get(
            event.action or "", "in_progress"
        ),
        "conclusion": conclusion if is_over else None,
        "workflow_id": run.workflow.id,
        "check_suite_id": run.suite_id,
        "check_suite_node_id": f"CS_{run.suite_id}",
        "check_suite_url": f"{hub.api_url}/repos/{run.repository}/check-suites/{run.suite_id}",
        "url": url,
        "html_url": f"{hub.url}/{run.repository}/actions/runs/{run.id}",
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": None,
        "workflow_url": f"{hub.api_url}/repos/{run.repository}/actions/workflows/{run.workflow.id}",
        "pull_requests": [],
        "created_at": time(run.created_at),
        "updated_at": time(event.at),
        "run_started_at": time(run.started_at or run.created_at),
        "actor": actor,
        "triggering_actor": rendering.account(hub, run.rerun_by or run.actor),
        "head_commit": rendering.head_commit(repository, run.head_sha),
        "repository": lite,
        "head_repository": lite,
    }


def _workflow(hub: Hub, found: Workflow) -> dict[str, Any]:
    url = f"{hub.api_url}/repos/{found.repository}/actions/workflows/{found.id}"
    page = f"{hub.url}/{found.repository}"
    return {
        "id": found.id,
        "node_id": f"W_{found.id}",
        "name": found.name,
        "path": found.path,
        "state": "active",
        "created_at": time(found.created_at),
        "updated_at": time(found.created_at),
        "url": url,
        "html_url": f"{page}/blob/HEAD/{found.path}",
        "badge_url": f"{page}/workflows/{found.id}/badge.svg",
    }
