"""The fields of GitHub's schema that we have, each with the arguments that it takes here.

They are those that polling asks for, and `gh workflow run` and `gh run view`. Any other one is
refused, before anything is looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError

from tidemill_sandbox.state.hub import Hub
from tidemill_sandbox.state.shapes import Deployment, DeploymentStatus, Repository
from tidemill_sandbox.state.tokens import Token


@dataclass(frozen=True)
class Asker:
    """Who asks what."""

    hub: Hub
    token: Token


Resolver = Callable[[Asker, Any, Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Field:
    """A field: how it is found out, and which arguments may be given."""

    resolve: Resolver
    arguments: frozenset[str]


FIELDS: dict[str, Field] = {}


def refusal(kind: str, message: str) -> GraphQLError:
    """An error with GitHub's type of it."""
    return GraphQLError(message, extensions={"type": kind})


def _field(*names: str, takes: str = "") -> Callable[[Resolver], Resolver]:
    def add(resolve: Resolver) -> Resolver:
        FIELDS.update(dict.fromkeys(names, Field(resolve, frozenset(takes.split()))))
        return resolve

    return add


@_field("Query.repository", takes="owner name")
def _repository(asker: Asker, _: Any, given: Mapping[str, Any]) -> Repository:
    name = f"{given['owner']}/{given['name']}"
    found = asker.hub.repository(name)
    if found is None or (found.is_private and not asker.token.reaches(found)):
        raise refusal("NOT_FOUND", f"Could not resolve to a Repository with the name '{name}'.")
    return found


@_field("Repository.deployments", takes="environments first last orderBy")
def _deployments(asker: Asker, of: Repository, given: Mapping[str, Any]) -> dict[str, Any]:
    if of.is_private and not asker.token.allows(of, "deployments", "read"):
        raise refusal("FORBIDDEN", asker.token.refusal)
    wanted = given.get("environments")
    with asker.hub.lock:
        found = [
            one
            for one in asker.hub.deployments
            if one.repository == of.name and (wanted is None or one.environment in wanted)
        ]
    order = given.get("orderBy") or {"direction": "ASC"}
    found.sort(key=lambda one: (one.created_at, one.id), reverse=order["direction"] == "DESC")
    return _page(found, given)


@_field("Deployment.statuses", takes="first last")
def _statuses(_: Asker, of: Deployment, given: Mapping[str, Any]) -> dict[str, Any]:
    """In the order of time or against it: GitHub does not say which, so nobody may count on it."""
    found = list(of.statuses)
    return _page(found if of.id % 2 else found[::-1], given)


@_field("Deployment.latestStatus")
def _latest(_: Asker, of: Deployment, __: Mapping[str, Any]) -> DeploymentStatus | None:
    return of.statuses[-1] if of.statuses else None


@_field("Deployment.commitOid")
def _commit(_: Asker, of: Deployment, __: Mapping[str, Any]) -> str:
    return of.sha


@_field("Deployment.task")
def _task(_: Asker, of: Deployment, __: Mapping[str, Any]) -> str:
    return of.task


@_field("Deployment.creator", "DeploymentStatus.creator")
def _creator(_: Asker, of: Deployment | DeploymentStatus, __: Mapping[str, Any]) -> dict[str, str]:
    login = of.creator.removesuffix("[bot]")  # which GraphQL leaves out
    return {"login": login, "__typename": "User" if login == of.creator else "Bot"}


@_field("DeploymentStatus.id")
def _status_id(_: Asker, of: DeploymentStatus, __: Mapping[str, Any]) -> str:
    return f"DES_{of.id}"


@_field("DeploymentStatus.state")
def _state(_: Asker, of: DeploymentStatus, __: Mapping[str, Any]) -> str:
    return of.state.upper()


@_field("DeploymentStatus.createdAt")
def _created(_: Asker, of: DeploymentStatus, __: Mapping[str, Any]) -> str:
    return of.created_at.strftime("%Y-%m-%dT%H:%M:%SZ")


@_field("DeploymentConnection.nodes", "DeploymentStatusConnection.nodes",
        "PullRequestConnection.nodes", "Actor.login", "RepositoryOwner.login")  # fmt: skip
def _as_it_is(_: Asker, of: Mapping[str, Any], __: Mapping[str, Any]) -> Any:
    return of["login" if "login" in of else "nodes"]


# --- what gh asks for: the default branch, and the pull request that a run is for


@_field("Repository.id")
def _repository_id(_: Asker, of: Repository, __: Mapping[str, Any]) -> str:
    return f"R_{of.id}"


@_field("Repository.name")
def _name(_: Asker, of: Repository, __: Mapping[str, Any]) -> str:
    return of.name.partition("/")[2]


@_field("Repository.owner")
def _owner(_: Asker, of: Repository, __: Mapping[str, Any]) -> dict[str, str]:
    return {"login": of.owner, "__typename": "Organization"}


@_field("Repository.defaultBranchRef")
def _default_branch(_: Asker, of: Repository, __: Mapping[str, Any]) -> dict[str, str]:
    return {"name": of.default_branch}


@_field("Ref.name")
def _ref_name(_: Asker, of: Mapping[str, Any], __: Mapping[str, Any]) -> Any:
    return of["name"]


@_field("Repository.parent", "Repository.description")
def _none(*_: Any) -> None:
    """No repository here is a fork."""


@_field("Repository.viewerPermission")
def _permission(asker: Asker, of: Repository, _: Mapping[str, Any]) -> str:
    return "WRITE" if asker.token.allows(of, "contents", "write") else "READ"


@_field("Repository.hasIssuesEnabled", "Repository.hasWikiEnabled")
def _no(*_: Any) -> bool:
    return False


@_field("Repository.mergeCommitAllowed", "Repository.rebaseMergeAllowed",
        "Repository.squashMergeAllowed")  # fmt: skip
def _yes(*_: Any) -> bool:
    return True


@_field("Repository.pullRequests", takes="headRefName first orderBy")
def _pull_requests(_: Asker, __: Repository, given: Mapping[str, Any]) -> dict[str, Any]:
    """There are none here."""
    return _page([], given)


@_field("PullRequest.number", "PullRequest.headRepository")
def _of_no_pull_request(*_: Any) -> Any:
    raise AssertionError("there is no pull request")


def _page(found: Sequence[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    first, last = given.get("first"), given.get("last")
    some = found[:first] if first is not None else found[max(0, len(found) - (last or 0)) :]
    return {"nodes": list(some)}
