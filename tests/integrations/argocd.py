"""Argo CD's notifications controller with our manifests, against a GitHub of loopback."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from tests.components.parts import INTEGRATIONS
from tests.integrations.applications import App

MANIFESTS = Path(__file__).parents[2] / "integrations" / "argocd"
ADDRESS = "https://api.github.com/repos/OWNER/CFG"
TOKEN = "a-token-of-the-test"
PATH = "/api/v3/repos/acme/cfg-app"


@dataclass
class Request:
    """One request that came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def payload(self) -> Any:
        """The `client_payload`."""
        return json.loads(self.body)["client_payload"]


@dataclass
class Told:
    """What came of one state: requests, and the engine's own words for what went wrong."""

    requests: list[Request]
    errors: list[str]
    remembered: int

    @property
    def payload(self) -> Any:
        """The `client_payload` of the only request."""
        (request,) = self.requests
        return request.payload


@dataclass
class GitHub:
    """It keeps what came, and answers with `status`, or with the JSON there is for a path.

    Attributes:
        outages: how many requests it answers with 502 before that.
    """

    port: int = 0
    outages: int = 0
    status: int = 204
    requests: list[Request] = field(default_factory=list)
    answers: dict[tuple[str, str], object] = field(default_factory=dict)


class Controller:
    """The running engine."""

    def __init__(self, process: subprocess.Popen[str], github: GitHub) -> None:
        self._process = process
        self.github = github

    def sees(self, state: App | Mapping[str, Any]) -> Told:
        """Let it see a state of the Application, and wait until it has done all it does."""
        assert self._process.stdin
        assert self._process.stdout
        before = len(self.github.requests)
        app = state.object() if isinstance(state, App) else state
        self._process.stdin.write(json.dumps(app) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the engine has ended; its log is in the test's output"
        said = json.loads(line)
        return Told(self.github.requests[before:], said["errors"], said["remembered"])

    def tells(self, *states: App) -> list[str]:
        """What it tells in all of these states, in short: "Succeeded Healthy 1111111"."""
        return [
            f"{told['phase']} {told['health']} {told['revision'][:7]}"
            for state in states
            for told in (request.payload for request in self.sees(state).requests)
        ]


@contextmanager
def controller(
    folder: Path,
    manifest: str = "notifications.yaml",
    edits: Mapping[str, str] | None = None,
    secret_value: str = TOKEN,
) -> Iterator[Controller]:
    """The engine with a manifest of ours, edited as the README says; `{port}` is of the server."""
    edits = edits or {ADDRESS: f"http://127.0.0.1:{{port}}{PATH}"}
    with _server() as github:
        text = (MANIFESTS / manifest).read_text()
        for old, new in edits.items():
            assert text.count(old) == 1
            text = text.replace(old, new.replace("{port}", str(github.port)))
        config = folder / "config.yaml"
        config.write_text(text)
        secret = yaml.safe_load((MANIFESTS / "secret.yaml").read_text())
        secret["stringData"] = dict.fromkeys(secret["stringData"], secret_value)
        filled = folder / "secret.yaml"
        filled.write_text(yaml.safe_dump(secret))
        process = subprocess.Popen(
            [INTEGRATIONS.ready() / "argocd", config, filled],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            yield Controller(process, github)
            assert process.stdin
            process.stdin.close()
            assert process.wait(60) == 0


def trigger(manifest: str) -> list[dict[str, Any]]:
    """The conditions of the manifest's trigger."""
    data = yaml.safe_load((MANIFESTS / manifest).read_text())["data"]
    (text,) = (value for key, value in data.items() if re.match(r"trigger\.", key))
    return list(yaml.safe_load(text))


@contextmanager
def _server() -> Iterator[GitHub]:
    github = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def _keep(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = dict(self.headers.items())
            github.requests.append(Request(self.command, self.path, headers, body))
            known = github.answers.get((self.command, self.path.partition("?")[0]))
            answer = b"" if known is None else json.dumps(known).encode()
            status = github.status if known is None else 201
            if github.outages:
                github.outages -= 1
                status = 502
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = _keep  # noqa: N815 - http.server names them so

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    github.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
