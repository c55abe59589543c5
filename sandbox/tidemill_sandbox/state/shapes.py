"""What the stand-in for GitHub knows: plain records, changed only under the hub's lock.

Times are aware datetimes in UTC. Ids are unique among all records of the hub. `state`, `status` and
`conclusion` are GitHub's own words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

Access = Literal["read", "write"]
Permissions = Mapping[str, Access]

BOT = "github-actions[bot]"  # whose what a workflow's own token does is
ACTIONS_APP_ID = 15368  # GitHub Actions' own App, to which the check runs of jobs belong


@dataclass
class Account:
    """A person, an organization, or the bot of an App (`kind` is GitHub's `type`)."""

    id: int
    login: str
    kind: Literal["User", "Organization", "Bot"]


@dataclass
class Ruleset:
    """Rules for branches: a ruleset, or (`is_classic`) branch protection as it was before those.

    Attributes:
        include: patterns of full refs (`refs/heads/main`), `~DEFAULT_BRANCH` or `~ALL`.
        rules: as GitHub's REST API has them: {"type": "non_fast_forward"}, {"type": "deletion"},
            {"type": "required_status_checks", "parameters": {"required_status_checks": [{"context",
            "integration_id"}]}}, ...
        bypass: ids of the Apps that need not keep to them.
        bypass_logins: people who need not.
    """

    id: int
    name: str
    include: tuple[str, ...]
    rules: tuple[dict[str, Any], ...]
    bypass: frozenset[int] = frozenset()
    bypass_logins: frozenset[str] = frozenset()
    enforcement: Literal["active", "disabled"] = "active"
    is_classic: bool = False


@dataclass
class Environment:
    """An environment of a repository; jobs that name it wait where it has `reviewers` (logins)."""

    id: int
    name: str
    created_at: datetime
    reviewers: tuple[str, ...] = ()
    prevents_self_review: bool = False


@dataclass
class Repository:
    """A repository: `name` is `owner/name`, `path` its bare repository on disk."""

    id: int
    name: str
    path: Path
    created_at: datetime
    default_branch: str = "main"
    is_private: bool = False
    # "Workflow permissions" of its settings: what a job without `permissions:` gets.
    default_permissions: Access = "read"
    # "Actions permissions" there: none where Actions is switched off.
    allowed_actions: Literal["all", "local_only", "selected", "none"] = "all"
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    rulesets: list[Ruleset] = field(default_factory=list)
    environments: dict[str, Environment] = field(default_factory=dict)  # by name in small letters
    pushed_at: datetime | None = None
    # "Pages" of its settings: who may see its site; none where it has none.
    pages: Literal["public", "private"] | None = None

    @property
    def owner(self) -> str:
        return self.name.partition("/")[0]

    @property
    def short_name(self) -> str:
        return self.name.partition("/")[2]


@dataclass
class App:
    """A GitHub App; `public_key` (PEM) verifies its JWTs; `slug[bot]` is its login."""

    id: int
    client_id: str
    slug: str
    owner: str
    permissions: dict[str, Access]
    public_key: str
    created_at: datetime

    @property
    def login(self) -> str:
        return f"{self.slug}[bot]"


@dataclass
class Installation:
    """An App at an account; `repositories` None: all of the account's."""

    id: int
    app_id: int
    account: str
    repositories: frozenset[str] | None
    created_at: datetime


@dataclass
class Workflow:
    """A workflow file: `path` as `.github/workflows/x.yml`; one that is disabled never starts."""

    id: int
    repository: str
    path: str
    name: str
    created_at: datetime
    state: Literal["active", "disabled_manually"] = "active"


@dataclass
class Step:
    """A step of a job that ran or runs."""

    number: int
    name: str
    status: str = "queued"
    conclusion: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None


@dataclass
class Job:
    """A job of a run; `log` grows while it runs. Annotations: kind, title and text of each.

    `outputs` are those of one that has ended.
    """

    id: int
    name: str
    status: str = "queued"
    conclusion: str | None = None
    log: Path | None = None
    runner: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    steps: list[Step] = field(default_factory=list)
    annotations: list[tuple[str, str, str]] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass
class Review:
    """What a reviewer said of the jobs of a run that waited for an environment."""

    environment: Environment
    state: Literal["approved", "rejected"]
    by: str
    comment: str


@dataclass(eq=False)
class Gate:
    """A job that waits for an environment's reviewers; `let` is told once if it may start."""

    environment: Environment
    deployment: Deployment
    let: Callable[[bool], None]


@dataclass
class Run:
    """A workflow run; `chain` counts the `workflow_run` events that lead to it.

    `jobs` are those of its last attempt, `earlier_jobs` those of the attempts before. `rerun_by` is
    who asked for that one, `earlier_by` who asked for those before; the run stays whose it is.
    `kept_jobs` do not run again in it.
    """

    id: int
    number: int
    repository: str
    workflow: Workflow
    event: str
    head_sha: str
    head_branch: str | None
    actor: str
    title: str
    created_at: datetime
    updated_at: datetime
    suite_id: int
    attempt: int = 1
    status: str = "queued"
    conclusion: str | None = None
    started_at: datetime | None = None
    jobs: list[Job] = field(default_factory=list)
    earlier_jobs: list[Job] = field(default_factory=list)
    kept_jobs: list[Job] = field(default_factory=list)
    rerun_by: str | None = None
    earlier_by: list[str | None] = field(default_factory=list)
    log: Path | None = None
    chain: int = 0
    gates: list[Gate] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    # What made it start; the event's `cause` says whose token did that.
    trigger: Event | None = None


@dataclass(frozen=True)
class Cause:
    """Whose token made something happen; `run_id` where a workflow's own GITHUB_TOKEN did."""

    login: str
    app_id: int | None = None
    run_id: int | None = None

    @property
    def is_workflow(self) -> bool:
        """True: only workflow_dispatch and repository_dispatch start runs (facts, section 1)."""
        return self.run_id is not None


@dataclass(frozen=True)
class Event:
    """Something that happened in a repository.

    Attributes:
        name: push, repository_dispatch, workflow_dispatch, status, check_run, deployment,
            deployment_status, workflow_run, schedule.
        action: what the payload's `action` says, where the event has one.
        sha: the commit that it is about (of a push: the new tip; zeros where a branch was deleted).
        ref: the full ref that it is about, if any.
        parts: what else the payload needs: push: {"before", "created", "deleted", "forced"};
            repository_dispatch: {"client_payload"}; workflow_dispatch: {"workflow" (path),
            "inputs"}; status: {"status": Status}; check_run: {"check_run": CheckRun}; deployment:
            {"deployment": Deployment}; deployment_status: {"deployment", "deployment_status"};
            workflow_run: {"run": Run}; schedule: {"schedule"} (the cron).
    """

    name: str
    repository: str
    cause: Cause
    at: datetime
    action: str | None = None
    sha: str | None = None
    ref: str | None = None
    parts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Status:
    """A commit status."""

    id: int
    repository: str
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: str
    created_at: datetime
    app_id: int | None = None


@dataclass
class CheckRun:
    """A check run; those of jobs belong to ACTIONS_APP_ID and have the job's id."""

    id: int
    repository: str
    head_sha: str
    name: str
    app_id: int
    suite_id: int
    status: str
    conclusion: str | None
    started_at: datetime | None
    completed_at: datetime | None
    details_url: str | None = None
    external_id: str = ""
    output: dict[str, Any] = field(default_factory=dict)


@dataclass
class DeploymentStatus:
    """How a deployment went."""

    id: int
    state: str
    description: str
    environment: str
    log_url: str
    environment_url: str
    creator: str
    created_at: datetime


@dataclass
class Issue:
    """An issue."""

    id: int
    number: int
    repository: str
    title: str
    body: str | None
    creator: str
    created_at: datetime
    updated_at: datetime
    state: Literal["open", "closed"] = "open"
    state_reason: str | None = None
    closed_at: datetime | None = None


@dataclass
class Deployment:
    """A deployment of a commit to an environment."""

    id: int
    repository: str
    sha: str
    ref: str
    task: str
    environment: str
    description: str | None
    payload: Any
    creator: str
    created_at: datetime
    updated_at: datetime
    is_transient: bool = False
    is_production: bool = False
    statuses: list[DeploymentStatus] = field(default_factory=list)


@dataclass
class Artifact:
    """An artifact of a run: a file on disk, immutable once `is_final`."""

    id: int
    repository: str
    run_id: int
    name: str
    path: Path
    created_at: datetime
    expires_at: datetime
    job_id: int | None = None
    size: int = 0
    digest: str = ""
    mime: str = "application/zip"
    is_final: bool = False
