"""Which proxy the environment asks for: HTTPS_PROXY, HTTP_PROXY, NO_PROXY, as Docker reads them."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

PORTS = {"http": 80, "https": 443}


def proxy_for(
    scheme: str, host: str, port: int | None, environment: Mapping[str, str]
) -> str | None:
    """The proxy's address for a request, or None: this machine is never asked through one.

    Args:
        port: None for that of the scheme, which NO_PROXY may name like any other.
    """
    port = port or PORTS.get(scheme)
    if is_this_machine(host) or _is_exempt(host, port, _variable("NO_PROXY", environment)):
        return None
    address = _variable(f"{scheme.upper()}_PROXY", environment)
    if not address:
        return None
    return address if "://" in address else f"http://{address}"


def is_this_machine(host: str) -> bool:
    """Whether a host is `localhost` or a loopback address; IPv6 without its brackets."""
    address = _address(host)
    return address.is_loopback if address else host.rstrip(".").lower() == "localhost"


def _variable(name: str, environment: Mapping[str, str]) -> str:
    return environment.get(name.lower()) or environment.get(name) or ""


def _is_exempt(host: str, port: int | None, exempt: str) -> bool:
    host = host.rstrip(".").lower()
    return any(
        _matches(entry.strip().lower(), host, port) for entry in exempt.split(",") if entry.strip()
    )


def _matches(entry: str, host: str, port: int | None) -> bool:
    """Whether an entry means a host: `*`, or a domain, address or network, maybe with a port."""
    if entry == "*":
        return True
    address = _address(host)
    if address:
        try:
            return address in ip_network(entry.strip("[]"), strict=False)
        except ValueError:
            pass
    name, colon, wanted = entry.rpartition(":")
    if colon and wanted.isdecimal():
        if wanted != str(port):
            return False
        entry = name
    if address:
        return _address(entry.strip("[]")) == address
    bare = entry.removeprefix("*").removeprefix(".")
    return host.endswith(f".{bare}") or (host == bare and not entry.startswith((".", "*")))


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
