"""What waits, with commands that run as printed: in a terminal, and on GitHub."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from tidemill.asks.workflow_dispatch import inputs_of
from tidemill.clients.git.git import redacted
from tidemill.clients.github import place
from tidemill.commands._writing import time_text
from tidemill.plan.obstacles import Obstacle, Wait
from tidemill.plan.wording import command, in_words, line_command, reasons, runs_as, subject


@dataclass(frozen=True)
class Remedies:
    """How a person reaches one cfg-app.git.

    Attributes:
        repo: what `--repo` takes, without credentials.
        now: when it was read, for what is still to go.
    """

    repo: str
    now: datetime

    @classmethod
    def of(cls, url: str, now: datetime) -> Remedies:
        """For the repository that a command was given."""
        path = os.path.abspath(url) if os.path.exists(url) else url  # noqa: PTH100, PTH110
        return cls(redacted(path).replace("***@", ""), now)

    def typed(self, words: tuple[str, ...]) -> str:
        """A command as it is typed."""
        return runs_as(words, self.repo)

    def on_github(self, words: tuple[str, ...]) -> str | None:
        """The same by the repository's workflow; None where it is not on GitHub, or can't."""
        where, inputs = place.of_url(self.repo), inputs_of(words)
        if where is None or inputs is None:
            return None
        host = where.server.partition("://")[2]
        name = where.repository if host == "github.com" else f"{host}/{where.repository}"
        fields = [part for key, value in inputs.items() for part in ("-f", f"{key}={value}")]
        return shlex.join(["gh", "workflow", "run", place.workflow_file(), "-R", name, *fields])

    def both(self, words: tuple[str, ...]) -> str:
        """A command, and the same on GitHub where there is one."""
        found = self.on_github(words)
        return f"{self.typed(words)}, or {found}" if found else self.typed(words)

    def line(self, line: Wait) -> dict[str, Any]:
        """One thing that waits, as `--json` prints it.

        `kind` and `since` are of the first thing that it waits for; `obstacles` has all of them.
        """
        words = line_command(line)
        found: dict[str, Any] = {
            "what": subject(line.about),
            "for": f"{'; '.join(reasons(line, self.now))}: {self.typed(words)}",
            "kind": _kind(line.obstacles[0]),
            "since": time_text(line.since),
            "earliest": time_text(line.earliest),
            "command": self.typed(words),
            "on_github": self.on_github(words),
            "id": line.id,
            **msgspec.to_builtins(msgspec.structs.replace(line.about, at="for")),
            "at": line.about.at,
            "obstacles": [self._obstacle(line, one) for one in line.obstacles],
        }
        kept = ("since",)
        return {key: value for key, value in found.items() if value is not None or key in kept}

    def _obstacle(self, line: Wait, one: Obstacle) -> dict[str, Any]:
        words = command(one, line.about)
        found = {**msgspec.to_builtins(one), "words": in_words(one, self.now)}
        for key in ("since", "until"):
            if (when := getattr(one, key)) is not None:
                found[key] = time_text(when)
        return {**found, "command": self.typed(words)} if words else found


def _kind(one: Obstacle) -> str:
    return str(one.__struct_config__.tag)
