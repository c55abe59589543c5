"""A cfg-app.git that somebody has already: a copy of a folder, in which Tidemill starts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.world import START, World
from tidemill.facts import settings_file
from tidemill.facts.settings import Settings


class Adopted(World):
    """A world whose cfg-app.git is a copy of a folder, with its own sources and settings.

    Args:
        source: the folder; its `tidemill.toml` is taken, but for where verdicts are: in Git.
    """

    def __init__(self, folder: Path, source: Path) -> None:
        self.folder, self.now, self.runs, self.asked = folder, START, 0, []
        self.bare, self.clone = folder / "cfg-app.git", folder / "person"
        shutil.copytree(source, self.clone, ignore=shutil.ignore_patterns("__pycache__", ".git"))
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(self.bare)], check=True)
        subprocess.run(["git", "init", "-q", "-b", "main", str(self.clone)], check=True)
        file = self.clone / "tidemill.toml"
        text = file.read_text().replace('source = "github"', 'source = "refs"')
        if 'source = "refs"' not in text:
            text = text.replace("[checks]\n", '[checks]\nsource = "refs"\n')
        file.write_text(text)
        self.settings = text
        self.parsed: Settings = settings_file.parse(text)
        self.targets = {wave.name: dict.fromkeys(wave.targets) for wave in self.parsed.waves}
        self.commit("What is there")
