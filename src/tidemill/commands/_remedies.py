"""Commands that run as printed: in a terminal, and on GitHub."""

from __future__ import annotations

import os
import shlex
from datetime import datetime

from msgspec import Struct

from tidemill.asks.workflow_dispatch import inputs_of
from tidemill.clients.github import place
from tidemill.plan.obstacles import Wait
from tidemill.plan.wording import form, line_command, reasons, runs_as
from tidemill.words.urls import without_credentials


class Remedies(Struct, frozen=True):
    """How a person reaches one cfg-app.git.

    Attributes:
        repo: what `--repo` takes, without credentials.
        now: when it was read, for what is still to go.
        workflow: how `gh workflow run` begins, where it is on GitHub.
        server: GitHub's address, where it is there.
    """

    repo: str
    now: datetime
    workflow: tuple[str, ...] = ()
    server: str | None = None

    @classmethod
    def of(cls, url: str, now: datetime) -> Remedies:
        """For the repository that a command was given."""
        path = os.path.abspath(url) if os.path.exists(url) else url  # noqa: PTH100, PTH110
        repo = without_credentials(path)
        where = place.of_remote(repo)
        if where is None:
            return cls(repo, now)
        host = where.server.partition("://")[2]
        name = where.repository if host == "github.com" else f"{host}/{where.repository}"
        return cls(
            repo, now, ("gh", "workflow", "run", place.workflow_file(), "-R", name), where.server
        )

    def typed(self, words: tuple[str, ...]) -> str:
        return runs_as(words, self.repo)

    def on_github(self, words: tuple[str, ...]) -> str | None:
        """The same by the repository's workflow; None where it is not on GitHub, or can't."""
        inputs = inputs_of(words)
        if not self.workflow or inputs is None:
            return None
        fields = [part for key, value in inputs.items() for part in ("-f", f"{key}={value}")]
        return shlex.join([*self.workflow, *fields])

    def both(self, words: tuple[str, ...]) -> str:
        """A command, and the same on GitHub where there is one."""
        found = self.on_github(words)
        return f"{self.typed(words)}, or {found}" if found else self.typed(words)

    def ending(self, line: Wait) -> tuple[str, str | None]:
        """The command that ends a wait, as it is typed; and the same on GitHub."""
        if (filled := form(line)) and (found := self.on_github(filled)):
            return found, found
        words = line_command(line)
        return self.typed(words), self.on_github(words)

    def that_ends(self, line: Wait) -> str:
        """The first of these; empty where there is none but to look again."""
        typed, _ = self.ending(line)
        return "" if typed == self.typed(("status",)) else typed

    def reasons(self, line: Wait) -> str:
        """All that something waits for, counted where it is several things, and the command that
        ends the wait."""
        found = reasons(line, self.now)
        numbered = [f"({number}) {one}" for number, one in enumerate(found, start=1)]
        said = ". ".join(numbered if len(found) > 1 else found)
        return f"{said}. To go on: {self.ending(line)[0]}"
