"""Faults, each caused on a real cfg-app.git while a set is about to land, and what is read of it.

`python -m tests.loop.faults` runs them all, and writes the table of docs/reliability.md.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tests.clients.git_server import serving
from tests.loop.conftest import WAVES
from tests.loop.stories import REFUSE_MAIN, endings, fork, hook, refs
from tests.world import Result, World, git, sha_of

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN = "<!-- From here on made by `make faults` -->"
MOST_SAID = 160  # letters of a row; what a server adds may be long
JOURNAL = "refs/tidemill/journal"
LIMIT = 5.0  # seconds that a call of Git may take where one hangs
GIT = shutil.which("git") or "git"
_HANG = "exec sleep 600"


@dataclass
class Place:
    """Where a fault is caused.

    Attributes:
        stack: undoes what was done, when the fault is over.
        patch: the same, for this process.
        address: what commands are given as the repository.
    """

    world: World
    stack: ExitStack
    patch: pytest.MonkeyPatch
    address: str = ""

    def on_git(self, command: str, script: str) -> None:
        """For one command of Git another program stands in, which has its arguments."""
        folder = self.world.folder / "instead"
        folder.mkdir(exist_ok=True)
        program = folder / "git"
        program.write_text(
            f'#!/bin/sh\nfor one in "$@"; do if [ "$one" = {command} ]; then\n{script}\nfi; done\n'
            f'exec {GIT} "$@"\n'
        )
        program.chmod(0o755)
        self.patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def on_server(self, name: str, script: str) -> None:
        """The server has a hook, as long as the fault is there."""
        hook(self.world, name, script)
        self.stack.callback((self.world.bare / "hooks" / name).unlink)

    def set_server(self, key: str, value: str) -> None:
        """The server's repository is configured, as long as the fault is there."""
        git(self.world.bare, "config", key, value)
        self.stack.callback(git, self.world.bare, "config", "--unset", key)

    def over_http(self, **how: object) -> None:
        """The repository is behind a server for HTTP."""
        server = self.stack.enter_context(serving(self.world.folder, {"secret": "write"}))
        for name, value in how.items():
            setattr(server, name, value)
        self.patch.setenv("GIT_CONFIG_COUNT", "1")
        self.patch.setenv("GIT_CONFIG_KEY_0", f"http.{server.url}/.extraHeader")
        self.patch.setenv("GIT_CONFIG_VALUE_0", "Authorization: Basic eC1hY2Nlc3MtdG9rZW46c2VjcmV0")
        git(self.world.bare, "config", "http.receivepack", "true")
        self.address = f"{server.url}/cfg-app.git"

    def write(self, ref: str, text: str = "{") -> None:
        """Put a record that nobody can read where `ref` is."""
        blob = git(self.world.bare, "hash-object", "-w", "--stdin", data=text.encode())
        entry = f"100644 blob {blob}\trecord.json\n".encode()
        tree = git(self.world.bare, "mktree", data=entry)
        commit = git(self.world.bare, "commit-tree", tree, "-m", "by hand")
        git(self.world.bare, "update-ref", ref, commit)

    def lose(self, ref: str) -> None:
        """The server loses the commit that a ref points to; it is back when the fault is over."""
        sha = self.world.ref(ref) or ""
        file = self.world.bare / "objects" / sha[:2] / sha[2:]
        aside = self.world.folder / "lost"
        file.rename(aside)
        self.stack.callback(aside.rename, file)


@dataclass(frozen=True)
class Fault:
    """One row of the table.

    Attributes:
        what: what goes wrong, for people.
        cause: makes it so.
        hangs: whether something never ends, and so is ended after LIMIT seconds.
        needs_root: whether only root can cause it.
        time: by how much the clock of the runner is wrong.
    """

    what: str
    cause: Callable[[Place], object]
    hangs: bool = False
    needs_root: bool = False
    time: timedelta = timedelta()


@dataclass(frozen=True)
class Observation:
    """What a turn did while the fault was there, and what came after it.

    Attributes:
        said: what people read.
        remedy: what it says to do, where it failed.
        after: what became of the set once the fault was over.
    """

    said: str
    remedy: str
    after: str


def _small_disk(place: Place, size: str) -> Path:
    folder = place.world.folder / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)
    place.stack.callback(subprocess.run, ["umount", "-l", str(folder)], check=True)
    place.patch.setenv("TIDEMILL_TMPDIR", str(folder))
    return folder


def _filled_disk(place: Place) -> None:
    folder = _small_disk(place, "4m")
    place.on_git("index-pack", f"cat /dev/zero > {folder}/filled 2>/dev/null")


def _no_git(place: Place) -> None:
    folder = place.world.folder / "empty"
    folder.mkdir()
    place.patch.setenv("PATH", str(folder))


def _gone(place: Place) -> None:
    aside = place.world.folder / "aside"
    place.world.bare.rename(aside)
    place.stack.callback(aside.rename, place.world.bare)


def _locked(place: Place, ref: str) -> None:
    lock = place.world.bare / f"{ref}.lock"
    lock.touch()
    place.stack.callback(lock.unlink)


def _main_back(place: Place) -> None:
    world = place.world
    world.turn()
    world.deploy("lab")
    root = git(world.bare, "rev-list", "--max-parents=0", "main")
    git(world.bare, "update-ref", "refs/heads/main", root)


def _delete(place: Place, ref: str) -> None:
    git(place.world.bare, "update-ref", "-d", ref)


def _main_deleted(place: Place) -> None:
    main = place.world.ref("refs/heads/main") or ""
    _delete(place, "refs/heads/main")
    place.stack.callback(git, place.world.bare, "update-ref", "refs/heads/main", main)


def _settings(place: Place) -> None:
    world = place.world
    right, world.settings = world.settings, "waves = 1\n"
    world.edit()
    world.settings = right
    place.stack.callback(world.edit)


def _generate(place: Place, command: str) -> None:
    world = place.world
    right = world.settings
    world.settings = right.replace("python3 generate.py", command)
    world.edit()
    world.settings = right
    place.stack.callback(world.edit)


def _claim_of_tomorrow(place: Place) -> None:
    """A check was begun, and never answers; the runner that said so had a wrong clock."""
    world = place.world
    tip = world.ref("refs/heads/auto") or ""
    git(world.bare, "update-ref", "-d", f"refs/tidemill/checks/{tip}")
    now, world.now = world.now, world.now + timedelta(days=1)
    world.check(tip, "pending", "lost")
    world.now = now


def _on_auto(place: Place) -> None:
    world = place.world
    git(world.clone, "fetch", "-q", str(world.bare), "auto")
    git(world.clone, "checkout", "-q", "--detach", "FETCH_HEAD")
    (world.clone / "by-hand").write_text("x")
    git(world.clone, "add", "-A")
    git(world.clone, "commit", "-q", "-m", "by hand, on auto")
    git(world.clone, "push", "-q", str(world.bare), "HEAD:auto")
    git(world.clone, "checkout", "-q", "main")


FAULTS: dict[str, Fault] = {
    "no-git": Fault("Git is not installed", _no_git),
    "push-hangs": Fault("A push hangs", lambda at: at.on_git("push", _HANG), hangs=True),
    "push-cut": Fault(
        "The network is gone when a push begins",
        lambda at: at.on_git("push", "echo 'fatal: the remote end hung up' >&2; exit 128"),
    ),
    "push-killed": Fault(
        "A push is killed before it sends anything", lambda at: at.on_git("push", "kill -9 $$")
    ),
    "push-unanswered": Fault(
        "A push arrives, and its answer is lost",
        lambda at: at.on_git("push", f'{GIT} "$@" >&2; exit 1'),
    ),
    "push-arrives-and-hangs": Fault(
        "A push arrives, and then hangs",
        lambda at: at.on_git("push", f'{GIT} "$@" >&2; {_HANG}'),
        hangs=True,
    ),
    "read-hangs": Fault(
        "The server hangs when it is read",
        lambda at: at.on_git("upload-pack", _HANG),
        hangs=True,
    ),
    "read-cut": Fault(
        "Answers of the server end in their middle",
        lambda at: at.on_git(
            "upload-pack", f'{GIT} "$@" | {{ dd bs=1 count=700 2>/dev/null; kill -9 $$; }}'
        ),
    ),
    "read-garbage": Fault(
        "The server answers with something that is not Git's protocol",
        lambda at: at.on_git("upload-pack", "echo '<html>Please log in</html>'; exit 0"),
    ),
    "objects-hang": Fault(
        "Git hangs when it reads an object of this run",
        lambda at: at.on_git("cat-file", _HANG),
        hangs=True,
    ),
    "index-fails": Fault(
        "Git can't store what the server sent",
        lambda at: at.on_git("index-pack", "echo 'fatal: index-pack failed' >&2; exit 128"),
    ),
    "disk-full": Fault(
        "The disk of the runner is full", lambda at: _small_disk(at, "64k"), needs_root=True
    ),
    "disk-filled": Fault(
        "The disk of the runner fills up while it stores what the server sends",
        _filled_disk,
        needs_root=True,
    ),
    "no-temporary-folder": Fault(
        "The folder for temporary files is not there",
        lambda at: at.patch.setenv("TIDEMILL_TMPDIR", str(at.world.folder / "none")),
    ),
    "repository-gone": Fault("The repository is gone", _gone),
    "refuses-all": Fault(
        "A hook of the server refuses every push",
        lambda at: at.on_server("pre-receive", 'echo "read only today" >&2; exit 1'),
    ),
    "refuses-main": Fault(
        "A rule of the server refuses pushes to main",
        lambda at: at.on_server("pre-receive", REFUSE_MAIN),
    ),
    "hook-hangs": Fault(
        "A hook of the server hangs",
        lambda at: at.on_server("pre-receive", "sleep 600"),
        hangs=True,
    ),
    "dies-before": Fault(
        "The server dies before it writes a push",
        lambda at: at.on_server("pre-receive", "kill -9 $PPID"),
    ),
    "dies-after": Fault(
        "The server dies after it wrote a push",
        lambda at: at.on_server("post-receive", "kill -9 $PPID"),
    ),
    "main-locked": Fault("Somebody left a lock on main", lambda at: _locked(at, "refs/heads/main")),
    "journal-locked": Fault(
        "Somebody left a lock on the journal", lambda at: _locked(at, "refs/tidemill/journal")
    ),
    "no-deletes": Fault(
        "The server lets nobody delete refs",
        lambda at: at.set_server("receive.denyDeletes", "true"),
    ),
    "no-atomic": Fault(
        "The server does not take atomic pushes",
        lambda at: at.set_server("receive.advertiseAtomic", "false"),
    ),
    "no-filters": Fault(
        "The server does not leave out what is not wanted (no filters)",
        lambda at: at.over_http(settings=("uploadpack.allowAnySHA1InWant",)),
    ),
    "old-protocol": Fault(
        "The server speaks only the first version of Git's protocol",
        lambda at: at.over_http(is_old=True),
    ),
    "away-twice": Fault("The server is away for two requests", lambda at: at.over_http(away=2)),
    "away": Fault("The server is away", lambda at: at.over_http(away=10_000)),
    "cut-once": Fault("The server hangs up in an answer, once", lambda at: at.over_http(cut=1)),
    "garbage-request": Fault(
        "A request can't be read", lambda at: at.write("refs/tidemill/inbox/by-hand")
    ),
    "garbage-hold": Fault(
        "A hold can't be read", lambda at: at.write("refs/tidemill/holds/lab/app")
    ),
    "garbage-check": Fault(
        "What the check said can't be read",
        lambda at: at.write(f"refs/tidemill/checks/{at.world.ref('refs/heads/auto')}"),
    ),
    "garbage-record": Fault(
        "What a target reported can't be read",
        lambda at: at.write("refs/tidemill/deployed/lab/lab-1"),
    ),
    "newer-request": Fault(
        "A newer release wrote a request",
        lambda at: at.write("refs/tidemill/inbox/newer", '{"version": 9, "kind": "spell"}'),
    ),
    "journal-deleted": Fault(
        "The journal is deleted", lambda at: _delete(at, "refs/tidemill/journal")
    ),
    "journal-garbage": Fault(
        "The journal can't be read", lambda at: at.write("refs/tidemill/journal")
    ),
    "journal-lost": Fault(
        "The server has lost the journal's commit", lambda at: at.lose("refs/tidemill/journal")
    ),
    "auto-deleted": Fault("auto is deleted", lambda at: _delete(at, "refs/heads/auto")),
    "auto-by-hand": Fault("A person pushes to auto", _on_auto),
    "main-back": Fault("main is moved back to its first commit", _main_back),
    "main-deleted": Fault("main is deleted, until somebody pushes it again", _main_deleted),
    "settings": Fault("The settings on main can't be used", _settings),
    "generate-fails": Fault(
        "`generate` fails", lambda at: _generate(at, "echo no network >&2; exit 3")
    ),
    "generate-leaves-process": Fault(
        "`generate` leaves a process behind",
        lambda at: _generate(at, "sleep 600 & python3 generate.py"),
    ),
    "claim-of-tomorrow": Fault(
        "A runner whose clock is a day ahead began the check, and died", _claim_of_tomorrow
    ),
    "runner-behind": Fault(
        "The clock of the runner is a day behind", lambda at: None, time=-timedelta(days=1)
    ),
    "runner-ahead": Fault(
        "The clock of the runner is a day ahead", lambda at: None, time=timedelta(days=1)
    ),
}


def ready(folder: Path) -> World:
    """A world in which the next turn lands a set."""
    world = World(folder, WAVES)
    world.announce(1)
    world.check(world.ref("refs/heads/auto") or "")
    return world


@contextmanager
def caused(fault: Fault, world: World) -> Iterator[Place]:
    """The fault, until the end of the block."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name in ("git", "connection", "repository", "reading"):
            module = f"tidemill.clients.git.{name}"
            for limit in ("LOCAL_SECONDS", "REMOTE_SECONDS"):
                if fault.hangs and hasattr(sys.modules[module], limit):
                    patch.setattr(f"{module}.{limit}", LIMIT)
        patch.setattr("tidemill.clients.git.repository._PAUSES", (0.0, 0.0))
        patch.setattr("random.uniform", lambda _low, _high: 0.0)
        place = Place(world, stack, patch, str(world.bare))
        fault.cause(place)
        yield place


def observed(fault: Fault, world: World) -> Observation:
    """Cause a fault, turn, mend it, and go on until nothing is left to do."""
    with caused(fault, world) as place:
        before = _refs(world)
        now, world.now = world.now, world.now + fault.time
        turn = world.run("reconcile-cfg-app", "--repo", place.address, repo=False)
        world.now = now
        after = _refs(world)
    error = turn.get("error", {})
    changed = {ref for ref in before | after if before.get(ref) != after.get(ref)}
    assert not changed or JOURNAL in changed, f"a turn that is not whole: {changed}"
    return Observation(
        said=_plain(error["what"]) if error else _told(turn),
        remedy=_plain(error.get("remedy", "")),
        after=_plain(_end(world)),
    )


def _refs(world: World) -> dict[str, str]:
    """Every ref; none while the repository, or Git, is not there."""
    return refs(world) if world.bare.exists() and shutil.which("git") else {}


def _told(turn: Result) -> str:
    if turn["landed"]:
        return "the set lands"
    kinds = [one["kind"] for one in turn["waiting"] if one.get("wave") == "lab"]
    return f"the set waits ({', '.join(dict.fromkeys(kinds))})"


def _end(world: World) -> str:
    """Every check is green from now on, until nothing is left to do; what became of the set."""
    world.asked = []
    world.green()
    endings_of = endings(world)
    assert all(len(found) == 1 for found in endings_of.values()), endings_of
    if world.on_main("lab") == sha_of("app-1"):
        return "it lands"
    return f"it waits for a person: {next(one['command'] for one in world.status()['waiting'])}"


def _plain(text: str) -> str:
    """A text of an error without what is another one each time."""
    text = re.sub(r"http://127\.0\.0\.1:\d+/cfg-app\.git", "cfg-app.git", text)
    text = re.sub(r"'?/\S*/cfg-app\.git'?", "cfg-app.git", text)
    text = re.sub(r"\b[0-9a-f]{12}(?:[0-9a-f]{28})?\b", "SHA", text)
    text = re.sub(r"(?<![\w.])'?/[^\s':]{6,}'?", "FOLDER", text)
    return text.replace(f"{LIMIT:g} seconds", "its time limit")


def row(fault: Fault, seen: Observation) -> str:
    """The fault's line of the table."""
    words = seen.said if len(seen.said) <= MOST_SAID else f"{seen.said[:MOST_SAID]}…"
    said = words if not seen.remedy else f"error: {words}. Remedy: {seen.remedy}"
    cells = [fault.what, said, seen.after]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main() -> None:
    """Cause all faults, and write what was seen into the page."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        base = ready(Path(folder, "base"))
        for name, fault in FAULTS.items():
            rows.append(row(fault, observed(fault, fork(base, Path(folder, name)))))
            print(rows[-1])
    head, begin, _ = PAGE.read_text().partition(BEGIN)
    lines = ["| what goes wrong | what the turn says | afterwards |", "|---|---|---|", *rows]
    PAGE.write_text(head + begin + "\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
