"""Dockerfiles: which there are, what each is for, and from where it copies."""

from __future__ import annotations

import posixpath
import re
from pathlib import PurePosixPath

from msgspec import Struct

from tidemill.adopting.tree import Tree
from tidemill.errors import Refused
from tidemill.images.dockerfile.instructions import Copy
from tidemill.images.dockerfile.parse import parse

# Of a stage of development, and not what is shipped.
_NOT_SHIPPED = re.compile(
    r"(^|[./_-])(dev|devcontainer|test|tests|ci|local|debug|examples?)([./_-]|$)"
)
# Folders of a Dockerfile that do not say of which service it is.
_SAYS_NOTHING = frozenset(
    {"build", "container", "containers", "deploy", "docker", "dockerfiles", "image", "images"}
    | {"package", "services", "apps"}
)
_COPY = re.compile(r"(?mi)^\s*(?:COPY|ADD)\s+(?!--from)(?:--\S+\s+)*(.+?)\s+\S+\s*$")


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
        name = _service_of(path.parent) if is_named else suffix
        runs = re.search(r"(?mi)^\s*RUN\s", tree.text(str(path))) is not None
        context = _context(tree, path, tree.files[str(path)])
        found.append(Dockerfile(str(path), name, context, runs))
    return found


def _service_of(folder: PurePosixPath) -> str:
    """The last part that says what is in it; empty where that is the root."""
    parts = [one for one in folder.parts if one.lower() not in _SAYS_NOTHING]
    return parts[-1] if parts else ""


def _context(tree: Tree, path: PurePosixPath, data: bytes) -> str | None:
    """The nearest folder above it that has all that it copies; None for the root, if that has."""
    paths = (one.strip("\"'/") for one in _copied(data) if _is_plain(one))
    sources = [posixpath.normpath(one) for one in paths if one not in ("", ".")]
    if sources and all(_is_there(tree, one) for one in sources):
        return None
    for folder in map(str, path.parents):
        if folder != "." and all(_is_there(tree, f"{folder}/{one}") for one in sources):
            return folder
    return None


def _copied(data: bytes) -> list[str]:
    """What a Dockerfile copies from its context; of one with a mistake, what looks like it."""
    try:
        stages = parse(data).stages
    except Refused:
        text = data.decode(errors="replace")
        return [word for words in _COPY.findall(text) for word in words.split()]
    instructions = (one for stage in stages for one in stage.instructions)
    copies = (one for one in instructions if isinstance(one, Copy) and not one.origin)
    return [source for copy in copies for source in copy.sources]


def _is_plain(source: str) -> bool:
    """Whether it is the path of one file or folder, and no variable, pattern or address."""
    return not (set(source) & set("$*?[")) and ":" not in source


def _is_there(tree: Tree, path: str) -> bool:
    return path in tree.files or any(one.startswith(f"{path}/") for one in tree.files)
