"""A command run as an action, in a process of its own, with the files that a runner gives it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SRC = Path(__file__).resolve().parents[2] / "src"
REPOSITORY = "acme/cfg-app"


@dataclass(frozen=True)
class Acted:
    """How it ended: both streams as one log, the outputs, and the summary."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str

    def annotations(self, kind: str) -> list[str]:
        """The texts of a kind that a runner takes up: quoted lines count for nothing."""
        return [
            line.split("::", 2)[2].replace("%0A", "\n").replace("%25", "%")
            for line in self.commands()
            if line.startswith(f"::{kind} ")
        ]

    def commands(self) -> list[str]:
        """The lines in which a runner looks for commands; it ends a line at a lone `\\r`, too."""
        found, stopped = [], None
        for line in self.log.splitlines():
            if stopped is None and line.startswith("::stop-commands::"):
                stopped = f"::{line.rpartition('::')[2]}::"
            elif line == stopped:
                stopped = None
            elif stopped is None:
                found.append(line)
        return found


def act(folder: Path, name: str | None, inputs: Mapping[str, str], **environment: str) -> Acted:
    """Run the action of a command; the root action without a name.

    Args:
        inputs: by their names, as `with:` has them.
        environment: of the step, besides what a runner sets.
    """
    step = folder / "step"
    (step / "temp").mkdir(parents=True, exist_ok=True)
    output, summary = step / "output", step / "summary"
    output.write_text("")
    summary.write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "tidemill", "--as-action", *([name] if name else [])],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(SRC),
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "ada",
            "GITHUB_OUTPUT": str(output),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "1",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_STEP_SUMMARY": str(summary),
            "RUNNER_TEMP": str(step / "temp"),
            "TIDEMILL_ENTRYPOINTS": "same-user",
            **{f"INPUT_{name.upper()}": value for name, value in inputs.items()},
            **environment,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
        timeout=120,
    )
    return Acted(done.returncode, done.stdout, _outputs(output.read_text()), summary.read_text())


def _outputs(text: str) -> dict[str, str]:
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        name, _, delimiter = line.partition("<<")
        value = []
        while (one := next(lines)) != delimiter:
            value.append(one)
        found[name] = "\n".join(value)
    return found
