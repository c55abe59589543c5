"""What the stand-in reads in its bare repositories: refs, commits, trees, files."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

ZEROS = "0" * 40
FULL_SHA = re.compile(r"[0-9a-f]{40}")
_PERSON = re.compile(r"(?P<name>.*?) ?<(?P<email>[^>]*)> (?P<at>\d+) (?P<zone>[+-]\d{4})")
_LIMIT = 60  # seconds for one command
# What GitHub's servers allow and refuse.
_SERVER_SETTINGS = """\
[http]
\treceivepack = true
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
[receive]
\thideRefs = refs/pull
\tfsckObjects = true
[gc]
\tauto = 0
"""


@dataclass(frozen=True)
class Person:
    """Who wrote a commit, and when: `at` in seconds since 1970."""

    name: str
    email: str
    at: int


@dataclass(frozen=True)
class Commit:
    """A commit, as `git cat-file` shows it."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


@dataclass(frozen=True)
class Entry:
    """An entry of a tree: `kind` is blob, tree or commit."""

    mode: str
    kind: str
    sha: str
    size: int
    path: str


class Unfound(Exception):
    """There is no such commit, ref or file."""


def environment() -> dict[str, str]:
    """What Git may know of this machine: no configuration but the repository's own."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        # The folder may be another user's: it was made by this very server.
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
    }


def create(path: Path, default_branch: str) -> None:
    """Make an empty bare repository, which allows and refuses what GitHub's do."""
    path.mkdir(parents=True)
    git(path, "init", "-q", "--bare", "--template=", f"--initial-branch={default_branch}")
    with (path / "config").open("a") as config:
        config.write(_SERVER_SETTINGS)


def git(path: Path, *arguments: str, input_: bytes = b"", codes: Iterable[int] = (0,)) -> bytes:
    """What a git command prints.

    Raises:
        Unfound: it ended with another code than those in `codes`.
    """
    done = subprocess.run(
        ["git", f"--git-dir={path}", *arguments],
        input=input_,
        capture_output=True,
        env=environment(),
        timeout=_LIMIT,
        check=False,
    )
    if done.returncode not in codes:
        raise Unfound(done.stderr.decode(errors="replace").strip())
    return done.stdout


def refs(path: Path, *prefixes: str) -> dict[str, tuple[str, str]]:
    """Full refs below the prefixes (`refs/heads/`; none: all), with object and its kind."""
    command = ("for-each-ref", "--format=%(refname) %(objectname) %(objecttype)")
    lines = git(path, *command, *prefixes).decode().splitlines()
    return {name: (sha, kind) for name, sha, kind in (line.rsplit(" ", 2) for line in lines)}


def tip(path: Path, ref: str) -> str | None:
    """The object of a full ref, if there is such a ref."""
    try:
        return git(path, "show-ref", "--verify", "--hash", "--", ref).decode().strip()
    except Unfound:
        return None


def resolve(path: Path, name: str) -> str:
    """The commit that a SHA, a branch or a tag names, as the REST API takes it.

    Raises:
        Unfound: none.
    """
    if FULL_SHA.fullmatch(name):
        return git(path, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").decode().strip()
    short = name.removeprefix("refs/")
    for ref in (f"refs/heads/{name}", f"refs/tags/{name}", f"refs/{short}"):
        if sha := tip(path, ref):
            return (
                git(path, "rev-parse", "--verify", "--quiet", f"{sha}^{{commit}}").decode().strip()
            )
    if re.fullmatch(r"[0-9a-f]{7,39}", name):
        return git(path, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").decode().strip()
    raise Unfound(name)


def commit(path: Path, sha: str) -> Commit:
    """A commit by its SHA; raises Unfound."""
    head, _, message = git(path, "cat-file", "commit", sha).partition(b"\n\n")
    tree, parents, people = "", [], {}
    for line in head.decode(errors="replace").splitlines():
        key, _, value = line.partition(" ")
        match key:
            case "tree":
                tree = value
            case "parent":
                parents.append(value)
            case "author" | "committer":
                people[key] = _person(value)
            case _:
                pass
    text = message.decode(errors="replace").removesuffix("\n")
    return Commit(sha, tree, tuple(parents), people["author"], people["committer"], text)


def commits(path: Path, *arguments: str) -> list[Commit]:
    """The commits that `git rev-list ARGUMENTS` names, newest first."""
    names = git(path, "rev-list", *arguments, "--").decode().split()
    return [commit(path, name) for name in names]


def shown(path: Path, sha: str) -> bytes:
    """A commit as a person reads it, with what it changes; nothing, if there is no such commit."""
    return git(path, "show", "--stat", "--patch", sha, "--", codes=(0, 128))


def is_ancestor(path: Path, old: str, new: str) -> bool:
    """Whether `old` leads to `new`."""
    try:
        git(path, "merge-base", "--is-ancestor", old, new)
    except Unfound:
        return False
    return True


def tree(path: Path, treeish: str, below: str = "") -> list[Entry]:
    """The entries of a folder of a commit; the folder's own entry for one without a slash."""
    arguments = ["ls-tree", "-z", "-l", "--full-tree", treeish]
    lines = git(path, *arguments, *(["--", below] if below else [])).decode(errors="replace")
    found = []
    for line in lines.split("\0")[:-1]:
        head, _, name = line.partition("\t")
        mode, kind, sha, size = head.split()
        found.append(Entry(mode, kind, sha, int(size) if size != "-" else 0, name))
    return found


def blob(path: Path, sha: str) -> bytes:
    """The content of a file by its object's name."""
    return git(path, "cat-file", "blob", sha)


def workflow_files(path: Path, commitish: str) -> Mapping[str, str]:
    """The workflow files of a commit: path to blob."""
    try:
        entries = tree(path, commitish, ".github/workflows/")
    except Unfound:
        return {}
    return {
        entry.path: entry.sha
        for entry in entries
        if entry.kind == "blob" and entry.path.endswith((".yml", ".yaml"))
    }


def _person(text: str) -> Person:
    found = _PERSON.fullmatch(text)
    return Person(found["name"], found["email"], int(found["at"])) if found else Person("", "", 0)
