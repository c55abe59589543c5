"""A cfg-app.git on the stand-in for GitHub, whose clusters set deployment statuses alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.world import Result, World, git
from tidemill_sandbox.clients import Rest
from tidemill_sandbox.server.listening import Server
from tidemill_sandbox.state.hub import Hub
from tidemill_sandbox.state.shapes import Access
from tidemill_sandbox.state.tokens import Kind

NAME = "acme/cfg-app"
_PATH = 'path = "generated/{wave}/{target}"\n'


class PolledWorld(World):
    """A `World` in which commands run against the stand-in, and records come by polling alone."""

    def __init__(self, folder: Path, waves: dict[str, dict[str, Any]], **options: Any) -> None:
        self.server: Server | None = None
        super().__init__(folder, waves, **options)

    def _settings(self, *given: Any) -> str:
        return super()._settings(*given).replace(_PATH, f'{_PATH}reports = "poll"\n')

    def serve(self, hub: Hub, server: Server) -> None:
        """Be that server's private repository from now on."""
        self.hub, self.server = hub, server
        hub.now = lambda: self.now
        repository = hub.create_repository(NAME, is_private=True)
        git(self.bare, "push", "-q", "--mirror", str(repository.path))
        self.bare = repository.path
        self.cluster = Rest(hub.api_url, self.mint("user", login="argocd", deployments="write"))
        self.mirror = Rest(hub.api_url, self.mint("user", login="acme-mill", deployments="write"))

    def mint(self, kind: Kind = "workflow", login: str = "ada", /, **given: Any) -> str:
        """A token for the repository."""
        who, permissions = given.pop("login", login), dict[str, Access](given)
        return self.hub.tokens.mint(
            kind, login=who, repositories=[NAME], permissions=permissions, run_id=7
        )

    def run(self, *arguments: str, repo: bool = True) -> Result:
        """Run a command against the server, once it is there."""
        if self.server is None:
            return super().run(*arguments, repo=repo)
        where = ["--repo", f"{self.hub.url}/{NAME}"] if repo else []
        return super().run(*arguments, *where, repo=False)

    def sync(
        self, target: str, state: str = "success", *, revision: str | None = None, task: str = ""
    ) -> dict[str, Any]:
        """A cluster says how a deployment went; the status, as an event has it.

        Of one commit it makes one deployment for each environment, as Argo CD does.
        """
        rest, where = (self.mirror if task else self.cluster), f"/repos/{NAME}/deployments"
        wave = next(name for name, targets in self.targets.items() if target in targets)
        sha, environment = revision or self.ref("refs/heads/main"), f"{wave}/{target}"
        found = rest("GET", f"{where}?sha={sha}&environment={environment}&task={task or 'deploy'}")
        made = found[0] if found else rest("POST", where, {
            "ref": sha, "environment": environment, "auto_merge": False, "required_contexts": [],
            "task": task or "deploy",
        })  # fmt: skip
        told = rest("POST", f"{where}/{made['id']}/statuses", {"state": state})
        return {"deployment": made, "deployment_status": told}
