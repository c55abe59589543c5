"""Where act finds what workflows use: copies of actions, and called workflow files.

Tidemill's own are those of this checkout, whatever the ref; a repository of the stand-in is taken
at its ref; `--action` names a folder of anything else. Of actions/checkout, the artifact actions
and create-github-app-token there are stand-ins (`stand_ins/`), small programs of our own that speak
the real protocols.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tidemill_sandbox.runner.rewriting import action_for_act, uses, whole_name
from tidemill_sandbox.runner.workflow_files import InvalidWorkflow, parse_yaml, yaml_of
from tidemill_sandbox.state.hub import Hub

OURS = "tidemill/tidemill"
_NO_SHA = "0" * 40
STAND_INS = Path(__file__).parent / "stand_ins"
# Of ours act copies these for each step. The program itself is not copied: a link leads to it, so
# that it is compiled once, and not in each step's copy anew.
_OURS = ("action.yml", "actions", ".github")
_PROGRAM = "bin/run"
_NAMED = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?:/(?P<path>[^@]+))?@(?P<ref>.+)")


class Shelf:
    """Folders of repositories, by name and ref.

    Args:
        folder: where copies are put.
        checkout: Tidemill's own. Jobs start what is there, so they must be able to read it.
        actions: folders by `owner/name@ref` or `owner/name`, which are used as they are.
    """

    def __init__(self, folder: Path, hub: Hub, checkout: Path, actions: Mapping[str, Path]) -> None:
        self._folder = folder
        self._hub = hub
        self._checkout = checkout
        self._actions = {name.lower(): path for name, path in actions.items()}
        self._lock = threading.Lock()

    def workflow(self, place: str, path: str) -> tuple[str, str]:
        """The text and the commit of a workflow file of `owner/repo@ref`.

        Raises:
            InvalidWorkflow: there is none.
        """
        repository, _, ref = place.partition("@")
        file = self.repository(repository, ref) / path
        if not file.is_file():
            raise InvalidWorkflow(
                f"error parsing called workflow '{repository}/{path}@{ref}': workflow was not found"
            )
        return file.read_text(encoding="utf-8"), self._sha(repository, ref)

    def needed(self, steps: Iterable[Mapping[str, Any]], own: str) -> dict[str, Path]:
        """The folders of all that steps use, and that this uses in turn, by `owner/repo@ref`.

        Args:
            own: what `$` stands for, as `owner/repo@ref`.

        Raises:
            InvalidWorkflow: one is not to be had.
        """
        found: dict[str, Path] = {}
        waiting, seen = [whole_name(one, own) for one in uses(steps)], set[str]()
        while waiting:
            one = waiting.pop()
            named = _NAMED.fullmatch(one)
            if one in seen or named is None or one.startswith(("./", "docker://")):
                continue
            seen.add(one)
            place = f"{named['repository']}@{named['ref']}"
            found[place] = self.repository(named["repository"], named["ref"])
            waiting += _inner(found[place] / (named["path"] or "."), one)
        return found

    def repository(self, name: str, ref: str) -> Path:
        """The folder of a repository at a ref.

        Raises:
            InvalidWorkflow: it is not to be had.
        """
        given = self._actions.get(f"{name}@{ref}".lower()) or self._actions.get(name.lower())
        if given is not None:
            return given
        # A branch moves on: what it had before is another folder.
        sha = "" if name.lower() == OURS else self._sha(name, ref)
        with self._lock:
            copy = self._folder / re.sub(r"[^\w.-]", "-", f"{name}@{ref}@{sha}".lower())
            if not copy.is_dir():
                beside = copy.with_name(f"{copy.name}.part")
                shutil.rmtree(beside, ignore_errors=True)
                beside.mkdir(parents=True)
                self._fill(beside, name, ref)
                for file in (*beside.rglob("action.yml"), *beside.rglob("action.yaml")):
                    _rewrite(file, f"{name}@{ref}")
                beside.rename(copy)
            return copy

    def _fill(self, folder: Path, name: str, ref: str) -> None:
        stand_in = STAND_INS / name.replace("/", "-").lower()
        repository = self._hub.repository(name)
        if name.lower() == OURS:
            self._copy_ours(folder)
        elif repository is not None:
            archive = _git(repository.path, "archive", self._sha(name, ref))
            subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
        elif stand_in.is_dir():
            shutil.copytree(stand_in, folder, dirs_exist_ok=True)
        else:
            raise InvalidWorkflow(
                f"Unable to resolve action `{name}@{ref}`, repository not found. (There is no copy "
                f"of it on this machine; `--action {name}@{ref}=DIR` names one.)"
            )

    def _copy_ours(self, folder: Path) -> None:
        for name in _OURS:
            source = self._checkout / name
            if source.is_dir():
                shutil.copytree(source, folder / name, symlinks=True)
            elif source.is_file():
                shutil.copy2(source, folder / name)
        (folder / _PROGRAM).parent.mkdir()
        (folder / _PROGRAM).symlink_to((self._checkout / _PROGRAM).resolve())

    def _sha(self, name: str, ref: str) -> str:
        if re.fullmatch(r"[0-9a-f]{40}", ref):
            return ref
        repository = self._hub.repository(name)
        if repository is None:
            return _NO_SHA  # a folder of this machine, whatever the ref
        found = _git(
            repository.path, "rev-parse", "--verify", "-q", f"{ref}^{{commit}}", fails=True
        )
        if not found:
            raise InvalidWorkflow(
                f"Unable to resolve action `{name}@{ref}`, unable to find version `{ref}`"
            )
        return found.decode().strip()


def _inner(folder: Path, one: str) -> list[str]:
    for name in ("action.yml", "action.yaml"):
        if (folder / name).is_file():
            action = parse_yaml((folder / name).read_text(encoding="utf-8"))
            return uses((action.get("runs") or {}).get("steps") or ())
    if (folder / "Dockerfile").is_file():
        return []
    raise InvalidWorkflow(
        f"Can't find 'action.yml', 'action.yaml' or 'Dockerfile' for action '{one}'"
    )


def _rewrite(file: Path, own: str) -> None:
    action = parse_yaml(file.read_text(encoding="utf-8"))
    if isinstance(action, dict) and isinstance(action.get("runs"), dict):
        file.write_text(yaml_of(action_for_act(action, own)), encoding="utf-8")


def _git(path: Path, *arguments: str, fails: bool = False) -> bytes:
    done = subprocess.run(
        ["git", "-C", str(path), *arguments], capture_output=True, check=not fails
    )
    return done.stdout
