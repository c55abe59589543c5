"""Apps and their tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import github
import jwt
import pytest
from tests.sandbox.node_world import Node
from tests.sandbox.server_world import World

from tidemill_sandbox.state.shapes import App, Installation

REPOSITORY = "/repos/acme/app"


class Mill:
    """An App that is installed at acme, for acme/app alone."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.hub.create_repository("acme/other")
        self.app: App
        self.app, self.key = world.hub.register_app(
            "mill", "acme", {"contents": "write", "statuses": "write"}
        )
        self.installed: Installation = world.hub.install_app(self.app, "acme", "acme/app")
        self.path = f"/app/installations/{self.installed.id}/access_tokens"

    def jwt(self, **claims: Any) -> str:
        now = int(self.world.clock().timestamp())
        whole = {"iss": self.app.client_id, "iat": now - 60, "exp": now + 540, **claims}
        return jwt.encode(whole, claims.pop("key", self.key), algorithm="RS256")


@pytest.fixture
def mill(pushed: World) -> Mill:
    return Mill(pushed)


def test_an_app_finds_its_installation_and_gets_a_token(mill: Mill) -> None:
    world = mill.world
    for path in (f"{REPOSITORY}/installation", "/orgs/acme/installation"):
        found = world.call("GET", path, token=mill.jwt())
        assert (found.status, found.json["id"]) == (200, mill.installed.id)
    made = world.call("POST", mill.path, {}, token=mill.jwt(iss=str(mill.app.id)))
    assert made.status == 201
    assert made.json["expires_at"] == "2026-01-02T04:04:05Z"
    assert made.json["permissions"] == {
        "contents": "write",
        "statuses": "write",
        "metadata": "read",
    }
    world.commit()
    world.push("main", token=made.json["token"])
    world.hub.settle()
    [event] = world.hub.events
    assert (event.cause.login, event.cause.app_id) == ("mill[bot]", mill.app.id)
    assert not event.cause.is_workflow


def test_pygithub_signs_in_as_an_app(mill: Mill, monkeypatch: pytest.MonkeyPatch) -> None:
    world = mill.world
    monkeypatch.setattr("time.time", lambda: world.clock().timestamp())
    auth = github.Auth.AppAuth(mill.app.client_id, mill.key)
    with github.GithubIntegration(auth=auth, base_url=world.hub.api_url) as integration:
        found = integration.get_repo_installation("acme", "app")
        token = integration.get_access_token(found.id, permissions={"contents": "read"})
    assert world.call("GET", f"{REPOSITORY}/branches/main", token=token.token).status == 200


OCTOKIT = """\
import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/rest';

const { api, app, key } = given;
const request = new Octokit({ baseUrl: api }).request;
const auth = createAppAuth({ appId: app, privateKey: key, request });
const place = { owner: 'acme', repo: 'app' };
const installed = await request('GET /repos/{owner}/{repo}/installation', {
  ...place, request: { hook: auth.hook },
});
const made = await auth({
  type: 'installation', installationId: installed.data.id,
  repositoryNames: ['app'], permissions: { contents: 'write' },
});
const client = new Octokit({ auth: made.token, baseUrl: api });
await client.rest.repos.createDispatchEvent({ ...place, event_type: 'x', client_payload: {} });
const list = client.rest.repos.listBranches;
const branches = await client.paginate(list, { ...place, per_page: 1 });
await client.request('DELETE /installation/token');
let after;
try { await client.rest.repos.get(place); } catch (error) { after = error.status; }
found = { slug: installed.data.app_slug, branches: branches.map((one) => one.name), after };
"""


def test_github_s_own_code_signs_in_as_an_app(
    pushed: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As actions/create-github-app-token does: it is made of these packages."""
    monkeypatch.setattr(pushed.hub, "now", lambda: datetime.now(UTC))  # which node goes by
    mill = Mill(pushed)
    pushed.git("push", "-q", str(pushed.repository.path), "main:second")
    given = {"api": pushed.hub.api_url, "app": mill.app.client_id, "key": mill.key}
    found = Node(tmp_path / "node").run(OCTOKIT, given, {})
    assert found == {"slug": "mill", "branches": ["main", "second"], "after": 401}
    pushed.hub.settle()
    assert [event.name for event in pushed.hub.events] == ["repository_dispatch"]


def test_a_token_can_be_narrowed(mill: Mill) -> None:
    world = mill.world
    body = {"repositories": ["app"], "permissions": {"contents": "read"}}
    narrow = world.call("POST", mill.path, body, token=mill.jwt()).json
    assert narrow["repository_selection"] == "selected"
    assert [one["full_name"] for one in narrow["repositories"]] == ["acme/app"]
    status = {"state": "success"}
    where = f"{REPOSITORY}/statuses/{world.head()}"
    assert world.call("POST", where, status, token=narrow["token"]).status == 403
    assert "error: 403" in world.push("main:refs/heads/x", token=narrow["token"], fails=True)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"permissions": {"actions": "read"}}, "The permissions requested are not granted"),
        ({"repositories": ["other"]}, "does not exist or is not accessible"),
        ({"repositories": ["nothing"]}, "does not exist or is not accessible"),
    ],
)
def test_a_token_can_t_be_widened(mill: Mill, body: dict[str, Any], words: str) -> None:
    refused = mill.world.call("POST", mill.path, body, token=mill.jwt())
    assert refused.status == 422
    assert words in refused.json["message"]


def test_a_token_reaches_only_what_the_app_is_installed_for(mill: Mill) -> None:
    world = mill.world
    token = world.call("POST", mill.path, {}, token=mill.jwt()).json["token"]
    reached = world.call("GET", "/installation/repositories", token=token).json
    assert [one["full_name"] for one in reached["repositories"]] == ["acme/app"]
    body = {"event_type": "x"}
    assert world.call("POST", "/repos/acme/other/dispatches", body, token=token).status == 403


def test_a_token_ends_after_an_hour_or_when_it_is_revoked(mill: Mill) -> None:
    world = mill.world
    first, second = (
        world.call("POST", mill.path, {}, token=mill.jwt()).json["token"] for _ in range(2)
    )
    assert world.call("DELETE", "/installation/token", token=first).status == 204
    assert world.call("GET", REPOSITORY, token=first).json["message"] == "Bad credentials"
    assert world.call("GET", REPOSITORY, token=second).status == 200
    world.clock.pass_(hours=1)
    assert world.call("GET", REPOSITORY, token=second).status == 401


def test_a_jwt_lives_ten_minutes_at_most_and_is_the_app_s_own(mill: Mill) -> None:
    world = mill.world
    now = int(world.clock().timestamp())
    stranger = Mill.__new__(Mill)
    stranger.world, (stranger.app, stranger.key) = world, world.hub.register_app("x", "eve", {})
    wrong = [
        mill.jwt(exp=now + 3600),
        mill.jwt(exp=now - 1),
        mill.jwt(iat=now + 120),
        mill.jwt(iss="nobody"),
        stranger.jwt(iss=mill.app.client_id),
        jwt.encode({"iss": str(mill.app.id), "iat": now, "exp": now + 60}, "k" * 32, "HS256"),
        world.token,
    ]
    for text in wrong:
        assert world.call("GET", "/app", token=text).status == 401, text
    assert world.call("GET", "/app", token=mill.jwt()).json["slug"] == "mill"
    assert world.call("GET", REPOSITORY, token=mill.jwt()).status == 403
    foreign = world.call("POST", mill.path, {}, token=stranger.jwt())
    assert foreign.status == 404


def test_tokens_are_longer_than_anybody_may_count_on(pushed: World) -> None:
    token = pushed.mint("installation", contents="read")
    assert token.startswith("ghs_77_")
    assert len(token) > 400
    assert token.count(".") == 2


def test_a_workflow_s_token_knows_its_run(pushed: World) -> None:
    found = pushed.hub.tokens.who(pushed.mint("workflow", contents="read"))
    assert found is not None
    assert (found.run_id, found.login, found.cause.is_workflow) == (7, "github-actions[bot]", True)


def test_a_runtime_token_is_of_one_run_and_job_for_some_hours(pushed: World) -> None:
    tokens = pushed.hub.tokens
    text = tokens.runtime(11, 12)
    assert tokens.runtime_scope(text) == (11, 12)
    forged = jwt.encode({"exp": 9_999_999_999, "scp": "Actions.Results:11:12"}, "k" * 32, "HS256")
    assert tokens.runtime_scope(forged) is None
    pushed.clock.now += timedelta(hours=7)
    assert tokens.runtime_scope(text) is None
