"""As much of GitHub's API as announcing takes, on loopback: dispatches, and artifacts of a run.

What it answers has the form that GitHub documents; what it was asked can be looked at afterwards.
"""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    token: str | None
    body: Any


@dataclass
class LittleGitHub:
    """The server, and what it knows.

    Attributes:
        answer: status and message of every dispatch.
        artifacts: files by repository, run and name.
    """

    url: str = ""
    answer: tuple[int, str] = (204, "")
    artifacts: dict[tuple[str, int, str], bytes] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What a workflow has of it."""
        return {"GITHUB_SERVER_URL": self.url, "GITHUB_API_URL": f"{self.url}/api/v3"}

    @property
    def dispatches(self) -> list[dict[str, Any]]:
        """The bodies of the dispatches that were sent."""
        return [one.body for one in self.asked if one.path.endswith("/dispatches")]

    def answered(self, asked: Asked) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers for a request."""
        self.asked.append(asked)
        parts = urlsplit(asked.path)
        match parts.path.removeprefix("/api/v3").split("/"):
            case ["", "repos", _, _, "dispatches"]:
                status, message = self.answer
                body = json.dumps({"message": message, "documentation_url": "x"}).encode()
                return status, b"" if status == 204 else body, {}
            case ["", "repos", owner, name, "actions", "runs", run, "artifacts"]:
                wanted = parse_qs(parts.query)["name"][0]
                known = [key for key in self.artifacts if key[0] == f"{owner}/{name}"]
                found = [
                    self._described(number, key)
                    for number, key in enumerate(known, start=1)
                    if key[1:] == (int(run), wanted)
                ]
                body = json.dumps({"total_count": len(found), "artifacts": found}).encode()
                return 200, body, {}
            case ["", "repos", owner, name, "actions", "artifacts", number, "zip"]:
                signed = f"{self.url}/signed/{owner}/{name}/{number}?sig=secret"
                return 302, b"", {"Location": signed}
            case ["", "signed", owner, name, number]:
                known = [key for key in self.artifacts if key[0] == f"{owner}/{name}"]
                return 200, zipped(self.artifacts[known[int(number) - 1]]), {}
            case _:
                return 404, b'{"message": "Not Found"}', {}

    def _described(self, number: int, key: tuple[str, int, str]) -> dict[str, Any]:
        size = len(zipped(self.artifacts[key]))
        return {"id": number, "name": key[2], "size_in_bytes": size, "expired": False}


def zipped(file: bytes) -> bytes:
    """An artifact that holds one file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("announcement.json", file)
    return out.getvalue()


@contextmanager
def little_github() -> Iterator[LittleGitHub]:
    """A server of one's own, from its start to its end."""
    github = LittleGitHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body go out at once

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            token = (self.headers.get("Authorization") or "").rpartition(" ")[2] or None
            body = json.loads(sent) if sent else None
            status, data, headers = github.answered(Asked(self.command, self.path, token, body))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    github.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
