"""How a registry is reached: over plain HTTP or TLS, and by whose word it is believed to be itself.

What the settings say of it comes first. Besides, there are the certificates that Docker and Podman
read for it: in `certs.d/HOST:PORT`, `*.crt` are authorities, and `NAME.cert` with `NAME.key` is who
we are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from tidemill.clients.http.client import Tls

SYSTEM = (Path("/etc/containers/certs.d"), Path("/etc/docker/certs.d"))
_OF_USERS = (".config/containers/certs.d", ".config/docker/certs.d")


class Trust(Struct, frozen=True):
    """What the settings say of a registry.

    Args:
        insecure: whether it is spoken to over plain HTTP; None: only if it is on this machine.
        authority: a file with the certificates of its authority.
    """

    insecure: bool | None = None
    authority: Path | None = None


def tls_of(host: str, trust: Trust, environment: Mapping[str, str]) -> Tls:
    """What is trusted besides the system's authorities, and who we are, for `host[:port]`."""
    authorities = [trust.authority] if trust.authority else []
    home = environment.get("HOME")
    mine = [Path(home) / folder for folder in _OF_USERS] if home else []
    own: list[tuple[str, str]] = []
    for folder in (*mine, *SYSTEM):
        authorities += sorted((folder / host).glob("*.crt"))
        keys = ((cert, cert.with_suffix(".key")) for cert in sorted((folder / host).glob("*.cert")))
        own += [(str(cert), str(key)) for cert, key in keys if key.exists()]
    return Tls(tuple(map(str, authorities)), own[0] if own else None)
