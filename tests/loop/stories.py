"""What stories have in common: looking at refs and the journal, and things that go wrong."""

from __future__ import annotations

import copy
import io
import json
import os
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from tests.world import World, git
from tidemill.__main__ import main

ENDINGS = {"landed", "evicted", "rejected", "dropped", "superseded"}


def refs(world: World) -> dict[str, str]:
    """Every ref of cfg-app.git, and what it points to."""
    lines = git(world.bare, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split(" ") for line in lines)


def journal(world: World) -> list[dict[str, Any]]:
    """All entries of the journal, the oldest first."""
    shas = git(world.bare, "rev-list", "--reverse", "refs/tidemill/journal").split()
    wanted = "".join(f"{sha}:record.json\n" for sha in shas).encode()
    out = git(world.bare, "cat-file", "--batch=%(objectsize)", data=wanted)
    found: list[dict[str, Any]] = []
    decoder = json.JSONDecoder()
    while out:
        _, _, out = out.partition("\n")
        record, end = decoder.raw_decode(out)
        found += record["entries"]
        out = out[end:].lstrip()
    return found


def endings(world: World) -> dict[str, list[str]]:
    """How the journal says that each request ended, by id."""
    found: dict[str, list[str]] = {}
    for entry in journal(world):
        if "id" in entry and entry["what"] in ENDINGS:
            found.setdefault(entry["id"], []).append(entry["what"])
    return found


def waits_for(result: dict[str, Any]) -> str:
    """All that waits, as one text."""
    return "\n".join(f"{line['what']} waits for {line['for']}" for line in result["waiting"])


def file_at(world: World, revision: str, path: str) -> str:
    """A file's text in a commit of cfg-app.git."""
    return git(world.bare, "show", f"{revision}:{path}")


def parents(world: World, commit: str) -> list[str]:
    """A commit's parents."""
    return git(world.bare, "rev-list", "--no-walk", "--parents", commit).split()[1:]


def trailers(world: World, commit: str) -> dict[str, str]:
    """A commit's trailers, as `git interpret-trailers` reads them."""
    message = git(world.bare, "show", "-s", "--format=%B", commit)
    parsed = git(world.bare, "interpret-trailers", "--parse", data=message.encode())
    return dict(line.split(": ", 1) for line in parsed.splitlines())


def land(world: World) -> dict[str, Any]:
    """The tip of auto is green, and lands."""
    tip = world.ref("refs/heads/auto") or ""
    world.check(tip)
    turn = world.turn()
    assert turn["landed"] == tip
    return turn


def assert_rests(world: World) -> None:
    """Two turns after the last event nothing is left to do, and then nothing is written."""
    world.turn()  # the first came with the event
    before = refs(world)
    turn = world.turn()
    assert not turn["changed"]
    assert refs(world) == before


def fork(world: World, folder: Path) -> World:
    """A copy of a world, that goes its own way; only objects, which never change, are shared."""

    def copied(source: str, target: str) -> None:
        take = os.link if "/objects/" in source else shutil.copyfile
        take(source, target)

    ignored = shutil.ignore_patterns("*.sample", "logs")
    shutil.copytree(world.folder, folder, ignore=ignored, copy_function=copied, dirs_exist_ok=True)
    other = copy.deepcopy(world)
    other.folder, other.bare, other.clone = folder, folder / "cfg-app.git", folder / "person"
    return other


def says(world: World, *arguments: str) -> tuple[int, str, str]:
    """Run a command for a person: its exit code, and both its outputs."""
    out, err = io.StringIO(), io.StringIO()
    given = [*arguments, "--repo", str(world.bare), "--now", world.now.isoformat()]
    with redirect_stdout(out), redirect_stderr(err):
        code = main(given)
    return code, out.getvalue(), err.getvalue()


def hook(world: World, name: str, script: str) -> None:
    """Give the server a hook."""
    file = world.bare / "hooks" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


REFUSE_MAIN = """\
while read old new ref; do
  if [ "$ref" = refs/heads/main ]; then echo "changes to main need a review" >&2; exit 1; fi
done"""


def meanwhile(world: World, script: str) -> None:
    """Once, while the next turn runs its entry point, do something else."""
    file = world.folder / "meanwhile.sh"
    file.write_text(f"rm -f {file}\n{script}\n")


def with_meanwhile(folder: Path) -> str:
    """Entry points that let `meanwhile` happen."""
    file = folder / "meanwhile.sh"
    return f'generate = "if [ -e {file} ]; then sh {file}; fi; python3 generate.py"'


def accept(world: World, announcements: list[dict[str, Any]]) -> None:
    """Write announcements to the inbox as accept does, all at once and without a turn."""
    script = []
    for found in announcements:
        record = {
            "kind": "announcement",
            "accepted_at": world.now.isoformat(),
            "announcement": found,
        }
        generation = f"{found['generation']}." if found.get("generation", 1) > 1 else ""
        where = f"{generation}{found['position']}"
        name = f"announcement-{found['set']}-{where}-{found['sha'][:12]}"
        script.append(f"commit refs/tidemill/inbox/{name}\n")
        script.append(f"committer ada <ada@example.com> {int(world.now.timestamp())} +0000\n")
        script.append("data 1\nx\nM 100644 inline record.json\n")
        data = json.dumps(record)
        script.append(f"data {len(data)}\n{data}\n")
    git(world.bare, "fast-import", "--quiet", data="".join(script).encode())


def inbox(world: World) -> list[str]:
    """The ids of what waits."""
    return [name.rpartition("/")[2] for name in world.refs("inbox")]
