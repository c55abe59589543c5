"""GitHub's own packages, run by node: what its actions are made of."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.components.absence import Missing, absent
from tests.components.node import GITHUB_PACKAGES


class Node:
    """Runs scripts in a folder that has the packages.

    A script reads `given`, and what it assigns to `found` is what `run` gives.
    """

    def __init__(self, folder: Path) -> None:
        node = shutil.which("node")
        try:
            if node is None:
                raise Missing("There is no node.", "Install Node.js 20 or later.")
            packages = GITHUB_PACKAGES.ready()
        except Missing as missing:
            absent(missing)
        folder.mkdir()
        (folder / "node_modules").symlink_to(packages / "node_modules")
        self.folder, self._node = folder, node

    def run(self, script: str, given: Any, environment: Mapping[str, str]) -> Any:
        """Run a module; it has to end well."""
        imports, _, body = script.partition("\n\n")
        (self.folder / "run.mjs").write_text(
            f"import fs from 'node:fs';\n{imports}\n"
            "const given = JSON.parse(fs.readFileSync('given.json', 'utf8'));\nlet found;\n"
            f"{body}\nfs.writeFileSync('found.json', JSON.stringify(found));\n"
        )
        (self.folder / "given.json").write_text(json.dumps(given))
        done = subprocess.run(
            [self._node, "--preserve-symlinks-main", "run.mjs"],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads((self.folder / "found.json").read_text())
