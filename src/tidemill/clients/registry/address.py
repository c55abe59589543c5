"""The name of a repository, and where its registry listens."""

from __future__ import annotations

import re

from msgspec import Struct

from tidemill.clients.http.proxies import is_this_machine
from tidemill.errors import Refused
from tidemill.words import references
from tidemill.words.names import shown

_IPV6 = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\](?::[0-9]{1,5})?)/(?P<path>.+)")
_DOCKER_HUB_API = "registry-1.docker.io"


class Address(Struct, frozen=True):
    """A repository: `host[:port]` and `path` as in references, and its registry's origin.

    `origin` is `scheme://host[:port]`, of the host that is really asked.
    """

    host: str
    path: str
    origin: str

    def __str__(self) -> str:
        return f"{self.host}/{self.path}"

    @property
    def is_plain(self) -> bool:
        return self.origin.startswith("http:")


def parse(repository: str, insecure: bool | None = None) -> Address:
    """Parse `[host[:port]/]path`; without a host it is Docker Hub's, as Docker reads names.

    Args:
        insecure: whether to speak plain HTTP; None: only to this machine.

    Raises:
        Refused: it is not the name of a repository.
    """
    host, path = _split(repository)
    if insecure is None:
        insecure = is_this_machine(_without_port(host))
    if host == references.DOCKER_HUB:
        return Address(host, path, f"https://{_DOCKER_HUB_API}")
    return Address(host, path, f"{'http' if insecure else 'https'}://{host}")


def _split(repository: str) -> tuple[str, str]:
    if found := _IPV6.fullmatch(repository):
        references.by_tag(f"h/{found['path']}:t")
        return found["host"].lower(), found["path"]
    try:
        references.by_tag(f"{repository}:t")
    except Refused:
        raise Refused(
            f"{shown(repository)} is not the name of a repository",
            remedy="give it as host/path, in lower case, without a tag",
        ) from None
    host, _, path = references.canonical(repository).partition("/")
    return host.lower(), path


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
