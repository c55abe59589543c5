"""Runs a program for preparing components; what goes wrong is said in its own words."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.components.absence import Missing

LAST_LINES = 20


def run(
    command: Sequence[object],
    *,
    remedy: str,
    cwd: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> str:
    """Its standard output; or Missing, with the last lines that it wrote."""
    try:
        done = subprocess.run(
            list(map(str, command)),
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as problem:
        raise Missing(f"{command[0]} does not start: {problem}.", remedy) from problem
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-LAST_LINES:])
        line = " ".join(map(str, command))
        raise Missing(f"{line} ended with {done.returncode}:\n{said}\n", remedy)
    return done.stdout
