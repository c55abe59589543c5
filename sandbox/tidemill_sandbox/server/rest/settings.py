"""What a repository's settings show: Actions, names of secrets, classic protection, Pages.

Whoever may read a public repository does not see these: each takes its permission.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tidemill_sandbox.server.rest import rendering
from tidemill_sandbox.server.rest.calls import Answer, Call, Problem, operation, unfound
from tidemill_sandbox.state import rules

# An App that may push is described otherwise than one that may bypass reviews.
_OF_APPS = frozenset(
    ("id", "slug", "node_id", "client_id", "name", "description", "external_url", "html_url",
     "created_at", "updated_at", "events")
)  # fmt: skip
_ACTIONS = "/repos/{owner}/{repo}/actions"


@operation("GET", f"{_ACTIONS}/secrets", "secrets", who="token")
def _secrets(call: Call) -> Answer:
    return _names(call, "secrets", call.repository.secrets)


@operation("GET", f"{_ACTIONS}/organization-secrets", "secrets", who="token")
def _shared_secrets(call: Call) -> Answer:
    return _names(call, "secrets", ())


@operation("GET", f"{_ACTIONS}/variables", "variables", who="token")
def _variables(call: Call) -> Answer:
    return _names(call, "variables", call.repository.variables)


@operation("GET", f"{_ACTIONS}/organization-variables", "variables", who="token")
def _shared_variables(call: Call) -> Answer:
    return _names(call, "variables", ())


@operation("GET", f"{_ACTIONS}/permissions", "administration", who="token")
def _policy(call: Call) -> Answer:
    _demand(call, "administration")
    allowed = call.repository.allowed_actions
    value: dict[str, Any] = {"enabled": allowed != "none", "sha_pinning_required": False}
    return Answer(200, value if allowed == "none" else {**value, "allowed_actions": allowed})


@operation("GET", f"{_ACTIONS}/permissions/workflow", "administration", who="token")
def _defaults(call: Call) -> Answer:
    _demand(call, "administration")
    return Answer(
        200,
        {
            "default_workflow_permissions": call.repository.default_permissions,
            "can_approve_pull_request_reviews": False,
        },
    )


@operation("GET", "/repos/{owner}/{repo}/branches/{branch}/protection", "administration",
           who="token")  # fmt: skip
def _protection(call: Call) -> Answer:
    _demand(call, "administration")
    ref = f"refs/heads/{call.parameters['branch']}"
    protecting = list(rules.rulesets_of(call.repository, ref, is_classic=True))
    if not protecting:
        raise Problem(404, "Branch not protected")
    kinds = {rule["type"] for one in protecting for rule in one.rules}
    apps = [rendering.app(call.hub, app) for one in protecting for app in sorted(one.bypass)]
    found: dict[str, Any] = {
        "url": call.url,
        "enforce_admins": {"url": f"{call.url}/enforce_admins", "enabled": False},
        "allow_force_pushes": {"enabled": "non_fast_forward" not in kinds},
        "allow_deletions": {"enabled": "deletion" not in kinds},
        "required_signatures": {"url": f"{call.url}/required_signatures", "enabled": False},
        "lock_branch": {"enabled": False},
    }
    if "pull_request" in kinds:
        found["required_pull_request_reviews"] = {
            "url": f"{call.url}/required_pull_request_reviews",
            "dismiss_stale_reviews": False,
            "require_code_owner_reviews": False,
            "bypass_pull_request_allowances": {"users": [], "teams": [], "apps": apps},
        }
    if "update" in kinds:
        found["restrictions"] = {
            **{f"{name}_url": f"{call.url}/{name}" for name in ("users", "teams", "apps")},
            "url": f"{call.url}/restrictions",
            "users": [],
            "teams": [],
            "apps": [{key: value for key, value in one.items() if key in _OF_APPS} for one in apps],
        }
    return Answer(200, found)


@operation("GET", "/repos/{owner}/{repo}/pages", "pages")
def _pages(call: Call) -> Answer:
    repository = call.repository
    if repository.pages is None:
        raise unfound()
    site = {
        "url": call.url,
        "status": "built",
        "cname": None,
        "custom_404": False,
        "html_url": f"https://{repository.owner}.github.io/{repository.short_name}/",
        "build_type": "workflow",
        "public": repository.pages == "public",
        "https_enforced": True,
    }
    return Answer(200, site)


def _names(call: Call, kind: str, names: Iterable[str]) -> Answer:
    _demand(call, kind)
    at = rendering.time(call.repository.created_at)
    rows: list[dict[str, Any]] = [
        {"name": name.upper(), "created_at": at, "updated_at": at} for name in sorted(names)
    ]
    if kind == "variables":
        values = {name.upper(): value for name, value in call.repository.variables.items()}
        rows = [{**row, "value": values[row["name"]]} for row in rows]
    return call.page(rows, kind)


def _demand(call: Call, permission: str) -> None:
    """Whatever the repository is, it takes the permission."""
    token = call.token
    if token is None or not token.allows(call.repository, permission, "read"):
        words = token.refusal if token else "Requires authentication"
        accepts = {"x-accepted-github-permissions": f"{permission}=read"}
        raise Problem(403, words, headers=accepts)
