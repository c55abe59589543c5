"""Jsonnet: the sources, and the command that the Makefile has for them."""

from __future__ import annotations

import re

from tidemill.adopting.tree import Tree


def sources(tree: Tree) -> list[str]:
    """The files that are written in Jsonnet, libraries of others left out."""
    return [str(path) for path in tree.paths if path.suffix in (".jsonnet", ".libsonnet")]


def has_make_generate(tree: Tree) -> bool:
    """Whether `make generate` is a target."""
    return re.search(r"(?m)^generate\s*:", tree.text("Makefile")) is not None
