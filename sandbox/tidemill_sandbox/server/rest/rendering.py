"""Accounts, repositories, Apps and commits, as GitHub's answers show them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tidemill_sandbox.state import git_reading
from tidemill_sandbox.state.git_reading import Commit, Person
from tidemill_sandbox.state.shapes import ACTIONS_APP_ID, App, Repository

if TYPE_CHECKING:
    from tidemill_sandbox.state.hub import Hub

_ACCOUNT_PATHS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
_REPOSITORY_PATHS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
_COUNTS = ("forks_count", "stargazers_count", "watchers_count", "size", "open_issues_count",
           "forks", "open_issues", "watchers")  # fmt: skip


def time(at: datetime) -> str:
    """As GitHub writes times."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(at: datetime | None) -> str | None:
    """A time that there may not be."""
    return None if at is None else time(at)


def account(hub: Hub, login: str) -> dict[str, Any]:
    """A `simple-user`."""
    known = hub.account(login)
    url = f"{hub.api_url}/users/{login}"
    return {
        "login": login,
        "id": known.id,
        "node_id": f"U_{known.id}",
        "avatar_url": f"{hub.url}/avatars/u/{known.id}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{hub.url}/{login}",
        **{name: url + path for name, path in _ACCOUNT_PATHS.items()},
        "type": known.kind,
        "site_admin": False,
    }


def url_of(hub: Hub, repository: Repository) -> str:
    """Where the API has a repository."""
    return f"{hub.api_url}/repos/{repository.name}"


def minimal_repository(hub: Hub, repository: Repository) -> dict[str, Any]:
    """A `minimal-repository`."""
    url = url_of(hub, repository)
    return {
        "id": repository.id,
        "node_id": f"R_{repository.id}",
        "name": repository.short_name,
        "full_name": repository.name,
        "owner": account(hub, repository.owner),
        "private": repository.is_private,
        "html_url": f"{hub.url}/{repository.name}",
        "description": None,
        "fork": False,
        "url": url,
        **{name: url + path for name, path in _REPOSITORY_PATHS.items()},
    }


def whole_repository(hub: Hub, repository: Repository) -> dict[str, Any]:
    """A `repository`, with what both `full-repository` and a webhook's have."""
    page = f"{hub.url}/{repository.name}"
    pushed = repository.pushed_at or repository.created_at
    host = hub.url.partition("://")[2]
    return {
        **minimal_repository(hub, repository),
        **dict.fromkeys(_COUNTS, 0),
        "git_url": f"git://{host}/{repository.name}.git",
        "ssh_url": f"git@{host}:{repository.name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "mirror_url": None,
        "homepage": None,
        "language": None,
        "default_branch": repository.default_branch,
        "is_template": False,
        "topics": [],
        "has_issues": True,
        "has_projects": False,
        "has_wiki": False,
        "has_pages": False,
        "has_downloads": False,
        "has_discussions": False,
        "archived": False,
        "disabled": False,
        "visibility": "private" if repository.is_private else "public",
        "allow_forking": True,
        "web_commit_signoff_required": False,
        "pushed_at": time(pushed),
        "created_at": time(repository.created_at),
        "updated_at": time(pushed),
        "license": None,
    }


def app(hub: Hub, app_id: int) -> dict[str, Any]:
    """An `integration`: an App of the hub's, or GitHub Actions' own."""
    known = hub.apps.get(app_id)
    slug, owner, client = "github-actions", "github", "Iv1.05c79e9ad1f6bdfa"
    permissions: dict[str, str] = {"metadata": "read", "checks": "write"}
    created = datetime(2018, 7, 30, tzinfo=UTC)
    if known is not None:
        slug, owner, client = known.slug, known.owner, known.client_id
        permissions = {"metadata": "read", **known.permissions}
        created = known.created_at
    return {
        "id": app_id,
        "client_id": client,
        "slug": slug,
        "node_id": f"A_{app_id}",
        "owner": account(hub, owner),
        "name": "GitHub Actions" if app_id == ACTIONS_APP_ID else slug,
        "description": "",
        "external_url": f"{hub.url}/apps/{slug}",
        "html_url": f"{hub.url}/apps/{slug}",
        "created_at": time(created),
        "updated_at": time(created),
        "permissions": permissions,
        "events": [],
    }


def own_app(hub: Hub, found: App) -> dict[str, Any]:
    """An App, as it sees itself."""
    return {**app(hub, found.id), "installations_count": len(hub.installations)}


def commit(hub: Hub, repository: Repository, found: Commit) -> dict[str, Any]:
    """A `commit`, without what it changes."""
    url = url_of(hub, repository)
    page = f"{hub.url}/{repository.name}/commit"
    return {
        "url": f"{url}/commits/{found.sha}",
        "sha": found.sha,
        "node_id": f"C_{found.sha}",
        "html_url": f"{page}/{found.sha}",
        "comments_url": f"{url}/commits/{found.sha}/comments",
        "commit": {
            "url": f"{url}/git/commits/{found.sha}",
            "author": _person(found.author),
            "committer": _person(found.committer),
            "message": found.message,
            "comment_count": 0,
            "tree": {"sha": found.tree, "url": f"{url}/git/trees/{found.tree}"},
            "verification": {
                "verified": False,
                "reason": "unsigned",
                "signature": None,
                "payload": None,
                "verified_at": None,
            },
        },
        "author": None,
        "committer": None,
        "parents": [
            {"sha": sha, "url": f"{url}/commits/{sha}", "html_url": f"{page}/{sha}"}
            for sha in found.parents
        ],
    }


def head_commit(repository: Repository, sha: str) -> dict[str, Any] | None:
    """A `simple-commit`, as runs and suites show it; None where it is gone."""
    try:
        found = git_reading.commit(repository.path, sha)
    except git_reading.Unfound:
        return None
    return {
        "id": found.sha,
        "tree_id": found.tree,
        "message": found.message,
        "timestamp": time(datetime.fromtimestamp(found.committer.at, UTC)),
        "author": {"name": found.author.name, "email": found.author.email},
        "committer": {"name": found.committer.name, "email": found.committer.email},
    }


def _person(person: Person) -> dict[str, str]:
    at = time(datetime.fromtimestamp(person.at, UTC))
    return {"name": person.name, "email": person.email, "date": at}
