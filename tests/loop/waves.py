"""A world whose stories are about waves: what is where, what is promoted, and why not."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

from tests.loop.stories import fork, journal, waits_for
from tests.world import Result, World, announcement, git, sha_of

Options = Mapping[str, Any]
P = ParamSpec("P")
LAB_AND_SHOP: Options = {"lab": {"targets": ["l1", "l2"]}, "shop": {"targets": ["s1"]}}


class Waves(World):
    """A world, and short words for what a rollout does with it."""

    def ship(self, position: int, services: dict[str, str] | None = None, **kw: Any) -> None:
        """Announce a set, and let everything that is to be checked be green."""
        self.announce(position, services, **kw)
        self.green()

    def everywhere(self, position: int, services: dict[str, str] | None = None, **kw: Any) -> None:
        """Ship a set into every wave, each deployed before the next."""
        self.ship(position, services, **kw)
        for wave in self.targets:
            self.deploy(wave)
            self.green()

    def deployed(self, position: int, wave: str, services: dict[str, str] | None = None) -> None:
        """Ship a set, and let all targets of a wave have it."""
        self.ship(position, services)
        self.deploy(wave)
        self.green()

    def at(self, wave: str, set_name: str | None = None) -> int | None:
        """The position of the set that a wave has on main."""
        return self.at_revision("main", wave, set_name)

    def at_revision(self, revision: str, wave: str, set_name: str | None = None) -> int | None:
        """The position of the set that a wave has in a commit."""
        folder = f"images/{wave}/{set_name}" if set_name else f"images/{wave}"
        listed = git(self.bare, "ls-tree", "--name-only", revision, f"{folder}/source.json")
        if not listed:
            return None
        return int(json.loads(git(self.bare, "show", f"{revision}:{listed}"))["position"])

    def positions(self, set_name: str | None = None) -> dict[str, int | None]:
        """What each wave has on main."""
        return {wave: self.at(wave, set_name) for wave in self.targets}

    def wave(self, name: str) -> dict[str, Any]:
        """A wave, as status shows it."""
        return next(wave for wave in self.status()["waves"] if wave["name"] == name)

    def state(self, wave: str, set_name: str = "app") -> str:
        """The state of what a wave has of a set on main."""
        sets = [one for one in self.wave(wave)["sets"] if one["set"] == set_name]
        return str(next(one["state"] for one in sets if one["state"] != "auto"))

    def why(self) -> str:
        """All that waits, as status says it."""
        return waits_for(self.status())

    def hold(self, wave: str, reason: str = "freeze", set_name: str | None = None) -> Result:
        """A person holds a wave."""
        return self.run("hold-wave", "--wave", wave, "--reason", reason, *_set(set_name))

    def release(self, wave: str, reason: str = "over", set_name: str | None = None) -> Result:
        """A person releases a wave."""
        return self.run("release-wave", "--wave", wave, "--reason", reason, *_set(set_name))

    def promote(self, wave: str, *arguments: str) -> Result:
        """A person promotes by hand."""
        return self.run("promote-wave", "--wave", wave, *arguments)

    def hotfix(
        self, wave: str, position: int, services: dict[str, str] | None = None, **kw: Any
    ) -> Result:
        """A person puts a set of a release branch straight into a wave."""
        told = announcement(position, services, sha=sha_of(f"fix-{position}"), **kw)
        file = self.folder / "hotfix.json"
        file.write_text(json.dumps({**told, "branch": "release-1"}))
        return self.promote(wave, "--announcement", str(file), "--override", "checkout is down")

    def roll_back(self, wave: str, *arguments: str, reason: str = "errors") -> Result:
        """A person rolls a wave back."""
        return self.run("rollback-wave", "--wave", wave, "--reason", reason, *arguments)

    def journalled(self, what: str) -> list[dict[str, Any]]:
        """The entries of one kind in the journal, the oldest first."""
        return [entry for entry in journal(self) if entry["what"] == what]

    def change_settings(self, old: str, new: str) -> str:
        """A person edits `tidemill.toml`."""
        assert old in self.settings
        self.settings = self.settings.replace(old, new)
        return self.edit()

    def landing_of(self, wave: str) -> str:
        """The last commit of main that changed a wave's image files."""
        return git(self.bare, "log", "-1", "--format=%H", "main", "--", f"images/{wave}")


def built_once(
    build: Callable[Concatenate[Path, P], Waves],
) -> Callable[Concatenate[Path, P], Waves]:
    """Build each state that stories start from once; every story gets a copy of its own."""
    found: dict[str, Waves] = {}

    @functools.wraps(build)
    def copy(folder: Path, /, *args: P.args, **kwargs: P.kwargs) -> Waves:
        key = repr((args, kwargs))
        if key not in found:
            found[key] = build(Path(tempfile.mkdtemp(dir=_STATES.name)), *args, **kwargs)
        return copied(found[key], folder)

    return copy


def copied(w: Waves, folder: Path) -> Waves:
    """A copy of a world that goes its own way."""
    other = fork(w, folder)
    assert isinstance(other, Waves)
    return other


_STATES = tempfile.TemporaryDirectory(prefix="states-")


@built_once
def waves(
    folder: Path, /, options: Options = LAB_AND_SHOP, *, first: tuple[Any, ...] = (), **kw: Any
) -> Waves:
    """A new world of these waves.

    Args:
        first: what happens in it before the story begins: a method, and what it takes.
    """
    found = Waves(folder, dict(options), **kw)
    if first:
        name, *given = first
        getattr(found, name)(*given)
    return found


def short(position: int, set_name: str = "app") -> str:
    """The app SHA of a set, as messages name it."""
    return sha_of(f"{set_name}-{position}")[:12]


def _set(name: str | None) -> list[str]:
    return ["--set", name] if name else []
