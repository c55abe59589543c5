"""The two teams of the demo: who writes app.git, and who writes cfg-app.git."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path

from git import Actor, Repo

from tidemill.announcing.announcement import Image, as_json
from tidemill.announcing.image_records import image_set, record
from tidemill.building.order import BuildOptions
from tidemill.building.services import Run, build_services, read_settings
from tidemill.building.shipping import BuiltImage
from tidemill.clients.git.app_checkout import AppCheckout, Given
from tidemill.clients.machine.entrypoints import run_entry_point
from tidemill.clients.machine.scratch import scratch
from tidemill.words.shas import short
from tidemill_sandbox.demo.narrator import Narrator

_AUTHORS = {
    "app": Actor("Ada", "ada@example.com"),
    "cfg-app": Actor("Grace", "grace@example.com"),
}


class Clone:
    """A bare repository, and one person's clone of it.

    Args:
        name: `app` or `cfg-app`.
        example: the folder with the first commit's files.
        folder: where both are put.
    """

    def __init__(self, name: str, example: Path, folder: Path) -> None:
        self.bare = folder / f"{name}.git"
        self.folder = folder / name
        self._author = _AUTHORS[name]
        shutil.copytree(example, self.folder, ignore=shutil.ignore_patterns("bin", "__pycache__"))
        Repo.init(self.bare, bare=True, initial_branch="main").close()
        with Repo.init(self.folder, initial_branch="main") as clone:
            clone.create_remote("origin", str(self.bare))

    def commit(self, message: str, when: datetime) -> str:
        """Commit everything and push it to main; returns the SHA."""
        at = f"{int(when.timestamp())} +0000"
        with Repo(self.folder) as clone:  # which ends the processes that it has started
            clone.git.add("--all")
            commit = clone.index.commit(
                f"{message}\n",
                author=self._author,
                committer=self._author,
                author_date=at,
                commit_date=at,
                skip_hooks=True,
            )
            clone.remotes.origin.push("HEAD:refs/heads/main").raise_if_error()
            return commit.hexsha

    def head(self) -> str:
        """The SHA of the clone's commit."""
        with Repo(self.folder) as clone:
            return clone.head.commit.hexsha

    def pull(self) -> None:
        """Take over main as it is."""
        with Repo(self.folder) as clone:
            clone.remotes.origin.fetch("main")
            clone.head.reset("FETCH_HEAD", working_tree=True)

    def undo(self) -> None:
        """Take back what the last commit did, without a commit."""
        with Repo(self.folder) as clone:
            clone.git.revert("--no-commit", "HEAD")

    def replace(self, file: str, old: str, new: str) -> None:
        """Edit a file, in one place."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise ValueError(f"{file} has {text.count(old)} times {old!r}")
        path.write_text(text.replace(old, new), encoding="utf-8")


class Developers(Clone):
    """Who writes app.git; each commit is built into images, whole."""

    def __init__(self, example: Path, folder: Path, narrator: Narrator) -> None:
        super().__init__("app", example, folder)
        self._images = folder / "images"
        self._announcements = folder / "announcements"
        self._announcements.mkdir()
        self._narrator = narrator

    def build(self, message: str, when: datetime) -> tuple[str, dict[str, BuiltImage]]:
        """Commit, build, and say which digests changed; returns the SHA and the images."""
        sha = self.commit(message, when)
        self._narrator.say("app.git", f"{short(sha)} {message}")
        with scratch(large=True) as folder:
            options = BuildOptions(to=f"oci:{self._images}")
            run = Run(folder, Given(sha=sha, branch="main"), options, lambda _: None)
            shipped = build_services(self.folder, (), run)
        built = {one.item.name: one for one in shipped}
        changed = [name for name, image in built.items() if image.changed]
        same = [name for name in built if name not in changed]
        self._narrator.say(
            "images",
            f"changed: {', '.join(changed) or 'none'}; same digest: {', '.join(same) or 'none'}",
        )
        return sha, built

    def announcement(self, sha: str, built: dict[str, BuiltImage], set_name: str = "app") -> Path:
        """The announcement of one set, as a file."""
        origin = AppCheckout(self.folder).origin(Given(sha, "main", "acme/app"))
        images: dict[str, Image] = {}
        for name, one in built.items():
            place = one.item.place
            images |= record(name, f"{place}@{one.image.digest}", f"{place}:{sha}")
        names = read_settings(self.folder).in_set(set_name)
        whole = as_json(image_set(images, names, origin, set_name))
        position = origin.position
        file = self._announcements / f"{set_name}-{position}.json"
        file.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
        return file


class Operators(Clone):
    """Who writes cfg-app.git: they edit Jsonnet, generate, and push to main."""

    def __init__(self, example: Path, folder: Path) -> None:
        super().__init__("cfg-app", example, folder)
        # Without GitHub, verdicts come from Git.
        self.replace("tidemill.toml", 'source = "github"', 'source = "refs"')
        self._home = folder / "home"
        self._home.mkdir()

    def generate(self) -> None:
        """What a person does after each edit."""
        run_entry_point("make generate", folder=self.folder, home=self._home, seconds=60)
