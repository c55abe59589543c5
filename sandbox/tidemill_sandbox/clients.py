"""How people and clusters speak to the stand-in: Git with a token, and the REST API."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tidemill.errors import ServerRefused

_LIMIT = 120  # seconds


class Rest:
    """The REST API of the stand-in, with one token."""

    def __init__(self, api_url: str, token: str) -> None:
        self._url = urlsplit(api_url)
        self._token = token

    def __call__(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask; the answer's JSON, None where it has none.

        Raises:
            ServerRefused: the answer is an error.
        """
        host = self._url.hostname or ""
        connection = http.client.HTTPConnection(host, self._url.port, timeout=_LIMIT)
        try:
            headers = {
                "Authorization": f"Bearer {self._token}",
                "Accept": "application/vnd.github+json",
                "Content-Type": "application/json",
                "User-Agent": "tidemill-sandbox",
            }
            sent = None if body is None else json.dumps(body)
            connection.request(method, self._url.path + path, sent, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            words = content.decode(errors="replace")[:400]
            raise ServerRefused(f"{method} {path}: {answer.status} {words}",
                                remedy="see the logs of the stand-in's folder")  # fmt: skip
        return json.loads(content) if content else None

    def dispatch(self, repository: str, event_type: str, payload: Mapping[str, Any]) -> None:
        """Send a `repository_dispatch`."""
        body = {"event_type": event_type, "client_payload": payload}
        self("POST", f"/repos/{repository}/dispatches", body)


class Clone:
    """Somebody's clone of a repository.

    Args:
        author: name and address, as in a commit.
        url: of the stand-in with the token in it: these tokens are worth nothing anywhere else.
        branch: the default branch.
    """

    def __init__(
        self, folder: Path, url: str, author: tuple[str, str], branch: str = "main"
    ) -> None:
        self.folder, self.url, self.branch = folder, url, branch
        self._author = author

    def git(self, *arguments: str, at: datetime | None = None) -> str:
        """What a git command prints.

        Args:
            at: when a commit is made; now by default.

        Raises:
            ServerRefused: it failed.
        """
        name, address = self._author
        env = {key: os.environ[key] for key in ("PATH", "TMPDIR") if key in os.environ}
        env |= {
            "HOME": str(self.folder), "LC_ALL": "C.UTF-8", "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": address,
            "GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": address,
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "commit.gpgSign",
            "GIT_CONFIG_VALUE_0": "false",
        }  # fmt: skip
        if at is not None:
            when = f"{int(at.timestamp())} +0000"
            env |= {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
        done = subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LIMIT,
            check=False,
        )
        if done.returncode:
            words = done.stderr.decode(errors="replace").strip()
            raise ServerRefused(
                f"git {arguments[0]} failed: {words}", remedy=f"look at {self.folder}"
            )
        return done.stdout.decode(errors="replace").strip()

    def commit(self, message: str, at: datetime | None = None) -> str:
        """Commit what has changed, if anything, and push it; returns the SHA."""
        self.git("add", "--all")
        if self.git("status", "--porcelain"):
            self.git("commit", "-q", "--no-verify", "-m", message, at=at)
        self.git("push", "-q", "-u", "origin", f"HEAD:refs/heads/{self.branch}")
        return self.git("rev-parse", "HEAD")

    def pull(self) -> None:
        """Take over the default branch as it is."""
        self.git("fetch", "-q", "origin", self.branch)
        self.git("reset", "-q", "--hard", "FETCH_HEAD")

    def replace(self, file: str, old: str, new: str) -> None:
        """Edit a file, in one place."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise ValueError(f"{file} has {text.count(old)} times {old!r}")
        path.write_text(text.replace(old, new), encoding="utf-8")
