"""Addresses that open one thing for a short time, without a token."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import timedelta

from tidemill_sandbox.state.memory import Memory


class Signer:
    """Signs paths of the server, as storage services sign theirs."""

    def __init__(self, hub: Memory) -> None:
        self._hub = hub
        self._key = secrets.token_bytes(32)

    def url(self, path: str, method: str, lifetime: timedelta) -> str:
        """The address of a path of the server, for this method alone and this long."""
        until = int((self._hub.now() + lifetime).timestamp())
        return f"{self._hub.url}{path}?se={until}&sig={self._signature(path, method, until)}"

    def is_valid(self, path: str, method: str, query: Mapping[str, str]) -> bool:
        """Whether a request has an address that was signed, and in time."""
        until = query.get("se", "")
        if not until.isdecimal() or int(until) <= self._hub.now().timestamp():
            return False
        expected = self._signature(path, method, int(until))
        return hmac.compare_digest(query.get("sig", "").encode(), expected.encode())

    def _signature(self, path: str, method: str, until: int) -> str:
        message = f"{method} {path} {until}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()
