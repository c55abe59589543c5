"""A cfg-app.git on a server that is like GitHub: Git by HTTP, verdicts by its API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.clients.github_api import REPOSITORY, Api, Asked
from tests.world import Result, World, git

OWN = "tidemill/check"


class GitHubWorld(World):
    """A `World` in which commands run as in a workflow of cfg-app.git."""

    def __init__(self, folder: Path, waves: dict[str, dict[str, Any]], **options: Any) -> None:
        self.api: Api
        super().__init__(folder, waves, **options)
        for key in ("allowFilter", "allowAnySHA1InWant"):
            git(self.bare, "config", f"uploadpack.{key}", "true")

    def _settings(self, *given: Any) -> str:
        return super()._settings(*given).replace('source = "refs"\n', f'required = ["{OWN}"]\n')

    def run(self, *arguments: str, repo: bool = True) -> Result:
        """Run a command with `--json` at the world's time; the API's is the same."""
        self.api.now = self.now
        where = ["--repo", f"{self.api.url}/{REPOSITORY}"] if repo else []
        return super().run(*arguments, *where, repo=False)

    def turn(self) -> Result:
        """A turn of the workflow, which claims the checks that it runs next."""
        return self.run("reconcile-cfg-app", "--claim")

    def check(self, sha: str, state: str = "success", run: str | None = None) -> Result:
        """Our own check reports, as a workflow sets its status."""
        self.api.now = self.now
        self.api.status(sha, OWN, state)
        return Result()

    def called(self, *arguments: str) -> tuple[Result, list[Asked]]:
        """Run a command; what it asked of the API."""
        before = len(self.api.asked)
        return self.run(*arguments), self.api.asked[before:]

    def forget_rule(self) -> None:
        """The settings name no required check any more."""
        self.settings = self.settings.replace(f'required = ["{OWN}"]\n', "")
