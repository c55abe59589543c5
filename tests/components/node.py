"""Packages of npm that tests run: GitHub's own code for artifacts and for its API."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from tests.components.absence import Missing
from tests.components.store import Part, note

HERE = Path(__file__).parent / "tools" / "npm"
FILES = ("package.json", "package-lock.json")
LIMIT = 600  # seconds


def _make(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Missing("There is no npm.", "Install Node.js 20 or later.")
    for name in FILES:
        shutil.copy(HERE / name, folder)
    command = [npm, "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    if done.returncode:
        raise Missing(f"npm ci failed: {done.stderr[-500:]}", "Make its registry reachable.")
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    note(folder, wanted)


GITHUB_PACKAGES = Part(
    "tools-npm",
    "installing packages of npm",
    "1\n" + "".join((HERE / name).read_text() for name in FILES),
    _make,
)
