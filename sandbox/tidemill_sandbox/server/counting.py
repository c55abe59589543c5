"""What runs and calls there were, for whoever only watches: `GET /_count`, without any token.

GitHub bills each job by the minute that it has begun, and no job that was skipped or never started.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tidemill_sandbox.server.rest import openapi
from tidemill_sandbox.state.messages import Asked, Reply, as_json
from tidemill_sandbox.state.shapes import Job, Run

if TYPE_CHECKING:
    from tidemill_sandbox.state.hub import Hub

PATH = "/_count"
_OF = re.compile(r"/repos/([^/]+/[^/?]+)")


def answer(hub: Hub) -> Reply:
    """Runs, job-minutes and calls so far, of each repository."""
    with hub.lock:
        runs, calls = list(hub.runs), list(hub.calls)
    names = sorted({one.name for one in hub.repositories.values()})
    return as_json(
        200,
        {
            "repositories": {
                name: {
                    **_runs([run for run in runs if run.repository == name]),
                    "calls": _calls(one for one in calls if _repository(one) == name.lower()),
                }
                for name in names
            },
            # Queries, and what Apps ask before they have a token for a repository.
            "calls_of_none": _calls(one for one in calls if not _repository(one)),
        },
    )


def minutes(job: Job) -> int:
    """What is billed for a job that has ended and had a machine; 0 for any other."""
    if job.runner is None or job.completed_at is None:
        return 0
    return max(1, math.ceil(_seconds(job) / 60))


def _runs(runs: Iterable[Run]) -> dict[str, Any]:
    runs = list(runs)
    jobs = [job for run in runs for job in (*run.earlier_jobs, *run.jobs) if minutes(job)]
    return {
        "runs": len(runs),
        "runs_by_event": dict(Counter(run.event for run in runs)),
        "runs_that_cost_nothing": sum(not any(map(minutes, list(run.jobs))) for run in runs),
        "jobs": len(jobs),
        "job_minutes": sum(map(minutes, jobs)),
        "job_seconds": round(sum(_seconds(job) for job in jobs)),
    }


def _seconds(job: Job) -> float:
    if job.started_at is None or job.completed_at is None:
        return 0.0
    return (job.completed_at - job.started_at).total_seconds()


def _calls(calls: Iterable[Asked]) -> dict[str, dict[str, int]]:
    """How often each login made each kind of call; "" made some without saying who it is."""
    found: dict[str, Counter[str]] = {}
    for one in calls:
        found.setdefault(one.login or "", Counter())[_kind(one)] += 1
    return {login: dict(sorted(kinds.items())) for login, kinds in sorted(found.items())}


def _kind(asked: Asked) -> str:
    if asked.path == "/graphql":
        return "POST /graphql"
    known = openapi.description().find(asked.method.lower(), asked.path)
    return str(known) if known else f"{asked.method} of another address"


def _repository(asked: Asked) -> str:
    found = _OF.match(asked.path)
    return found[1].lower() if found else ""
