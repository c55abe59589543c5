"""The GraphQL API of the stand-in: our own query on the wire, what gh asks, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.sandbox.server_world import Heard, World

from tidemill.clients.github.api import GitHub
from tidemill.clients.github.place import Place
from tidemill.errors import ServerRefused, TidemillError, Unreachable
from tidemill.facts.deployment_statuses import DeploymentStatus
from tidemill_sandbox.state.limits import Fault

DEPLOYMENTS = "/repos/acme/app/deployments"


@pytest.fixture
def github(pushed: World) -> GitHub:
    """Our client with the token of a workflow that may read deployments."""
    return client(pushed, pushed.mint("workflow", deployments="read"))


def client(world: World, token: str) -> GitHub:
    place = Place(world.hub.url, "acme/app", world.hub.api_url)
    return GitHub(place, token, pause=lambda _: None)


def deploy(world: World, environment: str, *states: str, task: str = "deploy") -> int:
    """A deployment of main, and a status of it each second: its number."""
    body = {"ref": "main", "environment": environment, "auto_merge": False, "task": task}
    made = world.call("POST", DEPLOYMENTS, {**body, "required_contexts": []}).json["id"]
    for state in states:
        world.clock.pass_(seconds=1)
        world.call("POST", f"{DEPLOYMENTS}/{made}/statuses", {"state": state})
    return int(made)


def states(found: dict[str, tuple[DeploymentStatus, ...]], environment: str) -> list[str]:
    """The states of an environment, the newest first."""
    ordered = sorted(found[environment], key=lambda one: one.created_at, reverse=True)
    return [one.state for one in ordered]


def queries(world: World) -> int:
    return sum(call.path == "/graphql" for call in world.hub.calls)


def used(world: World) -> int:
    """The points that workflows of acme/app have used in this hour."""
    headers = world.hub.limits.headers(None, "graphql workflow:acme/app")
    return int(headers["x-ratelimit-used"])


def ask(world: World, query: str, token: str | None = None, **variables: Any) -> Heard:
    body = json.dumps({"query": query, "variables": variables}).encode()
    given = world.token if token is None else token
    return world.ask("POST", "/api/graphql", body, token=given)


def test_statuses_are_what_events_have(pushed: World, github: GitHub) -> None:
    deploy(pushed, "lab/l1", "in_progress", "failure")
    (event,) = [one for one in pushed.hub.events if one.parts.get("deployment_status")][-1:]
    found = github.deployment_statuses(["lab/l1", "lab/l2"])
    assert found["lab/l2"] == ()
    latest = found["lab/l1"][0]
    assert latest == DeploymentStatus("lab/l1", pushed.head(), "failure", "2026-01-02T03:04:07Z")
    assert event.parts["deployment_status"].state == "failure"


@pytest.mark.parametrize("times", [1, 2])  # the server gives one's statuses in another order
def test_latest_statuses_are_read_whatever_their_order(
    pushed: World, github: GitHub, times: int
) -> None:
    for number in range(times):
        many = ["failure", "in_progress"] * 6
        deploy(pushed, f"lab/l{number}", *many, "success", "error", "queued", "failure", "success")
    newest = ["success", "failure", "queued", "error", "success"]
    found = github.deployment_statuses([f"lab/l{number}" for number in range(times)])
    for environment in found:
        assert states(found, environment)[:5] == newest
        assert len(found[environment]) == 10  # five from either end, each once


def test_of_each_environment_the_three_latest_deployments_are_read(
    pushed: World, github: GitHub
) -> None:
    for state in ("success", "error", "failure", "success"):
        deploy(pushed, "lab/l1", state)
        deploy(pushed, "lab/l2", "success")
    assert states(github.deployment_statuses(["lab/l1"]), "lab/l1") == [
        "success", "failure", "error",
    ]  # fmt: skip


def test_our_own_mirror_is_told_from_what_others_say_of_it(pushed: World, github: GitHub) -> None:
    made = deploy(pushed, "lab/l1", "success", task="tidemill")
    pushed.clock.pass_(seconds=1)
    other = pushed.hub.tokens.mint(
        "user", login="argocd", repositories=["acme/app"], permissions={"deployments": "write"}
    )
    where = f"{DEPLOYMENTS}/{made}/statuses"
    pushed.call("POST", where, {"state": "failure"}, token=other)
    found = {one.state: one.is_mirrored for one in github.deployment_statuses(["lab/l1"])["lab/l1"]}
    assert found == {"success": True, "failure": False}


@pytest.mark.parametrize(("targets", "asked"), [(1, 1), (100, 1), (101, 2), (300, 3)])
def test_a_hundred_targets_are_one_query(
    pushed: World, github: GitHub, targets: int, asked: int
) -> None:
    names = [f"lab/l{number}" for number in range(targets)]
    deploy(pushed, names[-1], "success")
    found = github.deployment_statuses(names)
    assert list(found) == names
    assert [name for name in names if found[name]] == names[-1:]
    assert queries(pushed) == asked
    assert used(pushed) <= 7 * asked


def test_right_to_read_deployments_is_named_where_it_lacks(pushed: World) -> None:
    pushed.repository.is_private = True
    with pytest.raises(ServerRefused) as refused:
        client(pushed, pushed.mint("workflow", contents="read")).deployment_statuses(["lab/l1"])
    assert "Resource not accessible by integration" in refused.value.what
    assert "`deployments: read`" in refused.value.remedy


def test_repository_that_a_token_does_not_see_is_none(pushed: World) -> None:
    place = Place(pushed.hub.url, "acme/other", pushed.hub.api_url)
    with pytest.raises(ServerRefused, match="acme/other"):
        GitHub(place, pushed.mint("workflow")).deployment_statuses(["lab/l1"])


def test_limit_of_points_is_one_of_its_own_and_not_waited_for(
    pushed: World, github: GitHub
) -> None:
    names = [f"lab/l{number}" for number in range(100)]
    pushed.hub.limits.set({"primary": 14})
    github.deployment_statuses(names)
    github.deployment_statuses(names)
    with pytest.raises(Unreachable, match="rate limit"):
        github.deployment_statuses(names)
    assert used(pushed) == 14
    assert github.required("main") == ()  # other calls have a limit of their own


@pytest.mark.parametrize("kind", ["error", "secondary"])
def test_passing_trouble_is_waited_for(pushed: World, github: GitHub, kind: Any) -> None:
    pushed.hub.limits.faults.append(Fault(kind, path="/graphql", times=2))
    deploy(pushed, "lab/l1", "success")
    assert states(github.deployment_statuses(["lab/l1"]), "lab/l1") == ["success"]


def test_answer_that_is_no_answer_is_told(pushed: World, github: GitHub) -> None:
    pushed.hub.limits.faults.append(Fault("error", path="/graphql", times=20))
    with pytest.raises(TidemillError, match="read the deployment statuses in acme/app"):
        github.deployment_statuses(["lab/l1"])


# What else is asked


def test_gh_finds_the_default_branch(pushed: World) -> None:
    query = """
    fragment repo on Repository { id name owner { login } hasIssuesEnabled description
      hasWikiEnabled viewerPermission defaultBranchRef { name } }
    query RepositoryInfo($owner: String!, $name: String!) {
      repository(owner: $owner, name: $name) {
        ...repo parent { ...repo } mergeCommitAllowed rebaseMergeAllowed squashMergeAllowed } }
    """
    found = ask(pushed, query, owner="acme", name="app").json["data"]["repository"]
    assert found["defaultBranchRef"] == {"name": "main"}
    assert found["owner"] == {"login": "acme"}
    assert found["viewerPermission"] == "WRITE"


def test_gh_finds_no_pull_request_for_a_run(pushed: World) -> None:
    query = """
    query PullRequestForRun($owner: String!, $repo: String!, $headRefName: String!) {
      repository(owner: $owner, name: $repo) {
        pullRequests(headRefName: $headRefName, first: 1,
          orderBy: { field: CREATED_AT, direction: DESC }) {
          nodes { number headRepository { owner { login } name } } } } }
    """
    found = ask(pushed, query, owner="acme", repo="app", headRefName="main").json
    assert found == {"data": {"repository": {"pullRequests": {"nodes": []}}}}


def test_who_does_not_say_who_they_are_is_refused(pushed: World) -> None:
    assert ask(pushed, "{ viewer { login } }", token="").status == 401


def test_what_github_has_and_we_have_not_is_refused_by_name(pushed: World) -> None:
    refused = ask(pushed, "{ viewer { login } }")
    assert refused.status == 501
    assert "Query.viewer" in refused.json["message"]
    query = '{ repository(owner: "acme", name: "app", followRenames: false) { name } }'
    assert "Query.repository(followRenames)" in ask(pushed, query).json["message"]


NO_QUERIES = {
    "syntax": ("{ repository(", "Syntax Error"),
    "field": ('{ repository(owner: "acme", name: "app") { nothing } }', "'nothing'"),
    "no bound": (
        '{ repository(owner: "acme", name: "app") { deployments { nodes { task } } } }',
        "`first` or `last`",
    ),
    "high bound": (
        '{ repository(owner: "acme", name: "app") { deployments(first: 101) { nodes { task } } } }',
        "`first` limit of 100",
    ),
    "many nodes": (
        '{ repository(owner: "acme", name: "app") { '
        + " ".join(
            f"e{n}: deployments(first: 100) {{ nodes {{ statuses(first: 100) {{ nodes {{ id }} }} "
            "} }"
            for n in range(50)
        )
        + " } }",
        "maximum limit of 500,000",
    ),
}


@pytest.mark.parametrize("case", NO_QUERIES)
def test_query_that_github_does_not_take_is_an_error_and_kept(pushed: World, case: str) -> None:
    query, words = NO_QUERIES[case]
    answer = ask(pushed, query)
    assert (answer.status, "data" in answer.json) == (200, False)
    assert words in answer.json["errors"][0]["message"]
    pushed.forget("a query")
