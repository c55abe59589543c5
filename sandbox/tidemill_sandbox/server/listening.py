"""The server: Git, the REST API, artifacts, pages for people, on one address of this machine."""

from __future__ import annotations

import re
import secrets
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import parse_qsl

from tidemill_sandbox.server import counting
from tidemill_sandbox.server.control import Control
from tidemill_sandbox.server.git_http import GitServer
from tidemill_sandbox.server.pages import Pages
from tidemill_sandbox.server.rest.serving import GRAPHQL, RestApi
from tidemill_sandbox.state.hub import Hub
from tidemill_sandbox.state.messages import Body, Dropped, Reply, Request, as_json, text

_HOST = re.compile(r"(127\.0\.0\.1|localhost|[a-z0-9.-]+\.localhost)(:\d+)?", re.IGNORECASE)
_PROXIED = re.compile(r"http://[a-z0-9.-]+\.localhost(:\d+)?(?=/)", re.IGNORECASE)
# What is the API's without its prefix, as on a host of its own.
_BARE_API = re.compile(r"/(repos|app|installation|orgs|users|user|rate_limit)(/.*)?")
_IDLE = 300  # seconds
_POLL = 0.02  # seconds until an end is noticed
_DRAINED = 1 << 20  # bytes of a body that nobody wanted, read so that the connection goes on


class Server:
    """The stand-in's server; a context manager. It listens on loopback only.

    Attributes:
        control_token: what the control API wants as `Authorization: Bearer`.
    """

    def __init__(self, hub: Hub, port: int = 0) -> None:
        self.hub = hub
        self.control_token = secrets.token_hex(16)
        self._http = _Http(("127.0.0.1", port), _Handler)
        hub.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._http.answers = _Answers(hub, self.control_token)
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(_POLL,), name="http", daemon=True
        )

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def close(self) -> None:
        """End every connection."""
        self._http.shutdown()
        self._http.hang_up()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Answers:
    """Which part answers what."""

    def __init__(self, hub: Hub, control_token: str) -> None:
        self.hub = hub
        self._git = GitServer(hub)
        self._rest = RestApi(hub)
        self._pages = Pages(hub)
        self._control = Control(hub, control_token)

    def answer(self, request: Request) -> Reply:
        path = request.path
        if path == "/_hook" and request.method == "POST":
            return self._judge(request)
        if path in ("/api/graphql", "/graphql"):
            return self._rest.answer(request, GRAPHQL)
        if path.startswith("/api/v3/"):
            return self._rest.answer(request, path.removeprefix("/api/v3"))
        if path == counting.PATH and request.method == "GET":
            return counting.answer(self.hub)
        if path.startswith("/_sandbox/"):
            return self._control.answer(request)
        for part in (self.hub.blobs, self._git):
            if (reply := part.answer(request)) is not None:
                return reply
        if _BARE_API.fullmatch(path):
            return self._rest.answer(request, path)
        return self._pages.answer(request)

    def _judge(self, request: Request) -> Reply:
        try:
            push, ref, old, new = request.body.all().decode(errors="replace").split(" ")
            words = self._git.judge(push, ref, old, new)
        except (KeyError, ValueError):
            return text(404, "there is no such push")
        return Reply(204) if words is None else text(403, words)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    answers: _Answers

    def __init__(self, *arguments: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in tuple(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it has ended by itself

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is none of our business; anything else was answered."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "GitHub.com", ""  # what GitHub says
    timeout = _IDLE
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing: there is a log for each run, and tokens may be in paths."""

    def _answer(self) -> None:
        # Whoever has this server for a proxy, as `gh` has, names a host before the path.
        path, _, query = _PROXIED.sub("", self.path).partition("?")
        pairs = dict(parse_qsl(query, keep_blank_values=True))
        body = Body(cast(Any, self.rfile), self.headers)
        request = Request(self.command, path, query, pairs, self.headers, body)
        if not _HOST.fullmatch(self.headers.get("Host", "")):  # a page somewhere rebinds a name
            reply = text(421, "this server is for this machine only\n")
        else:
            try:
                reply = cast(_Http, self.server).answers.answer(request)
            except Dropped as dropped:
                self.close_connection = True
                self.wfile.write(dropped.beginning)
                return
            except ConnectionError:
                raise
            except Exception as error:  # a defect of ours; whoever asked has to hear of it
                cast(_Http, self.server).answers.hub.deviate(
                    f"the server failed on {self.command} {path}: {error!r}"
                )
                reply = as_json(500, {"message": f"the stand-in failed: {error!r}"})
        self._send(request, reply)

    def _send(self, request: Request, reply: Reply) -> None:
        if isinstance(reply.body, bytes):
            self._drain(request.body)
            self._head(reply, len(reply.body))
            if request.method != "HEAD":
                self.wfile.write(reply.body)
            return
        try:
            self._stream(request, reply, reply.body)
        finally:
            if reply.end is not None:
                reply.end()
            if not request.body.is_read:
                self.close_connection = True

    def _stream(self, request: Request, reply: Reply, pieces: Iterator[bytes]) -> None:
        self._head(reply, None)
        is_chunked = self._is_chunked(reply)
        if request.method == "HEAD":
            return
        for piece in pieces:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
        if is_chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _head(self, reply: Reply, length: int | None) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if length is not None:
            if reply.status not in (204, 304):
                self.send_header("Content-Length", str(length))
        elif self._is_chunked(reply):
            self.send_header("Transfer-Encoding", "chunked")
        elif "Content-Length" not in reply.headers:
            self.close_connection = True  # the end of an answer to HTTP/1.0
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def _is_chunked(self, reply: Reply) -> bool:
        return "Content-Length" not in reply.headers and self.request_version == "HTTP/1.1"

    def _drain(self, body: Body) -> None:
        if body.is_read:
            return
        size = 0
        for piece in body.pieces():
            size += len(piece)
            if size > _DRAINED:
                self.close_connection = True
                return

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815
