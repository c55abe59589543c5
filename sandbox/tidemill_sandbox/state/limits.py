"""Rate limits of the REST API, and faults that somebody asked for.

Limits are GitHub's (`rate-limits-for-the-rest-api`): a primary one for each hour, a secondary one
on writes for each minute and hour. It answers either with 403 or with 429: here in turn, so that
both are met.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from tidemill_sandbox.state.memory import Memory
from tidemill_sandbox.state.tokens import Token

FaultKind = Literal["primary", "secondary", "error", "drop"]
_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)
_PRIMARY = {"workflow": 1000, "installation": 5000, "user": 5000}
ANONYMOUS = 60  # requests an hour without a token
APP = 5000  # requests an hour of an App, signed by its own key
OF_GRAPHQL = "graphql "  # before the quota of points that queries have, besides that of requests
NOBODY = "anonymous"  # the quota of those who don't say who they are
_DOCS = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"


@dataclass
class Fault:
    """What the next requests meet.

    Attributes:
        kind: "primary" or "secondary" limit, an "error" with `status`, or "drop": the connection
            ends without an answer.
        times: for how many requests.
        path: a regular expression that the path has to contain.
        method: the method that it is for; empty: any.
        seconds: of a limit: after how many it may be tried again.
        after: the request is carried out, and only its answer is lost.
        of: whose requests: the REST API's, or Git's (which know no limits).
    """

    kind: FaultKind
    times: int = 1
    path: str = ""
    method: str = ""
    seconds: int = 1
    status: int = 502
    after: bool = False
    of: Literal["api", "git"] = "api"


@dataclass(frozen=True)
class Limited:
    """The answer to a request that has to wait."""

    status: int
    message: str
    headers: dict[str, str]
    documentation_url: str = _DOCS


@dataclass
class _Used:
    since: datetime
    count: int = 0
    writes: deque[datetime] = field(default_factory=deque)


class Limits:
    """What each quota has used, and what it may.

    Attributes:
        primary: requests an hour, of every token alike; None: GitHub's, by the token's kind.
        writes_a_minute: and `writes_an_hour`: GitHub's limits for content, None for none.
        faults: what the next requests meet; the first that fits, until its `times` are used up.
    """

    def __init__(self, hub: Memory) -> None:
        self._hub = hub
        self._used: dict[str, _Used] = {}
        self._answers = 0
        self.primary: int | None = None
        self.writes_a_minute: int | None = 80
        self.writes_an_hour: int | None = 500
        self.faults: list[Fault] = []

    def headers(self, token: Token | None, quota: str) -> dict[str, str]:
        """The x-ratelimit headers of every answer."""
        with self._hub.lock:
            used, limit = self._of(quota), self._limit(token, quota)
            resource = "graphql" if quota.startswith(OF_GRAPHQL) else "core"
            return {**_headers(limit, used), "x-ratelimit-resource": resource}

    def core(self, token: Token | None, quota: str) -> dict[str, int]:
        """What `GET /rate_limit` says."""
        headers = self.headers(token, quota)
        return {
            name: int(headers[f"x-ratelimit-{name}"])
            for name in ("limit", "remaining", "reset", "used")
        }

    def count(
        self, token: Token | None, quota: str, method: str, points: int = 1
    ) -> Limited | None:
        """Count a request; the answer, where it goes beyond a limit."""
        with self._hub.lock:
            now, used, limit = self._hub.now(), self._of(quota), self._limit(token, quota)
            if used.count >= limit:
                return self._primary(used, limit)
            used.count += points
            if method in ("GET", "HEAD"):
                return None
            while used.writes and now - used.writes[0] >= _HOUR:
                used.writes.popleft()
            for most, span in ((self.writes_a_minute, _MINUTE), (self.writes_an_hour, _HOUR)):
                recent = [at for at in used.writes if now - at < span]
                if most is not None and len(recent) >= most:
                    wait = math.ceil((recent[-most] + span - now).total_seconds())
                    return self._secondary(max(1, wait))
            used.writes.append(now)
            return None

    def fault(self, method: str, path: str, of: str = "api") -> Fault | None:
        """The fault that this request meets; it has one time less from then on."""
        with self._hub.lock:
            for fault in self.faults:
                is_meant = fault.of == of and fault.method in ("", method)
                if is_meant and re.search(fault.path, path):
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                    return fault
            return None

    def limited(self, fault: Fault, token: Token | None) -> Limited:
        """The answer of a limit that somebody asked for."""
        with self._hub.lock:
            if fault.kind == "secondary":
                return self._secondary(fault.seconds)
            limit = self._limit(token, NOBODY)
            since = self._hub.now() + timedelta(seconds=fault.seconds) - _HOUR
            return self._primary(_Used(since, limit), limit)

    def set(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Set `primary`, `writes_a_minute`, `writes_an_hour`; returns all three."""
        names = ("primary", "writes_a_minute", "writes_an_hour")
        with self._hub.lock:
            for name in names:
                if name in wanted:
                    setattr(self, name, wanted[name])
            return {name: getattr(self, name) for name in names}

    def _of(self, quota: str) -> _Used:
        now = self._hub.now()
        used = self._used.get(quota)
        if used is None or now - used.since >= _HOUR:
            writes = used.writes if used else deque()
            used = self._used[quota] = _Used(now, 0, writes)
        return used

    def _limit(self, token: Token | None, quota: str) -> int:
        if self.primary is not None:
            return self.primary
        if token:
            return _PRIMARY[token.kind]
        return ANONYMOUS if quota == NOBODY else APP

    def _primary(self, used: _Used, limit: int) -> Limited:
        return Limited(self._status(), "API rate limit exceeded", _headers(limit, used))

    def _secondary(self, seconds: int) -> Limited:
        words = (
            "You have exceeded a secondary rate limit. "
            "Please wait a few minutes before you try again."
        )
        return Limited(self._status(), words, {"retry-after": str(seconds)})

    def _status(self) -> int:
        self._answers += 1
        return 403 if self._answers % 2 else 429


def _headers(limit: int, used: _Used) -> dict[str, str]:
    return {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": str(max(0, limit - used.count)),
        "x-ratelimit-used": str(min(limit, used.count)),
        "x-ratelimit-reset": str(int((used.since + _HOUR).timestamp())),
        "x-ratelimit-resource": "core",
    }
