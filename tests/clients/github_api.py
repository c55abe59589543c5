"""A server on loopback that answers as GitHub does, as far as our client and Git ask; and records.

It knows one repository. `on` scripts answers before those that its state gives. The stand-in
(`tidemill-sandbox`) is the whole thing; this is small enough to make every trouble by hand.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

REPOSITORY = "acme/cfg-app"
TOKEN = "ghs_" + "t0ken" * 12
ACTIONS = {"id": 15368, "slug": "github-actions"}


@dataclass(frozen=True)
class Asked:
    """A request to the API that came, as it was on the wire."""

    verb: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None


@dataclass(frozen=True)
class Say:
    """An answer; `cut` hangs up in its middle; `slow` sends a byte now and then for so long."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    slow: float = 0


def user(login: str, app: int | None = None) -> dict[str, Any]:
    """Somebody who sets a status."""
    picture = f"in/{app}" if app else "u/583231"
    return {
        "login": login,
        "type": "Bot" if login.endswith("[bot]") else "User",
        "avatar_url": f"https://avatars.githubusercontent.com/{picture}?v=4",
    }


@dataclass
class Api:
    """The server: `now` is its clock, `asked` what came to its API."""

    url: str = ""
    now: datetime = field(default_factory=lambda: datetime.fromisoformat("2026-01-05T10:00:00Z"))
    rules: list[dict[str, Any]] = field(default_factory=list)
    protection: dict[str, Any] | None = None
    statuses: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    check_runs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    artifacts: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    runs: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    approvals: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    environments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    teams: dict[str, dict[str, str]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    blobs_asked: list[Asked] = field(default_factory=list)
    page: int = 100
    bare: Path | None = None
    _script: list[tuple[str, re.Pattern[str], Say]] = field(default_factory=list)
    _ids: int = 1000
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def api(self) -> str:
        return f"{self.url}/api/v3"

    @property
    def environment(self) -> dict[str, str]:
        """What a workflow has in its environment."""
        return {
            "GITHUB_SERVER_URL": self.url,
            "GITHUB_API_URL": self.api,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "77",
            "TIDEMILL_TOKEN": TOKEN,
        }

    def on(self, verb: str, path: str, *says: Say) -> None:
        """Answer the next requests to such a path with these."""
        self._script += [(verb, re.compile(path), say) for say in says]

    def requests(self, verb: str = "", path: str = "") -> list[Asked]:
        """What came."""
        return [
            one for one in self.asked if one.verb.startswith(verb) and re.search(path, one.path)
        ]

    def new_id(self) -> int:
        self._ids += 1
        return self._ids

    def time(self) -> str:
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def requires(self, *contexts: str | tuple[str, int]) -> None:
        """Rules of main require these checks, some of an app."""
        checks = []
        for one in contexts:
            context, app = one if isinstance(one, tuple) else (one, None)
            checks.append({"context": context, **({"integration_id": app} if app else {})})
        self.rules = [
            {"type": "deletion"},
            {
                "type": "required_status_checks",
                "parameters": {
                    "strict_required_status_checks_policy": False,
                    "required_status_checks": checks,
                },
            },
        ]

    def status(
        self, sha: str, context: str, state: str, by: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Somebody sets a status."""
        made = {
            "id": self.new_id(),
            "state": state,
            "context": context,
            "created_at": self.time(),
            "creator": by or user("octocat"),
        }
        self.statuses.setdefault(sha, []).insert(0, made)
        return made

    def check_run(
        self,
        sha: str,
        name: str,
        conclusion: str | None = None,
        *,
        status: str = "completed",
        app: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """An app reports a check run."""
        made = {
            "id": self.new_id(),
            "name": name,
            "status": status,
            "conclusion": conclusion,
            "started_at": self.time(),
            "completed_at": self.time() if status == "completed" else None,
            "app": app or ACTIONS,
        }
        self.check_runs.setdefault(sha, []).insert(0, made)
        return made

    def run(self, run: int, title: str, *actors: str, attempt: int = 1, **more: Any) -> None:
        """Somebody starts a run of a workflow, or runs it again."""
        first, *again = actors
        self.runs[run, attempt] = {
            "id": run,
            "run_attempt": attempt,
            "event": "workflow_dispatch",
            "head_branch": "main",
            "display_title": title,
            "html_url": f"{self.url}/{REPOSITORY}/actions/runs/{run}",
            "status": "in_progress",
            "created_at": self.time(),
            "actor": user(first),
            "triggering_actor": user(again[0] if again else first),
            **more,
        }

    def review(self, run: int, state: str, environment: str, by: str, **more: Any) -> None:
        """Somebody says something of a run that waits for an environment."""
        named = [{"id": 1, "name": environment}]
        said = {"state": state, "environments": named, "comment": "", "user": user(by), **more}
        self.approvals.setdefault(run, []).append(said)

    def artifact(self, run: int, name: str, files: Mapping[str, bytes], **more: Any) -> None:
        """A run uploads an artifact."""
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in files.items():
                archive.writestr(path, content)
        made = {"id": self.new_id(), "name": name, "size_in_bytes": 10, "expired": False, **more}
        self.artifacts.setdefault(run, []).append(made)
        self.blobs[f"/blob/{made['id']}"] = data.getvalue()

    def answer(self, asked: Asked) -> Say:
        """What is said to a request."""
        with self._lock:
            self.asked.append(asked)
            for index, (verb, path, say) in enumerate(self._script):
                if verb == asked.verb and path.search(asked.path):
                    del self._script[index]
                    return say
            if asked.headers.get("authorization") != f"token {TOKEN}":
                return Say(401, {"message": "Bad credentials"})
            return self._routed(asked)

    def _routed(self, asked: Asked) -> Say:  # noqa: PLR0912 - one for each address
        path = asked.path.removeprefix(f"/api/v3/repos/{REPOSITORY}")
        match [asked.verb, *path.strip("/").split("/")]:
            case ["GET", "actions", "runs"]:
                return Say(200, {"total_count": 0, "workflow_runs": []})
            case ["GET", "actions", "runs", run, "attempts", attempt]:
                found = self.runs.get((int(run), int(attempt)))
                return Say(200, found) if found else Say(404, {"message": "Not Found"})
            case ["GET", "actions", "runs", run, "approvals"]:
                return Say(200, self.approvals.get(int(run), []))
            case ["GET", "environments"]:
                return Say(200, {"total_count": 0, "environments": []})
            case ["GET", "environments", name]:
                rules = self.environments.get(unquote(name))
                if rules is None:
                    return Say(404, {"message": "Not Found"})
                return Say(200, {"id": 1, "name": unquote(name), "protection_rules": rules})
            case ["GET", "api", "v3", "orgs", org, "teams", team]:
                return Say(200 if f"{org}/{team}" in self.teams else 404, {"slug": team})
            case ["GET", "api", "v3", "orgs", org, "teams", team, "memberships", login]:
                state = self.teams.get(f"{org}/{team}", {}).get(login)
                return Say(200, {"state": state}) if state else Say(404, {"message": "Not Found"})
            case ["GET", "rules", "branches", _]:
                return self._page(asked, self.rules)
            case ["GET", "branches", name]:
                protection = {"protection": self.protection} if self.protection else {}
                return Say(200, {"name": unquote(name), "protected": False, **protection})
            case ["GET", "commits", sha, "statuses"]:
                return self._page(asked, self.statuses.get(sha, []))
            case ["GET", "commits", sha, "check-runs"]:
                return self._page(asked, self.check_runs.get(sha, []), "check_runs")
            case ["POST", "statuses", sha]:
                by = user("github-actions[bot]", ACTIONS["id"])  # type: ignore[arg-type]
                return Say(201, self.status(sha, asked.body["context"], asked.body["state"], by))
            case ["POST", "dispatches"]:
                return Say(204)
            case ["POST", "deployments"]:
                return Say(201, {"id": self.new_id()})
            case ["POST", "deployments", _, "statuses"]:
                return Say(201, {"id": self.new_id()})
            case ["GET", "actions", "runs", run, "artifacts"]:
                mine = [
                    one
                    for one in self.artifacts.get(int(run), [])
                    if one["name"] == asked.query.get("name", one["name"])
                ]
                return self._page(asked, mine, "artifacts")
            case ["GET", "actions", "artifacts", number, "zip"]:
                return Say(302, headers={"Location": f"{self.url}/blob/{number}?sig=secret"})
            case _:
                return Say(404, {"message": "Not Found"})

    def _page(self, asked: Asked, found: list[Any], key: str | None = None) -> Say:
        page = int(asked.query.get("page", "1"))
        some = found[(page - 1) * self.page : page * self.page]
        more = len(found) > page * self.page
        link = f'<{self.url}{asked.path}?page={page + 1}>; rel="next"'
        body = {"total_count": len(found), key: some} if key else some
        return Say(200, body, {"Link": link} if more else {})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body go out at once
    api: Api

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        length = int(headers.get("content-length", 0))
        data = self._chunks() if "transfer-encoding" in headers else self.rfile.read(length)
        if parts.path.startswith("/api/v3/"):
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            body = json.loads(data) if data else None
            self._say(self.api.answer(Asked(self.command, parts.path, query, headers, body)))
        elif parts.path.startswith("/blob/"):
            self.api.blobs_asked.append(Asked(self.command, parts.path, {}, headers))
            blob = self.api.blobs.get(parts.path)
            self._send(404 if blob is None else 200, {}, blob or b"")
        else:
            self._git(parts.path, parts.query, headers, data)

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _chunks(self) -> bytes:
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _say(self, say: Say) -> None:
        data = say.body if isinstance(say.body, bytes) else json.dumps(say.body).encode()
        data = b"" if say.body is None else data
        headers = {"Content-Type": "application/json; charset=utf-8", **say.headers}
        if say.slow:
            self.send_response(say.status)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            until = time.monotonic() + say.slow
            while time.monotonic() < until:
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.01)
            self.close_connection = True
        elif say.cut:
            self.send_response(say.status)
            self.send_header("Content-Length", str(len(data) + 10))
            self.end_headers()
            self.wfile.write(data)
            self.close_connection = True
        else:
            self._send(say.status, headers, data)

    def _send(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        self.send_response_only(status)
        for name, value in {"Date": self.date_time_string(), **headers}.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _git(self, path: str, query: str, headers: Mapping[str, str], data: bytes) -> None:
        """Smart HTTP, by Git's own backend; anybody may push."""
        assert self.api.bare is not None
        env = {
            **os.environ,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROJECT_ROOT": str(self.api.bare),
            "PATH_INFO": path.removeprefix(f"/{REPOSITORY}").removeprefix(".git"),
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "REMOTE_USER": "ada",
            "CONTENT_TYPE": headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(data)),
            "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
            "GIT_PROTOCOL": headers.get("git-protocol", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"], input=data, env=env, capture_output=True, check=True
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        found = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self._send(int(found.pop("Status", "200").split()[0]), found, body)


@contextmanager
def serving(bare: Path | None = None) -> Iterator[Api]:
    """The server, on a port of its own, until the end."""
    api = Api(bare=bare)
    handler = type("Handler", (_Handler,), {"api": api})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
