"""A Git server on loopback that wants a token: Git's CGI program behind Python's HTTP server."""

from __future__ import annotations

import http.server
import os
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.world import GIT_CONFIG


@dataclass
class GitServer:
    """Serves the bare repositories below `root`.

    Attributes:
        tokens: what each token may do: `read`, or `write`, which is both.
        user: under which name a token has to come.
        headers: the Authorization headers of each request, as they came.
        redirect: where all requests are sent on to, if anywhere.
        away: so many requests more are answered by 502.
        cut: so many answers with objects more end in their middle.
        closes: whether it ends a connection after each answer, and does not say so.
        hangs: whether requests for objects are answered only when the server ends.
        settings: what its Git is configured to.
        is_old: whether it speaks the first version of the protocol only.
        is_dumb: whether it has no Git, and gives files.
        connections: how many there were.
    """

    root: Path
    tokens: dict[str, str]
    port: int = 0
    user: str = "x-access-token"
    headers: list[list[str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    redirect: str | None = None
    away: int = 0
    cut: int = 0
    closes: bool = False
    hangs: bool = False
    settings: tuple[str, ...] = ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant")
    is_old: bool = False
    is_dumb: bool = False
    connections: int = 0
    ends: threading.Event = field(default_factory=threading.Event)
    seen: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def right(self, headers: list[str]) -> str | None:
        """What a request may do; None if it does not say who sends it, or says it twice."""
        for token, right in self.tokens.items():
            expected = b64encode(f"{self.user}:{token}".encode()).decode()
            if headers == [f"Basic {expected}"]:
                return right
        return None


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body go out at once

    def setup(self) -> None:
        super().setup()
        self._place.connections += 1

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Stay silent."""

    @property
    def _place(self) -> GitServer:
        place: GitServer = self.server.place  # type: ignore[attr-defined]
        return place

    def _answer(self) -> None:
        place = self._place
        data = self._body()
        given = self.headers.get_all("Authorization") or []
        place.headers.append(given)
        place.paths.append(self.path)
        place.seen += processes()
        path, _, query = self.path.partition("?")
        right = place.right(given)
        writes = "git-receive-pack" in self.path
        if place.away:
            place.away -= 1
            self._say(502)
        elif place.redirect:
            self._say(302, {"Location": f"{place.redirect}{self.path}"})
        elif len(given) > 1:
            self._say(400)
        elif right is None:
            self._say(401, {"WWW-Authenticate": 'Basic realm="git"'})
        elif writes and right != "write":
            self._say(403)
        elif place.is_dumb:
            file = place.root / path.lstrip("/")
            self._say(200, body=file.read_bytes()) if file.is_file() else self._say(404)
        else:
            if place.hangs and b"command=fetch" in data:
                place.ends.wait()
            self._serve(path, query, data)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _serve(self, path: str, query: str, data: bytes) -> None:
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self._place.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(GIT_CONFIG),
            "GIT_PROTOCOL": "" if self._place.is_old else self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(data)),
            "REMOTE_USER": "somebody",
            "REMOTE_ADDR": "127.0.0.1",
        }
        settings = [part for one in self._place.settings for part in ("-c", one)]
        done = subprocess.run(
            ["git", *settings, "http-backend"],
            input=data,
            env=env,
            capture_output=True,
            check=False,
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        found = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self._say(int(found.pop("Status", "200 OK").split()[0]), found, body)

    def _say(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.close_connection = self.close_connection or self._place.closes
        if self._place.cut and b"packfile" in body:
            self._place.cut -= 1
            self.close_connection = True
            body = body[: len(body) // 2]
        self.wfile.write(body)


def processes() -> list[str]:
    """The arguments of all processes, as `ps` shows them to anybody."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


@contextmanager
def serving(root: Path, tokens: dict[str, str]) -> Iterator[GitServer]:
    """A server, until the end of the block."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    place = GitServer(root, tokens, server.server_address[1])
    server.place = place  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield place
    finally:
        place.ends.set()
        server.shutdown()
        server.server_close()
        thread.join()
