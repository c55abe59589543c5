"""Two new repositories, as the documents say, through the real workflow files."""

from __future__ import annotations

import subprocess
import urllib.request
from pathlib import Path

import pytest
from tests.sandbox.runner_world import ROOT, failed, node, shared_tools

from tidemill_sandbox.state.shapes import Event
from tidemill_sandbox.world import Wishes, World

SHOP = """
images = "ghcr.io/globex/{service}"
[[services]]
name = "web"
files = [{ from = "serve.sh", to = "/serve.sh", mode = "0755" }]
entrypoint = ["/serve.sh"]
"""
SETTINGS = """
[checks]
required = ["tidemill/check"]
[images]
allow = ["ghcr.io/globex/*"]
[entrypoints]
generate = "mkdir -p generated/lab/one && cp images/lab/digests.json generated/lab/one/ || :"
[deployments]
path = "generated/{wave}/{target}"
[[waves]]
name = "lab"
targets = ["one"]
"""


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """app.git and cfg-app.git; the callers are the examples', less what is not needed."""
    shop, cfg = tmp_path / "shop", tmp_path / "shop-config"
    for folder, example, file, settings in (
        (shop, "app", "images.yml", SHOP),
        (cfg, "cfg-app", "tidemill.yml", SETTINGS),
    ):
        workflows = Path(".github/workflows")
        (folder / workflows).mkdir(parents=True)
        caller = (ROOT / "examples" / example / workflows / file).read_text()
        caller = caller.replace("      setup: sh setup.sh\n", "")
        caller = caller.replace("    with:\n      setup: make setup\n", "")
        assert "setup" not in caller
        caller = caller.replace("acme/cfg-app", "globex/shop-config")
        (folder / workflows / file).write_text(caller)
        (folder / "tidemill.toml").write_text(settings)
    (shop / "serve.sh").write_text("#!/bin/sh\necho web\n")
    for folder in (shop, cfg):
        by = ("-c", "user.name=Me", "-c", "user.email=me@globex.example")
        for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "New")):
            subprocess.run(["git", "-C", folder, *by, *words], check=True)
    return shop, cfg


def test_two_new_repositories_carry_a_commit_to_main(
    tmp_path: Path, folders: tuple[Path, Path]
) -> None:
    node()
    app, cfg = folders
    names = ("globex/shop", "globex/shop-config")
    with World(
        Wishes(tmp_path / "to", ROOT, app, cfg, names, "app", tools=shared_tools())
    ) as world:
        assert world.settle(), failed(world.hub)
        assert not [run for run in world.hub.runs if run.conclusion == "failure"], failed(world.hub)
        landed = [one for one in world.hub.events if _is_landing(one)]
        assert landed[0].cause.login == "acme-tidemill[bot]"
        run = next(run for run in world.hub.runs if run.event == "repository_dispatch")
        where = f"{world.hub.url}/globex/shop-config/actions/runs/{run.id}"
        with urllib.request.urlopen(where, timeout=60) as answer:
            page = answer.read().decode()
        assert page.count("Landed ") == 1, "the summary is on the run's page, once"
        assert "Annotations" not in page, "nothing that needs a person"
        assert not world.hub.deviations


def _is_landing(event: Event) -> bool:
    """Whether it is a push of the App's to main of cfg-app.git."""
    where = (event.name, event.repository, event.ref)
    is_main = where == ("push", "globex/shop-config", "refs/heads/main")
    return is_main and event.cause.login not in ("ada", "grace")
