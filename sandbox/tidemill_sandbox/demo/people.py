"""The two teams of the demo: who writes app.git, and who writes cfg-app.git."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path

from tidemill.announcing.announcement import Image, as_json
from tidemill.announcing.image_records import image_set, record
from tidemill.building.order import BuildOptions
from tidemill.building.services import Run, build_services, read_settings
from tidemill.building.shipping import BuiltImage
from tidemill.clients.git.app_checkout import AppCheckout, Given
from tidemill.clients.machine.entrypoints import run_entry_point
from tidemill.clients.machine.scratch import scratch
from tidemill.words.shas import short
from tidemill_sandbox.clients import Clone
from tidemill_sandbox.demo.narrator import Narrator


class Person(Clone):
    """A bare repository, and one person's clone of it.

    Args:
        author: the person's name.
        example: the folder with the first commit's files; the repository is called as it is.
        folder: where both are put.
    """

    def __init__(self, author: str, example: Path, folder: Path) -> None:
        self.bare = folder / f"{example.name}.git"
        own = folder / example.name
        super().__init__(own, str(self.bare), (author, f"{author.lower()}@example.com"))
        shutil.copytree(example, own, ignore=shutil.ignore_patterns("bin", "__pycache__"))
        self.git("init", "-q", "--bare", "-b", "main", str(self.bare))
        self.git("init", "-q", "-b", "main")
        self.git("remote", "add", "origin", self.url)


class Developers(Person):
    """Who writes app.git; each commit is built into images, whole."""

    def __init__(self, example: Path, folder: Path, narrator: Narrator) -> None:
        super().__init__("Ada", example, folder)
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


class Operators(Person):
    """Who writes cfg-app.git: they edit Jsonnet, generate, and push to main."""

    def __init__(self, example: Path, folder: Path) -> None:
        super().__init__("Grace", example, folder)
        # Without GitHub, verdicts come from Git.
        self.replace("tidemill.toml", 'source = "github"', 'source = "refs"')
        self._home = folder / "home"
        self._home.mkdir()

    def generate(self) -> None:
        """What a person does after each edit."""
        run_entry_point("make generate", folder=self.folder, home=self._home, seconds=60)
