"""Apps, their installations and tokens; and who one is."""

from __future__ import annotations

from typing import Any

from tidemill_sandbox.server.rest import rendering
from tidemill_sandbox.server.rest.calls import Answer, Call, Problem, operation, unfound
from tidemill_sandbox.state.limits import NOBODY
from tidemill_sandbox.state.shapes import Access, App, Installation, Repository


@operation("GET", "/app", who="app")
def _app(call: Call) -> Answer:
    return Answer(200, rendering.own_app(call.hub, _own(call)))


@operation("GET", "/app/installations/{installation_id}", who="app")
def _one_installation(call: Call) -> Answer:
    return Answer(200, _installation(call, _by_id(call)))


@operation("GET", "/repos/{owner}/{repo}/installation", who="app")
def _of_repository(call: Call) -> Answer:
    for found in _installed(call):
        if call.repository in _repositories(call, found):
            return Answer(200, _installation(call, found))
    raise unfound()


@operation("GET", "/orgs/{org}/installation", who="app")
def _of_organization(call: Call) -> Answer:
    return _of_account(call, call.parameters["org"])


@operation("GET", "/users/{username}/installation", who="app")
def _of_user(call: Call) -> Answer:
    return _of_account(call, call.parameters["username"])


@operation("POST", "/app/installations/{installation_id}/access_tokens", who="app")
def _token(call: Call) -> Answer:
    found, app = _by_id(call), _own(call)
    granted: dict[str, Access] = {**app.permissions, "metadata": "read"}
    asked: dict[str, Access] = dict(call.body.get("permissions") or granted)
    for name, access in asked.items():
        if granted.get(name) not in ("write", access):
            message = "The permissions requested are not granted to this installation."
            raise Problem(422, message)
    chosen = _chosen(call, found)
    names = None if chosen is None else [repository.name for repository in chosen]
    text = call.hub.tokens.mint(
        "installation",
        login=app.login,
        repositories=[repository.name for repository in _repositories(call, found)]
        if names is None
        else names,
        permissions=asked,
        app_id=app.id,
        installation_id=found.id,
    )
    token = call.hub.tokens.who(text)
    if token is None:  # it lives for an hour
        raise Problem(500, "the token has ended")
    value: dict[str, Any] = {
        "token": text,
        "expires_at": rendering.time(token.expires_at),
        "permissions": asked,
        "repository_selection": "selected" if chosen is not None else _selection(found),
    }
    if chosen is not None:
        value["repositories"] = [rendering.whole_repository(call.hub, one) for one in chosen]
    return Answer(201, value)


@operation("DELETE", "/installation/token", who="token")
def _revoke(call: Call) -> Answer:
    if call.token is None or call.token.kind == "user":
        raise Problem(403, "Resource not accessible by personal access token")
    call.hub.tokens.revoke(call.token.text)
    return Answer(204)


@operation("GET", "/installation/repositories", who="token")
def _reached(call: Call) -> Answer:
    token = call.token
    if token is None or token.kind == "user":
        raise Problem(403, "Resource not accessible by personal access token")
    reached = [
        rendering.whole_repository(call.hub, repository)
        for repository in call.hub.repositories.values()
        if token.reaches(repository)
    ]
    return call.page(reached, "repositories")


@operation("GET", "/rate_limit")
def _rate_limit(call: Call) -> Answer:
    core = call.hub.limits.core(call.token, call.token.quota if call.token else NOBODY)
    return Answer(200, {"resources": {"core": core, "search": core}, "rate": core})


@operation("GET", "/user", who="token")
def _user(call: Call) -> Answer:
    if call.token is None or call.token.kind != "user":
        raise Problem(403, "Resource not accessible by integration")
    return Answer(200, _person(call, call.token.login))


@operation("GET", "/users/{username}")
def _any_user(call: Call) -> Answer:
    if call.parameters["username"] not in call.hub.accounts:
        raise unfound()
    return Answer(200, _person(call, call.parameters["username"]))


def _own(call: Call) -> App:
    if call.app is None:
        raise Problem(401, "A JSON web token could not be decoded")
    return call.app


def _installed(call: Call) -> list[Installation]:
    app = _own(call)
    return [found for found in call.hub.installations.values() if found.app_id == app.id]


def _by_id(call: Call) -> Installation:
    number = call.number("installation_id")
    for found in _installed(call):
        if found.id == number:
            return found
    raise unfound()


def _of_account(call: Call, login: str) -> Answer:
    for found in _installed(call):
        if found.account.lower() == login.lower():
            return Answer(200, _installation(call, found))
    raise unfound()


def _repositories(call: Call, found: Installation) -> list[Repository]:
    return [
        repository
        for repository in call.hub.repositories.values()
        if repository.owner.lower() == found.account.lower()
        and (found.repositories is None or repository.name.lower() in found.repositories)
    ]


def _chosen(call: Call, found: Installation) -> list[Repository] | None:
    names, ids = call.body.get("repositories"), call.body.get("repository_ids")
    if names is None and ids is None:
        return None
    reached = _repositories(call, found)
    wanted = {name.lower() for name in names or ()}
    chosen = [
        repository
        for repository in reached
        if repository.short_name.lower() in wanted or repository.id in (ids or ())
    ]
    if len(chosen) < len(wanted) + len(set(ids or ())):
        message = (
            "There is at least one repository that does not exist or is not accessible to the "
            "parent installation."
        )
        raise Problem(422, message)
    return chosen


def _selection(found: Installation) -> str:
    return "all" if found.repositories is None else "selected"


def _installation(call: Call, found: Installation) -> dict[str, Any]:
    hub, app = call.hub, call.hub.apps[found.app_id]
    account = hub.account(found.account)
    url = f"{hub.api_url}/app/installations/{found.id}"
    return {
        "id": found.id,
        "account": rendering.account(hub, found.account),
        "repository_selection": _selection(found),
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{hub.api_url}/installation/repositories",
        "html_url": f"{hub.url}/organizations/{found.account}/settings/installations/{found.id}",
        "app_id": app.id,
        "client_id": app.client_id,
        "app_slug": app.slug,
        "target_id": account.id,
        "target_type": account.kind,
        "permissions": {"metadata": "read", **app.permissions},
        "events": [],
        "created_at": rendering.time(found.created_at),
        "updated_at": rendering.time(found.created_at),
        "single_file_name": None,
        "suspended_by": None,
        "suspended_at": None,
    }


def _person(call: Call, login: str) -> dict[str, Any]:
    now = rendering.time(call.hub.now())
    empty = ("name", "company", "blog", "location", "email", "hireable", "bio")
    counts = ("public_repos", "public_gists", "followers", "following")
    return {
        **rendering.account(call.hub, login),
        "user_view_type": "public",
        **dict.fromkeys(empty),
        **dict.fromkeys(counts, 0),
        "created_at": now,
        "updated_at": now,
    }
