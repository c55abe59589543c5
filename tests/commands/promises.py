"""What every command promises: errors as JSON, dry runs, twice is once."""

from __future__ import annotations

import re
import shlex
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.loop.stories import refs, says
from tests.world import Result, World, git

from tidemill.answers import question
from tidemill.clients.git.repository import Repository
from tidemill.commands._command_line import parse
from tidemill.commands._table import TIDEMILL
from tidemill.turn import past


def assert_usage(world: World, *arguments: str) -> None:
    """The command line itself is wrong: exit code 2, nothing written."""
    before = refs(world)
    code, out, err = says(world, *arguments)
    assert (code, out) == (2, "")
    assert [line.split(":")[0].strip() for line in err.splitlines()] == ["error", "usage", "remedy"]
    assert refs(world) == before


def refused(world: World, *arguments: str) -> str:
    """The command is refused with one clear error, and writes nothing; returns what happened."""
    before = refs(world)
    result = world.run(*arguments)
    assert result.code == 1
    assert set(result) == {"error"}
    error = result["error"]
    assert set(error) == {"what", "written", "remedy"}
    assert error["written"] == "nothing"
    for text in error.values():
        assert text
        assert text.isprintable()
    assert refs(world) == before
    code, out, err = says(world, *arguments)
    assert (code, out) == (1, "")
    assert error["what"] in err
    assert error["remedy"] in err
    for command in re.findall(
        r"(?<!`)\btidemill [a-z]+-?[a-z-]* .*?(?=, or gh |;|$)", error["remedy"]
    ):
        assert_runs_as_printed(command)
    return f"{error['what']}: {error['remedy']}"


def assert_runs_as_printed(command: str) -> None:
    """The command line takes a command wherever it is typed: it says itself what it is about."""
    words = shlex.split(command)
    assert parse(words[1:], TIDEMILL).command == words[1]
    assert "--repo" in words, command


def dry_run(world: World, *arguments: str) -> Result:
    """A dry run says what would be done, and writes nothing."""
    before = refs(world)
    result = world.run(*arguments, "--dry-run")
    assert result.code == 0
    assert refs(world) == before
    code, out, _ = says(world, *arguments, "--dry-run")
    assert code == 0
    assert_readable(out)
    assert refs(world) == before
    return result


def assert_twice_is_once(world: World, *arguments: str) -> Result:
    """The second time changes nothing; returns what the first time did."""
    first = world.run(*arguments)
    assert first.code == 0
    before = refs(world)
    again = world.run(*arguments)
    assert again.code == 0
    assert again.get("changed", False) is False
    assert refs(world) == before
    return first


def assert_any_time_is_harmless(world: World, *arguments: str) -> None:
    """An odd `--now` is refused, or what it stored is sound and stops no later turn."""
    usual = world.now
    for odd in ("0001-01-01", "1960-01-01", "1970-01-01", "2200-01-01", "9999-12-31"):
        world.now = datetime.fromisoformat(f"{odd}T12:00:00+00:00")
        before = refs(world)
        if world.run(*arguments).code != 0:
            assert refs(world) == before
        git(world.bare, "fsck", "--strict", "--no-dangling")
        world.now = usual
        assert world.turn().code == 0
        assert world.status().code == 0


def assert_readable(text: str) -> None:
    """Output in a pipe: plain lines, without colour and rules."""
    assert text.strip()
    assert "\x1b" not in text
    assert "─" not in text


def odd_objects(world: World) -> list[str]:
    """What a ref may point to that is no commit with a record."""

    def make(*arguments: str, data: bytes = b"") -> str:
        return git(world.bare, *arguments, data=data)

    blobs = [make("hash-object", "-w", "--stdin", data=one) for one in (b"x", b"{}", b"[" * 10**5)]
    empty = make("mktree")
    trees = [make("mktree", data=f"100644 blob {one}\trecord.json\n".encode()) for one in blobs]
    trees.append(make("mktree", data=f"040000 tree {empty}\trecord.json\n".encode()))
    commits = [make("commit-tree", tree, "-m", "x") for tree in (empty, *trees)]
    make("tag", "-a", "-m", "x", "v1", commits[0])
    return [blobs[0], empty, *commits, make("rev-parse", "v1")]


def watched_turns(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[int]]:
    """How many turns there are, and a list of how many each reading asks for: one more each time
    that it needs earlier ones."""
    turns = len(git(world.bare, "rev-list", "refs/tidemill/journal").split())
    asked: list[int] = []
    records = Repository.records

    def watched(self: Repository, tip: str, name: str, most: int, *rest: Any) -> Any:
        asked.append(most)
        return records(self, tip, name, most, *rest)

    monkeypatch.setattr(Repository, "records", watched)
    monkeypatch.setattr(past, "_PARTS", tuple(range(1, turns)))
    monkeypatch.setattr(question, "_SKEW", timedelta())
    return turns, asked
