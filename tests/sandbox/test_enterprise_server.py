"""The workflows that are made for Enterprise Server: what they use, and the loop on them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from tests.sandbox.runner_world import ROOT, failed, node, shared_tools
from tests.sandbox.test_adoption import folders as folders  # noqa: PLC0414 - it is a fixture

from tidemill_sandbox.world import Wishes, World

COMMAND = (sys.executable, "-I", "tools/enterprise_server.py", "tidemill/tidemill")
CALLED = ("gitops.yml", "publish-images.yml")


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A checkout of Tidemill after the command that the documents name."""
    folder = tmp_path / "mirror"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
            (folder / name).chmod((ROOT / name).stat().st_mode)
    by = ("-c", "user.name=Me", "-c", "user.email=me@globex.example")
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "A release")):
        subprocess.run(["git", "-C", folder, *by, *words], check=True)
    subprocess.run([*COMMAND], cwd=folder, check=True)
    return folder


def test_steps_are_there_and_none_is_of_artifacts(mirror: Path) -> None:
    head = subprocess.run(
        ["git", "-C", mirror, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    for name in CALLED:
        file = mirror / ".github/workflows" / name
        jobs = YAML(typ="safe").load(file.read_text())["jobs"].values()
        used = [step["uses"] for job in jobs for step in job["steps"] if "uses" in step]
        ours = [one for one in used if one.startswith("tidemill/tidemill/")]
        assert ours
        for one in ours:
            path, _, ref = one.removeprefix("tidemill/tidemill/").partition("@")
            assert (mirror / path / "action.yml").is_file()
            assert "$/" not in (mirror / path / "action.yml").read_text()
            assert ref == head
        others = {one.partition("@")[0] for one in used if one not in ours}
        assert others <= {"actions/checkout", "actions/create-github-app-token"}
        lint = Path(sys.executable).with_name("actionlint")
        subprocess.run([lint, "-shellcheck=", "-pyflakes=", file], cwd=mirror, check=True)


def test_workflow_that_the_command_does_not_know_is_not_half_changed(mirror: Path) -> None:
    again = subprocess.run([*COMMAND], cwd=mirror, check=False, capture_output=True, text=True)
    assert again.returncode == 1
    assert "gitops.yml" in again.stderr
    before = subprocess.run(
        ["git", "-C", mirror, "diff", "--stat"], check=True, capture_output=True, text=True
    ).stdout
    assert re.search(r"2 files changed", before)


def test_folder_that_is_no_clone_is_an_error_that_says_so(tmp_path: Path) -> None:
    command = (*COMMAND[:2], str(ROOT / COMMAND[2]), COMMAND[3])
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.fullmatch(
        r"error: .*not a git repository.*\n  written: nothing\n  remedy: .*clone.*\n", done.stderr
    )


def test_two_new_repositories_carry_a_commit_to_main_without_artifacts(
    tmp_path: Path, mirror: Path, folders: tuple[Path, Path]
) -> None:
    node()
    app, cfg = folders
    names = ("globex/shop", "globex/shop-config")
    with World(Wishes(tmp_path / "to", mirror, app, cfg, names, tools=shared_tools())) as world:
        assert world.settle(), failed(world.hub)
        assert not [run for run in world.hub.runs if run.conclusion == "failure"], failed(world.hub)
        assert [
            one
            for one in world.hub.events
            if (one.name, one.repository, one.ref) == ("push", names[1], "refs/heads/main")
            and one.cause.login == "github-actions[bot]"
        ]
        assert not world.hub.deviations
        kept = world.rest("GET", f"/repos/{names[0]}/actions/artifacts")
        assert kept["total_count"] == 0
