"""Addresses of repositories, fit to be shown; and of GitHub's API."""

from __future__ import annotations

import re

GITHUB = "https://github.com"
_OF_ENTERPRISE_CLOUD = ".ghe.com"  # with data residency: the API is at api.NAME.ghe.com
_HOSTS = {"ssh.github.com": "github.com"}  # for networks that let only the port of HTTPS through
# A password may have a slash that nobody escaped: what is shown has nothing before the last `@`.
# In an address that is used again, a path may have an `@`, and a port is no password.
_SECRET = re.compile(r"(?<=://)\S*@")
_CREDENTIALS = re.compile(r"(?<=://)(?:[^/\s]*|[^/\s:\[]*:(?!\d*/)\S*)@")
_TOKEN_IN_QUERY = re.compile(r"([?&][\w.-]*token=)[^&\s'\"]+", re.IGNORECASE)
_SSH_PASSWORD = re.compile(r"(?<=^ssh://)([^:/\s]*)(?::[^/\s]*)?(?=@)")
_ADDRESSES = (
    re.compile(r"(?:https?|ssh|git)://(?:[^/\s]*@)?(?P<host>[^@/:\s]+)(?::\d+)?/+(?P<path>.+)"),
    re.compile(r"[^@/:\s]+@(?P<host>[^@/:\s]+):/*(?P<path>.+)"),
)


def redacted(text: str) -> str:
    """`text` without the credentials of URLs in it."""
    return _TOKEN_IN_QUERY.sub(r"\1***", _SECRET.sub("***@", text))


def without_credentials(address: str) -> str:
    """The same, as an address that can be used again: SSH needs its user, who is no secret."""
    if address.startswith("ssh://"):
        return _SSH_PASSWORD.sub(r"\1", address)
    return _CREDENTIALS.sub("", address)


def api_of(server: str) -> str:
    """The address of the REST API of a GitHub server; both without a slash at the end."""
    if server == GITHUB or server.endswith(_OF_ENTERPRISE_CLOUD):
        return server.replace("https://", "https://api.", 1)
    return f"{server}/api/v3"


def host_and_path(url: str) -> tuple[str, str]:
    """Of the address of a repository, however it is written: over SSH or HTTPS.

    The host is in lower case; that of GitHub's SSH at the port of HTTPS is GitHub's. What names no
    host is a path alone: a folder, or what SSH's configuration knows by a name of its own.
    """
    path = url.rstrip("/").removesuffix(".git")
    for form in _ADDRESSES:
        if found := form.fullmatch(path):
            host = found["host"].lower()
            return _HOSTS.get(host, host), found["path"]
    return "", path


def named_by(url: str) -> str:
    """The host and the path of a repository, as one text to compare."""
    host, path = host_and_path(url)
    return f"{host}/{path.casefold()}" if host else path
