"""What a job's GITHUB_TOKEN may do, from `permissions:` alone (Workflow syntax, "permissions")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidemill_sandbox.runner.workflow_files import InvalidWorkflow
from tidemill_sandbox.state.shapes import Access

SCOPES = (
    "actions", "attestations", "checks", "contents", "deployments", "discussions", "id-token",
    "issues", "models", "packages", "pages", "pull-requests", "repository-projects",
    "security-events", "statuses",
)  # fmt: skip

Granted = Mapping[str, Access]


def default(access: Access) -> dict[str, Access]:
    """Of a job without `permissions:`, by the repository's "Workflow permissions"."""
    if access == "write":
        return dict.fromkeys(SCOPES, "write")
    return {"contents": "read", "packages": "read"}


def asked(value: Any) -> dict[str, Access] | None:
    """What a `permissions:` asks for; None where there is none.

    Raises:
        InvalidWorkflow: it is none.
    """
    match value:
        case None:
            return None
        case "read-all":
            return dict.fromkeys(SCOPES, "read")
        case "write-all":
            return dict.fromkeys(SCOPES, "write")
        case dict():
            found: dict[str, Access] = {}
            for scope, access in value.items():
                if scope not in SCOPES or access not in ("read", "write", "none"):
                    raise InvalidWorkflow(f"Unexpected value '{scope}: {access}' in `permissions`")
                if access != "none":
                    found[scope] = access
            return found
        case _:
            raise InvalidWorkflow("Unexpected value in `permissions`")


def of_job(
    workflow: Mapping[str, Any], job: Mapping[str, Any], inherited: Granted
) -> dict[str, Access]:
    """Of a job: its own, else its workflow's, else its caller's or the repository's default."""
    own = asked(job.get("permissions"))
    if own is None:
        own = asked(workflow.get("permissions"))
    return dict(inherited) if own is None else own


def excess(wanted: Granted, allowed: Granted) -> list[str]:
    """The scopes of `wanted` that a caller that has `allowed` can't give."""
    order = {"read": 1, "write": 2}
    return [s for s, access in wanted.items() if order[access] > order.get(allowed.get(s, ""), 0)]


def refusal(workflow: str, nested: str, job: str, wanted: Granted, allowed: Granted) -> str | None:
    """GitHub's words where a called workflow's job asks for more than its caller has; else None."""
    too_much = excess(wanted, allowed)
    if not too_much:
        return None
    asks = ", ".join(f"{scope}: {wanted[scope]}" for scope in too_much)
    has = ", ".join(f"{scope}: {allowed.get(scope, 'none')}" for scope in too_much)
    return (
        f"The workflow is not valid. {workflow}: Error calling workflow '{nested}'. The nested job "
        f"'{job}' is requesting '{asks}', but is only allowed '{has}'."
    )


def for_token(granted: Granted) -> dict[str, Access]:
    """By the names that the REST API has for permissions."""
    return {scope.replace("-", "_"): access for scope, access in granted.items()}
