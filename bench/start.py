"""What it costs to start: from bash to our first line, warm; and the first start on a machine.

    python bench/start.py [rounds]

Warm starts take turns with those of a bare Python; medians, and the worst. Cold ones install the
real lock into a cache of their own, with uv if it is on PATH, and with pip alone; their downloads
come from the index, or from what uv and pip have kept of it.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIRST_LINE = "def main():\n    return 0\n"
ACTIONS = {
    "plan-images": {"INPUT_CHECKOUT": str(ROOT / "examples" / "app")},
    "promote-wave, an input is missing": {},
}


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        empty = bare(folder / "bare")
        environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
        environment.pop("RUNNER_TOOL_CACHE", None)
        environment.pop("GITHUB_ACTIONS", None)
        start(empty, [], environment)
        print(f"warm, medians of {rounds} (worst)")
        report(rounds, empty, environment)
        for tool in ("uv", "pip"):
            if tool == "uv" and shutil.which("uv") is None:
                print("cold with uv: uv is not on PATH")
                continue
            print(f"cold with {tool}: {statistics.median(cold(folder, tool)):.2f} s, median of 3")


def report(rounds: int, empty: Path, environment: dict[str, str]) -> None:
    seconds: dict[str, list[float]] = {}
    python = (
        next(Path(environment["XDG_CACHE_HOME"]).glob("tidemill/packages/*/python"))
    ).read_text()
    for _ in range(rounds):
        began = time.perf_counter()
        subprocess.run([python.strip(), "-I", "-S", "-c", ""], check=True)
        seconds.setdefault("a bare Python", []).append(time.perf_counter() - began)
        seconds.setdefault("bash to our first line", []).append(start(empty, [], environment))
        for name, inputs in ACTIONS.items():
            words = ["--as-action", name.partition(",")[0]]
            took = start(ROOT, words, {**environment, **inputs})
            seconds.setdefault(f"the action {name}", []).append(took)
        for name, words in {"--version": ["--version"], "the help of all": ["--help"]}.items():
            took = start(ROOT, words, environment)
            seconds.setdefault(f"tidemill {name}", []).append(took)
        seconds.setdefault("to a turn's first call of Git", []).append(first_git(environment))
    for name, found in seconds.items():
        print(f"  {name:45} {statistics.median(found) * 1000:6.0f} ms ({max(found) * 1000:.0f})")


def first_git(environment: dict[str, str]) -> float:
    """Seconds until a turn first asks Git for a repository; the Git is one that only says when."""
    with tempfile.TemporaryDirectory() as name:
        git, stamp = Path(name, "git"), Path(name, "stamp")
        git.write_text(
            '#!/bin/bash\n[ "$1" != version ] || { echo git version 2.39.5; exit; }\n'
            f"[ -e {stamp} ] || echo $EPOCHREALTIME >{stamp}\nexit 1\n"
        )
        git.chmod(0o755)
        words = ["--as-action", "reconcile-cfg-app"]
        path = f"{name}{os.pathsep}{environment['PATH']}"
        more = {"INPUT_REPO": f"file://{name}/none.git", "INPUT_DRY-RUN": "true", "PATH": path}
        began = time.time()
        start(ROOT, words, {**environment, **more})
        return float(stamp.read_text()) - began


def cold(folder: Path, tool: str) -> list[float]:
    environment = {key: one for key, one in os.environ.items() if key != "RUNNER_TOOL_CACHE"}
    if tool == "pip":
        found = [
            one for one in environment["PATH"].split(os.pathsep) if not Path(one, "uv").exists()
        ]
        environment["PATH"] = os.pathsep.join(found)
    seconds = []
    for number in range(3):
        environment["XDG_CACHE_HOME"] = str(folder / f"{tool}-{number}")
        seconds.append(start(folder / "bare", [], environment))
    return seconds


def bare(root: Path) -> Path:
    """A checkout whose first line is its last."""
    shutil.copytree(ROOT / "bin", root / "bin")
    shutil.copy(ROOT / "requirements.lock", root)
    package = root / "src" / "tidemill"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(FIRST_LINE)
    return root


def start(root: Path, words: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(
        [root / "bin" / "run", *words], env=environment, capture_output=True, check=False
    )
    took = time.perf_counter() - began
    if done.returncode not in (0, 1):
        raise SystemExit(json.dumps(done.stderr.decode()))
    return took


if __name__ == "__main__":
    main()
