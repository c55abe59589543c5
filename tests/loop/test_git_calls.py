"""How often a turn calls Git, and by it the server, does not grow with the repository."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.world import World


def _calls(world: World, trace: Path, patch: pytest.MonkeyPatch, position: int) -> Counter[str]:
    """The commands of Git that an introduction starts on this side, by name."""
    trace.mkdir()
    with patch.context() as patched:
        patched.setenv("GIT_TRACE2_EVENT", str(trace))
        assert len(world.announce(position, _services(position))["introduced"]) == 1
    found: Counter[str] = Counter()
    for file in trace.iterdir():
        for line in file.read_text().splitlines():
            event = json.loads(line)
            if event["event"] == "start" and "/" not in event["sid"]:
                words = [word for word in event["argv"][1:] if not word.startswith("--")]
                found[words[0] if words else ""] += 1
    return found


def _services(position: int) -> dict[str, str]:
    return {f"s{number}": f"{position}" for number in range(6)}


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


@pytest.mark.parametrize("entrypoints", ["", 'generate = "python3 generate.py"'])
def test_introduction_calls_git_as_often_for_many_targets_as_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entrypoints: str
) -> None:
    one, many = (_world(tmp_path / f"{count}", count, entrypoints) for count in (1, 6))
    calls = _calls(one, tmp_path / "of-one", monkeypatch, 2)
    assert _calls(many, tmp_path / "of-many", monkeypatch, 2) == calls
    assert calls["fetch"]


def test_introduction_that_runs_no_command_needs_no_work_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = _world(tmp_path / "w", 1, "")
    calls = _calls(world, tmp_path / "trace", monkeypatch, 2)
    of_a_work_tree = {"read-tree", "update-index", "add", "clean", "write-tree"}
    of_a_commit = {"hash-object", "commit-tree", "show"}
    assert "push" in calls
    assert not calls.keys() & (of_a_work_tree | of_a_commit)
