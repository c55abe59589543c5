"""How often a turn asks the server, and starts Git, does not grow with the repository."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.clients.git_server import serving
from tests.world import World, announcement

TOKEN = "ghs_hush"


def _world(folder: Path, targets: int, entrypoints: str) -> World:
    folder.mkdir()
    shown: dict[str, list[str] | None] = {
        f"lab-{number}": [f"s{number}"] for number in range(targets)
    }
    waves = {"lab": {"targets": list(shown)}}
    world = World(folder, waves, targets={"lab": shown}, entrypoints=entrypoints)
    world.announce(1, _services(1))
    world.green()
    world.edit()  # each target has files of its own
    world.deploy("lab")
    world.later(hours=1)
    return world


def _services(position: int) -> dict[str, str]:
    return {f"s{number}": f"{position}" for number in range(6)}


def _requests(world: World, patch: pytest.MonkeyPatch) -> Counter[str]:
    """What an introduction asks a server, by kind of request."""
    put = world.folder / "announcement.json"
    put.write_text(json.dumps(announcement(2, _services(2))))
    with serving(world.folder, {TOKEN: "write"}) as server, patch.context() as patched:
        patched.setenv("GITHUB_SERVER_URL", server.url)
        patched.setenv("TIDEMILL_TOKEN", TOKEN)
        repository = ("--repo", f"{server.url}/cfg-app.git")
        done = world.run("update-cfg-app", "--announcement", str(put), *repository, repo=False)
    assert len(done["introduced"]) == 1
    return Counter(server.paths)


@pytest.mark.parametrize("entrypoints", ["", 'generate = "python3 generate.py"'])
def test_introduction_asks_the_server_as_often_for_many_targets_as_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entrypoints: str
) -> None:
    one, many = (_world(tmp_path / f"{count}", count, entrypoints) for count in (1, 6))
    asked = _requests(one, monkeypatch)
    assert _requests(many, monkeypatch) == asked
    assert asked["/cfg-app.git/git-receive-pack"] == 2, "the announcement, then the turn"


def test_introduction_that_runs_no_command_needs_no_work_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, trace = _world(tmp_path / "w", 1, ""), tmp_path / "trace"
    trace.mkdir()
    with monkeypatch.context() as patched:
        patched.setenv("GIT_TRACE2_EVENT", str(trace))
        assert len(world.announce(2, _services(2))["introduced"]) == 1
    lines = [line for file in trace.iterdir() for line in file.read_text().splitlines()]
    events = [json.loads(line) for line in lines]
    started = {word for event in events if event["event"] == "start" for word in event["argv"]}
    of_a_work_tree = {"read-tree", "update-index", "add", "clean", "write-tree"}
    of_a_commit = {"hash-object", "commit-tree", "show"}
    assert "push" in started
    assert not started & (of_a_work_tree | of_a_commit)
