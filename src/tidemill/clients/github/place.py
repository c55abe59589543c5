"""Where a repository is on GitHub: its server, its name, its API; and the token for it.

A token goes to the one server that it is for: GITHUB_SERVER_URL, or github.com. Never to another
host that somebody's `--repo` names.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from tidemill.clients.http.proxies import is_this_machine
from tidemill.errors import Refused
from tidemill.words.names import shown
from tidemill.words.urls import GITHUB, api_of, host_and_path, redacted, without_credentials

# Logins that a company's own directory makes have an underscore.
_NAME = re.compile(r"/(?P<owner>[A-Za-z0-9_-]+)/(?P<name>[A-Za-z0-9._-]+?)(\.git)?/?")
_ADDRESS = re.compile(
    r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?"
)
_TOKEN = re.compile(r"[!-~]+")  # what a header may hold without quotes, and without spaces


@dataclass(frozen=True)  # not a struct: it is read where there are no packages
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
    """The place of a repository, None where `url` is not on the GitHub server of this run.

    Raises:
        Refused: GITHUB_SERVER_URL or GITHUB_API_URL is no address.
    """
    server = server_url()
    if not url.startswith(f"{server}/"):
        return None
    named = _NAME.fullmatch(url[len(server) :])
    if named is None or named["name"] in (".", ".."):
        return None
    api = _address("GITHUB_API_URL") or api_of(server)
    return Place(server, f"{named['owner']}/{named['name']}", api)


def of_remote(address: str) -> Place | None:
    """The same for what a remote of Git's may be: over SSH, too, and with a user in it."""
    if address.startswith(("https://", "http://")):
        return of_url(without_credentials(address))
    server = server_url()
    own = urlsplit(server).hostname
    host, path = host_and_path(address)
    return of_url(f"{server}/{path}") if host and host == own else None


def here() -> Place | None:
    """The repository that this workflow runs for; None outside a workflow.

    Raises:
        Refused: GITHUB_REPOSITORY is not `owner/name`, or as with `of_url`.
    """
    repository = os.environ.get("GITHUB_REPOSITORY")
    if not repository:
        return None
    found = of_url(f"{server_url()}/{repository}")
    if found is None:
        raise Refused(
            f"GITHUB_REPOSITORY is {shown(repository)}, and not owner/name",
            remedy="let it be the repository's name, or name the repository by --repo",
        )
    return found


def workflow_file() -> str:
    """The name of the workflow that runs this; of the one that the examples have, elsewhere."""
    path = os.environ.get("GITHUB_WORKFLOW_REF", "").partition("@")[0]
    found = re.fullmatch(r".*/([A-Za-z0-9._-]+\.ya?ml)", path)
    return found[1] if found else "tidemill.yml"


def token_for(url: str) -> str | None:
    """The token for Git and the API at `url`: TIDEMILL_TOKEN, only for the server of this run.

    Plain HTTP is for a server on this machine alone.

    Raises:
        Refused: it is no token, or as with `of_url`.
    """
    return token_in("TIDEMILL_TOKEN") if _may_have_tokens(url) else None


def status_token_for(url: str) -> str | None:
    """The token that sets statuses, where it is to be another one: TIDEMILL_STATUS_TOKEN.

    Raises `Refused` as `token_for` does.
    """
    return token_in("TIDEMILL_STATUS_TOKEN") if _may_have_tokens(url) else None


def token_in(variable: str) -> str | None:
    """The token that a variable holds, without the space around it: secrets are often pasted.

    Raises:
        Refused: nothing with spaces, line ends or other than ASCII is a token.
    """
    found = os.environ.get(variable, "").strip()
    if found and not _TOKEN.fullmatch(found):
        raise Refused(
            f"what {variable} holds is no token: it has a space, a line end, or a letter that no "
            "token has",
            remedy="set it anew, or the secret that it comes from, to the token alone",
        )
    return found or None


def _may_have_tokens(url: str) -> bool:
    server = server_url()
    parts = urlsplit(server)
    is_private = parts.scheme == "https" or is_this_machine(parts.hostname or "")
    return is_private and url.startswith(f"{server}/")


def server_url() -> str:
    """The GitHub server of this run.

    Raises:
        Refused: GITHUB_SERVER_URL is no address.
    """
    return _address("GITHUB_SERVER_URL") or GITHUB


def _address(variable: str) -> str | None:
    """The address that a variable holds, without a slash at its end."""
    found = os.environ.get(variable, "").strip().rstrip("/")
    if found and not _ADDRESS.fullmatch(found):
        raise Refused(
            f"{variable} is {shown(redacted(found))}, and not the address of a server",
            remedy="let it be as https://HOST, with no user and no password in it; where it is "
            "not set, github.com is meant",
        )
    return found or None
