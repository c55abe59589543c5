"""Where a repository is on GitHub: its server, its name, its API; and the token for it.

A token goes to the one server that it is for: GITHUB_SERVER_URL, or github.com. Never to another
host that somebody's `--repo` names.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_GITHUB = "https://github.com"
_OF_ENTERPRISE_CLOUD = ".ghe.com"  # with data residency: the API is at api.NAME.ghe.com
_NAME = re.compile(r"/(?P<owner>[A-Za-z0-9-]+)/(?P<name>[A-Za-z0-9._-]+?)(\.git)?/?")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Place:
    """A repository on a GitHub server.

    Attributes:
        server: `https://github.com`, or an Enterprise server's address; no slash at the end.
        repository: `owner/name`.
        api: the address of the REST API.
    """

    server: str
    repository: str
    api: str

    @property
    def url(self) -> str:
        """What Git clones."""
        return f"{self.server}/{self.repository}"


def of_url(url: str) -> Place | None:
    """The place of a repository, None where `url` is not on the GitHub server of this run."""
    server = server_url()
    if not url.startswith(f"{server}/"):
        return None
    named = _NAME.fullmatch(url[len(server) :])
    if named is None or named["name"] in (".", ".."):
        return None
    return Place(server, f"{named['owner']}/{named['name']}", _api(server))


def here() -> Place | None:
    """The repository that this workflow runs for; None outside a workflow."""
    repository = os.environ.get("GITHUB_REPOSITORY")
    return of_url(f"{server_url()}/{repository}") if repository else None


def token_for(url: str) -> str | None:
    """The token for Git and the API at `url`: TIDEMILL_TOKEN, only for the server of this run.

    Plain HTTP is for a server on this machine alone.
    """
    return (os.environ.get("TIDEMILL_TOKEN") or None) if _may_have_tokens(url) else None


def status_token_for(url: str) -> str | None:
    """The token that sets statuses, where it is to be another one: TIDEMILL_STATUS_TOKEN."""
    return (os.environ.get("TIDEMILL_STATUS_TOKEN") or None) if _may_have_tokens(url) else None


def _may_have_tokens(url: str) -> bool:
    server = urlsplit(server_url())
    is_private = server.scheme == "https" or server.hostname in _LOOPBACK
    return is_private and url.startswith(f"{server_url()}/")


def server_url() -> str:
    """The GitHub server of this run."""
    return (os.environ.get("GITHUB_SERVER_URL") or _GITHUB).rstrip("/")


def _api(server: str) -> str:
    given = os.environ.get("GITHUB_API_URL")
    if given and os.environ.get("GITHUB_SERVER_URL"):
        return given.rstrip("/")
    if server == _GITHUB or server.endswith(_OF_ENTERPRISE_CLOUD):
        return server.replace("https://", "https://api.", 1)
    return f"{server}/api/v3"
