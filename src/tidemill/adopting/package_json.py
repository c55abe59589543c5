"""Node: the names of packages that can be started."""

from __future__ import annotations

import json

from tidemill.adopting.tree import Tree
from tidemill.words.documents import inside, text


def packages(tree: Tree) -> dict[str, str]:
    """By folder, `.` at the root, the name of the package there, without its scope."""
    found = {}
    for path in tree.paths:
        if path.name == "package.json":
            try:
                value = json.loads(tree.text(str(path)))
            except (ValueError, RecursionError):
                continue
            name = text(value, "name").rpartition("/")[2]
            if name and (inside(value, "scripts", "start") or inside(value, "bin")):
                found[str(path.parent)] = name
    return found
