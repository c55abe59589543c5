"""The latest deployment statuses of many environments, read by GitHub's GraphQL API.

GitHub's documentation says neither that the statuses of a deployment come in the order of their
time nor in which: so the first and the last ones are read, and the latest one by its own name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from tidemill.clients.github.calls import GRAPHQL, Calls, Request
from tidemill.errors import Refused
from tidemill.facts.deployment_statuses import DeploymentStatus, is_mirror

MOST_ENVIRONMENTS = 100  # in one query; it costs 7 points of the 1,000 an hour that a workflow has
_DEPLOYMENTS, _STATUSES = 3, 5  # of each environment; of each deployment, from either end
_FRAGMENTS = f"""
fragment Latest on DeploymentConnection {{
  nodes {{
    commitOid
    task
    creator {{ login }}
    latestStatus {{ ...Status }}
    first: statuses(first: {_STATUSES}) {{ nodes {{ ...Status }} }}
    last: statuses(last: {_STATUSES}) {{ nodes {{ ...Status }} }}
  }}
}}
fragment Status on DeploymentStatus {{
  id
  state
  createdAt
  creator {{ login }}
}}
"""
_ENVIRONMENT = (
    "  e{0}: deployments(environments: [$e{0}], first: {1}, "
    "orderBy: {{field: CREATED_AT, direction: DESC}}) {{ ...Latest }}"
)


class _Actor(msgspec.Struct):
    login: str = ""


class _Status(msgspec.Struct):
    id: str
    state: str
    createdAt: str  # noqa: N815 - GitHub's name
    creator: _Actor | None = None


class _Statuses(msgspec.Struct):
    nodes: tuple[_Status, ...] = ()


class _Deployment(msgspec.Struct):
    commitOid: str  # noqa: N815
    task: str | None = None
    creator: _Actor | None = None
    latestStatus: _Status | None = None  # noqa: N815
    first: _Statuses | None = None
    last: _Statuses | None = None

    def statuses(self, environment: str) -> Iterator[DeploymentStatus]:
        """Its statuses in our words, each once, the latest one first."""
        lists = [one.nodes for one in (self.first, self.last) if one]
        latest = [self.latestStatus] if self.latestStatus else []
        found = {
            status.id: status for status in [*latest, *(one for some in lists for one in some)]
        }
        for status in found.values():
            yield DeploymentStatus(
                environment=environment,
                sha=self.commitOid,
                state=status.state.lower(),
                created_at=status.createdAt,
                is_mirrored=is_mirror(self.task, self.creator, status.creator),
            )


class _Deployments(msgspec.Struct):
    nodes: tuple[_Deployment, ...] = ()


class _Data(msgspec.Struct):
    repository: dict[str, _Deployments] | None = None


def latest_statuses(
    calls: Calls, environments: Sequence[str]
) -> dict[str, tuple[DeploymentStatus, ...]]:
    """The statuses of the latest deployments to each environment, the latest deployment's first.

    One call for every hundred environments. Errors are those of any call.
    """
    found: dict[str, tuple[DeploymentStatus, ...]] = {}
    for start in range(0, len(environments), MOST_ENVIRONMENTS):
        some = environments[start : start + MOST_ENVIRONMENTS]
        data = calls.query(_query(calls.place.repository, some), _Data)
        if data.repository is None:
            raise Refused(
                f"GitHub's GraphQL API knows no repository {calls.place.repository}",
                remedy="let the token see it, with `deployments: read`",
            )
        for number, environment in enumerate(some):
            deployments = data.repository.get(f"e{number}", _Deployments()).nodes
            found[environment] = tuple(
                status for one in deployments for status in one.statuses(environment)
            )
    return found


def _query(repository: str, environments: Sequence[str]) -> Request:
    owner, _, name = repository.partition("/")
    variables = {f"e{number}": one for number, one in enumerate(environments)}
    taken = "".join(f", ${one}: String!" for one in variables)
    asked = "\n".join(_ENVIRONMENT.format(n, _DEPLOYMENTS) for n in range(len(environments)))
    text = (
        f"query Reports($owner: String!, $name: String!{taken}) {{\n"
        f" repository(owner: $owner, name: $name) {{\n{asked}\n }}\n}}{_FRAGMENTS}"
    )
    body = {"query": text, "variables": {"owner": owner, "name": name, **variables}}
    doing, need = "read the deployment statuses", "deployments: read"
    return Request(GRAPHQL, doing, need, "POST", body=body)
