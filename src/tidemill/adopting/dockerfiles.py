"""Dockerfiles: which there are, what each is for, and from where it copies."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from msgspec import Struct

from tidemill.adopting.tree import Tree

# Of a stage of development, and not what is shipped.
_NOT_SHIPPED = re.compile(
    r"(^|[./_-])(dev|devcontainer|test|tests|ci|local|debug|examples?)([./_-]|$)"
)
# Folders of a Dockerfile that do not say of which service it is.
_SAYS_NOTHING = frozenset(
    {"build", "container", "containers", "deploy", "docker", "dockerfiles", "image", "images"}
    | {"package", "services", "apps"}
)


class Dockerfile(Struct, frozen=True):
    """One that makes an image.

    Attributes:
        name: what its place calls it; empty for the one at the root.
        context: the folder that it copies from; None for the root.
        runs: whether it has RUN.
    """

    file: str
    name: str
    context: str | None
    runs: bool


def dockerfiles(tree: Tree) -> list[Dockerfile]:
    """Those that make something that is shipped."""
    found = []
    for path in tree.paths:
        first, _, last = path.name.rpartition(".")
        is_named = path.name in ("Dockerfile", "Containerfile")
        suffix = last if first in ("Dockerfile", "Containerfile") else first
        if not (is_named or "Dockerfile" in (first, last)) or _NOT_SHIPPED.search(str(path)):
            continue
        if path.name.endswith(".dockerignore"):
            continue
        text = tree.text(str(path))
        name = _service_of(path.parent) if is_named else suffix
        runs = re.search(r"(?mi)^\s*RUN\s", text) is not None
        found.append(Dockerfile(str(path), name, _context(tree, path, text), runs))
    return found


def _service_of(folder: PurePosixPath) -> str:
    """The last part that says what is in it; empty where that is the root."""
    parts = [one for one in folder.parts if one.lower() not in _SAYS_NOTHING]
    return parts[-1] if parts else ""


def _context(tree: Tree, path: PurePosixPath, text: str) -> str | None:
    """The nearest folder above it that has all that it copies; None for the root, if that has."""
    copies = re.findall(r"(?mi)^\s*(?:COPY|ADD)\s+(?!--from)(?:--\S+\s+)*(.+?)\s+\S+\s*$", text)
    sources = [word.strip("/") for words in copies for word in words.split() if "*" not in word]
    sources = [
        one for one in sources if one not in (".", "") and "://" not in one and "$" not in one
    ]
    if sources and all(_is_there(tree, one) for one in sources):
        return None
    for folder in map(str, path.parents):
        if folder != "." and all(_is_there(tree, f"{folder}/{one}") for one in sources):
            return folder
    return None


def _is_there(tree: Tree, path: str) -> bool:
    path = path.removeprefix("./")
    return path in tree.files or any(one.startswith(f"{path}/") for one in tree.files)
