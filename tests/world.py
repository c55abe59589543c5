"""A cfg-app.git of one's own, and the people and machines around it, through the command line."""

from __future__ import annotations

import io
import json
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tidemill.__main__ import main

START = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)  # a Monday
REGISTRY = "ghcr.io/acme"
GIT_CONFIG = Path(__file__).with_name("gitconfig")  # how Git is configured in tests
SHARED = "TESTS_SHARED"  # names a folder of this run of pytest, which all its workers have

# It runs thousands of times: what it would import takes as long as Python itself.
GENERATE = """\
import os, sys

def read(path):
    with open(path) as file:
        return eval(file.read(), {"true": True, "false": False, "null": None})

rollout = read("rollout.json")
if rollout.get("broken"):
    sys.exit("rollout.json is broken")
for wave, targets in rollout["waves"].items():
    inside = os.walk(os.path.join("images", wave))
    folders = sorted(folder.split("/") for folder, _, files in inside if "digests.json" in files)
    sets = [sorted(read("/".join([*folder, "digests.json"])).items()) for folder in folders]
    for target, services in targets.items():
        out = os.path.join("generated", wave, target)
        os.makedirs(out, exist_ok=True)
        lines = []
        for found in sets:
            for service, digest in found:
                if services is None or service in services:
                    lines.append(f"{service}: {digest}")
        text = "\\n".join([rollout.get("note", ""), *lines]) + "\\n"
        with open(os.path.join(out, "all.yaml"), "w") as file:
            file.write(text)
"""


def git(folder: Path, *arguments: str, data: bytes | None = None) -> str:
    """Run git and return what it printed."""
    done = subprocess.run(
        ["git", *arguments], cwd=folder, input=data, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


def sha_of(text: str) -> str:
    """A made-up SHA of an app commit, the same for the same text."""
    import hashlib

    return hashlib.sha1(text.encode()).hexdigest()


def announcement(
    position: int,
    services: dict[str, str] | None = None,
    *,
    set_name: str = "app",
    sha: str | None = None,
    repository: str = "acme/app",
) -> dict[str, Any]:
    """An announcement; `services` says the content of each service's image."""
    sha = sha or sha_of(f"{set_name}-{position}")
    images = {}
    for service, content in (services or {"web": str(position)}).items():
        import hashlib

        digest = hashlib.sha256(f"{service}-{content}".encode()).hexdigest()
        name = f"{REGISTRY}/{service.lower()}"
        images[service] = {"Digest": f"{name}@sha256:{digest}", "Tag": f"{name}:{sha}"}
    return {
        "version": 1,
        "set": set_name,
        "repository": repository,
        "sha": sha,
        "position": position,
        "images": images,
    }


class Result(dict[str, Any]):
    """What a command printed with `--json`, and its exit code."""

    code: int


class World:
    """A bare cfg-app.git with waves and targets, and a clock that only `later` moves."""

    def __init__(
        self,
        folder: Path,
        waves: dict[str, dict[str, Any]],
        *,
        sets: tuple[str, ...] = ("app",),
        targets: dict[str, dict[str, list[str] | None]] | None = None,
        top: str = "",
        checks: str = "retries = 0",
        entrypoints: str | None = None,
    ) -> None:
        self.folder = folder
        self.now = START
        self.bare = folder / "cfg-app.git"
        self.clone = folder / "person"
        self.runs = 0
        self.asked: list[str] = []  # what the last turn wanted to have checked
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(self.bare)], check=True)
        subprocess.run(["git", "init", "-q", "-b", "main", str(self.clone)], check=True)
        self.targets = targets or {
            wave: dict.fromkeys(options["targets"]) for wave, options in waves.items()
        }
        self.rollout: dict[str, Any] = {"waves": self.targets, "note": "1"}
        (self.clone / "generate.py").write_text(GENERATE)
        self.settings = self._settings(waves, sets, top, checks, entrypoints)
        (self.clone / "tidemill.toml").write_text(self.settings)
        self.edit(note="1")

    def _settings(
        self,
        waves: dict[str, dict[str, Any]],
        sets: tuple[str, ...],
        top: str,
        checks: str,
        entrypoints: str | None,
    ) -> str:
        several = "images/{wave}/{set}" if len(sets) > 1 else "images/{wave}"
        lines = [
            top,
            "[checks]",
            'source = "refs"',
            checks,
            "[images]",
            f'path = "{several}"',
            'allow = ["ghcr.io/acme/*"]',
        ]
        lines += [
            "[entrypoints]",
            'generate = "python3 generate.py"' if entrypoints is None else entrypoints,
        ]
        lines += ["[deployments]", 'path = "generated/{wave}/{target}"']
        for name in sets:
            lines += ["[[sets]]", f'name = "{name}"']
        for name, options in waves.items():
            lines += ["[[waves]]", f'name = "{name}"']
            lines += [f"{key} = {json.dumps(value)}" for key, value in options.items()]
        return "\n".join(lines) + "\n"

    def later(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)

    def edit(self, push: bool = True, **changes: Any) -> str:
        """A person edits the rollout's sources, generates, and pushes to main."""
        if git(self.bare, "for-each-ref", "refs/heads/main"):
            git(self.clone, "fetch", "-q", str(self.bare), "main")
            git(self.clone, "reset", "-q", "--hard", "FETCH_HEAD")
        self.rollout.update(changes)
        (self.clone / "rollout.json").write_text(json.dumps(self.rollout))
        (self.clone / "tidemill.toml").write_text(self.settings)
        subprocess.run(["python3", "generate.py"], cwd=self.clone, check=False, capture_output=True)
        return self.commit("a person's edit", push=push)

    def commit(self, message: str, *, push: bool = True) -> str:
        """Commit whatever a person changed in the clone."""
        git(self.clone, "add", "-A")
        git(self.clone, "commit", "-q", "--allow-empty", "-m", message)
        if push:
            git(self.clone, "push", "-q", str(self.bare), "HEAD:main")
        return git(self.clone, "rev-parse", "HEAD")

    def run(self, *arguments: str, repo: bool = True) -> Result:
        """Run a command with `--json` at the world's time."""
        out, err = io.StringIO(), io.StringIO()
        given = [
            *arguments,
            *(["--repo", str(self.bare)] if repo else []),
            "--now",
            self.now.isoformat(),
            "--json",
        ]
        with redirect_stdout(out), redirect_stderr(err):
            code = main(given)
        found = Result(json.loads(out.getvalue()))
        found.code = code
        self.asked = found.get("to_check", self.asked)
        return found

    def announce(
        self,
        position: int,
        services: dict[str, str] | None = None,
        *,
        override: str | None = None,
        **kw: Any,
    ) -> Result:
        """Announce a set and turn."""
        file = self.folder / "announcement.json"
        file.write_text(json.dumps(announcement(position, services, **kw)))
        return self.run(
            "update-cfg-app",
            "--announcement",
            str(file),
            *(["--override", override] if override else []),
        )

    def turn(self) -> Result:
        """One turn."""
        return self.run("reconcile-cfg-app")

    def check(self, sha: str, state: str = "success", run: str | None = None) -> Result:
        """A check reports."""
        self.runs += 1
        name = run or str(self.runs)
        return self.run(
            "record-check", "--sha", sha, "--context", "check", "--state", state, "--run", name
        )

    def green(self, most: int = 12) -> Result:
        """Everything that has to be checked is green, until nothing changes any more."""
        turn = Result(to_check=self.asked, changed=True) if self.asked else self.turn()
        for _ in range(most):
            if not turn["to_check"] and not turn["changed"]:
                return turn
            for sha in turn["to_check"]:
                self.check(sha)
            turn = self.turn()
        raise AssertionError("it does not come to rest")

    def report(
        self, wave: str, target: str, phase: str = "Succeeded", health: str = "Healthy", **kw: Any
    ) -> Result:
        """A target reports that it has synced main."""
        revision = kw.get("revision") or self.ref("refs/heads/main")
        images = [part for image in kw.get("images", ()) for part in ("--image", image)]
        finished = kw.get("finished") or self.now
        return self.run(
            "record-deployment", "--wave", wave, "--target", target, "--revision", revision or "",
            "--phase", phase, "--health", health, "--finished-at", finished.isoformat(), *images,
        )  # fmt: skip

    def deploy(self, wave: str) -> None:
        """Every target of a wave reports main as healthy."""
        for target in self.targets[wave]:
            self.report(wave, target)

    def status(self) -> Result:
        """The status."""
        return self.run("status")

    def ref(self, name: str) -> str | None:
        """What a ref points to."""
        return git(self.bare, "for-each-ref", "--format=%(objectname)", name) or None

    def refs(self, below: str) -> list[str]:
        """The names of refs below a prefix."""
        return git(
            self.bare, "for-each-ref", "--format=%(refname)", f"refs/tidemill/{below}"
        ).split()

    def in_git(self) -> str:
        """What is in the repository, for whoever reads that a test has failed."""
        branches = git(self.bare, "log", "--graph", "--oneline", "--decorate", "-20", "--branches")
        refs = git(self.bare, "for-each-ref", "--format=%(refname) %(subject)", "refs/tidemill")
        has_journal = "refs/tidemill/journal" in refs
        written = ("log", "--format=%B", "-5", "refs/tidemill/journal", "--")
        journal = git(self.bare, *written) if has_journal else "none"
        return f"at {self.now}\n{branches}\n\n{refs}\n\nthe last turns:\n{journal}"

    def on_main(self, wave: str, set_name: str | None = None) -> str | None:
        """The app SHA of a wave on main, by its source.json."""
        folder = f"images/{wave}/{set_name}" if set_name else f"images/{wave}"
        try:
            return str(json.loads(git(self.bare, "show", f"main:{folder}/source.json"))["sha"])
        except subprocess.CalledProcessError:
            return None
