"""What GitHub refuses of a push: branch rules, required checks, workflow files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import translate
from typing import Any
from urllib.parse import quote

from tidemill_sandbox.state import git_reading
from tidemill_sandbox.state.git_reading import ZEROS
from tidemill_sandbox.state.memory import Memory
from tidemill_sandbox.state.shapes import CheckRun, Repository, Ruleset, Status
from tidemill_sandbox.state.tokens import Token

_PASSED = ("success", "neutral", "skipped")
# The rules that are held: a ruleset with another one would refuse nothing, and nobody would know.
KINDS = frozenset(
    ("creation", "deletion", "non_fast_forward", "pull_request", "required_linear_history",
     "required_status_checks", "update")
)  # fmt: skip


@dataclass(frozen=True)
class Update:
    """A ref that a push wants to change; zeros for one that is not there."""

    ref: str
    old: str
    new: str


@dataclass(frozen=True)
class Refusal:
    """Why a ref may not change: `reason` is for the ref's line, `remote` what precedes it."""

    reason: str
    remote: tuple[str, ...] = ()


def refusal(hub: Memory, repository: Repository, token: Token, update: Update) -> Refusal | None:
    """Why this token may not make this update; None where it may."""
    if (refused := _workflow_refusal(repository, token, update)) is not None:
        return refused
    for is_classic, worded in ((True, _classic), (False, _modern)):
        broken = [
            words
            for ruleset in rulesets_of(repository, update.ref, is_classic=is_classic)
            if not _bypasses(ruleset, token)
            for rule in ruleset.rules
            for words in _broken(hub, repository, rule, update)
        ]
        if broken:
            return worded(hub, repository, update, list(dict.fromkeys(broken)))
    return None


def _modern(hub: Memory, repository: Repository, update: Update, broken: list[str]) -> Refusal:
    page = f"{hub.url}/{repository.name}/rules?ref={quote(update.ref, safe='')}"
    return Refusal(
        "push declined due to repository rule violations",
        (
            f"error: GH013: Repository rule violations found for {update.ref}.",
            f"Review all repository rules at {page}",
            "",
            *(f"- {words}" for words in broken),
            "",
        ),
    )


def _classic(hub: Memory, repository: Repository, update: Update, broken: list[str]) -> Refusal:
    first = f"error: GH006: Protected branch update failed for {update.ref}."
    lines = [words.replace("this branch", "this protected branch") for words in broken]
    return Refusal("protected branch hook declined", (first, *(f"error: {one}" for one in lines)))


def rulesets_of(repository: Repository, ref: str, *, is_classic: bool = False) -> Iterator[Ruleset]:
    """The rulesets that are in force for a ref; the branch need not exist."""
    for ruleset in repository.rulesets:
        is_meant = ruleset.enforcement == "active" and ruleset.is_classic == is_classic
        if is_meant and any(_includes(repository, pattern, ref) for pattern in ruleset.include):
            yield ruleset


def _includes(repository: Repository, pattern: str, ref: str) -> bool:
    if not ref.startswith("refs/heads/"):
        return False  # rules of branches; nothing protects refs/tidemill (facts, section 9)
    match pattern:
        case "~ALL":
            return True
        case "~DEFAULT_BRANCH":
            return ref == f"refs/heads/{repository.default_branch}"
        case _:
            # Two stars cross a slash, and nothing else does.
            parts = re.split(r"(\*\*/?|\?)", pattern)
            body = "".join(
                ".*" if part.startswith("**")
                else "[^/]" if part == "?"
                else translate(part)[4:-3].replace(".*", "[^/]*")
                for part in parts
            )  # fmt: skip
            return re.fullmatch(body, ref) is not None


def _bypasses(ruleset: Ruleset, token: Token) -> bool:
    # A workflow's GITHUB_TOKEN can't be a bypass actor (facts, section 9).
    if token.kind == "workflow":
        return False
    return token.app_id in ruleset.bypass or token.login in ruleset.bypass_logins


def _broken(
    hub: Memory, repository: Repository, rule: dict[str, Any], update: Update
) -> Iterator[str]:
    is_new, is_gone = update.old == ZEROS, update.new == ZEROS
    changes = not is_new and not is_gone
    path = repository.path
    match rule["type"]:
        case "deletion" if is_gone:
            yield "Cannot delete this branch"
        case "creation" if is_new:
            yield "Cannot create ref due to creations being restricted."
        case "update" if changes:
            yield "Cannot update this protected ref."
        case "pull_request" if not is_gone:
            yield "Changes must be made through a pull request."
        case "non_fast_forward" if changes:
            if not git_reading.is_ancestor(path, update.old, update.new):
                yield "Cannot force-push to this branch"
        case "required_linear_history" if not is_gone:
            span = update.new if is_new else f"{update.old}..{update.new}"
            if git_reading.git(path, "rev-list", "--merges", "-n1", span):
                yield "This branch must not contain merge commits."
        case "required_status_checks" if not is_gone:
            parameters = rule.get("parameters", {})
            if is_new and parameters.get("do_not_enforce_on_create"):
                return
            yield from _missing(hub, repository, parameters["required_status_checks"], update.new)
        case _:
            pass


def _missing(
    hub: Memory, repository: Repository, required: list[dict[str, Any]], sha: str
) -> Iterator[str]:
    for check in required:
        context = check["context"]
        match verdict(hub, repository, sha, context, check.get("integration_id")):
            case "success":
                pass
            case "expected" as state:
                yield f'Required status check "{context}" is {state}.'
            case "pending":
                yield f'Required status check "{context}" is in progress.'
            case _:
                yield f'Required status check "{context}" is failing.'


def verdict(
    hub: Memory, repository: Repository, sha: str, context: str, app_id: int | None = None
) -> str:
    """What a required check says of a commit: success, pending, failure, expected (nothing yet).

    A name that a status and a check run share has passed when both have.
    """
    with hub.lock:
        status = latest_statuses(hub, repository, sha).get(context.lower())
        if status is not None and app_id not in (None, status.app_id):
            status = None
        named = [
            found
            for (name, by), found in latest_check_runs(hub, repository, sha).items()
            if name == context and app_id in (None, by)
        ]
        run = max(named, key=lambda found: found.id, default=None)
        said = []
        if status is not None:
            said.append("failure" if status.state == "error" else status.state)
        if run is not None:
            done = "success" if run.conclusion in _PASSED else "failure"
            said.append(done if run.status == "completed" else "pending")
    for state in ("failure", "pending", "success"):
        if state in said:
            return state
    return "expected"


def latest_statuses(hub: Memory, repository: Repository, sha: str) -> dict[str, Status]:
    """The latest status of each context (in lower case) on a commit."""
    return {
        status.context.lower(): status
        for status in hub.statuses
        if status.repository == repository.name and status.sha == sha
    }


def latest_check_runs(
    hub: Memory, repository: Repository, sha: str
) -> dict[tuple[str, int | None], CheckRun]:
    """The latest check run of each name and App on a commit."""
    return {
        (run.name, run.app_id): run
        for run in sorted(hub.check_runs, key=lambda run: run.id)
        if run.repository == repository.name and run.head_sha == sha
    }


def _workflow_refusal(repository: Repository, token: Token, update: Update) -> Refusal | None:
    """Workflow files take a permission, unless a branch has the very same (facts, section 9)."""
    if update.new == ZEROS or token.allows(repository, "workflows", "write"):
        return None
    path = repository.path
    pushed = set(git_reading.workflow_files(path, update.new).items())
    if not pushed:
        return None
    for sha, _ in git_reading.refs(path, "refs/heads/").values():
        pushed -= set(git_reading.workflow_files(path, sha).items())
    if not pushed:
        return None
    file = min(name for name, _ in pushed)
    holder = "Personal Access Token" if token.kind == "user" else "GitHub App"
    return Refusal(
        f"refusing to allow a {holder} to create or update workflow `{file}` "
        "without `workflows` permission"
    )
