"""What Tidemill asks of GitHub's API about one repository, each in the fewest calls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from tidemill.clients.github import answers
from tidemill.clients.github.calls import Calls, Request
from tidemill.clients.github.place import Place
from tidemill.clients.http.client import Answer
from tidemill.errors import Refused
from tidemill.facts.deployment_statuses import MIRROR, DeploymentStatus
from tidemill.facts.github_checks import CommitStatus, Reports, RequiredCheck
from tidemill.facts.signals import Issue
from tidemill.facts.vouchers import Environment, Review, RunVoucher
from tidemill.words.moments import to_the_second
from tidemill.words.names import one_line, shown

MOST_KEYS = 10
MOST_CHARACTERS = 65_535
MOST_DESCRIPTION = 140
LARGEST_ARTIFACT = 64 * 1024 * 1024
_NOT_IN_DESCRIPTIONS = re.compile("[\U00010000-\U0010ffff]")  # GitHub answers them with 422
_SKEW = timedelta(hours=1)  # by so much the clock of a machine that does turns may be ahead
StatusState = Literal["success", "failure", "error", "pending"]
DeploymentState = Literal["success", "failure", "in_progress"]


class NewStatus(Struct, frozen=True):
    """A commit status to set; a description is cut at 140 characters, and has no emoji."""

    sha: str
    context: str
    state: StatusState
    description: str
    target_url: str | None = None


class NewDeployment(Struct, frozen=True):
    """A deployment for the Environments page, and how it went."""

    sha: str
    environment: str
    state: DeploymentState
    description: str
    log_url: str | None = None


class GitHub:
    """One repository on GitHub, as a token may see it.

    Every method raises `ServerRefused` where the token lacks a permission (the error says which,
    for which repository), `Unreachable` where GitHub does not answer or a limit lasts too long,
    `Refused` where what was sent is at fault.

    Args:
        workflow_token: the workflow's own, which reads what the other one may not: runs.
        options: as `Calls` takes them: `pause`, `clock`, `say`, `seconds`, `most_seconds`.
    """

    def __init__(
        self, place: Place, token: str, workflow_token: str | None = None, **options: Any
    ) -> None:
        self.place = place
        self._calls = Calls(place, token, **options)
        other = Calls(place, workflow_token, **options) if workflow_token else None
        self._of_workflow = other or self._calls
        self._set: dict[str, list[CommitStatus]] = {}

    def required(self, branch: str) -> tuple[RequiredCheck, ...]:
        """The checks that the rules of a branch require; none where no rule says so.

        One call, and one more where rulesets require nothing: for classic branch protection, of
        which a token without administration rights sees this much.
        """
        where = quote(branch, safe="")
        rules = Request(f"/rules/branches/{where}", f"read the rules of {branch}", "metadata: read")
        found = [
            one
            for page in self._calls.pages(rules, list[answers.Rule], absent=has_no_rulesets)
            for rule in page
            for one in rule.required()
        ]
        if found:
            return tuple(dict.fromkeys(found))
        classic = Request(f"/branches/{where}", f"read the branch {branch}", "contents: read")
        protected = self._calls.get_or_none(classic, answers.Branch)
        return tuple(dict.fromkeys(protected.required())) if protected else ()

    def reports(self, sha: str, required: Sequence[RequiredCheck]) -> Reports:
        """All that counts of what was reported of a commit, and what is remembered of it.

        Two calls, more only where pages are full.
        """
        statuses = self._statuses(sha, required)
        known = {status.id for status in statuses}
        statuses += [status for status in self._set.get(sha, ()) if status.id not in known]
        path = f"/commits/{sha}/check-runs"
        call = Request(path, f"read the check runs of {sha}", "checks: read", parameters=_LATEST)
        runs = [
            run.noun()
            for page in self._calls.pages(call, answers.CheckRuns)
            for run in page.check_runs
        ]
        return Reports(tuple(statuses), tuple(runs))

    def set_status(self, new: NewStatus) -> CommitStatus:
        body = {
            "state": new.state,
            "context": new.context,
            "description": _description(new.description),
            **({"target_url": new.target_url} if new.target_url else {}),
        }
        doing = f"set the status {new.context} of {new.sha}"
        call = Request(f"/statuses/{new.sha}", doing, "statuses: write", "POST", body=body)
        return self._calls.post(call, answers.Status).noun()

    def remember(self, sha: str, status: CommitStatus) -> None:
        """Count a status that was set just now among the reports, whatever GitHub shows yet."""
        self._set.setdefault(sha, []).append(status)

    def dispatch(self, event_type: str, payload: Mapping[str, Any]) -> None:
        """Send a `repository_dispatch`.

        Raises:
            Refused: the payload has more than ten keys or 65,535 characters; nothing was sent.
        """
        characters = len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")))
        if len(payload) > MOST_KEYS or characters > MOST_CHARACTERS:
            raise Refused(
                f"a {shown(event_type)} with {len(payload)} keys and {characters} characters is "
                f"more than GitHub takes ({MOST_KEYS} and {MOST_CHARACTERS})",
                remedy="send it by reference, as an artifact",
            )
        body = {"event_type": event_type, "client_payload": dict(payload)}
        doing = f"send the event {event_type}"
        self._calls.post(
            Request("/dispatches", doing, "contents: write", "POST", body=body), object
        )

    def deploy(self, new: NewDeployment) -> None:
        """Put a deployment on the Environments page: two calls.

        GitHub's own defaults would merge the default branch into what is deployed, and demand
        every status of it.
        """
        description = _description(new.description)
        body = {
            "ref": new.sha,
            "task": MIRROR,
            "environment": new.environment,
            "description": description,
            "auto_merge": False,
            "required_contexts": [],
        }
        doing, need = f"mirror a deployment to {new.environment}", "deployments: write"
        made = self._calls.post(
            Request("/deployments", doing, need, "POST", body=body), answers.Deployment
        )
        state = {
            "state": new.state,
            "description": description,
            **({"log_url": new.log_url} if new.log_url else {}),
        }
        path = f"/deployments/{made.id}/statuses"
        self._calls.post(Request(path, doing, need, "POST", body=state), object)

    def keep_issue(self, wanted: Issue) -> None:
        """Open an issue, or close it; done again it changes nothing. One call, and one to look.

        One that a person closed stays closed, and one that was never opened is not opened to be
        closed. Two runs at the same moment may both open one; then both are closed.
        """
        issues, need = self._issues(wanted), "issues: write"
        if not wanted.is_closed and next(issues, None) is None:
            body = {"title": wanted.title, "body": wanted.body}
            call = Request("/issues", "open an issue", need, "POST", body=body, is_once=True)
            self._calls.post(call, answers.Issue)
        elif wanted.is_closed:
            body = {"state": "closed", "state_reason": "completed", "body": wanted.body}
            for issue in list(issues):
                path = f"/issues/{issue.number}"
                call = Request(path, "close an issue", need, "PATCH", body=body)
                if issue.state != "closed":
                    self._calls.post(call, answers.Issue)

    def _issues(self, wanted: Issue) -> Iterator[answers.Issue]:
        """Those that have the marker, of who opened the first: who copies it comes later."""
        first: answers.Issue | None = None
        order = {"state": "all", "sort": "created", "direction": "asc"}
        since = {"since": to_the_second(wanted.since - _SKEW)}
        call = Request(
            "/issues", "look for an issue", "issues: read", parameters={**order, **since}
        )
        for page in self._calls.pages(call, list[answers.Issue]):
            for one in page:
                if wanted.marker in (one.body or ""):
                    first = first or one
                    if one.user == first.user:
                        yield one

    def is_private(self) -> bool:
        """Whether the repository is private; an internal one is, and one that can't be seen."""
        call = Request("", "look at the repository", "metadata: read")
        found = self._calls.get_or_none(call, answers.Repository)
        return found is None or found.private

    def has_public_pages(self) -> bool | None:
        """Whether everybody may see the repository's site on GitHub Pages.

        None where it has none, or this token may not see it.
        """
        call = Request("/pages", "look at the site on GitHub Pages", "pages: read")
        found = self._calls.get_or_none(call, answers.Pages)
        return found.public if found else None

    def run(self, run_id: int, attempt: int) -> RunVoucher | None:
        """What an attempt at a run of a workflow was started by; None where there is none."""
        path = f"/actions/runs/{run_id}/attempts/{attempt}"
        call = Request(path, f"read the workflow run {run_id}", "actions: read")
        listed = replace(call, path="/actions/runs", parameters={"per_page": "1"})
        found = self._of_workflow.get_unless_absent(call, answers.WorkflowRun, listed)
        return found.noun() if found else None

    def reviews(self, run_id: int) -> tuple[Review, ...]:
        """What reviewers said of a run that waited for environments."""
        doing = f"read the reviews of the workflow run {run_id}"
        call = Request(f"/actions/runs/{run_id}/approvals", doing, "actions: read")
        found = self._of_workflow.get(call, list[answers.Approval])
        return tuple(said for one in found for said in one.nouns())

    def environment(self, name: str) -> Environment | None:
        """An environment, and what it asks for; None where there is none of that name."""
        path = f"/environments/{quote(name, safe='')}"
        call = Request(path, f"read the environment {name}", "actions: read")
        listed = replace(call, path="/environments")
        found = self._of_workflow.get_unless_absent(call, answers.Environment, listed)
        return found.noun() if found else None

    def is_member(self, team: str, login: str) -> bool:
        """Whether somebody is in a team, ORG/TEAM."""
        org, _, name = team.partition("/")
        below = f"/orgs/{quote(org, safe='')}/teams/{quote(name, safe='')}"
        seen = Request("", f"see who is in the team {team}", "members: read", below=below)
        call = replace(seen, path=f"/memberships/{quote(login, safe='')}")
        found = self._calls.get_unless_absent(call, answers.Membership, seen)
        return found is not None and found.state == "active"

    def deployment_statuses(
        self, environments: Sequence[str]
    ) -> dict[str, tuple[DeploymentStatus, ...]]:
        """The latest statuses of each environment; one call for every hundred environments."""
        from tidemill.clients.github.deployments import latest_statuses

        return latest_statuses(self._calls, environments)

    def artifact(
        self, repository: str, run_id: int, name: str, *, most: int = LARGEST_ARTIFACT
    ) -> list[bytes]:
        """The files in an artifact of a workflow run; at most `most` bytes in all.

        Args:
            repository: whose run it is, on the same server.
        """
        from tidemill.clients.github.artifacts import downloaded

        return downloaded(self._calls.elsewhere(repository), run_id, name, most)

    def _statuses(self, sha: str, required: Sequence[RequiredCheck]) -> list[CommitStatus]:
        """Statuses, the latest first, until each that is required was met.

        The combined status would not say who set them.
        """
        path = f"/commits/{sha}/statuses"
        call = Request(path, f"read the statuses of {sha}", "statuses: read")
        found: list[CommitStatus] = []
        missing = {one.context.casefold() for one in required}
        for page in self._calls.pages(call, list[answers.Status]):
            found += [status.noun() for status in page]
            missing -= {status.context.casefold() for status in found}
            if not missing and all(one.app is None for one in required):
                break
        return found


def _description(text: str) -> str:
    """A text as GitHub takes it for a description."""
    return _NOT_IN_DESCRIPTIONS.sub("\ufffd", one_line(text))[:MOST_DESCRIPTION]


def has_no_rulesets(answer: Answer) -> bool:
    """Whether there are none to ask for: Enterprise Server before 3.11, or a plan without them."""
    is_not_in_plan = answer.status == 403 and b"upgrade to github" in answer.body.lower()
    return answer.status == 404 or is_not_in_plan


_LATEST = {"filter": "latest"}
