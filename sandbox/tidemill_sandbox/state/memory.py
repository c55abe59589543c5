"""What the stand-in for GitHub knows, in memory, and the lock around it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tidemill_sandbox.state.messages import Asked
from tidemill_sandbox.state.shapes import (
    Account,
    App,
    Artifact,
    CheckRun,
    Deployment,
    Event,
    Installation,
    Issue,
    Repository,
    Run,
    Status,
    Workflow,
)


class Memory:
    """Plain records; hold `lock` while you read or change what others may change.

    Attributes:
        folder: where it keeps what is on disk: `repositories/`, `artifacts/`, `logs/`.
        url: the server's address without a slash at the end, once it listens: what
            GITHUB_SERVER_URL is. `api_url` is GITHUB_API_URL, `results_url` ACTIONS_RESULTS_URL.
        now: the one clock; a test may set another.
        deviations: how requests, answers or events differ from GitHub's description; each one
            sentence. A sound session ends with none.
        events: all events, in order; calls: all calls of the REST API, as they were on the wire.
    """

    def __init__(self, folder: Path, now: Callable[[], datetime] | None = None) -> None:
        self.folder = folder
        self.lock = threading.RLock()
        self.now = now or (lambda: datetime.now(UTC))
        self.url = ""
        self.accounts: dict[str, Account] = {}
        self.repositories: dict[str, Repository] = {}
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}
        self.workflows: dict[tuple[str, str], Workflow] = {}
        self.runs: list[Run] = []
        self.statuses: list[Status] = []
        self.check_runs: list[CheckRun] = []
        self.deployments: list[Deployment] = []
        self.issues: list[Issue] = []
        self.artifacts: list[Artifact] = []
        self.events: list[Event] = []
        self.calls: list[Asked] = []
        self.deviations: list[str] = []
        self._ids = itertools.count(1001)
        for name in ("repositories", "artifacts", "logs"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/v3"

    @property
    def results_url(self) -> str:
        return f"{self.url}/"

    def new_id(self) -> int:
        """An id that nothing else has."""
        return next(self._ids)

    def account(self, login: str, kind: str | None = None) -> Account:
        """The account of this login; made where it is new."""
        with self.lock:
            if login not in self.accounts:
                guess = kind or ("Bot" if login.endswith("[bot]") else "User")
                self.accounts[login] = Account(self.new_id(), login, guess)  # type: ignore[arg-type]
            return self.accounts[login]

    def repository(self, name: str) -> Repository | None:
        """By `owner/name`, whatever its case, as on GitHub."""
        return self.repositories.get(name.lower())

    def run(self, run_id: int) -> Run | None:
        """A run by its id."""
        return next((run for run in self.runs if run.id == run_id), None)

    def deviate(self, what: str) -> None:
        """Note that something differs from GitHub's description."""
        with self.lock:
            self.deviations.append(what)
