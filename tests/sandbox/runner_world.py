"""A server with a runner, and one repository whose workflow files a test writes."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.components.absence import Missing, absent
from tests.world import SHARED

from tidemill.errors import Refused, Unreachable
from tidemill_sandbox import npm_files
from tidemill_sandbox.clients import Clone, Rest
from tidemill_sandbox.runner.acting import program
from tidemill_sandbox.runner.shelf import Shelf
from tidemill_sandbox.runner.starting import Starter
from tidemill_sandbox.runner.workshop import Machines
from tidemill_sandbox.server.listening import Server
from tidemill_sandbox.state.hub import Hub
from tidemill_sandbox.state.shapes import Access, Job, Run

ROOT = Path(__file__).resolve().parents[2]
NAME = "acme/shop"
RIGHTS: dict[str, Access] = dict.fromkeys(
    ("actions", "checks", "contents", "deployments", "statuses", "workflows"), "write"
)


class Mill:
    """A repository on the stand-in, and Ada, who owns it."""

    def __init__(self, folder: Path, server: Server, starter: Starter) -> None:
        self.hub, self.server, self.starter = server.hub, server, starter
        self.folder = folder
        self.repository = self.hub.create_repository(NAME)
        self.ada = self.hub.tokens.mint("user", login="ada", repositories=None, permissions=RIGHTS)
        self.rest = Rest(self.hub.api_url, self.ada)
        url = self.hub.url.replace("://", f"://x:{self.ada}@") + f"/{NAME}.git"
        (folder / "clone").mkdir()
        self.clone = Clone(folder / "clone", url, ("Ada", "ada@example.com"))
        self.clone.git("init", "-q", "-b", "main")
        self.clone.git("remote", "add", "origin", url)

    def push(self, message: str = "A change", **files: str) -> str:
        """Write workflow files (`a` for `.github/workflows/a.yml`), commit, push; the SHA."""
        folder = self.clone.folder / ".github" / "workflows"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / f"{name}.yml").write_text(text, encoding="utf-8")
        with (self.clone.folder / "changes").open("a", encoding="utf-8") as stream:
            stream.write(f"{message}\n")
        return self.clone.commit(message)

    def settled(self) -> list[Run]:
        """All runs, when all have ended."""
        assert self.starter.settle(), failed(self.hub)
        return list(self.hub.runs)

    def only_run(self) -> Run:
        """The one run there is, at its end."""
        (run,) = self.settled()
        return run

    def dispatch(self, event_type: str = "go", payload: Mapping[str, Any] | None = None) -> None:
        self.rest.dispatch(NAME, event_type, payload or {})


def failed(hub: Hub) -> str:
    """Of each run that is not at a good end, how it is, and the ends of its logs."""

    def end(run: Run) -> str:
        logs = [run.log, *(job.log for job in run.jobs if job.conclusion in (None, "failure"))]
        texts = [log.read_text()[-2000:] for log in logs if log is not None and log.is_file()]
        how = run.conclusion or run.status
        return f"{run.workflow.path} {run.event}: {how}, {ended(run)}\n" + "\n".join(texts)

    return "\n".join(end(run) for run in hub.runs if run.conclusion not in ("success", "skipped"))


def log(run: Run, name: str) -> str:
    """What a job of a run has printed, without times."""
    text = job(run, name).log
    assert text is not None
    lines = text.read_text(encoding="utf-8").splitlines()
    return "\n".join(line.partition("Z ")[2] for line in lines)


def job(run: Run, name: str) -> Job:
    return next(one for one in run.jobs if one.name == name)


def ended(run: Run) -> dict[str, str | None]:
    """How each job of a run has ended."""
    return {one.name: one.conclusion for one in run.jobs}


def printed(run: Run, name: str) -> Any:
    """The last line of JSON that a job has printed."""
    lines = [line for line in log(run, name).splitlines() if line.startswith("{")]
    return json.loads(lines[-1])


@contextmanager
def mill(
    folder: Path,
    *,
    most: int = 2,
    env: Mapping[str, str] | None = None,
    checkout: Path | None = None,
    actions: Mapping[str, Path] | None = None,
) -> Iterator[Mill]:
    """Start everything; where act or GitHub's schemas can't be had, that is `Missing`.

    Args:
        env: what jobs find in their environment besides.
        checkout: a copy of Tidemill for this one alone, which then has a tool cache of its own.
        actions: folders of actions that are none of Tidemill's, by `owner/name`.
    """
    try:
        program()
        npm_files.file_of(npm_files.WEBHOOKS, "schema.json")
    except (Refused, Unreachable) as error:
        absent(Missing(f"{error.what}.", error.remedy))
    hub = Hub(folder / "hub")
    shelf = Shelf(folder / "shelf", hub, checkout or ROOT, actions or {})
    tools = shared_tools() if checkout is None else None
    free = threading.Semaphore(most)
    machines = Machines(hub, shelf, folder / "runs", free, env or {}, tools=tools)
    with Server(hub) as server:
        starter = Starter(hub, machines, most=most)
        try:
            yield Mill(folder, server, starter)
        finally:
            starter.close()
            hub.close()
    assert not hub.deviations, hub.deviations


def shared_tools() -> Path:
    """The tool cache of all tests of this run: packages are installed and compiled once."""
    return Path(os.environ[SHARED]) / "tools"


def node() -> str:
    """Node.js, which the stand-ins for actions need."""
    found = shutil.which("node")
    if found is None:
        absent(Missing("There is no Node.js.", "Install it."))
    return found
