"""Python: the names of projects."""

from __future__ import annotations

import tomllib

from tidemill.adopting.tree import Tree
from tidemill.words.documents import text


def projects(tree: Tree) -> dict[str, str]:
    """By folder, `.` at the root, the name of the project there."""
    found = {}
    for path in tree.paths:
        if path.name == "pyproject.toml":
            try:
                name = text(tomllib.loads(tree.text(str(path))), "project", "name")
            except (ValueError, RecursionError):
                continue
            if name:
                found[str(path.parent)] = name
    return found
