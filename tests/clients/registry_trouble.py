"""A proxy before a real registry, that makes trouble on request."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_PIECE = 64 << 10
# What belongs to one connection, and is not passed on.
_HOP = {"connection", "transfer-encoding", "keep-alive"}


@dataclass(frozen=True)
class Seen:
    """A request that came: `path` with its query."""

    method: str
    path: str
    headers: Mapping[str, str]


When = Callable[[Seen], bool]


def larger_than(size: int) -> When:
    """Whether a body has more bytes."""
    return lambda seen: int(seen.headers.get("Content-Length", "0")) > size


@dataclass(frozen=True)
class Pass:
    """Make no trouble, this once."""


@dataclass(frozen=True)
class Say:
    """Answer in the registry's place, without reading what is sent."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class SayInTheMiddle:
    """Take half of what is sent, then answer in the registry's place and hang up."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HangUp:
    """Pass `after` bytes of what is sent to the registry, never all, and hang up on both sides."""

    after: int = 0


@dataclass(frozen=True)
class LoseTheAnswer:
    """Let the registry do what is asked, and hang up before the answer."""


@dataclass(frozen=True)
class CutTheAnswer:
    """Pass the head of the answer, and only this many bytes of its body."""

    after: int


@dataclass(frozen=True)
class Change:
    """Pass the answer with other headers, its `Location` and its body as these make them."""

    headers: Mapping[str, str | None] = field(default_factory=dict)
    location: Callable[[str], str] = str
    body: Callable[[bytes], bytes] = bytes


@dataclass(frozen=True)
class Endless:
    """Answer with a body that never ends."""

    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SayNothing:
    """Take all that is sent, and answer no more than the client's patience lasts."""


@dataclass
class Keep:
    """Take uploads in the registry's place: one goes on from where it broke off.

    Every request is cut off after `cut` bytes of its body, and what came of it is kept.
    """

    cut: int
    data: bytearray = field(default_factory=bytearray)
    ranges: list[str] = field(default_factory=list)


Trouble = (
    Pass
    | Say
    | SayInTheMiddle
    | SayNothing
    | HangUp
    | LoseTheAnswer
    | CutTheAnswer
    | Change
    | Endless
    | Keep
)


@dataclass
class _Rule:
    method: str
    path: re.Pattern[str]
    trouble: Trouble
    left: int
    when: When


class Troubled:
    """The proxy: `host` is its `127.0.0.1:PORT`, `seen` what came, `endless` what it had to say.

    What is below `shown` here is below `inside` in the registry, which knows nothing of it.
    """

    def __init__(self, registry: str, shown: str = "", inside: str = "") -> None:
        self.registry = registry
        self.shown, self.inside = f"/v2/{shown}", f"/v2/{inside}"
        self.seen: list[Seen] = []
        self.endless = 0
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self._server = _Server(_Handler)
        self._server.proxy = self
        self.host = f"127.0.0.1:{self._server.server_address[1]}"

    def on(
        self,
        method: str,
        path: str,
        *troubles: Trouble,
        times: int = 1,
        when: When = lambda _: True,
    ) -> None:
        """Make trouble for the next requests to such a path, one trouble after another.

        Args:
            when: of which of them.
        """
        for trouble in troubles:
            self._rules.append(_Rule(method, re.compile(path), trouble, times, when))

    def asked(self, method: str, path: str = "") -> list[Seen]:
        """The requests that came."""
        return [s for s in self.seen if s.method == method and re.search(path, s.path)]

    def taken(self, seen: Seen) -> Trouble | None:
        with self._lock:
            self.seen.append(seen)
            for rule in self._rules:
                is_meant = rule.method == seen.method and rule.path.search(seen.path)
                if is_meant and rule.left and rule.when(seen):
                    rule.left -= 1
                    return rule.trouble
        return None

    def stop(self) -> None:
        self._server.stop()


@contextmanager
def troubled(registry: str, shown: str = "", inside: str = "") -> Iterator[Troubled]:
    """A proxy before the registry at `host:port`, until the block ends."""
    proxy = Troubled(registry, shown, inside)
    try:
        yield proxy
    finally:
        proxy.stop()


class Server(ThreadingHTTPServer):
    """Ends with all its threads, whoever still holds a connection."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self._connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self._thread.start()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.append(request)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what this is for."""

    def stop(self) -> None:
        self.shutdown()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()
        self._thread.join()


class _Server(Server):
    proxy: Troubled


class Quiet(BaseHTTPRequestHandler):
    """Speaks HTTP 1.1, and says nothing to people."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body go out at once
    timeout = 5

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Nobody reads it."""


class _Handler(Quiet):
    server: _Server

    def handle_method(self) -> None:
        # A client may ask a proxy by the whole address.
        path = re.sub(r"^http://[^/]*", "", self.path)
        seen = Seen(self.command, path, {k.title(): v for k, v in self.headers.items()})
        match self.server.proxy.taken(seen):
            case None | Pass():
                self._passed(path)
            case Say(status, headers, body):
                if self.headers.get("Content-Length", "0") == "0":
                    self._said(status, headers, body)
                else:
                    self._said_last(status, headers, body)
            case SayInTheMiddle(status, headers):
                self.rfile.read(int(self.headers.get("Content-Length", "0")) // 2)
                self._said_last(status, headers, b"")
            case SayNothing():
                self._silent()
            case Keep() as keep:
                self._kept(path, keep)
            case HangUp(after):
                with suppress(OSError):
                    self._passed(path, most=after)
                self._hung_up()
            case LoseTheAnswer():
                self._passed(path, answer=lambda _: None)
                self._hung_up()
            case CutTheAnswer(after):
                self._passed(path, answer=lambda response: self._cut(response, after))
                self._hung_up()
            case Change() as change:
                self._passed(path, answer=lambda response: self._changed(response, change))
            case Endless(headers):
                self._endless(headers)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_CONNECT = handle_method  # noqa: N815

    def _kept(self, path: str, keep: Keep) -> None:
        place = path.partition("?")[0].rstrip("/")
        left = int(self.headers.get("Content-Length", "0"))
        keep.ranges.append(f"{self.command} {self.headers.get('Content-Range', left)}")
        if self.command in ("PATCH", "PUT"):
            keep.data += self.rfile.read(min(left, keep.cut))
            if left > keep.cut:
                self._hung_up()
                return
        have = {"Location": f"{place}?kept", "Range": f"0-{max(len(keep.data) - 1, 0)}"}
        if self.command == "PUT":
            registry = HTTPConnection(self.server.proxy.registry, timeout=60)
            registry.request("POST", place.rpartition("/")[0] + "/")
            begun = registry.getresponse()
            begun.read()
            digest = path.rpartition("digest=")[2]
            registry.request("PUT", f"{begun.headers['Location']}&digest={digest}", keep.data)
            self._answered(registry.getresponse())
            registry.close()
        elif self.command == "POST":
            keep.data.clear()
            self._said(202, {"Location": f"{place}/kept?kept"}, b"")
        else:
            self._said(204 if self.command == "GET" else 202, have, b"")

    def _passed(
        self,
        path: str,
        *,
        most: int | None = None,
        answer: Callable[[HTTPResponse], None] | None = None,
    ) -> None:
        registry = HTTPConnection(self.server.proxy.registry, timeout=60)
        try:
            path = path.replace(self.server.proxy.shown, self.server.proxy.inside, 1)
            registry.putrequest(self.command, path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _HOP:
                    registry.putheader(name, value)
            size = int(self.headers.get("Content-Length", "0"))
            left = size if most is None else min(most, size - 1)
            if left < 0:
                return
            registry.endheaders()
            while left:
                piece = self.rfile.read(min(_PIECE, left))
                if not piece:
                    raise ConnectionResetError
                registry.send(piece)
                left -= len(piece)
            if most is None:
                (answer or self._answered)(registry.getresponse())
        finally:
            registry.close()

    def _answered(self, response: HTTPResponse) -> None:
        self._head(response, {})
        while piece := response.read(_PIECE):
            self.wfile.write(piece)

    def _cut(self, response: HTTPResponse, after: int) -> None:
        self._head(response, {})
        self.wfile.write(response.read(after))

    def _changed(self, response: HTTPResponse, change: Change) -> None:
        body = change.body(response.read())
        headers: dict[str, str | None] = {
            "Location": change.location(response.headers.get("Location", "")) or None,
            **change.headers,
        }
        if self.command != "HEAD":
            headers.setdefault("Content-Length", str(len(body)))
        self._head(response, headers)
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, response: HTTPResponse, changed: Mapping[str, str | None]) -> None:
        self.send_response_only(response.status)
        headers: dict[str, str | None] = {
            name.title(): value for name, value in response.getheaders()
        }
        if location := headers.get("Location"):
            proxy = self.server.proxy
            headers["Location"] = location.replace(proxy.inside, proxy.shown, 1)
        headers.update(changed)
        for name, value in headers.items():
            if value is not None and name.lower() not in _HOP:
                self.send_header(name, value)
        self.end_headers()

    def _said(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _said_last(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Say it, and hang up; what is still on its way is taken: a reset would eat the answer."""
        self.close_connection = True
        self._said(status, {**headers, "Connection": "close"}, body)
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            while self.rfile.read(_PIECE):
                pass

    def _endless(self, headers: Mapping[str, str]) -> None:
        self.close_connection = True
        self.send_response_only(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):
            while True:
                self.wfile.write(b"\0" * _PIECE)
                self.server.proxy.endless += _PIECE

    def _silent(self) -> None:
        while self.rfile.read(1):
            pass
        self._hung_up()

    def _hung_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
