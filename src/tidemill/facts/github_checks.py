"""What GitHub reports of one commit, statuses and check runs, as a record of its checks.

Of one name and one app the latest report counts. A name that is both a status and a check run
passes where both do. What is required and was not reported has not passed. A run's id is made of
the ids of the reports that count, so that a repeated check is another answer.

Red is only `failure`. An error, a run that was cancelled, timed out, went stale or never started
is lost: it says nothing of the commit. What waits for a person's action is pending.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from tidemill.facts.checks import CheckRecord, Run, RunState, last_words

# The app whose statuses are those of workflows (GITHUB_TOKEN), on github.com.
ACTIONS, ACTIONS_SLUG = 15368, "github-actions"

_STATUS: dict[str, RunState] = {"success": "success", "failure": "failure", "pending": "pending"}
_CONCLUSION: dict[str | None, RunState] = {
    "success": "success",
    "neutral": "success",
    "skipped": "success",
    "failure": "failure",
    "action_required": "pending",
}
_WORST_FIRST: tuple[RunState, ...] = ("failure", "cancelled", "pending", "success")


class RequiredCheck(Struct, frozen=True):
    """A check that a commit has to pass; with `app`, only what this app says of it counts."""

    context: str
    app: int | None = None

    @property
    def name(self) -> str:
        """What a verdict calls it."""
        return self.context if self.app is None else f"{self.context} (app {self.app})"


class CommitStatus(Struct, frozen=True):
    """A commit status; `app` and `slug` are of the app that set it, where one did."""

    id: int
    context: str
    state: str
    at: datetime
    app: int | None = None
    slug: str | None = None
    said: str = ""


class CheckRun(Struct, frozen=True):
    """A check run; `at` is when it was last heard of, None for one that has not begun."""

    id: int
    name: str
    status: str
    conclusion: str | None
    at: datetime | None
    app: int | None = None
    slug: str | None = None
    said: str = ""


class Reports(Struct, frozen=True):
    """All that was reported of one commit; of one context, only the latest status is needed."""

    statuses: tuple[CommitStatus, ...] = ()
    check_runs: tuple[CheckRun, ...] = ()


class _Report(Struct, frozen=True):
    id: str
    state: RunState
    at: datetime
    said: str


def record(
    sha: str, required: Sequence[RequiredCheck], reports: Reports, begun: datetime
) -> CheckRecord:
    """The record of a commit: one run for each required check of which something was reported.

    Args:
        begun: when a check run that has not begun counts as begun.
    """
    slugs = {run.slug: run.app for run in reports.check_runs if run.slug and run.app}
    runs = []
    for one in dict.fromkeys(required):
        said = [
            *_in_statuses(one, reports.statuses, {ACTIONS_SLUG: ACTIONS, **slugs}),
            *_in_check_runs(one, reports.check_runs, begun),
        ]
        if said:
            states = {report.state for report in said}
            runs.append(
                Run(
                    context=one.name,
                    run="+".join(report.id for report in said),
                    state=next(state for state in _WORST_FIRST if state in states),
                    at=max(report.at for report in said),
                    said=last_words("\n".join(one.said for one in said if one.state == "failure")),
                )
            )
    return CheckRecord(sha=sha, runs=tuple(runs))


def _in_statuses(
    one: RequiredCheck, statuses: Iterable[CommitStatus], slugs: dict[str, int | None]
) -> list[_Report]:
    """The latest status of the context that counts, if there is one."""
    mine = [
        status
        for status in statuses
        if _is_same(status.context, one.context)
        and (one.app is None or one.app in (status.app, slugs.get(status.slug or "")))
    ]
    if not mine:
        return []
    latest = max(mine, key=lambda status: (status.at, status.id))
    return [
        _Report(f"s{latest.id}", _STATUS.get(latest.state, "cancelled"), latest.at, latest.said)
    ]


def _in_check_runs(one: RequiredCheck, runs: Iterable[CheckRun], begun: datetime) -> list[_Report]:
    """The latest run of the name, of each app that counts."""
    latest: dict[int | None, CheckRun] = {}
    for run in sorted(runs, key=lambda run: run.id):
        if _is_same(run.name, one.context) and one.app in (None, run.app):
            latest[run.app] = run
    return [
        _Report(f"c{run.id}", _state(run), run.at or begun, run.said) for run in latest.values()
    ]


def _state(run: CheckRun) -> RunState:
    if run.status != "completed":
        return "pending"
    return _CONCLUSION.get(run.conclusion, "cancelled")


def _is_same(one: str, other: str) -> bool:
    """GitHub takes contexts of statuses for the same whatever their case."""
    return one.casefold() == other.casefold()
