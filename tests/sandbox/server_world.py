"""A server with a repository, people who push to it, and clients that ask."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from tests.components.absence import Missing, absent

from tidemill.errors import Refused, Unreachable
from tidemill_sandbox.server.listening import Server
from tidemill_sandbox.server.rest import openapi
from tidemill_sandbox.state.hub import Hub
from tidemill_sandbox.state.shapes import Access, Repository
from tidemill_sandbox.state.tokens import Kind

EVERYTHING: dict[str, Access] = dict.fromkeys(
    ("actions", "checks", "contents", "deployments", "issues", "statuses", "workflows"), "write"
)


@dataclass
class Clock:
    """The hub's time, which only a test moves."""

    now: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass(frozen=True)
class Heard:
    """An answer: `json` is None where it has none."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass
class World:
    """A hub, its server, and `acme/app`, of which `clone` is a person's clone."""

    hub: Hub
    server: Server
    clock: Clock
    clone: Path
    repository: Repository
    token: str = ""
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 10_000)))

    def mint(self, kind: Kind = "user", /, **permissions: Access) -> str:
        """A token for acme/app."""
        login = {"workflow": "github-actions[bot]", "user": "ada", "installation": "mill[bot]"}
        return self.hub.tokens.mint(
            kind,
            login=login[kind],
            repositories=["acme/app"],
            permissions=permissions,
            run_id=7 if kind == "workflow" else None,
            app_id=77 if kind == "installation" else None,
        )

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Heard:
        """What the REST API answers; `token` "" asks without one."""
        return self.ask(
            method,
            self.hub.api_url + path,
            None if body is None else json.dumps(body).encode(),
            token=self.token if token is None else token,
            headers=headers,
        )

    def ask(
        self,
        method: str,
        url: str,
        data: bytes | None = None,
        *,
        token: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Heard:
        """What any address answers; redirects are not followed."""
        sent = {"User-Agent": "tests", **({"Authorization": f"Bearer {token}"} if token else {})}
        request = urllib.request.Request(
            url if "://" in url else self.hub.url + url,
            data=data,
            headers={**sent, **(headers or {})},
            method=method,
        )
        try:
            with urllib.request.build_opener(_Stay).open(request, timeout=60) as answer:
                return Heard(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Heard(error.code, error.headers, error.read())

    def git(self, *arguments: str, fails: bool = False) -> str:
        """Run git in the person's clone: what it prints, of both kinds."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.clone,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert bool(done.returncode) == fails, done.stdout
        return done.stdout

    def remote(self, token: str | None = None, name: str = "acme/app") -> str:
        """The address of a repository with a token in it."""
        given = self.token if token is None else token
        who = f"x-access-token:{given}@" if given else ""
        return f"{self.hub.url.replace('://', f'://{who}')}/{name}.git"

    def push(self, *refs: str, token: str | None = None, fails: bool = False) -> str:
        """Push from the person's clone; what git says."""
        return self.git("push", "--porcelain", self.remote(token), *refs, fails=fails)

    def commit(self, path: str = "", text: str = "") -> str:
        """A commit on the clone's branch: its SHA. Without a path it changes a file of its own."""
        number = next(self._numbers)
        file = self.clone / (path or f"file-{number}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text or f"{number}\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", f"commit {number}")
        return self.head()

    def head(self) -> str:
        return self.git("rev-parse", "HEAD").strip()

    def refs(self) -> dict[str, str]:
        """What the server has."""
        lines = self.git("ls-remote", self.remote()).splitlines()
        return {ref: sha for sha, ref in (line.split("\t") for line in lines) if ref != "HEAD"}

    def require(self, *contexts: str, app_id: int | None = None, is_classic: bool = False) -> None:
        """A rule: these checks have to pass before main moves."""
        more = {} if app_id is None else {"integration_id": app_id}
        checks = [{"context": context, **more} for context in contexts]
        parameters = {"required_status_checks": checks}
        rule = {"type": "required_status_checks", "parameters": parameters}
        self.hub.add_ruleset(
            self.repository, "checks", ("~DEFAULT_BRANCH",), (rule,), is_classic=is_classic
        )

    def forget(self, *words: str) -> None:
        """Every deviation so far has one of these words, and is meant: forget them."""
        strange = [one for one in self.hub.deviations if not any(word in one for word in words)]
        assert self.hub.deviations, "nothing deviated"
        assert strange == []
        self.hub.deviations.clear()


@pytest.fixture(scope="session")
def described() -> openapi.Description:
    """GitHub's description, which every server here reads."""
    try:
        return openapi.description()
    except (Refused, Unreachable) as error:
        absent(Missing(str(error), error.remedy))


@pytest.fixture
def world(tmp_path: Path, described: openapi.Description) -> Iterator[World]:
    """An empty acme/app, one commit in a person's clone; nothing may deviate by the end."""
    clock = Clock()
    hub = Hub(tmp_path / "hub", clock)
    repository = hub.create_repository("acme/app")
    clone = tmp_path / "clone"
    clone.mkdir()
    with Server(hub) as server:
        it = World(hub, server, clock, clone, repository)
        it.token = it.mint(**EVERYTHING)
        it.git("init", "-q", "-b", "main", "--template=")
        it.commit("README.md", "An app.\n")
        yield it
    hub.close()
    assert hub.deviations == []


@pytest.fixture
def pushed(world: World) -> World:
    """The same, with main on the server, and no events."""
    world.git("push", "-q", str(world.repository.path), "main")
    return world
