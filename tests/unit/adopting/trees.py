"""Small trees, written as texts by path."""

from __future__ import annotations

from tidemill.adopting.tree import Tree


def tree(files: dict[str, str]) -> Tree:
    """A checkout with these files."""
    return Tree({path: text.encode() for path, text in files.items()})


def resource(kind: str, api: str = "v1", **more: str) -> str:
    """A manifest, with more lines below its name."""
    lines = [f"{key}: {value}" for key, value in more.items()]
    return "\n".join([f"apiVersion: {api}", f"kind: {kind}", "metadata: {name: x}", *lines, ""])
