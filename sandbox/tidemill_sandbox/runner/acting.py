"""Processes of act: their command, their environment, and their end with all that they started."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from tidemill.errors import Refused
from tidemill_sandbox.runner.chain import CALLS
from tidemill_sandbox.runner.rewriting import LABEL, STEP
from tidemill_sandbox.runner.workflow_files import yaml_of

# What a machine's own settings say about networks and package registries; nothing else of the
# environment reaches a job.
_KEPT = (
    "PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYENV_ROOT",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
    "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOTOOLCHAIN",
)  # fmt: skip
_KEPT_BEGINNINGS = ("PIP_", "UV_", "npm_config_")

# After a step that fails, act reads no more of what it said: its last lines are lost, now and then.
# So a step that failed says a line of its own, and ends when that has come out of act.
_SAID_ALL = "tidemill-sandbox: said all, "
# It is bash, which hands on variables whose names have a hyphen, as inputs have; sh may drop them.
_STEP = f"""\
#!/bin/bash -p
"$@" && exit
status=$? tries=0
echo "{_SAID_ALL}$$"
until [ -e {{heard}}/$$ ] || [ "$tries" -ge 1000 ]; do {{sleep}} 0.01; tries=$((tries + 1)); done
exit "$status"
"""
# Of each job act asks Node.js where it is, which takes longer than all that act does itself. So a
# program of that name answers; everything else it hands on to the real one.
_NODE = """\
#!/bin/bash -p
[ "$*" != "--no-warnings -e console.log(process.execPath)" ] || {{ echo {node}; exit; }}
exec {node} "$@"
"""


@dataclass(frozen=True)
class Task:
    """What a process of act is to do.

    Attributes:
        folder: of its own, for its files; `home` is the HOME of its jobs.
        documents: the workflow, and the ones that it calls, as `chain` makes them.
        tools: the tool cache, which all jobs share, as those of a self-hosted runner do.
        local: folders by `owner/repo@ref`.
    """

    folder: Path
    documents: Sequence[Mapping[str, Any]]
    event: str
    payload: Mapping[str, Any]
    actor: str
    env: Mapping[str, str]
    secrets: Mapping[str, str]
    variables: Mapping[str, str]
    local: Mapping[str, Path]
    tools: Path


def program() -> str:
    """Where act is: beside this Python, or on PATH.

    Raises:
        Refused: nowhere.
    """
    beside = Path(sys.executable).parent / "act"
    found = str(beside) if beside.is_file() else shutil.which("act")
    if found is None:
        raise Refused(
            "act, which runs workflow files, is not here",
            remedy="install the group `sandbox`: `make setup` in a checkout of Tidemill does",
        )
    return found


class Act:
    """A process of act that runs; its output is a log, one JSON object a line."""

    def __init__(self, task: Task) -> None:
        folder = task.folder
        for name in ("home", "work", "cache", "calls/.github/workflows", "shell", "heard"):
            (folder / name).mkdir(parents=True)
        task.tools.mkdir(parents=True, exist_ok=True)
        (folder / "cache" / "tool_cache").symlink_to(task.tools)
        _write(folder / "workflow.yml", task.documents[0])
        for number, document in enumerate(task.documents[1:], 1):
            _write(folder / "calls/.github/workflows" / f"{number}.yml", document)
        for name, content in (
            ("event.json", task.payload),
            ("secrets.yml", task.secrets),
            ("vars.yml", task.variables),
            ("env.yml", task.env),
            ("inputs.yml", {}),
        ):
            _write_private(folder / name, content)
        self._heard = folder / "heard"
        step = _STEP.format(sleep=shutil.which("sleep"), heard=self._heard)
        _write_program(folder / "shell" / STEP, step)
        if node := shutil.which("node"):
            _write_program(folder / "shell/node", _NODE.format(node=quote(os.path.realpath(node))))
        local = {f"{CALLS}@1": folder / "calls", **task.local}
        command = [
            program(), task.event, "--json", "-C", str(folder / "work"),
            "-W", str(folder / "workflow.yml"), "-e", str(folder / "event.json"),
            "--secret-file", str(folder / "secrets.yml"), "--var-file", str(folder / "vars.yml"),
            "--env-file", str(folder / "env.yml"), "--input-file", str(folder / "inputs.yml"),
            "-P", f"{LABEL}=-self-hosted", "--actor", task.actor, "--no-skip-checkout",
            "--no-cache-server", "--action-cache-path", str(folder / "cache"), "--pull=false",
            *(f"--local-repository={place}={path}" for place, path in local.items()),
        ]  # fmt: skip
        self._process = subprocess.Popen(
            command,
            cwd=folder / "work",
            env=_machine(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def log(self) -> Iterator[dict[str, Any]]:
        """What it says, as it says it, to its end; a line that is no JSON as {"msg": line}."""
        stream = self._process.stdout
        if stream is None:
            return
        with stream:
            for line in stream:
                try:
                    found = json.loads(line)
                except ValueError:
                    found = None
                if not isinstance(found, dict):
                    found = {"msg": line.decode(errors="replace"), "raw_output": True}
                text, mark, process = str(found.get("msg")).partition(_SAID_ALL)
                if mark and process.strip().isdecimal():
                    (self._heard / process.strip()).touch()
                    found["msg"] = text
                if text:
                    yield found
        self._process.wait()

    def kill(self) -> None:
        """End it at once, and all that it started, whatever their process groups."""
        try:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGSTOP)  # so that it starts nothing meanwhile
            while below := _below(self._process.pid):
                for pid in below:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                if all(_is_dead(pid) for pid in below):
                    break
        finally:
            self._process.kill()


def _write(path: Path, document: Mapping[str, Any]) -> None:
    path.write_text(yaml_of(document), encoding="utf-8")


def _write_program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def _write_private(path: Path, content: Mapping[str, Any]) -> None:
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(number, "w", encoding="utf-8") as stream:
        json.dump(dict(content), stream)


def _machine(folder: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith(_KEPT_BEGINNINGS)
    }
    own = str(Path(sys.executable).parent)  # what the examples' entry points need is there
    path = (str(folder / "shell"), own, kept.get("PATH", os.defpath))
    return {**kept, "PATH": os.pathsep.join(path), "HOME": str(folder / "home")}


def _below(pid: int) -> list[int]:
    """All descendants of a process, the nearest first."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found = list(children.get(pid, ()))
    for one in found:
        found += children.get(one, ())
    return found


def _is_dead(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "ZX"
